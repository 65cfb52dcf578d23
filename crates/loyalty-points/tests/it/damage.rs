//! Damage done to a database behind the service's back.

use sqlx::AssertSqlSafe;
use tenure_core::{AccountId, CustomerId, ProgrammeId, RequestId, Timestamp};
use tenure_sql::{Db, with_tx};

use crate::domain::{
    Account, Columns, Entry, EntryId, Record, RecordKey, Request, decode_record, decode_state,
    encode_record, encode_state,
};

/// Does what a statement says.
pub(crate) async fn sql(db: &Db, statement: &str) -> u64 {
    let mut tx = db.begin().await.unwrap();
    let statement = AssertSqlSafe(statement.to_owned());
    let rows = with_tx!(tx, |conn| {
        let done = sqlx::query(statement).execute(conn).await.unwrap();
        done.rows_affected()
    });
    tx.commit().await.unwrap();
    rows
}

type Row = (String, i32, i64, i64, i64, Option<Vec<u8>>, i64, Vec<u8>);

fn columns(id: EntryId, row: &Row) -> Columns {
    let (account, kind, points, decided, recorded, request, previous, _) = row;
    Columns {
        id: EntryId::new(Timestamp::from_micros(*recorded), id.lane(), id.seq()),
        account: AccountId::parse(account).unwrap(),
        kind: i16::try_from(*kind).unwrap(),
        points: *points,
        decided_at: Timestamp::from_micros(*decided),
        recorded_at: Timestamp::from_micros(*recorded),
        request: request
            .as_ref()
            .map(|id| RequestId(uuid::Uuid::from_slice(id).unwrap())),
        previous: *previous,
    }
}

/// Writes another entry in the place of one.
pub(crate) async fn change_entry(db: &Db, id: &str, change: impl FnOnce(&mut Entry)) {
    const READ: &str = "
        SELECT account_id, kind, points, decided_at, recorded_at, request_id, previous_seq, body
        FROM entry WHERE lane = $1 AND seq = $2";
    const WRITE: &str = "
        UPDATE entry SET account_id = $3, kind = $4, points = $5, decided_at = $6,
            recorded_at = $7, previous_seq = $8, body = $9
        WHERE lane = $1 AND seq = $2";
    let id = EntryId::parse(id).unwrap();
    let mut tx = db.begin().await.unwrap();
    let row: Row = with_tx!(tx, |conn| {
        let read = sqlx::query_as(READ).bind(id.lane()).bind(id.seq());
        read.fetch_one(conn).await.unwrap()
    });
    let (record, key) = decode_record(columns(id, &row), &row.7).unwrap();
    let Record::Entry(mut entry) = record else {
        panic!("it is no entry");
    };
    change(&mut entry);
    let request = key.zip(entry.request).map(|(key, id)| {
        let RecordKey {
            method,
            fingerprint,
        } = key;
        Request {
            id,
            method,
            fingerprint,
        }
    });
    let (account, kind, points) = (entry.account.to_string(), entry.kind, entry.points);
    let (decided, recorded) = (entry.decided_at.as_micros(), entry.recorded_at.as_micros());
    let previous = entry.previous;
    let body = encode_record(&Record::Entry(entry), request.as_ref());
    with_tx!(tx, |conn| {
        let write = sqlx::query(WRITE).bind(id.lane()).bind(id.seq());
        let write = write.bind(account).bind(i32::from(kind.number()));
        let write = write.bind(points).bind(decided).bind(recorded);
        let write = write.bind(previous).bind(body);
        assert_eq!(write.execute(conn).await.unwrap().rows_affected(), 1);
    });
    tx.commit().await.unwrap();
}

/// Writes another state into the row of an account.
pub(crate) async fn change_account(db: &Db, id: &str, change: impl FnOnce(&mut Account)) {
    const READ: &str = "
        SELECT customer_id, programme_id, state FROM account WHERE lane = $1 AND account_id = $2";
    const WRITE: &str = "UPDATE account SET state = $3 WHERE lane = $1 AND account_id = $2";
    let lane = db.lanes().of(id);
    let mut tx = db.begin().await.unwrap();
    let (customer, programme, state): (String, String, Vec<u8>) = with_tx!(tx, |conn| {
        let read = sqlx::query_as(READ).bind(lane).bind(id);
        read.fetch_one(conn).await.unwrap()
    });
    let mut account = Account::new(
        lane,
        AccountId::parse(id).unwrap(),
        CustomerId::parse(&customer).unwrap(),
        ProgrammeId::parse(&programme).unwrap(),
    );
    decode_state(&mut account, &state).unwrap();
    change(&mut account);
    let state = encode_state(&account);
    with_tx!(tx, |conn| {
        let write = sqlx::query(WRITE).bind(lane).bind(id).bind(state);
        assert_eq!(write.execute(conn).await.unwrap().rows_affected(), 1);
    });
    tx.commit().await.unwrap();
}

/// Lane and number of an entry.
pub(crate) fn place(id: &str) -> (i32, i64) {
    let id = EntryId::parse(id).unwrap();
    (id.lane(), id.seq())
}
