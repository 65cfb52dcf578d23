//! Points that come: earned at once, or pending until they are activated.

use std::sync::Arc;

use tenure_core::Timestamp;

use super::account::{Account, Lot, Origin};
use super::apply::limit;
use super::command::Earn;
use super::entry::{Allocation, EntryKind};
use super::entry_id::EntryId;
use super::journal::{Journal, Movement};
use super::policy::Operation;
use super::refusal::Refusal;
use super::{BALANCE_MAX, LOTS_MAX};

pub(super) fn earn(
    account: &mut Account,
    at: Timestamp,
    asked: &Earn,
    journal: &mut Journal<'_>,
) -> Result<(), Refusal> {
    let programme = journal.programme();
    account.require_free(Operation::Earn, &programme.policies)?;
    require_room(account, 1, asked.points)?;
    let earned_at = asked.earned_at.unwrap_or(at).min(at);
    let expires_at = asked
        .expires_at
        .unwrap_or_else(|| programme.expiry.of(earned_at));
    let lot = Lot {
        id: journal.next_id(),
        earned_at,
        active_from: asked.active_from.filter(|from| *from > at),
        expires_at,
        original: asked.points,
        remaining: asked.points,
        held: 0,
        origin: Arc::new(Origin {
            points_type: asked.points_type.clone(),
            partner: asked.partner.clone(),
            version: programme.version.clone(),
        }),
    };
    let mut movement = Movement::new(EntryKind::Earn, asked.points, 0);
    movement.pending = lot.pending();
    movement.allocations = vec![Allocation::of(&lot, asked.points)];
    movement.source = asked.source.clone();
    account.insert_lot(lot);
    journal.write(account, at, movement);
    Ok(())
}

/// Refuses `lots` more lots, or `points` more points, than an account may have.
pub(super) fn require_room(account: &Account, lots: usize, points: i64) -> Result<(), Refusal> {
    if account.lots.len() + lots > LOTS_MAX || account.balance() > BALANCE_MAX - points {
        return Err(limit(account));
    }
    Ok(())
}

/// Makes pending points available before their time.
pub(super) fn activate(
    account: &mut Account,
    at: Timestamp,
    id: EntryId,
    journal: &mut Journal<'_>,
) -> Result<(), Refusal> {
    let lot = id.to_string();
    match account.lot_mut(id) {
        None => Err(Refusal::LotNotFound { lot }),
        Some(found) if found.active_from.is_none() => Err(Refusal::LotNotPending { lot }),
        Some(_) => {
            activate_lots(account, at, |lot| lot.id == id, journal);
            Ok(())
        }
    }
}

/// Makes the points of some lots available.
pub(super) fn activate_lots(
    account: &mut Account,
    at: Timestamp,
    which: impl Fn(&Lot) -> bool,
    journal: &mut Journal<'_>,
) {
    let mut movement = Movement::new(EntryKind::Activate, 0, 0);
    for lot in account.lots.iter_mut().filter(|lot| which(lot)) {
        lot.active_from = None;
        movement.pending -= lot.remaining;
        movement
            .allocations
            .push(Allocation::of(lot, lot.remaining));
    }
    journal.write(account, at, movement);
}
