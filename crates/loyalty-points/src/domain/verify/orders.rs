//! Orders of rewards: one debit each, and only steps that follow.

use std::collections::BTreeMap;

use super::finding::{Breach, Invariant, holds, same};
use crate::domain::entry::{Entry, EntryKind};
use crate::domain::entry_id::EntryId;
use crate::domain::reward::{OrderState, RewardOrder};

/// Where an order stands by the row that repeats it: number of its first entry, reward, state,
/// quantity, end of its reservation, number of its last entry.
pub type OrderRow = (i64, String, u8, i64, i64, i64);

/// The orders of one account as its records tell them.
#[derive(Debug, Default)]
pub(super) struct Orders {
    known: BTreeMap<EntryId, (RewardOrder, i64)>,
}

impl Orders {
    /// Takes the next entry in.
    pub(super) fn feed(&mut self, entry: &Entry) -> Result<(), Breach> {
        let Some(order) = &entry.reward else {
            return self.leaves_alone(entry);
        };
        let wants_stock = order.is_counted && entry.kind != EntryKind::Fulfil;
        let before = self.known.get(&order.id);
        let things = match order.refunded - before.map_or(0, |(before, _)| before.refunded) {
            0 => order.quantity,
            refunded => refunded,
        };
        same(
            Invariant::Catalogue,
            "how many things of an order moved",
            &wants_stock.then_some(things),
            &entry.stock.as_ref().map(|part| part.quantity),
        )?;
        if order.id == entry.id {
            made(order, entry)?;
        } else {
            let Some((before, _)) = self.known.get(&order.id) else {
                let what = "the order of the entry";
                return Err(Breach::new(
                    Invariant::Catalogue,
                    what,
                    "one before",
                    "none",
                ));
            };
            went_on(before, order, entry)?;
        }
        let known = ((**order).clone(), entry.id.seq());
        self.known.insert(order.id, known);
        Ok(())
    }

    /// What an order put aside or spent is not moved without it; but a hold that runs out, or ends with
    /// its account, ends by itself.
    fn leaves_alone(&self, entry: &Entry) -> Result<(), Breach> {
        let Some(ended) = entry.ends() else {
            return Ok(());
        };
        let ends_itself = matches!(entry.kind, EntryKind::Release | EntryKind::HoldTimeout);
        let is_ours =
            |(order, _): &(RewardOrder, i64)| order.id == ended || order.debit == Some(ended);
        holds(
            ends_itself || !self.known.values().any(is_ours),
            Invariant::Catalogue,
            "what ends a part of an order",
            "an entry of the order",
            entry.kind.name(),
        )
    }

    /// Compares the rows that repeat where the orders stand.
    pub(super) fn compare(&self, rows: &[OrderRow]) -> Result<(), Breach> {
        let never = tenure_core::Timestamp::MAX;
        let wanted = self.known.values().map(|(order, last)| {
            let until = order.expires_at.unwrap_or(never).as_micros();
            let (seq, reward) = (order.id.seq(), order.reward.to_string());
            (
                seq,
                reward,
                order.state.number(),
                order.counted(),
                until,
                *last,
            )
        });
        let mut wanted: Vec<OrderRow> = wanted.collect();
        wanted.sort();
        let what = "the stored orders of the account";
        same(Invariant::Catalogue, what, &wanted.as_slice(), &rows)
    }
}

/// The first entry of an order puts its points aside or spends them.
fn made(order: &RewardOrder, entry: &Entry) -> Result<(), Breach> {
    let hold = entry.hold.as_ref();
    let wanted = match entry.kind {
        EntryKind::Redeem => (OrderState::Placed, Some(entry.id), -entry.points, None),
        _ => (
            OrderState::Reserved,
            None,
            entry.held,
            hold.map(|hold| hold.expires_at),
        ),
    };
    let found = (order.state, order.debit, order.points, order.expires_at);
    let what = "an order that is made: state, debit, points, end";
    same(Invariant::Catalogue, what, &wanted, &found)?;
    holds(
        matches!(entry.kind, EntryKind::Redeem | EntryKind::Hold),
        Invariant::Catalogue,
        "the kind of the first entry of an order",
        "REDEEM or HOLD",
        entry.kind.name(),
    )
}

fn went_on(before: &RewardOrder, order: &RewardOrder, entry: &Entry) -> Result<(), Breach> {
    let (wanted, debit, moved) = match (entry.kind, before.state) {
        (EntryKind::Confirm, OrderState::Reserved) => {
            (OrderState::Placed, Some(entry.id), -entry.points)
        }
        (EntryKind::Release, OrderState::Reserved) => (OrderState::Cancelled, None, -entry.held),
        (EntryKind::Fulfil, OrderState::Placed) => {
            (OrderState::Fulfilled, before.debit, before.points)
        }
        (EntryKind::ReverseRedeem, OrderState::Placed | OrderState::Fulfilled) => {
            let taken_back = entry.reversal.as_ref().map(|it| it.entry);
            let what = "the debit that is given back";
            same(Invariant::Catalogue, what, &before.debit, &taken_back)?;
            return refunded(before, order, entry);
        }
        (kind, state) => {
            let found = format!("{} of an order that is {}", kind.name(), state.name());
            let what = "a step of an order";
            return Err(Breach::new(
                Invariant::Catalogue,
                what,
                "one that follows",
                found,
            ));
        }
    };
    let same_order = RewardOrder {
        state: wanted,
        debit,
        points: moved,
        fulfilment: order.fulfilment.clone(),
        reason: order.reason.clone(),
        ..before.clone()
    };
    let what = "an order after a step, with its one debit";
    same(Invariant::Catalogue, what, &same_order, order)
}

/// Things of an order were refunded: the points are those of as many things.
fn refunded(before: &RewardOrder, order: &RewardOrder, entry: &Entry) -> Result<(), Breach> {
    let things = order.refunded - before.refunded;
    holds(
        (1..=before.left()).contains(&things),
        Invariant::Catalogue,
        "how many things of an order were refunded",
        "one or more, and not more than are left",
        things,
    )?;
    let wanted = before.part(before.points, order.refunded) - before.refunded_points();
    let what = "the points of things that were refunded";
    same(Invariant::Catalogue, what, &wanted, &entry.points)?;
    let same_order = RewardOrder {
        state: match order.refunded == before.quantity {
            true => OrderState::Refunded,
            false => before.state,
        },
        reason: order.reason.clone(),
        refunded: order.refunded,
        lost: before.lost + if order.is_lost { things } else { 0 },
        is_lost: order.is_lost,
        ..before.clone()
    };
    let what = "an order after a refund";
    same(Invariant::Catalogue, what, &same_order, order)
}
