//! Points that go from one account to another: gifts, merged and split accounts.

use std::sync::Arc;

use tenure_core::Timestamp;

use super::account::{Account, Lot};
use super::adjust::note;
use super::apply::limit;
use super::command::{Command, StaffOrder};
use super::entry::{Allocation, EntryKind, Peer};
use super::entry_id::EntryId;
use super::journal::Movement;
use super::policy::{Operation, TransferLimits};
use super::pool;
use super::programme::Programme;
use super::refusal::Refusal;
use super::spend::{require_points, take_from};
use super::{BALANCE_MAX, LOTS_MAX};

/// What a transfer writes down: in the account that gives, and in the one that receives.
pub(super) type Pair = (Movement, Movement);

/// Moves points from one settled account to another, or tells why not; then neither has changed.
pub(super) fn transfer(
    (from, to): (&mut Account, &mut Account),
    command: &Command,
    at: Timestamp,
    programme: &Programme,
) -> Result<Pair, Refusal> {
    from.require_open()?;
    to.require_open()?;
    if from.programme != to.programme {
        return Err(Refusal::ProgrammeMismatch {
            account: from.id.to_string(),
            peer: to.id.to_string(),
        });
    }
    match command {
        Command::Transfer { points, source, .. } => {
            let (out, received) = require_gift((from, to), *points, at, programme)?;
            require_points(from, *points, at)?;
            let pair = give((from, to), *points, programme, source, GIFT)?;
            let (given, got) = (from.gifts(at), to.gifts(at));
            let (gave, took) = (from.standing_mut(), to.standing_mut());
            (gave.gifts, took.gifts) = (given, got);
            (gave.gifts.out, took.gifts.received) = (out, received);
            Ok(pair)
        }
        Command::Split { points, order, .. } => {
            require_points(from, *points, at)?;
            let pair = give((from, to), *points, programme, &order.reason, GIFT)?;
            Ok(signed(pair, order))
        }
        Command::Merge { order, .. } | Command::HandOver { order, .. } => {
            if matches!(command, Command::Merge { .. }) {
                from.require_no_pool()?;
            }
            let pair = give_all((from, to), order)?;
            Ok(signed(pair, order))
        }
        Command::AddMember { .. } => pool::add((from, to), programme),
        Command::RemoveMember { .. } => pool::remove((from, to), programme),
        Command::Contribute { points, source, .. } => {
            pool::contribute((from, to), *points, at, programme, source)
        }
        _ => unreachable!("only these touch two accounts"),
    }
}

fn signed((mut out, mut incoming): Pair, order: &StaffOrder) -> Pair {
    out.note = note(order);
    incoming.note = note(order);
    (out, incoming)
}

/// Refuses a gift that the rules forbid; returns what both months add up to with it.
fn require_gift(
    (from, to): (&Account, &Account),
    points: i64,
    at: Timestamp,
    programme: &Programme,
) -> Result<(i64, i64), Refusal> {
    let policies = &programme.policies;
    let TransferLimits {
        tenure_months,
        out_month_max,
        in_month_max,
        ..
    } = policies.transfer;
    from.require_free(Operation::Transfer, policies)?;
    to.require_free(Operation::Earn, policies)?;
    from.require_tenure(tenure_months, at)?;
    let recipients = from.standing.as_ref().map(|it| it.recipients.as_slice());
    let mut recipients = recipients.unwrap_or_default().iter();
    let recipient = to.id.to_string();
    match recipients.find(|known| known.account == to.id) {
        None => return Err(Refusal::RecipientNotRegistered { recipient }),
        Some(known) if known.effective_at > at => {
            return Err(Refusal::RecipientNotEffective {
                recipient,
                effective_at: known.effective_at.as_micros(),
            });
        }
        Some(_) => {}
    }
    let within = |account: &Account, direction: &str, moved: i64, limit: i64| {
        if points <= limit - moved {
            return Ok(moved + points);
        }
        Err(Refusal::TransferLimit {
            account: account.id.to_string(),
            direction: direction.to_owned(),
            limit,
            moved,
            needed: points,
        })
    };
    let out = within(from, "OUT", from.gifts(at).out, out_month_max)?;
    let received = within(to, "IN", to.gifts(at).received, in_month_max)?;
    Ok((out, received))
}

/// The kinds of the entries of a gift.
const GIFT: (EntryKind, EntryKind) = (EntryKind::TransferOut, EntryKind::TransferIn);

/// Moves available points, those of a special kind first, then in the order of use.
pub(super) fn give(
    (from, to): (&mut Account, &mut Account),
    points: i64,
    programme: &Programme,
    source: &Arc<str>,
    (gone, come): (EntryKind, EntryKind),
) -> Result<Pair, Refusal> {
    let order = programme.policies.order_of_use;
    let mut lots: Vec<&mut Lot> = from.lots.iter_mut().collect();
    lots.sort_by_key(|lot| (lot.origin.points_type.is_empty(), lot.order_by(order)));
    let taken = take_from(lots.iter_mut().map(|lot| &mut **lot), points, |_, _| ());
    require_room(to, &taken, points)?;
    for part in &taken {
        let lot = from.lot_mut(part.lot).expect("points were found in it");
        lot.remaining += part.points;
    }
    from.drop_empty_lots();
    let mut out = Movement::new(gone, -points, 0);
    let mut incoming = Movement::new(come, points, 0);
    incoming.allocations = receive(to, &taken);
    out.allocations = taken;
    out.source = source.clone();
    incoming.source = source.clone();
    Ok((out, incoming))
}

/// Moves everything: pending points stay pending, debt stays debt. No hold may be open.
fn give_all((from, to): (&mut Account, &mut Account), order: &StaffOrder) -> Result<Pair, Refusal> {
    if !from.holds.is_empty() {
        return Err(Refusal::HoldsOpen {
            account: from.id.to_string(),
        });
    }
    let points = from.balance();
    let taken: Vec<Allocation> = from
        .lots
        .iter()
        .map(|lot| Allocation::of(lot, -lot.remaining))
        .collect();
    require_room(to, &taken, points)?;
    let mut out = Movement::new(EntryKind::TransferOut, -points, 0);
    let mut incoming = Movement::new(EntryKind::TransferIn, points, 0);
    (out.pending, incoming.pending) = (-from.pending(), from.pending());
    (out.debt, incoming.debt) = (-from.debt, from.debt);
    from.lots.clear();
    to.debt += from.debt;
    from.debt = 0;
    incoming.allocations = receive(to, &taken);
    out.allocations = taken;
    out.source = order.reason.clone();
    incoming.source = order.reason.clone();
    Ok((out, incoming))
}

pub(super) fn require_room(to: &Account, taken: &[Allocation], points: i64) -> Result<(), Refusal> {
    let is_new = |part: &&Allocation| !to.lots.iter().any(|lot| lot.id == part.lot);
    let lots = to.lots.len() + taken.iter().filter(is_new).count();
    if lots > LOTS_MAX || to.balance() > BALANCE_MAX - points {
        return Err(limit(to));
    }
    Ok(())
}

/// Adds what came, each lot with its kind, its expiry and its id: what comes again of one lot joins
/// what came before.
pub(super) fn receive(to: &mut Account, taken: &[Allocation]) -> Vec<Allocation> {
    let mut received = Vec::with_capacity(taken.len());
    for part in taken {
        let points = -part.points;
        match to.lot_mut(part.lot) {
            Some(lot) => {
                lot.original += points;
                lot.remaining += points;
                received.push(Allocation::of(lot, points));
            }
            None => {
                let lot = Lot {
                    original: points,
                    ..part.to_lot()
                };
                received.push(Allocation::of(&lot, points));
                to.insert_lot(lot);
            }
        }
    }
    received
}

/// Names in each of the two the entry on the other side.
pub(super) fn name(
    (from, to): (&Account, &Account),
    (out, incoming): (&mut Movement, &mut Movement),
    (out_id, incoming_id): (EntryId, EntryId),
) {
    let peer = |account: &Account, entry| {
        Some(Box::new(Peer {
            account: account.id.clone(),
            entry: Some(entry),
        }))
    };
    out.peer = peer(to, incoming_id);
    incoming.peer = peer(from, out_id);
}
