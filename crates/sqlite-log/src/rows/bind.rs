//! A row as values in the places of a statement.

use libsqlite3_sys as ffi;
use serde::ser::Serializer;

use super::{RowsError, Statement, error};

/// Puts the values of one row into the places of a statement.
pub(super) struct Values<'s, 'h> {
    statement: &'s mut Statement<'h>,
    bound: i32,
}

impl<'s, 'h> Values<'s, 'h> {
    pub(super) fn of(statement: &'s mut Statement<'h>) -> Self {
        Self {
            statement,
            bound: 0,
        }
    }

    /// Returns how many places have values.
    pub(super) fn bound(&self) -> i32 {
        self.bound
    }

    /// Binds the next place by a call of SQLite, which gets the statement and the number of the place.
    fn next(
        &mut self,
        bind: impl FnOnce(*mut ffi::sqlite3_stmt, i32) -> i32,
    ) -> Result<(), RowsError> {
        self.bound += 1;
        match bind(self.statement.raw.as_ptr(), self.bound) {
            ffi::SQLITE_OK => Ok(()),
            _ => Err(error(self.statement.connection)),
        }
    }

    fn text_or_blob(&mut self, bytes: &[u8], is_text: bool) -> Result<(), RowsError> {
        let length = bytes.len() as u64;
        // SAFETY: the bytes are copied by the call (SQLITE_TRANSIENT), and there are `length` of them.
        self.next(|raw, at| unsafe {
            let (start, copied) = (bytes.as_ptr(), ffi::SQLITE_TRANSIENT());
            if is_text {
                let encoding = ffi::SQLITE_UTF8 as u8;
                ffi::sqlite3_bind_text64(raw, at, start.cast(), length, copied, encoding)
            } else {
                ffi::sqlite3_bind_blob64(raw, at, start.cast(), length, copied)
            }
        })
    }

    fn integer(&mut self, value: i64) -> Result<(), RowsError> {
        // SAFETY: the statement is prepared; SQLite checks the number of the place.
        self.next(|raw, at| unsafe { ffi::sqlite3_bind_int64(raw, at, value) })
    }
}

fn no_value<T>() -> Result<T, RowsError> {
    Err(RowsError::unfit(
        "a row holds something that no column can hold",
    ))
}

macro_rules! integers {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(self, value: $type) -> Result<(), RowsError> {
            self.integer(i64::from(value))
        })*
    };
}

impl Serializer for &mut Values<'_, '_> {
    crate::serialize_flat_rows!(RowsError, no_value);

    integers!(
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32,
        serialize_i64: i64, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32
    );

    fn serialize_u64(self, value: u64) -> Result<(), RowsError> {
        self.integer(i64::try_from(value).map_err(RowsError::unfit)?)
    }

    fn serialize_f32(self, value: f32) -> Result<(), RowsError> {
        self.serialize_f64(f64::from(value))
    }

    fn serialize_f64(self, value: f64) -> Result<(), RowsError> {
        // SAFETY: the statement is prepared; SQLite checks the number of the place.
        self.next(|raw, at| unsafe { ffi::sqlite3_bind_double(raw, at, value) })
    }

    fn serialize_str(self, value: &str) -> Result<(), RowsError> {
        self.text_or_blob(value.as_bytes(), true)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), RowsError> {
        self.text_or_blob(value, false)
    }

    fn serialize_none(self) -> Result<(), RowsError> {
        // SAFETY: the statement is prepared; SQLite checks the number of the place.
        self.next(|raw, at| unsafe { ffi::sqlite3_bind_null(raw, at) })
    }
}

crate::serialize_parts_of_rows!(&mut Values<'_, '_>, RowsError);
