//! What a customer subscribes to.

use tenure_core::{CustomerId, Money, Span, SubscriptionId, Timestamp, Violations};

use super::msisdn::Msisdn;
use super::words::{ChurnKind, ServiceKind, SuspensionKind};

/// The longest product code, in bytes.
pub const PRODUCT_CODE_LENGTH_MAX: usize = 64;
/// The longest reason of an ending, in bytes.
pub const CHURN_REASON_LENGTH_MAX: usize = 128;

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The operator's own key.
    pub id: SubscriptionId,
    /// Whose.
    pub customer: CustomerId,
    /// Kind of service.
    pub service: ServiceKind,
    /// The operator's code of the product.
    pub product_code: String,
    /// The number, where the service has one.
    pub msisdn: Option<Msisdn>,
    /// From when it holds this number; nothing without a number, or while nobody knows.
    pub msisdn_from: Option<Timestamp>,
    /// When it began.
    pub started_at: Timestamp,
    /// Until when a contract binds the customer.
    pub contract_ends_at: Option<Timestamp>,
    /// What it costs in a month.
    pub monthly_fee: Option<Money>,
    /// That it ended.
    pub termination: Option<Termination>,
    /// How it stands, as only calls of their own change it.
    pub standing: Standing,
    /// When the record was last changed.
    pub updated_at: Timestamp,
}

/// How a subscription ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Termination {
    /// When.
    pub at: Timestamp,
    /// For whom it counts.
    pub kind: ChurnKind,
    /// The operator's words.
    pub reason: String,
    /// The customer took the number to a competitor.
    pub is_ported_out: bool,
}

/// How a subscription stands beside what an upsert says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Since when it is in its state: later with every change of the state, so that a follower who
    /// sees changes again knows which of them are old.
    pub since: Timestamp,
    /// That it is suspended.
    pub suspension: Option<Suspension>,
    /// Who took it over.
    pub transferred_to: Option<CustomerId>,
    /// From whom it was taken over.
    pub transferred_from: Option<CustomerId>,
}

/// Why a subscription is suspended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspension {
    /// By the closed set of words.
    pub kind: SuspensionKind,
    /// In the operator's words.
    pub reason: String,
}

impl Standing {
    /// Returns the standing of what nobody changed since an instant.
    #[must_use]
    pub fn since(since: Timestamp) -> Self {
        Self {
            since,
            suspension: None,
            transferred_to: None,
            transferred_from: None,
        }
    }

    /// Returns the instant of a change of the state at `at`: behind the last one in any case.
    #[must_use]
    pub fn next(&self, at: Timestamp) -> Timestamp {
        at.max(self.since + Span::from_micros(1))
    }
}

impl Subscription {
    /// Notes where fields contradict each other.
    pub fn check(&self, violations: &mut Violations) {
        let started_at = self.started_at;
        if self.contract_ends_at.is_some_and(|end| end < started_at) {
            violations.add(
                "contract_end_time",
                "not before start_time",
                "an earlier instant",
            );
        }
        if self
            .termination
            .as_ref()
            .is_some_and(|end| end.at < started_at)
        {
            violations.add(
                "terminate_time",
                "not before start_time",
                "an earlier instant",
            );
        }
    }

    /// Returns true when `other` says the same, whenever it was recorded.
    #[must_use]
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        let unstamped = |subscription: &Self| Self {
            updated_at: Timestamp::MIN,
            msisdn_from: None,
            ..subscription.clone()
        };
        unstamped(self) == unstamped(other)
    }

    /// Returns when it ends, as far as anybody knows.
    #[must_use]
    pub fn until(&self) -> Timestamp {
        self.termination
            .as_ref()
            .map_or(Timestamp::MAX, |end| end.at)
    }
}
