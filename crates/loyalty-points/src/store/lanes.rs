//! Lanes: locked first, by every writer, in ascending order; moved on last.

use std::collections::BTreeMap;

use tenure_core::Lane;
use tenure_sql::tx::TxConnection;
use tenure_sql::{SqlError, Tx};

use super::rows::{RowStatement, Script, Values};

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

static MOVE_ON_SQLITE: RowStatement = RowStatement::new(
    "UPDATE OR FAIL lane SET seq = new.column2 FROM {rows} AS new WHERE lane.lane = new.column1",
    2,
);
/// What is not as foreseen becomes NULL, which the column refuses.
static MOVE_ON_FROM_SQLITE: RowStatement = RowStatement::new(
    "UPDATE OR FAIL lane
    SET seq = CASE WHEN lane.seq = new.column3 AND lane.epoch = new.column4 THEN new.column2 END
    FROM {rows} AS new
    WHERE lane.lane = new.column1",
    4,
);

/// Adds the moving on of lanes that are locked.
pub(super) fn move_on(script: &mut Script, heads: &[(Lane, i64)]) {
    script.add(&MOVE_ON_SQLITE, heads, |values, (lane, seq)| {
        values.bind(*lane).bind(*seq);
    });
}

/// What stands behind a decision that was made before the lanes were locked.
#[derive(Debug)]
pub(super) struct Ground {
    /// The numbers that the lanes had.
    pub(super) heads: BTreeMap<Lane, i64>,
    /// How often the rules had changed.
    pub(super) epoch: i64,
}

impl Ground {
    /// Returns each lane with the number it had and the one it gets: the same where nothing is written.
    pub(super) fn moves(&self, to: &[(Lane, i64)]) -> Vec<(Lane, i64, i64)> {
        let to: BTreeMap<Lane, i64> = to.iter().copied().collect();
        let next = |lane, seq| to.get(lane).copied().unwrap_or(seq);
        let heads = self.heads.iter();
        heads
            .map(|(lane, seq)| (*lane, *seq, next(lane, *seq)))
            .collect()
    }
}

/// Adds the moving on of lanes of which it is not known whether they still are as `ground` says: if
/// not, the script fails as a check does.
pub(super) fn move_on_from(script: &mut Script, ground: &Ground, to: &[(Lane, i64)]) {
    let add = |values: &mut Values, (lane, from, to): &(Lane, i64, i64)| {
        values.bind(*lane).bind(*to).bind(*from).bind(ground.epoch);
    };
    script.add(&MOVE_ON_FROM_SQLITE, &ground.moves(to), add);
}
