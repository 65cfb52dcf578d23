//! What happens by itself: holds run out, lots expire.

use tenure_core::Timestamp;

use super::account::{Account, Hold};
use super::entry::{Allocation, EntryKind, HoldFacts};
use super::journal::{Journal, Movement};

/// Books everything that is due by `at`, in the order in which it fell due. Afterwards no lot with
/// available points and no hold of the account is due.
///
/// Points of a lot that are held when it expires stay held: the hold was made in time. They expire
/// when the hold gives them back.
pub fn settle(account: &mut Account, at: Timestamp, journal: &mut Journal<'_>) {
    loop {
        let lot = account
            .next_expiry()
            .map(|(due, _)| due)
            .filter(|due| *due <= at);
        let hold = (0..account.holds.len())
            .filter(|index| account.holds[*index].expires_at <= at)
            .min_by_key(|index| account.holds[*index].expires_at);
        match (lot, hold) {
            (None, None) => return,
            // A hold that runs out together with its lots gives back first, so that all expire at
            // once.
            (lot, Some(index)) if lot.is_none_or(|due| account.holds[index].expires_at <= due) => {
                time_out(account, index, journal);
            }
            (Some(due), _) => expire(account, due, journal),
            (None, Some(_)) => unreachable!("a hold alone is matched above"),
        }
    }
}

fn time_out(account: &mut Account, index: usize, journal: &mut Journal<'_>) {
    let hold = account.holds.remove(index);
    let at = hold.expires_at.max(account.updated_at);
    let mut movement = Movement::new(EntryKind::HoldTimeout, 0, -hold.points);
    movement.allocations = give_back(account, &hold, hold.points);
    movement.source.clone_from(&hold.source);
    movement.hold = Some(facts(&hold, 0));
    journal.write(account, at, movement);
}

/// Expires all lots that fell due at `due`.
fn expire(account: &mut Account, due: Timestamp, journal: &mut Journal<'_>) {
    let at = due.max(account.updated_at);
    let mut points = 0;
    let mut allocations = Vec::new();
    for lot in account
        .lots
        .iter_mut()
        .filter(|lot| lot.expires_at == due && lot.remaining > 0)
    {
        points -= lot.remaining;
        allocations.push(Allocation {
            lot: lot.id,
            points: -lot.remaining,
            earned_at: lot.earned_at,
            expires_at: lot.expires_at,
            original: lot.original,
        });
        lot.remaining = 0;
    }
    account.drop_empty_lots();
    let mut movement = Movement::new(EntryKind::Expire, points, 0);
    movement.allocations = allocations;
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
        allocations.push(Allocation {
            lot: lot.id,
            points: back,
            earned_at: lot.earned_at,
            expires_at: lot.expires_at,
            original: lot.original,
        });
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
