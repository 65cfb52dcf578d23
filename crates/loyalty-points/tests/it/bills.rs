//! Settled bills of customer-data earn points, each once.

use tenure_core::Span;
use tenure_proto::customer::v1::BillState;
use tenure_proto::loyalty::v1::EntryKind;
use tenure_rpc::fields::time;

use crate::suite::{day, each};

#[tokio::test]
async fn a_settled_bill_opens_the_account_and_earns_once() {
    each(async |loyalty| {
        let settled = day("2024-12-20");
        loyalty.customers.settle("B1", "C1", 10_090, settled);
        loyalty
            .customers
            .add("B2", "C1", 5_000, settled, BillState::Sent);
        loyalty.customers.settle("B3", "C1", 99, settled);

        let caught = loyalty.catch_up().await;
        let again = loyalty.catch_up().await;
        // A later change of the bill is told again by the feed.
        loyalty.customers.settle("B1", "C1", 10_090, settled);
        loyalty.catch_up().await;

        assert_eq!((caught.applied_count, again.applied_count), (3, 0));
        let account = loyalty.account("C1").await;
        assert_eq!(
            (account.customer_id.as_str(), account.available_points),
            ("C1", 100)
        );
        let entries = loyalty.entries("C1").await;
        assert_eq!((entries.len(), entries[0].source.as_str()), (1, "bill/B1"));
        assert_eq!(entries[0].request_id, "");
        // Points are those of the month in which the bill was paid.
        let lot = &loyalty.lots("C1").await[0];
        assert_eq!(lot.earn_time, Some(time(settled)));
        assert_eq!(lot.expire_time, Some(time(day("2027-12-01"))));
    })
    .await;
}

#[tokio::test]
async fn an_account_that_a_bill_opens_knows_since_when_the_customer_is_there() {
    each(async |loyalty| {
        let (joined, settled) = (day("2020-05-01"), day("2024-12-20"));
        loyalty.customers.join("C1", joined);
        loyalty.create("C2").await.unwrap();
        loyalty.customers.join("C2", joined);
        for (bill, customer) in [("B1", "C1"), ("B2", "C2"), ("B3", "C3"), ("B4", "C1")] {
            loyalty.customers.settle(bill, customer, 10_000, settled);
        }

        loyalty.catch_up().await;

        let first = loyalty.account("C1").await;
        assert_eq!(
            (first.join_time, first.available_points),
            (Some(time(joined)), 200)
        );
        // Who opened an account has said what there was to say; nobody knows the third customer.
        for customer in ["C2", "C3"] {
            let account = loyalty.account(customer).await;
            assert_eq!(account.join_time, account.create_time);
        }
        assert_eq!(loyalty.balance("C3").await, (100, 0));
    })
    .await;
}

#[tokio::test]
async fn points_of_a_bill_that_was_paid_long_ago_have_expired() {
    each(async |loyalty| {
        loyalty
            .customers
            .settle("B1", "C1", 10_000, day("2020-01-15"));

        loyalty.catch_up().await;

        assert_eq!(loyalty.balance("C1").await, (0, 0));
        let kinds: Vec<EntryKind> = loyalty
            .entries("C1")
            .await
            .iter()
            .map(tenure_proto::loyalty::v1::Entry::kind)
            .collect();
        assert_eq!(kinds, [EntryKind::Expire, EntryKind::Earn]);
        loyalty.assert_books_tie().await;
    })
    .await;
}

#[tokio::test]
async fn several_replicas_that_catch_up_at_once_earn_once() {
    each(async |loyalty| {
        for n in 0..200 {
            let customer = format!("C{}", n % 23);
            loyalty
                .customers
                .settle(&format!("B{n}"), &customer, 1_000, day("2024-12-20"));
        }
        let (one, other) = (loyalty.replica(), loyalty.replica());

        let (a, b, c) = tokio::join!(loyalty.catch_up(), one.catch_up(), other.catch_up());

        assert_eq!(a.applied_count + b.applied_count + c.applied_count, 200);
        let books = loyalty.books().await;
        assert_eq!((books.earned_points, books.account_count), (2_000, 23));
        loyalty.assert_books_tie().await;
    })
    .await;
}

#[tokio::test]
async fn the_sweep_books_what_expired_and_the_periods_of_the_books_follow_each_other() {
    each(async |loyalty| {
        for account in ["ada", "bob", "cyd"] {
            loyalty.earn_for(account, 10, 5).await;
            loyalty.earn_for(account, 7, 50).await;
        }
        loyalty.hold("ada", 12, 60).await.unwrap();
        loyalty.advance(Span::from_days(6));

        let swept = loyalty.catch_up().await;
        let again = loyalty.catch_up().await;

        assert_eq!((swept.expired_points, again.expired_points), (30, 0));
        let expiries = loyalty.entries("ada").await;
        assert_eq!(expiries[0].kind(), EntryKind::Expire);
        // Booked on the sixth day, for the instant at which it happened.
        assert_eq!(expiries[0].entry_time, Some(time(day("2025-01-06"))));
        loyalty.assert_books_tie().await;
    })
    .await;
}
