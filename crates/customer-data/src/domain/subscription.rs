//! What a customer subscribes to.

use tenure_core::{CustomerId, Money, SubscriptionId, Timestamp, Violations};

use super::msisdn::Msisdn;
use super::words::{ChurnKind, ServiceKind};

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
