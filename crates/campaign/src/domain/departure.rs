//! When a customer has left: when no subscription runs any more, and the last one ended by the
//! customer's own will.

use std::collections::BTreeSet;

use tenure_core::Timestamp;

/// How a subscription ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChurnKind {
    /// Active: went to a competitor.
    Competitor,
    /// Active: left the market.
    MarketExit,
    /// Active, but the customer stays with the operator.
    InternalMigration,
    /// Active, for a reason that nobody noted.
    Unstated,
    /// Passive: bills were not paid.
    Arrears,
    /// Passive: fraud.
    Fraud,
}

impl ChurnKind {
    /// Returns true when the customer left the operator of its own will. What a retention campaign
    /// is to prevent is this; it cannot prevent that the operator ends a subscription, and a
    /// migration is no loss.
    pub(crate) fn is_departure(self) -> bool {
        match self {
            Self::Competitor | Self::MarketExit | Self::Unstated => true,
            Self::InternalMigration | Self::Arrears | Self::Fraud => false,
        }
    }
}

/// What customer-data says of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SubscriptionFact {
    /// It runs.
    Active,
    /// It ended.
    Terminated {
        /// When.
        at: Timestamp,
        /// How; nothing when that is not known to us.
        kind: Option<ChurnKind>,
    },
    /// It never was.
    Removed,
}

/// The subscriptions of one customer that run, and what followed from facts about them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Subscriptions {
    /// Those that run.
    pub(crate) active: BTreeSet<String>,
    /// When the customer left, each time.
    pub(crate) departures: Vec<Timestamp>,
}

impl Subscriptions {
    /// Takes in one fact. A repeat of a fact changes nothing.
    pub(crate) fn apply(&mut self, subscription: &str, fact: &SubscriptionFact) {
        match fact {
            SubscriptionFact::Active => {
                self.active.insert(subscription.to_owned());
            }
            SubscriptionFact::Removed => {
                self.active.remove(subscription);
            }
            SubscriptionFact::Terminated { at, kind } => {
                self.active.remove(subscription);
                if self.active.is_empty() && kind.is_some_and(ChurnKind::is_departure) {
                    self.departures.push(*at);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(at: i64, kind: ChurnKind) -> SubscriptionFact {
        SubscriptionFact::Terminated {
            at: Timestamp::from_micros(at),
            kind: Some(kind),
        }
    }

    fn departures(facts: &[(&str, SubscriptionFact)]) -> Vec<i64> {
        let mut subscriptions = Subscriptions::default();
        for (subscription, fact) in facts {
            subscriptions.apply(subscription, fact);
        }
        subscriptions
            .departures
            .iter()
            .map(|at| at.as_micros())
            .collect()
    }

    #[test]
    fn a_customer_has_left_with_the_last_subscription() {
        let facts = [
            ("a", SubscriptionFact::Active),
            ("b", SubscriptionFact::Active),
            ("a", ended(1, ChurnKind::Competitor)),
            ("b", ended(2, ChurnKind::MarketExit)),
        ];
        assert_eq!(departures(&facts[..3]), [0; 0]);
        assert_eq!(departures(&facts), [2]);
    }

    #[test]
    fn a_subscription_that_never_was_is_no_reason_to_stay_and_its_end_no_departure() {
        let facts = [
            ("a", SubscriptionFact::Active),
            ("b", SubscriptionFact::Active),
            ("b", SubscriptionFact::Removed),
            ("a", ended(1, ChurnKind::Competitor)),
        ];
        assert_eq!(departures(&facts[..3]), [0; 0]);
        assert_eq!(departures(&facts), [1]);
    }

    #[test]
    fn only_leaving_of_ones_own_will_counts() {
        let after = |kind| departures(&[("a", SubscriptionFact::Active), ("a", ended(5, kind))]);

        for kind in [
            ChurnKind::Competitor,
            ChurnKind::MarketExit,
            ChurnKind::Unstated,
        ] {
            assert_eq!(after(kind), [5], "{kind:?}");
        }
        for kind in [
            ChurnKind::InternalMigration,
            ChurnKind::Arrears,
            ChurnKind::Fraud,
        ] {
            assert_eq!(after(kind), [0; 0], "{kind:?}");
        }
    }

    #[test]
    fn who_came_back_may_leave_again() {
        let facts = [
            ("a", SubscriptionFact::Active),
            ("a", ended(1, ChurnKind::Competitor)),
            ("b", SubscriptionFact::Active),
            ("b", ended(9, ChurnKind::Competitor)),
        ];
        assert_eq!(departures(&facts), [1, 9]);
    }
}
