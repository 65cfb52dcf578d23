//! Many rows in one statement on SQLite, and several such statements in one go.
//!
//! SQLite has no arrays, and reading rows out of JSON costs it more than writing them. So a statement
//! has a place for every value of up to 256 rows; places that are left over hold NULL and are passed
//! over. Every call of SQLite goes to the connection's thread and back, which costs more than a small
//! statement; so a batch is one call.

use std::sync::OnceLock;

use sqlx::sqlite::{Sqlite, SqliteArguments};
use sqlx::{Arguments as _, AssertSqlSafe, Encode, Type};
use tenure_sql::SqlError;

/// How many rows the texts of a statement have. SQLite allows 32,766 values.
const SIZES: [usize; 3] = [8, 48, 256];

/// Where the rows stand in the text of a statement.
const ROWS: &str = "{rows}";

/// A statement over a list of rows.
pub(super) struct RowStatement {
    text: &'static str,
    columns: usize,
    texts: OnceLock<[String; SIZES.len()]>,
}

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

    fn texts(&self) -> &[String; SIZES.len()] {
        self.texts.get_or_init(|| SIZES.map(|size| self.text(size)))
    }

    fn text(&self, rows: usize) -> String {
        let row = format!("({})", vec!["?"; self.columns].join(","));
        let rows = vec![row; rows].join(",");
        self.text.replacen(ROWS, &format!("(VALUES {rows})"), 1)
    }
}

/// The values of statements, in the order of their places.
#[derive(Default)]
pub(super) struct Values(SqliteArguments);

impl Values {
    /// Adds the next value.
    pub(super) fn bind<'v>(&mut self, value: impl Encode<'v, Sqlite> + Type<Sqlite>) -> &mut Self {
        let added = self.0.add(value);
        added.expect("integers, texts and bytes can always be encoded");
        self
    }
}

/// Statements that run one after another in one call.
#[derive(Default)]
pub(super) struct Script {
    text: String,
    values: Values,
}

impl Script {
    /// Adds a statement over `rows`, if there are any; `bind` adds the values of one row.
    pub(super) fn add<R>(
        &mut self,
        statement: &RowStatement,
        rows: &[R],
        bind: impl Fn(&mut Values, &R),
    ) {
        for chunk in rows.chunks(SIZES[SIZES.len() - 1]) {
            let size = SIZES.iter().position(|size| *size >= chunk.len());
            let size = size.expect("the last size is that of a chunk");
            self.text.push_str(&statement.texts()[size]);
            self.text.push(';');
            for row in chunk {
                bind(&mut self.values, row);
            }
            for _ in 0..(SIZES[size] - chunk.len()) * statement.columns {
                self.values.bind(None::<i64>);
            }
        }
    }

    /// Returns the statements and the values in their places.
    pub(super) fn into_parts(self) -> (String, SqliteArguments) {
        (self.text, self.values.0)
    }

    /// Runs the statements.
    pub(super) async fn run(self, conn: &mut sqlx::SqliteConnection) -> Result<(), SqlError> {
        // The text is made of our own statements and question marks.
        let statements = sqlx::query_with(AssertSqlSafe(self.text), self.values.0);
        statements.execute(conn).await?;
        Ok(())
    }
}
