//! `CreateHold`, `GetHold`, `ConfirmHold`, `ReleaseHold`.

use tenure_core::Span;
use tenure_proto::loyalty::v1::*;
use tenure_testkit::{assert_code, assert_reason, error_info};
use tonic::Code;

use crate::suite::{each, new_id};

#[tokio::test]
async fn a_hold_puts_points_aside_and_is_confirmed_in_part() {
    each(async |loyalty| {
        loyalty.earn("ada", 100, "bill/1").await;

        let hold = loyalty.hold("ada", 40, 60).await.unwrap();
        assert_eq!((hold.points, hold.state()), (40, HoldState::Open));
        assert_eq!(loyalty.balance("ada").await, (60, 40));
        assert_eq!(loyalty.get_hold(&hold).await, hold);
        assert_reason(
            &loyalty.redeem("ada", 61).await.unwrap_err(),
            "INSUFFICIENT_POINTS",
        );

        let answer = loyalty.confirm(&hold, 25).await.unwrap();
        let (entry, confirmed) = (answer.entry.unwrap(), answer.hold.unwrap());
        assert_eq!(
            (
                entry.points_delta,
                entry.held_points_delta,
                entry.balance_points
            ),
            (-25, -40, 75)
        );
        assert_eq!(
            (confirmed.confirmed_points, confirmed.state()),
            (25, HoldState::Confirmed)
        );
        assert_eq!(answer.available_points, 75);
        assert_eq!(loyalty.get_hold(&hold).await, confirmed);
        loyalty.assert_books_tie().await;
    })
    .await;
}

/// Blnk 41 and 182: a hold is closed once.
#[tokio::test]
async fn a_closed_hold_stays_closed() {
    each(async |loyalty| {
        loyalty.earn("ada", 100, "bill/1").await;
        let confirmed = loyalty.hold("ada", 10, 60).await.unwrap();
        let released = loyalty.hold("ada", 20, 60).await.unwrap();
        loyalty.confirm(&confirmed, 0).await.unwrap();
        let answer = loyalty.release(&released).await.unwrap();
        assert_eq!(
            (answer.hold.unwrap().state(), answer.available_points),
            (HoldState::Released, 90)
        );

        let refusals = [
            (
                loyalty.confirm(&confirmed, 0).await.unwrap_err(),
                "HOLD_ALREADY_CONFIRMED",
            ),
            (
                loyalty.release(&confirmed).await.unwrap_err(),
                "HOLD_ALREADY_CONFIRMED",
            ),
            (
                loyalty.confirm(&released, 0).await.unwrap_err(),
                "HOLD_ALREADY_RELEASED",
            ),
            (
                loyalty.release(&released).await.unwrap_err(),
                "HOLD_ALREADY_RELEASED",
            ),
        ];

        for (refusal, reason) in refusals {
            assert_code(&refusal, Code::FailedPrecondition, reason);
        }
        assert_eq!(loyalty.balance("ada").await, (90, 0));
    })
    .await;
}

#[tokio::test]
async fn a_hold_runs_out_at_its_instant_whether_or_not_it_was_booked() {
    each(async |loyalty| {
        loyalty.earn("ada", 100, "bill/1").await;
        let hold = loyalty.hold("ada", 30, 60).await.unwrap();
        let booked = loyalty.hold("ada", 20, 60).await.unwrap();

        loyalty.advance(Span::from_seconds(60));
        assert_eq!(loyalty.balance("ada").await, (100, 0));
        assert_eq!(loyalty.get_hold(&hold).await.state(), HoldState::Expired);
        let late = loyalty.confirm(&hold, 0).await.unwrap_err();
        loyalty.catch_up().await;
        let later = loyalty.confirm(&booked, 0).await.unwrap_err();

        assert_code(&late, Code::FailedPrecondition, "HOLD_EXPIRED");
        assert_code(&later, Code::FailedPrecondition, "HOLD_EXPIRED");
        assert_eq!(
            error_info(&late).metadata["expire_time"],
            "2025-01-01T00:01:00Z"
        );
        assert_eq!(loyalty.get_hold(&hold).await.state(), HoldState::Expired);
        assert_eq!(loyalty.balance("ada").await, (100, 0));
        let timeouts = loyalty.entries("ada").await;
        let timeouts = timeouts
            .iter()
            .filter(|entry| entry.kind() == EntryKind::HoldTimeout);
        assert_eq!(timeouts.count(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_hold_made_in_time_may_be_confirmed_after_its_points_expired() {
    each(async |loyalty| {
        loyalty.earn_for("ada", 50, 1).await;
        let hold = loyalty.hold("ada", 40, 3 * 86_400).await.unwrap();

        loyalty.advance_days(2);
        assert_eq!(loyalty.catch_up().await.expired_points, 10);
        let answer = loyalty.confirm(&hold, 30).await.unwrap();

        // What was not needed goes back to a lot that has expired, and so expires at once.
        assert_eq!(
            (answer.available_points, answer.entry.unwrap().points_delta),
            (0, -30)
        );
        assert_eq!(loyalty.balance("ada").await, (0, 0));
        let books = loyalty.books().await;
        assert_eq!(
            (
                books.redeemed_points,
                books.expired_points,
                books.closing_points
            ),
            (30, 20, 0)
        );
        loyalty.assert_books_tie().await;
    })
    .await;
}

#[tokio::test]
async fn a_repeat_of_each_hold_call_is_answered_alike() {
    each(async |loyalty| {
        loyalty.earn("ada", 100, "bill/1").await;
        let mut client = loyalty.client.clone();
        let creating = CreateHoldRequest {
            request_id: new_id(),
            account_id: "ada".into(),
            points: 10,
            source: "order/1".into(),
            hold_duration: None,
            member_account_id: String::new(),
            partner_id: String::new(),
        };
        let first = client
            .create_hold(creating.clone())
            .await
            .unwrap()
            .into_inner();
        let hold = first.hold.clone().unwrap();
        let confirming = loyalty.confirming(&hold, 4);
        let confirmed = client
            .confirm_hold(confirming.clone())
            .await
            .unwrap()
            .into_inner();

        let again = client.create_hold(creating).await.unwrap().into_inner();
        let confirmed_again = client.confirm_hold(confirming).await.unwrap().into_inner();

        assert_eq!(
            again,
            CreateHoldResponse {
                replayed: true,
                ..first
            }
        );
        assert_eq!(
            confirmed_again,
            ConfirmHoldResponse {
                replayed: true,
                ..confirmed
            }
        );
        // 15 minutes unless something else is said.
        let expire = hold.expire_time.unwrap().seconds - hold.create_time.unwrap().seconds;
        assert_eq!(expire, 900);
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_held_or_confirmed_is_refused() {
    each(async |loyalty| {
        loyalty.earn("ada", 100, "bill/1").await;
        loyalty.earn("bob", 100, "bill/2").await;
        let hold = loyalty.hold("ada", 10, 60).await.unwrap();

        let exceeded = loyalty.confirm(&hold, 11).await.unwrap_err();
        assert_code(&exceeded, Code::FailedPrecondition, "HOLD_EXCEEDED");
        assert_eq!(error_info(&exceeded).metadata["held_points"], "10");
        assert_reason(
            &loyalty.hold("ada", 91, 60).await.unwrap_err(),
            "INSUFFICIENT_POINTS",
        );
        assert_reason(
            &loyalty.hold("ada", 1, 0).await.unwrap_err(),
            "INVALID_FIELDS",
        );
        assert_reason(
            &loyalty.hold("ada", 1, 2_592_001).await.unwrap_err(),
            "INVALID_FIELDS",
        );
        let others = Hold {
            account_id: "bob".into(),
            ..hold.clone()
        };
        assert_code(
            &loyalty.confirm(&others, 0).await.unwrap_err(),
            Code::NotFound,
            "HOLD_NOT_FOUND",
        );
        let unknown = Hold {
            hold_id: new_id(),
            ..hold
        };
        assert_reason(
            &loyalty.release(&unknown).await.unwrap_err(),
            "HOLD_NOT_FOUND",
        );
        let (account_id, hold_id) = ("ada".into(), new_id());
        let get = GetHoldRequest {
            account_id,
            hold_id,
        };
        assert_reason(
            &loyalty.client.clone().get_hold(get).await.unwrap_err(),
            "HOLD_NOT_FOUND",
        );
    })
    .await;
}

#[tokio::test]
async fn an_account_has_a_limited_number_of_open_holds() {
    each(async |loyalty| {
        loyalty.earn("ada", 1_000, "bill/1").await;
        for _ in 0..64 {
            loyalty.hold("ada", 1, 60).await.unwrap();
        }

        assert_reason(
            &loyalty.hold("ada", 1, 60).await.unwrap_err(),
            "BALANCE_LIMIT",
        );
    })
    .await;
}

/// The lane of an account has holds of others, too, and their ids lead to them.
#[tokio::test]
async fn an_ended_hold_of_another_account_of_the_lane_is_not_found() {
    each(async |loyalty| {
        let lanes = loyalty.db.lanes();
        let mut names = (0..).map(|number| format!("B{number}"));
        let is_beside = |name: &String| lanes.of(name) == lanes.of("ada");
        let beside = names.find(is_beside).unwrap();
        loyalty.earn("ada", 100, "bill/1").await;
        loyalty.create(&beside).await.unwrap();
        let hold = loyalty.hold("ada", 10, 60).await.unwrap();
        loyalty.release(&hold).await.unwrap();

        let others = Hold {
            account_id: beside,
            ..hold
        };
        let confirmed = loyalty.confirm(&others, 0).await.unwrap_err();
        let released = loyalty.release(&others).await.unwrap_err();

        assert_code(&confirmed, Code::NotFound, "HOLD_NOT_FOUND");
        assert_code(&released, Code::NotFound, "HOLD_NOT_FOUND");
    })
    .await;
}
