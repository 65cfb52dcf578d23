//! Totals, moved on with every commit.

use tenure_core::Lane;
use tenure_sql::tx::TxConnection;
use tenure_sql::{SqlError, Tx};

use crate::domain::Total;

const ADD_POSTGRES: &str = "
    INSERT INTO total (lane, programme_id, day, kind, points, first_seq, last_seq)
    SELECT * FROM UNNEST($1::INTEGER[], $2::TEXT[], $3::BIGINT[], $4::INTEGER[], $5::BIGINT[],
                         $6::BIGINT[], $7::BIGINT[])
    ON CONFLICT (lane, programme_id, day, kind) DO UPDATE
    SET points = total.points + EXCLUDED.points,
        first_seq = LEAST(total.first_seq, EXCLUDED.first_seq),
        last_seq = GREATEST(total.last_seq, EXCLUDED.last_seq)";
/// WHERE TRUE, because SQLite would read ON as the condition of a join.
const ADD_SQLITE: &str = "
    INSERT INTO total (lane, programme_id, day, kind, points, first_seq, last_seq)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
           value ->> 6
    FROM json_each($1)
    WHERE TRUE
    ON CONFLICT (lane, programme_id, day, kind) DO UPDATE
    SET points = total.points + EXCLUDED.points,
        first_seq = MIN(total.first_seq, EXCLUDED.first_seq),
        last_seq = MAX(total.last_seq, EXCLUDED.last_seq)";

/// Adds what a transaction moved.
pub(super) async fn write(tx: &mut Tx, totals: &[Total]) -> Result<(), SqlError> {
    if totals.is_empty() {
        return Ok(());
    }
    match tx.connection() {
        TxConnection::Postgres(conn) => {
            let lanes: Vec<Lane> = totals.iter().map(|total| total.lane).collect();
            let programmes: Vec<&str> = totals.iter().map(|t| t.programme.as_str()).collect();
            let days: Vec<i64> = totals.iter().map(|total| total.day).collect();
            let kinds: Vec<i32> = totals.iter().map(|t| i32::from(t.kind.number())).collect();
            let points: Vec<i64> = totals.iter().map(|total| total.points).collect();
            let firsts: Vec<i64> = totals.iter().map(|total| total.seqs.0).collect();
            let lasts: Vec<i64> = totals.iter().map(|total| total.seqs.1).collect();
            let add = sqlx::query(ADD_POSTGRES)
                .bind(lanes)
                .bind(programmes)
                .bind(days);
            add.bind(kinds)
                .bind(points)
                .bind(firsts)
                .bind(lasts)
                .execute(conn)
                .await?;
        }
        TxConnection::Sqlite(conn) => {
            let rows: Vec<_> = totals
                .iter()
                .map(|t| {
                    let key = (t.lane, t.programme.as_str(), t.day, t.kind.number());
                    (key.0, key.1, key.2, key.3, t.points, t.seqs.0, t.seqs.1)
                })
                .collect();
            let rows = serde_json::to_string(&rows).expect("numbers and text are always JSON");
            sqlx::query(ADD_SQLITE).bind(rows).execute(conn).await?;
        }
    }
    Ok(())
}
