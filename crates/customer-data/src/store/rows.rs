//! Sets of rows. Each statement stands once, for a JSON array of arrays that both databases take apart.
//!
//! Taking JSON apart costs SQLite more than writing the rows: it runs the statement for each row, with
//! the values in its places. PostgreSQL is given many new rows by `COPY`.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tenure_core::{DepartmentCode, PersonCode};
use tenure_sql::tx::TxConnection;
use tenure_sql::{SqlError, Tx, rows, with_tx};

use crate::domain::StaffMember;

/// From so many new rows on, `COPY` is worth its further round trip.
const COPY_ROWS_MIN: usize = 32;

/// Where the rows come from in the text of a statement for SQLite.
const JSON_ROWS: &str = " json_each($1) AS given ";

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

    /// Returns the statement of SQLite for one row, whose values are parameters.
    fn by_row(self) -> String {
        let text = self.sqlite.replacen(JSON_ROWS, " (SELECT 1) AS given ", 1);
        let mut parts = text.split("value ->> ");
        let mut statement = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let digits = part.bytes().take_while(u8::is_ascii_digit).count();
            let (at, rest) = part.split_at(digits);
            let at: usize = at.parse().expect("each value of a row has a number");
            statement.push_str(&format!("?{}{rest}", at + 1));
        }
        statement
    }

    /// Returns the statement of PostgreSQL that copies rows into the table.
    fn copy(self) -> String {
        let head = self.postgres.split_inclusive(')').next();
        let columns = head.and_then(|head| head.trim().strip_prefix("INSERT INTO "));
        let columns = columns.expect("rows are saved by INSERT INTO table (columns)");
        format!("COPY {columns} FROM STDIN")
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

/// Saves rows: new ones, of which the locks make sure that nobody else has written them, and others. The
/// values of a row stand in the order of the columns.
pub(super) async fn save<R: Serialize>(
    tx: &mut Tx,
    sql: RowsSql,
    created: &[R],
    changed: &[R],
) -> Result<(), SqlError> {
    match tx.connection() {
        TxConnection::Sqlite(conn) => {
            for rows in [created, changed]
                .into_iter()
                .filter(|rows| !rows.is_empty())
            {
                rows::write_on_sqlite(conn, &sql.by_row(), rows).await?;
            }
            Ok(())
        }
        TxConnection::Postgres(conn) if created.len() >= COPY_ROWS_MIN => {
            rows::copy_on_postgres(conn, &sql.copy(), created).await?;
            execute(tx, sql, changed).await
        }
        TxConnection::Postgres(_) => {
            execute(tx, sql, created).await?;
            execute(tx, sql, changed).await
        }
    }
}

/// Finds the rows of SQLite that keys name.
pub(super) async fn find_on_sqlite<K: Serialize, T: DeserializeOwned>(
    conn: &mut sqlx::SqliteConnection,
    sql: RowsSql,
    keys: &[K],
) -> Result<Vec<T>, SqlError> {
    rows::read_on_sqlite(conn, &sql.by_row(), keys).await
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
            match $tx.connection() {
                tenure_sql::tx::TxConnection::Sqlite(conn) => {
                    $crate::store::rows::find_on_sqlite(conn, $sql, &keys).await?
                }
                tenure_sql::tx::TxConnection::Postgres(conn) => {
                    let keys = $crate::store::rows::encode(&keys);
                    sqlx::query_as($sql.postgres)
                        .bind(keys)
                        .fetch_all(conn)
                        .await?
                }
            }
        };
        rows
    }};
}
pub(super) use load_rows;

/// Writes the function `page` of a table whose key is customer and id, for a snapshot: `$sql` selects
/// rows of a lane after both, `$known` makes of a row what `$fact` tells.
macro_rules! page_by_id {
    ($sql:expr, $row:ty, $known:path => $fact:path) => {
        /// Returns up to `limit` facts of a lane that follow the one of which `after` is the key, each
        /// with its key, as a transaction sees them.
        ///
        /// # Errors
        /// When the database fails.
        pub(super) async fn page(
            tx: &mut tenure_sql::Tx,
            lane: tenure_core::Lane,
            after: &str,
            limit: i64,
        ) -> Result<Vec<(String, $crate::domain::Fact)>, tenure_sql::SqlError> {
            let (customer, id) = after.split_once(' ').unwrap_or_default();
            let rows: Vec<$row> = tenure_sql::with_tx!(tx, |conn| {
                let page = sqlx::query_as($sql).bind(lane).bind(customer).bind(id);
                page.bind(limit).fetch_all(conn).await?
            });
            let fact = |row| {
                let fact = $known(row)?;
                Ok((format!("{} {}", fact.customer, fact.id), $fact(fact)))
            };
            rows.into_iter().map(fact).collect()
        }
    };
}
pub(super) use page_by_id;

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
