//! The stored form of a record beside the columns of its row.

use std::sync::Arc;

use tenure_core::{AccountId, CustomerId, ProgrammeId, RequestId, Timestamp};

use super::{
    Damaged, Last, VERSION, flag, follows, origin_flag, read_origin, reward, stock, when,
    write_origin,
};
use crate::domain::bytes::{Reader, Writer};
use crate::domain::command::{Method, Request};
use crate::domain::entry::{
    Allocation, Entry, EntryKind, HoldFacts, Note, Opened, Peer, Record, RecordKey, Refused,
    Reversal,
};
use crate::domain::entry_id::EntryId;
use crate::domain::notice::Notice;
use crate::domain::partner::PartnerNote;
use crate::domain::policy::Block;
use crate::domain::stock::StockKind;

/// What follows in the body of an entry.
mod with {
    pub(super) const HOLD: u8 = 1;
    pub(super) const REVERSES: u8 = 2;
    pub(super) const PENDING: u8 = 4;
    pub(super) const DEBT: u8 = 8;
    pub(super) const PEER: u8 = 16;
    pub(super) const NOTE: u8 = 32;
    pub(super) const PARTNER: u8 = 128;
    /// A second byte of flags.
    pub(super) const MORE: u8 = 64;
}

/// What follows, by the second byte of flags.
mod more {
    pub(super) const STOCK: u8 = 1;
    pub(super) const REWARD: u8 = 2;
}

/// Returns the stored form of what a record's row does not hold in columns.
#[must_use]
pub fn encode_record(record: &Record, request: Option<&Request>) -> Vec<u8> {
    let mut to = Writer::with_version(VERSION);
    match request {
        Some(request) => {
            to.byte(request.method.number());
            to.bytes(&request.fingerprint);
        }
        None => to.byte(0),
    }
    match record {
        Record::Opened(opened) => {
            to.text(opened.customer.as_str());
            to.text(opened.programme.as_str());
            to.byte(u8::from(opened.joined_at.is_some()));
            if let Some(at) = opened.joined_at {
                to.instant(at);
            }
        }
        Record::Entry(entry) => write_entry(&mut to, entry),
        Record::Notice(notice) => {
            to.text(&serde_json::to_string(&notice.fact).expect("text and numbers are JSON"));
        }
        Record::Stock(moved) => stock::write(&mut to, moved),
        Record::Refused(refused) => to.text(
            &serde_json::to_string(&refused.refusal).expect("text and numbers are always JSON"),
        ),
    }
    to.finish()
}

fn write_entry(to: &mut Writer, entry: &Entry) {
    to.number(entry.number);
    to.number(entry.held);
    to.number(entry.balance);
    to.number(entry.available);
    to.text(&entry.source);
    to.text(&entry.version);
    to.size(entry.allocations.len());
    let mut last = Last::new(&entry.version);
    for allocation in &entry.allocations {
        write_allocation(to, allocation, &mut last);
    }
    let flags = flag(with::HOLD, entry.hold.is_some())
        | flag(with::REVERSES, entry.reversal.is_some())
        | flag(with::PENDING, entry.pending != 0)
        | flag(with::DEBT, entry.debt != 0)
        | flag(with::PEER, entry.peer.is_some())
        | flag(with::NOTE, entry.note.is_some())
        | flag(with::PARTNER, entry.partner.is_some());
    let further =
        flag(more::STOCK, entry.stock.is_some()) | flag(more::REWARD, entry.reward.is_some());
    to.byte(flags | flag(with::MORE, further != 0));
    if let Some(hold) = &entry.hold {
        to.id(hold.id);
        to.number(hold.points);
        to.number(hold.confirmed);
        to.instant(hold.created_at);
        to.instant(hold.expires_at);
        to.text(&hold.source);
    }
    if let Some(reversal) = &entry.reversal {
        to.id(reversal.entry);
        to.number(reversal.points);
        to.number(reversal.before);
        to.number(reversal.shortfall);
    }
    if flags & with::PENDING != 0 {
        to.number(entry.pending);
    }
    if flags & with::DEBT != 0 {
        to.number(entry.debt);
    }
    if let Some(peer) = &entry.peer {
        to.text(peer.account.as_str());
        to.byte(u8::from(peer.entry.is_some()));
        if let Some(entry) = peer.entry {
            to.id(entry);
        }
    }
    if let Some(note) = &entry.note {
        to.text(&note.author);
        to.text(&note.approver);
        to.byte(note.block.map_or(0, Block::number));
    }
    if let Some(partner) = &entry.partner {
        to.text(&partner.partner);
        to.text(&partner.points_type);
        to.number(partner.terms);
        to.number(i64::from(partner.share));
        to.byte(u8::from(partner.low.is_some()));
        if let Some(low) = partner.low {
            to.number(low);
        }
    }
    if further != 0 {
        to.byte(further);
        write_further(to, entry);
    }
}

/// Writes what the second byte of flags announces.
fn write_further(to: &mut Writer, entry: &Entry) {
    if let Some(part) = &entry.stock {
        stock::write_part(to, part);
    }
    if let Some(order) = &entry.reward {
        reward::write(to, order);
    }
}

fn write_allocation(to: &mut Writer, allocation: &Allocation, last: &mut Last<'_>) {
    let flags = origin_flag(&allocation.origin, last)
        | flag(follows::ACTIVATION, allocation.active_from.is_some());
    to.byte(flags);
    to.id(allocation.lot);
    to.number(allocation.points);
    to.instant(allocation.earned_at);
    to.instant(allocation.expires_at);
    to.number(allocation.original);
    write_origin(to, &allocation.origin, flags);
    if let Some(at) = allocation.active_from {
        to.instant(at);
    }
}

fn read_allocation(from: &mut Reader<'_>, last: &mut Last<'_>) -> Option<Allocation> {
    let flags = from.byte()?;
    Some(Allocation {
        lot: from.id()?,
        points: from.number()?,
        earned_at: from.instant()?,
        expires_at: from.instant()?,
        original: from.number()?,
        origin: read_origin(from, flags, last)?,
        active_from: when(flags & follows::ACTIVATION != 0, || from.instant())?,
    })
}

/// The kind of a record that opens an account.
pub(super) const OPENED: i16 = 0;
/// The kind of a record of a refused request.
pub const REFUSED: i16 = -1;
/// The kind of a record that only tells something.
const NOTICE: i16 = -2;

/// What a record's row holds in columns.
#[derive(Debug, Clone)]
pub struct Columns {
    /// The id, from lane, number and the instant of recording.
    pub id: EntryId,
    /// The account; the stock, for movements of one, whose key has the same form.
    pub account: AccountId,
    /// 0 for an opening, [`REFUSED`] for a refused request, -2 for a notice, else the kind of the entry
    /// or of the movement of a stock.
    pub kind: i16,
    /// The change of all points.
    pub points: i64,
    /// The instant it was decided for.
    pub decided_at: Timestamp,
    /// When it was written down.
    pub recorded_at: Timestamp,
    /// The request.
    pub request: Option<RequestId>,
    /// The number in the lane of the account's record before.
    pub previous: i64,
}

impl Columns {
    /// Returns the columns of a record.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        let still = |id, account: &AccountId, kind, at, request| Self {
            id,
            account: account.clone(),
            kind,
            points: 0,
            decided_at: at,
            recorded_at: at,
            request,
            previous: 0,
        };
        match record {
            Record::Opened(it) => still(it.id, &it.account, OPENED, it.at, it.request),
            Record::Refused(it) => still(it.id, &it.account, REFUSED, it.at, Some(it.request)),
            Record::Notice(it) => still(it.id, &it.account, NOTICE, it.at, None),
            Record::Entry(entry) => Self {
                id: entry.id,
                account: entry.account.clone(),
                kind: entry.kind.number(),
                points: entry.points,
                decided_at: entry.decided_at,
                recorded_at: entry.recorded_at,
                request: entry.request,
                previous: entry.previous,
            },
            Record::Stock(moved) => Self {
                id: moved.id,
                account: AccountId::parse(moved.stock.as_str())
                    .expect("keys of accounts and stocks have one form"),
                kind: moved.moved.kind.number(),
                points: 0,
                decided_at: moved.decided_at,
                recorded_at: moved.recorded_at,
                request: None,
                previous: moved.previous,
            },
        }
    }
}

/// Reads a record from its row.
///
/// # Errors
/// When the body is not one.
pub fn decode_record(
    columns: Columns,
    body: &[u8],
) -> Result<(Record, Option<RecordKey>), Damaged> {
    read_record(columns, body).ok_or(Damaged("entry"))
}

fn read_record(columns: Columns, body: &[u8]) -> Option<(Record, Option<RecordKey>)> {
    let mut from = Reader::with_version(body, VERSION)?;
    let key = match from.byte()? {
        0 => None,
        number => {
            let method = Method::from_number(number)?;
            Some(RecordKey {
                method,
                fingerprint: from.bytes()?.into(),
            })
        }
    };
    let record = match columns.kind {
        OPENED => Record::Opened(Opened {
            id: columns.id,
            account: columns.account,
            customer: CustomerId::parse(from.text()?).ok()?,
            programme: ProgrammeId::parse(from.text()?).ok()?,
            joined_at: {
                let is_told = from.byte()? != 0;
                when(is_told, || from.instant())?
            },
            at: columns.decided_at,
            request: columns.request,
        }),
        REFUSED => Record::Refused(Refused {
            id: columns.id,
            account: columns.account,
            at: columns.decided_at,
            request: columns.request?,
            refusal: serde_json::from_str(from.text()?).ok()?,
        }),
        NOTICE => Record::Notice(Notice {
            id: columns.id,
            account: columns.account,
            at: columns.decided_at,
            fact: serde_json::from_str(from.text()?).ok()?,
        }),
        kind => match StockKind::from_number(kind) {
            Some(kind) => Record::Stock(stock::read(kind, &columns, &mut from)?),
            None => Record::Entry(read_entry(columns, &mut from)?),
        },
    };
    from.is_empty().then_some((record, key))
}

fn read_entry(columns: Columns, from: &mut Reader<'_>) -> Option<Entry> {
    let (number, held) = (from.number()?, from.number()?);
    let (balance, available) = (from.number()?, from.number()?);
    let source = from.text()?.into();
    let version: Arc<str> = from.text()?.into();
    let mut allocations = Vec::new();
    let mut last = Last::new(&version);
    for _ in 0..from.size()? {
        allocations.push(read_allocation(from, &mut last)?);
    }
    let flags = from.byte()?;
    let hold = when(flags & with::HOLD != 0, || read_facts(from))?;
    let reversal = when(flags & with::REVERSES != 0, || read_reversal(from))?;
    let pending = when(flags & with::PENDING != 0, || from.number())?;
    let debt = when(flags & with::DEBT != 0, || from.number())?;
    let peer = when(flags & with::PEER != 0, || read_peer(from))?;
    let note = when(flags & with::NOTE != 0, || read_note(from))?;
    let partner = when(flags & with::PARTNER != 0, || read_partner(from))?;
    let further = when(flags & with::MORE != 0, || from.byte())?.unwrap_or(0);
    let stock = when(further & more::STOCK != 0, || stock::read_part(from))?;
    let reward = when(further & more::REWARD != 0, || reward::read(from))?;
    Some(Entry {
        id: columns.id,
        account: columns.account,
        number,
        kind: EntryKind::from_number(columns.kind)?,
        points: columns.points,
        held,
        balance,
        available,
        allocations,
        request: columns.request,
        source,
        hold,
        reversal: reversal.map(Box::new),
        pending: pending.unwrap_or(0),
        debt: debt.unwrap_or(0),
        peer: peer.map(Box::new),
        note: note.map(Box::new),
        partner: partner.map(Box::new),
        stock: stock.map(Box::new),
        reward: reward.map(Box::new),
        decided_at: columns.decided_at,
        recorded_at: columns.recorded_at,
        version,
        previous: columns.previous,
    })
}

fn read_peer(from: &mut Reader<'_>) -> Option<Peer> {
    let account = AccountId::parse(from.text()?).ok()?;
    let is_named = from.byte()? != 0;
    Some(Peer {
        account,
        entry: when(is_named, || from.id())?,
    })
}

fn read_partner(from: &mut Reader<'_>) -> Option<PartnerNote> {
    Some(PartnerNote {
        partner: from.text()?.into(),
        points_type: from.text()?.into(),
        terms: from.number()?,
        share: u32::try_from(from.number()?).ok()?,
        low: {
            let is_told = from.byte()? != 0;
            when(is_told, || from.number())?
        },
    })
}

fn read_reversal(from: &mut Reader<'_>) -> Option<Reversal> {
    Some(Reversal {
        entry: from.id()?,
        points: from.number()?,
        before: from.number()?,
        shortfall: from.number()?,
    })
}

fn read_note(from: &mut Reader<'_>) -> Option<Note> {
    Some(Note {
        author: from.text()?.into(),
        approver: from.text()?.into(),
        block: match from.byte()? {
            0 => None,
            number => Some(Block::from_number(number)?),
        },
    })
}

fn read_facts(from: &mut Reader<'_>) -> Option<HoldFacts> {
    Some(HoldFacts {
        id: from.id()?,
        points: from.number()?,
        confirmed: from.number()?,
        created_at: from.instant()?,
        expires_at: from.instant()?,
        source: from.text()?.into(),
    })
}
