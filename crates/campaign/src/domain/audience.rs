//! Who a campaign is for.

use super::attribute::{Condition, Value};
use super::words::{RiskBand, Stage, ValueTier};

/// Customers for whom every given condition is true.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Audience {
    /// In one of these stages; any but churned, when empty.
    pub(crate) stages: Vec<Stage>,
    /// In one of these risk bands; any, when empty.
    pub(crate) risk_bands: Vec<RiskBand>,
    /// In one of these value tiers; any, when empty.
    pub(crate) value_tiers: Vec<ValueTier>,
    /// At least this likely to leave.
    pub(crate) min_churn_probability: f64,
    /// Conditions upon attributes.
    pub(crate) conditions: Vec<Condition>,
    /// At most this many customers; nothing for no limit.
    pub(crate) max_customers: Option<u64>,
}

/// What lifecycle-scoring says of a customer; nothing where it does not know.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Score {
    /// The stage.
    pub(crate) stage: Option<Stage>,
    /// The risk band.
    pub(crate) risk_band: Option<RiskBand>,
    /// The value tier.
    pub(crate) value_tier: Option<ValueTier>,
    /// How likely the customer is to leave.
    pub(crate) churn_probability: f64,
}

impl Audience {
    /// Returns the stages that are wanted, also when none was named.
    pub(crate) fn stages(&self) -> Vec<Stage> {
        if self.stages.is_empty() {
            vec![
                Stage::Acquisition,
                Stage::Growth,
                Stage::Maturity,
                Stage::Decline,
            ]
        } else {
            self.stages.clone()
        }
    }

    /// Returns true when a score meets every condition upon it. What is unknown meets none.
    pub(crate) fn wants_score(&self, score: &Score) -> bool {
        score
            .stage
            .is_some_and(|stage| self.stages().contains(&stage))
            && is_one_of(&self.risk_bands, score.risk_band)
            && is_one_of(&self.value_tiers, score.value_tier)
            && score.churn_probability >= self.min_churn_probability
    }

    /// Returns true when every condition upon attributes is true; `value_of` looks one up.
    pub(crate) fn wants_attributes<'a>(
        &self,
        value_of: impl Fn(&str) -> Option<&'a Value>,
    ) -> bool {
        let mut conditions = self.conditions.iter();
        conditions.all(|condition| condition.check(value_of(&condition.name)) == Some(true))
    }

    /// Returns how many more customers there may be after `count`.
    pub(crate) fn room_after(&self, count: u64) -> u64 {
        self.max_customers
            .map_or(u64::MAX, |max| max.saturating_sub(count))
    }
}

/// Returns true when nothing is asked, or what is known is among what is wanted.
fn is_one_of<T: PartialEq>(wanted: &[T], known: Option<T>) -> bool {
    wanted.is_empty() || known.is_some_and(|known| wanted.contains(&known))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::attribute::Comparison;

    fn score() -> Score {
        Score {
            stage: Some(Stage::Decline),
            risk_band: Some(RiskBand::High),
            value_tier: Some(ValueTier::Medium),
            churn_probability: 0.4,
        }
    }

    #[test]
    fn an_audience_without_conditions_is_everybody_who_has_not_left() {
        let all = Audience::default();

        assert!(all.wants_score(&score()));
        assert!(all.wants_score(&Score {
            risk_band: None,
            value_tier: None,
            ..score()
        }));
        assert!(!all.wants_score(&Score {
            stage: Some(Stage::Churned),
            ..score()
        }));
        assert!(!all.wants_score(&Score {
            stage: None,
            ..score()
        }));
    }

    #[test]
    fn those_who_left_are_wanted_when_they_are_named() {
        let back = Audience {
            stages: vec![Stage::Churned],
            ..Audience::default()
        };

        assert!(back.wants_score(&Score {
            stage: Some(Stage::Churned),
            ..score()
        }));
        assert!(!back.wants_score(&score()));
    }

    #[test]
    fn a_condition_upon_something_unknown_is_not_met() {
        let high = Audience {
            risk_bands: vec![RiskBand::High],
            ..Audience::default()
        };

        assert!(high.wants_score(&score()));
        assert!(!high.wants_score(&Score {
            risk_band: None,
            ..score()
        }));
        assert!(!high.wants_score(&Score {
            risk_band: Some(RiskBand::Low),
            ..score()
        }));
    }

    #[test]
    fn the_probability_is_met_from_its_limit_on() {
        let likely = Audience {
            min_churn_probability: 0.4,
            ..Audience::default()
        };

        assert!(likely.wants_score(&score()));
        assert!(!likely.wants_score(&Score {
            churn_probability: 0.399,
            ..score()
        }));
    }

    #[test]
    fn every_condition_upon_attributes_must_be_true() {
        let is = |name: &str, value: i64| Condition {
            name: name.into(),
            comparison: Comparison::Equal,
            value: Value::Integer(value),
        };
        let both = Audience {
            conditions: vec![is("a", 1), is("b", 2)],
            ..Audience::default()
        };
        let (one, two) = (Value::Integer(1), Value::Integer(2));

        assert!(both.wants_attributes(|name| if name == "a" { Some(&one) } else { Some(&two) }));
        assert!(!both.wants_attributes(|name| (name == "a").then_some(&one)));
        assert!(!both.wants_attributes(|_| Some(&one)));
    }
}
