//! For how long each kind of fact is kept.

use serde::{Deserialize, Serialize};
use tenure_core::Violations;

use crate::domain::retention::RetentionKind;

/// Shorter is an erasure, which is asked for otherwise.
const DAYS_MIN: u32 = 30;
/// Ten years: longer is "for ever", which is said by 0.
const DAYS_MAX: u32 = 3_660;

/// For how many days each kind of fact is kept: 30 to 3660, and 0 means for ever.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionConfig {
    /// Interactions, since they happened.
    pub interaction_days: u32,
    /// Usage summaries, since their period began.
    pub usage_days: u32,
    /// Settled bills, since they were settled.
    pub bill_days: u32,
    /// Surveys, since they were answered.
    pub survey_days: u32,
    /// Closed complaints with their steps, since they ended.
    pub complaint_days: u32,
    /// Promises that are kept, broken or withdrawn, since they were due.
    pub promise_days: u32,
    /// Consents that count no longer, since they expired or others took their place.
    pub consent_days: u32,
    /// Records of who was shown what, since they were made.
    pub access_days: u32,
    /// Customers who have left, since their last subscription ended: the whole record.
    pub churned_days: u32,
    /// Claims of profiles, since they were observed.
    pub profile_days: u32,
}

impl RetentionConfig {
    /// Returns for how many days something is kept; 0 means for ever.
    #[must_use]
    pub fn days(&self, kind: RetentionKind) -> u32 {
        match kind {
            RetentionKind::Interaction => self.interaction_days,
            RetentionKind::Usage => self.usage_days,
            RetentionKind::Bill => self.bill_days,
            RetentionKind::Survey => self.survey_days,
            RetentionKind::Complaint => self.complaint_days,
            RetentionKind::Promise => self.promise_days,
            RetentionKind::Consent => self.consent_days,
            RetentionKind::Access => self.access_days,
            RetentionKind::Churned => self.churned_days,
            RetentionKind::Profile => self.profile_days,
        }
    }

    /// Returns true when anything is ever too old.
    #[must_use]
    pub fn is_on(&self) -> bool {
        RetentionKind::ALL.iter().any(|kind| self.days(*kind) > 0)
    }

    /// Checks the days. What is deleted must not be read in the feed, or in the answers that are kept
    /// for repeats, for longer than it is kept itself.
    pub(super) fn validate(&self, violations: &mut Violations, feed_days: u32, answer_days: u32) {
        for kind in RetentionKind::ALL {
            let days = self.days(*kind);
            let field = format!("{}_days", kind.as_str());
            if days == 0 {
                continue;
            }
            if !(DAYS_MIN..=DAYS_MAX).contains(&days) {
                let wanted = format!("0, or {DAYS_MIN} to {DAYS_MAX}");
                violations.add(&field, wanted, days.to_string());
            } else if kind.is_told() && (feed_days == 0 || feed_days > days) {
                let wanted = "at least change_retention_days, which is not 0";
                violations.add(&field, wanted, format!("{days} with {feed_days}"));
            } else if kind.is_told() && answer_days > days {
                let wanted = "at least answer_retention_days";
                violations.add(&field, wanted, format!("{days} with {answer_days}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(config: &RetentionConfig, feed_days: u32, answer_days: u32) -> Vec<String> {
        let mut violations = Violations::new();
        config.validate(&mut violations, feed_days, answer_days);
        let found = violations.into_result().err().unwrap_or_default();
        found.into_iter().map(|it| it.field).collect()
    }

    #[test]
    fn what_is_deleted_is_not_kept_longer_by_the_feed_or_by_answers() {
        let config = RetentionConfig {
            bill_days: 60,
            access_days: 30,
            ..RetentionConfig::default()
        };

        assert_eq!(wrong(&RetentionConfig::default(), 0, 3_660), [""; 0]);
        assert_eq!(wrong(&config, 60, 30), [""; 0]);
        // The feed keeps changes for ever, or too long; answers are kept too long.
        assert_eq!(wrong(&config, 0, 30), ["bill_days"]);
        assert_eq!(wrong(&config, 61, 30), ["bill_days"]);
        assert_eq!(wrong(&config, 30, 61), ["bill_days"]);
    }

    #[test]
    fn days_have_limits() {
        let config = RetentionConfig {
            interaction_days: 29,
            access_days: 3_661,
            ..RetentionConfig::default()
        };

        assert!(config.is_on() && !RetentionConfig::default().is_on());
        assert_eq!(wrong(&config, 7, 7), ["interaction_days", "access_days"]);
    }
}
