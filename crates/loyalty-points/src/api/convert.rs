//! Words of the domain on the wire.

use tenure_core::Timestamp;
use tenure_proto::loyalty::v1 as pb;
use tenure_rpc::fields::time;

use crate::domain::{
    Account, Allocation, Entry, EntryKind, HoldFacts, HoldState, Journal, Lot, Opened, Programme,
    settle,
};

/// Returns `account` as it is at `now`, whether or not somebody booked what fell due.
pub(super) fn at(mut account: Account, now: Timestamp, programme: &Programme) -> Account {
    let (updated_at, lane, seq) = (account.updated_at, account.lane, account.last_seq);
    settle(
        &mut account,
        now,
        &mut Journal::new(lane, seq, now, &programme.version),
    );
    // What is not booked has not changed the account.
    account.updated_at = updated_at;
    account
}

/// Returns an account that was settled for the instant of the answer.
pub(super) fn account(account: &Account) -> pb::Account {
    let next = account.next_expiry();
    pb::Account {
        account_id: account.id.to_string(),
        customer_id: account.customer.to_string(),
        programme_id: account.programme.to_string(),
        available_points: account.available(),
        held_points: account.held(),
        expiring_points: next.map_or(0, |(_, points)| points),
        next_expire_time: next.map(|(at, _)| time(at)),
        create_time: Some(time(account.created_at)),
        update_time: Some(time(account.updated_at)),
    }
}

pub(super) fn opened(opened: &Opened) -> pb::Account {
    pb::Account {
        account_id: opened.account.to_string(),
        customer_id: opened.customer.to_string(),
        programme_id: opened.programme.to_string(),
        create_time: Some(time(opened.at)),
        update_time: Some(time(opened.at)),
        ..pb::Account::default()
    }
}

fn until(expires_at: Timestamp) -> Option<prost_types::Timestamp> {
    (expires_at < Timestamp::MAX).then(|| time(expires_at))
}

pub(super) fn lot(account: &Account, lot: &Lot) -> pb::Lot {
    pb::Lot {
        lot_id: lot.id.to_string(),
        account_id: account.id.to_string(),
        earn_time: Some(time(lot.earned_at)),
        expire_time: until(lot.expires_at),
        original_points: lot.original,
        remaining_points: lot.remaining,
        held_points: lot.held,
        entry_id: lot.id.to_string(),
    }
}

pub(super) fn entry(entry: &Entry) -> pb::Entry {
    let id = |id: Option<String>| id.unwrap_or_default();
    pb::Entry {
        entry_id: entry.id.to_string(),
        account_id: entry.account.to_string(),
        sequence_number: entry.number,
        kind: kind(entry.kind).into(),
        points_delta: entry.points,
        held_points_delta: entry.held,
        balance_points: entry.balance,
        allocations: entry.allocations.iter().map(allocation).collect(),
        request_id: id(entry.request.map(|request| request.to_string())),
        source: entry.source.to_string(),
        hold_id: id(entry.hold.as_ref().map(|hold| hold.id.to_string())),
        reversed_entry_id: id(entry.reverses.map(|reversed| reversed.to_string())),
        entry_time: Some(time(entry.decided_at)),
        programme_version: entry.version.to_string(),
    }
}

fn allocation(allocation: &Allocation) -> pb::Allocation {
    pb::Allocation {
        lot_id: allocation.lot.to_string(),
        points_delta: allocation.points,
        expire_time: until(allocation.expires_at),
    }
}

fn kind(kind: EntryKind) -> pb::EntryKind {
    match kind {
        EntryKind::Earn => pb::EntryKind::Earn,
        EntryKind::Redeem => pb::EntryKind::Redeem,
        EntryKind::Hold => pb::EntryKind::Hold,
        EntryKind::Confirm => pb::EntryKind::Confirm,
        EntryKind::Release => pb::EntryKind::Release,
        EntryKind::HoldTimeout => pb::EntryKind::HoldTimeout,
        EntryKind::Expire => pb::EntryKind::Expire,
        EntryKind::ReverseRedeem => pb::EntryKind::ReverseRedeem,
        EntryKind::ReverseEarn => pb::EntryKind::ReverseEarn,
    }
}

pub(super) fn hold(account_id: String, hold: &HoldFacts, state: HoldState) -> pb::Hold {
    let state = match state {
        HoldState::Open => pb::HoldState::Open,
        HoldState::Confirmed => pb::HoldState::Confirmed,
        HoldState::Released => pb::HoldState::Released,
        HoldState::Expired => pb::HoldState::Expired,
    };
    pb::Hold {
        hold_id: hold.id.to_string(),
        account_id,
        points: hold.points,
        confirmed_points: hold.confirmed,
        state: state.into(),
        create_time: Some(time(hold.created_at)),
        expire_time: Some(time(hold.expires_at)),
        source: hold.source.to_string(),
    }
}

/// Returns the hold as it was after an entry of it.
pub(super) fn hold_after(entry: &Entry) -> Option<pb::Hold> {
    let facts = entry.hold.as_ref()?;
    Some(hold(entry.account.to_string(), facts, entry.hold_state()))
}
