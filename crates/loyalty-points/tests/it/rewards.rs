//! Orders of rewards: points and things move together, once, and come back together.

use tenure_core::Span;
use tenure_proto::loyalty::v1::*;
use tenure_testkit::{assert_code, assert_reason, error_info};
use tonic::Code;

use crate::reward_suite::{
    cancelling, confirming, creating, fulfilling, redeeming, refunding, reserving, terms,
};
use crate::suite::{each, new_id};

#[tokio::test]
async fn an_order_spends_points_and_takes_the_thing_and_is_fulfilled_once() {
    each(async |loyalty| {
        loyalty.stocked("mug", 5).await;
        loyalty.earn("ada", 250, "bill/1").await;

        let answer = loyalty
            .redeem_reward(redeeming("ada", "mug"))
            .await
            .unwrap();

        let order = answer.order.unwrap();
        assert_eq!(order.state(), RewardOrderState::Placed);
        assert_eq!((order.points, order.quantity), (100, 1));
        assert_eq!(order.debit_entry_id, answer.entry.unwrap().entry_id);
        assert_eq!(answer.available_points, 150);
        assert_eq!(loyalty.stock("mug").await, (4, 0, 1));
        let done = loyalty
            .fulfil_reward_order(fulfilling(&order))
            .await
            .unwrap();
        let done = done.order.unwrap();
        assert_eq!(done.state(), RewardOrderState::Fulfilled);
        assert_eq!(done.fulfilment_reference, "parcel/7");
        assert_eq!(loyalty.look_at(&order).await, done);
        let again = loyalty.fulfil_reward_order(fulfilling(&order)).await;
        let again = again.unwrap_err();
        assert_code(&again, Code::FailedPrecondition, "REWARD_ORDER_STATE");
        assert_eq!(error_info(&again).metadata["state"], "FULFILLED");
        loyalty.assert_books_tie().await;
        loyalty.assert_verifies().await;
    })
    .await;
}

#[tokio::test]
async fn a_reserved_order_is_confirmed_and_its_thing_is_sold() {
    each(async |loyalty| {
        loyalty.stocked("mug", 2).await;
        loyalty.earn("ada", 250, "bill/1").await;

        let order = loyalty.reserve("ada", "mug").await.unwrap();

        assert_eq!(order.state(), RewardOrderState::Reserved);
        assert_eq!(loyalty.balance("ada").await, (150, 100));
        assert_eq!(loyalty.stock("mug").await, (1, 1, 0));
        let done = loyalty
            .confirm_reward_order(confirming(&order))
            .await
            .unwrap();
        let placed = done.order.unwrap();
        assert_eq!(placed.state(), RewardOrderState::Placed);
        assert_eq!(placed.debit_entry_id, done.entry.unwrap().entry_id);
        assert_eq!(loyalty.balance("ada").await, (150, 0));
        assert_eq!(loyalty.stock("mug").await, (1, 0, 1));
        loyalty.assert_verifies().await;
    })
    .await;
}

#[tokio::test]
async fn a_reserved_order_that_is_cancelled_gives_points_and_thing_back() {
    each(async |loyalty| {
        loyalty.stocked("mug", 1).await;
        loyalty.earn("ada", 100, "bill/1").await;
        let order = loyalty.reserve("ada", "mug").await.unwrap();

        let done = loyalty
            .cancel_reward_order(cancelling(&order))
            .await
            .unwrap();

        assert_eq!(done.order.unwrap().state(), RewardOrderState::Cancelled);
        assert_eq!(loyalty.balance("ada").await, (100, 0));
        assert_eq!(loyalty.stock("mug").await, (1, 0, 0));
        let late = loyalty.confirm_reward_order(confirming(&order)).await;
        assert_reason(&late.unwrap_err(), "REWARD_ORDER_STATE");
        loyalty.assert_verifies().await;
    })
    .await;
}

/// Decided by the clock alone: no sweep ran, and nothing else touched the account or the stock.
#[tokio::test]
async fn a_reservation_that_nobody_confirmed_in_time_is_over_for_points_and_stock() {
    each(async |loyalty| {
        loyalty.stocked("mug", 1).await;
        loyalty.earn("ada", 100, "bill/1").await;
        loyalty.earn("bob", 100, "bill/1").await;
        let order = loyalty.reserve("ada", "mug").await.unwrap();
        let refused = loyalty.order("bob", "mug").await.unwrap_err();
        assert_reason(&refused, "OUT_OF_STOCK");
        loyalty.advance(Span::from_seconds(60));

        assert_eq!(
            loyalty.look_at(&order).await.state(),
            RewardOrderState::Expired
        );
        assert_eq!(loyalty.stock("mug").await, (1, 0, 0));
        let late = loyalty
            .confirm_reward_order(confirming(&order))
            .await
            .unwrap_err();
        assert_reason(&late, "REWARD_ORDER_STATE");
        assert_eq!(error_info(&late).metadata["state"], "EXPIRED");
        let listed = loyalty.list_reward_orders(ListRewardOrdersRequest {
            state: RewardOrderState::Expired.into(),
            ..Default::default()
        });
        assert_eq!(listed.await.unwrap().orders.len(), 1);
        loyalty.order("bob", "mug").await.unwrap();
        assert_eq!(loyalty.stock("mug").await, (0, 0, 1));
        assert_eq!(loyalty.balance("ada").await, (100, 0));
        loyalty.assert_verifies().await;
    })
    .await;
}

#[tokio::test]
async fn a_refund_returns_points_to_their_lots_and_the_thing_to_the_shelf_or_to_nobody() {
    each(async |loyalty| {
        loyalty.stocked("mug", 2).await;
        loyalty.earn_for("ada", 60, 10).await;
        loyalty.earn_for("ada", 160, 20).await;
        let before = loyalty.lots("ada").await;
        let returned = loyalty.order("ada", "mug").await.unwrap();
        let lost = loyalty.order("ada", "mug").await.unwrap();
        loyalty
            .fulfil_reward_order(fulfilling(&lost))
            .await
            .unwrap();
        assert_eq!(loyalty.balance("ada").await, (20, 0));

        let back = refunding(&returned, RefundGoods::ReturnStock);
        let back = loyalty.refund_reward_order(back).await.unwrap();
        let gone = refunding(&lost, RefundGoods::WriteOff);
        let gone = loyalty.refund_reward_order(gone).await.unwrap();

        assert_eq!(back.order.unwrap().state(), RewardOrderState::Refunded);
        assert_eq!(gone.order.unwrap().goods(), RefundGoods::WriteOff);
        assert_eq!(loyalty.lots("ada").await, before);
        assert_eq!(loyalty.stock("mug").await, (1, 0, 0));
        let stock = loyalty.reward("mug").await.stock.unwrap();
        assert_eq!(
            (stock.returned_quantity, stock.written_off_quantity),
            (2, 1)
        );
        let twice = refunding(&lost, RefundGoods::ReturnStock);
        let twice = loyalty.refund_reward_order(twice).await.unwrap_err();
        assert_reason(&twice, "REWARD_ORDER_STATE");
        loyalty.assert_books_tie().await;
        loyalty.assert_verifies().await;
    })
    .await;
}

#[tokio::test]
async fn a_repeat_has_the_first_answer_and_another_body_is_refused() {
    each(async |loyalty| {
        loyalty.stocked("mug", 5).await;
        loyalty.earn("ada", 500, "bill/1").await;
        let request = redeeming("ada", "mug");
        let first = loyalty.redeem_reward(request.clone()).await.unwrap();
        let order = first.order.clone().unwrap();
        loyalty
            .fulfil_reward_order(fulfilling(&order))
            .await
            .unwrap();

        let again = loyalty.redeem_reward(request.clone()).await.unwrap();

        assert!(again.replayed && !first.replayed);
        assert_eq!((again.order, again.entry), (first.order, first.entry));
        let other = RedeemRewardRequest {
            quantity: 2,
            ..request
        };
        let refused = loyalty.redeem_reward(other).await.unwrap_err();
        assert_code(&refused, Code::InvalidArgument, "REQUEST_ID_REUSED");
        assert_eq!(error_info(&refused).metadata["fields"], "quantity");
        assert_eq!(loyalty.stock("mug").await, (4, 0, 1));
        let confirm = confirming(&order);
        let refused = loyalty
            .confirm_reward_order(confirm.clone())
            .await
            .unwrap_err();
        let again = loyalty.confirm_reward_order(confirm).await.unwrap_err();
        assert_eq!(error_info(&again).metadata, error_info(&refused).metadata);
    })
    .await;
}

#[tokio::test]
async fn points_and_money_are_one_price_and_the_payment_is_noted() {
    each(async |loyalty| {
        loyalty.offered("mug", terms()).await;
        loyalty.earn("ada", 50, "bill/1").await;
        let request = RedeemRewardRequest {
            quantity: 3,
            price_id: "mixed".into(),
            payment_reference: "payment/9".into(),
            ..redeeming("ada", "mug")
        };

        let order = loyalty.redeem_reward(request).await.unwrap().order.unwrap();

        assert_eq!((order.points, order.quantity), (30, 3));
        let money = order.money.unwrap();
        assert_eq!(
            (money.currency_code.as_str(), money.amount_minor),
            ("CNY", 4_770)
        );
        assert_eq!(order.payment_reference, "payment/9");
        let none = RedeemRewardRequest {
            price_id: "gold".into(),
            ..redeeming("ada", "mug")
        };
        let none = loyalty.redeem_reward(none).await.unwrap_err();
        assert_code(&none, Code::NotFound, "REWARD_PRICE_NOT_FOUND");
        loyalty.assert_verifies().await;
    })
    .await;
}

#[tokio::test]
async fn what_belongs_to_an_order_is_not_taken_apart() {
    each(async |loyalty| {
        loyalty.stocked("mug", 5).await;
        loyalty.earn("ada", 500, "bill/1").await;
        let placed = loyalty
            .redeem_reward(redeeming("ada", "mug"))
            .await
            .unwrap();
        let reserved = loyalty
            .redeem_reward(reserving("ada", "mug"))
            .await
            .unwrap();

        let reversed = loyalty.reverse(&placed.entry.unwrap()).await.unwrap_err();
        let hold = Hold {
            account_id: "ada".into(),
            hold_id: reserved.order.unwrap().order_id,
            ..Hold::default()
        };
        let confirmed = loyalty.confirm(&hold, 0).await.unwrap_err();
        let released = loyalty.release(&hold).await.unwrap_err();

        for refused in [reversed, confirmed, released] {
            assert_code(&refused, Code::FailedPrecondition, "ENTRY_OF_REWARD_ORDER");
        }
        assert_eq!(loyalty.stock("mug").await, (3, 1, 1));
    })
    .await;
}

#[tokio::test]
async fn an_order_keeps_the_version_it_was_bought_under() {
    each(async |loyalty| {
        loyalty.stocked("mug", 5).await;
        loyalty.earn("ada", 500, "bill/1").await;
        let first = loyalty.reserve("ada", "mug").await.unwrap();
        let mut dearer = terms();
        dearer.prices[0].points = 300;
        let update = UpdateRewardRequest {
            request_id: new_id(),
            reward_id: "mug".into(),
            terms: Some(dearer),
            author: "clerk".into(),
        };
        let updated = loyalty.update_reward(update.clone()).await.unwrap();
        assert_eq!(updated.reward.as_ref().unwrap().version_number, 2);
        assert!(loyalty.update_reward(update).await.unwrap().replayed);

        let confirmed = loyalty
            .confirm_reward_order(confirming(&first))
            .await
            .unwrap();
        let second = loyalty.order("ada", "mug").await.unwrap();

        let confirmed = confirmed.order.unwrap();
        assert_eq!(
            (confirmed.points, confirmed.reward_version_number),
            (100, 1)
        );
        assert_eq!((second.points, second.reward_version_number), (300, 2));
        assert_eq!(loyalty.balance("ada").await, (100, 0));
    })
    .await;
}

#[tokio::test]
async fn orders_are_listed_by_account_and_state_in_pages() {
    each(async |loyalty| {
        loyalty.stocked("mug", 50).await;
        loyalty.earn("ada", 1_000, "bill/1").await;
        loyalty.earn("bob", 1_000, "bill/1").await;
        let mut placed = Vec::new();
        for _ in 0..5 {
            placed.push(loyalty.order("ada", "mug").await.unwrap());
            loyalty.order("bob", "mug").await.unwrap();
        }
        loyalty
            .fulfil_reward_order(fulfilling(&placed[2]))
            .await
            .unwrap();
        placed.remove(2);

        let (mut found, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListRewardOrdersRequest {
                account_id: "ada".into(),
                state: RewardOrderState::Placed.into(),
                page_size: 3,
                page_token,
            };
            let page = loyalty.list_reward_orders(request).await.unwrap();
            found.extend(page.orders);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }

        assert_eq!(found, placed);
        let all = ListRewardOrdersRequest::default();
        assert_eq!(
            loyalty.list_reward_orders(all).await.unwrap().orders.len(),
            10
        );
        let nobody = ListRewardOrdersRequest {
            account_id: "eve".into(),
            ..Default::default()
        };
        let nobody = loyalty.list_reward_orders(nobody).await.unwrap_err();
        assert_code(&nobody, Code::NotFound, "ACCOUNT_NOT_FOUND");
    })
    .await;
}

#[tokio::test]
async fn orders_of_a_batch_are_placed_or_all_of_them_are_not() {
    each(async |loyalty| {
        loyalty.stocked("mug", 3).await;
        loyalty.earn("ada", 500, "bill/1").await;
        let two = |mode: BatchMode| BatchExecuteOperationsRequest {
            operations: (0..2)
                .map(|_| Operation {
                    operation: Some(operation::Operation::RedeemReward(RedeemRewardRequest {
                        quantity: 2,
                        ..redeeming("ada", "mug")
                    })),
                })
                .collect(),
            mode: mode.into(),
        };
        let mut client = loyalty.client.clone();

        let together = two(BatchMode::AllOrNothing);
        let together = client.batch_execute_operations(together).await.unwrap();
        assert_eq!(loyalty.stock("mug").await, (3, 0, 0));
        let each = two(BatchMode::Independent);
        let each = client.batch_execute_operations(each).await.unwrap();

        let is_done = |result: &OperationResult| {
            matches!(&result.result, Some(operation_result::Result::Outcome(it)) if it.order.is_some())
        };
        assert!(!together.into_inner().results.iter().any(is_done));
        let done: Vec<bool> = each.into_inner().results.iter().map(is_done).collect();
        assert_eq!(done, [true, false]);
        assert_eq!(loyalty.stock("mug").await, (1, 0, 2));
        assert_eq!(loyalty.balance("ada").await, (300, 0));
        loyalty.assert_verifies().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_asked_of_orders_and_rewards_that_are_not_there_is_refused() {
    each(async |loyalty| {
        loyalty.earn("ada", 500, "bill/1").await;
        let ghost = RewardOrder {
            account_id: "ada".into(),
            order_id: new_id(),
            ..Default::default()
        };

        let bought = loyalty.order("ada", "ghost").await.unwrap_err();
        let confirmed = loyalty.confirm_reward_order(confirming(&ghost)).await;
        let wrong = loyalty.create_reward(CreateRewardRequest {
            initial_quantity: 5,
            ..creating(&"x".repeat(49), RewardTerms::default())
        });

        assert_code(&bought, Code::NotFound, "REWARD_NOT_FOUND");
        assert_code(
            &confirmed.unwrap_err(),
            Code::NotFound,
            "REWARD_ORDER_NOT_FOUND",
        );
        let wrong = wrong.await.unwrap_err();
        assert_code(&wrong, Code::InvalidArgument, "INVALID_FIELDS");
    })
    .await;
}
