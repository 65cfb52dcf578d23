//! Points that wait: earned, but not to be spent before their activation.

use tenure_proto::loyalty::v1::*;
use tenure_testkit::{assert_code, assert_reason, error_info};
use tonic::Code;

use crate::suite::{each, each_with, new_id};
use tenure_loyalty_points::domain::{OrderOfUse, Policies};

#[tokio::test]
async fn pending_points_become_available_at_their_instant() {
    each(async |loyalty| {
        let earned = loyalty.earn_pending("ada", 100, Some(10)).await;
        assert_eq!(
            (earned.points_delta, earned.pending_points_delta),
            (100, 100)
        );
        let account = loyalty.account("ada").await;
        assert_eq!((account.available_points, account.pending_points), (0, 100));
        assert!(account.next_activate_time.is_some());
        assert_eq!(loyalty.lots("ada").await[0].state(), LotState::Pending);

        loyalty.advance_days(10);

        let account = loyalty.account("ada").await;
        assert_eq!((account.available_points, account.pending_points), (100, 0));
        // Nobody booked it yet.
        assert_eq!(account.sequence_number, 1);
        loyalty.redeem("ada", 30).await.unwrap();
        let entries = loyalty.entries("ada").await;
        assert_eq!(entries[1].kind(), EntryKind::Activate);
        assert_eq!(
            (entries[1].points_delta, entries[1].pending_points_delta),
            (0, -100)
        );
        assert_eq!(loyalty.lots("ada").await[0].state(), LotState::Available);
        loyalty.assert_books_tie().await;
    })
    .await;
}

#[tokio::test]
async fn points_that_wait_for_somebody_are_activated_once() {
    each(async |loyalty| {
        let earned = loyalty.earn_pending("ada", 100, None).await;
        loyalty.advance_days(300);
        assert_eq!(loyalty.balance("ada").await, (0, 0));

        let answer = loyalty.activate("ada", &earned.entry_id).await.unwrap();

        assert_eq!(answer.available_points, 100);
        let again = loyalty.activate("ada", &earned.entry_id).await.unwrap_err();
        assert_code(&again, Code::FailedPrecondition, "LOT_NOT_PENDING");
        let unknown = loyalty.activate("ada", &new_id()).await.unwrap_err();
        assert_code(&unknown, Code::NotFound, "LOT_NOT_FOUND");
    })
    .await;
}

#[tokio::test]
async fn a_pending_earning_can_be_taken_back() {
    each(async |loyalty| {
        let earned = loyalty.earn_pending("ada", 100, Some(10)).await;

        let answer = loyalty.reverse_part(&earned, 40).await.unwrap();

        let entry = answer.entry.unwrap();
        assert_eq!((entry.points_delta, entry.pending_points_delta), (-40, -40));
        assert_eq!(loyalty.account("ada").await.pending_points, 60);
        loyalty.advance_days(11);
        assert_eq!(loyalty.balance("ada").await, (60, 0));
        loyalty.assert_books_tie().await;
    })
    .await;
}

#[tokio::test]
async fn pending_points_that_expire_first_never_become_available() {
    each(async |loyalty| {
        let mut request = loyalty.earning("ada", 100, "bill/1");
        let at = |days| {
            use tenure_core::Clock as _;
            tenure_rpc::fields::time(loyalty.clock.now() + tenure_core::Span::from_days(days))
        };
        request.activation = Some(earn_points_request::Activation::ActivateTime(at(10)));
        request.expire_time = Some(at(10));
        loyalty.earn_with(request).await.unwrap();

        loyalty.advance_days(10);
        loyalty.catch_up().await;

        let newest = &loyalty.entries("ada").await[0];
        assert_eq!(newest.kind(), EntryKind::Expire);
        assert_eq!(
            (newest.points_delta, newest.pending_points_delta),
            (-100, -100)
        );
        loyalty.assert_books_tie().await;
    })
    .await;
}

#[tokio::test]
async fn a_lot_says_where_its_points_come_from() {
    each(async |loyalty| {
        loyalty.earn_special("ada", 10, "promotion").await;

        let lot = &loyalty.lots("ada").await[0];

        assert_eq!(
            (lot.points_type.as_str(), lot.partner_id.as_str()),
            ("promotion", "cafe")
        );
        assert_eq!(lot.programme_version, "1");
        let mut wrong = loyalty.earning("ada", 10, "bill/2");
        wrong.points_type = "with space".into();
        wrong.activation = Some(earn_points_request::Activation::UntilActivated(false));
        let refused = loyalty.earn_with(wrong).await.unwrap_err();
        assert_reason(&refused, "INVALID_FIELDS");
    })
    .await;
}

#[tokio::test]
async fn what_is_missing_is_told_with_all_that_a_customer_may_ask() {
    each(async |loyalty| {
        loyalty.earn_for("ada", 7, 1).await;
        loyalty.earn_for("ada", 50, 30).await;
        loyalty.earn_pending("ada", 20, Some(5)).await;
        loyalty.hold("ada", 27, 86_400 * 3).await.unwrap();
        loyalty.earn_for("ada", 4, 1).await;
        loyalty.advance_days(1);

        let refused = loyalty.redeem("ada", 100).await.unwrap_err();

        assert_code(&refused, Code::FailedPrecondition, "INSUFFICIENT_POINTS");
        let facts = &error_info(&refused).metadata;
        let fact = |name: &str| facts[name].as_str();
        assert_eq!(
            (fact("available_points"), fact("held_points")),
            ("30", "27")
        );
        assert_eq!(
            (fact("pending_points"), fact("expired_today_points")),
            ("20", "4")
        );
        assert_eq!((fact("needed_points"), fact("debt_points")), ("100", "0"));
        assert!(
            fact("next_activate_time").starts_with("2025-01-06"),
            "{facts:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_programme_may_spend_first_what_was_earned_first() {
    let policies = Policies {
        order_of_use: OrderOfUse::EarnedFirst,
        ..Policies::default()
    };
    each_with(policies, async |loyalty| {
        let first = loyalty.earn_for("ada", 50, 300).await;
        loyalty.advance_days(1);
        let second = loyalty.earn_for("ada", 50, 20).await;

        let quoted = loyalty.quote("ada", 60).await.unwrap();
        let redeemed = loyalty.redeem("ada", 60).await.unwrap().entry.unwrap();

        let lots: Vec<(&str, i64)> = redeemed
            .allocations
            .iter()
            .map(|a| (a.lot_id.as_str(), a.points_delta))
            .collect();
        assert_eq!(
            lots,
            [
                (first.entry_id.as_str(), -50),
                (second.entry_id.as_str(), -10)
            ]
        );
        assert_eq!(quoted.allocations, redeemed.allocations);
    })
    .await;
}

#[tokio::test]
async fn a_quote_says_what_the_redemption_will_do_and_changes_nothing() {
    each(async |loyalty| {
        loyalty.earn_for("ada", 50, 180).await;
        loyalty.earn_for("ada", 70, 364).await;
        let before = loyalty.account("ada").await;

        let quoted = loyalty.quote("ada", 60).await.unwrap();

        assert_eq!(loyalty.account("ada").await, before);
        assert_eq!(quoted.sequence_number, before.sequence_number);
        let redeemed = loyalty.redeem("ada", 60).await.unwrap();
        assert_eq!(redeemed.entry.unwrap().allocations, quoted.allocations);
        assert_eq!(redeemed.available_points, quoted.available_points);
        let refused = loyalty.quote("ada", 1_000).await.unwrap_err();
        assert_reason(&refused, "INSUFFICIENT_POINTS");
        let unknown = loyalty.quote("bob", 1).await.unwrap_err();
        assert_reason(&unknown, "ACCOUNT_NOT_FOUND");
    })
    .await;
}
