//! What a database may say, by kind, and without a value of any row.

use std::fmt;

use sqlx::error::{DatabaseError, ErrorKind};
use tenure_core::{Coded, ErrorCode};

/// What went wrong, as far as a caller can act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SqlErrorKind {
    /// A unique or primary key is taken.
    Duplicate,
    /// A foreign key points nowhere, or something still points here.
    Missing,
    /// A CHECK or NOT NULL refused a value.
    Check,
    /// Somebody else holds a lock, or all connections are in use. Trying the whole again may help.
    Busy,
    /// The database cannot be reached or does not take writes. After a commit the outcome is unknown.
    Disconnected,
    /// The database file or a page of it is damaged, or a stored value is not what we wrote.
    Corrupt,
    /// Our mistake: a statement is wrong, a type does not fit.
    Other,
}

/// An error of the database.
///
/// The driver's own error is not kept, because its details quote rows. Neither database names
/// constraints alike (SQLite not at all), so decide by kind at the call site, never by text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlError {
    kind: SqlErrorKind,
    message: String,
}

impl SqlError {
    /// Creates an error of a kind; `message` must not contain values of rows.
    pub fn new(kind: SqlErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// Creates the error for a stored value that could not be read back.
    pub fn corrupt(message: impl Into<String>) -> Self {
        Self::new(SqlErrorKind::Corrupt, message)
    }

    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> SqlErrorKind {
        self.kind
    }

    /// Returns true when a unique key is taken.
    #[must_use]
    pub fn is_duplicate(&self) -> bool {
        self.kind == SqlErrorKind::Duplicate
    }

    /// Returns true when a foreign key points nowhere.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.kind == SqlErrorKind::Missing
    }

    /// Returns true when a CHECK or NOT NULL refused a value.
    #[must_use]
    pub fn is_check(&self) -> bool {
        self.kind == SqlErrorKind::Check
    }

    /// Returns true when the same call may succeed a little later.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self.kind, SqlErrorKind::Busy | SqlErrorKind::Disconnected)
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.words(), self.message)
    }
}

impl std::error::Error for SqlError {}

impl SqlErrorKind {
    fn words(self) -> &'static str {
        match self {
            Self::Duplicate => "a unique key is taken",
            Self::Missing => "a referenced row is missing",
            Self::Check => "a check refused the row",
            Self::Busy => "the database is busy",
            Self::Disconnected => "the database cannot be reached",
            Self::Corrupt => "stored data is damaged",
            Self::Other => "the database refused a statement",
        }
    }
}

impl Coded for SqlError {
    fn code(&self) -> ErrorCode {
        if self.is_unavailable() {
            ErrorCode::Unavailable
        } else {
            ErrorCode::Internal
        }
    }

    fn reason(&self) -> &'static str {
        if self.is_unavailable() {
            "DATABASE_UNAVAILABLE"
        } else {
            "INTERNAL_ERROR"
        }
    }
}

impl From<sqlx::Error> for SqlError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as E;
        let kind = match &error {
            E::Database(error) => return from_database(error.as_ref()),
            E::PoolTimedOut => SqlErrorKind::Busy,
            E::Io(_) | E::Tls(_) | E::PoolClosed | E::WorkerCrashed | E::BeginFailed => {
                SqlErrorKind::Disconnected
            }
            E::ColumnDecode { .. } | E::Decode(_) => SqlErrorKind::Corrupt,
            _ => SqlErrorKind::Other,
        };
        let message = match error {
            // What follows the index may quote the value that could not be read.
            E::ColumnDecode { index, .. } => format!("column {index} is not of the type asked for"),
            E::Decode(_) => "a value is not of the type asked for".to_owned(),
            error => error.to_string(),
        };
        Self { kind, message }
    }
}

fn from_database(error: &dyn DatabaseError) -> SqlError {
    let code = error.code().unwrap_or_default();
    let kind = match error.kind() {
        ErrorKind::UniqueViolation => SqlErrorKind::Duplicate,
        ErrorKind::ForeignKeyViolation => SqlErrorKind::Missing,
        ErrorKind::NotNullViolation | ErrorKind::CheckViolation => SqlErrorKind::Check,
        _ if error
            .try_downcast_ref::<sqlx::postgres::PgDatabaseError>()
            .is_some() =>
        {
            postgres_kind(&code)
        }
        _ => sqlite_kind(code.parse().unwrap_or(0)),
    };
    // Class 22 (data exceptions) quotes the value; all other messages name tables and columns only.
    let message = if code.len() == 5 && code.starts_with("22") {
        format!("SQLSTATE {code}")
    } else {
        format!("{} (code {code})", error.message())
    };
    SqlError { kind, message }
}

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn postgres_kind(code: &str) -> SqlErrorKind {
    match code {
        // Serialization failure, deadlock, lock not available, query cancelled, too many connections.
        "40001" | "40P01" | "55P03" | "57014" | "53300" => SqlErrorKind::Busy,
        // Read-only transaction (a standby), shutdown in three forms, idle in transaction too long.
        "25006" | "57P01" | "57P02" | "57P03" | "25P03" => SqlErrorKind::Disconnected,
        "XX001" | "XX002" => SqlErrorKind::Corrupt,
        _ if code.starts_with("08") => SqlErrorKind::Disconnected,
        // Disk full, out of memory.
        _ if code.starts_with("53") => SqlErrorKind::Disconnected,
        _ => SqlErrorKind::Other,
    }
}

/// Returns the error of an extended result code that SQLite gave without the driver.
pub(crate) fn sqlite_error(code: i32, message: &str) -> SqlError {
    // The kinds of constraints: primary key, unique, row id; foreign key; not null, check, data type.
    let kind = match code {
        1555 | 2067 | 2579 => SqlErrorKind::Duplicate,
        787 => SqlErrorKind::Missing,
        1299 | 275 | 3091 => SqlErrorKind::Check,
        _ => sqlite_kind(code.unsigned_abs()),
    };
    SqlError::new(kind, format!("{message} (code {code})"))
}

/// <https://www.sqlite.org/rescode.html>; the low byte is the primary code.
fn sqlite_kind(code: u32) -> SqlErrorKind {
    match code & 0xff {
        5 | 6 => SqlErrorKind::Busy,
        // Read-only file, I/O error, disk full, cannot open.
        8 | 10 | 13 | 14 => SqlErrorKind::Disconnected,
        11 | 26 => SqlErrorKind::Corrupt,
        _ => SqlErrorKind::Other,
    }
}
