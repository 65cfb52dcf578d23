//! The calendar of a programme: which day and month an instant belongs to, where its customers live.

use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};
use tenure_core::Timestamp;
use tenure_core::violation::Mismatch;

/// A time zone of the IANA database, which is compiled in: the same on every replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone(TimeZone);

/// A month, counted from the year 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(i32);

impl Month {
    /// Returns the year and the month of it, 1 to 12.
    #[must_use]
    pub fn parts(self) -> (i32, i32) {
        (self.0.div_euclid(12), self.0.rem_euclid(12) + 1)
    }

    /// Returns the month `months` later.
    #[must_use]
    pub fn plus(self, months: i32) -> Self {
        Self(self.0.saturating_add(months))
    }
}

impl Zone {
    /// Universal time.
    pub const UTC: Self = Self(TimeZone::UTC);

    /// Parses a name such as `Asia/Shanghai`.
    ///
    /// # Errors
    /// When there is no zone of this name.
    pub fn parse(name: &str) -> Result<Self, Mismatch> {
        if name == "UTC" {
            return Ok(Self::UTC);
        }
        let known = TimeZoneDatabase::bundled().get(name);
        known.map(Self).map_err(|_| {
            Mismatch::new(
                "the name of a time zone such as Asia/Shanghai",
                if name.is_empty() {
                    "nothing"
                } else {
                    "another word"
                },
            )
        })
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// Returns the day of an instant.
    #[must_use]
    pub fn date(&self, at: Timestamp) -> Date {
        let instant =
            jiff::Timestamp::from_microsecond(at.as_micros()).expect("within years 1 to 9999");
        self.0.to_datetime(instant).date()
    }

    /// Returns the first instant of a day; [`Timestamp::MAX`] behind the end of the calendar.
    #[must_use]
    pub fn start(&self, date: Date) -> Timestamp {
        let zoned = date.to_zoned(self.0.clone());
        zoned.map_or(Timestamp::MAX, |zoned| {
            Timestamp::from_micros(zoned.timestamp().as_microsecond())
        })
    }

    /// Returns the first instant of the next day, and of this one.
    #[must_use]
    pub fn day_of(&self, at: Timestamp) -> (Timestamp, Timestamp) {
        let date = self.date(at);
        let next = date.checked_add(1.day());
        let end = next.map_or(Timestamp::MAX, |next| self.start(next));
        (self.start(date), end)
    }

    /// Returns the month of an instant.
    #[must_use]
    pub fn month(&self, at: Timestamp) -> Month {
        let date = self.date(at);
        Month(i32::from(date.year()) * 12 + i32::from(date.month()) - 1)
    }

    /// Returns the first instant of a month; [`Timestamp::MAX`] behind the end of the calendar.
    #[must_use]
    pub fn month_start(&self, month: Month) -> Timestamp {
        let (year, month) = month.parts();
        let date = i16::try_from(year)
            .ok()
            .zip(i8::try_from(month).ok())
            .and_then(|(year, month)| Date::new(year, month, 1).ok());
        date.map_or(Timestamp::MAX, |date| self.start(date))
    }

    /// Returns the first instant of a year.
    #[must_use]
    pub fn year_start(&self, year: i32) -> Timestamp {
        self.month_start(Month(year.saturating_mul(12)))
    }

    /// Returns the same day and time of day `months` later, or the last day of a shorter month.
    #[must_use]
    pub fn plus_months(&self, at: Timestamp, months: u16) -> Timestamp {
        self.moved(at, i32::from(months)).unwrap_or(Timestamp::MAX)
    }

    /// Returns the same day and time of day `months` earlier, or the last day of a shorter month.
    #[must_use]
    pub fn minus_months(&self, at: Timestamp, months: u16) -> Timestamp {
        self.moved(at, -i32::from(months)).unwrap_or(Timestamp::MIN)
    }

    fn moved(&self, at: Timestamp, months: i32) -> Option<Timestamp> {
        let instant = jiff::Timestamp::from_microsecond(at.as_micros()).ok()?;
        let moved = self
            .0
            .to_datetime(instant)
            .checked_add(months.months())
            .ok()?;
        let moved = moved.to_zoned(self.0.clone()).ok()?;
        Some(Timestamp::from_micros(moved.timestamp().as_microsecond()))
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self::UTC
    }
}

impl TryFrom<String> for Zone {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::parse(&name).map_err(|mismatch| format!("wanted {}", mismatch.wanted))
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.name().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn days_and_months_begin_at_midnight_of_the_place() {
        let shanghai = Zone::parse("Asia/Shanghai").unwrap();
        let new_year = at("2024-12-31T16:30:00Z");

        assert_eq!(shanghai.month(new_year).parts(), (2025, 1));
        assert_eq!(Zone::UTC.month(new_year).parts(), (2024, 12));
        assert_eq!(
            shanghai.day_of(new_year),
            (at("2024-12-31T16:00:00Z"), at("2025-01-01T16:00:00Z"))
        );
        assert_eq!(shanghai.year_start(2025), at("2024-12-31T16:00:00Z"));
    }

    #[test]
    fn a_day_without_midnight_begins_when_its_clocks_do() {
        // Clocks in Beirut went from 2024-03-30 24:00 to 01:00.
        let beirut = Zone::parse("Asia/Beirut").unwrap();
        let (start, end) = beirut.day_of(at("2024-03-31T12:00:00Z"));

        assert_eq!(start, at("2024-03-30T22:00:00Z"));
        assert_eq!(end, at("2024-03-31T21:00:00Z"));
    }

    #[test]
    fn a_zone_is_written_by_its_name_and_others_are_refused() {
        let shanghai = Zone::parse("Asia/Shanghai").unwrap();
        let text = serde_json::to_string(&shanghai).unwrap();

        assert_eq!(text, "\"Asia/Shanghai\"");
        assert_eq!(serde_json::from_str::<Zone>(&text).unwrap(), shanghai);
        assert!(Zone::parse("Atlantis/Capital").is_err());
        assert!(Zone::parse("").is_err());
    }
}
