//! Sets of rows. Each statement stands once, for a JSON array of arrays that both databases take apart.
//!
//! Taking JSON apart costs more than writing the rows: SQLite runs the statement for each row, with the
//! values in its places, and PostgreSQL is given an array of each column.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::AssertSqlSafe;
use tenure_core::{DepartmentCode, PersonCode};
use tenure_sql::rows::ColumnType;
use tenure_sql::tx::TxConnection;
use tenure_sql::{SqlError, Tx, rows, with_tx};

use crate::domain::StaffMember;

/// Where the rows come from in the text of a statement for SQLite, and in that for PostgreSQL.
const JSON_ROWS: &str = "json_each($1) AS given";
const JSONB_ROWS: &str = "jsonb_array_elements($1::JSONB) AS given (value)";

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
        parameters(&self.sqlite.replacen(JSON_ROWS, "(SELECT 1) AS given", 1))
    }

    /// Returns the statement of SQLite for one row that is new: where no conflict can come halfway,
    /// SQLite keeps no way back from each row.
    fn by_new_row(self) -> String {
        let Insert { table, values, .. } = Insert::of(self.sqlite, JSON_ROWS);
        parameters(&format!("{table}VALUES ({values})"))
    }

    /// Returns the statement of PostgreSQL for an array of each column, of rows that are new or not, and
    /// the types of the columns.
    fn by_columns(self, are_new: bool) -> (String, Vec<ColumnType>) {
        let insert = Insert::of(self.postgres, JSONB_ROWS);
        let names = column_types(insert.values);
        let array = |(at, name): (usize, &&str)| format!("${}::{name}[]", at + 1);
        let arrays: Vec<_> = names.iter().enumerate().map(array).collect();
        let (table, arrays) = (insert.table, arrays.join(", "));
        let or_else = if are_new { "" } else { insert.or_else };
        let of_name = |name: &&str| match *name {
            "TEXT" => ColumnType::Text,
            "BYTEA" => ColumnType::Bytes,
            _ => ColumnType::Integer,
        };
        (
            format!("{table}SELECT * FROM UNNEST({arrays}) AS given {or_else}"),
            names.iter().map(of_name).collect(),
        )
    }
}

/// A statement that saves rows, taken apart: INSERT INTO table (columns) SELECT values FROM rows and what
/// comes after. The values stand in the order of the columns and are those of the row in their order.
struct Insert {
    table: &'static str,
    values: &'static str,
    or_else: &'static str,
}

impl Insert {
    fn of(text: &'static str, rows: &str) -> Self {
        let parts = || {
            let (table, rest) = text.split_once("SELECT ")?;
            let (values, or_else) = rest.split_once(rows)?;
            let values = values.trim_end().strip_suffix("FROM")?;
            Some(Self {
                table,
                values,
                or_else,
            })
        };
        parts().expect("rows are saved by INSERT INTO table (columns) SELECT values FROM rows")
    }
}

/// Returns the names of the types of values, as they stand in a statement for PostgreSQL.
fn column_types(values: &str) -> Vec<&str> {
    values.split("value ->> ").skip(1).map(type_of).collect()
}

/// Returns the type of a value from what stands behind `value ->> `: its place and perhaps what it is
/// made.
fn type_of(value: &str) -> &str {
    let after = value.trim_start_matches(|c: char| c.is_ascii_digit());
    match after.strip_prefix(" AS ").and_then(|it| it.split_once(')')) {
        Some((name, _)) => name,
        None if after.starts_with(", 'hex')") => "BYTEA",
        None => "TEXT",
    }
}

/// Makes a [`RowsSql`] of the text before and after the one place where the dialects differ: the
/// function that makes rows of the array. Each row is an array named `value`. A macro, because
/// `concat!` alone joins texts into a constant.
macro_rules! rows_sql {
    // Rows with the key of their customer behind all other columns.
    (key_of $table:literal, $head:literal, $tail:literal) => {
        $crate::store::rows::RowsSql {
            sqlite: concat!(
                $head,
                ", ",
                $crate::store::seal::key_of!($table),
                " FROM json_each($1) AS given ",
                $tail
            ),
            postgres: concat!(
                $head,
                ", ",
                $crate::store::seal::key_of!($table),
                " FROM jsonb_array_elements($1::JSONB) AS given (value) ",
                $tail
            ),
        }
    };
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

/// Puts parameters in the places of a row's values.
fn parameters(text: &str) -> String {
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
            if !created.is_empty() {
                rows::write_on_sqlite(conn, &sql.by_new_row(), created).await?;
            }
            if !changed.is_empty() {
                rows::write_on_sqlite(conn, &sql.by_row(), changed).await?;
            }
            Ok(())
        }
        TxConnection::Postgres(conn) => {
            for (rows, are_new) in [(created, true), (changed, false)] {
                if !rows.is_empty() {
                    let (statement, types) = sql.by_columns(are_new);
                    rows::run_on_postgres(conn, AssertSqlSafe(statement), &types, rows).await?;
                }
            }
            Ok(())
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
    // Rows with sealed columns.
    (sealed $sql:expr, $row:ty, $known:path => $fact:path) => {
        page_by_id!($sql, $row, (|tx: &$crate::store::Tx| {
            let keys = tx.keys().clone();
            move |row| $known(&keys, row)
        }) => $fact);
    };
    ($sql:expr, $row:ty, $known:path => $fact:path) => {
        page_by_id!($sql, $row, (|_: &$crate::store::Tx| $known) => $fact);
    };
    ($sql:expr, $row:ty, ($known:expr) => $fact:path) => {
        /// Returns up to `limit` facts of a lane that follow the one of which `after` is the key, each
        /// with its key, as a transaction sees them.
        ///
        /// # Errors
        /// When the database fails.
        pub(super) async fn page(
            tx: &mut $crate::store::Tx,
            lane: tenure_core::Lane,
            after: &str,
            limit: i64,
        ) -> Result<Vec<(String, $crate::domain::Fact)>, tenure_sql::SqlError> {
            let (customer, id) = after.split_once(' ').unwrap_or_default();
            let rows: Vec<$row> = tenure_sql::with_tx!(tx, |conn| {
                let page = sqlx::query_as($sql).bind(lane).bind(customer).bind(id);
                page.bind(limit).fetch_all(conn).await?
            });
            let known = ($known)(tx);
            let fact = |row| {
                let fact = known(row)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    const SAVE: RowsSql = RowsSql {
        sqlite: "INSERT INTO pet (lane, name, photo)
                 SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, value ->> 2
                 FROM json_each($1) AS given WHERE TRUE ON CONFLICT (name) DO NOTHING",
        postgres: "INSERT INTO pet (lane, name, photo)
                   SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, DECODE(value ->> 2, 'hex')
                   FROM jsonb_array_elements($1::JSONB) AS given (value) WHERE TRUE ON CONFLICT (name) DO NOTHING",
    };

    fn words(text: &str) -> String {
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_row_of_sqlite_stands_in_parameters_and_a_new_one_can_meet_no_conflict() {
        assert_eq!(
            words(&SAVE.by_row()),
            "INSERT INTO pet (lane, name, photo) SELECT CAST(?1 AS INTEGER), ?2, ?3 \
             FROM (SELECT 1) AS given WHERE TRUE ON CONFLICT (name) DO NOTHING"
        );
        assert_eq!(
            words(&SAVE.by_new_row()),
            "INSERT INTO pet (lane, name, photo) VALUES (CAST(?1 AS INTEGER), ?2, ?3 )"
        );
    }

    #[test]
    fn rows_of_postgresql_stand_in_an_array_of_each_column() {
        let head = "INSERT INTO pet (lane, name, photo) \
                    SELECT * FROM UNNEST($1::INTEGER[], $2::TEXT[], $3::BYTEA[]) AS given";
        let types = [ColumnType::Integer, ColumnType::Text, ColumnType::Bytes];
        let (new, types_of_new) = SAVE.by_columns(true);
        assert_eq!(
            (words(&new), types_of_new),
            (head.to_owned(), types.to_vec())
        );
        let (changed, _) = SAVE.by_columns(false);
        let or_else = "WHERE TRUE ON CONFLICT (name) DO NOTHING";
        assert_eq!(words(&changed), format!("{head} {or_else}"));
    }
}
