//! What no fact of an operator goes beyond, so that sums fit and what is kept for ever is no slip.

use tenure_core::{Money, Span, Timestamp, Violations};

/// The most minor units of one amount, either way: thousands of them can be added up in 64 bits.
pub const MINOR_MAX: i64 = 1_000_000_000_000_000;
/// The most seconds, megabytes or messages of one summary.
pub const COUNT_MAX: i64 = 1_000_000_000_000;
/// How far clocks and time zones may be apart: what happened is not told of further ahead.
const AHEAD_MAX: Span = Span::from_days(1);

/// Notes an amount that is out of bounds.
pub fn check_money(violations: &mut Violations, field: &str, money: Money) {
    if !(-MINOR_MAX..=MINOR_MAX).contains(&money.minor) {
        let wanted = format!("-{MINOR_MAX} to {MINOR_MAX} minor units");
        violations.add(
            &format!("{field}.amount_minor"),
            wanted,
            money.minor.to_string(),
        );
    }
}

/// Notes an instant that has yet to come.
pub fn check_happened(
    violations: &mut Violations,
    field: &str,
    at: Option<Timestamp>,
    now: Timestamp,
) {
    if at.is_some_and(|at| at > now + AHEAD_MAX) {
        violations.add(field, "at most a day from now", "a later instant");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenure_core::Currency;

    fn count(check: impl FnOnce(&mut Violations)) -> usize {
        let mut violations = Violations::new();
        check(&mut violations);
        violations.into_result().err().unwrap_or_default().len()
    }

    #[test]
    fn amounts_end_at_a_thousand_million_million_minor_units() {
        let wrong = |minor| {
            let currency = Currency::parse("EUR").unwrap();
            count(|found| check_money(found, "amount", Money { currency, minor }))
        };
        let most = 10_i64.pow(15);
        let found = [most, -most, most + 1, -most - 1, i64::MAX, i64::MIN].map(wrong);
        assert_eq!(found, [0, 0, 1, 1, 1, 1]);
    }

    #[test]
    fn what_happened_is_at_most_a_day_ahead() {
        let now = Timestamp::from_date(2024, 3, 1).unwrap();
        let wrong = |at| count(|found| check_happened(found, "event_time", at, now));
        let day = Timestamp::from_date(2024, 3, 2).unwrap();
        let later = Timestamp::from_micros(day.as_micros() + 1);
        let found = [
            None,
            Some(Timestamp::MIN),
            Some(now),
            Some(day),
            Some(later),
        ]
        .map(wrong);
        assert_eq!(found, [0, 0, 0, 0, 1]);
        let last = Some(Timestamp::MAX);
        assert_eq!(count(|found| check_happened(found, "x", last, now)), 1);
    }
}
