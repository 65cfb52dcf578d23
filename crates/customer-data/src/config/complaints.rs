//! How long a complaint may take where nobody says.

use serde::{Deserialize, Serialize};
use tenure_core::{Span, Violations};
use tenure_rpc::config::Validate;

use crate::domain::complaint::Terms;
use crate::domain::complaint::words::Severity;

/// A year: what takes longer is no complaint any more.
const HOURS_MAX: u32 = 8_784;

/// The settings for complaints and promises.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Complaints {
    /// Within how many hours a minor complaint is to be resolved, unless its caller says: 1 to
    /// 8784. The default, 15 days, is what regulators ask of operators.
    pub minor_resolution_hours: u32,
    /// The same for a major complaint.
    pub major_resolution_hours: u32,
    /// The same for a critical complaint.
    pub critical_resolution_hours: u32,
    /// Within how many hours an owner is to be done with a step, unless its caller says: 1 to 8784.
    pub step_hours: u32,
    /// How often promised times that have passed are looked for, in seconds: 1 to 3600.
    pub due_interval_s: u64,
    /// How many complaints and promises are noted as passed in one transaction: 1 to 1000. Others
    /// who write about customers of the same lane wait for it.
    pub due_slice: u32,
}

impl Default for Complaints {
    fn default() -> Self {
        Self {
            minor_resolution_hours: 360,
            major_resolution_hours: 168,
            critical_resolution_hours: 48,
            step_hours: 24,
            due_interval_s: 15,
            due_slice: 100,
        }
    }
}

impl Complaints {
    /// Returns what applies to complaints of a severity.
    #[must_use]
    pub fn terms(&self, severity: Severity) -> Terms {
        let resolution = match severity {
            Severity::Minor => self.minor_resolution_hours,
            Severity::Major => self.major_resolution_hours,
            Severity::Critical => self.critical_resolution_hours,
        };
        let span = |hours: u32| Span::from_seconds(i64::from(hours) * 3_600);
        Terms {
            resolution: span(resolution),
            step: span(self.step_hours),
        }
    }
}

impl Validate for Complaints {
    fn validate(&self, violations: &mut Violations) {
        let hours = [
            ("minor_resolution_hours", self.minor_resolution_hours),
            ("major_resolution_hours", self.major_resolution_hours),
            ("critical_resolution_hours", self.critical_resolution_hours),
            ("step_hours", self.step_hours),
        ];
        for (key, hours) in hours {
            if !(1..=HOURS_MAX).contains(&hours) {
                violations.add(key, "1 to 8784", hours.to_string());
            }
        }
        if !(1..=3_600).contains(&self.due_interval_s) {
            let found = self.due_interval_s.to_string();
            violations.add("due_interval_s", "1 to 3600", found);
        }
        if !(1..=1_000).contains(&self.due_slice) {
            violations.add("due_slice", "1 to 1000", self.due_slice.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_every_limit_is_named() {
        let wrong = |settings: Complaints| {
            let mut violations = Violations::new();
            settings.validate(&mut violations);
            violations.into_result().err().unwrap_or_default().len()
        };

        assert_eq!(wrong(Complaints::default()), 0);
        let out_of_limits = Complaints {
            minor_resolution_hours: 0,
            major_resolution_hours: 8_785,
            critical_resolution_hours: 0,
            step_hours: 0,
            due_interval_s: 0,
            due_slice: 1_001,
        };
        assert_eq!(wrong(out_of_limits), 6);
    }

    #[test]
    fn the_worse_it_is_the_sooner_it_is_to_be_resolved() {
        let days = |severity| Complaints::default().terms(severity).resolution.as_days();
        let days = [Severity::Minor, Severity::Major, Severity::Critical].map(days);
        assert!(days[0] > days[1] && days[1] > days[2]);
        assert_eq!(
            Span::from_days(15),
            Complaints::default().terms(Severity::Minor).resolution
        );
    }
}
