//! What changed, as it is told to those who follow.

use tenure_core::{CustomerId, Timestamp};
use uuid::Uuid;

use super::identity::Merge;
use super::{
    Bill, Complaint, Consent, Customer, Interaction, Promise, Subscription, Survey, UsageSummary,
};

/// One fact, as it is after the change.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// The customer's own record.
    Customer(Customer),
    /// A subscription.
    Subscription(Subscription),
    /// A bill.
    Bill(Bill),
    /// A usage summary.
    Usage(UsageSummary),
    /// An interaction.
    Interaction(Interaction),
    /// A record of the consent ledger.
    Consent(Consent),
    /// That the customer was erased.
    Erasure(CustomerId, Uuid),
    /// A complaint.
    Complaint(Complaint),
    /// A promise.
    Promise(Promise),
    /// A survey.
    Survey(Survey),
    /// That the customer's record was merged with another one, or that this was undone.
    Merge(Merge),
}

/// The words for all kinds of facts, as the feed and its readers say them.
pub const FACT_KINDS: [&str; 11] = [
    "customer",
    "subscription",
    "bill",
    "usage_summary",
    "interaction",
    "consent",
    "erasure",
    "complaint",
    "promise",
    "survey",
    "merge",
];

impl Fact {
    /// Returns since when the fact is as it is, as far as it tells by itself: what a snapshot says
    /// where a change says when it happened.
    #[must_use]
    pub fn since(&self, now: Timestamp) -> Timestamp {
        match self {
            Self::Customer(it) if it.updated_at == it.created_at => it.joined_at,
            Self::Customer(it) => it.updated_at,
            Self::Subscription(it) => match &it.termination {
                Some(end) => end.at,
                None => it.standing.since,
            },
            Self::Bill(it) => it.settled_at.unwrap_or(it.issued_at),
            // A period that is not over yet is known up to now.
            Self::Usage(it) => it.period_end().min(now).max(it.key.started_at),
            Self::Interaction(it) => it.happened_at,
            Self::Consent(it) => it.valid_from,
            Self::Complaint(it) => it.since(),
            Self::Promise(it) => it.since(),
            Self::Survey(it) => it.answered_at,
            // Told when it happens; what a snapshot says of records holds now.
            Self::Erasure(..) | Self::Merge(_) => now,
        }
    }

    /// Returns the word for the kind of the fact in the feed.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Customer(_) => "customer",
            Self::Subscription(_) => "subscription",
            Self::Bill(_) => "bill",
            Self::Usage(_) => "usage_summary",
            Self::Interaction(_) => "interaction",
            Self::Consent(_) => "consent",
            Self::Erasure(..) => "erasure",
            Self::Complaint(_) => "complaint",
            Self::Promise(_) => "promise",
            Self::Survey(_) => "survey",
            Self::Merge(_) => "merge",
        }
    }

    /// Returns the customer whom it is about.
    #[must_use]
    pub fn customer(&self) -> &CustomerId {
        match self {
            Self::Customer(customer) => &customer.id,
            Self::Subscription(subscription) => &subscription.customer,
            Self::Bill(bill) => &bill.customer,
            Self::Usage(usage) => &usage.key.customer,
            Self::Interaction(interaction) => &interaction.customer,
            Self::Consent(consent) => &consent.customer,
            Self::Erasure(customer, _) => customer,
            Self::Complaint(complaint) => &complaint.customer,
            Self::Promise(promise) => &promise.customer,
            Self::Survey(survey) => &survey.customer,
            Self::Merge(merge) => &merge.customer,
        }
    }
}

/// That a fact is new or differs from what was known.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// When it happened in the world, as far as the source said; else when it was recorded.
    pub event_at: Timestamp,
    /// The fact after the change.
    pub fact: Fact,
}
