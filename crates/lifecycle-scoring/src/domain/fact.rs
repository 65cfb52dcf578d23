//! What can become known about a customer, as scoring sees it.

use tenure_core::Timestamp;

/// A value of one of the customer's own attributes.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum AttributeValue {
    /// A word out of an open list, for example a region.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// Yes or no.
    Flag(bool),
}

/// Why a subscription ended. The taxonomy separates what the operator did from what the customer
/// did, because only the latter can be predicted from dissatisfaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChurnKind {
    /// The customer left, it is not known where to.
    Unknown,
    /// The operator ended it: fraud or malicious arrears.
    Passive,
    /// The customer uses no operator's service any more.
    ExitMarket,
    /// The customer went to another operator.
    Competitor,
    /// The customer moved to another network, product or brand of ours.
    Internal,
}

impl ChurnKind {
    /// Every kind, in the order of their stored numbers.
    pub const ALL: [Self; 5] =
        [Self::Unknown, Self::Passive, Self::ExitMarket, Self::Competitor, Self::Internal];

    /// Returns true when the customer decided to leave the company. Passive churn is excluded from
    /// what the model learns, and an internal move is no loss to the company.
    #[must_use]
    pub fn is_voluntary_loss(self) -> bool {
        matches!(self, Self::Unknown | Self::ExitMarket | Self::Competitor)
    }
}

/// What a customer used in one period on one subscription.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Usage {
    /// Seconds of calls.
    pub voice_seconds: u64,
    /// Bytes up and down.
    pub data_bytes: u64,
    /// Short messages.
    pub messages: u64,
}

/// One thing that became known about a customer.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// The customer exists, possibly only as a prospect.
    CustomerKnown,
    /// An attribute has a new value, or none any more.
    AttributeSet {
        /// Its name.
        name: String,
        /// Its value, or nothing when it was removed.
        value: Option<AttributeValue>,
    },
    /// A subscription began.
    SubscriptionStarted {
        /// Which.
        subscription: String,
        /// When the contract's minimum term ends, where there is one.
        contract_ends_at: Option<Timestamp>,
    },
    /// A subscription ended.
    SubscriptionEnded {
        /// Which.
        subscription: String,
        /// Why.
        kind: ChurnKind,
    },
    /// A bill was issued.
    BillIssued {
        /// Which.
        bill: String,
        /// What is to be paid, in minor units.
        amount_minor: i64,
        /// Until when.
        due_at: Timestamp,
    },
    /// A bill was paid in full.
    BillSettled {
        /// Which.
        bill: String,
    },
    /// What was used in a period. The fact's instant is the end of the period, because only then is
    /// the sum known; a later summary of the same subscription and period replaces the earlier.
    UsageSummed {
        /// On which subscription.
        subscription: String,
        /// When the period began.
        from: Timestamp,
        /// How much.
        usage: Usage,
    },
    /// Customer and operator were in contact.
    Contacted {
        /// Whether the customer complained.
        is_complaint: bool,
    },
}

/// A fact with the instant at which it happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// When it happened in the world.
    pub at: Timestamp,
    /// What happened.
    pub fact: Fact,
}
