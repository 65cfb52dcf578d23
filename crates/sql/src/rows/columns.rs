//! Rows turned into columns: each is one array parameter of a statement of PostgreSQL.

use serde::ser::{self, Serialize, Serializer};
use sqlx::Arguments as _;
use sqlx::postgres::PgArguments;

use crate::error::{SqlError, SqlErrorKind};

/// What the values of a column are. A statement is prepared once for all rows, so that it cannot be told
/// from them: all may be null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// Integers of any width.
    Integer,
    /// Texts.
    Text,
    /// Bytes.
    Bytes,
}

/// Returns the values of rows as parameters, the first column first.
pub(super) fn encode<R: Serialize>(
    types: &[ColumnType],
    rows: &[R],
) -> Result<PgArguments, SqlError> {
    let mut columns = Columns {
        columns: types
            .iter()
            .map(|it| Column::new(*it, rows.len()))
            .collect(),
        at: 0,
    };
    for row in rows {
        columns.at = 0;
        row.serialize(&mut columns)
            .map_err(|unfit| other(unfit.0))?;
        if columns.at != types.len() {
            return Err(other(
                "a row has not as many values as the statement columns",
            ));
        }
    }
    let mut arguments = PgArguments::default();
    for column in columns.columns {
        let added = match column {
            Column::Integers(values) => arguments.add(values),
            Column::Texts(values) => arguments.add(values),
            Column::Bytes(values) => arguments.add(values),
        };
        added.map_err(|error| other(error.to_string()))?;
    }
    Ok(arguments)
}

fn other(what: impl Into<String>) -> SqlError {
    SqlError::new(SqlErrorKind::Other, what)
}

struct Columns {
    columns: Vec<Column>,
    /// The column of the next value.
    at: usize,
}

/// The values of one column.
enum Column {
    Integers(Vec<Option<i64>>),
    Texts(Vec<Option<String>>),
    Bytes(Vec<Option<Vec<u8>>>),
}

impl Column {
    fn new(of: ColumnType, rows: usize) -> Self {
        match of {
            ColumnType::Integer => Self::Integers(Vec::with_capacity(rows)),
            ColumnType::Text => Self::Texts(Vec::with_capacity(rows)),
            ColumnType::Bytes => Self::Bytes(Vec::with_capacity(rows)),
        }
    }
}

impl Columns {
    fn next(&mut self) -> Result<&mut Column, Unfit> {
        let column = self.columns.get_mut(self.at);
        self.at += 1;
        column.ok_or_else(|| Unfit("a row has more values than the statement columns".into()))
    }

    fn integer(&mut self, value: i64) -> Result<(), Unfit> {
        match self.next()? {
            Column::Integers(values) => values.push(Some(value)),
            _ => return unfit(),
        }
        Ok(())
    }
}

/// A row holds something that no column can hold.
#[derive(Debug)]
struct Unfit(String);

impl std::fmt::Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unfit {}

impl ser::Error for Unfit {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

fn unfit<T>() -> Result<T, Unfit> {
    Err(Unfit("a row holds something that its column cannot".into()))
}

macro_rules! integers {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(self, value: $type) -> Result<(), Unfit> {
            self.integer(i64::from(value))
        })*
    };
}

impl Serializer for &mut Columns {
    tenure_sqlite_log::serialize_flat_rows!(Unfit, unfit);

    integers!(
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32,
        serialize_i64: i64, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32
    );

    fn serialize_u64(self, value: u64) -> Result<(), Unfit> {
        self.integer(i64::try_from(value).map_err(|_| Unfit("a number is too large".into()))?)
    }

    fn serialize_f32(self, _: f32) -> Result<(), Unfit> {
        unfit()
    }

    fn serialize_f64(self, _: f64) -> Result<(), Unfit> {
        unfit()
    }

    fn serialize_str(self, value: &str) -> Result<(), Unfit> {
        match self.next()? {
            Column::Texts(values) => values.push(Some(value.to_owned())),
            _ => return unfit(),
        }
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Unfit> {
        match self.next()? {
            Column::Bytes(values) => values.push(Some(value.to_vec())),
            _ => return unfit(),
        }
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Unfit> {
        match self.next()? {
            Column::Integers(values) => values.push(None),
            Column::Texts(values) => values.push(None),
            Column::Bytes(values) => values.push(None),
        }
        Ok(())
    }
}

tenure_sqlite_log::serialize_parts_of_rows!(&mut Columns, Unfit);
