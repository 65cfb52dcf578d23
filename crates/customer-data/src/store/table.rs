//! The tables whose rows are facts, in the order in which a snapshot reads them.

use tenure_core::Lane;
use tenure_sql::SqlError;

use super::{
    account, bill, complaint, consent, customer, group, identity, interaction, lead, party,
    profile, promise, relationship, sim, subscription, survey, terms, usage,
};
use crate::domain::Fact;
use crate::store::Tx;

/// A table of facts. Its number stands in the tokens of readers in the midst of a snapshot: new ones
/// go to the end, and none is taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactTable {
    /// Customers come first: what others are about is known then.
    Customer,
    /// Subscriptions.
    Subscription,
    /// Bills.
    Bill,
    /// Usage summaries.
    Usage,
    /// Interactions.
    Interaction,
    /// The consent ledger.
    Consent,
    /// Complaints.
    Complaint,
    /// Promises.
    Promise,
    /// Surveys.
    Survey,
    /// Which ids are one customer.
    Merge,
    /// Relationships, with each of both customers.
    Relationship,
    /// Billing accounts.
    Account,
    /// What accounts pay for, with who has it and with who pays.
    Payment,
    /// Memberships in groups.
    Group,
    /// Customers as parties: status, name and contact media together.
    Party,
    /// Leads.
    Lead,
    /// Terms of subscriptions.
    Terms,
    /// Signs of leaving.
    Signal,
    /// SIMs of subscriptions.
    Sim,
    /// Claims of profiles.
    Profile,
}

impl FactTable {
    /// All of them, each at its number.
    pub const ALL: [Self; 20] = [
        Self::Customer,
        Self::Subscription,
        Self::Bill,
        Self::Usage,
        Self::Interaction,
        Self::Consent,
        Self::Complaint,
        Self::Promise,
        Self::Survey,
        Self::Merge,
        Self::Relationship,
        Self::Account,
        Self::Payment,
        Self::Group,
        Self::Party,
        Self::Lead,
        Self::Terms,
        Self::Signal,
        Self::Sim,
        Self::Profile,
    ];

    /// Returns the word for the kind of its facts in the feed.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Subscription => "subscription",
            Self::Bill => "bill",
            Self::Usage => "usage_summary",
            Self::Interaction => "interaction",
            Self::Consent => "consent",
            Self::Complaint => "complaint",
            Self::Promise => "promise",
            Self::Survey => "survey",
            Self::Merge => "merge",
            Self::Relationship => "relationship",
            Self::Account => "account",
            Self::Payment => "account_subscription",
            Self::Group => "group",
            Self::Party => "party",
            Self::Lead => "lead",
            Self::Terms => "subscription_terms",
            Self::Signal => "leaving_signal",
            Self::Sim => "resource",
            Self::Profile => "profile_claim",
        }
    }

    /// Returns up to `limit` facts of a lane in the order of their keys, each with its key, from
    /// behind the key `after`; the empty text stands before all keys.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn page(
        self,
        tx: &mut Tx,
        lane: Lane,
        after: &str,
        limit: i64,
    ) -> Result<Vec<(String, Fact)>, SqlError> {
        match self {
            Self::Customer => customer::page(tx, lane, after, limit).await,
            Self::Subscription => subscription::page(tx, lane, after, limit).await,
            Self::Bill => bill::page(tx, lane, after, limit).await,
            Self::Usage => usage::page(tx, lane, after, limit).await,
            Self::Interaction => interaction::page(tx, lane, after, limit).await,
            Self::Consent => consent::page(tx, lane, after, limit).await,
            Self::Complaint => complaint::page(tx, lane, after, limit).await,
            Self::Promise => promise::page(tx, lane, after, limit).await,
            Self::Survey => survey::page(tx, lane, after, limit).await,
            Self::Merge => identity::page(tx, lane, after, limit).await,
            Self::Relationship => relationship::page(tx, lane, after, limit).await,
            Self::Account => account::page(tx, lane, after, limit).await,
            Self::Payment => account::page_of_payments(tx, lane, after, limit).await,
            Self::Group => group::page(tx, lane, after, limit).await,
            Self::Party => party::page(tx, lane, after, limit).await,
            Self::Lead => lead::page(tx, lane, after, limit).await,
            Self::Terms => terms::page(tx, lane, after, limit).await,
            Self::Signal => terms::page_of_signals(tx, lane, after, limit).await,
            Self::Sim => sim::page(tx, lane, after, limit).await,
            Self::Profile => profile::page(tx, lane, after, limit).await,
        }
    }
}
