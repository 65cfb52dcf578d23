//! What changed, as it is told to those who follow.

use tenure_core::{CustomerId, Timestamp};

use super::{Bill, Consent, Customer, Interaction, Subscription, UsageSummary};

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
}

impl Fact {
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
