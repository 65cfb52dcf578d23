//! One price for goods and points: which part of it is for the points.

use super::{AMOUNT_MAX, Price, Share, rounded};

/// A price in two parts, which add up to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    /// For the goods: revenue at once.
    pub revenue: i64,
    /// For the points: deferred.
    pub deferred: i64,
}

/// Splits `price` in proportion to what goods and points would cost alone; the points count as far
/// as they are expected to be redeemed. The deferred part is rounded and revenue is the rest.
/// Where both would cost nothing, all is revenue. Nothing when an amount is negative or beyond
/// [`AMOUNT_MAX`].
#[must_use]
pub fn allocate(
    price: i64,
    goods: i64,
    (points, value): (i64, Price),
    expected: Share,
) -> Option<Split> {
    require_amounts(&[price, goods, points])?;
    // Both stand-alone prices, times the same divisor.
    let divisor = i128::from(value.points) * i128::from(Share::WHOLE);
    let points = i128::from(points) * i128::from(value.minor) * i128::from(expected.ppm());
    let goods = i128::from(goods).checked_mul(divisor)?;
    let both = goods.checked_add(points)?;
    if both == 0 {
        return Some(split(price, 0));
    }
    let shared = greatest_common_divisor(points, both);
    let (points, both) = (points / shared, both / shared);
    let deferred = rounded(i128::from(price).checked_mul(points)?, both);
    Some(split(price, i64::try_from(deferred).ok()?))
}

/// Splits `price` by the fair value of the points alone, as older standards have it: the points
/// carry their value, the goods the rest. Never more than the price is deferred.
#[must_use]
pub fn allocate_fair_value(
    price: i64,
    (points, value): (i64, Price),
    expected: Share,
) -> Option<Split> {
    require_amounts(&[price, points])?;
    let worth = i128::from(points) * i128::from(value.minor);
    let worth = worth.checked_mul(i128::from(expected.ppm()))?;
    let divisor = i128::from(value.points) * i128::from(Share::WHOLE);
    let deferred = rounded(worth, divisor).min(i128::from(price));
    Some(split(price, i64::try_from(deferred).ok()?))
}

fn split(price: i64, deferred: i64) -> Split {
    Split {
        revenue: price - deferred,
        deferred,
    }
}

fn require_amounts(amounts: &[i64]) -> Option<()> {
    let fit = |amount: &i64| (0..=AMOUNT_MAX).contains(amount);
    amounts.iter().all(fit).then_some(())
}

fn greatest_common_divisor(mut one: i128, mut other: i128) -> i128 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn share(ppm: u32) -> Share {
        Share::from_ppm(ppm).unwrap()
    }

    fn price(minor: i64, points: i64) -> Price {
        Price::new(minor, points).unwrap()
    }

    /// Golden case G13: 240 of airtime with points worth 50. Amounts in hundredths.
    #[test]
    fn g13_airtime_of_240_with_points_worth_50_is_190_of_revenue() {
        let wanted = Some(Split {
            revenue: 19_000,
            deferred: 5_000,
        });
        let points = (50, price(100, 1));

        assert_eq!(
            allocate_fair_value(24_000, points, share(1_000_000)),
            wanted
        );
        // Airtime that costs 190 alone gives the same by relative prices.
        assert_eq!(allocate(24_000, 19_000, points, share(1_000_000)), wanted);
    }

    /// Golden case G14: 800 for goods and for points worth 24, of which 80 % are expected to be
    /// redeemed: 800 x 800 / 819.20.
    #[test]
    fn g14_a_price_of_800_with_points_worth_24_at_80_percent_defers_18_75() {
        let wanted = Some(Split {
            revenue: 78_125,
            deferred: 1_875,
        });
        let points = (24, price(100, 1));

        assert_eq!(allocate(80_000, 80_000, points, share(800_000)), wanted);
    }

    #[test]
    fn what_costs_nothing_and_what_is_too_much_is_told() {
        let nothing = allocate(100, 0, (10, price(0, 1)), share(1_000_000)).unwrap();
        assert_eq!((nothing.revenue, nothing.deferred), (100, 0));
        assert_eq!(allocate(-1, 0, (0, price(1, 1)), share(0)), None);
        let all = allocate_fair_value(100, (10, price(50, 1)), share(1_000_000)).unwrap();
        assert_eq!((all.revenue, all.deferred), (0, 100));
    }

    proptest! {
        #[test]
        fn both_parts_add_up_and_more_value_defers_more(
            paid in 0_i64..1_000_000_000_000,
            goods in 1_i64..1_000_000_000_000,
            points in 0_i64..1_000_000_000,
            minor in 0_i64..10_000,
            per in 1_i64..10_000,
            ppm in 0_u32..=1_000_000,
        ) {
            let by = |ppm| allocate(paid, goods, (points, price(minor, per)), share(ppm)).unwrap();
            let (less, all) = (by(ppm), by(1_000_000));

            prop_assert_eq!(less.revenue + less.deferred, paid);
            prop_assert!(less.revenue >= 0 && less.deferred >= 0);
            prop_assert!(less.deferred <= all.deferred);
            // The exact share, in floating point, to within rounding.
            let alone = points as f64 * minor as f64 / per as f64 * f64::from(ppm) / 1e6;
            let exact = paid as f64 * alone / (goods as f64 + alone);
            prop_assert!((less.deferred as f64 - exact).abs() <= 0.5 + exact * 1e-9);
        }
    }
}
