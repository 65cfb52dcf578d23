//! Rewards and orders, from words of the domain onto the wire.

use tenure_core::Timestamp;
use tenure_proto::loyalty::v1 as pb;
use tenure_proto::r#type::v1::Money;
use tenure_rpc::fields::time;

use crate::domain::{Counts, Entry, OrderState, RewardOrder, RewardTerms};
use crate::store::rewards::StoredReward;

pub(super) fn reward(found: &StoredReward) -> pb::CatalogueReward {
    pb::CatalogueReward {
        reward_id: found.offer.reward.to_string(),
        programme_id: found.offer.programme.to_string(),
        version_number: found.offer.version,
        terms: Some(terms(&found.offer.terms)),
        stock: found.counts.as_ref().map(stock),
        create_time: Some(time(found.created_at)),
        update_time: Some(time(found.updated_at)),
        updated_by: found.updated_by.clone(),
    }
}

fn stock(counts: &Counts) -> pb::RewardStock {
    pb::RewardStock {
        added_quantity: counts.added,
        sold_quantity: counts.sold,
        returned_quantity: counts.returned,
        written_off_quantity: counts.written_off,
        reserved_quantity: counts.reserved,
        available_quantity: counts.free(),
    }
}

fn terms(terms: &RewardTerms) -> pb::RewardTerms {
    let instant = |micros: Option<i64>| micros.map(|micros| time(Timestamp::from_micros(micros)));
    let prices = terms.prices.iter().map(|price| pb::RewardPrice {
        price_id: price.key.clone(),
        points: price.points,
        money: price.money.as_ref().map(|(currency, minor)| Money {
            currency_code: currency.clone(),
            amount_minor: *minor,
        }),
    });
    pb::RewardTerms {
        display_name: terms.name.clone(),
        valid_from_time: instant(terms.valid_from),
        valid_until_time: instant(terms.valid_until),
        prices: prices.collect(),
        eligibility: Some(pb::RewardEligibility {
            tier_ids: terms.tiers.clone(),
            tenure_months_min: i32::from(terms.tenure_months),
            account_quantity_max: terms.account_max,
        }),
    }
}

fn state(state: OrderState) -> pb::RewardOrderState {
    match state {
        OrderState::Reserved => pb::RewardOrderState::Reserved,
        OrderState::Placed => pb::RewardOrderState::Placed,
        OrderState::Fulfilled => pb::RewardOrderState::Fulfilled,
        OrderState::Cancelled => pb::RewardOrderState::Cancelled,
        OrderState::Refunded => pb::RewardOrderState::Refunded,
        OrderState::Expired => pb::RewardOrderState::Expired,
    }
}

/// Returns an order as an entry left it.
pub(in crate::api) fn order_after(entry: &Entry) -> Option<pb::RewardOrder> {
    let order = entry.reward.as_deref()?;
    Some(order_at(order, entry, entry.decided_at))
}

/// Returns an order as it is at an instant, by its last entry.
pub(super) fn order_at(order: &RewardOrder, last: &Entry, at: Timestamp) -> pb::RewardOrder {
    let is_over = order.state_at(at) == OrderState::Expired;
    let changed = order.expires_at.filter(|_| is_over);
    let payment = order.payment.as_ref();
    let goods = match (order.refunded, order.is_lost) {
        (0, _) => pb::RefundGoods::Unspecified,
        (_, false) => pb::RefundGoods::ReturnStock,
        (_, true) => pb::RefundGoods::WriteOff,
    };
    let money = |minor: fn(&RewardOrder, i64) -> i64| {
        payment.map(|payment| Money {
            currency_code: payment.currency.to_string(),
            amount_minor: minor(order, payment.minor),
        })
    };
    pb::RewardOrder {
        order_id: order.id.to_string(),
        account_id: last.account.to_string(),
        reward_id: order.reward.to_string(),
        reward_version_number: order.version,
        price_id: order.price.to_string(),
        quantity: order.quantity,
        points: order.points,
        money: money(|_, minor| minor),
        payment_reference: payment
            .map(|it| it.reference.to_string())
            .unwrap_or_default(),
        state: state(order.state_at(at)).into(),
        create_time: Some(time(order.created_at)),
        update_time: Some(time(changed.unwrap_or(last.decided_at))),
        expire_time: order.expires_at.map(time),
        debit_entry_id: order.debit.map(|id| id.to_string()).unwrap_or_default(),
        fulfilment_reference: order.fulfilment.to_string(),
        reason: order.reason.to_string(),
        goods: goods.into(),
        refunded_quantity: order.refunded,
        written_off_quantity: order.lost,
        refunded_points: order.refunded_points(),
        refunded_money: money(|order, minor| order.part(minor, order.refunded)),
    }
}
