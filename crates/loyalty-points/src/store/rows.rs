//! Many rows in one statement on SQLite.
//!
//! SQLite has no arrays, and reading rows out of JSON costs it more than writing them. So a statement
//! has a place for every value of up to 256 rows; places that are left over hold NULL and are passed
//! over.

use std::sync::OnceLock;

use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments};
use tenure_sql::SqlError;

/// How many rows the texts of a statement have. SQLite allows 32,766 values.
const SIZES: [usize; 3] = [8, 48, 256];

/// Where the rows stand in the text of a statement.
const ROWS: &str = "{rows}";

/// A statement over a list of rows.
pub(super) struct RowStatement {
    text: &'static str,
    columns: usize,
    texts: OnceLock<[&'static str; SIZES.len()]>,
}

/// A statement whose values are being bound.
pub(super) type Bound = Query<'static, Sqlite, SqliteArguments>;

impl RowStatement {
    /// Creates a statement in which `{rows}` is a table of so many columns, `column1` and so on. It
    /// must pass over rows in which `column1` is NULL.
    pub(super) const fn new(text: &'static str, columns: usize) -> Self {
        Self {
            text,
            columns,
            texts: OnceLock::new(),
        }
    }

    /// Runs the statement over `rows`; `bind` binds the values of one row.
    pub(super) async fn run<R>(
        &'static self,
        conn: &mut sqlx::SqliteConnection,
        rows: &[R],
        bind: impl Fn(Bound, &R) -> Bound,
    ) -> Result<(), SqlError> {
        for chunk in rows.chunks(SIZES[SIZES.len() - 1]) {
            let size = SIZES.iter().position(|size| *size >= chunk.len());
            let size = size.expect("the last size is that of a chunk");
            let mut query = sqlx::query(self.texts()[size]);
            for row in chunk {
                query = bind(query, row);
            }
            for _ in 0..(SIZES[size] - chunk.len()) * self.columns {
                query = query.bind(None::<i64>);
            }
            query.execute(&mut *conn).await?;
        }
        Ok(())
    }

    /// The texts live as long as the program: they are made once for each statement.
    fn texts(&self) -> &[&'static str; SIZES.len()] {
        self.texts
            .get_or_init(|| SIZES.map(|size| &*self.text(size).leak()))
    }

    fn text(&self, rows: usize) -> String {
        let row = format!("({})", vec!["?"; self.columns].join(","));
        let rows = vec![row; rows].join(",");
        self.text.replacen(ROWS, &format!("(VALUES {rows})"), 1)
    }
}
