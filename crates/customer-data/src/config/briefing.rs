//! The settings of briefings.

use serde::{Deserialize, Serialize};
use tenure_core::Violations;
use tenure_rpc::config::Validate;

use crate::domain::AttributeName;

/// More would not be looked at.
const SPECIAL_ATTRIBUTES_MAX: usize = 32;

/// The settings of briefings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BriefingConfig {
    /// How long each other service may take to answer its part, in milliseconds: 1 to 10000. A part
    /// that takes longer is missing.
    pub budget_ms: u64,
    /// How many briefings may wait for one service at a time: 1 to 10000. For more its part is
    /// missing at once.
    pub in_flight_max: usize,
    /// After how many failures in a row a service is not asked for a moment: 1 to 10000.
    pub failures_max: u32,
    /// How long that moment is, in milliseconds: 1 to 600000. Then one briefing tries.
    pub pause_ms: u64,
    /// Within how many days points expire "soon": 0 to 3660.
    pub expires_soon_days: u32,
    /// Names of the attributes that make a customer special, most important first; at most 32.
    pub special_attributes: Vec<String>,
}

impl Default for BriefingConfig {
    fn default() -> Self {
        let special = ["key_account", "vip", "special_needs", "language"];
        Self {
            budget_ms: 12,
            in_flight_max: 64,
            failures_max: 20,
            pause_ms: 1_000,
            expires_soon_days: 60,
            special_attributes: special.map(str::to_owned).to_vec(),
        }
    }
}

impl BriefingConfig {
    /// Returns the names of special attributes; names that are none were refused before.
    pub(crate) fn special(&self) -> Vec<AttributeName> {
        let names = self.special_attributes.iter();
        names
            .filter_map(|name| AttributeName::parse(name).ok())
            .collect()
    }
}

impl Validate for BriefingConfig {
    fn validate(&self, violations: &mut Violations) {
        let mut between = |field: &str, value: u64, min: u64, max: u64| {
            if !(min..=max).contains(&value) {
                violations.add(field, format!("{min} to {max}"), value.to_string());
            }
        };
        between("budget_ms", self.budget_ms, 1, 10_000);
        between("in_flight_max", self.in_flight_max as u64, 1, 10_000);
        between("failures_max", self.failures_max.into(), 1, 10_000);
        between("pause_ms", self.pause_ms, 1, 600_000);
        between("expires_soon_days", self.expires_soon_days.into(), 0, 3_660);
        let names = &self.special_attributes;
        if names.len() > SPECIAL_ATTRIBUTES_MAX {
            let found = format!("{} names", names.len());
            violations.add("special_attributes", "at most 32 names", found);
        }
        for (at, name) in names.iter().enumerate().take(SPECIAL_ATTRIBUTES_MAX) {
            let field = format!("special_attributes[{at}]");
            violations.take(&field, AttributeName::parse(name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_every_limit_is_named() {
        let wrong = |config: BriefingConfig| {
            let mut violations = Violations::new();
            config.validate(&mut violations);
            violations.into_result().err().unwrap_or_default().len()
        };

        assert_eq!(wrong(BriefingConfig::default()), 0);
        let out_of_limits = BriefingConfig {
            budget_ms: 0,
            in_flight_max: 0,
            failures_max: 0,
            pause_ms: 0,
            expires_soon_days: 3_661,
            special_attributes: vec!["Key Account".to_owned()],
        };
        assert_eq!(wrong(out_of_limits), 6);
    }
}
