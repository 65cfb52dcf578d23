//! The stored form of an account beside the columns of its row.

use tenure_core::AccountId;

use super::{Damaged, Last, VERSION, flag, follows, origin_flag, read_origin, when, write_origin};
use crate::domain::account::{Account, Hold, Lot, Part};
use crate::domain::bytes::{Reader, Writer};
use crate::domain::policy::Block;
use crate::domain::pool::{Member, Monthly, Pool};
use crate::domain::standing::{Blocked, MonthlyGifts, Recipient, Standing};

/// What follows in the state of an account.
mod has {
    pub(super) const DEBT: u8 = 1;
    pub(super) const EXPIRED: u8 = 2;
    pub(super) const STANDING: u8 = 4;
}

/// Returns the stored form of what the account's row does not hold in columns: its lots, its holds,
/// its counters, and what few accounts have.
#[must_use]
pub fn encode_state(account: &Account) -> Vec<u8> {
    let mut to = Writer::with_version(VERSION);
    to.number(account.entries);
    to.number(account.last_seq);
    let flags = flag(has::DEBT, account.debt != 0)
        | flag(has::EXPIRED, account.expired.1 != 0)
        | flag(has::STANDING, account.standing.is_some());
    to.byte(flags);
    if flags & has::DEBT != 0 {
        to.number(account.debt);
    }
    if flags & has::EXPIRED != 0 {
        to.number(account.expired.0);
        to.number(account.expired.1);
    }
    if let Some(standing) = &account.standing {
        write_standing(&mut to, standing);
    }
    to.size(account.lots.len());
    let mut last = Last::new("");
    for lot in &account.lots {
        write_lot(&mut to, lot, &mut last);
    }
    to.size(account.holds.len());
    for hold in &account.holds {
        to.id(hold.id);
        to.number(hold.points);
        to.instant(hold.created_at);
        to.instant(hold.expires_at);
        to.text(&hold.source);
        to.size(hold.parts.len());
        for part in &hold.parts {
            to.id(part.lot);
            to.number(part.points);
        }
    }
    to.finish()
}

fn write_lot(to: &mut Writer, lot: &Lot, last: &mut Last<'_>) {
    let flags = origin_flag(&lot.origin, last)
        | flag(follows::ACTIVATION, lot.active_from.is_some())
        | flag(follows::REMAINING, lot.remaining != lot.original)
        | flag(follows::HELD, lot.held != 0);
    to.byte(flags);
    to.id(lot.id);
    to.instant(lot.earned_at);
    to.instant(lot.expires_at);
    to.number(lot.original);
    write_origin(to, &lot.origin, flags);
    if let Some(at) = lot.active_from {
        to.instant(at);
    }
    if flags & follows::REMAINING != 0 {
        to.number(lot.remaining);
    }
    if flags & follows::HELD != 0 {
        to.number(lot.held);
    }
}

fn read_lot(from: &mut Reader<'_>, last: &mut Last<'_>) -> Option<Lot> {
    let flags = from.byte()?;
    let id = from.id()?;
    let (earned_at, expires_at) = (from.instant()?, from.instant()?);
    let original = from.number()?;
    let origin = read_origin(from, flags, last)?;
    let active_from = when(flags & follows::ACTIVATION != 0, || from.instant())?;
    let remaining = when(flags & follows::REMAINING != 0, || from.number())?;
    let held = when(flags & follows::HELD != 0, || from.number())?;
    Some(Lot {
        id,
        earned_at,
        active_from,
        expires_at,
        original,
        remaining: remaining.unwrap_or(original),
        held: held.unwrap_or(0),
        origin,
    })
}

fn write_standing(to: &mut Writer, standing: &Standing) {
    let flags = u8::from(standing.is_closed)
        | flag(2, standing.joined_at.is_some())
        | flag(4, standing.pool.is_some());
    to.byte(flags);
    if let Some(at) = standing.joined_at {
        to.instant(at);
    }
    to.size(standing.blocks.len());
    for set in &standing.blocks {
        to.byte(set.block.number());
        to.text(&set.reason);
    }
    to.size(standing.recipients.len());
    for recipient in &standing.recipients {
        to.text(recipient.account.as_str());
        to.instant(recipient.effective_at);
    }
    to.number(i64::from(standing.gifts.month));
    to.number(standing.gifts.out);
    to.number(standing.gifts.received);
    if let Some(pool) = &standing.pool {
        write_pool(to, pool);
    }
}

fn write_pool(to: &mut Writer, pool: &Pool) {
    let month = |to: &mut Writer, monthly: Monthly| {
        to.number(i64::from(monthly.month));
        to.number(monthly.points);
    };
    to.text(pool.member_of.as_ref().map_or("", AccountId::as_str));
    month(to, pool.contributed);
    to.size(pool.members.len());
    for member in &pool.members {
        to.text(member.account.as_str());
        month(to, member.spent);
        to.size(member.lots.len());
        for (lot, points) in &member.lots {
            to.id(*lot);
            to.number(*points);
        }
        to.size(member.holds.len());
        for hold in &member.holds {
            to.id(*hold);
        }
    }
}

fn read_pool(from: &mut Reader<'_>) -> Option<Pool> {
    let month = |from: &mut Reader<'_>| {
        Some(Monthly {
            month: i32::try_from(from.number()?).ok()?,
            points: from.number()?,
        })
    };
    let member_of = match from.text()? {
        "" => None,
        id => Some(AccountId::parse(id).ok()?),
    };
    let contributed = month(from)?;
    let mut members = Vec::new();
    for _ in 0..from.size()? {
        let mut member = Member::new(AccountId::parse(from.text()?).ok()?);
        member.spent = month(from)?;
        for _ in 0..from.size()? {
            member.lots.push((from.id()?, from.number()?));
        }
        for _ in 0..from.size()? {
            member.holds.push(from.id()?);
        }
        members.push(member);
    }
    Some(Pool {
        members,
        member_of,
        contributed,
    })
}

fn read_standing(from: &mut Reader<'_>) -> Option<Standing> {
    let flags = from.byte()?;
    let mut standing = Standing {
        is_closed: flags & 1 != 0,
        joined_at: when(flags & 2 != 0, || from.instant())?,
        ..Standing::default()
    };
    for _ in 0..from.size()? {
        standing.blocks.push(Blocked {
            block: Block::from_number(from.byte()?)?,
            reason: from.text()?.into(),
        });
    }
    for _ in 0..from.size()? {
        standing.recipients.push(Recipient {
            account: AccountId::parse(from.text()?).ok()?,
            effective_at: from.instant()?,
        });
    }
    standing.gifts = MonthlyGifts {
        month: i32::try_from(from.number()?).ok()?,
        out: from.number()?,
        received: from.number()?,
    };
    let pool = when(flags & 4 != 0, || read_pool(from))?;
    standing.pool = pool.map(Box::new);
    Some(standing)
}

/// Reads the stored form into `account`.
///
/// # Errors
/// When it is not one.
pub fn decode_state(account: &mut Account, bytes: &[u8]) -> Result<(), Damaged> {
    read_state(account, bytes).ok_or(Damaged("account"))
}

fn read_state(account: &mut Account, bytes: &[u8]) -> Option<()> {
    let mut from = Reader::with_version(bytes, VERSION)?;
    account.entries = from.number()?;
    account.last_seq = from.number()?;
    let flags = from.byte()?;
    account.debt = when(flags & has::DEBT != 0, || from.number())?.unwrap_or(0);
    let expired = when(flags & has::EXPIRED != 0, || {
        Some((from.number()?, from.number()?))
    });
    account.expired = expired?.unwrap_or_default();
    let standing = when(flags & has::STANDING != 0, || read_standing(&mut from))?;
    account.standing = standing.map(Box::new);
    let lots = from.size()?;
    account.lots = Vec::with_capacity(lots + 1);
    let mut last = Last::new("");
    for _ in 0..lots {
        account.lots.push(read_lot(&mut from, &mut last)?);
    }
    account.holds.clear();
    for _ in 0..from.size()? {
        account.holds.push(read_hold(&mut from)?);
    }
    from.is_empty().then_some(())
}

fn read_hold(from: &mut Reader<'_>) -> Option<Hold> {
    let (id, points) = (from.id()?, from.number()?);
    let (created_at, expires_at) = (from.instant()?, from.instant()?);
    let source = from.text()?.into();
    let mut parts = Vec::new();
    for _ in 0..from.size()? {
        parts.push(Part {
            lot: from.id()?,
            points: from.number()?,
        });
    }
    Some(Hold {
        id,
        points,
        created_at,
        expires_at,
        source,
        parts,
    })
}
