//! The operator's months as instants, looked up instead of computed: dates are the dear part.

use tenure_core::{Span, Timestamp};

use crate::profile::TENURE_AT_START_MAX;

/// Months before the operator's first one that have dates: the longest tenure, and the period
/// before it that the first bill is for.
const MONTHS_BEFORE: i32 = TENURE_AT_START_MAX as i32 + 1;

/// The first instants of all months that may be asked for.
#[derive(Debug, Clone)]
pub(crate) struct Calendar {
    starts: Vec<Timestamp>,
    first_month_of_year: i32,
}

impl Calendar {
    /// Returns the calendar of `months` from `start`, which is the first instant of a month.
    pub(crate) fn new(start: Timestamp, months: u32) -> Self {
        // The month after the last one tells how long the last one is.
        let starts = (-MONTHS_BEFORE..=months as i32).map(|month| start.plus_months(month));
        let (_, month_of_year, _) = start.date();
        Self {
            starts: starts.collect(),
            first_month_of_year: i32::from(month_of_year) - 1,
        }
    }

    /// Returns the first instant of a month.
    pub(crate) fn start_of(&self, month: i32) -> Timestamp {
        self.starts[(month + MONTHS_BEFORE) as usize]
    }

    /// Returns how long a month is.
    pub(crate) fn length_of(&self, month: i32) -> Span {
        self.start_of(month + 1).since(self.start_of(month))
    }

    /// Returns the place of a month in its year: 0 for January.
    pub(crate) fn season_of(&self, month: i32) -> usize {
        (self.first_month_of_year + month).rem_euclid(12) as usize
    }
}
