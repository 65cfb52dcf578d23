//! A row of a result as a list of values.

use std::slice;

use libsqlite3_sys as ffi;
use serde::de::value::SeqDeserializer;
use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::{RowsError, Statement};

/// The row on which a statement stands.
pub(super) struct Row<'s, 'h> {
    statement: &'s Statement<'h>,
    next: i32,
    count: i32,
}

impl<'s, 'h> Row<'s, 'h> {
    /// Returns the row on which the statement stands: its last step found one.
    pub(super) fn of(statement: &'s Statement<'h>) -> Self {
        // SAFETY: the statement is prepared.
        let count = unsafe { ffi::sqlite3_data_count(statement.raw.as_ptr()) };
        Self {
            statement,
            next: 0,
            count,
        }
    }
}

impl<'de> Deserializer<'de> for Row<'_, '_> {
    type Error = RowsError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, RowsError> {
        visitor.visit_seq(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> SeqAccess<'de> for Row<'_, '_> {
    type Error = RowsError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, RowsError> {
        if self.next == self.count {
            return Ok(None);
        }
        let column = Column {
            statement: self.statement,
            at: self.next,
        };
        self.next += 1;
        seed.deserialize(column).map(Some)
    }
}

/// One value of the row on which a statement stands.
struct Column<'s, 'h> {
    statement: &'s Statement<'h>,
    at: i32,
}

impl Column<'_, '_> {
    fn r#type(&self) -> i32 {
        // SAFETY: the statement stands on a row that has this column.
        unsafe { ffi::sqlite3_column_type(self.statement.raw.as_ptr(), self.at) }
    }

    /// Returns the bytes of a text or BLOB, which stay until the statement goes on: nobody moves it
    /// while this borrows it.
    fn bytes(&self) -> &[u8] {
        let raw = self.statement.raw.as_ptr();
        // SAFETY: the statement stands on a row that has this column, and asking for a BLOB does not
        // convert a text; the pointer may be null only where the length is 0.
        unsafe {
            let start = ffi::sqlite3_column_blob(raw, self.at);
            let length = ffi::sqlite3_column_bytes(raw, self.at);
            match usize::try_from(length) {
                Ok(length) if !start.is_null() => slice::from_raw_parts(start.cast(), length),
                _ => &[],
            }
        }
    }
}

impl<'de> Deserializer<'de> for Column<'_, '_> {
    type Error = RowsError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, RowsError> {
        let raw = self.statement.raw.as_ptr();
        match self.r#type() {
            ffi::SQLITE_NULL => visitor.visit_unit(),
            ffi::SQLITE_INTEGER => {
                // SAFETY: the statement stands on a row that has this column.
                let integer = unsafe { ffi::sqlite3_column_int64(raw, self.at) };
                visitor.visit_i64(integer)
            }
            ffi::SQLITE_FLOAT => {
                // SAFETY: the statement stands on a row that has this column.
                let number = unsafe { ffi::sqlite3_column_double(raw, self.at) };
                visitor.visit_f64(number)
            }
            ffi::SQLITE_TEXT => {
                let text = std::str::from_utf8(self.bytes());
                visitor.visit_str(text.map_err(|_| RowsError::unfit("a text is not UTF-8"))?)
            }
            _ => visitor.visit_bytes(self.bytes()),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, RowsError> {
        if self.r#type() == ffi::SQLITE_NULL {
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    /// Serde reads `Vec<u8>` as a list of numbers.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, RowsError> {
        let bytes = self.bytes().iter().copied();
        visitor.visit_seq(SeqDeserializer::<_, RowsError>::new(bytes))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, RowsError> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct
        tuple tuple_struct map struct enum identifier ignored_any
    }
}
