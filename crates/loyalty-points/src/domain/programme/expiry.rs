//! When points end: the policies in use, by the calendar of the programme.

use serde::{Deserialize, Serialize};
use tenure_core::Timestamp;

use super::zone::Zone;

/// How the end of points is found from the instant at which they were earned. Points last to the
/// end of a day; what is returned is the first instant after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Term {
    /// Never.
    Never,
    /// At the end of the n-th calendar year, the year of the earning counted as the first.
    Years(u16),
    /// At the end of the n-th month, the month of the earning counted as the first.
    Months(u16),
    /// At the end of the n-th full month after that of the earning.
    FullMonths(u16),
    /// At an instant of their own, in microseconds, whenever they were earned.
    On(i64),
}

/// When points of a programme expire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiry {
    /// How the end is found.
    pub term: Term,
    /// By whose calendar.
    pub zone: Zone,
}

impl Term {
    /// The largest number of years or months.
    pub const PERIODS_MAX: u16 = 600;

    /// Returns the first instant at which points earned at `earned_at` cannot be spent any more;
    /// [`Timestamp::MAX`] for ever.
    #[must_use]
    pub fn of(self, earned_at: Timestamp, zone: &Zone) -> Timestamp {
        match self {
            Self::Never => Timestamp::MAX,
            Self::Years(years) => {
                let (year, _) = zone.month(earned_at).parts();
                zone.year_start(year + i32::from(years))
            }
            Self::Months(months) => zone.month_start(zone.month(earned_at).plus(i32::from(months))),
            Self::FullMonths(months) => {
                zone.month_start(zone.month(earned_at).plus(i32::from(months) + 1))
            }
            Self::On(at) => Timestamp::from_micros(at),
        }
    }
}

impl Expiry {
    /// Points that never end.
    pub const NEVER: Self = Self {
        term: Term::Never,
        zone: Zone::UTC,
    };

    /// Returns the first instant at which points earned at `earned_at` cannot be spent any more;
    /// [`Timestamp::MAX`] for ever.
    #[must_use]
    pub fn of(&self, earned_at: Timestamp) -> Timestamp {
        self.term.of(earned_at, &self.zone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    /// Golden vector G11, with the policies of requirements.md section 4: A is the older rule of
    /// China Telecom and China Mobile, B that of China Mobile from 2021-05-01, C that of China
    /// Unicom. Points last to the end of the day that is published, so they end a day later at
    /// midnight of the place.
    #[test]
    fn points_expire_as_operators_publish_it() {
        let zone = Zone::parse("Asia/Shanghai").unwrap();
        let end_of = |term: Term, earned: &str| {
            let end = term.of(at(&format!("{earned}T12:00:00+08:00")), &zone);
            let last = end - tenure_core::Span::from_seconds(1);
            zone.date(last).to_string()
        };

        assert_eq!(end_of(Term::Years(3), "2020-06-15"), "2022-12-31");
        assert_eq!(end_of(Term::Months(36), "2021-05-20"), "2024-04-30");
        assert_eq!(end_of(Term::FullMonths(36), "2025-01-10"), "2028-01-31");
    }

    #[test]
    fn points_without_an_end_and_with_one_of_their_own() {
        let own = at("2026-12-31T16:00:00Z");

        assert_eq!(Term::Never.of(at("2025-01-10"), &Zone::UTC), Timestamp::MAX);
        assert_eq!(
            Term::On(own.as_micros()).of(at("2025-01-10"), &Zone::UTC),
            own
        );
    }

    #[test]
    fn an_earning_in_the_last_hour_of_a_month_belongs_to_the_month_of_the_place() {
        let shanghai = Zone::parse("Asia/Shanghai").unwrap();
        let earned = at("2025-01-31T16:00:00Z");

        assert_eq!(
            Term::Months(1).of(earned, &shanghai),
            at("2025-02-28T16:00:00Z")
        );
        assert_eq!(Term::Months(1).of(earned, &Zone::UTC), at("2025-02-01"));
    }
}
