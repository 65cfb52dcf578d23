//! Short words for the calls of `RewardService`.

use tenure_proto::loyalty::v1::reward_service_client::RewardServiceClient;
use tenure_proto::loyalty::v1::*;
use tenure_proto::r#type::v1::Money;
use tenure_rpc::Transport;
use tenure_rpc::transport::in_process;

use crate::suite::{Answer, Suite, new_id};

/// A hundred points, or ten and 15.90 yuan.
pub(crate) fn terms() -> RewardTerms {
    let price = |price_id: &str, points, money| RewardPrice {
        price_id: price_id.into(),
        points,
        money,
    };
    let money = Money {
        currency_code: "CNY".into(),
        amount_minor: 1_590,
    };
    RewardTerms {
        display_name: "A mug".into(),
        prices: vec![price("points", 100, None), price("mixed", 10, Some(money))],
        ..RewardTerms::default()
    }
}

pub(crate) fn creating(reward_id: &str, terms: RewardTerms) -> CreateRewardRequest {
    CreateRewardRequest {
        request_id: new_id(),
        reward_id: reward_id.into(),
        terms: Some(terms),
        author: "clerk".into(),
        ..CreateRewardRequest::default()
    }
}

pub(crate) fn redeeming(account_id: &str, reward_id: &str) -> RedeemRewardRequest {
    RedeemRewardRequest {
        request_id: new_id(),
        account_id: account_id.into(),
        reward_id: reward_id.into(),
        ..RedeemRewardRequest::default()
    }
}

/// A request for a mug that is put aside for a minute.
pub(crate) fn reserving(account_id: &str, reward_id: &str) -> RedeemRewardRequest {
    RedeemRewardRequest {
        reserve: true,
        reserve_duration: Some(prost_types::Duration {
            seconds: 60,
            nanos: 0,
        }),
        ..redeeming(account_id, reward_id)
    }
}

pub(crate) fn confirming(order: &RewardOrder) -> ConfirmRewardOrderRequest {
    ConfirmRewardOrderRequest {
        request_id: new_id(),
        account_id: order.account_id.clone(),
        order_id: order.order_id.clone(),
    }
}

pub(crate) fn fulfilling(order: &RewardOrder) -> FulfilRewardOrderRequest {
    FulfilRewardOrderRequest {
        request_id: new_id(),
        account_id: order.account_id.clone(),
        order_id: order.order_id.clone(),
        fulfilment_reference: "parcel/7".into(),
    }
}

pub(crate) fn cancelling(order: &RewardOrder) -> CancelRewardOrderRequest {
    CancelRewardOrderRequest {
        request_id: new_id(),
        account_id: order.account_id.clone(),
        order_id: order.order_id.clone(),
        reason: "changed her mind".into(),
    }
}

pub(crate) fn refunding(order: &RewardOrder, goods: RefundGoods) -> RefundRewardOrderRequest {
    RefundRewardOrderRequest {
        request_id: new_id(),
        account_id: order.account_id.clone(),
        order_id: order.order_id.clone(),
        reason: "broken".into(),
        goods: goods.into(),
        quantity: 0,
    }
}

macro_rules! calls {
    ($($name:ident: $request:ident -> $response:ident;)*) => {
        impl Suite {
            $(pub(crate) async fn $name(&self, request: $request) -> Answer<$response> {
                let answer = self.rewards().$name(request).await;
                answer.map(tonic::Response::into_inner)
            })*
        }
    };
}

calls! {
    create_reward: CreateRewardRequest -> CreateRewardResponse;
    update_reward: UpdateRewardRequest -> UpdateRewardResponse;
    list_rewards: ListRewardsRequest -> ListRewardsResponse;
    adjust_stock: AdjustStockRequest -> AdjustStockResponse;
    redeem_reward: RedeemRewardRequest -> RedeemRewardResponse;
    confirm_reward_order: ConfirmRewardOrderRequest -> ConfirmRewardOrderResponse;
    fulfil_reward_order: FulfilRewardOrderRequest -> FulfilRewardOrderResponse;
    cancel_reward_order: CancelRewardOrderRequest -> CancelRewardOrderResponse;
    refund_reward_order: RefundRewardOrderRequest -> RefundRewardOrderResponse;
    get_reward_order: GetRewardOrderRequest -> GetRewardOrderResponse;
    list_reward_orders: ListRewardOrdersRequest -> ListRewardOrdersResponse;
}

impl Suite {
    pub(crate) fn rewards(&self) -> RewardServiceClient<Transport> {
        RewardServiceClient::new(in_process(self.service.routes()))
    }

    /// Puts so many of a reward on the shelf.
    pub(crate) async fn stocked(&self, reward_id: &str, quantity: i64) -> CatalogueReward {
        self.stocked_with(reward_id, quantity, terms()).await
    }

    pub(crate) async fn stocked_with(
        &self,
        reward_id: &str,
        quantity: i64,
        terms: RewardTerms,
    ) -> CatalogueReward {
        let request = CreateRewardRequest {
            counted: true,
            initial_quantity: quantity,
            ..creating(reward_id, terms)
        };
        let created = self.create_reward(request).await.unwrap();
        created.reward.unwrap()
    }

    /// A reward whose things are not counted.
    pub(crate) async fn offered(&self, reward_id: &str, terms: RewardTerms) -> CatalogueReward {
        let created = self.create_reward(creating(reward_id, terms)).await;
        created.unwrap().reward.unwrap()
    }

    pub(crate) async fn reward(&self, reward_id: &str) -> CatalogueReward {
        let reward_id = reward_id.into();
        let found = self
            .rewards()
            .get_reward(GetRewardRequest { reward_id })
            .await;
        found.unwrap().into_inner().reward.unwrap()
    }

    /// How many may be ordered, are put aside, and went out for good.
    pub(crate) async fn stock(&self, reward_id: &str) -> (i64, i64, i64) {
        let stock = self.reward(reward_id).await.stock.unwrap();
        let there = stock.added_quantity - stock.sold_quantity + stock.returned_quantity
            - stock.written_off_quantity;
        assert_eq!(there, stock.available_quantity + stock.reserved_quantity);
        let sold = stock.sold_quantity - stock.returned_quantity;
        (stock.available_quantity, stock.reserved_quantity, sold)
    }

    pub(crate) async fn order(&self, account: &str, reward: &str) -> Answer<RewardOrder> {
        let answer = self.redeem_reward(redeeming(account, reward)).await?;
        Ok(answer.order.unwrap())
    }

    pub(crate) async fn reserve(&self, account: &str, reward: &str) -> Answer<RewardOrder> {
        let answer = self.redeem_reward(reserving(account, reward)).await?;
        Ok(answer.order.unwrap())
    }

    pub(crate) async fn look_at(&self, order: &RewardOrder) -> RewardOrder {
        let request = GetRewardOrderRequest {
            account_id: order.account_id.clone(),
            order_id: order.order_id.clone(),
        };
        self.get_reward_order(request).await.unwrap().order.unwrap()
    }

    pub(crate) async fn restock(&self, reward_id: &str, quantity_delta: i64) -> Answer<()> {
        let request = AdjustStockRequest {
            request_id: new_id(),
            reward_id: reward_id.into(),
            quantity_delta,
            reason: "counted".into(),
            author: "clerk".into(),
        };
        self.adjust_stock(request).await.map(|_| ())
    }
}
