//! What changed, as it is told to those who follow.

use tenure_core::{CustomerId, Timestamp};
use uuid::Uuid;

use super::identity::Merge;
use super::lead::Lead;
use super::profile::ProfileClaim;
use super::reversal::Removal;
use super::sim::SimHolding;
use super::terms::{Signal, Terms};
use super::{
    Bill, BillingAccount, Complaint, Consent, Customer, Interaction, Membership, Party, Payment,
    Promise, Relationship, Subscription, Survey, UsageSummary,
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
    /// That the customer, or facts of the customer, are gone with an import.
    Removal(Removal),
    /// A complaint.
    Complaint(Complaint),
    /// A promise.
    Promise(Promise),
    /// A survey.
    Survey(Survey),
    /// That the customer's record was merged with another one, or that this was undone.
    Merge(Merge),
    /// A relationship, as one of its two customers is told.
    Relationship(CustomerId, Relationship),
    /// A billing account.
    Account(BillingAccount),
    /// That an account pays, as payer or user are told.
    Payment(CustomerId, Payment),
    /// A membership in a group.
    Group(Membership),
    /// A customer as a party.
    Party(Party),
    /// A lead.
    Lead(Lead),
    /// Terms of a subscription.
    Terms(Terms),
    /// A sign of leaving.
    Signal(Signal),
    /// A SIM that a subscription holds.
    Sim(SimHolding),
    /// A claim of a profile.
    Profile(ProfileClaim),
}

/// The words for all kinds of facts, as the feed and its readers say them.
pub const FACT_KINDS: [&str; 22] = [
    "customer",
    "subscription",
    "bill",
    "usage_summary",
    "interaction",
    "consent",
    "erasure",
    "removal",
    "complaint",
    "promise",
    "survey",
    "merge",
    "relationship",
    "account",
    "account_subscription",
    "group",
    "party",
    "lead",
    "subscription_terms",
    "leaving_signal",
    "resource",
    "profile_claim",
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
            Self::Erasure(..) | Self::Removal(_) | Self::Merge(_) => now,
            Self::Relationship(_, it) => it.valid.end().unwrap_or(it.valid.from()),
            Self::Account(it) => it.updated_at,
            Self::Payment(_, it) => it.valid.end().unwrap_or(it.valid.from()),
            Self::Group(it) => it.valid.end().unwrap_or(it.valid.from()),
            Self::Lead(it) => it.state_since,
            Self::Terms(it) => match &it.last_notice {
                Some(notice) => notice.withdrawn_at.unwrap_or(notice.given_at),
                None => now,
            },
            Self::Signal(it) => it.happened_at,
            Self::Sim(it) => it.valid.end().unwrap_or(it.valid.from()),
            Self::Profile(it) => it.observed_at,
            Self::Party(it) => it.status.as_ref().map_or(now, |it| it.valid.from()),
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
            Self::Removal(_) => "removal",
            Self::Complaint(_) => "complaint",
            Self::Promise(_) => "promise",
            Self::Survey(_) => "survey",
            Self::Merge(_) => "merge",
            Self::Relationship(..) => "relationship",
            Self::Account(_) => "account",
            Self::Payment(..) => "account_subscription",
            Self::Group(_) => "group",
            Self::Party(_) => "party",
            Self::Lead(_) => "lead",
            Self::Terms(_) => "subscription_terms",
            Self::Signal(_) => "leaving_signal",
            Self::Sim(_) => "resource",
            Self::Profile(_) => "profile_claim",
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
            Self::Removal(removal) => &removal.customer,
            Self::Complaint(complaint) => &complaint.customer,
            Self::Promise(promise) => &promise.customer,
            Self::Survey(survey) => &survey.customer,
            Self::Merge(merge) => &merge.customer,
            Self::Relationship(told, _) | Self::Payment(told, _) => told,
            Self::Account(account) => &account.customer,
            Self::Group(membership) => &membership.customer,
            Self::Party(party) => &party.customer,
            Self::Lead(lead) => &lead.customer,
            Self::Terms(terms) => &terms.customer,
            Self::Signal(signal) => &signal.customer,
            Self::Sim(holding) => &holding.customer,
            Self::Profile(claim) => &claim.customer,
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
