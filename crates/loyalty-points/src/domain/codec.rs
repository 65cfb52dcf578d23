//! The stored forms: lots and holds inside the account's row, and the body of a record's row.

use tenure_core::{AccountId, CustomerId, ProgrammeId, RequestId, Timestamp};

use super::account::{Account, Hold, Lot, Part};
use super::bytes::{Reader, Writer};
use super::command::{Method, Request};
use super::entry::{Allocation, Entry, EntryKind, HoldFacts, Opened, Record, RecordKey, Refused};
use super::entry_id::EntryId;

/// The first byte of each form.
const VERSION: u8 = 1;

/// A row that is not what we wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a stored {0} cannot be read")]
pub struct Damaged(pub &'static str);

/// Returns the stored form of what the account's row does not hold in columns: its lots, its holds,
/// its counters.
#[must_use]
pub fn encode_state(account: &Account) -> Vec<u8> {
    let mut to = Writer::with_version(VERSION);
    to.number(account.entries);
    to.number(account.last_seq);
    to.size(account.lots.len());
    for lot in &account.lots {
        to.id(lot.id);
        to.instant(lot.earned_at);
        to.instant(lot.expires_at);
        to.number(lot.original);
        to.number(lot.remaining);
        to.number(lot.held);
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
    let lots = from.size()?;
    account.lots = Vec::with_capacity(lots + 1);
    for _ in 0..lots {
        account.lots.push(Lot {
            id: from.id()?,
            earned_at: from.instant()?,
            expires_at: from.instant()?,
            original: from.number()?,
            remaining: from.number()?,
            held: from.number()?,
        });
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
        }
        Record::Entry(entry) => write_entry(&mut to, entry),
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
    for allocation in &entry.allocations {
        to.id(allocation.lot);
        to.number(allocation.points);
        to.instant(allocation.earned_at);
        to.instant(allocation.expires_at);
        to.number(allocation.original);
    }
    to.byte(u8::from(entry.hold.is_some()) | u8::from(entry.reverses.is_some()) << 1);
    if let Some(hold) = &entry.hold {
        to.id(hold.id);
        to.number(hold.points);
        to.number(hold.confirmed);
        to.instant(hold.created_at);
        to.instant(hold.expires_at);
        to.text(&hold.source);
    }
    if let Some(reversed) = entry.reverses {
        to.id(reversed);
    }
}

/// The kind of a record that opens an account.
pub(super) const OPENED: i16 = 0;
/// The kind of a record of a refused request.
pub const REFUSED: i16 = -1;

/// What a record's row holds in columns.
#[derive(Debug, Clone)]
pub struct Columns {
    /// The id, from lane, number and the instant of recording.
    pub id: EntryId,
    /// The account.
    pub account: AccountId,
    /// [`OPENED`], [`REFUSED`], else the kind of the entry.
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
        _ => Record::Entry(read_entry(columns, &mut from)?),
    };
    from.is_empty().then_some((record, key))
}

fn read_entry(columns: Columns, from: &mut Reader<'_>) -> Option<Entry> {
    let (number, held) = (from.number()?, from.number()?);
    let (balance, available) = (from.number()?, from.number()?);
    let (source, version) = (from.text()?.into(), from.text()?.into());
    let mut allocations = Vec::new();
    for _ in 0..from.size()? {
        allocations.push(Allocation {
            lot: from.id()?,
            points: from.number()?,
            earned_at: from.instant()?,
            expires_at: from.instant()?,
            original: from.number()?,
        });
    }
    let parts = from.byte()?;
    let hold = if parts & 1 == 1 {
        Some(read_facts(from)?)
    } else {
        None
    };
    let reverses = if parts & 2 == 2 {
        Some(from.id()?)
    } else {
        None
    };
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
        reverses,
        decided_at: columns.decided_at,
        recorded_at: columns.recorded_at,
        version,
        previous: columns.previous,
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
