//! The entries that touch a partner, beside the ledger: written in the transaction of the entry.

use tenure_core::Lane;
use tenure_sql::SqlError;

use super::rows::{RowStatement, Script, Values};
use crate::domain::{PartnerMovement, Record, Writes, partner_movement};

const INSERT_POSTGRES: &str = "
    INSERT INTO partner_entry (lane, seq, partner_id, direction, points, points_type, terms, share,
                               decided_at, settled_in)
    SELECT *, 0 FROM UNNEST($1::INTEGER[], $2::BIGINT[], $3::TEXT[], $4::BIGINT[], $5::BIGINT[],
                            $6::TEXT[], $7::BIGINT[], $8::BIGINT[], $9::BIGINT[])";
static INSERT_SQLITE: RowStatement = RowStatement::new(
    "INSERT OR FAIL INTO partner_entry (lane, seq, partner_id, direction, points, points_type, terms,
                                        share, decided_at, settled_in)
    SELECT *, 0 FROM {rows} WHERE column1 IS NOT NULL",
    9,
);

/// Lane and number of an entry, what it moved at its partner, and when it was decided.
type Row = (Lane, i64, PartnerMovement, i64);

fn row(record: &Record) -> Option<Row> {
    let Record::Entry(entry) = record else {
        return None;
    };
    let moved = partner_movement(entry)?;
    let decided_at = entry.decided_at.as_micros();
    Some((entry.id.lane(), entry.id.seq(), moved, decided_at))
}

fn rows(writes: &Writes) -> Vec<Row> {
    let records = writes.records.iter();
    records.filter_map(|(record, _)| row(record)).collect()
}

/// Returns true when something touches a partner.
pub(super) fn any(writes: &Writes) -> bool {
    let mut records = writes.records.iter();
    records.any(|(record, _)| row(record).is_some())
}

/// Adds the writing of what touches a partner; mostly there is nothing.
pub(super) fn write_sqlite(script: &mut Script, writes: &Writes) {
    script.add(&INSERT_SQLITE, &rows(writes), bind);
}

/// Writes what touches a partner; mostly there is nothing.
pub(super) async fn write_postgres(
    conn: &mut sqlx::PgConnection,
    writes: &Writes,
) -> Result<(), SqlError> {
    let rows = rows(writes);
    if rows.is_empty() {
        return Ok(());
    }
    let lanes: Vec<Lane> = rows.iter().map(|(lane, ..)| *lane).collect();
    let numbers = |of: fn(&Row) -> i64| -> Vec<i64> { rows.iter().map(of).collect() };
    let texts = |of: for<'r> fn(&'r Row) -> &'r str| -> Vec<&str> { rows.iter().map(of).collect() };
    let insert = sqlx::query(INSERT_POSTGRES)
        .bind(lanes)
        .bind(numbers(|(_, seq, ..)| *seq))
        .bind(texts(|(_, _, moved, _)| &moved.note.partner))
        .bind(numbers(|(_, _, moved, _)| moved.direction.number().into()))
        .bind(numbers(|(_, _, moved, _)| moved.points))
        .bind(texts(|(_, _, moved, _)| &moved.note.points_type))
        .bind(numbers(|(_, _, moved, _)| moved.note.terms))
        .bind(numbers(|(_, _, moved, _)| moved.note.share.into()))
        .bind(numbers(|(.., decided_at)| *decided_at));
    insert.execute(conn).await?;
    Ok(())
}

fn bind(values: &mut Values, (lane, seq, moved, decided_at): &Row) {
    values
        .bind(*lane)
        .bind(*seq)
        .bind(&*moved.note.partner)
        .bind(moved.direction.number())
        .bind(moved.points)
        .bind(&*moved.note.points_type)
        .bind(moved.note.terms)
        .bind(moved.note.share)
        .bind(*decided_at);
}
