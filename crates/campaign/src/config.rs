//! What an operator may set.

use serde::{Deserialize, Serialize};
use tenure_core::{Span, Violations};
use tenure_rpc::config::Validate;

/// Configuration of the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How many scores are read, and customers enrolled, in one transaction: 1 to 1,000.
    pub enrolment_page_size: u32,
    /// How often the background work looks for enrolments that nobody goes on with and for points
    /// that are owed, in milliseconds: 100 to 600,000. What this process began itself does not wait
    /// for it.
    pub sweep_interval_ms: u64,
    /// For how many days changes are kept for readers of the feed: 1 to 3,650.
    pub change_retention_days: u32,
    /// For how many days a repeated request gets its first answer: 1 to 3,650.
    pub answer_retention_days: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            enrolment_page_size: 1_000,
            sweep_interval_ms: 1_000,
            change_retention_days: 30,
            answer_retention_days: 30,
        }
    }
}

impl Config {
    pub(crate) fn change_retention(&self) -> Span {
        Span::from_days(self.change_retention_days.into())
    }

    pub(crate) fn answer_retention(&self) -> Span {
        Span::from_days(self.answer_retention_days.into())
    }
}

impl Validate for Config {
    fn validate(&self, violations: &mut Violations) {
        let mut between = |field: &str, value: u64, min: u64, max: u64| {
            if !(min..=max).contains(&value) {
                violations.add(field, format!("{min} to {max}"), value.to_string());
            }
        };
        between(
            "enrolment_page_size",
            self.enrolment_page_size.into(),
            1,
            1_000,
        );
        between("sweep_interval_ms", self.sweep_interval_ms, 100, 600_000);
        between(
            "change_retention_days",
            self.change_retention_days.into(),
            1,
            3_650,
        );
        between(
            "answer_retention_days",
            self.answer_retention_days.into(),
            1,
            3_650,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_within_their_limits_and_zeros_are_not() {
        let mut violations = Violations::new();
        Config::default().validate(&mut violations);
        assert!(violations.is_empty());

        let zeros = Config {
            enrolment_page_size: 0,
            sweep_interval_ms: 0,
            change_retention_days: 0,
            answer_retention_days: 0,
        };
        zeros.validate(&mut violations);
        assert_eq!(violations.into_result().unwrap_err().len(), 4);
    }
}
