//! Entries taken back, all or a part: spent points to their lots, earned points from theirs.

use std::sync::Arc;

use tenure_core::{Span, Timestamp};

use super::account::{Account, Lot};
use super::apply::Target;
use super::earn::require_room;
use super::entry::{Allocation, Entry, EntryKind, Reversal};
use super::entry_id::EntryId;
use super::journal::{Journal, Movement};
use super::policy::{ReversalPolicy, RevokePolicy};
use super::refusal::Refusal;
use super::spend::spend;

/// What is to be taken back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'w> {
    pub(super) entry: EntryId,
    /// All that is left of it, when nothing is said.
    pub(super) points: Option<i64>,
    pub(super) source: &'w Arc<str>,
}

pub(super) fn reverse(
    account: &mut Account,
    at: Timestamp,
    wanted: Wanted<'_>,
    target: Option<&Target>,
    journal: &mut Journal<'_>,
) -> Result<(), Refusal> {
    let target = reversible(account, wanted.entry, target)?;
    let left = target.entry.points.abs() - target.reversed;
    let points = wanted.points.unwrap_or(left);
    if let Some((by, _)) = target.ended_by
        && left == 0
    {
        return Err(Refusal::EntryAlreadyReversed {
            entry: wanted.entry.to_string(),
            reversal: by.to_string(),
        });
    }
    if points > left {
        return Err(Refusal::ReversalExceeded {
            entry: wanted.entry.to_string(),
            left,
            needed: points,
        });
    }
    let (mut movement, shortfall) = if target.entry.kind == EntryKind::Earn {
        revoke(account, at, &target.entry, points, journal)?
    } else {
        (bring_back(account, at, target, points, journal)?, 0)
    };
    movement.source = wanted.source.clone();
    movement.reversal = Some(Box::new(Reversal {
        entry: wanted.entry,
        points,
        before: target.reversed,
        shortfall,
    }));
    journal.write(account, at, movement);
    Ok(())
}

fn reversible<'t>(
    account: &Account,
    id: EntryId,
    target: Option<&'t Target>,
) -> Result<&'t Target, Refusal> {
    let entry = id.to_string();
    let Some(target) = target.filter(|target| target.entry.account == account.id) else {
        return Err(Refusal::EntryNotFound { entry });
    };
    match target.entry.kind {
        EntryKind::Earn | EntryKind::Redeem | EntryKind::Confirm => Ok(target),
        kind => Err(Refusal::EntryNotReversible {
            entry,
            kind: kind.name().to_owned(),
        }),
    }
}

/// Returns what comes back next of a spending of which `before` points came back already: the last
/// points first, as those that expire first were spent first.
fn last_of(spending: &Entry, before: i64, points: i64) -> Vec<Allocation> {
    let (mut skip, mut left) = (before, points);
    let mut back = Vec::new();
    for taken in spending.allocations.iter().rev() {
        let there = -taken.points;
        let skipped = skip.min(there);
        skip -= skipped;
        let points = (there - skipped).min(left);
        left -= points;
        if points > 0 {
            back.push(Allocation {
                points,
                ..taken.clone()
            });
        }
    }
    back.reverse();
    back
}

/// Brings spent points back to the lots they came from; where a lot expired meanwhile, to where the
/// programme says.
fn bring_back(
    account: &mut Account,
    at: Timestamp,
    target: &Target,
    points: i64,
    journal: &Journal<'_>,
) -> Result<Movement, Refusal> {
    let mut back = last_of(&target.entry, target.reversed, points);
    let programme = journal.programme();
    let renewed = match programme.policies.reversal {
        ReversalPolicy::OriginalExpiry => None,
        ReversalPolicy::GraceDays(days) => Some(at + Span::from_days(i64::from(days))),
        ReversalPolicy::NewLot => Some(programme.expiry.of(at)),
    };
    if let Some(expires_at) = renewed {
        let (entry, mut made) = (journal.next_id(), 0);
        for part in back.iter_mut().filter(|part| part.expires_at <= at) {
            part.lot = entry.of_lot(made);
            part.expires_at = expires_at;
            part.original = part.points;
            made += 1;
        }
    }
    let is_new = |part: &&Allocation| !account.lots.iter().any(|lot| lot.id == part.lot);
    require_room(account, back.iter().filter(is_new).count(), points)?;
    for part in &back {
        match account.lot_mut(part.lot) {
            Some(lot) => lot.remaining += part.points,
            None => account.insert_lot(part.to_lot()),
        }
    }
    let mut movement = Movement::new(EntryKind::ReverseRedeem, points, 0);
    movement.allocations = back;
    Ok(movement)
}

/// Takes an earning back: first what is left of its own lot, then, by the programme's policy, other
/// points; what is not there is owed or left. Returns how many are neither had nor owed, too.
fn revoke(
    account: &mut Account,
    at: Timestamp,
    earning: &Entry,
    points: i64,
    journal: &Journal<'_>,
) -> Result<(Movement, i64), Refusal> {
    let policies = &journal.programme().policies;
    let own = account.lots.iter().find(|lot| lot.id == earning.id);
    let (remaining, pending) = own.map_or((0, 0), |lot| (lot.remaining, lot.pending()));
    if policies.revoke == RevokePolicy::PendingOnly && pending < points {
        return Err(Refusal::EarningNotPending {
            entry: earning.id.to_string(),
            pending,
            needed: points,
        });
    }
    let from_own = remaining.min(points);
    let elsewhere = account.available() - own.map_or(0, Lot::available);
    // What has expired was lost already: it is neither taken from other points nor owed.
    let is_over = earning.allocations.iter().all(|lot| lot.expires_at <= at);
    let from_others = if is_over {
        0
    } else {
        elsewhere.min(points - from_own)
    };
    let missing = points - from_own - from_others;
    let owed = if policies.revoke == RevokePolicy::BelowZero && !is_over {
        missing
    } else {
        0
    };
    if owed > policies.debt_limit - account.debt {
        return Err(Refusal::DebtLimit {
            account: account.id.to_string(),
            debt: account.debt,
            limit: policies.debt_limit,
            needed: owed,
        });
    }
    let mut movement = Movement::new(EntryKind::ReverseEarn, -(from_own + from_others), 0);
    if from_own > 0
        && let Some(lot) = account.lot_mut(earning.id)
    {
        if lot.active_from.is_some() {
            movement.pending = -from_own;
        }
        lot.remaining -= from_own;
        movement.allocations.push(Allocation::of(lot, -from_own));
    }
    // More is needed only when the own lot has no points left, so that others are taken here.
    let order = policies.order_of_use;
    let others = spend(account, from_others, order, |lot, taken| {
        lot.remaining -= taken;
    });
    movement.allocations.extend(others);
    movement.debt = owed;
    account.debt += owed;
    account.drop_empty_lots();
    Ok((movement, missing - owed))
}
