//! Instants and spans in microseconds of UTC, and the calendar where rules speak of months.

use std::fmt;
use std::ops::{Add, Sub};

use jiff::ToSpan;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::violation::Mismatch;

/// An instant: microseconds since 1970-01-01T00:00:00Z, as databases store it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A span of time in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(i64);

impl Span {
    /// Returns a span of `micros` microseconds.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Returns a span of `seconds`.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds * 1_000_000)
    }

    /// Returns a span of `days` of 24 hours.
    #[must_use]
    pub const fn from_days(days: i64) -> Self {
        Self::from_seconds(days * 86_400)
    }

    /// Returns the microseconds.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Returns the span in days with a fraction.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "spans of centuries are below 2^53 us"
    )]
    pub fn as_days(self) -> f64 {
        self.0 as f64 / 86_400e6
    }
}

impl Timestamp {
    /// The first instant of the year 1.
    pub const MIN: Self = Self(-62_135_596_800_000_000);
    /// The first instant of the year 9999, which also stands for "for ever".
    pub const MAX: Self = Self(253_370_764_800_000_000);

    /// Returns the instant `micros` microseconds after the epoch, kept within [`Self::MIN`] and
    /// [`Self::MAX`].
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        if micros < Self::MIN.0 {
            Self::MIN
        } else if micros > Self::MAX.0 {
            Self::MAX
        } else {
            Self(micros)
        }
    }

    /// Returns the microseconds since the epoch.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Returns midnight UTC at the start of a day, or nothing when there is no such day.
    #[must_use]
    pub fn from_date(year: i16, month: i8, day: i8) -> Option<Self> {
        Date::new(year, month, day).ok().map(Self::at_midnight)
    }

    /// Parses an RFC 3339 instant such as `2025-01-31T12:00:00Z`, or a day such as `2025-01-31`,
    /// which means its first instant in UTC.
    ///
    /// # Errors
    /// When `text` is neither, or names a day that does not exist.
    pub fn parse(text: &str) -> Result<Self, Mismatch> {
        if let Ok(date) = text.parse::<Date>()
            && text.len() == 10
        {
            return Ok(Self::at_midnight(date));
        }
        match text.parse::<jiff::Timestamp>() {
            Ok(instant) => Ok(Self::from_micros(instant.as_microsecond())),
            Err(_) => Err(Mismatch::new(
                "a day such as 2025-01-31 or an instant such as 2025-01-31T12:00:00Z",
                if text.is_empty() {
                    "nothing".into()
                } else {
                    "no day that exists".to_owned()
                },
            )),
        }
    }

    fn at_midnight(date: Date) -> Self {
        Self::from_civil(date.to_datetime(jiff::civil::Time::midnight()))
    }

    fn from_civil(civil: DateTime) -> Self {
        let instant = TimeZone::UTC
            .to_timestamp(civil)
            .map_or(Self::MAX.0, jiff::Timestamp::as_microsecond);
        Self::from_micros(instant)
    }

    fn civil(self) -> DateTime {
        let instant =
            jiff::Timestamp::from_microsecond(self.0).expect("kept within years 1 to 9999");
        TimeZone::UTC.to_datetime(instant)
    }

    /// Returns year, month (1 to 12) and day (1 to 31) in UTC.
    #[must_use]
    pub fn date(self) -> (i16, i8, i8) {
        let civil = self.civil();
        (civil.year(), civil.month(), civil.day())
    }

    /// Returns the instant `months` calendar months later (or earlier), on the same day of the
    /// month or, where that month is shorter, on its last day.
    #[must_use]
    pub fn plus_months(self, months: i32) -> Self {
        match self.civil().checked_add(months.months()) {
            Ok(civil) => Self::from_civil(civil),
            Err(_) if months < 0 => Self::MIN,
            Err(_) => Self::MAX,
        }
    }

    /// Returns the first instant of this instant's month.
    #[must_use]
    pub fn month_start(self) -> Self {
        let (year, month, _) = self.date();
        Self::from_date(year, month, 1).expect("the first of a month exists")
    }

    /// Returns the number of whole calendar months from `earlier` to this instant, negative when it
    /// lies before.
    #[must_use]
    pub fn months_since(self, earlier: Self) -> i32 {
        let (from, to) = (earlier.civil(), self.civil());
        let whole = (i32::from(to.year()) - i32::from(from.year())) * 12 + i32::from(to.month())
            - i32::from(from.month());
        if whole > 0 && earlier.plus_months(whole) > self {
            whole - 1
        } else if whole < 0 && earlier.plus_months(whole) < self {
            whole + 1
        } else {
            whole
        }
    }

    /// Returns the span since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Span {
        Span(self.0 - earlier.0)
    }
}

impl Add<Span> for Timestamp {
    type Output = Self;

    fn add(self, span: Span) -> Self {
        Self::from_micros(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Timestamp {
    type Output = Self;

    fn sub(self, span: Span) -> Self {
        Self::from_micros(self.0.saturating_sub(span.0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}Z", self.civil())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn days_and_instants_are_read_and_shown() {
        assert_eq!(at("1970-01-02").as_micros(), 86_400_000_000);
        assert_eq!(at("2024-02-29T06:00:00+06:00"), at("2024-02-29"));
        assert_eq!(at("2024-02-29").to_string(), "2024-02-29T00:00:00Z");
    }

    #[test]
    fn days_that_do_not_exist_are_refused() {
        for text in [
            "2023-02-29",
            "2023-13-01",
            "2023-04-31",
            "yesterday",
            "",
            "20240229",
        ] {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn months_end_on_the_last_day_where_they_are_shorter() {
        assert_eq!(at("2024-01-31").plus_months(1), at("2024-02-29"));
        assert_eq!(at("2023-03-31").plus_months(-1), at("2023-02-28"));
        assert_eq!(at("2023-11-15").plus_months(14), at("2025-01-15"));
    }

    #[test]
    fn whole_months_are_counted_like_birthdays() {
        assert_eq!(at("2024-03-14").months_since(at("2024-01-15")), 1);
        assert_eq!(at("2024-03-15").months_since(at("2024-01-15")), 2);
        assert_eq!(at("2024-02-29").months_since(at("2024-01-31")), 1);
        assert_eq!(at("2024-01-15").months_since(at("2024-03-14")), -1);
        assert_eq!(at("2024-01-15").months_since(at("2024-01-15")), 0);
    }

    #[test]
    fn sums_stay_within_the_years_a_calendar_knows() {
        assert_eq!(Timestamp::MAX + Span::from_days(1), Timestamp::MAX);
        assert_eq!(Timestamp::MIN.plus_months(-1), Timestamp::MIN);
    }
}
