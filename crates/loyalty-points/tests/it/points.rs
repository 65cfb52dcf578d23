//! `EarnPoints`, `RedeemPoints`.

use tenure_core::{Clock, Span};
use tenure_proto::loyalty::v1::*;
use tenure_rpc::fields::time;
use tenure_testkit::{assert_code, assert_reason, error_info};
use tonic::Code;

use crate::suite::{day, each, new_id};

#[tokio::test]
async fn points_are_earned_by_the_programmes_policy() {
    each(async |loyalty| {
        // Golden case G11, policy B: good to the end of the 36th month, the first one counted.
        loyalty.clock.set(day("2021-05-20"));
        let answer = loyalty.earn("ada", 120, "bill/1").await;

        let entry = answer.entry.unwrap();
        assert_eq!((answer.available_points, answer.replayed), (120, false));
        assert_eq!(
            (
                entry.sequence_number,
                entry.points_delta,
                entry.balance_points
            ),
            (1, 120, 120)
        );
        assert_eq!(entry.kind(), EntryKind::Earn);
        assert_eq!(entry.programme_version, "1");
        assert_eq!(
            entry.allocations[0].expire_time,
            Some(time(day("2024-05-01")))
        );
        loyalty.clock.set(day("2024-05-01"));
        loyalty.advance(Span::from_micros(-1));
        assert_eq!(loyalty.balance("ada").await, (120, 0));
        loyalty.advance(Span::from_micros(1));
        assert_eq!(loyalty.balance("ada").await, (0, 0));
        assert_reason(
            &loyalty.redeem("ada", 1).await.unwrap_err(),
            "INSUFFICIENT_POINTS",
        );
    })
    .await;
}

#[tokio::test]
async fn a_repeated_request_has_one_effect_and_the_same_answer() {
    each(async |loyalty| {
        let earning = loyalty.earning("ada", 100, "bill/1");
        let first = loyalty.earn_with(earning.clone()).await.unwrap();
        let redeeming = loyalty.redeeming("ada", 30);
        let redeemed = loyalty.redeem_with(redeeming.clone()).await.unwrap();
        loyalty.redeem("ada", 1).await.unwrap();

        let again = loyalty.earn_with(earning).await.unwrap();
        let redeemed_again = loyalty.redeem_with(redeeming).await.unwrap();

        assert_eq!(
            again,
            EarnPointsResponse {
                replayed: true,
                ..first
            }
        );
        assert_eq!(
            redeemed_again,
            RedeemPointsResponse {
                replayed: true,
                ..redeemed
            }
        );
        assert_eq!(loyalty.balance("ada").await, (69, 0));
    })
    .await;
}

#[tokio::test]
async fn a_repeat_is_answered_even_when_its_points_have_expired_since() {
    each(async |loyalty| {
        let expire_time = Some(time(loyalty.clock.now() + Span::from_days(1)));
        let request = EarnPointsRequest {
            expire_time,
            ..loyalty.earning("ada", 9, "bill/1")
        };
        let first = loyalty.earn_with(request.clone()).await.unwrap();
        loyalty.advance_days(2);

        let again = loyalty.earn_with(request.clone()).await.unwrap();

        assert_eq!(
            again,
            EarnPointsResponse {
                replayed: true,
                ..first
            }
        );
        let late = EarnPointsRequest {
            request_id: new_id(),
            source: "bill/2".into(),
            ..request
        };
        assert_code(
            &loyalty.earn_with(late).await.unwrap_err(),
            Code::InvalidArgument,
            "INVALID_FIELDS",
        );
    })
    .await;
}

#[tokio::test]
async fn the_same_request_id_with_another_body_is_refused_and_the_fields_are_named() {
    each(async |loyalty| {
        loyalty.earn("ada", 100, "bill/1").await;
        let first = loyalty.redeeming("ada", 30);
        loyalty.redeem_with(first.clone()).await.unwrap();

        let other = RedeemPointsRequest {
            points: 31,
            source: "order/2".into(),
            ..first.clone()
        };
        let reused = loyalty.redeem_with(other).await.unwrap_err();
        let request_id = first.request_id;
        let earning = EarnPointsRequest {
            request_id,
            ..loyalty.earning("ada", 30, "order/1")
        };
        let elsewhere = loyalty.earn_with(earning).await.unwrap_err();

        assert_code(&reused, Code::InvalidArgument, "REQUEST_ID_REUSED");
        assert_eq!(error_info(&reused).metadata["fields"], "points,source");
        assert_eq!(error_info(&elsewhere).metadata["fields"], "method");
        assert_eq!(loyalty.balance("ada").await, (70, 0));
    })
    .await;
}

#[tokio::test]
async fn a_refusal_is_kept_and_repeated_although_the_account_could_pay_now() {
    each(async |loyalty| {
        loyalty.earn("ada", 10, "bill/1").await;
        loyalty.hold("ada", 4, 60).await.unwrap();
        let request = loyalty.redeeming("ada", 7);
        let refused = loyalty.redeem_with(request.clone()).await.unwrap_err();
        loyalty.earn("ada", 100, "bill/2").await;

        let again = loyalty.redeem_with(request.clone()).await.unwrap_err();

        assert_code(&refused, Code::FailedPrecondition, "INSUFFICIENT_POINTS");
        let metadata = error_info(&refused).metadata;
        assert_eq!(metadata["account_id"], "ada");
        assert_eq!(metadata["available_points"], "6");
        assert_eq!(metadata["held_points"], "4");
        assert_eq!(metadata["needed_points"], "7");
        assert_eq!(
            (again.code(), again.message()),
            (refused.code(), refused.message())
        );
        assert_eq!(error_info(&again).metadata, error_info(&refused).metadata);
        let other = RedeemPointsRequest {
            points: 1,
            ..request
        };
        assert_reason(
            &loyalty.redeem_with(other).await.unwrap_err(),
            "REQUEST_ID_REUSED",
        );
        loyalty.redeem("ada", 7).await.unwrap();
    })
    .await;
}

/// Paying again for a replayed event (compressor 1476): the request id alone does not prevent it.
#[tokio::test]
async fn one_event_earns_once_whatever_the_request_id() {
    each(async |loyalty| {
        let first = loyalty
            .earn("ada", 10, "campaign/spring/C1")
            .await
            .entry
            .unwrap();

        let again = loyalty.earning("ada", 10, "campaign/spring/C1");
        let refused = loyalty.earn_with(again).await.unwrap_err();
        loyalty.earn("bob", 10, "campaign/spring/C1").await;

        assert_code(&refused, Code::AlreadyExists, "EVENT_ALREADY_EARNED");
        assert_eq!(error_info(&refused).metadata["entry_id"], first.entry_id);
        assert_eq!(
            error_info(&refused).metadata["source"],
            "campaign/spring/C1"
        );
        assert_eq!(loyalty.balance("ada").await, (10, 0));
    })
    .await;
}

#[tokio::test]
async fn points_are_spent_in_the_order_in_which_they_expire() {
    each(async |loyalty| {
        let late = loyalty.earn_for("ada", 70, 365).await;
        let soon = loyalty.earn_for("ada", 50, 180).await;

        let answer = loyalty.redeem("ada", 60).await.unwrap();

        assert_eq!(answer.available_points, 60);
        let entry = answer.entry.unwrap();
        let lots: Vec<(&str, i64)> = entry
            .allocations
            .iter()
            .map(|a| (a.lot_id.as_str(), a.points_delta))
            .collect();
        assert_eq!(
            lots,
            [(soon.entry_id.as_str(), -50), (late.entry_id.as_str(), -10)]
        );
        assert_eq!((entry.points_delta, entry.balance_points), (-60, 60));
        assert_eq!(entry.source, "order/1");
    })
    .await;
}

/// The balance collapse (FloCafe 78): credits filtered by expiry while all debits are counted.
#[tokio::test]
async fn a_lot_that_was_spent_does_not_lower_the_balance_when_it_expires() {
    each(async |loyalty| {
        loyalty.earn_for("ada", 50, 10).await;
        loyalty.earn_for("ada", 70, 100).await;
        loyalty.redeem("ada", 50).await.unwrap();

        loyalty.advance_days(11);
        let expired = loyalty.catch_up().await.expired_points;

        assert_eq!(expired, 0);
        assert_eq!(loyalty.balance("ada").await, (70, 0));
        loyalty.assert_books_tie().await;
    })
    .await;
}

#[tokio::test]
async fn wrong_amounts_and_unknown_accounts_are_refused() {
    each(async |loyalty| {
        for points in [0, -1, 1_000_000_001] {
            assert_reason(
                &loyalty.redeem("ada", points).await.unwrap_err(),
                "INVALID_FIELDS",
            );
        }
        assert_code(
            &loyalty.redeem("ada", 1).await.unwrap_err(),
            Code::NotFound,
            "ACCOUNT_NOT_FOUND",
        );
        let earning = EarnPointsRequest {
            open_account: false,
            ..loyalty.earning("ada", 1, "x")
        };
        assert_reason(
            &loyalty.earn_with(earning).await.unwrap_err(),
            "ACCOUNT_NOT_FOUND",
        );
        for source in ["", "a\nb", &"x".repeat(129)] {
            let earning = loyalty.earning("ada", 1, source);
            assert_reason(
                &loyalty.earn_with(earning).await.unwrap_err(),
                "INVALID_FIELDS",
            );
        }
    })
    .await;
}

#[tokio::test]
async fn an_account_refuses_more_lots_than_it_may_hold() {
    each(async |loyalty| {
        for n in 0..512 {
            loyalty
                .earn("ada", 1_000_000_000, &format!("gift/{n}"))
                .await;
        }

        let refused = loyalty
            .earn_with(loyalty.earning("ada", 1, "more"))
            .await
            .unwrap_err();

        assert_code(&refused, Code::FailedPrecondition, "BALANCE_LIMIT");
        // Spending makes room again.
        loyalty.redeem("ada", 1_000_000_000).await.unwrap();
        loyalty.earn("ada", 1, "more").await;
    })
    .await;
}
