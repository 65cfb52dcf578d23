//! Rows in the text format of `COPY`: <https://www.postgresql.org/docs/current/sql-copy.html>.

use std::fmt::Write as _;

use serde::ser::{self, Serialize, Serializer};

use crate::error::{SqlError, SqlErrorKind};

/// Rows of one message.
pub(super) const ROWS_MAX: usize = 1_024;

/// Returns rows as lines.
pub(super) fn encode<R: Serialize>(rows: &[R]) -> Result<Vec<u8>, SqlError> {
    let mut line = Line::default();
    for row in rows {
        line.is_first = true;
        let unfit = |error: Unfit| SqlError::new(SqlErrorKind::Other, error.0);
        row.serialize(&mut line).map_err(unfit)?;
        line.text.push('\n');
    }
    Ok(line.text.into_bytes())
}

/// Returns bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    push_hex(&mut text, bytes);
    text
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

#[derive(Default)]
struct Line {
    text: String,
    is_first: bool,
}

impl Line {
    /// Begins the next value.
    fn next(&mut self) -> &mut String {
        if !std::mem::take(&mut self.is_first) {
            self.text.push('\t');
        }
        &mut self.text
    }

    fn display(&mut self, value: impl std::fmt::Display) -> Result<(), Unfit> {
        write!(self.next(), "{value}").map_err(|_| Unfit("a value cannot be written".into()))
    }
}

/// Appends a text in which nothing is taken for an end of a value or of a line.
fn push_escaped(line: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '\t', '\n', '\r']) {
        line.push_str(&rest[..at]);
        line.push_str(match rest.as_bytes()[at] {
            b'\\' => "\\\\",
            b'\t' => "\\t",
            b'\n' => "\\n",
            _ => "\\r",
        });
        rest = &rest[at + 1..];
    }
    line.push_str(rest);
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

fn no_value<T>() -> Result<T, Unfit> {
    Err(Unfit(
        "a row holds something that no column can hold".into(),
    ))
}

macro_rules! displayed {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(self, value: $type) -> Result<(), Unfit> {
            self.display(value)
        })*
    };
}

impl Serializer for &mut Line {
    tenure_sqlite_log::serialize_flat_rows!(Unfit, no_value);

    displayed!(
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
        serialize_f32: f32, serialize_f64: f64
    );

    fn serialize_bool(self, value: bool) -> Result<(), Unfit> {
        self.display(i32::from(value))
    }

    fn serialize_str(self, value: &str) -> Result<(), Unfit> {
        push_escaped(self.next(), value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Unfit> {
        let line = self.next();
        line.push_str("\\\\x");
        push_hex(line, value);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Unfit> {
        self.next().push_str("\\N");
        Ok(())
    }
}

tenure_sqlite_log::serialize_parts_of_rows!(&mut Line, Unfit);

#[cfg(test)]
mod tests {
    use super::super::Bytes;
    use super::*;

    /// The expected text is that of the manual's section "File Formats, Text Format".
    #[test]
    fn what_would_end_a_value_or_a_line_is_escaped() {
        let row = (-1_i64, "a\tb\\c\nd\re", None::<i32>, "", Bytes(&[0, 0xff]));
        let text = String::from_utf8(encode(&[row, row]).unwrap()).unwrap();
        let line = "-1\ta\\tb\\\\c\\nd\\re\t\\N\t\t\\\\x00ff\n";
        assert_eq!(text, [line, line].concat());
    }
}
