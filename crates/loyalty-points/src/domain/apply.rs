//! Decides one command on one account.

use tenure_core::{RequestId, Timestamp};

use super::account::Account;
use super::command::Command;
use super::entry::{Entry, EntryKind};
use super::entry_id::EntryId;
use super::journal::Journal;
use super::partner::PartnerNote;
use super::refusal::Refusal;
use super::reward::RewardOrder;
use super::settle::settle;
use super::{adjust, close, earn, hold, pool, reverse, reward, spend};

/// An entry that a command refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The entry.
    pub entry: Entry,
    /// What ended it, or took the last part of it back.
    pub ended_by: Option<(EntryId, EntryKind)>,
    /// How many of its points were taken back.
    pub reversed: i64,
}

/// What a decision depends on beside the account and the rules.
#[derive(Debug, Clone, Copy)]
pub struct Context<'c> {
    /// The current instant.
    pub now: Timestamp,
    /// The request, to be named in the entry.
    pub request: Option<RequestId>,
    /// The entry that the command refers to, if the account has it.
    pub target: Option<&'c Target>,
    /// The partner that the entry touches.
    pub partner: Option<&'c PartnerNote>,
    /// The order of a reward that the command names, if the account has it.
    pub order: Option<&'c RewardOrder>,
    /// How many of a reward the account has that is to be bought, where that is limited.
    pub had: i64,
}

/// Decides `command`: first books what is due, then does what is asked, then expires what came back
/// to lots that have expired and repays debt. All entries go to `journal`; the place of the one that
/// answers is returned. After a refusal the account has done nothing but what was due.
///
/// # Errors
/// The refusal.
///
/// # Panics
/// On [`Command::Open`] and [`Command::Settle`], which move nothing, and on commands that touch two
/// accounts.
pub fn apply(
    account: &mut Account,
    command: &Command,
    context: Context<'_>,
    journal: &mut Journal<'_>,
) -> Result<usize, Refusal> {
    let at = context.now.max(account.updated_at);
    let late = hold::due(account, command, at);
    settle(account, at, journal);
    if let Some(refusal) = late {
        return Err(refusal);
    }
    account.require_open()?;
    require_no_order(command, context.target)?;
    act(account, at, command, context, journal)?;
    // What a command did first (a closing releases holds) leads to its own entry, the last one.
    let index = journal.entries().len() - 1;
    settle(account, at, journal);
    journal.note_partner(index, context.partner.cloned());
    journal.answer(index, context.request, account);
    Ok(index)
}

/// Refuses to take points of an order apart from what was bought with them.
fn require_no_order(command: &Command, target: Option<&Target>) -> Result<(), Refusal> {
    let (Command::Confirm { .. } | Command::Release { .. } | Command::Reverse { .. }) = command
    else {
        return Ok(());
    };
    match target.and_then(|target| target.entry.reward.as_ref()) {
        Some(order) => Err(Refusal::EntryOfRewardOrder {
            entry: target
                .map_or(order.id, |target| target.entry.id)
                .to_string(),
            order: order.id.to_string(),
        }),
        None => Ok(()),
    }
}

pub(super) fn act(
    account: &mut Account,
    at: Timestamp,
    command: &Command,
    context: Context<'_>,
    journal: &mut Journal<'_>,
) -> Result<(), Refusal> {
    match command {
        Command::Earn(asked) => earn::earn(account, at, asked, journal),
        Command::Activate { lot } => earn::activate(account, at, *lot, journal),
        Command::Redeem { points, source, .. } => {
            spend::redeem(account, at, *points, source, journal)
        }
        Command::Hold {
            points,
            source,
            lasts,
            ..
        } => hold::hold(account, at, (*points, *lasts), source, journal),
        Command::Confirm {
            hold,
            points,
            tops_up,
            ..
        } => {
            let asked = hold::Confirmation {
                hold: *hold,
                points: *points,
                tops_up: *tops_up,
            };
            hold::confirm(account, at, asked, context.target, journal)?;
            pool::confirmed(account, at, *hold, journal);
            Ok(())
        }
        Command::Release { hold } => hold::release(account, at, *hold, context.target, journal),
        Command::Reverse {
            entry,
            points,
            source,
        } => {
            let wanted = reverse::Wanted {
                entry: *entry,
                points: *points,
                source,
            };
            reverse::reverse(account, at, wanted, context.target, journal)
        }
        Command::Adjust {
            points,
            expires_at,
            order,
        } => adjust::adjust(account, at, (*points, *expires_at), order, journal),
        Command::Expire { lot, order } => adjust::expire(account, at, *lot, order, journal),
        Command::Reinstate {
            entry,
            expires_at,
            order,
        } => {
            let expired = adjust::expired(account, at, *entry, context.target, journal)?;
            adjust::reinstate(account, at, expired, *expires_at, order, journal)
        }
        _ => stand(account, at, command, context, journal),
    }
}

/// What concerns the account as a whole, or its pool.
fn stand(
    account: &mut Account,
    at: Timestamp,
    command: &Command,
    context: Context<'_>,
    journal: &mut Journal<'_>,
) -> Result<(), Refusal> {
    match command {
        Command::Block { block, order } => close::block(account, at, *block, order, journal),
        Command::Unblock { block, order } => close::unblock(account, at, *block, order, journal),
        Command::ForMember { member, command } => {
            pool::for_member(account, at, (member, command), context, journal)
        }
        Command::Close { order } => {
            account.require_no_pool()?;
            close::close(account, at, order, journal);
            Ok(())
        }
        Command::Void { order } => {
            close::void(account, at, order, journal);
            Ok(())
        }
        Command::Register {
            recipient,
            replaces,
        } => close::register(account, at, recipient, replaces.as_ref(), journal),
        Command::Reward(command) => reward::act(account, at, command, context, journal),
        _ => unreachable!("they are decided elsewhere"),
    }
}

/// Refuses to let an account grow beyond its limits.
pub(super) fn limit(account: &Account) -> Refusal {
    Refusal::BalanceLimit {
        account: account.id.to_string(),
    }
}
