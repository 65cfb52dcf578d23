//! What goes wrong in ledgers of points, one test for each way, and what we do then.

use futures_util::future::join_all;
use tenure_core::{Clock, Span};
use tenure_loyalty_points::domain::{HoldExpiry, Policies, ReversalPolicy, RevokePolicy};
use tenure_proto::loyalty::v1::*;
use tenure_testkit::{assert_code, assert_reason, error_info};
use tonic::Code;

use crate::suite::{Suite, each, each_with};

#[tokio::test]
async fn insufficient_balance() {
    each(async |loyalty| {
        loyalty.earn_for("ada", 10, 1).await;
        loyalty.earn("ada", 20, "bill/1").await;
        loyalty.earn_pending("ada", 5, Some(9)).await;
        loyalty.advance_days(1);
        loyalty.hold("ada", 4, 60).await.unwrap();

        let refused = loyalty.redeem("ada", 17).await.unwrap_err();

        assert_code(&refused, Code::FailedPrecondition, "INSUFFICIENT_POINTS");
        let facts = error_info(&refused).metadata;
        for (name, wanted) in [
            ("available_points", "16"),
            ("held_points", "4"),
            ("pending_points", "5"),
            ("expired_today_points", "10"),
            ("needed_points", "17"),
        ] {
            assert_eq!(facts[name], wanted, "{name}");
        }
        assert!(facts["next_activate_time"].starts_with("2025-01-10"));
    })
    .await;
}

#[tokio::test]
async fn double_submit_with_the_same_body() {
    each(async |loyalty| {
        loyalty.earn("ada", 100, "bill/1").await;
        let request = loyalty.redeeming("ada", 30);
        let first = loyalty.redeem_with(request.clone()).await.unwrap();
        loyalty.redeem("ada", 50).await.unwrap();

        let again = loyalty.redeem_with(request).await.unwrap();

        assert!(again.replayed && !first.replayed);
        let first = RedeemPointsResponse {
            replayed: true,
            ..first
        };
        assert_eq!(again, first);
        assert_eq!(loyalty.balance("ada").await, (20, 0));
    })
    .await;
}

#[tokio::test]
async fn same_key_with_another_body() {
    each(async |loyalty| {
        loyalty.earn("ada", 100, "bill/1").await;
        let request = loyalty.redeeming("ada", 30);
        loyalty.redeem_with(request.clone()).await.unwrap();

        let more = RedeemPointsRequest {
            points: 31,
            ..request
        };
        let refused = loyalty.redeem_with(more).await.unwrap_err();

        assert_code(&refused, Code::InvalidArgument, "REQUEST_ID_REUSED");
        assert_eq!(error_info(&refused).metadata["fields"], "points");
        assert_eq!(loyalty.balance("ada").await, (70, 0));
    })
    .await;
}

#[tokio::test]
async fn retry_of_a_failed_request() {
    each(async |loyalty| {
        loyalty.create("ada").await.unwrap();
        let request = loyalty.redeeming("ada", 30);
        let first = loyalty.redeem_with(request.clone()).await.unwrap_err();
        loyalty.earn("ada", 100, "bill/1").await;

        let again = loyalty.redeem_with(request).await.unwrap_err();

        assert_reason(&again, "INSUFFICIENT_POINTS");
        assert_eq!(error_info(&again).metadata, error_info(&first).metadata);
        assert_eq!(loyalty.balance("ada").await, (100, 0));
    })
    .await;
}

#[tokio::test]
async fn key_on_expiring_balances() {
    each(async |loyalty| {
        loyalty.earn_for("ada", 20, 1).await;
        loyalty.earn_for("ada", 30, 9).await;
        let request = loyalty.redeeming("ada", 25);
        let first = loyalty.redeem_with(request.clone()).await.unwrap();
        loyalty.advance_days(10);

        let again = loyalty.redeem_with(request).await.unwrap();

        assert_eq!(again.entry, first.entry);
        let parts = |entry: Entry| -> Vec<i64> {
            entry.allocations.iter().map(|a| a.points_delta).collect()
        };
        assert_eq!(parts(again.entry.unwrap()), [-20, -5]);
    })
    .await;
}

#[tokio::test]
async fn expired_lot_at_spend() {
    each(async |loyalty| {
        loyalty.earn_for("ada", 20, 1).await;
        loyalty.advance(Span::from_micros(86_400_000_000 - 1));
        loyalty.redeem("ada", 1).await.unwrap();

        loyalty.advance(Span::from_micros(1));
        let refused = loyalty.redeem("ada", 1).await.unwrap_err();

        assert_reason(&refused, "INSUFFICIENT_POINTS");
        assert_eq!(error_info(&refused).metadata["expired_today_points"], "19");
        assert_eq!(loyalty.balance("ada").await, (0, 0));
    })
    .await;
}

/// 20 points for a day, of which 15 are held for two.
async fn held_beyond_expiry(loyalty: &Suite) -> Hold {
    loyalty.earn_for("ada", 20, 1).await;
    let hold = loyalty.hold("ada", 15, 2 * 86_400).await.unwrap();
    loyalty.advance_days(1);
    hold
}

#[tokio::test]
async fn lot_expires_while_reserved_and_the_hold_is_honoured() {
    each(async |loyalty| {
        let hold = held_beyond_expiry(&loyalty).await;

        let answer = loyalty.confirm(&hold, 10).await.unwrap();

        // What is not needed comes back to an expired lot: it expires, it is no balance.
        assert_eq!(answer.available_points, 0);
        let newest = loyalty.entries("ada").await.remove(0);
        assert_eq!(
            (newest.kind(), newest.points_delta),
            (EntryKind::Expire, -5)
        );
        loyalty.assert_books_tie().await;
    })
    .await;
}

#[tokio::test]
async fn lot_expires_while_reserved_and_the_hold_is_released() {
    each(async |loyalty| {
        let hold = held_beyond_expiry(&loyalty).await;

        let answer = loyalty.release(&hold).await.unwrap();

        assert_eq!(answer.available_points, 0);
        assert_eq!(loyalty.balance("ada").await, (0, 0));
        assert_eq!(loyalty.books().await.expired_points, 20);
    })
    .await;
}

#[tokio::test]
async fn lot_expires_while_reserved_and_the_hold_ends_with_it() {
    let policies = Policies {
        hold_expiry: HoldExpiry::ExpireHold,
        ..Policies::default()
    };
    each_with(policies, async |loyalty| {
        let until = tenure_rpc::fields::time(loyalty.clock.now() + Span::from_days(1));
        let hold = held_beyond_expiry(&loyalty).await;
        assert_eq!(hold.expire_time, Some(until));

        let late = loyalty.confirm(&hold, 10).await.unwrap_err();

        assert_code(&late, Code::FailedPrecondition, "HOLD_EXPIRED");
        assert_eq!(loyalty.balance("ada").await, (0, 0));
        loyalty.catch_up().await;
        assert_eq!(loyalty.books().await.expired_points, 20);
    })
    .await;
}

#[tokio::test]
async fn reversed_redemption_whose_lot_has_expired() {
    for (reversal, wanted) in [
        (ReversalPolicy::OriginalExpiry, [0, 0, 0]),
        (ReversalPolicy::GraceDays(3), [20, 20, 0]),
        (ReversalPolicy::NewLot, [20, 20, 20]),
    ] {
        let policies = Policies {
            reversal,
            ..Policies::default()
        };
        each_with(policies, async |loyalty| {
            loyalty.earn_for("ada", 20, 1).await;
            let redeemed = loyalty.redeem("ada", 20).await.unwrap().entry.unwrap();
            loyalty.advance_days(1);

            let reversal = loyalty.reverse(&redeemed).await.unwrap();

            // The choice is visible in the entry: which lot, good until when.
            let part = &reversal.entry.unwrap().allocations[0];
            let is_same = part.lot_id == redeemed.allocations[0].lot_id;
            assert_eq!(is_same, wanted[0] == 0);
            for (days, wanted) in [0, 2, 1].into_iter().zip(wanted) {
                loyalty.advance_days(days);
                assert_eq!(loyalty.balance("ada").await, (wanted, 0));
            }
            loyalty.catch_up().await;
            loyalty.assert_books_tie().await;
        })
        .await;
    }
}

#[tokio::test]
async fn reversed_earning_that_was_spent() {
    for (revoke, wanted) in [
        (RevokePolicy::PendingOnly, None),
        (RevokePolicy::ToZero, Some((-40, 60, 0))),
        (RevokePolicy::BelowZero, Some((-40, 0, 60))),
    ] {
        let policies = Policies {
            revoke,
            ..Policies::default()
        };
        each_with(policies, async |loyalty| {
            let earned = loyalty.earn("ada", 100, "bill/1").await.entry.unwrap();
            loyalty.redeem("ada", 60).await.unwrap();

            let answer = loyalty.reverse(&earned).await;

            let said = answer.map(|answer| answer.entry.unwrap());
            match wanted {
                None => assert_reason(&said.unwrap_err(), "EARNING_NOT_PENDING"),
                Some(wanted) => {
                    let entry = said.unwrap();
                    let found = (entry.points_delta, entry.shortfall_points);
                    assert_eq!((found.0, found.1, entry.debt_points_delta), wanted);
                    let later = loyalty.earn("ada", 70, "bill/2").await;
                    assert_eq!(later.available_points, 70 - wanted.2);
                }
            }
            loyalty.assert_books_tie().await;
        })
        .await;
    }
}

#[tokio::test]
async fn double_revert() {
    each(async |loyalty| {
        loyalty.earn("ada", 500, "bill/1").await;
        let mut redeemed = Vec::new();
        for _ in 0..50 {
            redeemed.push(loyalty.redeem("ada", 10).await.unwrap().entry.unwrap());
        }

        let twice = redeemed.iter().chain(&redeemed);
        let answers = join_all(twice.map(|entry| loyalty.reverse(entry))).await;

        let (done, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!((done.len(), refused.len()), (50, 50));
        let reversals: Vec<String> = done
            .into_iter()
            .map(|answer| answer.unwrap().entry.unwrap().entry_id)
            .collect();
        for refused in refused {
            let refused = refused.unwrap_err();
            assert_reason(&refused, "ENTRY_ALREADY_REVERSED");
            let named = &error_info(&refused).metadata["reversal_entry_id"];
            assert!(reversals.contains(named));
        }
        assert_eq!(loyalty.balance("ada").await, (500, 0));
        loyalty.assert_books_tie().await;
    })
    .await;
}

#[tokio::test]
async fn reversal_of_a_reversal() {
    each(async |loyalty| {
        loyalty.earn("ada", 100, "bill/1").await;
        let redeemed = loyalty.redeem("ada", 10).await.unwrap().entry.unwrap();
        let reversal = loyalty.reverse(&redeemed).await.unwrap().entry.unwrap();

        let refused = loyalty.reverse(&reversal).await.unwrap_err();

        assert_code(&refused, Code::FailedPrecondition, "ENTRY_NOT_REVERSIBLE");
    })
    .await;
}

#[tokio::test]
async fn concurrent_redemption() {
    each(async |loyalty| {
        loyalty.earn("ada", 100, "bill/1").await;

        let answers = join_all((0..60).map(|_| loyalty.redeem("ada", 3))).await;

        let (done, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!((done.len(), refused.len()), (33, 27));
        for refused in refused {
            assert_reason(&refused.unwrap_err(), "INSUFFICIENT_POINTS");
        }
        assert_eq!(loyalty.balance("ada").await, (1, 0));
    })
    .await;
}

#[tokio::test]
async fn confirm_twice_or_after_release() {
    each(async |loyalty| {
        loyalty.earn("ada", 100, "bill/1").await;
        let hold = loyalty.hold("ada", 10, 60).await.unwrap();
        let request = loyalty.confirming(&hold, 0);
        let confirm = |request| {
            let mut client = loyalty.client.clone();
            async move { client.confirm_hold(request).await }
        };
        let first = confirm(request.clone()).await.unwrap().into_inner();

        let repeated = confirm(request).await.unwrap().into_inner();
        let again = loyalty.confirm(&hold, 0).await.unwrap_err();
        let released = loyalty.hold("ada", 10, 60).await.unwrap();
        loyalty.release(&released).await.unwrap();
        let late = loyalty.confirm(&released, 0).await.unwrap_err();
        let over = loyalty.hold("ada", 10, 60).await.unwrap();
        loyalty.advance(Span::from_seconds(60));
        let expired = loyalty.confirm(&over, 0).await.unwrap_err();

        assert!(repeated.replayed);
        assert_eq!(repeated.entry, first.entry);
        assert_reason(&again, "HOLD_ALREADY_CONFIRMED");
        assert_reason(&late, "HOLD_ALREADY_RELEASED");
        assert_reason(&expired, "HOLD_EXPIRED");
        assert_eq!(loyalty.balance("ada").await, (90, 0));
    })
    .await;
}

/// Also Blnk 62: a commit above the hold passed.
#[tokio::test]
async fn confirm_more_than_held() {
    each(async |loyalty| {
        loyalty.earn_for("ada", 30, 5).await;
        loyalty.earn_for("ada", 30, 9).await;
        let hold = loyalty.hold("ada", 20, 60).await.unwrap();

        let refused = loyalty.confirm(&hold, 45).await.unwrap_err();
        let beyond = loyalty.top_up(&hold, 61).await.unwrap_err();
        let answer = loyalty.top_up(&hold, 45).await.unwrap();

        assert_code(&refused, Code::FailedPrecondition, "HOLD_EXCEEDED");
        assert_reason(&beyond, "INSUFFICIENT_POINTS");
        let entry = answer.entry.unwrap();
        let parts: Vec<i64> = entry.allocations.iter().map(|a| a.points_delta).collect();
        assert_eq!((entry.points_delta, entry.held_points_delta), (-45, -20));
        assert_eq!(parts, [-30, -15]);
        assert_eq!(answer.hold.unwrap().confirmed_points, 45);
        assert_eq!(loyalty.balance("ada").await, (15, 0));
        loyalty.reverse(&entry).await.unwrap();
        assert_eq!(loyalty.balance("ada").await, (60, 0));
        loyalty.assert_books_tie().await;
    })
    .await;
}

/// Loyalty platforms that sell first and count later owe somebody a mug.
#[tokio::test]
async fn stock_runs_out_mid_redeem() {
    each(async |loyalty| {
        loyalty.stocked("mug", 3).await;
        for n in 0..8 {
            loyalty.earn(&format!("A{n}"), 150, "bill/1").await;
        }

        let orders = (0..8).map(|n| {
            let loyalty = &loyalty;
            async move { (n, loyalty.order(&format!("A{n}"), "mug").await) }
        });
        let orders = join_all(orders).await;

        // Points and the mug moved, or neither did.
        for (n, order) in &orders {
            let wanted = if order.is_ok() { 50 } else { 150 };
            assert_eq!(loyalty.balance(&format!("A{n}")).await, (wanted, 0));
            if let Err(refused) = order {
                assert_code(refused, Code::FailedPrecondition, "OUT_OF_STOCK");
                assert_eq!(error_info(refused).metadata["available_quantity"], "0");
            }
        }
        assert_eq!(orders.iter().filter(|(_, order)| order.is_ok()).count(), 3);
        assert_eq!(loyalty.stock("mug").await, (0, 0, 3));
        loyalty.assert_verifies().await;
    })
    .await;
}
