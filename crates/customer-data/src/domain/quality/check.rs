//! One value under one rule.

use tenure_core::{Span, Timestamp};

use super::{Bins, Check, ValueType};
use crate::domain::Msisdn;

/// The longest address of mail, in bytes (RFC 5321).
const EMAIL_LENGTH_MAX: usize = 254;

/// A value of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// Text.
    Text(&'a str),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// Yes or no.
    Flag(bool),
    /// An instant.
    Instant(Timestamp),
}

/// What is against a value: what was wanted, and what kind of thing was found. Never the value itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What the rule wants.
    pub wanted: String,
    /// What kind of thing was found.
    pub found: &'static str,
}

impl Value<'_> {
    fn kind(self) -> &'static str {
        match self {
            Self::Text(_) => "another text",
            Self::Integer(_) | Self::Number(_) => "another number",
            Self::Flag(_) => "yes or no",
            Self::Instant(_) => "another instant",
        }
    }

    fn number(self) -> Option<f64> {
        match self {
            Self::Text(text) => text.parse().ok().filter(|it: &f64| it.is_finite()),
            #[expect(clippy::cast_precision_loss, reason = "limits are as coarse")]
            Self::Integer(number) => Some(number as f64),
            Self::Number(number) => Some(number).filter(|it| it.is_finite()),
            Self::Flag(_) | Self::Instant(_) => None,
        }
    }

    fn is_word(self, word: &str) -> bool {
        match self {
            Self::Text(text) => text == word,
            Self::Integer(number) => number.to_string() == word,
            Self::Number(number) => number.to_string() == word,
            Self::Flag(flag) => flag.to_string() == word,
            Self::Instant(_) => false,
        }
    }

    fn is_a(self, wanted: ValueType) -> bool {
        match (wanted, self) {
            (ValueType::Integer, Self::Integer(_))
            | (ValueType::Date, Self::Instant(_))
            | (ValueType::Boolean, Self::Flag(_)) => true,
            (ValueType::Integer, Self::Text(text)) => text.parse::<i64>().is_ok(),
            (ValueType::Decimal, value) => value.number().is_some(),
            (ValueType::Date, Self::Text(text)) => Timestamp::parse(text).is_ok(),
            (ValueType::Boolean, Self::Text(text)) => text == "true" || text == "false",
            (ValueType::Email, Self::Text(text)) => is_email(text),
            (ValueType::Msisdn, Self::Text(text)) => Msisdn::parse(text).is_ok(),
            _ => false,
        }
    }
}

/// Returns true for what can be an address: one `@`, a name before it, a domain with a point behind.
fn is_email(text: &str) -> bool {
    let Some((name, domain)) = text.split_once('@') else {
        return false;
    };
    let is_label = |label: &str| {
        let is_sign = |c: u8| c.is_ascii_alphanumeric() || c == b'-';
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(is_sign)
    };
    text.len() <= EMAIL_LENGTH_MAX
        && !name.is_empty()
        && name.bytes().all(|c| c.is_ascii_graphic())
        && domain.contains('.')
        && domain.split('.').all(is_label)
}

impl Check {
    /// Returns what is against a value that came at `now`.
    #[must_use]
    pub fn against(&self, value: Value<'_>, now: Timestamp) -> Option<Found> {
        let is_good = match self {
            Self::Required | Self::Drift { .. } => true,
            Self::Type(number) => ValueType::from_number(*number).is_some_and(|it| value.is_a(it)),
            Self::Range { min, max } => value.number().is_some_and(|it| {
                min.is_none_or(|min| it >= min) && max.is_none_or(|max| it <= max)
            }),
            Self::Reference(words) => words.iter().any(|word| value.is_word(word)),
            Self::Freshness(days) => match value {
                Value::Instant(at) => at <= now && at >= now - Span::from_days(i64::from(*days)),
                _ => false,
            },
        };
        (!is_good).then(|| Found {
            wanted: self.wanted(),
            found: value.kind(),
        })
    }

    /// Returns what the check wants, for people.
    #[must_use]
    pub fn wanted(&self) -> String {
        let limit = |limit: &Option<f64>| limit.map_or("any".to_owned(), |it| it.to_string());
        match self {
            Self::Required => "a value".to_owned(),
            Self::Type(number) => match ValueType::from_number(*number) {
                Some(ValueType::Integer) => "a whole number",
                Some(ValueType::Decimal) => "a number",
                Some(ValueType::Date) => "a date",
                Some(ValueType::Boolean) => "true or false",
                Some(ValueType::Email) => "an address of mail",
                Some(ValueType::Msisdn) => "a phone number",
                None => "nothing",
            }
            .to_owned(),
            Self::Range { min, max } => {
                format!(
                    "a number of at least {} and at most {}",
                    limit(min),
                    limit(max)
                )
            }
            Self::Reference(words) => format!("one of {} known words", words.len()),
            Self::Freshness(days) => format!("an instant of the last {days} days"),
            Self::Drift { .. } => "what there was before".to_owned(),
        }
    }
}

impl Bins {
    /// Returns how many bins there are.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::Limits(limits) => limits.len() + 1,
            Self::Categories(words) => words.len() + 1,
        }
    }

    /// Returns the bin of a value; nothing for one that is no number between limits.
    #[must_use]
    pub fn of(&self, value: Value<'_>) -> Option<usize> {
        match self {
            Self::Limits(limits) => {
                let number = value.number()?;
                Some(limits.partition_point(|limit| *limit <= number))
            }
            Self::Categories(words) => {
                let known = words.iter().position(|word| value.is_word(word));
                Some(known.unwrap_or(words.len()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_micros(1_735_689_600_000_000);

    fn is_good(check: &Check, value: Value<'_>) -> bool {
        check.against(value, NOW).is_none()
    }

    #[test]
    fn a_type_takes_what_reads_as_one() {
        let cases: [(ValueType, &str, &str); 6] = [
            (ValueType::Integer, "-12", "1.5"),
            (ValueType::Decimal, "1.5", "NaN"),
            (ValueType::Date, "2025-01-31", "31.01.2025"),
            (ValueType::Boolean, "true", "yes"),
            (ValueType::Email, "a.b@example.org", "a@b@example.org"),
            (ValueType::Msisdn, "+491701234567", "0170"),
        ];
        for (wanted, good, bad) in cases {
            let check = Check::Type(wanted.number());
            assert!(is_good(&check, Value::Text(good)), "{wanted:?} {good}");
            assert!(!is_good(&check, Value::Text(bad)), "{wanted:?} {bad}");
        }
    }

    #[test]
    fn freshness_holds_at_both_ends_and_not_beyond() {
        let check = Check::Freshness(30);
        let at = |micros: i64| Value::Instant(Timestamp::from_micros(NOW.as_micros() + micros));
        let month = 30 * 86_400_000_000;

        assert!(is_good(&check, at(0)));
        assert!(is_good(&check, at(-month)));
        assert!(!is_good(&check, at(-month - 1)));
        assert!(!is_good(&check, at(1)));
        assert!(!is_good(&check, Value::Text("2025-01-01")));
    }

    #[test]
    fn what_is_told_holds_no_value() {
        let check = Check::Reference(vec!["north".into()]);

        let found = check.against(Value::Text("Ada Lovelace"), NOW).unwrap();

        assert_eq!(found.found, "another text");
        assert_eq!(found.wanted, "one of 1 known words");
    }

    proptest! {
        #[test]
        fn the_bin_of_a_number_is_the_count_of_limits_not_above_it(
            mut limits in prop::collection::vec(-100_i32..100, 0..32),
            number in -120_i32..120,
        ) {
            limits.sort_unstable();
            let naive = limits.iter().filter(|limit| **limit <= number).count();
            let bins = Bins::Limits(limits.iter().map(|it| f64::from(*it)).collect());
            prop_assert_eq!(bins.of(Value::Integer(number.into())), Some(naive));
            prop_assert!(naive < bins.count());
        }

        #[test]
        fn a_range_takes_what_lies_in_it(min in -50_i32..50, max in -50_i32..50, it in -60_i32..60) {
            let check = Check::Range { min: Some(min.into()), max: Some(max.into()) };
            prop_assert_eq!(is_good(&check, Value::Integer(it.into())), (min..=max).contains(&it));
        }
    }
}
