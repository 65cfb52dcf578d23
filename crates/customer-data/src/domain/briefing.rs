//! What a person at a touchpoint is told of the own records, and in which order.

mod care;

use std::cmp::Reverse;

use tenure_core::{Money, Span, SubscriptionId, Timestamp};

use super::attribute::{AttributeName, AttributeValue};
use super::bill::Bill;
use super::customer::Customer;
use super::subscription::Subscription;
use super::words::BillState;

pub use care::{BROKEN_SPAN, Owed, owed, urgent};

/// How long the two times are whose bills are compared.
pub const TREND_SPAN: Span = Span::from_days(90);
/// Income that differs by no more than this part is steady: a tenth.
const STEADY_PART: i128 = 10;

/// How income goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trend {
    /// More than a tenth less than before.
    Falling,
    /// Within a tenth of what it was.
    Steady,
    /// More than a tenth more.
    Rising,
}

/// What was billed lately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Revenue {
    /// In the last 90 days.
    pub recent: Option<Money>,
    /// In the 90 days before.
    pub earlier: Option<Money>,
    /// How the one compares with the other, if that is known.
    pub trend: Option<Trend>,
}

/// Returns what was billed in the last 90 days and the 90 before, from the newest bills of a
/// customer. When there `may_be_more` bills than these and they do not reach back far enough, the
/// earlier time and the trend are not known.
#[must_use]
pub fn revenue(bills: &[Bill], may_be_more: bool, now: Timestamp) -> Revenue {
    let middle = now - TREND_SPAN;
    let start = middle - TREND_SPAN;
    let Some(currency) = bills.first().map(|bill| bill.amount.currency) else {
        return Revenue::default();
    };
    let oldest = bills.iter().map(|bill| bill.issued_at).min();
    let reach_back = |to: Timestamp| !may_be_more || oldest.is_some_and(|oldest| oldest <= to);
    let billed = |after: Timestamp, until: Timestamp| {
        let mut sum = None;
        for bill in bills {
            if bill.issued_at > after && bill.issued_at <= until && bill.amount.currency == currency
            {
                let minor = sum.map_or(0, |money: Money| money.minor);
                let minor = minor.saturating_add(bill.amount.minor);
                sum = Some(Money { currency, minor });
            }
        }
        sum.filter(|_| reach_back(after))
    };
    let (recent, earlier) = (billed(middle, now), billed(start, middle));
    let trend = recent.zip(earlier).and_then(|(recent, earlier)| {
        let (recent, earlier) = (i128::from(recent.minor), i128::from(earlier.minor));
        trend(recent, earlier)
    });
    Revenue {
        recent,
        earlier,
        trend,
    }
}

/// Compares two sums; there is nothing to compare with where nothing was brought before.
fn trend(recent: i128, earlier: i128) -> Option<Trend> {
    if earlier <= 0 {
        return None;
    }
    let change = (recent - earlier) * STEADY_PART;
    Some(match change {
        change if change < -earlier => Trend::Falling,
        change if change > earlier => Trend::Rising,
        _ => Trend::Steady,
    })
}

/// Returns how many bills should have been paid by now and are not, and since when the first of
/// them.
#[must_use]
pub fn overdue(bills: &[Bill], now: Timestamp) -> (usize, Option<Timestamp>) {
    let late = bills
        .iter()
        .filter(|bill| bill.state != BillState::Settled && bill.due_at < now);
    (late.clone().count(), late.map(|bill| bill.due_at).min())
}

/// Puts subscriptions into the order in which a person needs them: that of the number asked by, then
/// suspended ones, then those whose contract ends first.
pub fn sort(subscriptions: &mut [Subscription], asked: Option<&SubscriptionId>) {
    subscriptions.sort_by_key(|subscription| {
        (
            Reverse(Some(&subscription.id) == asked),
            Reverse(subscription.standing.suspension.is_some()),
            subscription.contract_ends_at.unwrap_or(Timestamp::MAX),
            subscription.id.clone(),
        )
    });
}

/// Returns those attributes that are configured as special and that the customer has, in the order
/// of the configuration. A flag that is false says that the customer has it not.
#[must_use]
pub fn special<'a>(
    customer: &'a Customer,
    names: &[AttributeName],
) -> Vec<(&'a AttributeName, &'a AttributeValue)> {
    let has = |name: &AttributeName| customer.attributes.get_key_value(name);
    names
        .iter()
        .filter_map(has)
        .filter(|(_, value)| **value != AttributeValue::Flag(false))
        .collect()
}

#[cfg(test)]
mod tests {
    use tenure_core::{BillId, Currency, CustomerId};

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_750_000_000_000_000);

    fn bill(days_ago: i64, minor: i64) -> Bill {
        let issued_at = NOW - Span::from_days(days_ago);
        Bill {
            id: BillId::parse(&format!("B{days_ago}")).unwrap(),
            customer: CustomerId::parse("ada").unwrap(),
            issued_at,
            due_at: issued_at + Span::from_days(20),
            amount: Money {
                currency: Currency::parse("EUR").unwrap(),
                minor,
            },
            state: BillState::Sent,
            settled_at: None,
            paid: None,
            updated_at: issued_at,
        }
    }

    fn trend_of(recent: i64, earlier: i64) -> Option<Trend> {
        revenue(&[bill(10, recent), bill(100, earlier)], false, NOW).trend
    }

    #[test]
    fn a_tenth_up_or_down_is_steady_and_more_is_not() {
        assert_eq!(trend_of(1_100, 1_000), Some(Trend::Steady));
        assert_eq!(trend_of(900, 1_000), Some(Trend::Steady));
        assert_eq!(trend_of(1_101, 1_000), Some(Trend::Rising));
        assert_eq!(trend_of(899, 1_000), Some(Trend::Falling));
    }

    #[test]
    fn nothing_is_compared_with_what_is_not_there() {
        assert_eq!(trend_of(1_000, 0), None);
        assert_eq!(revenue(&[bill(10, 1)], false, NOW).trend, None);
        assert_eq!(revenue(&[], false, NOW), Revenue::default());
        // Bills that do not reach back to the start of the earlier time, and there are more.
        let cut = revenue(&[bill(10, 5), bill(100, 5)], true, NOW);
        assert_eq!((cut.earlier, cut.trend), (None, None));
        assert_eq!(cut.recent.unwrap().minor, 5);
    }

    #[test]
    fn the_two_times_meet_without_a_gap() {
        let bills = [
            bill(0, 1),
            bill(89, 2),
            bill(90, 4),
            bill(179, 8),
            bill(180, 16),
        ];

        let revenue = revenue(&bills, false, NOW);

        assert_eq!(revenue.recent.unwrap().minor, 3);
        assert_eq!(revenue.earlier.unwrap().minor, 12);
    }

    #[test]
    fn overdue_are_bills_whose_day_has_passed_and_that_are_not_settled() {
        let settled = Bill {
            state: BillState::Settled,
            ..bill(60, 1)
        };

        let (count, since) = overdue(&[bill(10, 1), bill(30, 1), bill(40, 1), settled], NOW);

        assert_eq!(count, 2);
        assert_eq!(since, Some(NOW - Span::from_days(20)));
    }
}
