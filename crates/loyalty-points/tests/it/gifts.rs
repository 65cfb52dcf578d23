//! `RegisterRecipient`, `TransferPoints`, `MergeAccounts`, `SplitAccount`.

use tenure_loyalty_points::domain::{Policies, RevokePolicy};
use tenure_proto::loyalty::v1::*;
use tenure_testkit::{assert_code, assert_reason, error_info};
use tonic::Code;

use crate::suite::{Suite, each, each_with};

/// Ada may give to Bob and has 30,000 points, good for `days`.
async fn friends(loyalty: &Suite, days: i64) -> Entry {
    loyalty.create_member("ada", 12).await;
    loyalty.create_member("bob", 0).await;
    loyalty.register("ada", "bob", "").await.unwrap();
    loyalty.earn_for("ada", 30_000, days).await
}

#[tokio::test]
async fn a_gift_keeps_kind_and_expiry_and_special_points_leave_first() {
    each(async |loyalty| {
        let base = friends(&loyalty, 100).await;
        let special = loyalty.earn_special("ada", 50, "promotion").await;

        let answer = loyalty.give("ada", "bob", 60).await.unwrap();

        let out = answer.entry.unwrap();
        assert_eq!(
            (out.kind(), out.points_delta),
            (EntryKind::TransferOut, -60)
        );
        let taken: Vec<(&str, i64)> = out
            .allocations
            .iter()
            .map(|a| (a.lot_id.as_str(), a.points_delta))
            .collect();
        assert_eq!(
            taken,
            [
                (special.entry_id.as_str(), -50),
                (base.entry_id.as_str(), -10)
            ]
        );
        let received = loyalty.entries("bob").await.remove(0);
        assert_eq!(
            (received.kind(), received.points_delta),
            (EntryKind::TransferIn, 60)
        );
        assert_eq!(
            (&received.peer_account_id, &received.peer_entry_id),
            (&"ada".to_owned(), &out.entry_id)
        );
        assert_eq!(
            (&out.peer_account_id, &out.peer_entry_id),
            (&"bob".to_owned(), &received.entry_id)
        );
        let lots = loyalty.lots("bob").await;
        let ends = |lots: &[Lot], kind: &str| {
            lots.iter()
                .find(|lot| lot.points_type == kind)
                .unwrap()
                .expire_time
        };
        let given = loyalty.lots("ada").await;
        assert_eq!(ends(&lots, ""), ends(&given, ""));
        assert_eq!(loyalty.balance("bob").await, (60, 0));
        assert_eq!(loyalty.balance("ada").await, (29_990, 0));
        // What comes again of one lot joins what came before; giving back leaves as it was.
        loyalty.give("ada", "bob", 5).await.unwrap();
        assert_eq!(loyalty.lots("bob").await.len(), 2);
        assert_eq!(loyalty.books().await.transferred_points, 0);
        loyalty.assert_books_tie().await;
    })
    .await;
}

#[tokio::test]
async fn a_gift_is_made_once_however_often_it_is_asked_for() {
    each(async |loyalty| {
        friends(&loyalty, 100).await;
        let request = loyalty.giving("ada", "bob", 60);

        let first = loyalty
            .client
            .clone()
            .transfer_points(request.clone())
            .await
            .unwrap();
        let again = loyalty
            .client
            .clone()
            .transfer_points(request)
            .await
            .unwrap();

        assert!(again.get_ref().replayed);
        assert_eq!(first.get_ref().entry, again.get_ref().entry);
        assert_eq!(loyalty.balance("bob").await, (60, 0));
    })
    .await;
}

/// Golden case G15: nine recipients, 20,001 points in a month, five months with the operator, a
/// changed recipient on its 29th day.
#[tokio::test]
async fn four_gifts_that_the_rules_forbid_have_four_refusals() {
    each(async |loyalty| {
        friends(&loyalty, 1_000).await;
        for number in 2..=8 {
            let recipient = format!("friend-{number}");
            loyalty.create_member(&recipient, 0).await;
            loyalty.register("ada", &recipient, "").await.unwrap();
        }
        let ninth = loyalty.register("ada", "friend-9", "").await.unwrap_err();
        assert_code(&ninth, Code::FailedPrecondition, "RECIPIENT_LIMIT");
        assert_eq!(error_info(&ninth).metadata["limit"], "8");

        let much = loyalty.give("ada", "bob", 20_001).await.unwrap_err();
        assert_code(&much, Code::FailedPrecondition, "TRANSFER_LIMIT");
        assert_eq!(error_info(&much).metadata["direction"], "OUT");

        loyalty.create_member("eve", 5).await;
        loyalty.earn("eve", 10, "bill/1").await;
        loyalty.register("eve", "bob", "").await.unwrap();
        let early = loyalty.give("eve", "bob", 1).await.unwrap_err();
        assert_code(&early, Code::FailedPrecondition, "TENURE_TOO_SHORT");

        loyalty.create_member("cid", 0).await;
        loyalty.register("ada", "cid", "friend-8").await.unwrap();
        loyalty.advance_days(29);
        let changed = loyalty.give("ada", "cid", 1).await.unwrap_err();
        assert_code(
            &changed,
            Code::FailedPrecondition,
            "RECIPIENT_NOT_EFFECTIVE",
        );
        loyalty.advance_days(1);
        loyalty.give("ada", "cid", 1).await.unwrap();
        loyalty.assert_books_tie().await;
    })
    .await;
}

#[tokio::test]
async fn a_month_has_its_limits_for_those_who_give_and_those_who_receive() {
    each(async |loyalty| {
        friends(&loyalty, 1_000).await;
        loyalty.create_member("eve", 12).await;
        loyalty.earn("eve", 100, "bill/1").await;
        loyalty.register("eve", "bob", "").await.unwrap();
        loyalty.give("ada", "bob", 12_000).await.unwrap();
        loyalty.give("ada", "bob", 8_000).await.unwrap();

        let out = loyalty.give("ada", "bob", 1).await.unwrap_err();
        let received = loyalty.give("eve", "bob", 1).await.unwrap_err();

        let direction = |status| error_info(status).metadata["direction"].clone();
        assert_eq!(
            (direction(&out), direction(&received)),
            ("OUT".into(), "IN".into())
        );
        assert_eq!(error_info(&out).metadata["moved_points"], "20000");
        loyalty.advance_days(31);
        loyalty.give("ada", "bob", 1).await.unwrap();
        loyalty.give("eve", "bob", 1).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_gift_needs_a_registered_recipient_and_available_points() {
    each(async |loyalty| {
        friends(&loyalty, 100).await;
        loyalty.create_member("eve", 0).await;
        loyalty.earn_pending("bob", 5, None).await;

        let stranger = loyalty.give("ada", "eve", 1).await.unwrap_err();
        let nobody = loyalty.give("ada", "zoe", 1).await.unwrap_err();
        let own = loyalty.give("ada", "ada", 1).await.unwrap_err();
        let twice = loyalty.register("ada", "bob", "").await.unwrap_err();
        let unknown = loyalty.register("ada", "eve", "zoe").await.unwrap_err();
        loyalty.redeem("ada", 29_990).await.unwrap();
        let poor = loyalty.give("ada", "bob", 11).await.unwrap_err();

        assert_reason(&stranger, "RECIPIENT_NOT_REGISTERED");
        assert_code(&nobody, Code::NotFound, "ACCOUNT_NOT_FOUND");
        assert_reason(&own, "INVALID_FIELDS");
        assert_code(&twice, Code::AlreadyExists, "RECIPIENT_EXISTS");
        assert_reason(&unknown, "RECIPIENT_NOT_REGISTERED");
        assert_reason(&poor, "INSUFFICIENT_POINTS");
        assert_eq!(loyalty.balance("bob").await, (0, 0));
    })
    .await;
}

#[tokio::test]
async fn a_merged_account_takes_points_debt_and_waiting_points_along() {
    let policies = Policies {
        revoke: RevokePolicy::BelowZero,
        ..Policies::default()
    };
    each_with(policies, async |loyalty| {
        let earned = loyalty.earn("old", 100, "bill/1").await.entry.unwrap();
        loyalty.redeem("old", 100).await.unwrap();
        loyalty.reverse_part(&earned, 30).await.unwrap();
        loyalty.earn_pending("old", 20, Some(10)).await;
        loyalty.earn("new", 50, "bill/1").await;

        let answer = loyalty.merge("old", "new").await.unwrap();

        let out = answer.entry.unwrap();
        assert_eq!((out.points_delta, out.debt_points_delta), (-20, -30));
        let account = loyalty.account("new").await;
        assert_eq!((account.available_points, account.pending_points), (20, 20));
        assert_eq!(account.debt_points, 0);
        assert_eq!(loyalty.account("old").await.state(), AccountState::Closed);
        let newest = loyalty.entries("old").await.remove(0);
        assert_eq!(
            (newest.kind(), newest.peer_account_id),
            (EntryKind::Close, "new".into())
        );
        let again = loyalty.merge("old", "new").await.unwrap_err();
        assert_reason(&again, "ACCOUNT_CLOSED");
        loyalty.assert_books_tie().await;
    })
    .await;
}

#[tokio::test]
async fn an_account_with_open_holds_is_not_merged() {
    each(async |loyalty| {
        loyalty.earn("old", 100, "bill/1").await;
        loyalty.create("new").await.unwrap();
        let hold = loyalty.hold("old", 10, 60).await.unwrap();

        let refused = loyalty.merge("old", "new").await.unwrap_err();

        assert_code(&refused, Code::FailedPrecondition, "HOLDS_OPEN");
        loyalty.release(&hold).await.unwrap();
        loyalty.merge("old", "new").await.unwrap();
        assert_eq!(loyalty.balance("new").await, (100, 0));
    })
    .await;
}

#[tokio::test]
async fn a_split_opens_an_account_and_moves_points() {
    each(async |loyalty| {
        loyalty.earn_for("ada", 100, 10).await;

        loyalty.split("ada", "ada-2", 40).await.unwrap();

        assert_eq!(loyalty.balance("ada").await, (60, 0));
        let new = loyalty.account("ada-2").await;
        assert_eq!(
            (new.available_points, new.customer_id.as_str()),
            (40, "ada")
        );
        let again = loyalty.split("ada", "ada-2", 1).await.unwrap_err();
        assert_code(&again, Code::AlreadyExists, "ACCOUNT_EXISTS");
        let poor = loyalty.split("ada", "ada-3", 61).await.unwrap_err();
        assert_reason(&poor, "INSUFFICIENT_POINTS");
        assert_eq!(loyalty.books().await.account_count, 2);
        loyalty.advance_days(10);
        assert_eq!(loyalty.balance("ada-2").await, (0, 0));
        loyalty.catch_up().await;
        loyalty.assert_books_tie().await;
    })
    .await;
}

/// Gifts both ways at once lock lanes in one order: nobody waits for ever, nothing gets lost.
#[tokio::test]
async fn gifts_in_a_circle_at_once_leave_all_points_in_place() {
    each(async |loyalty| {
        let names = ["a", "b", "c", "d", "e"];
        for name in names {
            loyalty.create_member(name, 12).await;
            loyalty.earn(name, 100, "bill/1").await;
            for other in names.iter().filter(|other| **other != name) {
                loyalty.register(name, other, "").await.unwrap();
            }
        }
        let other = loyalty.replica();
        let gifts = (0..100).map(|number| {
            let (from, to) = (names[number % 5], names[(number + 1 + number / 5 % 4) % 5]);
            let suite = if number % 2 == 0 { &loyalty } else { &other };
            async move { (from == to) || suite.give(from, to, 3).await.is_ok() }
        });
        let done = futures_util::future::join_all(gifts).await;

        assert!(done.into_iter().all(|is_done| is_done));
        let mut all = 0;
        for name in names {
            all += loyalty.balance(name).await.0;
        }
        assert_eq!(all, 500);
        loyalty.assert_books_tie().await;
    })
    .await;
}
