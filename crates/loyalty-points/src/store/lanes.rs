//! Lanes: locked first, by every writer, in ascending order; moved on last.

use tenure_core::Lane;
use tenure_sql::tx::TxConnection;
use tenure_sql::{SqlError, Tx};

/// The numbers are read under the lock, so they are those of the last commit.
const LOCK_POSTGRES: &str = "
    SELECT lane, seq, epoch FROM lane
    WHERE lane = ANY($1)
    ORDER BY lane
    FOR NO KEY UPDATE";
/// A writing transaction is alone on SQLite.
const LOCK_SQLITE: &str = "
    SELECT lane, seq, epoch FROM lane
    WHERE lane IN (SELECT value FROM json_each($1))
    ORDER BY lane";

/// What the locks of lanes tell.
pub(super) struct Locked {
    /// The last numbers of the lanes.
    pub(super) heads: Vec<(Lane, i64)>,
    /// How often the rules have changed: the same in all lanes, because a change locks all of them.
    pub(super) epoch: i64,
}

/// Locks lanes until the end of the transaction.
pub(super) async fn lock(tx: &mut Tx, lanes: &[Lane]) -> Result<Locked, SqlError> {
    let rows: Vec<(Lane, i64, i64)> = match tx.connection() {
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
    if rows.len() == lanes.len() {
        let epoch = rows.iter().map(|(_, _, epoch)| *epoch).max().unwrap_or(0);
        let heads = rows.into_iter().map(|(lane, seq, _)| (lane, seq)).collect();
        Ok(Locked { heads, epoch })
    } else {
        Err(SqlError::corrupt("table lane does not hold all lanes"))
    }
}
