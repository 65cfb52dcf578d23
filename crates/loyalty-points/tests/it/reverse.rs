//! `ReverseEntry`.

use tenure_proto::loyalty::v1::*;
use tenure_testkit::{assert_code, assert_reason, error_info};
use tonic::Code;

use crate::suite::{each, new_id};

/// Golden case G12: 50 points to the end of June, 70 to the end of December; 60 redeemed, reversed.
#[tokio::test]
async fn a_reversed_redemption_goes_back_to_its_lots_with_their_expiry() {
    each(async |loyalty| {
        loyalty.earn_for("ada", 50, 180).await;
        loyalty.earn_for("ada", 70, 364).await;
        let before = loyalty.lots("ada").await;
        let redeemed = loyalty.redeem("ada", 60).await.unwrap().entry.unwrap();
        let taken: Vec<i64> = redeemed
            .allocations
            .iter()
            .map(|a| a.points_delta)
            .collect();
        assert_eq!(taken, [-50, -10]);

        let answer = loyalty.reverse(&redeemed).await.unwrap();

        let entry = answer.entry.unwrap();
        assert_eq!(entry.kind(), EntryKind::ReverseRedeem);
        assert_eq!((entry.points_delta, answer.available_points), (60, 120));
        assert_eq!(entry.reversed_entry_id, redeemed.entry_id);
        assert_eq!(loyalty.lots("ada").await, before);
    })
    .await;
}

#[tokio::test]
async fn what_comes_back_to_an_expired_lot_expires_at_once() {
    each(async |loyalty| {
        loyalty.earn_for("ada", 50, 180).await;
        loyalty.earn_for("ada", 70, 364).await;
        let redeemed = loyalty.redeem("ada", 60).await.unwrap().entry.unwrap();
        loyalty.advance_days(200);

        let answer = loyalty.reverse(&redeemed).await.unwrap();

        assert_eq!(answer.available_points, 70);
        assert_eq!(loyalty.balance("ada").await, (70, 0));
        let newest = &loyalty.entries("ada").await[0];
        assert_eq!(
            (newest.kind(), newest.points_delta),
            (EntryKind::Expire, -50)
        );
        assert_eq!(newest.entry_time, answer.entry.unwrap().entry_time);
        loyalty.assert_books_tie().await;
    })
    .await;
}

#[tokio::test]
async fn an_entry_is_reversed_once_and_a_reversal_never() {
    each(async |loyalty| {
        loyalty.earn("ada", 100, "bill/1").await;
        let redeemed = loyalty.redeem("ada", 60).await.unwrap().entry.unwrap();
        let hold = loyalty.hold("ada", 10, 60).await.unwrap();
        let confirmed = loyalty.confirm(&hold, 8).await.unwrap().entry.unwrap();
        let reversal = loyalty.reverse(&redeemed).await.unwrap().entry.unwrap();
        loyalty.reverse(&confirmed).await.unwrap();

        let again = loyalty.reverse(&redeemed).await.unwrap_err();

        assert_code(&again, Code::FailedPrecondition, "ENTRY_ALREADY_REVERSED");
        assert_eq!(
            error_info(&again).metadata["reversal_entry_id"],
            reversal.entry_id
        );
        let twice = loyalty.reverse(&reversal).await.unwrap_err();
        assert_code(&twice, Code::FailedPrecondition, "ENTRY_NOT_REVERSIBLE");
        assert_eq!(error_info(&twice).metadata["kind"], "REVERSE_REDEEM");
        let held = loyalty.reverse_id("ada", &hold.hold_id).await.unwrap_err();
        assert_reason(&held, "ENTRY_NOT_REVERSIBLE");
        assert_eq!(loyalty.balance("ada").await, (100, 0));
        loyalty.assert_books_tie().await;
    })
    .await;
}

#[tokio::test]
async fn a_reversed_earning_is_taken_from_its_lot_and_earns_no_second_time() {
    each(async |loyalty| {
        let whole = loyalty.earn("ada", 100, "bill/1").await.entry.unwrap();

        let answer = loyalty.reverse(&whole).await.unwrap();

        assert_eq!(
            (answer.available_points, answer.entry.unwrap().points_delta),
            (0, -100)
        );
        // The source has earned, though it was taken back.
        let again = loyalty
            .earn_with(loyalty.earning("ada", 100, "bill/1"))
            .await
            .unwrap_err();
        assert_reason(&again, "EVENT_ALREADY_EARNED");
        let books = loyalty.books().await;
        assert_eq!(
            (books.earned_points, books.reversed_earned_points),
            (100, 100)
        );
        loyalty.assert_books_tie().await;
    })
    .await;
}

#[tokio::test]
async fn entries_of_others_and_unknown_ones_are_not_found() {
    each(async |loyalty| {
        let entry = loyalty.earn("ada", 100, "bill/1").await.entry.unwrap();
        loyalty.earn("bob", 100, "bill/1").await;

        let others = loyalty
            .reverse_id("bob", &entry.entry_id)
            .await
            .unwrap_err();
        let unknown = loyalty.reverse_id("ada", &new_id()).await.unwrap_err();
        let none = loyalty.reverse_id("ada", "one").await.unwrap_err();

        assert_code(&others, Code::NotFound, "ENTRY_NOT_FOUND");
        assert_code(&unknown, Code::NotFound, "ENTRY_NOT_FOUND");
        assert_reason(&none, "INVALID_FIELDS");
    })
    .await;
}
