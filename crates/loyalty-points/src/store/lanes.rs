//! Lanes: locked first, by every writer, in ascending order; moved on last.

use tenure_core::Lane;
use tenure_sql::tx::TxConnection;
use tenure_sql::{SqlError, Tx};

/// The numbers are read under the lock, so they are those of the last commit.
const LOCK_POSTGRES: &str = "
    SELECT lane, seq FROM lane
    WHERE lane = ANY($1)
    ORDER BY lane
    FOR NO KEY UPDATE";
/// A writing transaction is alone on SQLite.
const LOCK_SQLITE: &str = "
    SELECT lane, seq FROM lane
    WHERE lane IN (SELECT value FROM json_each($1))
    ORDER BY lane";

/// Locks lanes until the end of the transaction and returns their last numbers.
pub(super) async fn lock(tx: &mut Tx, lanes: &[Lane]) -> Result<Vec<(Lane, i64)>, SqlError> {
    let heads: Vec<(Lane, i64)> = match tx.connection() {
        TxConnection::Postgres(conn) => {
            sqlx::query_as(LOCK_POSTGRES)
                .bind(lanes)
                .fetch_all(conn)
                .await?
        }
        TxConnection::Sqlite(conn) => {
            let lanes = serde_json::to_string(lanes).expect("numbers are always JSON");
            sqlx::query_as(LOCK_SQLITE)
                .bind(lanes)
                .fetch_all(conn)
                .await?
        }
    };
    if heads.len() == lanes.len() {
        Ok(heads)
    } else {
        Err(SqlError::corrupt("table lane does not hold all lanes"))
    }
}
