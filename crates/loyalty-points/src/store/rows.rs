//! Many rows in one statement on SQLite.
//!
//! SQLite has no arrays, and reading rows out of JSON costs it more than writing them. So a statement
//! has a place for every value of up to 256 rows; places that are left over hold NULL and are passed
//! over.

use std::fmt::Write as _;
use std::sync::OnceLock;

use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments};
use tenure_sql::SqlError;

/// How many rows the texts of a statement have. SQLite allows 32,766 values.
const SIZES: [usize; 3] = [8, 48, 256];

/// A statement over a list of rows; the first value of a row is never NULL.
pub(super) struct RowStatement {
    before: &'static str,
    columns: usize,
    after: &'static str,
    texts: OnceLock<[&'static str; SIZES.len()]>,
}

/// A statement whose values are being bound.
pub(super) type Bound = Query<'static, Sqlite, SqliteArguments>;

impl RowStatement {
    /// Creates the statement `before (rows of so many columns) after`; the rows are called `value`
    /// nowhere: `before` is an INSERT that takes them as they are.
    pub(super) const fn new(before: &'static str, columns: usize, after: &'static str) -> Self {
        Self {
            before,
            columns,
            after,
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
        let mut text = format!("{} SELECT * FROM (VALUES {row}", self.before);
        for _ in 1..rows {
            let _ = write!(text, ",{row}");
        }
        let _ = write!(text, ") WHERE column1 IS NOT NULL {}", self.after);
        text
    }
}
