//! The settings of the service.

mod briefing;
mod complaints;
mod privacy;
mod retention;

use serde::{Deserialize, Serialize};
use tenure_core::Violations;
use tenure_rpc::config::Validate;

use crate::bus::BusConfig;
pub use briefing::BriefingConfig;
pub(crate) use complaints::Complaints;
pub use privacy::{AccessLogMode, Grant, PrivacyConfig};
pub use retention::RetentionConfig;

/// A repeat of a request must find its answer for at least this long.
const ANSWER_RETENTION_DAYS_MIN: u32 = 7;
/// Ten years: longer is "for ever", which is said by 0.
const RETENTION_DAYS_MAX: u32 = 3_660;
/// Nobody finds out later than that.
const IMPORT_UNDO_DAYS_MAX: u32 = 366;

/// The settings of customer-data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// For how many days the answer to a write is kept for repeats of the same request id: 7 to
    /// 3660.
    pub answer_retention_days: u32,
    /// For how many days changes can be read from the feed; 0 means for ever. A new reader gets a
    /// snapshot when they are not all there.
    pub change_retention_days: u32,
    /// After how many days only the last change of each fact is kept; 0 means that all are. A reader
    /// from before then sees less than what happened and ends with the same facts.
    pub change_compaction_days: u32,
    /// How often followers of the feed look for changes that another replica committed, in
    /// milliseconds: 10 to 60000.
    pub feed_poll_ms: u64,
    /// How often old answers and changes are deleted, in seconds: 1 to 86400.
    pub sweep_interval_s: u64,
    /// For how many days since it began an import can be reverted: 0 to 366. 0 means that none can, and
    /// nothing is kept for it.
    pub import_undo_days: u32,
    /// What touchpoints are told.
    pub briefing: BriefingConfig,
    /// The bus to other systems.
    pub bus: BusConfig,
    /// What protects the data of a person.
    pub privacy: PrivacyConfig,
    /// Complaints and promises.
    pub complaints: Complaints,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            answer_retention_days: 30,
            change_retention_days: 0,
            change_compaction_days: 0,
            feed_poll_ms: 200,
            sweep_interval_s: 3_600,
            import_undo_days: 30,
            briefing: BriefingConfig::default(),
            bus: BusConfig::default(),
            privacy: PrivacyConfig::default(),
            complaints: Complaints::default(),
        }
    }
}

impl Validate for Config {
    fn validate(&self, violations: &mut Violations) {
        violations.within("briefing.", |v| self.briefing.validate(v));
        violations.within("privacy.", |v| self.privacy.validate(v));
        let (feed, answers) = (self.change_retention_days, self.answer_retention_days);
        violations.within("privacy.retention.", |v| {
            self.privacy.retention.validate(v, feed, answers);
        });
        let days = ANSWER_RETENTION_DAYS_MIN..=RETENTION_DAYS_MAX;
        if !days.contains(&self.answer_retention_days) {
            let found = self.answer_retention_days.to_string();
            violations.add("answer_retention_days", "7 to 3660", found);
        }
        if self.change_retention_days > RETENTION_DAYS_MAX {
            let found = self.change_retention_days.to_string();
            violations.add("change_retention_days", "0 to 3660", found);
        }
        if self.change_compaction_days > RETENTION_DAYS_MAX {
            let found = self.change_compaction_days.to_string();
            violations.add("change_compaction_days", "0 to 3660", found);
        }
        if self.import_undo_days > IMPORT_UNDO_DAYS_MAX {
            let found = self.import_undo_days.to_string();
            violations.add("import_undo_days", "0 to 366", found);
        }
        if !(10..=60_000).contains(&self.feed_poll_ms) {
            violations.add("feed_poll_ms", "10 to 60000", self.feed_poll_ms.to_string());
        }
        violations.within("bus.", |violations| self.bus.validate(violations));
        if !(1..=86_400).contains(&self.sweep_interval_s) {
            violations.add(
                "sweep_interval_s",
                "1 to 86400",
                self.sweep_interval_s.to_string(),
            );
        }
        violations.within("complaints.", |inner| self.complaints.validate(inner));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_every_limit_is_named() {
        let wrong = |config: Config| {
            let mut violations = Violations::new();
            config.validate(&mut violations);
            violations.into_result().err().unwrap_or_default().len()
        };

        assert_eq!(wrong(Config::default()), 0);
        let out_of_limits = Config {
            answer_retention_days: 6,
            change_retention_days: 3_661,
            change_compaction_days: 3_661,
            feed_poll_ms: 9,
            sweep_interval_s: 0,
            import_undo_days: 367,
            ..Config::default()
        };
        assert_eq!(wrong(out_of_limits), 6);
    }
}
