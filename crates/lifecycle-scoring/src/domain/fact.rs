//! What can become known about a customer, as scoring sees it.
//!
//! A fact is a record as it is after a change, and says itself when what happened. So the order in
//! which facts arrive does not matter, and a fact that arrives twice changes nothing. Only what takes facts
//! back has to come behind them, as the feed tells it.

use serde::{Deserialize, Serialize};
use tenure_core::{Currency, Timestamp};

/// A value of one of the customer's own attributes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum AttributeValue {
    /// A word out of an open list, for example a region.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// Yes or no.
    Flag(bool),
    /// An instant; models see the days that passed since.
    Instant(i64),
}

/// Why a subscription ended. The taxonomy separates what the operator did from what the customer
/// did, because only the latter can be predicted from dissatisfaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChurnKind {
    /// The customer left for a reason that nobody noted.
    Unstated,
    /// The customer went to another operator.
    Competitor,
    /// The customer uses no operator's service any more.
    MarketExit,
    /// The customer moved to another network, product or brand of ours.
    InternalMigration,
    /// The operator ended it because bills were not paid.
    Arrears,
    /// The operator ended it because of fraud.
    Fraud,
}

impl ChurnKind {
    /// Every kind, in the order of their stored numbers.
    pub const ALL: [Self; 6] = [
        Self::Unstated,
        Self::Competitor,
        Self::MarketExit,
        Self::InternalMigration,
        Self::Arrears,
        Self::Fraud,
    ];

    /// Returns true when the customer decided to leave the company. Passive churn is excluded from
    /// what the model learns, and an internal move is no loss to the company.
    #[must_use]
    pub fn is_voluntary_loss(self) -> bool {
        matches!(self, Self::Unstated | Self::Competitor | Self::MarketExit)
    }
}

/// What a customer used in one period.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Usage {
    /// Seconds of calls.
    pub voice_seconds: u64,
    /// Of these, seconds to numbers of the same group or household.
    pub in_group_seconds: u64,
    /// Megabytes up and down.
    pub data_megabytes: u64,
    /// Short messages.
    pub messages: u64,
}

/// What a contact was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContactKind {
    /// Anything else that customers call for.
    Other,
    /// A complaint.
    Complaint,
    /// A question about leaving.
    Leaving,
    /// A message of a campaign: the operator's doing, no sign of the customer.
    Campaign,
}

impl ContactKind {
    /// Every kind, in the order of their stored numbers.
    pub const ALL: [Self; 4] = [Self::Other, Self::Complaint, Self::Leaving, Self::Campaign];
}

/// One thing that became known about a customer.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// The customer's record: these attributes and no others.
    Customer {
        /// When the record became so.
        at: Timestamp,
        /// Names with values.
        attributes: Vec<(String, AttributeValue)>,
    },
    /// A subscription.
    Subscription {
        /// Its id.
        id: String,
        /// When it began.
        started_at: Timestamp,
        /// When the contract's minimum term ends, where there is one.
        contract_ends_at: Option<Timestamp>,
        /// What it costs in a month, in minor units.
        fee: Option<(i64, Currency)>,
        /// When it ended, and why.
        ended: Option<(Timestamp, ChurnKind)>,
    },
    /// A bill.
    Bill {
        /// Its id.
        id: String,
        /// When it was issued.
        issued_at: Timestamp,
        /// Until when it has to be paid.
        due_at: Timestamp,
        /// What is to be paid, in minor units.
        amount: (i64, Currency),
        /// When it was paid in full.
        settled_at: Option<Timestamp>,
    },
    /// What was used in a period; a later one of the same subscription and period replaces it.
    Usage {
        /// On which subscription; empty for all together.
        subscription: String,
        /// When the period began.
        from: Timestamp,
        /// When it ended: only then is the sum known.
        until: Timestamp,
        /// How much.
        usage: Usage,
    },
    /// Facts that never were: the import that had brought them was reverted.
    Removal {
        /// When that became known.
        at: Timestamp,
        /// Ids of subscriptions.
        subscriptions: Vec<String>,
        /// Ids of bills.
        bills: Vec<String>,
        /// Ids of contacts.
        contacts: Vec<String>,
        /// Subscription, beginning and end of usage.
        usage: Vec<(String, Timestamp, Timestamp)>,
    },
    /// Customer and operator were in contact; a later one with the same id replaces it.
    Contact {
        /// Its id.
        id: String,
        /// When.
        at: Timestamp,
        /// What it was about.
        kind: ContactKind,
    },
}

impl Fact {
    /// Returns the first and the last instant at which something of it happened.
    #[must_use]
    pub fn span(&self) -> (Timestamp, Timestamp) {
        match self {
            Self::Customer { at, .. } | Self::Contact { at, .. } | Self::Removal { at, .. } => {
                (*at, *at)
            }
            Self::Subscription {
                started_at, ended, ..
            } => (*started_at, ended.map_or(*started_at, |(end, _)| end)),
            Self::Bill {
                issued_at,
                settled_at,
                ..
            } => (*issued_at, settled_at.unwrap_or(*issued_at)),
            Self::Usage { from, until, .. } => (*from, *until),
        }
    }
}
