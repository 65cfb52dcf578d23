//! `RedeemReward` and what follows it; `GetRewardOrder`, `ListRewardOrders`.

use tenure_core::{PageError, Violations, page};
use tenure_proto::loyalty::v1::{
    CancelRewardOrderRequest, ConfirmRewardOrderRequest, FulfilRewardOrderRequest,
    GetRewardOrderRequest, GetRewardOrderResponse, ListRewardOrdersRequest,
    ListRewardOrdersResponse, RedeemRewardRequest, RedeemRewardResponse, RefundGoods,
    RefundRewardOrderRequest, RewardOrderState,
};
use tenure_rpc::{RequestError, fields};

use super::terms::{quantity, reward_id};
use super::{OfOrder, convert, meet_offer, meet_order};
use crate::Shared;
use crate::api::programme::Failed;
use crate::api::submit::{Reading, submit_with};
use crate::api::{accounts, holds, parse};
use crate::domain::{Buying, Command, Goods, OrderState, Refusal, RewardCommand, Step};
use crate::error::Error;
use crate::store::orders::{self as store, Which};

/// The longest reason or reference.
const TEXT_LENGTH_MAX: usize = 128;

pub(super) async fn submit_redeem(
    shared: &Shared,
    message: RedeemRewardRequest,
) -> Result<RedeemRewardResponse, Failed> {
    let met = meet_offer(shared, &message.account_id, &message.reward_id).await?;
    Ok(submit_with(shared, &met, message).await?)
}

pub(super) async fn submit<O: OfOrder>(shared: &Shared, message: O) -> Result<O::Answer, Failed> {
    let met = meet_order(shared, message.account_id(), message.order_id()).await?;
    Ok(submit_with(shared, &met, message).await?)
}

pub(in crate::api) fn redeem(
    message: &RedeemRewardRequest,
    reading: &mut Reading<'_>,
) -> Option<Command> {
    let v = &mut reading.violations;
    let reward = reward_id(v, &message.reward_id);
    let quantity = quantity(v, message.quantity);
    let price = parse::optional_key(v, "price_id", &message.price_id);
    let payment = parse::optional_key(v, "payment_reference", &message.payment_reference);
    let lasts = holds::lasts(v, "reserve_duration", message.reserve_duration.as_ref());
    if !message.reserve && message.reserve_duration.is_some() {
        v.add(
            "reserve_duration",
            "nothing, as nothing is reserved",
            "a value",
        );
    }
    Some(Command::Reward(Box::new(RewardCommand::Buy(Buying {
        reward: reward?.into(),
        offer: reading.met.offer.clone(),
        price: price?,
        quantity: quantity?,
        payment: payment?,
        reserves: if message.reserve { Some(lasts?) } else { None },
        tier: reading.met.tier.as_str().into(),
    }))))
}

fn go(order_id: &str, reading: &mut Reading<'_>, step: Option<Step>) -> Option<Command> {
    let order = parse::entry_id(&mut reading.violations, "order_id", order_id);
    Some(Command::Reward(Box::new(RewardCommand::Go {
        order: order?,
        step: step?,
        known: reading.met.order.clone(),
    })))
}

pub(in crate::api) fn confirm(
    message: &ConfirmRewardOrderRequest,
    reading: &mut Reading<'_>,
) -> Option<Command> {
    go(&message.order_id, reading, Some(Step::Confirm))
}

pub(in crate::api) fn fulfil(
    message: &FulfilRewardOrderRequest,
    reading: &mut Reading<'_>,
) -> Option<Command> {
    let v = &mut reading.violations;
    let said = &message.fulfilment_reference;
    let reference = fields::text(v, "fulfilment_reference", said, TEXT_LENGTH_MAX);
    let reference = reference.map(Into::into);
    let step = reference.map(|reference| Step::Fulfil { reference });
    go(&message.order_id, reading, step)
}

pub(in crate::api) fn cancel(
    message: &CancelRewardOrderRequest,
    reading: &mut Reading<'_>,
) -> Option<Command> {
    let v = &mut reading.violations;
    let reason = fields::text(v, "reason", &message.reason, TEXT_LENGTH_MAX).map(Into::into);
    let step = reason.map(|reason| Step::Cancel { reason });
    go(&message.order_id, reading, step)
}

pub(in crate::api) fn refund(
    message: &RefundRewardOrderRequest,
    reading: &mut Reading<'_>,
) -> Option<Command> {
    let v = &mut reading.violations;
    let reason = fields::text(v, "reason", &message.reason, TEXT_LENGTH_MAX).map(Into::into);
    let goods = match message.goods() {
        RefundGoods::ReturnStock => Some(Goods::Returned),
        RefundGoods::WriteOff => Some(Goods::Lost),
        RefundGoods::Unspecified => {
            v.add("goods", "what becomes of the things", "nothing");
            None
        }
    };
    let quantity = match message.quantity {
        0 => Some(None),
        some => quantity(v, some).map(Some),
    };
    let step = reason.zip(goods).zip(quantity);
    let step = step.map(|((reason, goods), quantity)| Step::Refund {
        reason,
        goods,
        quantity,
    });
    go(&message.order_id, reading, step)
}

pub(super) async fn get(
    shared: &Shared,
    message: GetRewardOrderRequest,
) -> Result<GetRewardOrderResponse, Failed> {
    let mut violations = Violations::new();
    let account = parse::account(&mut violations, &message.account_id);
    let order = parse::entry_id(&mut violations, "order_id", &message.order_id);
    let (account, id) = parse::all(violations, account.zip(order))?;
    let lane = shared.lane(account.as_str());
    let Some(found) = store::order(&shared.db, lane, &account, id).await? else {
        accounts::require(shared, &account).await?;
        let order = id.to_string();
        return Err(Error::from(Refusal::RewardOrderNotFound { order }).into());
    };
    let now = shared.clock.now();
    Ok(GetRewardOrderResponse {
        order: Some(convert::order_at(&found.order, &found.entry, now)),
    })
}

fn state(state: RewardOrderState) -> Option<OrderState> {
    match state {
        RewardOrderState::Unspecified => None,
        RewardOrderState::Reserved => Some(OrderState::Reserved),
        RewardOrderState::Placed => Some(OrderState::Placed),
        RewardOrderState::Fulfilled => Some(OrderState::Fulfilled),
        RewardOrderState::Cancelled => Some(OrderState::Cancelled),
        RewardOrderState::Refunded => Some(OrderState::Refunded),
        RewardOrderState::Expired => Some(OrderState::Expired),
    }
}

pub(super) async fn list(
    shared: &Shared,
    message: ListRewardOrdersRequest,
) -> Result<ListRewardOrdersResponse, Failed> {
    let mut violations = Violations::new();
    let size = fields::page_size(&mut violations, message.page_size);
    let account = match message.account_id.as_str() {
        "" => Some(None),
        id => parse::account(&mut violations, id).map(Some),
    };
    let (size, account) = parse::all(violations, size.zip(account))?;
    let arguments = format!("orders\u{1f}{}\u{1f}{}", message.account_id, message.state);
    let token = fields::page_token(&message.page_token, arguments.as_bytes());
    let after = match token.map_err(RequestError::from)? {
        None => (-1, 0),
        Some(token) => {
            let number = |at| parse::number(token.keys().get(at));
            let parsed = number(0).and_then(|lane| Ok((lane, number(1)?)));
            let invalid = |_| RequestError::from(PageError::Invalid);
            let (lane, seq) = parsed.map_err(invalid)?;
            (i32::try_from(lane).unwrap_or(i32::MAX), seq)
        }
    };
    let now = shared.clock.now();
    let which = Which {
        account: account.as_ref().map(|id| (shared.lane(id.as_str()), id)),
        state: state(message.state()),
        now,
        after,
    };
    let rows = store::page(&shared.db, which, size).await?;
    if rows.is_empty()
        && let Some(account) = &account
    {
        accounts::require(shared, account).await?;
    }
    let (rows, next) = page::cut(rows, size, |found| {
        let id = found.order.id;
        vec![id.lane().to_string(), id.seq().to_string()]
    });
    let order = |found: &store::FoundOrder| convert::order_at(&found.order, &found.entry, now);
    Ok(ListRewardOrdersResponse {
        orders: rows.iter().map(order).collect(),
        next_page_token: next
            .map(|next| next.seal(arguments.as_bytes()))
            .unwrap_or_default(),
    })
}
