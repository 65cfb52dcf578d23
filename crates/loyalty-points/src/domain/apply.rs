//! Decides one command on one account.

use std::sync::Arc;

use tenure_core::{RequestId, Span, Timestamp};

use super::account::{Account, Hold, Lot, Part};
use super::command::Command;
use super::entry::{Allocation, Entry, EntryKind, HoldFacts, HoldState};
use super::entry_id::EntryId;
use super::journal::{Journal, Movement};
use super::programme::Programme;
use super::refusal::Refusal;
use super::settle::{facts, give_back, settle};
use super::{BALANCE_MAX, HOLDS_MAX, LOTS_MAX, PARTS_MAX};

/// An entry that a command refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The entry.
    pub entry: Entry,
    /// What ended it: closed the hold, or reversed the entry.
    pub ended_by: Option<(EntryId, EntryKind)>,
}

/// What a decision depends on beside the account.
#[derive(Debug, Clone, Copy)]
pub struct Context<'c> {
    /// The current instant.
    pub now: Timestamp,
    /// The rules.
    pub programme: &'c Programme,
    /// The request, to be named in the entry.
    pub request: Option<RequestId>,
    /// The entry that the command refers to, if the account has it.
    pub target: Option<&'c Target>,
}

/// Decides `command`: first books what is due, then does what is asked, then expires what came back
/// to lots that have expired. All entries go to `journal`; the place of the one that answers is
/// returned. After a refusal the account has done nothing but what was due.
///
/// # Errors
/// The refusal.
///
/// # Panics
/// On [`Command::Open`] and [`Command::Settle`], which move nothing.
pub fn apply(
    account: &mut Account,
    command: &Command,
    context: Context<'_>,
    journal: &mut Journal<'_>,
) -> Result<usize, Refusal> {
    let at = context.now.max(account.updated_at);
    let late = due_hold(account, command, at);
    settle(account, at, journal);
    if let Some(refusal) = late {
        return Err(refusal);
    }
    let index = journal.entries().len();
    match command {
        Command::Earn {
            points,
            source,
            earned_at,
            expires_at,
            ..
        } => {
            let earned_at = earned_at.unwrap_or(at).min(at);
            let expires_at = expires_at.unwrap_or_else(|| context.programme.expiry.of(earned_at));
            earn(
                account,
                at,
                (*points, earned_at, expires_at),
                source,
                journal,
            )?;
        }
        Command::Redeem { points, source } => redeem(account, at, *points, source, journal)?,
        Command::Hold {
            points,
            source,
            lasts,
        } => {
            hold(account, at, (*points, *lasts), source, journal)?;
        }
        Command::Confirm { hold, points } => {
            let open = take_hold(account, *hold, *points, context.target)?;
            confirm(account, at, &open, points.unwrap_or(open.points), journal);
        }
        Command::Release { hold } => {
            let open = take_hold(account, *hold, None, context.target)?;
            release(account, at, &open, journal);
        }
        Command::Reverse { entry, source } => {
            let target = reversible(account, *entry, context.target)?;
            reverse(account, at, target, source, journal)?;
        }
        Command::Open { .. } | Command::Settle => unreachable!("they move nothing"),
    }
    settle(account, at, journal);
    journal.answer(index, context.request, account);
    Ok(index)
}

/// Refuses a confirmation or release that comes too late, even when nobody booked the end of the
/// hold yet.
fn due_hold(account: &Account, command: &Command, at: Timestamp) -> Option<Refusal> {
    let (Command::Confirm { hold, .. } | Command::Release { hold }) = command else {
        return None;
    };
    let open = account.hold(*hold)?;
    (open.expires_at <= at).then(|| hold_expired(*hold, open.expires_at))
}

fn hold_expired(hold: EntryId, expires_at: Timestamp) -> Refusal {
    Refusal::HoldExpired {
        hold: hold.to_string(),
        expires_at: expires_at.as_micros(),
    }
}

fn limit(account: &Account) -> Refusal {
    Refusal::BalanceLimit {
        account: account.id.to_string(),
    }
}

fn earn(
    account: &mut Account,
    at: Timestamp,
    (points, earned_at, expires_at): (i64, Timestamp, Timestamp),
    source: &Arc<str>,
    journal: &mut Journal<'_>,
) -> Result<(), Refusal> {
    if account.lots.len() >= LOTS_MAX || account.balance() > BALANCE_MAX - points {
        return Err(limit(account));
    }
    let id = journal.next_id();
    account.insert_lot(Lot {
        id,
        earned_at,
        expires_at,
        original: points,
        remaining: points,
        held: 0,
    });
    let mut movement = Movement::new(EntryKind::Earn, points, 0);
    movement.allocations = vec![Allocation {
        lot: id,
        points,
        earned_at,
        expires_at,
        original: points,
    }];
    movement.source = source.clone();
    journal.write(account, at, movement);
    Ok(())
}

/// Takes points from the lots in their order, by `take`, which also says where they go.
fn spend(
    account: &mut Account,
    points: i64,
    mut take: impl FnMut(&mut Lot, i64),
) -> Result<Vec<Allocation>, Refusal> {
    let available = account.available();
    if available < points {
        let account_id = account.id.to_string();
        let held = account.held();
        return Err(Refusal::InsufficientPoints {
            account: account_id,
            available,
            held,
            needed: points,
        });
    }
    let mut left = points;
    let mut allocations = Vec::new();
    for lot in account.lots.iter_mut().filter(|lot| lot.remaining > 0) {
        let taken = lot.remaining.min(left);
        take(lot, taken);
        left -= taken;
        allocations.push(Allocation {
            lot: lot.id,
            points: -taken,
            earned_at: lot.earned_at,
            expires_at: lot.expires_at,
            original: lot.original,
        });
        if left == 0 {
            break;
        }
    }
    debug_assert_eq!(left, 0, "what is available covers what is taken");
    Ok(allocations)
}

fn redeem(
    account: &mut Account,
    at: Timestamp,
    points: i64,
    source: &Arc<str>,
    journal: &mut Journal<'_>,
) -> Result<(), Refusal> {
    let allocations = spend(account, points, |lot, taken| lot.remaining -= taken)?;
    account.drop_empty_lots();
    let mut movement = Movement::new(EntryKind::Redeem, -points, 0);
    movement.allocations = allocations;
    movement.source = source.clone();
    journal.write(account, at, movement);
    Ok(())
}

fn hold(
    account: &mut Account,
    at: Timestamp,
    (points, lasts): (i64, Span),
    source: &Arc<str>,
    journal: &mut Journal<'_>,
) -> Result<(), Refusal> {
    let parts: usize = account.holds.iter().map(|hold| hold.parts.len()).sum();
    let free = account.lots.iter().filter(|lot| lot.remaining > 0).count();
    let enough = account.available() >= points;
    if enough && (account.holds.len() >= HOLDS_MAX || parts + free > PARTS_MAX) {
        return Err(limit(account));
    }
    let allocations = spend(account, points, |lot, taken| {
        lot.remaining -= taken;
        lot.held += taken;
    })?;
    let parts = allocations
        .iter()
        .map(|a| Part {
            lot: a.lot,
            points: -a.points,
        })
        .collect();
    let (id, expires_at) = (journal.next_id(), at + lasts);
    let hold = Hold {
        id,
        points,
        created_at: at,
        expires_at,
        source: source.clone(),
        parts,
    };
    let mut movement = Movement::new(EntryKind::Hold, 0, points);
    movement.allocations = allocations;
    movement.source = source.clone();
    movement.hold = Some(facts(&hold, 0));
    account.holds.push(hold);
    journal.write(account, at, movement);
    Ok(())
}

/// Takes an open hold off the account, or tells why there is none to confirm `points` of.
fn take_hold(
    account: &mut Account,
    id: EntryId,
    points: Option<i64>,
    target: Option<&Target>,
) -> Result<Hold, Refusal> {
    let Some(index) = account.holds.iter().position(|hold| hold.id == id) else {
        return Err(closed(id, target));
    };
    let held = account.holds[index].points;
    match points {
        Some(needed) if needed > held => Err(Refusal::HoldExceeded {
            hold: id.to_string(),
            held,
            needed,
        }),
        _ => Ok(account.holds.remove(index)),
    }
}

fn closed(id: EntryId, target: Option<&Target>) -> Refusal {
    let hold = id.to_string();
    let made = target.filter(|target| target.entry.kind == EntryKind::Hold);
    let Some(Target {
        entry: Entry {
            hold: Some(facts), ..
        },
        ended_by: Some((_, kind)),
    }) = made
    else {
        return Refusal::HoldNotFound { hold };
    };
    match hold_state(*kind) {
        HoldState::Confirmed => Refusal::HoldAlreadyConfirmed { hold },
        HoldState::Released => Refusal::HoldAlreadyReleased { hold },
        HoldState::Expired | HoldState::Open => hold_expired(id, facts.expires_at),
    }
}

fn hold_state(ended_by: EntryKind) -> HoldState {
    match ended_by {
        EntryKind::Confirm => HoldState::Confirmed,
        EntryKind::Release => HoldState::Released,
        _ => HoldState::Expired,
    }
}

fn confirm(
    account: &mut Account,
    at: Timestamp,
    hold: &Hold,
    points: i64,
    journal: &mut Journal<'_>,
) {
    give_back(account, hold, hold.points - points);
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
        allocations.push(Allocation {
            lot: lot.id,
            points: -spent,
            earned_at: lot.earned_at,
            expires_at: lot.expires_at,
            original: lot.original,
        });
    }
    account.drop_empty_lots();
    let mut movement = Movement::new(EntryKind::Confirm, -points, -hold.points);
    movement.allocations = allocations;
    movement.source.clone_from(&hold.source);
    movement.hold = Some(facts(hold, points));
    journal.write(account, at, movement);
}

fn release(account: &mut Account, at: Timestamp, hold: &Hold, journal: &mut Journal<'_>) {
    let mut movement = Movement::new(EntryKind::Release, 0, -hold.points);
    movement.allocations = give_back(account, hold, hold.points);
    movement.source.clone_from(&hold.source);
    movement.hold = Some(HoldFacts {
        confirmed: 0,
        ..facts(hold, 0)
    });
    journal.write(account, at, movement);
}

fn reversible<'t>(
    account: &Account,
    id: EntryId,
    target: Option<&'t Target>,
) -> Result<&'t Entry, Refusal> {
    let entry = id.to_string();
    let Some(target) = target.filter(|target| target.entry.account == account.id) else {
        return Err(Refusal::EntryNotFound { entry });
    };
    let kind = target.entry.kind;
    if !matches!(
        kind,
        EntryKind::Earn | EntryKind::Redeem | EntryKind::Confirm
    ) {
        return Err(Refusal::EntryNotReversible {
            entry,
            kind: kind.name().to_owned(),
        });
    }
    if let Some((by, _)) = target.ended_by {
        return Err(Refusal::EntryAlreadyReversed {
            entry,
            reversal: by.to_string(),
        });
    }
    Ok(&target.entry)
}

fn reverse(
    account: &mut Account,
    at: Timestamp,
    entry: &Entry,
    source: &Arc<str>,
    journal: &mut Journal<'_>,
) -> Result<(), Refusal> {
    let kind = if entry.kind == EntryKind::Earn {
        take_lot(account, entry)?;
        EntryKind::ReverseEarn
    } else {
        bring_back(account, entry)?;
        EntryKind::ReverseRedeem
    };
    let mut movement = Movement::new(kind, -entry.points, 0);
    movement.allocations = entry.allocations.iter().map(negated).collect();
    movement.source = source.clone();
    movement.reverses = Some(entry.id);
    journal.write(account, at, movement);
    Ok(())
}

fn negated(allocation: &Allocation) -> Allocation {
    Allocation {
        points: -allocation.points,
        ..allocation.clone()
    }
}

/// Takes the whole lot of an earning away, while it is untouched.
fn take_lot(account: &mut Account, earning: &Entry) -> Result<(), Refusal> {
    let index = account.lots.iter().position(|lot| lot.id == earning.id);
    let remaining = index.map_or(0, |index| account.lots[index].remaining);
    match index {
        Some(index) if remaining == earning.points => {
            account.lots.remove(index);
            Ok(())
        }
        _ => {
            let entry = earning.id.to_string();
            Err(Refusal::PointsAlreadySpent {
                entry,
                remaining,
                needed: earning.points,
            })
        }
    }
}

/// Brings spent points back to the lots they came from, with the expiry they had.
fn bring_back(account: &mut Account, spending: &Entry) -> Result<(), Refusal> {
    let gone = |lot: EntryId| !account.lots.iter().any(|live| live.id == lot);
    let missing = spending.allocations.iter().filter(|a| gone(a.lot)).count();
    if account.lots.len() + missing > LOTS_MAX || account.balance() > BALANCE_MAX + spending.points
    {
        return Err(limit(account));
    }
    for taken in &spending.allocations {
        let back = -taken.points;
        match account.lot_mut(taken.lot) {
            Some(lot) => lot.remaining += back,
            None => account.insert_lot(Lot {
                id: taken.lot,
                earned_at: taken.earned_at,
                expires_at: taken.expires_at,
                original: taken.original,
                remaining: back,
                held: 0,
            }),
        }
    }
    Ok(())
}
