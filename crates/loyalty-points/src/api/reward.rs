//! The RPCs of `RewardService`: one line each into the files below.

mod catalogue;
mod convert;
mod list;
mod orders;
mod terms;

use std::sync::Arc;

use tenure_core::{AccountId, Lane};
use tenure_proto::loyalty::v1::reward_service_server::RewardService;
use tenure_proto::loyalty::v1::*;
use tonic::{Request, Response, Status};

use super::programme::answer;
use crate::Shared;
use crate::domain::{EntryId, Offer, RewardOrder, stock_key};
use crate::error::Error;
use crate::store::{orders as stored, rewards, tiers};

pub(super) use convert::order_after;
pub(super) use orders::{cancel, confirm, fulfil, redeem, refund};

/// The gRPC face of rewards.
pub(crate) struct RewardApi(pub(crate) Arc<Shared>);

/// What was read for a request before it is decided. Nothing of it changes for an order or for a
/// version of a reward; what does (state, stock, limits) is read again under the locks.
#[derive(Debug, Default)]
pub(super) struct Met {
    pub(super) offer: Option<Arc<Offer>>,
    pub(super) tier: String,
    pub(super) order: Option<(Arc<RewardOrder>, Lane)>,
}

/// Reads what an order of a reward is decided with.
pub(super) async fn meet_offer(shared: &Shared, account: &str, reward: &str) -> Result<Met, Error> {
    let Some(found) = rewards::find(&shared.db, reward).await? else {
        return Ok(Met::default());
    };
    let mut met = Met {
        offer: Some(Arc::new(found.offer)),
        ..Met::default()
    };
    let is_tiered = met
        .offer
        .as_ref()
        .is_some_and(|it| !it.terms.tiers.is_empty());
    if is_tiered && let Ok(account) = AccountId::parse(account) {
        let lane = shared.lane(account.as_str());
        let tier = tiers::current(&shared.db, lane, &account).await?;
        met.tier = tier.map(|state| state.tier).unwrap_or_default();
    }
    Ok(met)
}

/// Reads the order that a request takes on.
async fn meet_order(shared: &Shared, account: &str, order: &str) -> Result<Met, Error> {
    let (Ok(account), Ok(id)) = (AccountId::parse(account), EntryId::parse(order)) else {
        return Ok(Met::default());
    };
    let lane = shared.lane(account.as_str());
    let found = stored::order(&shared.db, lane, &account, id).await?;
    let order = found.map(|found| {
        let lane = shared.lane(&stock_key(&found.order.reward));
        (Arc::new(found.order), lane)
    });
    Ok(Met {
        order,
        ..Met::default()
    })
}

/// The signature of a unary RPC is long; what differs is the name and the two messages.
macro_rules! unary {
    ($($name:ident: $request:ident -> $response:ident = $handler:path;)*) => {
        #[tonic::async_trait]
        impl RewardService for RewardApi {
            $(async fn $name(
                &self,
                request: Request<$request>,
            ) -> Result<Response<$response>, Status> {
                answer($handler(&self.0, request.into_inner()).await)
            })*
        }
    };
}

unary! {
    create_reward: CreateRewardRequest -> CreateRewardResponse = catalogue::create;
    update_reward: UpdateRewardRequest -> UpdateRewardResponse = catalogue::update;
    get_reward: GetRewardRequest -> GetRewardResponse = catalogue::get;
    list_rewards: ListRewardsRequest -> ListRewardsResponse = list::list;
    adjust_stock: AdjustStockRequest -> AdjustStockResponse = catalogue::adjust;
    redeem_reward: RedeemRewardRequest -> RedeemRewardResponse = orders::submit_redeem;
    confirm_reward_order: ConfirmRewardOrderRequest -> ConfirmRewardOrderResponse = orders::submit;
    fulfil_reward_order: FulfilRewardOrderRequest -> FulfilRewardOrderResponse = orders::submit;
    cancel_reward_order: CancelRewardOrderRequest -> CancelRewardOrderResponse = orders::submit;
    refund_reward_order: RefundRewardOrderRequest -> RefundRewardOrderResponse = orders::submit;
    get_reward_order: GetRewardOrderRequest -> GetRewardOrderResponse = orders::get;
    list_reward_orders: ListRewardOrdersRequest -> ListRewardOrdersResponse = orders::list;
}

/// Requests that take an order a step on.
pub(super) trait OfOrder: super::operations::Operation {
    fn order_id(&self) -> &str;
}

macro_rules! of_order {
    ($($request:ident),*) => {
        $(impl OfOrder for $request {
            fn order_id(&self) -> &str {
                &self.order_id
            }
        })*
    };
}
of_order!(
    ConfirmRewardOrderRequest,
    FulfilRewardOrderRequest,
    CancelRewardOrderRequest,
    RefundRewardOrderRequest
);
