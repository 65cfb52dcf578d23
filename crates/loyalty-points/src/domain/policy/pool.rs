//! The limits of family pools.

use serde::{Deserialize, Serialize};

/// What becomes of points that a member contributed, when the member leaves the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolLeaving {
    /// What is left of them goes back.
    #[default]
    ReturnRemaining,
    /// They stay in the pool.
    Stay,
}

/// The limits of family pools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PoolLimits {
    /// The most members of a pool.
    pub members_max: u8,
    /// The most points that a member may contribute in a calendar month; 0 for no limit.
    pub contribute_month_max: i64,
    /// The most points that a member may spend from the pool in a calendar month; 0 for no limit.
    pub spend_month_max: i64,
    /// What becomes of what a member contributed who leaves.
    pub on_leave: PoolLeaving,
}

impl PoolLimits {
    /// The most members of any pool: they are read with every write on it.
    pub const MEMBERS_MAX: u8 = 8;
}

impl Default for PoolLimits {
    fn default() -> Self {
        Self {
            members_max: Self::MEMBERS_MAX,
            contribute_month_max: 0,
            spend_month_max: 0,
            on_leave: PoolLeaving::default(),
        }
    }
}
