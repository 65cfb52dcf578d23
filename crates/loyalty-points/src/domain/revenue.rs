//! Money for points: what part of a price they carry, and when it becomes revenue.
//!
//! Points that a sale earns are a right of the customer. A part of the price is deferred for them
//! ([`allocate`], [`allocate_fair_value`]) and becomes revenue as they are used ([`Progress`]).
//! Amounts are whole minor units; every product and quotient is exact until it is rounded, once, to
//! the nearest minor unit, halves up.

mod allocate;
mod recognise;

pub use allocate::{Split, allocate, allocate_fair_value};
pub use recognise::Progress;

/// The largest amount of money, in minor units, and the largest count of points that are reckoned
/// with: products with a [`Share`] still fit 128 bits.
pub const AMOUNT_MAX: i64 = 1_000_000_000_000_000;

/// A share of a whole, in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u32);

impl Share {
    /// The parts of the whole.
    pub const WHOLE: u32 = 1_000_000;

    /// Returns so many millionths; nothing for more than the whole.
    #[must_use]
    pub fn from_ppm(ppm: u32) -> Option<Self> {
        (ppm <= Self::WHOLE).then_some(Self(ppm))
    }

    /// Returns the millionths.
    #[must_use]
    pub fn ppm(self) -> u32 {
        self.0
    }
}

/// An amount of money, in minor units, for a count of points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    minor: i64,
    points: i64,
}

impl Price {
    /// Returns the price `minor` of `points` points; nothing unless the amount is 0 to
    /// [`AMOUNT_MAX`] and the points are 1 to [`AMOUNT_MAX`].
    #[must_use]
    pub fn new(minor: i64, points: i64) -> Option<Self> {
        let fits = (0..=AMOUNT_MAX).contains(&minor) && (1..=AMOUNT_MAX).contains(&points);
        fits.then_some(Self { minor, points })
    }

    /// Returns the price of `points` points, rounded; nothing when it is beyond [`AMOUNT_MAX`].
    #[must_use]
    pub fn of(self, points: i64) -> Option<i64> {
        let price = rounded(
            i128::from(self.minor) * i128::from(points.max(0)),
            i128::from(self.points),
        );
        i64::try_from(price).ok().filter(|it| *it <= AMOUNT_MAX)
    }
}

/// Returns the quotient of what is not negative, rounded to the nearest whole number, halves up.
fn rounded(dividend: i128, divisor: i128) -> i128 {
    let (quotient, rest) = (dividend / divisor, dividend % divisor);
    quotient + i128::from(rest >= divisor - rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_rounded_up() {
        let cases = [(0, 2, 0), (1, 2, 1), (1, 3, 0), (2, 3, 1), (3, 2, 2)];
        for (dividend, divisor, wanted) in cases {
            assert_eq!(rounded(dividend, divisor), wanted, "{dividend}/{divisor}");
        }
    }

    #[test]
    fn shares_and_prices_have_limits() {
        assert_eq!(Share::from_ppm(1_000_000).map(Share::ppm), Some(1_000_000));
        assert_eq!(Share::from_ppm(1_000_001), None);
        assert_eq!(Price::new(1, 0), None);
        assert_eq!(Price::new(-1, 1), None);
        assert_eq!(Price::new(AMOUNT_MAX + 1, 1), None);
        assert_eq!(Price::new(AMOUNT_MAX, 1).unwrap().of(2), None);
        assert_eq!(Price::new(1, 3).unwrap().of(5), Some(2));
        assert_eq!(Price::new(1, 3).unwrap().of(-5), Some(0));
    }
}
