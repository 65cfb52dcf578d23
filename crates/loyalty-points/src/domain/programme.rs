//! The rules of a programme, as data: how many points a bill earns and when they expire.

use std::sync::Arc;

use tenure_core::{ProgrammeId, Timestamp};

use super::policy::Policies;

/// When points of a programme expire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// Never.
    Never,
    /// At the end of the n-th month, the month of the earning counted as the first.
    Months(u16),
    /// At the end of the n-th calendar year, the year of the earning counted as the first.
    Years(u16),
}

impl Expiry {
    /// Returns the first instant at which points earned at `earned_at` cannot be spent any more;
    /// [`Timestamp::MAX`] for ever.
    #[must_use]
    pub fn of(self, earned_at: Timestamp) -> Timestamp {
        match self {
            Self::Never => Timestamp::MAX,
            Self::Months(months) => earned_at.month_start().plus_months(i32::from(months)),
            Self::Years(years) => {
                let (year, _, _) = earned_at.date();
                let end = i16::try_from(i32::from(year) + i32::from(years)).ok();
                end.and_then(|year| Timestamp::from_date(year, 1, 1))
                    .unwrap_or(Timestamp::MAX)
            }
        }
    }
}

/// The rules of a programme. A change of them is a new version, which later entries name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programme {
    /// The programme's id.
    pub id: ProgrammeId,
    /// The version of its rules, stamped on every entry.
    pub version: Arc<str>,
    /// Points for each whole currency unit that was actually paid.
    pub points_per_unit: u32,
    /// Minor units in a currency unit: 100 fen in a yuan.
    pub minor_per_unit: u32,
    /// When points expire.
    pub expiry: Expiry,
    /// What it decides where the ledger has a choice.
    pub policies: Policies,
}

impl Programme {
    /// Returns the points that a payment of `minor` minor units earns: parts of a unit are dropped,
    /// credits earn nothing.
    #[must_use]
    pub fn points_for(&self, minor: i64) -> i64 {
        let units = minor.max(0) / i64::from(self.minor_per_unit.max(1));
        units.saturating_mul(i64::from(self.points_per_unit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    /// Golden case G11: the published rules of three operators. Points last to the end of a day, so
    /// they expire at the first instant of the next one.
    #[test]
    fn points_expire_as_operators_publish_it() {
        assert_eq!(Expiry::Years(3).of(at("2020-06-15")), at("2023-01-01"));
        assert_eq!(Expiry::Months(36).of(at("2021-05-20")), at("2024-05-01"));
        assert_eq!(Expiry::Months(37).of(at("2025-01-10")), at("2028-02-01"));
        assert_eq!(Expiry::Never.of(at("2025-01-10")), Timestamp::MAX);
    }

    #[test]
    fn a_payment_earns_for_its_whole_units() {
        let programme = Programme {
            id: ProgrammeId::parse("default").unwrap(),
            version: "1".into(),
            points_per_unit: 1,
            minor_per_unit: 100,
            expiry: Expiry::Months(36),
            policies: Policies::default(),
        };
        assert_eq!(programme.points_for(10_090), 100);
        assert_eq!(programme.points_for(99), 0);
        assert_eq!(programme.points_for(-500), 0);
    }
}
