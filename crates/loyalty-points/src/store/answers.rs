//! Requests that were answered before.

use std::sync::Arc;

use tenure_core::{Lane, RequestId};
use tenure_sql::tx::TxConnection;
use tenure_sql::{SqlError, Tx};

use super::row::{self, RecordRow};
use crate::domain::{Ledger, Record};

const ANSWERED_POSTGRES: &str = "
    SELECT e.lane, e.seq, e.previous_seq, e.account_id, e.kind, e.points, e.decided_at,
           e.recorded_at, e.request_id, e.body
    FROM UNNEST($1::INTEGER[], $2::BYTEA[]) AS wanted (lane, request_id)
    JOIN entry AS e ON e.lane = wanted.lane AND e.request_id = wanted.request_id
    WHERE e.request_id IS NOT NULL";
/// The ids stand in one BLOB, 16 bytes each; their lanes in JSON, in the same order.
const ANSWERED_SQLITE: &str = "
    SELECT e.lane, e.seq, e.previous_seq, e.account_id, e.kind, e.points, e.decided_at,
           e.recorded_at, e.request_id, e.body
    FROM json_each($1) AS wanted
    CROSS JOIN entry AS e
    WHERE e.lane = wanted.value AND e.request_id = SUBSTR($2, wanted.key * 16 + 1, 16)
        AND e.request_id IS NOT NULL";

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
        let (record, key) = row::record(row)?;
        let request = row::request(&record, key);
        let request =
            request.ok_or_else(|| SqlError::corrupt("an entry does not name its request"))?;
        let answer = match record {
            Record::Refused(refused) => Err(refused.refusal),
            done => Ok(Arc::new(done)),
        };
        ledger.load_answer(lane, request, answer);
    }
    Ok(())
}
