//! What becomes of points when something happens to their customer: suspension, arrears, leaving.

use serde::{Deserialize, Serialize};

/// Whether a circumstance blocks the account. What the block hinders is said by
/// [`Policies::hinders`](super::Policies::hinders): arrears may stop earning, or spending, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blocking {
    /// It does.
    #[default]
    Block,
    /// It does not.
    Nothing,
}

/// When a customer with several subscriptions counts as suspended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuspendedWhen {
    /// As soon as one of those that are not terminated is.
    #[default]
    Any,
    /// When all of them are.
    All,
}

/// What becomes of the points of a customer who leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leaving {
    /// They are void.
    #[default]
    Void,
    /// They stay until they expire.
    Keep,
}

/// What becomes of points when somebody else takes a subscription over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnershipChange {
    /// They stay with the old owner, as long as that is a customer.
    #[default]
    PointsStay,
    /// They go to the new owner, when nothing else of the old one runs.
    PointsMove,
}

/// What becomes of points when something happens to their customer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Effects {
    /// Whether a suspension blocks.
    pub on_suspension: Blocking,
    /// When a customer with several subscriptions counts as suspended.
    pub suspended_when: SuspendedWhen,
    /// Whether arrears block.
    pub on_arrears: Blocking,
    /// What becomes of the points of a customer whose last subscription ends.
    pub on_cancellation: Leaving,
    /// After how many days they are void. Whoever comes back before keeps them.
    pub cancellation_grace_days: u16,
    /// What becomes of the points of a customer who takes the last number to a competitor: at once.
    pub on_port_out: Leaving,
    /// What becomes of points when somebody else takes the last subscription over.
    pub on_ownership_change: OwnershipChange,
}
