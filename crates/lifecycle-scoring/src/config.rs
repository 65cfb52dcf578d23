//! Configuration of scoring.

use serde::{Deserialize, Serialize};
use tenure_core::Violations;
use tenure_rpc::config::Validate;

use crate::domain::policy::Policy;

/// Configuration of scoring.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// By which numbers customers are judged.
    pub policy: Policy,
}

impl Validate for Config {
    fn validate(&self, violations: &mut Violations) {
        let policy = &self.policy;
        violations.within("policy.", |violations| {
            if policy.version.is_empty() || policy.version.len() > 64 {
                violations.add(
                    "version",
                    "1 to 64 bytes",
                    format!("{} bytes", policy.version.len()),
                );
            }
            if !policy.bands.is_valid() {
                violations.add("bands", "thresholds that ascend from 0 to 1", "others");
            }
            let stage = &policy.stage;
            if stage.decline_trend_3m >= 0.0 || stage.decline_trend_6m >= 0.0 {
                let wanted = "a fall: decline_trend_3m and decline_trend_6m below 0";
                violations.add("stage", wanted, "a rise");
            }
            if !(1..=12).contains(&stage.evaluations) {
                violations.add(
                    "stage.evaluations",
                    "1 to 12",
                    stage.evaluations.to_string(),
                );
            }
            if !(0..=365).contains(&stage.evaluation_gap_days) {
                let found = stage.evaluation_gap_days.to_string();
                violations.add("stage.evaluation_gap_days", "0 to 365", found);
            }
            let value = &policy.value;
            let mut within = |field: &str, number: f64, low: f64, high: f64| {
                if !(low..=high).contains(&number) {
                    violations.add(field, format!("{low} to {high}"), number.to_string());
                }
            };
            within("value.discount_rate", value.discount_rate, 0.0, 1.0);
            within("value.years_max", value.years_max, 0.1, 50.0);
            within("value.cost_share", value.cost_share, 0.0, 10.0);
            if value.low_below_minor > value.high_from_minor {
                violations.add("value", "low_below_minor up to high_from_minor", "more");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_valid_and_a_rising_decline_is_not() {
        let mut violations = Violations::new();
        Config::default().validate(&mut violations);
        assert!(violations.is_empty());

        let mut config = Config::default();
        config.policy.stage.decline_trend_3m = 0.05;
        config.policy.bands.high_from = 2.0;
        config.validate(&mut violations);

        let found = violations.into_result().unwrap_err();
        let fields: Vec<_> = found.into_iter().map(|violation| violation.field).collect();
        assert_eq!(fields, ["policy.bands", "policy.stage"]);
    }
}
