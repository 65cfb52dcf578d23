//! What a programme decides where the ledger has a choice: plain data, one value for each question.

use serde::{Deserialize, Serialize};

mod effects;
mod pool;

pub use effects::{Blocking, Effects, Leaving, OwnershipChange, SuspendedWhen};
pub use pool::{PoolLeaving, PoolLimits};

/// Which points are spent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderOfUse {
    /// Those that expire first; among them those that were earned first.
    #[default]
    ExpiryFirst,
    /// Those that were earned first; among them those that expire first.
    EarnedFirst,
}

/// What becomes of a hold when points of it expire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldExpiry {
    /// A hold that was made in time may be confirmed.
    #[default]
    HonourHold,
    /// A hold ends at the latest when the first of its points expire.
    ExpireHold,
}

/// Where reversed points go whose lot expired meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReversalPolicy {
    /// To their lot, where they expire at once: nobody may prolong points by buying and returning.
    #[default]
    OriginalExpiry,
    /// To a new lot that lasts so many days.
    GraceDays(u16),
    /// To a new lot that lasts as long as points that are earned now.
    NewLot,
}

/// What is taken for an earning that is reversed after its points were spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevokePolicy {
    /// Only points that wait for their activation; once they can be spent, the earning is final.
    PendingOnly,
    /// What is there, down to zero; the entry names the shortfall.
    #[default]
    ToZero,
    /// What is there, and the rest becomes a debt, up to [`Policies::debt_limit`].
    BelowZero,
}

/// Why an account is not as free as others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Block {
    /// Bills are overdue.
    Arrears = 1,
    /// The subscription is suspended.
    Suspended = 2,
    /// The customer is on the blacklist.
    Blacklisted = 3,
    /// The customer's identity is not verified.
    Unverified = 4,
    /// Somebody froze the account.
    Frozen = 5,
    /// The customer has left: no subscription runs any more.
    Left = 6,
}

impl Block {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Arrears,
        Self::Suspended,
        Self::Blacklisted,
        Self::Unverified,
        Self::Frozen,
        Self::Left,
    ];

    /// Returns the number under which the block is stored.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// Returns the block stored under `number`.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|block| block.number() == number)
    }

    /// Returns the name in the API, without its prefix.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Arrears => "ARREARS",
            Self::Suspended => "SUSPENDED",
            Self::Blacklisted => "BLACKLISTED",
            Self::Unverified => "UNVERIFIED",
            Self::Frozen => "FROZEN",
            Self::Left => "LEFT",
        }
    }
}

/// What a block may hinder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Earn points.
    Earn,
    /// Spend points or put them aside.
    Redeem,
    /// Give points to others.
    Transfer,
}

impl Operation {
    /// Returns the name in metadata of errors.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Earn => "EARN",
            Self::Redeem => "REDEEM",
            Self::Transfer => "TRANSFER",
        }
    }
}

/// The limits of gifts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TransferLimits {
    /// The most recipients that an account may have registered.
    pub recipients_max: usize,
    /// After how many days a recipient that took another's place may receive points.
    pub recipient_change_days: u16,
    /// The most points that an account may give in a calendar month.
    pub out_month_max: i64,
    /// The most points that an account may be given in a calendar month.
    pub in_month_max: i64,
    /// For how many months a customer must have been with the operator.
    pub tenure_months: u16,
}

impl TransferLimits {
    /// The most recipients that an account may have registered: they are read with every write.
    pub const RECIPIENTS_MAX: u8 = 64;
}

impl Default for TransferLimits {
    /// The rules that a large operator publishes.
    fn default() -> Self {
        Self {
            recipients_max: 8,
            recipient_change_days: 30,
            out_month_max: 20_000,
            in_month_max: 20_000,
            tenure_months: 6,
        }
    }
}

/// The policies of a version of a programme.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policies {
    /// Which points are spent first.
    pub order_of_use: OrderOfUse,
    /// What becomes of a hold when points of it expire.
    pub hold_expiry: HoldExpiry,
    /// Where reversed points go whose lot expired meanwhile.
    pub reversal: ReversalPolicy,
    /// What is taken for an earning that is reversed after its points were spent.
    pub revoke: RevokePolicy,
    /// The largest debt of an account.
    pub debt_limit: i64,
    /// For how many days after their expiry points may be reinstated.
    pub reinstate_days: u16,
    /// Adjustments of more points need a second person.
    pub approval_above: i64,
    /// The limits of gifts.
    pub transfer: TransferLimits,
    /// For how many months a customer must have been with the operator to spend points.
    pub redeem_tenure_months: u16,
    /// Which blocks hinder what.
    pub hinders: Vec<(Block, Operation)>,
    /// What becomes of points when something happens to their customer.
    pub effects: Effects,
    /// How many days before points expire this is told.
    pub notice_days: Vec<u16>,
    /// The limits of family pools.
    pub pool: PoolLimits,
}

impl Default for Policies {
    /// Careful towards the operator, and nothing that a customer could not be told.
    fn default() -> Self {
        let mut hinders: Vec<(Block, Operation)> = Block::ALL
            .into_iter()
            .flat_map(|block| [(block, Operation::Redeem), (block, Operation::Transfer)])
            .collect();
        // Other blocks pass; who is on the blacklist, or has left, shall not collect meanwhile.
        hinders.push((Block::Blacklisted, Operation::Earn));
        hinders.push((Block::Left, Operation::Earn));
        Self {
            order_of_use: OrderOfUse::default(),
            hold_expiry: HoldExpiry::default(),
            reversal: ReversalPolicy::default(),
            revoke: RevokePolicy::default(),
            debt_limit: 100_000,
            reinstate_days: 90,
            approval_above: 10_000,
            transfer: TransferLimits::default(),
            redeem_tenure_months: 0,
            hinders,
            effects: Effects::default(),
            notice_days: vec![60, 30, 7],
            pool: PoolLimits::default(),
        }
    }
}
