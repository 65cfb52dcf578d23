//! What an operator may set.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tenure_core::{ProgrammeId, Violations};
use tenure_rpc::config::Validate;

use crate::domain::{BALANCE_MAX, Policies, ProgrammeVersion, Term, TransferLimits};
use crate::store::Seed;

/// The configuration of loyalty-points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How many commits run side by side, each for its share of the lanes: 1 to 64. 0 means 1 on
    /// SQLite, which has one writer, and half of the cores, at most 4, on PostgreSQL.
    pub committers: usize,
    /// The most writes in one commit: 1 to 4,096. 1 means a transaction for each request.
    pub batch_max: usize,
    /// The most writes that wait for one committer before further ones are refused as OVERLOADED:
    /// 1 to 65,536.
    pub queue_max: usize,
    /// About how many accounts the committers remember from their last commits, so that they need
    /// not read them again: up to 10,000,000. An account takes about 600 bytes.
    pub accounts_in_memory: usize,
    /// How often expiries are booked, in milliseconds; they take effect at their instant anyway.
    pub sweep_interval_ms: u64,
    /// The most accounts of one transaction of that: 1 to 10,000.
    pub sweep_slice: usize,
    /// How often new records are sealed in blocks, in milliseconds.
    pub seal_interval_ms: u64,
    /// What the default programme begins with: its first version, made when a new database is first
    /// used. Later versions are made by `ProgrammeService`.
    pub programme: ProgrammeConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            committers: 0,
            batch_max: 512,
            queue_max: 4_096,
            accounts_in_memory: 50_000,
            sweep_interval_ms: 60_000,
            sweep_slice: 500,
            seal_interval_ms: 60_000,
            programme: ProgrammeConfig::default(),
        }
    }
}

/// The rules of a programme.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProgrammeConfig {
    /// Its id.
    pub programme_id: String,
    /// Points for each whole currency unit of a bill that was actually paid: 0 to 1,000.
    pub points_per_unit: u32,
    /// Minor units in a currency unit: 1 to 1,000.
    pub minor_per_unit: u32,
    /// When points expire.
    pub expiry: ExpiryRule,
    /// The number of months or years of it, the one of the earning counted as the first: 1 to 600.
    pub expiry_periods: u16,
    /// What the programme decides where the ledger has a choice: the order of use, holds, reversals,
    /// gifts, blocks.
    pub policies: Policies,
}

impl Default for ProgrammeConfig {
    /// One point for a currency unit, good to the end of the 36th month: a large operator's rules.
    fn default() -> Self {
        Self {
            programme_id: "default".to_owned(),
            points_per_unit: 1,
            minor_per_unit: 100,
            expiry: ExpiryRule::Months,
            expiry_periods: 36,
            policies: Policies::default(),
        }
    }
}

/// How the end of points is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpiryRule {
    /// They never end.
    Never,
    /// At the end of a month.
    Months,
    /// At the end of a calendar year.
    Years,
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

impl Config {
    /// Returns how many committers a database has.
    #[must_use]
    pub(crate) fn committers(&self, is_postgres: bool) -> usize {
        match self.committers {
            // Fewer and larger batches cost less for each write; more of them keep more cores busy.
            // Measured on 2 cores: one does 22.6k redemptions/s for 49 us each, four 19.5k for 75 us.
            0 if is_postgres => (cores() / 2).clamp(1, 4),
            0 => 1,
            some => some,
        }
    }

    pub(crate) fn sweep_interval(&self) -> Duration {
        Duration::from_millis(self.sweep_interval_ms)
    }

    pub(crate) fn seal_interval(&self) -> Duration {
        Duration::from_millis(self.seal_interval_ms)
    }
}

impl ProgrammeConfig {
    /// Returns what the default programme begins with; nothing when its id is none.
    #[must_use]
    pub(crate) fn seed(&self) -> Option<Seed> {
        let programme = ProgrammeId::parse(&self.programme_id).ok()?;
        let rules = self.version();
        Some(Seed { programme, rules })
    }

    /// Returns the rules as the first version of the programme.
    #[must_use]
    fn version(&self) -> ProgrammeVersion {
        let term = match self.expiry {
            ExpiryRule::Never => Term::Never,
            ExpiryRule::Months => Term::Months(self.expiry_periods),
            ExpiryRule::Years => Term::Years(self.expiry_periods),
        };
        ProgrammeVersion {
            policies: self.policies.clone(),
            ..ProgrammeVersion::simple(self.points_per_unit, self.minor_per_unit, term)
        }
    }
}

impl Validate for Config {
    fn validate(&self, violations: &mut Violations) {
        let mut within = |field: &str, value: u64, least: u64, most: u64| {
            if !(least..=most).contains(&value) {
                violations.add(field, format!("{least} to {most}"), value.to_string());
            }
        };
        within("committers", self.committers as u64, 0, 64);
        within("batch_max", self.batch_max as u64, 1, 4_096);
        within(
            "accounts_in_memory",
            self.accounts_in_memory as u64,
            0,
            10_000_000,
        );
        within("queue_max", self.queue_max as u64, 1, 65_536);
        within("sweep_interval_ms", self.sweep_interval_ms, 10, 86_400_000);
        within("seal_interval_ms", self.seal_interval_ms, 10, 86_400_000);
        within("sweep_slice", self.sweep_slice as u64, 1, 10_000);
        let programme = &self.programme;
        within(
            "programme.points_per_unit",
            u64::from(programme.points_per_unit),
            0,
            1_000,
        );
        within(
            "programme.minor_per_unit",
            u64::from(programme.minor_per_unit),
            1,
            1_000,
        );
        within(
            "programme.expiry_periods",
            u64::from(programme.expiry_periods),
            1,
            600,
        );
        let policies = &programme.policies;
        let limits = &policies.transfer;
        let recipients = limits.recipients_max as u64;
        within(
            "programme.policies.transfer.recipients_max",
            recipients,
            0,
            TransferLimits::RECIPIENTS_MAX.into(),
        );
        for (field, points) in [
            ("debt_limit", policies.debt_limit),
            ("approval_above", policies.approval_above),
            ("transfer.out_month_max", limits.out_month_max),
            ("transfer.in_month_max", limits.in_month_max),
        ] {
            // A negative number is too large, too.
            let (field, points) = (
                format!("programme.policies.{field}"),
                points.cast_unsigned(),
            );
            within(&field, points, 0, BALANCE_MAX.cast_unsigned());
        }
        violations.take(
            "programme.programme_id",
            ProgrammeId::parse(&programme.programme_id),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_every_limit_is_checked() {
        let wrong = |config: &Config| {
            let mut violations = Violations::new();
            config.validate(&mut violations);
            violations
                .into_result()
                .err()
                .map_or(0, |found| found.len())
        };
        assert_eq!(wrong(&Config::default()), 0);

        let programme = ProgrammeConfig {
            programme_id: String::new(),
            minor_per_unit: 0,
            expiry_periods: 0,
            points_per_unit: 9_999,
            policies: Policies {
                debt_limit: -1,
                transfer: TransferLimits {
                    recipients_max: 65,
                    ..TransferLimits::default()
                },
                ..Policies::default()
            },
            ..ProgrammeConfig::default()
        };
        let (batch_max, queue_max, sweep_slice) = (0, 0, 0);
        let (committers, sweep_interval_ms, seal_interval_ms) = (65, 0, 0);
        let accounts_in_memory = 10_000_001;
        let all = Config {
            committers,
            batch_max,
            queue_max,
            accounts_in_memory,
            sweep_interval_ms,
            sweep_slice,
            seal_interval_ms,
            programme,
        };
        assert_eq!(wrong(&all), 13);
    }
}
