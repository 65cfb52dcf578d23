//! `AdjustPoints`, `ExpirePoints`, `ReinstatePoints`.

use tenure_proto::loyalty::v1::*;
use tenure_testkit::{assert_code, assert_reason, error_info};
use tonic::Code;

use crate::calls::AUTHOR;
use crate::suite::{each, new_id};

#[tokio::test]
async fn an_adjustment_adds_or_takes_points_and_names_who_did_it() {
    each(async |loyalty| {
        loyalty.earn_for("ada", 50, 10).await;

        let added = loyalty.adjust("ada", 30, "").await.unwrap();
        assert_eq!(added.available_points, 80);
        let taken = loyalty.adjust("ada", -60, "").await.unwrap();

        let entry = taken.entry.unwrap();
        assert_eq!((entry.kind(), entry.points_delta), (EntryKind::Adjust, -60));
        assert_eq!(
            (entry.author.as_str(), entry.source.as_str()),
            (AUTHOR, "goodwill")
        );
        assert_eq!(loyalty.balance("ada").await, (20, 0));
        let poor = loyalty.adjust("ada", -21, "").await.unwrap_err();
        assert_reason(&poor, "INSUFFICIENT_POINTS");
        let none = loyalty.adjust("ada", 0, "").await.unwrap_err();
        assert_reason(&none, "INVALID_FIELDS");
        assert_eq!(loyalty.books().await.adjusted_points, -30);
        loyalty.assert_books_tie().await;
    })
    .await;
}

#[tokio::test]
async fn a_large_adjustment_needs_a_second_person() {
    each(async |loyalty| {
        loyalty.create("ada").await.unwrap();

        for points in [10_001, -10_001] {
            let alone = loyalty.adjust("ada", points, "").await.unwrap_err();
            assert_code(&alone, Code::FailedPrecondition, "APPROVAL_REQUIRED");
            assert_eq!(error_info(&alone).metadata["limit_points"], "10000");
            let own = loyalty.adjust("ada", points, "CLERK-7").await.unwrap_err();
            assert_code(&own, Code::FailedPrecondition, "APPROVER_IS_AUTHOR");
        }
        let entry = loyalty
            .adjust("ada", 10_001, "clerk-8")
            .await
            .unwrap()
            .entry
            .unwrap();

        assert_eq!(entry.approver, "clerk-8");
        loyalty.adjust("ada", 10_000, "").await.unwrap();
        assert_eq!(loyalty.balance("ada").await, (20_001, 0));
    })
    .await;
}

#[tokio::test]
async fn an_adjustment_repeats_its_answer() {
    each(async |loyalty| {
        loyalty.create("ada").await.unwrap();
        let request = loyalty.adjusting("ada", 30, "");

        let first = loyalty
            .client
            .clone()
            .adjust_points(request.clone())
            .await
            .unwrap();
        let again = loyalty.client.clone().adjust_points(request).await.unwrap();

        assert!(again.get_ref().replayed);
        assert_eq!(again.get_ref().entry, first.get_ref().entry);
        assert_eq!(loyalty.balance("ada").await, (30, 0));
    })
    .await;
}

#[tokio::test]
async fn points_expire_by_hand_one_lot_or_all_but_what_is_held() {
    each(async |loyalty| {
        let first = loyalty.earn_for("ada", 50, 10).await;
        loyalty.earn_for("ada", 30, 20).await;
        loyalty.earn_pending("ada", 5, None).await;
        loyalty.hold("ada", 20, 60).await.unwrap();

        let one = loyalty.expire("ada", &first.entry_id).await.unwrap();
        assert_eq!(
            (one.entry.unwrap().points_delta, one.available_points),
            (-30, 30)
        );
        let gone = loyalty.expire("ada", &first.entry_id).await.unwrap_err();
        assert_code(&gone, Code::NotFound, "LOT_NOT_FOUND");
        let all = loyalty.expire("ada", "").await.unwrap();

        let entry = all.entry.unwrap();
        assert_eq!((entry.points_delta, entry.pending_points_delta), (-35, -5));
        assert_eq!(entry.author, AUTHOR);
        assert_eq!(loyalty.balance("ada").await, (0, 20));
        let nothing = loyalty.expire("ada", "").await.unwrap_err();
        assert_code(&nothing, Code::FailedPrecondition, "NOTHING_TO_EXPIRE");
        loyalty.assert_books_tie().await;
    })
    .await;
}

#[tokio::test]
async fn expired_points_are_reinstated_once_and_in_time() {
    each(async |loyalty| {
        loyalty.earn_for("ada", 50, 10).await;
        loyalty.earn_special("ada", 30, "promotion").await;
        loyalty.advance_days(10);
        loyalty.catch_up().await;
        let expiry = loyalty.entries("ada").await.remove(0);
        assert_eq!(expiry.kind(), EntryKind::Expire);
        loyalty.advance_days(90);

        let answer = loyalty.reinstate(&expiry).await.unwrap();

        let entry = answer.entry.unwrap();
        assert_eq!(
            (entry.kind(), entry.points_delta),
            (EntryKind::Reinstate, 50)
        );
        assert_eq!(
            (entry.reversed_entry_id, answer.available_points),
            (expiry.entry_id.clone(), 80)
        );
        let again = loyalty.reinstate(&expiry).await.unwrap_err();
        assert_code(&again, Code::FailedPrecondition, "ENTRY_ALREADY_REVERSED");
        assert_eq!(
            error_info(&again).metadata["reversal_entry_id"],
            entry.entry_id
        );
        assert_eq!(loyalty.books().await.reinstated_points, 50);
        loyalty.assert_books_tie().await;
    })
    .await;
}

#[tokio::test]
async fn several_lots_of_one_expiry_come_back_as_lots_of_their_own() {
    each(async |loyalty| {
        loyalty.earn_special("ada", 30, "promotion").await;
        loyalty.earn("ada", 20, "bill/1").await;
        let expiry = loyalty.expire("ada", "").await.unwrap().entry.unwrap();

        loyalty.reinstate(&expiry).await.unwrap();

        let mut kinds: Vec<(String, i64)> = loyalty
            .lots("ada")
            .await
            .iter()
            .map(|lot| (lot.points_type.clone(), lot.remaining_points))
            .collect();
        kinds.sort();
        assert_eq!(kinds, [(String::new(), 20), ("promotion".to_owned(), 30)]);
        loyalty.redeem("ada", 50).await.unwrap();
        loyalty.assert_books_tie().await;
    })
    .await;
}

#[tokio::test]
async fn only_expiries_are_reinstated_and_not_too_late() {
    each(async |loyalty| {
        let earned = loyalty.earn_for("ada", 50, 10).await;
        loyalty.advance_days(10);
        loyalty.catch_up().await;
        let expiry = loyalty.entries("ada").await.remove(0);
        loyalty.advance_days(91);

        let late = loyalty.reinstate(&expiry).await.unwrap_err();
        let other = loyalty.reinstate(&earned).await.unwrap_err();
        let unknown = Entry {
            entry_id: new_id(),
            ..expiry
        };
        let unknown = loyalty.reinstate(&unknown).await.unwrap_err();

        assert_code(&late, Code::FailedPrecondition, "REINSTATE_TOO_LATE");
        assert_code(&other, Code::FailedPrecondition, "ENTRY_NOT_REVERSIBLE");
        assert_code(&unknown, Code::NotFound, "ENTRY_NOT_FOUND");
    })
    .await;
}
