//! How news of customers are taken in: once, in their sequence, for all accounts, and after a grace.

use tenure_core::{Clock, Timestamp};
use tenure_loyalty_points::domain::Effects;
use tenure_proto::customer::v1::PaymentStatus::{InArrears, Paid};
use tenure_proto::customer::v1::SubscriptionState::{Active, Suspended, Terminated};
use tenure_proto::loyalty::v1::{
    BlockKind, CreateAccountRequest, EntryKind, GetAccountRequest, SplitAccountRequest,
};
use tenure_testkit::assert_reason;

use crate::circumstances::with;
use crate::damage::sql;
use crate::suite::{day, each, each_with, new_id};

#[tokio::test]
async fn who_comes_back_within_the_grace_keeps_the_points_and_who_does_not_loses_them() {
    let effects = Effects {
        cancellation_grace_days: 30,
        ..Effects::default()
    };
    each_with(with(effects), async |loyalty| {
        loyalty.with_points("ada").await;
        loyalty.with_points("bob").await;
        for customer in ["ada", "bob"] {
            let subscription = format!("S-{customer}");
            loyalty.stand((customer, &subscription), Terminated, "2024-12-31");
        }
        loyalty.catch_up().await;
        assert_eq!(loyalty.balance("bob").await, (100, 0));
        assert_reason(
            &loyalty.redeem("bob", 1).await.unwrap_err(),
            "ACCOUNT_BLOCKED",
        );

        loyalty.clock.set(day("2025-01-29"));
        loyalty.stand(("ada", "S3"), Active, "2025-01-29");
        loyalty.catch_up().await;
        loyalty.clock.set(day("2025-01-30"));
        loyalty.catch_up().await;

        assert_eq!(loyalty.balance("ada").await, (100, 0));
        assert_eq!(loyalty.balance("bob").await, (0, 0));
        assert_eq!(loyalty.entries("bob").await[0].kind(), EntryKind::Void);
        loyalty.assert_sound().await;
    })
    .await;
}

#[tokio::test]
async fn a_feed_that_is_read_again_from_its_beginning_changes_nothing() {
    each(async |loyalty| {
        for customer in ["ada", "bob", "cyd", "dan"] {
            loyalty.with_points(customer).await;
        }
        loyalty.stand(("ada", "S-ada"), Suspended, "2024-12-21");
        loyalty.stand(("ada", "S-ada"), Active, "2024-12-22");
        loyalty.stand(("ada", "S-ada"), Suspended, "2024-12-23");
        loyalty.stand(("bob", "S-bob"), Terminated, "2024-12-21");
        loyalty.stand(("bob", "S2"), Active, "2024-12-22");
        let settled = day("2024-12-23");
        loyalty.customers.settle("B2", "bob", 4_000, settled);
        loyalty.customers.pay("cyd", InArrears, day("2024-12-21"));
        loyalty.customers.pay("cyd", Paid, day("2024-12-22"));
        loyalty.stand(("dan", "S-dan"), Terminated, "2024-12-21");
        loyalty.catch_up().await;
        let all = async || {
            let mut all = Vec::new();
            for customer in ["ada", "bob", "cyd", "dan"] {
                let account = loyalty.account(customer).await;
                all.push((account, loyalty.told(customer).await));
            }
            all
        };
        let before = all().await;
        assert_eq!(loyalty.balance("bob").await, (40, 0));

        assert_eq!(sql(&loyalty.db, "DELETE FROM consumer").await, 1);
        let again = loyalty.catch_up().await;

        assert_eq!(again.applied_count, 17);
        assert_eq!(all().await, before);
        loyalty.assert_sound().await;
    })
    .await;
}

#[tokio::test]
async fn several_replicas_that_hear_of_a_suspension_at_once_freeze_once() {
    each(async |loyalty| {
        for n in 0..40 {
            let customer = format!("C{n}");
            loyalty.stand((&customer, "S1"), Active, "2020-01-01");
            let bill = format!("B{n}");
            let settled = day("2024-12-20");
            loyalty.customers.settle(&bill, &customer, 1_000, settled);
            loyalty.stand((&customer, "S1"), Suspended, "2024-12-21");
        }
        let (one, other) = (loyalty.replica(), loyalty.replica());

        let (a, b, c) = tokio::join!(loyalty.catch_up(), one.catch_up(), other.catch_up());

        assert_eq!(a.applied_count + b.applied_count + c.applied_count, 120);
        for n in 0..40 {
            let kinds = loyalty.told(&format!("C{n}")).await;
            let kinds: Vec<_> = kinds.iter().map(|it| it.0).collect();
            assert_eq!(kinds, [EntryKind::Earn, EntryKind::Block]);
        }
        loyalty.assert_sound().await;
    })
    .await;
}

#[tokio::test]
async fn all_accounts_of_a_customer_feel_it_and_nobody_elses() {
    each(async |loyalty| {
        loyalty.with_points("ada").await;
        for (account, customer) in [("second", "ada"), ("other", "bob")] {
            let request = CreateAccountRequest {
                request_id: new_id(),
                account_id: account.into(),
                customer_id: customer.into(),
                ..CreateAccountRequest::default()
            };
            loyalty
                .client
                .clone()
                .create_account(request)
                .await
                .unwrap();
            loyalty.earn(account, 10, "welcome").await;
        }
        // An account with the id of a customer need not be that customer's.
        loyalty.stand(("other", "S9"), Suspended, "2024-12-21");
        loyalty.stand(("ada", "S-ada"), Terminated, "2024-12-21");
        loyalty.catch_up().await;

        let balance = async |account| loyalty.balance(account).await.0;
        assert_eq!((balance("ada").await, balance("second").await), (0, 0));
        assert_eq!(balance("other").await, 10);
        assert_eq!(loyalty.blocks("other").await, []);
    })
    .await;
}

#[tokio::test]
async fn an_account_that_a_bill_opens_is_blocked_by_what_was_known_before() {
    each(async |loyalty| {
        loyalty.stand(("ada", "S1"), Suspended, "2024-12-01");
        loyalty.customers.pay("ada", InArrears, day("2024-12-01"));
        loyalty.catch_up().await;
        let settled = day("2024-12-20");
        loyalty.customers.settle("B1", "ada", 1_000, settled);
        loyalty.catch_up().await;

        assert_eq!(loyalty.balance("ada").await, (10, 0));
        let blocks = loyalty.blocks("ada").await;
        assert_eq!(blocks, [BlockKind::Suspended, BlockKind::Arrears]);
        loyalty.stand(("ada", "S1"), Active, "2024-12-21");
        loyalty.customers.pay("ada", Paid, day("2024-12-21"));
        loyalty.catch_up().await;
        assert_eq!(loyalty.blocks("ada").await, []);
    })
    .await;
}

#[tokio::test]
async fn an_account_that_was_closed_stays_as_it_is() {
    each(async |loyalty| {
        loyalty.with_points("ada").await;
        let request = tenure_proto::loyalty::v1::CloseAccountRequest {
            request_id: new_id(),
            account_id: "ada".into(),
            reason: "asked for it".into(),
            author: "staff".into(),
        };
        loyalty.client.clone().close_account(request).await.unwrap();
        let entries = loyalty.entries("ada").await;
        let now: Timestamp = loyalty.clock.now();
        let who = ("ada", "S-ada");
        loyalty.customers.stand(who, Terminated, now, |_| ());

        loyalty.catch_up().await;

        assert_eq!(loyalty.entries("ada").await, entries);
    })
    .await;
}

fn opening(account_id: &str, customer_id: &str) -> CreateAccountRequest {
    CreateAccountRequest {
        request_id: new_id(),
        account_id: account_id.into(),
        customer_id: customer_id.into(),
        ..CreateAccountRequest::default()
    }
}

fn splitting(from: &str, to: &str, customer_id: &str) -> SplitAccountRequest {
    SplitAccountRequest {
        request_id: new_id(),
        account_id: from.into(),
        new_account_id: to.into(),
        customer_id: customer_id.into(),
        points: 10,
        reason: "asked for it".into(),
        author: "staff".into(),
    }
}

#[tokio::test]
async fn an_account_that_a_call_opens_is_blocked_at_once_by_what_was_known_before() {
    each(async |loyalty| {
        let mut client = loyalty.client.clone();
        loyalty.stand(("ada", "S1"), Suspended, "2024-12-01");
        loyalty.customers.pay("ada", InArrears, day("2024-12-01"));
        loyalty.stand(("bob", "S2"), Active, "2024-12-01");
        loyalty.catch_up().await;

        for number in 0..4 {
            let account = format!("of-ada-{number}");
            client
                .create_account(opening(&account, "ada"))
                .await
                .unwrap();
        }
        loyalty.earn("ada", 100, "welcome").await;
        loyalty.earn("bob", 100, "welcome").await;
        client
            .split_account(splitting("bob", "bobs", ""))
            .await
            .unwrap();
        let handed = splitting("bob", "adas", "ada");
        client.split_account(handed).await.unwrap();
        client
            .split_account(splitting("ada", "more", ""))
            .await
            .unwrap();

        let blocked = [BlockKind::Suspended, BlockKind::Arrears];
        for account in [
            "of-ada-0", "of-ada-1", "of-ada-2", "of-ada-3", "ada", "adas", "more",
        ] {
            assert_eq!(loyalty.blocks(account).await, blocked, "{account}");
        }
        assert_eq!(loyalty.blocks("bobs").await, []);
        let refused = loyalty.redeem("ada", 1).await.unwrap_err();
        assert_reason(&refused, "ACCOUNT_BLOCKED");
        // What blocks it ends for all of them.
        loyalty.stand(("ada", "S1"), Active, "2024-12-21");
        loyalty.customers.pay("ada", Paid, day("2024-12-21"));
        loyalty.catch_up().await;
        for account in ["of-ada-0", "ada", "adas", "more"] {
            assert_eq!(loyalty.blocks(account).await, [], "{account}");
        }
        loyalty.assert_sound().await;
    })
    .await;
}

#[tokio::test]
async fn who_has_left_opens_no_account_by_earning() {
    each(async |loyalty| {
        loyalty.stand(("ada", "S1"), Terminated, "2024-12-01");
        loyalty.catch_up().await;

        let refused = loyalty
            .earn_with(loyalty.earning("ada", 100, "welcome"))
            .await;

        assert_reason(&refused.unwrap_err(), "ACCOUNT_BLOCKED");
        let missing = GetAccountRequest {
            account_id: "ada".into(),
        };
        let missing = loyalty.client.clone().get_account(missing).await;
        assert_reason(&missing.unwrap_err(), "ACCOUNT_NOT_FOUND");
        // An account that somebody opens on purpose is there, and blocked.
        loyalty
            .client
            .clone()
            .create_account(opening("ada", "ada"))
            .await
            .unwrap();
        assert_eq!(loyalty.blocks("ada").await, [BlockKind::Left]);
        loyalty.assert_sound().await;
    })
    .await;
}

#[tokio::test]
async fn accounts_that_are_opened_while_the_news_come_are_blocked_whoever_is_first() {
    each(async |loyalty| {
        let opened = (0..24).map(|number| format!("A{number}"));
        let opened: Vec<String> = opened.collect();
        loyalty.stand(("ada", "S1"), Suspended, "2024-12-01");

        let opening = opened.iter().map(|account| {
            let mut client = loyalty.client.clone();
            async move {
                client
                    .create_account(opening(account, "ada"))
                    .await
                    .unwrap()
            }
        });
        let opening = futures_util::future::join_all(opening);
        futures_util::join!(opening, loyalty.catch_up());

        for account in &opened {
            assert_eq!(
                loyalty.blocks(account).await,
                [BlockKind::Suspended],
                "{account}"
            );
        }
        loyalty.assert_sound().await;
    })
    .await;
}
