//! Words of the domain on the wire.

use tenure_core::Timestamp;
use tenure_proto::loyalty::v1 as pb;
use tenure_rpc::fields::time;

use crate::domain::{
    Account, Allocation, Block, Blocked, Catalogue, Entry, EntryKind, HoldFacts, HoldState,
    Journal, Lot, Notice, NoticeFact, Opened, PartnerNote, Recipient, settle,
};

/// Returns `account` as it is at `now`, whether or not somebody booked what fell due.
pub(super) fn at(mut account: Account, now: Timestamp, catalogue: &Catalogue) -> Account {
    let Some(rules) = catalogue.of_account(Some(&account.programme), now) else {
        return account;
    };
    let programme = &rules.programme;
    let (updated_at, entries, seq) = (account.updated_at, account.entries, account.last_seq);
    let mut journal = Journal::new(account.lane, seq, now, programme);
    settle(&mut account, now, &mut journal);
    // What is not booked has not changed the account.
    (account.updated_at, account.entries, account.last_seq) = (updated_at, entries, seq);
    account
}

/// Returns an account that was settled for the instant of the answer.
pub(super) fn account(account: &Account) -> pb::Account {
    let next = account.next_expiry();
    let standing = account.standing.as_deref();
    let pool = standing.and_then(|it| it.pool.as_deref());
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
        pending_points: account.pending(),
        next_activate_time: account.next_activation().map(time),
        debt_points: account.debt,
        state: state(account.is_closed()).into(),
        blocks: standing
            .iter()
            .flat_map(|it| &it.blocks)
            .map(blocked)
            .collect(),
        recipients: standing
            .iter()
            .flat_map(|it| &it.recipients)
            .map(recipient)
            .collect(),
        join_time: Some(time(account.joined_at())),
        sequence_number: account.entries,
        pool_members: pool
            .iter()
            .flat_map(|it| &it.members)
            .map(|member| pb::PoolMember {
                account_id: member.account.to_string(),
                spent_points: member.spent.at(account.updated_at),
            })
            .collect(),
        pool_account_id: pool
            .and_then(|it| it.member_of.as_ref())
            .map_or(String::new(), ToString::to_string),
    }
}

fn state(is_closed: bool) -> pb::AccountState {
    if is_closed {
        pb::AccountState::Closed
    } else {
        pb::AccountState::Active
    }
}

fn blocked(set: &Blocked) -> pb::AccountBlock {
    pb::AccountBlock {
        kind: block(set.block),
        reason: set.reason.to_string(),
    }
}

/// Kinds of blocks have the same numbers here and there.
fn block(block: Block) -> i32 {
    i32::from(block.number())
}

fn recipient(known: &Recipient) -> pb::TransferRecipient {
    pb::TransferRecipient {
        account_id: known.account.to_string(),
        effective_time: Some(time(known.effective_at)),
    }
}

pub(super) fn opened(opened: &Opened) -> pb::Account {
    pb::Account {
        account_id: opened.account.to_string(),
        customer_id: opened.customer.to_string(),
        programme_id: opened.programme.to_string(),
        create_time: Some(time(opened.at)),
        update_time: Some(time(opened.at)),
        state: pb::AccountState::Active.into(),
        join_time: Some(time(opened.joined_at.unwrap_or(opened.at))),
        ..pb::Account::default()
    }
}

pub(super) fn until(expires_at: Timestamp) -> Option<prost_types::Timestamp> {
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
        entry_id: lot.id.of_entry().to_string(),
        state: match lot.active_from {
            Some(_) => pb::LotState::Pending.into(),
            None => pb::LotState::Available.into(),
        },
        activate_time: lot.active_from.and_then(until),
        points_type: lot.origin.points_type.to_string(),
        partner_id: lot.origin.partner.to_string(),
        programme_version: lot.origin.version.to_string(),
    }
}

pub(super) fn entry(entry: &Entry) -> pb::Entry {
    let id = |id: Option<String>| id.unwrap_or_default();
    let reversal = entry.reversal.as_deref();
    let (peer, note) = (entry.peer.as_deref(), entry.note.as_deref());
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
        reversed_entry_id: id(reversal.map(|reversal| reversal.entry.to_string())),
        entry_time: Some(time(entry.decided_at)),
        programme_version: entry.version.to_string(),
        pending_points_delta: entry.pending,
        debt_points_delta: entry.debt,
        reversed_points: reversal.map_or(0, |reversal| reversal.points),
        shortfall_points: reversal.map_or(0, |reversal| reversal.shortfall),
        peer_account_id: id(peer.map(|peer| peer.account.to_string())),
        peer_entry_id: id(peer
            .and_then(|peer| peer.entry)
            .map(|entry| entry.to_string())),
        author: id(note.map(|note| note.author.to_string())),
        approver: id(note.map(|note| note.approver.to_string())),
        block: note.and_then(|note| note.block).map_or(0, block),
        partner: entry.partner.as_deref().map(partner),
        reward_order_id: id(entry.reward.as_ref().map(|order| order.id.to_string())),
    }
}

fn partner(note: &PartnerNote) -> pb::EntryPartner {
    pb::EntryPartner {
        partner_id: note.partner.to_string(),
        terms_number: note.terms,
        funding_basis_points: basis_points(note.share),
        low_block_points: note.low,
    }
}

/// Returns a part in hundredths of a per cent; none is more than the whole.
pub(super) fn basis_points(part: u32) -> i32 {
    i32::try_from(part).unwrap_or(i32::MAX)
}

fn allocation(allocation: &Allocation) -> pb::Allocation {
    pb::Allocation {
        lot_id: allocation.lot.to_string(),
        points_delta: allocation.points,
        expire_time: until(allocation.expires_at),
        points_type: allocation.origin.points_type.to_string(),
        partner_id: allocation.origin.partner.to_string(),
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
        EntryKind::Activate => pb::EntryKind::Activate,
        EntryKind::RepayDebt => pb::EntryKind::RepayDebt,
        EntryKind::Adjust => pb::EntryKind::Adjust,
        EntryKind::Reinstate => pb::EntryKind::Reinstate,
        EntryKind::Block => pb::EntryKind::Block,
        EntryKind::Unblock => pb::EntryKind::Unblock,
        EntryKind::Close => pb::EntryKind::Close,
        EntryKind::Recipient => pb::EntryKind::Recipient,
        EntryKind::TransferOut => pb::EntryKind::TransferOut,
        EntryKind::TransferIn => pb::EntryKind::TransferIn,
        EntryKind::Void => pb::EntryKind::Void,
        EntryKind::Fulfil => pb::EntryKind::Fulfil,
        EntryKind::PoolMember => pb::EntryKind::PoolMember,
        EntryKind::PoolJoin => pb::EntryKind::PoolJoin,
        EntryKind::PoolRemove => pb::EntryKind::PoolRemove,
        EntryKind::PoolLeave => pb::EntryKind::PoolLeave,
        EntryKind::PoolOut => pb::EntryKind::PoolOut,
        EntryKind::PoolIn => pb::EntryKind::PoolIn,
    }
}

/// Returns what is told as a change of the feed.
pub(super) fn notice(notice: &Notice) -> pb::change::Fact {
    match &notice.fact {
        NoticeFact::Expiring {
            points,
            expires_at,
            days,
        } => pb::change::Fact::ExpiryNotice(pb::ExpiryNotice {
            points: *points,
            expire_time: Some(time(Timestamp::from_micros(*expires_at))),
            notice_days: i32::from(*days),
        }),
        NoticeFact::Tier {
            number,
            previous,
            tier,
            qualifying,
            paid,
            version,
        } => pb::change::Fact::TierChange(pb::TierChange {
            number: *number,
            previous_tier_id: previous.clone(),
            tier_id: tier.clone(),
            change_time: Some(time(notice.at)),
            qualifying_points: *qualifying,
            paid_amount_minor: *paid,
            version_number: *version,
        }),
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
