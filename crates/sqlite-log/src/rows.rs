//! One statement for each of many rows, in the calling thread.
//!
//! A driver that runs SQLite in a thread of its own sends every statement there and back, and a set of
//! rows as one parameter (JSON) costs SQLite more to take apart than to write. This prepares a statement
//! once and steps it row by row: a row is anything that serde serialises as a list of values.

mod bind;
mod column;
mod flat;

use std::ffi::CStr;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use libsqlite3_sys as ffi;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::sqlite::LockedSqliteHandle;

/// Why rows were not written or read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowsError {
    /// SQLite's extended result code; 0 when it was not SQLite that refused.
    pub code: i32,
    /// What it says: names of tables and columns, never a value.
    pub message: String,
}

impl RowsError {
    fn unfit(what: impl std::fmt::Display) -> Self {
        Self {
            code: 0,
            message: what.to_string(),
        }
    }
}

impl std::fmt::Display for RowsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (code {})", self.message, self.code)
    }
}

impl std::error::Error for RowsError {}

impl serde::ser::Error for RowsError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::unfit(message)
    }
}

impl serde::de::Error for RowsError {
    // Serde's own messages quote the value that did not fit.
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Self::unfit("a column is not of the type asked for")
    }
}

/// Runs a statement once for each row, whose values stand in its places in order.
///
/// # Errors
/// When SQLite refuses, or a row has something that no column can hold. Rows before it are written: the
/// caller rolls back.
pub fn write<R: Serialize>(
    handle: &mut LockedSqliteHandle<'_>,
    sql: &str,
    rows: &[R],
) -> Result<(), RowsError> {
    let mut statement = Statement::prepare(handle, sql)?;
    for row in rows {
        statement.bind(row)?;
        while statement.step()? {}
        statement.reset();
    }
    Ok(())
}

/// Runs a query once for each key and returns all rows that it finds.
///
/// # Errors
/// When SQLite refuses, or a row is not of the type asked for.
pub fn read<K: Serialize, T: DeserializeOwned>(
    handle: &mut LockedSqliteHandle<'_>,
    sql: &str,
    keys: &[K],
) -> Result<Vec<T>, RowsError> {
    let mut statement = Statement::prepare(handle, sql)?;
    let mut found = Vec::new();
    for key in keys {
        statement.bind(key)?;
        while statement.step()? {
            found.push(T::deserialize(column::Row::of(&statement))?);
        }
        statement.reset();
    }
    Ok(found)
}

/// A prepared statement of a connection that nobody else uses meanwhile.
struct Statement<'h> {
    raw: NonNull<ffi::sqlite3_stmt>,
    connection: NonNull<ffi::sqlite3>,
    /// The lock of the connection outlives the statement.
    handle: PhantomData<&'h mut ()>,
}

impl<'h> Statement<'h> {
    fn prepare(handle: &'h mut LockedSqliteHandle<'_>, sql: &str) -> Result<Self, RowsError> {
        let connection = handle.as_raw_handle();
        let length = i32::try_from(sql.len()).map_err(RowsError::unfit)?;
        let mut raw = ptr::null_mut();
        // SAFETY: the connection is open and locked for us, and the text has `length` bytes.
        let code = unsafe {
            ffi::sqlite3_prepare_v2(
                connection.as_ptr(),
                sql.as_ptr().cast(),
                length,
                &raw mut raw,
                ptr::null_mut(),
            )
        };
        match NonNull::new(raw) {
            Some(raw) if code == ffi::SQLITE_OK => Ok(Self {
                raw,
                connection,
                handle: PhantomData,
            }),
            _ => Err(error(connection)),
        }
    }

    fn bind<R: Serialize>(&mut self, row: &R) -> Result<(), RowsError> {
        // SAFETY: the statement is prepared.
        let places = unsafe { ffi::sqlite3_bind_parameter_count(self.raw.as_ptr()) };
        let mut values = bind::Values::of(self);
        row.serialize(&mut values)?;
        if values.bound() == places {
            Ok(())
        } else {
            Err(RowsError::unfit(
                "a row has not as many values as the statement places",
            ))
        }
    }

    /// Goes on to the next row of the result; false at its end.
    fn step(&mut self) -> Result<bool, RowsError> {
        // SAFETY: the statement is prepared, and its connection is locked for us.
        match unsafe { ffi::sqlite3_step(self.raw.as_ptr()) } {
            ffi::SQLITE_ROW => Ok(true),
            ffi::SQLITE_DONE => Ok(false),
            _ => Err(error(self.connection)),
        }
    }

    fn reset(&mut self) {
        // SAFETY: the statement is prepared. The code is that of the last step, which we saw.
        unsafe { ffi::sqlite3_reset(self.raw.as_ptr()) };
    }
}

impl Drop for Statement<'_> {
    fn drop(&mut self) {
        // SAFETY: it is finalised once. The code is that of the last step, which we saw.
        unsafe { ffi::sqlite3_finalize(self.raw.as_ptr()) };
    }
}

/// Returns what the connection says about its last call.
fn error(connection: NonNull<ffi::sqlite3>) -> RowsError {
    // SAFETY: the connection is open and locked for us; the text is copied before any further call.
    unsafe {
        let message = ffi::sqlite3_errmsg(connection.as_ptr());
        RowsError {
            code: ffi::sqlite3_extended_errcode(connection.as_ptr()),
            message: CStr::from_ptr(message).to_string_lossy().into_owned(),
        }
    }
}
