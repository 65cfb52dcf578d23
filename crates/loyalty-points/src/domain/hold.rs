//! Holds: points put aside, then spent or given back.

use std::sync::Arc;

use tenure_core::{Span, Timestamp};

use super::account::{Account, Hold, Part};
use super::apply::{Target, limit};
use super::command::Command;
use super::entry::{Allocation, Entry, EntryKind, HoldFacts, HoldState};
use super::entry_id::EntryId;
use super::journal::{Journal, Movement};
use super::policy::HoldExpiry;
use super::refusal::Refusal;
use super::settle::{facts, give_back};
use super::spend::{require_may_redeem, require_points, spend};
use super::{HOLDS_MAX, PARTS_MAX};

/// Refuses a confirmation or release that comes too late, even when nobody booked the end of the
/// hold yet.
pub(super) fn due(account: &Account, command: &Command, at: Timestamp) -> Option<Refusal> {
    let (Command::Confirm { hold, .. } | Command::Release { hold }) = command else {
        return None;
    };
    let open = account.hold(*hold)?;
    (open.expires_at <= at).then(|| expired(*hold, open.expires_at))
}

fn expired(hold: EntryId, expires_at: Timestamp) -> Refusal {
    Refusal::HoldExpired {
        hold: hold.to_string(),
        expires_at: expires_at.as_micros(),
    }
}

pub(super) fn hold(
    account: &mut Account,
    at: Timestamp,
    (points, lasts): (i64, Span),
    source: &Arc<str>,
    journal: &mut Journal<'_>,
) -> Result<(), Refusal> {
    require_may_redeem(account, at, journal)?;
    require_points(account, points, at)?;
    let parts: usize = account.holds.iter().map(|hold| hold.parts.len()).sum();
    let free = account
        .lots
        .iter()
        .filter(|lot| lot.available() > 0)
        .count();
    if account.holds.len() >= HOLDS_MAX || parts + free > PARTS_MAX {
        return Err(limit(account));
    }
    let policies = &journal.programme().policies;
    let allocations = spend(account, points, policies.order_of_use, |lot, taken| {
        lot.remaining -= taken;
        lot.held += taken;
    });
    let part = |taken: &Allocation| Part {
        lot: taken.lot,
        points: -taken.points,
    };
    let mut expires_at = at + lasts;
    if policies.hold_expiry == HoldExpiry::ExpireHold {
        let ends = allocations.iter().map(|taken| taken.expires_at);
        expires_at = ends.fold(expires_at, Timestamp::min);
    }
    let hold = Hold {
        id: journal.next_id(),
        points,
        created_at: at,
        expires_at,
        source: source.clone(),
        parts: allocations.iter().map(part).collect(),
    };
    let mut movement = Movement::new(EntryKind::Hold, 0, points);
    movement.allocations = allocations;
    movement.source = source.clone();
    movement.hold = Some(facts(&hold, 0));
    account.holds.push(hold);
    journal.write(account, at, movement);
    Ok(())
}

/// Returns the place of an open hold, or tells why there is none.
fn find(account: &Account, id: EntryId, target: Option<&Target>) -> Result<usize, Refusal> {
    let place = account.holds.iter().position(|hold| hold.id == id);
    place.ok_or_else(|| closed(account, id, target))
}

fn closed(account: &Account, id: EntryId, target: Option<&Target>) -> Refusal {
    let hold = id.to_string();
    let made = target
        .filter(|target| target.entry.kind == EntryKind::Hold)
        .filter(|target| target.entry.account == account.id);
    let Some(Target {
        entry: Entry {
            hold: Some(facts), ..
        },
        ended_by: Some((_, kind)),
        ..
    }) = made
    else {
        return Refusal::HoldNotFound { hold };
    };
    match state(*kind) {
        HoldState::Confirmed => Refusal::HoldAlreadyConfirmed { hold },
        HoldState::Released => Refusal::HoldAlreadyReleased { hold },
        HoldState::Expired | HoldState::Open => expired(id, facts.expires_at),
    }
}

fn state(ended_by: EntryKind) -> HoldState {
    match ended_by {
        EntryKind::Confirm => HoldState::Confirmed,
        EntryKind::Release => HoldState::Released,
        _ => HoldState::Expired,
    }
}

/// What is to be confirmed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Confirmation {
    pub(super) hold: EntryId,
    /// All that is held, when nothing is said.
    pub(super) points: Option<i64>,
    /// Takes what is not held from what is available.
    pub(super) tops_up: bool,
}

pub(super) fn confirm(
    account: &mut Account,
    at: Timestamp,
    asked: Confirmation,
    target: Option<&Target>,
    journal: &mut Journal<'_>,
) -> Result<(), Refusal> {
    let place = find(account, asked.hold, target)?;
    let held = account.holds[place].points;
    let points = asked.points.unwrap_or(held);
    let more = (points - held).max(0);
    if more > 0 {
        if !asked.tops_up {
            return Err(Refusal::HoldExceeded {
                hold: asked.hold.to_string(),
                held,
                needed: points,
            });
        }
        require_may_redeem(account, at, journal)?;
        require_points(account, more, at)?;
    }
    let hold = account.holds.remove(place);
    give_back(account, &hold, held - (points - more));
    let mut allocations = spend_held(account, &hold, points - more);
    if more > 0 {
        let order = journal.programme().policies.order_of_use;
        let topped_up = spend(account, more, order, |lot, taken| lot.remaining -= taken);
        for taken in topped_up {
            match allocations.iter_mut().find(|known| known.lot == taken.lot) {
                Some(known) => known.points += taken.points,
                None => allocations.push(taken),
            }
        }
    }
    account.drop_empty_lots();
    let mut movement = Movement::new(EntryKind::Confirm, -points, -held);
    movement.allocations = allocations;
    movement.source.clone_from(&hold.source);
    movement.hold = Some(facts(&hold, points));
    journal.write(account, at, movement);
    Ok(())
}

/// Spends the first `points` of a hold.
fn spend_held(account: &mut Account, hold: &Hold, points: i64) -> Vec<Allocation> {
    let mut left = points;
    let mut allocations = Vec::new();
    for part in &hold.parts {
        let spent = part.points.min(left);
        if spent == 0 {
            break;
        }
        left -= spent;
        let lot = account
            .lot_mut(part.lot)
            .expect("a lot lives while points of it are held");
        lot.held -= spent;
        allocations.push(Allocation::of(lot, -spent));
    }
    allocations
}

pub(super) fn release(
    account: &mut Account,
    at: Timestamp,
    id: EntryId,
    target: Option<&Target>,
    journal: &mut Journal<'_>,
) -> Result<(), Refusal> {
    let place = find(account, id, target)?;
    release_at(account, at, place, journal);
    Ok(())
}

/// Releases all open holds.
pub(super) fn release_all(account: &mut Account, at: Timestamp, journal: &mut Journal<'_>) {
    while !account.holds.is_empty() {
        release_at(account, at, 0, journal);
    }
}

fn release_at(account: &mut Account, at: Timestamp, place: usize, journal: &mut Journal<'_>) {
    let hold = account.holds.remove(place);
    let mut movement = Movement::new(EntryKind::Release, 0, -hold.points);
    movement.allocations = give_back(account, &hold, hold.points);
    movement.source.clone_from(&hold.source);
    movement.hold = Some(HoldFacts {
        confirmed: 0,
        ..facts(&hold, 0)
    });
    journal.write(account, at, movement);
}
