//! The stored form of an order of a reward within the entry that changed it.

use super::{flag, when};
use crate::domain::bytes::{Reader, Writer};
use crate::domain::reward::{OrderState, RewardOrder, RewardPayment};

/// What follows in the body of an order.
mod with {
    pub(super) const PAYMENT: u8 = 1;
    pub(super) const COUNTED: u8 = 2;
    pub(super) const EXPIRES: u8 = 4;
    pub(super) const DEBIT: u8 = 8;
    pub(super) const RESERVATION: u8 = 16;
    pub(super) const LOST: u8 = 32;
    /// How many things were refunded, and lost: where that is not all or none of them.
    pub(super) const PARTS: u8 = 64;
}

/// Returns how many things were refunded, and lost, when nothing is said of parts.
fn whole(state: OrderState, quantity: i64, is_lost: bool) -> (i64, i64) {
    match (state, is_lost) {
        (OrderState::Refunded, true) => (quantity, quantity),
        (OrderState::Refunded, false) => (quantity, 0),
        _ => (0, 0),
    }
}

pub(super) fn write(to: &mut Writer, order: &RewardOrder) {
    to.id(order.id);
    to.text(&order.reward);
    to.number(order.version);
    to.text(&order.price);
    to.number(order.quantity);
    to.number(order.points);
    to.byte(order.state.number());
    to.instant(order.created_at);
    to.text(&order.fulfilment);
    to.text(&order.reason);
    let parts = (order.refunded, order.lost);
    let in_parts = parts != whole(order.state, order.quantity, order.is_lost);
    to.byte(
        flag(with::PAYMENT, order.payment.is_some())
            | flag(with::COUNTED, order.is_counted)
            | flag(with::EXPIRES, order.expires_at.is_some())
            | flag(with::DEBIT, order.debit.is_some())
            | flag(with::RESERVATION, order.reservation.is_some())
            | flag(with::LOST, order.is_lost)
            | flag(with::PARTS, in_parts),
    );
    if let Some(payment) = &order.payment {
        to.text(&payment.currency);
        to.number(payment.minor);
        to.text(&payment.reference);
    }
    if let Some(at) = order.expires_at {
        to.instant(at);
    }
    for id in [order.debit, order.reservation].into_iter().flatten() {
        to.id(id);
    }
    if in_parts {
        to.number(order.refunded);
        to.number(order.lost);
    }
}

pub(super) fn read(from: &mut Reader<'_>) -> Option<RewardOrder> {
    let (id, reward, version) = (from.id()?, from.text()?, from.number()?);
    let (price, quantity, points) = (from.text()?, from.number()?, from.number()?);
    let (state, created_at) = (OrderState::from_number(from.byte()?)?, from.instant()?);
    let (fulfilment, reason) = (from.text()?, from.text()?);
    let flags = from.byte()?;
    let payment = when(flags & with::PAYMENT != 0, || {
        Some(RewardPayment {
            currency: from.text()?.into(),
            minor: from.number()?,
            reference: from.text()?.into(),
        })
    })?;
    let is_lost = flags & with::LOST != 0;
    let expires_at = when(flags & with::EXPIRES != 0, || from.instant())?;
    let debit = when(flags & with::DEBIT != 0, || from.id())?;
    let reservation = when(flags & with::RESERVATION != 0, || from.id())?;
    let parts = when(flags & with::PARTS != 0, || {
        Some((from.number()?, from.number()?))
    })?;
    let (refunded, lost) = parts.unwrap_or_else(|| whole(state, quantity, is_lost));
    Some(RewardOrder {
        id,
        reward: reward.into(),
        version,
        price: price.into(),
        quantity,
        points,
        payment,
        is_counted: flags & with::COUNTED != 0,
        state,
        created_at,
        expires_at,
        debit,
        reservation,
        fulfilment: fulfilment.into(),
        reason: reason.into(),
        refunded,
        lost,
        is_lost,
    })
}
