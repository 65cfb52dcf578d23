//! Rows as they come from the database, and what they mean.

use tenure_core::{AccountId, CustomerId, Lane, ProgrammeId, RequestId, Timestamp};
use tenure_sql::SqlError;
use uuid::Uuid;

use crate::domain::{
    Account, Columns, Damaged, EntryId, RawRecord, Record, RecordKey, Request, decode_record,
    decode_state,
};

/// lane, account_id, customer_id, programme_id, created_at, updated_at, state.
pub(super) type AccountRow = (Lane, String, String, String, i64, i64, Vec<u8>);

/// lane, seq, previous_seq, account_id, kind, points, decided_at, recorded_at, request_id, body.
pub(super) type RecordRow = (
    Lane,
    i64,
    i64,
    String,
    i32,
    i64,
    i64,
    i64,
    Option<Vec<u8>>,
    Vec<u8>,
);

fn damaged(error: Damaged) -> SqlError {
    SqlError::corrupt(error.to_string())
}

fn key<T>(parsed: Result<T, tenure_core::violation::Mismatch>) -> Result<T, SqlError> {
    parsed.map_err(|_| SqlError::corrupt("a stored key is none"))
}

pub(super) fn account(row: AccountRow) -> Result<Account, SqlError> {
    let (lane, id, customer, programme, created_at, updated_at, state) = row;
    let mut account = Account::new(
        lane,
        key(AccountId::parse(&id))?,
        key(CustomerId::parse(&customer))?,
        key(ProgrammeId::parse(&programme))?,
    );
    account.created_at = Timestamp::from_micros(created_at);
    account.updated_at = Timestamp::from_micros(updated_at);
    decode_state(&mut account, &state).map_err(damaged)?;
    Ok(account)
}

/// Reads rows of accounts from JSON, where bytes stand in hexadecimal digits.
pub(super) fn accounts_from_json(rows: &str) -> Result<Vec<AccountRow>, SqlError> {
    type Row<'j> = (Lane, String, String, String, i64, i64, &'j str);
    let corrupt = || SqlError::corrupt("accounts cannot be read");
    let rows: Vec<Row<'_>> = serde_json::from_str(rows).map_err(|_| corrupt())?;
    rows.into_iter()
        .map(
            |(lane, id, customer, programme, created_at, updated_at, state)| {
                let state = bytes(state).ok_or_else(corrupt)?;
                Ok((lane, id, customer, programme, created_at, updated_at, state))
            },
        )
        .collect()
}

/// Reads hexadecimal digits.
fn bytes(digits: &str) -> Option<Vec<u8>> {
    let value = |digit: u8| char::from(digit).to_digit(16);
    digits
        .as_bytes()
        .chunks(2)
        .map(|pair| match *pair {
            [high, low] => u8::try_from(value(high)? << 4 | value(low)?).ok(),
            _ => None,
        })
        .collect()
}

pub(super) fn record(row: RecordRow) -> Result<(Record, Option<RecordKey>), SqlError> {
    let (lane, seq, previous, account, kind, points, decided_at, recorded_at, request, body) = row;
    let recorded_at = Timestamp::from_micros(recorded_at);
    let columns = Columns {
        id: EntryId::new(recorded_at, lane, seq),
        account: key(AccountId::parse(&account))?,
        kind: i16::try_from(kind).map_err(|_| SqlError::corrupt("a stored kind is none"))?,
        points,
        decided_at: Timestamp::from_micros(decided_at),
        recorded_at,
        request: request.map(|id| request_id(&id)).transpose()?,
        previous,
    };
    decode_record(columns, &body).map_err(damaged)
}

/// Returns the columns of a record; nothing when one of them is not what we wrote.
pub(super) fn columns(raw: &RawRecord) -> Option<Columns> {
    let recorded_at = Timestamp::from_micros(raw.recorded_at);
    Some(Columns {
        id: EntryId::new(recorded_at, raw.lane, raw.seq),
        account: AccountId::parse(&raw.account_id).ok()?,
        kind: i16::try_from(raw.kind).ok()?,
        points: raw.points,
        decided_at: Timestamp::from_micros(raw.decided_at),
        recorded_at,
        request: match &raw.request_id {
            Some(id) => Some(request_id(id).ok()?),
            None => None,
        },
        previous: raw.previous_seq,
    })
}

pub(super) fn request_id(bytes: &[u8]) -> Result<RequestId, SqlError> {
    let id = Uuid::from_slice(bytes);
    id.map(RequestId)
        .map_err(|_| SqlError::corrupt("a stored request id is none"))
}

/// Returns the request that a record answered.
pub(super) fn request(record: &Record, key: Option<RecordKey>) -> Option<Request> {
    let id = match record {
        Record::Opened(opened) => opened.request,
        Record::Entry(entry) => entry.request,
        Record::Refused(refused) => Some(refused.request),
        Record::Notice(_) | Record::Stock(_) => None,
    };
    let RecordKey {
        method,
        fingerprint,
    } = key?;
    Some(Request {
        id: id?,
        method,
        fingerprint,
    })
}
