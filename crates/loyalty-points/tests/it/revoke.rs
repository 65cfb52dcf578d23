//! Reversals in parts, and earnings that are taken back after they were spent.

use tenure_loyalty_points::domain::{Policies, ReversalPolicy, RevokePolicy};
use tenure_proto::loyalty::v1::*;
use tenure_testkit::{assert_code, assert_reason, error_info};
use tonic::Code;

use crate::suite::{each, each_with};

fn revoking(revoke: RevokePolicy) -> Policies {
    Policies {
        revoke,
        debt_limit: 50,
        ..Policies::default()
    }
}

fn reversing(reversal: ReversalPolicy) -> Policies {
    Policies {
        reversal,
        ..Policies::default()
    }
}

#[tokio::test]
async fn parts_come_back_until_nothing_is_left_those_spent_last_first() {
    each(async |loyalty| {
        let early = loyalty.earn_for("ada", 50, 180).await;
        let late = loyalty.earn_for("ada", 70, 364).await;
        let redeemed = loyalty.redeem("ada", 60).await.unwrap().entry.unwrap();

        let first = loyalty
            .reverse_part(&redeemed, 25)
            .await
            .unwrap()
            .entry
            .unwrap();

        let parts = |entry: &Entry| -> Vec<(String, i64)> {
            let part = |a: &Allocation| (a.lot_id.clone(), a.points_delta);
            entry.allocations.iter().map(part).collect()
        };
        assert_eq!(first.reversed_points, 25);
        assert_eq!(
            parts(&first),
            [(early.entry_id.clone(), 15), (late.entry_id.clone(), 10)]
        );
        let beyond = loyalty.reverse_part(&redeemed, 36).await.unwrap_err();
        assert_code(&beyond, Code::FailedPrecondition, "REVERSAL_EXCEEDED");
        assert_eq!(error_info(&beyond).metadata["left_points"], "35");
        let second = loyalty
            .reverse_part(&redeemed, 10)
            .await
            .unwrap()
            .entry
            .unwrap();
        assert_eq!(parts(&second), [(early.entry_id.clone(), 10)]);
        let last = loyalty.reverse(&redeemed).await.unwrap().entry.unwrap();
        assert_eq!(parts(&last), [(early.entry_id, 25)]);
        let again = loyalty.reverse_part(&redeemed, 1).await.unwrap_err();
        assert_reason(&again, "ENTRY_ALREADY_REVERSED");
        assert_eq!(
            error_info(&again).metadata["reversal_entry_id"],
            last.entry_id
        );
        assert_eq!(loyalty.balance("ada").await, (120, 0));
        loyalty.assert_books_tie().await;
    })
    .await;
}

/// Two lots of 50 and 70 points, 60 redeemed, the first lot expired meanwhile.
async fn reversed_after_expiry(loyalty: &crate::suite::Suite) -> Entry {
    loyalty.earn_for("ada", 50, 180).await;
    loyalty.earn_for("ada", 70, 364).await;
    let redeemed = loyalty.redeem("ada", 60).await.unwrap().entry.unwrap();
    loyalty.advance_days(200);
    loyalty.reverse(&redeemed).await.unwrap().entry.unwrap()
}

#[tokio::test]
async fn grace_days_give_expired_points_a_lot_that_lasts_so_long() {
    each_with(reversing(ReversalPolicy::GraceDays(14)), async |loyalty| {
        let reversal = reversed_after_expiry(&loyalty).await;

        assert_eq!(loyalty.balance("ada").await, (120, 0));
        let new = &reversal.allocations[0];
        assert_eq!((new.points_delta, &new.lot_id), (50, &reversal.entry_id));
        loyalty.advance_days(14);
        assert_eq!(loyalty.balance("ada").await, (70, 0));
        loyalty.catch_up().await;
        loyalty.assert_books_tie().await;
    })
    .await;
}

#[tokio::test]
async fn a_new_lot_lasts_as_long_as_points_that_are_earned_now() {
    each_with(reversing(ReversalPolicy::NewLot), async |loyalty| {
        reversed_after_expiry(&loyalty).await;

        let lots = loyalty.lots("ada").await;

        // Earned in January 2025, reversed in July: the 36th month from then is June 2028.
        let ends: Vec<i64> = lots
            .iter()
            .map(|lot| lot.expire_time.unwrap().seconds)
            .collect();
        let june = crate::suite::day("2028-07-01").as_micros() / 1_000_000;
        assert_eq!((lots.len(), ends[1]), (2, june));
        assert_eq!(lots[1].earn_time, lots[0].earn_time);
        loyalty.assert_books_tie().await;
    })
    .await;
}

#[tokio::test]
async fn pending_only_leaves_what_can_be_spent() {
    each_with(revoking(RevokePolicy::PendingOnly), async |loyalty| {
        let pending = loyalty.earn_pending("ada", 30, None).await;
        let active = loyalty.earn("ada", 100, "bill/1").await.entry.unwrap();

        let refused = loyalty.reverse(&active).await.unwrap_err();

        assert_code(&refused, Code::FailedPrecondition, "EARNING_NOT_PENDING");
        assert_eq!(error_info(&refused).metadata["pending_points"], "0");
        loyalty.reverse(&pending).await.unwrap();
        assert_eq!(loyalty.balance("ada").await, (100, 0));
    })
    .await;
}

#[tokio::test]
async fn to_zero_takes_other_points_too_and_names_the_shortfall() {
    each_with(revoking(RevokePolicy::ToZero), async |loyalty| {
        let earned = loyalty.earn_for("ada", 100, 10).await;
        loyalty.earn_for("ada", 30, 20).await;
        loyalty.redeem("ada", 90).await.unwrap();

        let answer = loyalty.reverse(&earned).await.unwrap();

        let entry = answer.entry.unwrap();
        assert_eq!((entry.points_delta, entry.reversed_points), (-40, 100));
        assert_eq!((entry.shortfall_points, entry.debt_points_delta), (60, 0));
        let taken: Vec<i64> = entry.allocations.iter().map(|a| a.points_delta).collect();
        assert_eq!(taken, [-10, -30]);
        let again = loyalty.reverse(&earned).await.unwrap_err();
        assert_reason(&again, "ENTRY_ALREADY_REVERSED");
        loyalty.assert_books_tie().await;
    })
    .await;
}

#[tokio::test]
async fn below_zero_leaves_a_debt_that_the_next_points_repay() {
    each_with(revoking(RevokePolicy::BelowZero), async |loyalty| {
        let earned = loyalty.earn("ada", 100, "bill/1").await.entry.unwrap();
        loyalty.redeem("ada", 70).await.unwrap();

        let beyond = loyalty.reverse(&earned).await.unwrap_err();
        assert_code(&beyond, Code::FailedPrecondition, "DEBT_LIMIT");
        assert_eq!(error_info(&beyond).metadata["limit_points"], "50");
        let owed = loyalty
            .reverse_part(&earned, 75)
            .await
            .unwrap()
            .entry
            .unwrap();

        assert_eq!((owed.points_delta, owed.debt_points_delta), (-30, 45));
        assert_eq!(loyalty.account("ada").await.debt_points, 45);
        let poor = loyalty.redeem("ada", 1).await.unwrap_err();
        assert_eq!(error_info(&poor).metadata["debt_points"], "45");
        assert_eq!(loyalty.earn("ada", 40, "bill/2").await.available_points, 0);
        assert_eq!(loyalty.earn("ada", 40, "bill/3").await.available_points, 35);
        let entries = loyalty.entries("ada").await;
        assert_eq!(entries[0].kind(), EntryKind::RepayDebt);
        assert_eq!(
            (entries[0].points_delta, entries[0].debt_points_delta),
            (-5, -5)
        );
        let account = loyalty.account("ada").await;
        assert_eq!((account.available_points, account.debt_points), (35, 0));
        let books = loyalty.books().await;
        assert_eq!(books.debt_repaid_points, 45);
        loyalty.assert_books_tie().await;
    })
    .await;
}

#[tokio::test]
async fn debt_is_repaid_by_whatever_becomes_available() {
    each_with(revoking(RevokePolicy::BelowZero), async |loyalty| {
        let earned = loyalty.earn("ada", 100, "bill/1").await.entry.unwrap();
        let redeemed = loyalty.redeem("ada", 40).await.unwrap().entry.unwrap();
        let hold = loyalty.hold("ada", 60, 3_600).await.unwrap();
        loyalty.earn_pending("ada", 10, Some(3)).await;
        loyalty.reverse_part(&earned, 50).await.unwrap();
        assert_eq!(loyalty.account("ada").await.debt_points, 50);

        loyalty.reverse_part(&redeemed, 5).await.unwrap();
        assert_eq!(loyalty.account("ada").await.debt_points, 45);
        loyalty.confirm(&hold, 30).await.unwrap();
        assert_eq!(loyalty.account("ada").await.debt_points, 15);
        loyalty.advance_days(4);

        let account = loyalty.account("ada").await;
        assert_eq!((account.debt_points, account.pending_points), (5, 0));
        loyalty.catch_up().await;
        loyalty.assert_books_tie().await;
    })
    .await;
}

#[tokio::test]
async fn an_earning_that_expired_is_neither_taken_from_others_nor_owed() {
    each_with(revoking(RevokePolicy::BelowZero), async |loyalty| {
        let earned = loyalty.earn_for("ada", 100, 10).await;
        loyalty.earn("ada", 20, "bill/2").await;
        loyalty.advance_days(10);

        let entry = loyalty.reverse(&earned).await.unwrap().entry.unwrap();

        assert_eq!((entry.points_delta, entry.shortfall_points), (0, 100));
        assert_eq!(loyalty.balance("ada").await, (20, 0));
    })
    .await;
}
