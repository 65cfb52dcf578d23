//! Orders that are refunded in parts.

use tenure_proto::loyalty::v1::*;
use tenure_testkit::{assert_reason, error_info};

use crate::reward_suite::{fulfilling, redeeming, refunding, terms};
use crate::suite::{Suite, each};

/// Orders so many mugs for ten points and 15.90 each.
async fn order(loyalty: &Suite, quantity: i64) -> RewardOrder {
    let request = RedeemRewardRequest {
        quantity,
        price_id: "mixed".into(),
        payment_reference: "payment/9".into(),
        ..redeeming("ada", "mug")
    };
    let answer = loyalty.redeem_reward(request).await.unwrap();
    answer.order.unwrap()
}

fn part(order: &RewardOrder, goods: RefundGoods, quantity: i64) -> RefundRewardOrderRequest {
    RefundRewardOrderRequest {
        quantity,
        ..refunding(order, goods)
    }
}

/// State; refunded and lost things; refunded points and money.
fn shape(order: &RewardOrder) -> (RewardOrderState, [i64; 4]) {
    let money = order.refunded_money.as_ref().unwrap();
    assert_eq!(money.currency_code, "CNY");
    let (things, lost) = (order.refunded_quantity, order.written_off_quantity);
    let sums = [things, lost, order.refunded_points, money.amount_minor];
    (order.state(), sums)
}

#[tokio::test]
async fn parts_of_an_order_come_back_with_their_part_of_points_and_money() {
    each(async |loyalty| {
        loyalty.stocked("mug", 10).await;
        loyalty.earn_for("ada", 37, 10).await;
        loyalty.earn_for("ada", 100, 20).await;
        let before = loyalty.lots("ada").await;
        let placed = order(&loyalty, 5).await;
        assert_eq!(shape(&placed), (RewardOrderState::Placed, [0, 0, 0, 0]));

        let two = part(&placed, RefundGoods::ReturnStock, 2);
        let two_back = loyalty.refund_reward_order(two.clone()).await.unwrap();
        loyalty
            .fulfil_reward_order(fulfilling(&placed))
            .await
            .unwrap();
        let one = part(&placed, RefundGoods::WriteOff, 1);
        let one_lost = loyalty.refund_reward_order(one).await.unwrap();
        let three = part(&placed, RefundGoods::ReturnStock, 3);
        let three = loyalty.refund_reward_order(three).await.unwrap_err();
        let found = loyalty.look_at(&placed).await;
        let rest = part(&placed, RefundGoods::ReturnStock, 0);
        let rest = loyalty.refund_reward_order(rest).await.unwrap();

        let after_two = (RewardOrderState::Placed, [2, 0, 20, 3_180]);
        assert_eq!(shape(two_back.order.as_ref().unwrap()), after_two);
        assert_eq!(two_back.entry.unwrap().points_delta, 20);
        assert_eq!(two_back.available_points, 137 - 50 + 20);
        let after_three = (RewardOrderState::Fulfilled, [3, 1, 30, 4_770]);
        assert_eq!(shape(one_lost.order.as_ref().unwrap()), after_three);
        assert_eq!(shape(&found), after_three);
        assert_reason(&three, "REFUND_EXCEEDED");
        let facts = error_info(&three).metadata;
        assert_eq!(facts["order_id"], placed.order_id);
        assert_eq!(
            (&*facts["left_quantity"], &*facts["needed_quantity"]),
            ("2", "3")
        );
        let all = (RewardOrderState::Refunded, [5, 1, 50, 7_950]);
        assert_eq!(shape(rest.order.as_ref().unwrap()), all);
        assert_eq!(loyalty.lots("ada").await, before);
        assert_eq!(loyalty.stock("mug").await, (9, 0, 0));
        // A repeat has its first answer; and there is nothing left for another one.
        let again = loyalty.refund_reward_order(two).await.unwrap();
        assert_eq!((again.order, again.replayed), (two_back.order, true));
        let more = part(&placed, RefundGoods::ReturnStock, 1);
        let more = loyalty.refund_reward_order(more).await.unwrap_err();
        assert_reason(&more, "REWARD_ORDER_STATE");
        loyalty.assert_books_tie().await;
        loyalty.assert_verifies().await;
    })
    .await;
}

#[tokio::test]
async fn what_was_refunded_counts_no_more_for_the_limit_of_an_account() {
    each(async |loyalty| {
        let eligibility = RewardEligibility {
            account_quantity_max: 3,
            ..RewardEligibility::default()
        };
        let limited = RewardTerms {
            eligibility: Some(eligibility),
            ..terms()
        };
        loyalty.offered("mug", limited).await;
        loyalty.earn("ada", 1_000, "bill/1").await;
        let placed = order(&loyalty, 3).await;

        let one = part(&placed, RefundGoods::ReturnStock, 1);
        loyalty.refund_reward_order(one).await.unwrap();
        order(&loyalty, 1).await;
        let refused = loyalty.order("ada", "mug").await.unwrap_err();

        assert_reason(&refused, "REWARD_LIMIT_REACHED");
        assert_eq!(error_info(&refused).metadata["had_quantity"], "3");
        loyalty.assert_verifies().await;
    })
    .await;
}

#[tokio::test]
async fn refunds_that_come_at_once_give_no_thing_back_twice() {
    each(async |loyalty| {
        loyalty.stocked("mug", 7).await;
        loyalty.earn("ada", 1_000, "bill/1").await;
        let placed = order(&loyalty, 7).await;

        let other = loyalty.replica();
        let refunds = (0..6).map(|number| {
            let replica = if number % 2 == 0 { &loyalty } else { &other };
            replica.refund_reward_order(part(&placed, RefundGoods::ReturnStock, 2))
        });
        let refunds = futures_util::future::join_all(refunds).await;

        // Three times two of seven.
        let (done, refused): (Vec<_>, Vec<_>) = refunds.into_iter().partition(Result::is_ok);
        assert_eq!((done.len(), refused.len()), (3, 3));
        for refused in refused {
            assert_reason(&refused.unwrap_err(), "REFUND_EXCEEDED");
        }
        assert_eq!(loyalty.balance("ada").await, (1_000 - 10, 0));
        assert_eq!(loyalty.stock("mug").await, (6, 0, 1));
        loyalty.assert_verifies().await;
    })
    .await;
}
