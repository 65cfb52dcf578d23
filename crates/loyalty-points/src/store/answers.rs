//! Requests that were answered before: by an entry, or by a refusal.

use std::sync::Arc;

use tenure_core::{Lane, RequestId, Timestamp};
use tenure_sql::tx::TxConnection;
use tenure_sql::{SqlError, Tx};

use super::row::{self, RecordRow};
use crate::domain::{Answer, Ledger, Method, Refusal, Request, Writes};

const ANSWERED_POSTGRES: &str = "
    SELECT e.lane, e.seq, e.previous_seq, e.account_id, e.kind, e.points, e.decided_at,
           e.recorded_at, e.request_id, e.body
    FROM UNNEST($1::INTEGER[], $2::BYTEA[]) AS wanted (lane, request_id)
    JOIN entry AS e ON e.lane = wanted.lane AND e.request_id = wanted.request_id
    WHERE e.request_id IS NOT NULL
    UNION ALL
    -- A refusal: the refusal stands in the place of the account, the fingerprint in that of the body.
    SELECT r.lane, 0, 0, r.refusal, r.method, 0, 0, 0, r.request_id, r.fingerprint
    FROM UNNEST($1::INTEGER[], $2::BYTEA[]) AS wanted (lane, request_id)
    JOIN refusal AS r ON r.lane = wanted.lane AND r.request_id = wanted.request_id";
/// The ids stand in one BLOB, 16 bytes each; their lanes in JSON, in the same order.
const ANSWERED_SQLITE: &str = "
    SELECT e.lane, e.seq, e.previous_seq, e.account_id, e.kind, e.points, e.decided_at,
           e.recorded_at, e.request_id, e.body
    FROM json_each($1) AS wanted
    CROSS JOIN entry AS e
    WHERE e.lane = wanted.value AND e.request_id = SUBSTR($2, wanted.key * 16 + 1, 16)
        AND e.request_id IS NOT NULL
    UNION ALL
    -- A refusal: the refusal stands in the place of the account, the fingerprint in that of the body.
    SELECT r.lane, 0, 0, r.refusal, r.method, 0, 0, 0, r.request_id, r.fingerprint
    FROM json_each($1) AS wanted
    CROSS JOIN refusal AS r
    WHERE r.lane = wanted.value AND r.request_id = SUBSTR($2, wanted.key * 16 + 1, 16)";

/// Notes in `ledger` which of the requests were answered before, and how.
pub(super) async fn load(
    tx: &mut Tx,
    wanted: &[(Lane, RequestId)],
    ledger: &mut Ledger,
) -> Result<(), SqlError> {
    let rows: Vec<RecordRow> = match tx.connection() {
        TxConnection::Postgres(conn) => {
            let lanes: Vec<Lane> = wanted.iter().map(|(lane, _)| *lane).collect();
            let ids: Vec<&[u8]> = wanted
                .iter()
                .map(|(_, id)| id.0.as_bytes().as_slice())
                .collect();
            sqlx::query_as(ANSWERED_POSTGRES)
                .bind(lanes)
                .bind(ids)
                .fetch_all(conn)
                .await?
        }
        TxConnection::Sqlite(conn) => {
            let lanes: Vec<Lane> = wanted.iter().map(|(lane, _)| *lane).collect();
            let lanes = serde_json::to_string(&lanes).expect("numbers are always JSON");
            let ids: Vec<u8> = wanted.iter().flat_map(|(_, id)| *id.0.as_bytes()).collect();
            sqlx::query_as(ANSWERED_SQLITE)
                .bind(lanes)
                .bind(ids)
                .fetch_all(conn)
                .await?
        }
    };
    for row in rows {
        let lane = row.0;
        let (request, answer) = if row.1 == 0 {
            refused(row)?
        } else {
            recorded(row)?
        };
        ledger.load_answer(lane, request, answer);
    }
    Ok(())
}

fn recorded(row: RecordRow) -> Result<(Request, Answer), SqlError> {
    let (record, key) = row::record(row)?;
    let request = row::request(&record, key);
    let request = request.ok_or_else(|| SqlError::corrupt("an entry does not name its request"))?;
    Ok((request, Ok(Arc::new(record))))
}

fn refused(row: RecordRow) -> Result<(Request, Answer), SqlError> {
    let (_, _, _, refusal, method, _, _, _, id, fingerprint) = row;
    let method = u8::try_from(method).ok().and_then(Method::from_number);
    let method = method.ok_or_else(|| SqlError::corrupt("a stored method is none"))?;
    let id = row::request_id(&id.unwrap_or_default())?;
    let refusal: Refusal = serde_json::from_str(&refusal)
        .map_err(|_| SqlError::corrupt("a stored refusal cannot be read"))?;
    Ok((
        Request {
            id,
            method,
            fingerprint: fingerprint.into(),
        },
        Err(refusal),
    ))
}

const REFUSE_POSTGRES: &str = "
    INSERT INTO refusal (lane, request_id, method, fingerprint, refusal, recorded_at)
    SELECT new.*, $6
    FROM UNNEST($1::INTEGER[], $2::BYTEA[], $3::INTEGER[], $4::BYTEA[], $5::TEXT[]) AS new";
const REFUSE_SQLITE: &str = "
    INSERT INTO refusal (lane, request_id, method, fingerprint, refusal, recorded_at)
    SELECT value ->> 0, UNHEX(value ->> 1), value ->> 2, UNHEX(value ->> 3), value ->> 4, $2
    FROM json_each($1)";

/// Writes refusals down.
pub(super) async fn write_refusals(
    tx: &mut Tx,
    writes: &Writes,
    now: Timestamp,
) -> Result<(), SqlError> {
    if writes.refusals.is_empty() {
        return Ok(());
    }
    let lanes: Vec<Lane> = writes.refusals.iter().map(|(lane, ..)| *lane).collect();
    let requests: Vec<&Request> = writes
        .refusals
        .iter()
        .map(|(_, request, _)| &**request)
        .collect();
    let methods: Vec<i32> = requests
        .iter()
        .map(|r| i32::from(r.method.number()))
        .collect();
    let texts: Vec<String> = writes
        .refusals
        .iter()
        .map(|(.., refusal)| serde_json::to_string(refusal).expect("text and numbers are JSON"))
        .collect();
    match tx.connection() {
        TxConnection::Postgres(conn) => {
            let ids: Vec<&[u8]> = requests
                .iter()
                .map(|r| r.id.0.as_bytes().as_slice())
                .collect();
            let prints: Vec<&[u8]> = requests.iter().map(|r| &*r.fingerprint).collect();
            let insert = sqlx::query(REFUSE_POSTGRES)
                .bind(lanes)
                .bind(ids)
                .bind(methods);
            insert
                .bind(prints)
                .bind(texts)
                .bind(now.as_micros())
                .execute(conn)
                .await?;
        }
        TxConnection::Sqlite(conn) => {
            let rows: Vec<_> = (0..lanes.len())
                .map(|i| {
                    let request = requests[i];
                    let (id, print) = (hex(request.id.0.as_bytes()), hex(&request.fingerprint));
                    (lanes[i], id, methods[i], print, &texts[i])
                })
                .collect();
            let rows = serde_json::to_string(&rows).expect("numbers and text are always JSON");
            sqlx::query(REFUSE_SQLITE)
                .bind(rows)
                .bind(now.as_micros())
                .execute(conn)
                .await?;
        }
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}
