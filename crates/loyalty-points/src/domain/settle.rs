//! What happens by itself: holds run out, lots expire or become active, debt is repaid.

use tenure_core::Timestamp;

use super::account::{Account, Hold};
use super::earn::activate_lots;
use super::entry::{Allocation, EntryKind, HoldFacts};
use super::journal::{Journal, Movement};
use super::spend::take_from;
use super::total::day_of;

/// What falls due, in the order of what falls due at one instant: a hold that runs out together with
/// its lots gives back first, so that all expire at once; what expires is not activated any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Hold(usize),
    Expiry,
    Activation,
}

/// Books everything that is due by `at`, in the order in which it fell due. Afterwards no lot with
/// points that are not held and no hold of the account is due, and debt is repaid by what there is.
///
/// Points of a lot that are held when it expires stay held: the hold was made in time. They expire
/// when the hold gives them back.
pub fn settle(account: &mut Account, at: Timestamp, journal: &mut Journal<'_>) {
    while let Some((instant, due)) = next(account).filter(|(instant, _)| *instant <= at) {
        let at = instant.max(account.updated_at);
        match due {
            Due::Hold(index) => time_out(account, at, index, journal),
            Due::Expiry => expire(account, at, instant, journal),
            Due::Activation => {
                activate_lots(account, at, |lot| lot.active_from == Some(instant), journal);
            }
        }
        repay(account, at, journal);
    }
    repay(account, at, journal);
}

fn next(account: &Account) -> Option<(Timestamp, Due)> {
    let holds = account.holds.iter().enumerate();
    let hold = holds.map(|(index, hold)| (hold.expires_at, Due::Hold(index)));
    let expiry = account.next_lot_expiry().map(|at| (at, Due::Expiry));
    let activation = account.next_activation().map(|at| (at, Due::Activation));
    hold.chain(expiry).chain(activation).min()
}

fn time_out(account: &mut Account, at: Timestamp, index: usize, journal: &mut Journal<'_>) {
    let hold = account.holds.remove(index);
    let mut movement = Movement::new(EntryKind::HoldTimeout, 0, -hold.points);
    movement.allocations = give_back(account, &hold, hold.points);
    movement.source.clone_from(&hold.source);
    movement.hold = Some(facts(&hold, 0));
    journal.write(account, at, movement);
}

/// Expires all lots that fell due at `due`.
fn expire(account: &mut Account, at: Timestamp, due: Timestamp, journal: &mut Journal<'_>) {
    let movement = take_expired(account, at, |lot| lot.expires_at == due);
    journal.write(account, at, movement);
}

/// Takes what is not held of some lots as expired.
pub(super) fn take_expired(
    account: &mut Account,
    at: Timestamp,
    which: impl Fn(&super::account::Lot) -> bool,
) -> Movement {
    let mut movement = Movement::new(EntryKind::Expire, 0, 0);
    let lots = account.lots.iter_mut();
    for lot in lots.filter(|lot| lot.remaining > 0 && which(lot)) {
        movement.points -= lot.remaining;
        movement.pending -= lot.pending();
        movement
            .allocations
            .push(Allocation::of(lot, -lot.remaining));
        lot.remaining = 0;
    }
    account.drop_empty_lots();
    let (day, before) = account.expired;
    let today = day_of(at);
    let before = if day == today { before } else { 0 };
    account.expired = (today, before - movement.points);
    movement
}

/// Repays debt by what is available, so that an account with debt has no available points. Nothing
/// else is taken: what has expired is gone, what is pending or held comes later.
fn repay(account: &mut Account, at: Timestamp, journal: &mut Journal<'_>) {
    if account.debt == 0 {
        return;
    }
    let order = journal.programme().policies.order_of_use;
    let mut lots: Vec<_> = account
        .lots
        .iter_mut()
        .filter(|lot| lot.expires_at > at)
        .collect();
    let points = lots.iter().map(|lot| lot.available()).sum::<i64>();
    let points = points.min(account.debt);
    if points == 0 {
        return;
    }
    lots.sort_by_key(|lot| lot.order_by(order));
    let mut movement = Movement::new(EntryKind::RepayDebt, -points, 0);
    movement.allocations = take_from(lots.into_iter(), points, |lot, taken| {
        lot.remaining -= taken;
    });
    movement.debt = -points;
    account.debt -= points;
    account.drop_empty_lots();
    journal.write(account, at, movement);
}

/// Gives the last `points` of a hold back to their lots: what expires first was to be spent first.
pub(super) fn give_back(account: &mut Account, hold: &Hold, points: i64) -> Vec<Allocation> {
    let mut left = points;
    let mut allocations = Vec::new();
    for part in hold.parts.iter().rev() {
        let back = part.points.min(left);
        if back == 0 {
            break;
        }
        left -= back;
        let lot = account
            .lot_mut(part.lot)
            .expect("a lot lives while points of it are held");
        lot.held -= back;
        lot.remaining += back;
        allocations.push(Allocation::of(lot, back));
    }
    allocations.reverse();
    allocations
}

pub(super) fn facts(hold: &Hold, confirmed: i64) -> HoldFacts {
    HoldFacts {
        id: hold.id,
        points: hold.points,
        confirmed,
        created_at: hold.created_at,
        expires_at: hold.expires_at,
        source: hold.source.clone(),
    }
}
