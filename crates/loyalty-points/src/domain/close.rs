//! Blocks, closings and the register of recipients: entries that mostly move no points.

use tenure_core::{AccountId, Span, Timestamp};

use super::account::Account;
use super::adjust::note;
use super::command::StaffOrder;
use super::entry::{Allocation, EntryKind, Note, Peer};
use super::hold::release_all;
use super::journal::{Journal, Movement};
use super::policy::Block;
use super::refusal::Refusal;
use super::settle::settle;
use super::standing::{Blocked, Recipient};

fn block_note(block: Block, order: &StaffOrder) -> Option<Box<Note>> {
    let note = note(order)?;
    Some(Box::new(Note {
        block: Some(block),
        ..*note
    }))
}

pub(super) fn block(
    account: &mut Account,
    at: Timestamp,
    block: Block,
    order: &StaffOrder,
    journal: &mut Journal<'_>,
) -> Result<(), Refusal> {
    let id = account.id.to_string();
    let blocks = &mut account.standing_mut().blocks;
    if blocks.iter().any(|set| set.block == block) {
        return Err(Refusal::BlockExists {
            account: id,
            block: block.name().to_owned(),
        });
    }
    blocks.push(Blocked {
        block,
        reason: order.reason.clone(),
    });
    let mut movement = Movement::new(EntryKind::Block, 0, 0);
    movement.source = order.reason.clone();
    movement.note = block_note(block, order);
    journal.write(account, at, movement);
    Ok(())
}

pub(super) fn unblock(
    account: &mut Account,
    at: Timestamp,
    block: Block,
    order: &StaffOrder,
    journal: &mut Journal<'_>,
) -> Result<(), Refusal> {
    let set = account.standing.as_ref().and_then(|standing| {
        let mut blocks = standing.blocks.iter();
        blocks.position(|set| set.block == block)
    });
    let Some(place) = set else {
        return Err(Refusal::BlockNotFound {
            account: account.id.to_string(),
            block: block.name().to_owned(),
        });
    };
    account.standing_mut().blocks.remove(place);
    let mut movement = Movement::new(EntryKind::Unblock, 0, 0);
    movement.source = order.reason.clone();
    movement.note = block_note(block, order);
    journal.write(account, at, movement);
    Ok(())
}

/// Closes an account whose points all went to another one.
pub(super) fn close_merged(
    account: &mut Account,
    at: Timestamp,
    into: &AccountId,
    order: &StaffOrder,
    journal: &mut Journal<'_>,
) {
    account.standing_mut().is_closed = true;
    let mut movement = Movement::new(EntryKind::Close, 0, 0);
    movement.source = order.reason.clone();
    movement.note = note(order);
    movement.peer = Some(Box::new(Peer {
        account: into.clone(),
        entry: None,
    }));
    journal.write(account, at, movement);
}

/// Closes the account: holds are released, debt is repaid by what there is, the rest is void.
pub(super) fn close(
    account: &mut Account,
    at: Timestamp,
    order: &StaffOrder,
    journal: &mut Journal<'_>,
) {
    let movement = void_all(account, at, EntryKind::Close, order, journal);
    account.standing_mut().is_closed = true;
    journal.write(account, at, movement);
}

/// Makes all points void, as a closing does, but leaves the account open: who comes back starts anew.
pub(super) fn void(
    account: &mut Account,
    at: Timestamp,
    order: &StaffOrder,
    journal: &mut Journal<'_>,
) {
    let movement = void_all(account, at, EntryKind::Void, order, journal);
    journal.write(account, at, movement);
}

fn void_all(
    account: &mut Account,
    at: Timestamp,
    kind: EntryKind,
    order: &StaffOrder,
    journal: &mut Journal<'_>,
) -> Movement {
    release_all(account, at, journal);
    // What came back to lots that have expired expires; it is not void.
    settle(account, at, journal);
    let mut movement = Movement::new(kind, -account.balance(), 0);
    movement.pending = -account.pending();
    movement.debt = -account.debt;
    let lots = account.lots.drain(..);
    movement.allocations = lots
        .map(|lot| Allocation::of(&lot, -lot.remaining))
        .collect();
    account.debt = 0;
    movement.source = order.reason.clone();
    movement.note = note(order);
    movement
}

/// Registers a recipient: a further one at once, one that takes another's place after a time, so
/// that who got hold of an account cannot empty it.
pub(super) fn register(
    account: &mut Account,
    at: Timestamp,
    recipient: &AccountId,
    replaces: Option<&AccountId>,
    journal: &mut Journal<'_>,
) -> Result<(), Refusal> {
    let limits = journal.programme().policies.transfer;
    let id = account.id.to_string();
    let known = |standing: &[Recipient], wanted: &AccountId| {
        standing.iter().position(|known| known.account == *wanted)
    };
    let recipients = account.standing.as_ref().map(|it| it.recipients.as_slice());
    let recipients = recipients.unwrap_or_default();
    if known(recipients, recipient).is_some() {
        return Err(Refusal::RecipientExists {
            recipient: recipient.to_string(),
        });
    }
    let place = match replaces {
        Some(replaced) => Some(known(recipients, replaced).ok_or_else(|| {
            let recipient = replaced.to_string();
            Refusal::RecipientNotRegistered { recipient }
        })?),
        None if recipients.len() >= limits.recipients_max => {
            return Err(Refusal::RecipientLimit {
                account: id,
                limit: i64::try_from(limits.recipients_max).unwrap_or(i64::MAX),
            });
        }
        None => None,
    };
    let days = Span::from_days(i64::from(limits.recipient_change_days));
    let recipients = &mut account.standing_mut().recipients;
    let entry = |effective_at| Recipient {
        account: recipient.clone(),
        effective_at,
    };
    match place {
        Some(place) => recipients[place] = entry(at + days),
        None => recipients.push(entry(at)),
    }
    let mut movement = Movement::new(EntryKind::Recipient, 0, 0);
    movement.peer = Some(Box::new(Peer {
        account: recipient.clone(),
        entry: None,
    }));
    journal.write(account, at, movement);
    Ok(())
}
