//! A value per month: its level and how fast it changes.

/// Months that a series can look back from its last one.
const SPAN: usize = 12;

/// A value per month. A month between two known ones without a value counts as zero.
#[derive(Debug, Clone)]
pub(super) struct Series {
    /// Month numbers with their sums, ascending.
    months: Vec<(i32, f64)>,
    first: Option<i32>,
}

impl Series {
    pub(super) fn new() -> Self {
        Self {
            months: Vec::with_capacity(SPAN),
            first: None,
        }
    }

    /// Adds to a month; months come in ascending order.
    pub(super) fn add(&mut self, month: i32, value: f64) {
        match self.months.last_mut() {
            Some((last, sum)) if *last == month => *sum += value,
            _ => self.months.push((month, value)),
        }
    }

    /// Leaves out the months before `first`, unless nothing would be left.
    pub(super) fn start_at(&mut self, first: i32) {
        self.first = Some(first);
    }

    pub(super) fn oldest(&self) -> Option<i32> {
        self.months.first().map(|(month, _)| *month)
    }

    pub(super) fn last(&self) -> Option<i32> {
        self.months.last().map(|(month, _)| *month)
    }

    pub(super) fn last_positive(&self) -> Option<i32> {
        self.months
            .iter()
            .rev()
            .find(|(_, value)| *value > 0.0)
            .map(|(month, _)| *month)
    }

    /// Returns up to `length` values that end with the last month, oldest first.
    fn window(&self, length: usize) -> Vec<f64> {
        let (Some(last), Some((oldest, _))) = (self.last(), self.months.first()) else {
            return Vec::new();
        };
        let span = i32::try_from(length.min(SPAN)).expect("at most 12");
        let first = self
            .first
            .unwrap_or(i32::MIN)
            .max(*oldest)
            .min(last)
            .max(last - span + 1);
        let value = |month: i32| {
            self.months
                .iter()
                .rev()
                .find(|(m, _)| *m == month)
                .map_or(0.0, |(_, value)| *value)
        };
        (first..=last).map(value).collect()
    }

    /// Returns the mean of the last `length` months.
    pub(super) fn level(&self, length: usize) -> f64 {
        mean(&self.window(length))
    }

    /// Returns the change per month relative to the mean over the last `length` months: the slope
    /// of the least-squares line through them, divided by their mean. Not a number where fewer
    /// months are known, or nothing happened in them.
    pub(super) fn trend(&self, length: usize) -> f64 {
        let values = self.window(length);
        let level = mean(&values);
        if values.len() < length || level <= 0.0 {
            return f64::NAN;
        }
        let middle = (position(length) - 1.0) / 2.0;
        let (mut product, mut square) = (0.0, 0.0);
        for (index, value) in values.iter().enumerate() {
            let offset = position(index) - middle;
            product += offset * value;
            square += offset * offset;
        }
        product / square / level
    }
}

/// Returns the mean trend of the series that have one: a customer who calls less but surfs as much
/// more has none.
pub(super) fn joint_trend(series: &[Series], length: usize) -> f64 {
    let trends: Vec<f64> = series
        .iter()
        .map(|s| s.trend(length))
        .filter(|trend| !trend.is_nan())
        .collect();
    mean(&trends)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / position(values.len())
}

fn position(index: usize) -> f64 {
    f64::from(u32::try_from(index).expect("at most 12 months"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: &[f64]) -> Series {
        let mut series = Series::new();
        for (month, value) in (100..).zip(values) {
            series.add(month, *value);
        }
        series
    }

    #[test]
    fn a_straight_line_has_its_slope_over_its_mean() {
        let line = series(&[60.0, 50.0, 40.0, 30.0, 20.0, 10.0]);

        assert!((line.trend(6) - -10.0 / 35.0).abs() < 1e-12);
        assert!((line.trend(3) - -10.0 / 20.0).abs() < 1e-12);
        assert!((line.level(3) - 20.0).abs() < 1e-12);
    }

    #[test]
    fn too_few_months_have_no_trend_and_gaps_are_zero() {
        let mut gap = series(&[6.0, 6.0]);
        gap.add(103, 6.0);

        assert!(gap.trend(6).is_nan());
        assert!((gap.level(4) - 4.5).abs() < 1e-12);
        assert!(Series::new().level(3).is_nan());
    }
}
