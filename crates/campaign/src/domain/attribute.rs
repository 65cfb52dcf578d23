//! Conditions upon attributes, in three-valued logic: true, false, unknown.

use std::cmp::Ordering;

use tenure_core::Timestamp;

use super::words::words;

/// A value of one of five types.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// Text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A finite number.
    Number(f64),
    /// Yes or no.
    Flag(bool),
    /// An instant.
    Instant(Timestamp),
}

words! {
    /// How an attribute is compared.
    Comparison {
        /// Equal.
        Equal = 1,
        /// Known and not equal.
        NotEqual = 2,
        /// Less.
        Less = 3,
        /// Less or equal.
        LessOrEqual = 4,
        /// Greater.
        Greater = 5,
        /// Greater or equal.
        GreaterOrEqual = 6,
    }
}

impl Comparison {
    /// Returns true for a comparison that needs an order, not only equality.
    pub(crate) fn needs_order(self) -> bool {
        !matches!(self, Self::Equal | Self::NotEqual)
    }
}

impl Value {
    /// Returns true for values that have an order which people agree on.
    pub(crate) fn is_ordered(&self) -> bool {
        matches!(self, Self::Integer(_) | Self::Number(_) | Self::Instant(_))
    }

    /// Compares two values; nothing when their types cannot be compared.
    fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Integer(a), Self::Integer(b)) => Some(a.cmp(b)),
            (Self::Number(a), Self::Number(b)) => a.partial_cmp(b),
            (Self::Integer(a), Self::Number(b)) => compare_mixed(*a, *b),
            (Self::Number(a), Self::Integer(b)) => compare_mixed(*b, *a).map(Ordering::reverse),
            (Self::Flag(a), Self::Flag(b)) => Some(a.cmp(b)),
            (Self::Instant(a), Self::Instant(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }
}

/// Compares a whole number with one that has a fraction, without rounding the former.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the range was checked before"
)]
fn compare_mixed(whole: i64, number: f64) -> Option<Ordering> {
    // 2^63, the first number beyond an i64.
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    if number.is_nan() {
        None
    } else if number >= BEYOND {
        Some(Ordering::Less)
    } else if number < -BEYOND {
        Some(Ordering::Greater)
    } else {
        let floor = number.floor();
        Some(whole.cmp(&(floor as i64)).then(if number > floor {
            Ordering::Less
        } else {
            Ordering::Equal
        }))
    }
}

/// A condition upon one attribute.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Condition {
    /// The attribute.
    pub(crate) name: String,
    /// The comparison.
    pub(crate) comparison: Comparison,
    /// What it is compared with.
    pub(crate) value: Value,
}

impl Condition {
    /// Says whether the condition is true of an attribute's value. Nothing means unknown: the value
    /// is not known, or is of another type.
    pub(crate) fn check(&self, value: Option<&Value>) -> Option<bool> {
        let order = value?.compare(&self.value)?;
        Some(match self.comparison {
            Comparison::Equal => order.is_eq(),
            Comparison::NotEqual => order.is_ne(),
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterOrEqual => order.is_ge(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: Option<&Value>, comparison: Comparison, with: Value) -> Option<bool> {
        let condition = Condition {
            name: "x".into(),
            comparison,
            value: with,
        };
        condition.check(value)
    }

    #[test]
    fn what_is_unknown_is_neither_equal_nor_unequal() {
        let text = || Value::Text("cash".into());

        assert_eq!(check(None, Comparison::Equal, text()), None);
        assert_eq!(check(None, Comparison::NotEqual, text()), None);
        assert_eq!(
            check(Some(&Value::Flag(true)), Comparison::NotEqual, text()),
            None
        );
        assert_eq!(
            check(Some(&text()), Comparison::NotEqual, text()),
            Some(false)
        );
    }

    #[test]
    fn each_comparison_is_what_it_says() {
        use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        let table = [
            (Equal, [false, true, false]),
            (NotEqual, [true, false, true]),
            (Less, [true, false, false]),
            (LessOrEqual, [true, true, false]),
            (Greater, [false, false, true]),
            (GreaterOrEqual, [false, true, true]),
        ];
        for (comparison, expected) in table {
            let found = [4, 5, 6]
                .map(|x| check(Some(&Value::Integer(x)), comparison, Value::Integer(5)).unwrap());
            assert_eq!(found, expected, "{comparison:?}");
        }
    }

    #[test]
    fn whole_numbers_and_fractions_compare_without_rounding() {
        let large = 9_007_199_254_740_993; // 2^53 + 1, which no f64 can hold.
        let near = 9_007_199_254_740_992.0;

        assert_eq!(compare_mixed(large, near), Some(Ordering::Greater));
        assert_eq!(compare_mixed(2, 2.5), Some(Ordering::Less));
        assert_eq!(compare_mixed(-2, -2.5), Some(Ordering::Greater));
        assert_eq!(compare_mixed(3, 3.0), Some(Ordering::Equal));
        assert_eq!(compare_mixed(i64::MAX, f64::INFINITY), Some(Ordering::Less));
        assert_eq!(
            compare_mixed(i64::MIN, -9_223_372_036_854_775_808.0),
            Some(Ordering::Equal)
        );
    }
}
