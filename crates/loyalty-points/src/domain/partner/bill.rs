//! What a settlement adds up to: lines of points, each priced once.

use std::collections::BTreeMap;

use super::{Direction, PRICED_POINTS, Payment, Prices, WHOLE};

/// What entries have in common that are priced together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineKey {
    /// Which way the points moved.
    pub direction: Direction,
    /// The type of the points; empty for those spent.
    pub points_type: String,
    /// The terms under which it was decided.
    pub terms: i64,
    /// Which part of the points the partner funds, in basis points.
    pub share: u32,
}

/// Points that moved, and points that were taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moved {
    /// How many entries that were.
    pub entries: i64,
    /// Earned, or spent.
    pub points: i64,
    /// Of these or of earlier ones, taken back.
    pub returned: i64,
}

impl Moved {
    /// Adds what one entry moved; negative where it took back.
    pub fn add(&mut self, points: i64) {
        self.entries += 1;
        self.points += points.max(0);
        self.returned += (-points).max(0);
    }

    /// Adds others.
    pub fn merge(&mut self, other: Self) {
        self.entries += other.entries;
        self.points += other.points;
        self.returned += other.returned;
    }

    /// Returns what is left when what was taken back is taken off; negative when more was.
    #[must_use]
    pub fn net(&self) -> i64 {
        self.points - self.returned
    }
}

/// One line of a bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillLine {
    /// What its entries have in common.
    pub key: LineKey,
    /// The points.
    pub moved: Moved,
    /// The price of 1,000 points, in minor units.
    pub price: i64,
    /// Which part of it is billed, in basis points.
    pub billed: u32,
    /// What it comes to, in minor units; negative when more was taken back than moved.
    pub amount: i64,
}

/// The lines of a settlement, priced.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bill {
    /// The lines, in the order of their keys.
    pub lines: Vec<BillLine>,
}

impl Bill {
    /// Prices lines. What a partner funds that has paid before costs nothing more.
    #[must_use]
    pub fn of<'p>(
        moved: BTreeMap<LineKey, Moved>,
        payment: Payment,
        prices: impl Fn(i64) -> Option<&'p Prices>,
    ) -> Option<Self> {
        let line = |(key, moved): (LineKey, Moved)| {
            let prices = prices(key.terms)?;
            let is_paid = payment == Payment::Prepaid && key.direction == Direction::Accrual;
            let price = if is_paid {
                0
            } else {
                prices.price(key.direction, &key.points_type)
            };
            let billed = prices.billed(key.direction);
            let amount = amount(moved.net(), price, billed, key.share);
            Some(BillLine {
                key,
                moved,
                price,
                billed,
                amount,
            })
        };
        let lines: Option<Vec<BillLine>> = moved.into_iter().map(line).collect();
        lines.map(|lines| Self { lines })
    }

    /// Returns the sum of the lines of one direction, in minor units.
    #[must_use]
    pub fn sum(&self, direction: Direction) -> i64 {
        let lines = self.lines.iter();
        let lines = lines.filter(|line| line.key.direction == direction);
        lines.map(|line| line.amount).sum()
    }

    /// Returns what the partner owes, in minor units; negative when the operator owes.
    #[must_use]
    pub fn net(&self) -> i64 {
        self.sum(Direction::Accrual) - self.sum(Direction::Burn)
    }
}

/// Returns what `points` come to, in minor units: rounded once, to the nearest, halves to the even
/// one.
#[must_use]
fn amount(points: i64, price: i64, billed: u32, share: u32) -> i64 {
    let product = i128::from(points) * i128::from(price) * i128::from(billed) * i128::from(share);
    let divisor = i128::from(PRICED_POINTS) * i128::from(WHOLE) * i128::from(WHOLE);
    let (whole, rest) = (product.div_euclid(divisor), product.rem_euclid(divisor));
    let up = match (rest * 2).cmp(&divisor) {
        std::cmp::Ordering::Less => 0,
        std::cmp::Ordering::Equal => whole.rem_euclid(2),
        std::cmp::Ordering::Greater => 1,
    };
    let whole = whole + up;
    i64::try_from(whole).unwrap_or(if whole < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_to_the_even_unit_on_both_sides_of_zero() {
        // 500 points at 1 minor unit for 1,000 are half a unit.
        let at_one = |points| amount(points, 1, WHOLE, WHOLE);
        assert_eq!([500, 1_500, 2_500, 3_500].map(at_one), [0, 2, 2, 4]);
        assert_eq!([-500, -1_500, -2_500, -3_500].map(at_one), [0, -2, -2, -4]);
        assert_eq!([499, 501, -499, -501].map(at_one), [0, 1, 0, -1]);
    }

    #[test]
    fn a_line_is_rounded_once_after_percentage_and_share() {
        // 77, of that 90 % is 69.3, of that the half 34.65. Rounded at every step: 69, then 34.
        assert_eq!(amount(1_000, 77, 9_000, 5_000), 35);
    }

    #[test]
    fn the_largest_values_fit() {
        let most = amount(1_000_000_000_000, 1_000_000_000, WHOLE, WHOLE);
        assert_eq!(most, 1_000_000_000_000_000_000);
    }

    #[test]
    fn what_was_paid_before_costs_nothing_and_the_net_is_what_the_partner_owes() {
        let prices = Prices {
            accrual: [("".to_owned(), 1_000)].into(),
            billing: WHOLE,
            redemption: 800,
        };
        let key = |direction| LineKey {
            direction,
            points_type: String::new(),
            terms: 1,
            share: WHOLE,
        };
        let mut accrued = Moved::default();
        accrued.add(5_000);
        accrued.add(-1_000);
        let mut burned = Moved::default();
        burned.add(2_000);
        let moved = || {
            BTreeMap::from([
                (key(Direction::Accrual), accrued),
                (key(Direction::Burn), burned),
            ])
        };
        let bill = |payment| Bill::of(moved(), payment, |_| Some(&prices)).unwrap();

        // 4,000 at 1.000 for each, less 2,000 at 0.8.
        assert_eq!(bill(Payment::Postpaid).net(), 4_000 - 1_600);
        assert_eq!(bill(Payment::Prepaid).net(), -1_600);
    }
}
