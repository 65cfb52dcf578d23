//! Sets of rows as one parameter: a JSON array of arrays, which both databases take apart, so that a
//! batch is one statement and each statement stands once.

use serde::Serialize;
use tenure_core::{DepartmentCode, PersonCode};
use tenure_sql::{SqlError, Tx, with_tx};

use crate::domain::StaffMember;

/// One statement in both dialects; `$1` is the JSON array.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowsSql {
    pub(super) sqlite: &'static str,
    pub(super) postgres: &'static str,
}

impl RowsSql {
    pub(super) fn pick(self, tx: &Tx) -> &'static str {
        tx.pick(self.sqlite, self.postgres)
    }
}

/// Makes a [`RowsSql`] of the text before and after the one place where the dialects differ: the
/// function that makes rows of the array. Each row is an array named `value`. A macro, because
/// `concat!` alone joins texts into a constant.
macro_rules! rows_sql {
    ($head:literal, $tail:literal) => {
        $crate::store::rows::RowsSql {
            sqlite: concat!($head, " json_each($1) AS given ", $tail),
            postgres: concat!(
                $head,
                " jsonb_array_elements($1::JSONB) AS given (value) ",
                $tail
            ),
        }
    };
}
pub(super) use rows_sql;

/// Returns rows as the parameter.
pub(super) fn encode<R: Serialize>(rows: &[R]) -> String {
    serde_json::to_string(rows).expect("numbers and text are always JSON")
}

/// Runs a statement for a set of rows; for none it does nothing.
pub(super) async fn execute<R: Serialize>(
    tx: &mut Tx,
    sql: RowsSql,
    rows: &[R],
) -> Result<(), SqlError> {
    if rows.is_empty() {
        return Ok(());
    }
    let (sql, rows) = (sql.pick(tx), encode(rows));
    with_tx!(tx, |conn| {
        sqlx::query(sql).bind(rows).execute(conn).await?;
    });
    Ok(())
}

/// Loads the rows of a type that a set of keys names; for no keys it does nothing. A macro, because
/// a function would be generic over both drivers.
macro_rules! load_rows {
    ($tx:expr, $sql:expr, $keys:expr, $row:ty) => {{
        let keys = $keys;
        let rows: Vec<$row> = if keys.is_empty() {
            Vec::new()
        } else {
            let (sql, keys) = ($sql.pick($tx), $crate::store::rows::encode(&keys));
            tenure_sql::with_tx!($tx, |conn| {
                sqlx::query_as(sql).bind(keys).fetch_all(conn).await?
            })
        };
        rows
    }};
}
pub(super) use load_rows;

/// Returns what a stored text or number means, or that the row is damaged.
pub(super) fn read<T>(column: &str, value: Option<T>) -> Result<T, SqlError> {
    value.ok_or_else(|| SqlError::corrupt(format!("column {column} holds what nobody wrote")))
}

/// Returns the person that two columns mean.
pub(super) fn staff(department: &str, person: &str) -> Result<StaffMember, SqlError> {
    Ok(StaffMember {
        department: read("department", DepartmentCode::parse(department).ok())?,
        person: read("person", PersonCode::parse(person).ok())?,
    })
}
