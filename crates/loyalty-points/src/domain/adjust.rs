//! What members of staff do to points: adjust, expire, reinstate.

use std::sync::Arc;

use tenure_core::{Span, Timestamp};

use super::account::{Account, Lot, Origin};
use super::apply::Target;
use super::command::StaffOrder;
use super::earn::require_room;
use super::entry::{Allocation, Entry, EntryKind, Note, Reversal};
use super::entry_id::EntryId;
use super::journal::{Journal, Movement};
use super::policy::Policies;
use super::refusal::Refusal;
use super::settle::take_expired;
use super::spend::{require_points, spend};

/// Returns what a member of staff said, for the entry.
pub(super) fn note(order: &StaffOrder) -> Option<Box<Note>> {
    Some(Box::new(Note {
        author: order.author.clone(),
        approver: order.approver.clone(),
        block: None,
    }))
}

/// Refuses a large adjustment that nobody else approved, and an approval of one's own.
fn require_approval(points: i64, order: &StaffOrder, policies: &Policies) -> Result<(), Refusal> {
    let is_same = order.author.to_lowercase() == order.approver.to_lowercase();
    if points.abs() > policies.approval_above && order.approver.is_empty() {
        return Err(Refusal::ApprovalRequired {
            points,
            limit: policies.approval_above,
        });
    }
    if is_same && !order.approver.is_empty() {
        return Err(Refusal::ApproverIsAuthor);
    }
    Ok(())
}

pub(super) fn adjust(
    account: &mut Account,
    at: Timestamp,
    (points, expires_at): (i64, Option<Timestamp>),
    order: &StaffOrder,
    journal: &mut Journal<'_>,
) -> Result<(), Refusal> {
    let programme = journal.programme();
    require_approval(points, order, &programme.policies)?;
    let mut movement = Movement::new(EntryKind::Adjust, points, 0);
    if points > 0 {
        require_room(account, 1, points)?;
        let lot = Lot {
            id: journal.next_id(),
            earned_at: at,
            active_from: None,
            expires_at: expires_at.unwrap_or_else(|| programme.expiry.of(at)),
            original: points,
            remaining: points,
            held: 0,
            origin: Arc::new(Origin::ordinary(&programme.version)),
        };
        movement.allocations = vec![Allocation::of(&lot, points)];
        account.insert_lot(lot);
    } else {
        require_points(account, -points, at)?;
        let order = programme.policies.order_of_use;
        movement.allocations = spend(account, -points, order, |lot, taken| lot.remaining -= taken);
        account.drop_empty_lots();
    }
    movement.source = order.reason.clone();
    movement.note = note(order);
    journal.write(account, at, movement);
    Ok(())
}

/// Expires what is not held of a lot, or of all.
pub(super) fn expire(
    account: &mut Account,
    at: Timestamp,
    lot: Option<EntryId>,
    order: &StaffOrder,
    journal: &mut Journal<'_>,
) -> Result<(), Refusal> {
    let is_meant = |found: &Lot| lot.is_none_or(|id| found.id == id);
    let mut lots = account.lots.iter().filter(|found| is_meant(found));
    if !lots.any(|found| found.remaining > 0) {
        return Err(match lot {
            Some(id) => Refusal::LotNotFound {
                lot: id.to_string(),
            },
            None => Refusal::NothingToExpire {
                account: account.id.to_string(),
            },
        });
    }
    let mut movement = take_expired(account, at, is_meant);
    movement.source = order.reason.clone();
    movement.note = note(order);
    journal.write(account, at, movement);
    Ok(())
}

/// Returns the expiry that may be made good.
pub(super) fn expired<'t>(
    account: &Account,
    at: Timestamp,
    id: EntryId,
    target: Option<&'t Target>,
    journal: &Journal<'_>,
) -> Result<&'t Entry, Refusal> {
    let entry = id.to_string();
    let Some(target) = target.filter(|target| target.entry.account == account.id) else {
        return Err(Refusal::EntryNotFound { entry });
    };
    if target.entry.kind != EntryKind::Expire {
        return Err(Refusal::EntryNotReversible {
            entry,
            kind: target.entry.kind.name().to_owned(),
        });
    }
    if let Some((by, _)) = target.ended_by {
        return Err(Refusal::EntryAlreadyReversed {
            entry,
            reversal: by.to_string(),
        });
    }
    let days = journal.programme().policies.reinstate_days;
    let until = target.entry.decided_at + Span::from_days(i64::from(days));
    if at > until {
        return Err(Refusal::ReinstateTooLate {
            entry,
            until: until.as_micros(),
        });
    }
    Ok(&target.entry)
}

/// Gives expired points again, as new lots.
pub(super) fn reinstate(
    account: &mut Account,
    at: Timestamp,
    expiry: &Entry,
    expires_at: Option<Timestamp>,
    order: &StaffOrder,
    journal: &mut Journal<'_>,
) -> Result<(), Refusal> {
    let points = -expiry.points;
    require_room(account, expiry.allocations.len(), points)?;
    let expires_at = expires_at.unwrap_or_else(|| journal.programme().expiry.of(at));
    let mut movement = Movement::new(EntryKind::Reinstate, points, 0);
    for (index, gone) in expiry.allocations.iter().enumerate() {
        let back = Allocation {
            lot: journal.next_id().of_lot(index),
            points: -gone.points,
            active_from: None,
            expires_at,
            original: -gone.points,
            ..gone.clone()
        };
        account.insert_lot(back.to_lot());
        movement.allocations.push(back);
    }
    movement.reversal = Some(Box::new(Reversal {
        entry: expiry.id,
        points,
        before: 0,
        shortfall: 0,
    }));
    movement.source = order.reason.clone();
    movement.note = note(order);
    journal.write(account, at, movement);
    Ok(())
}
