//! The types of Parquet's columns, and their values as the texts that cells hold.

use jiff::civil::Date;
use parquet::basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType, Int96};
use parquet::errors::{ParquetError, Result};
use parquet::schema::types::Type;
use tenure_core::violation::Mismatch;

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Flags, numbers and whatever else has one way to be written.
    Plain,
    /// Whole numbers without a sign.
    Unsigned,
    /// Whole numbers of which so many digits stand behind the mark.
    Decimal(usize),
    /// Days since 1970.
    Day,
    /// Instants since 1970; so many of the unit are a second.
    Instant(i64),
    Text,
    Uuid,
    /// Nothing that a cell could hold, and what it is instead.
    Refused(&'static str),
}

/// The most digits of a decimal.
const DIGITS_MAX: i32 = 38;

impl Kind {
    /// Tells what a column of the file's outermost level holds.
    pub(super) fn of(column: &Type) -> Self {
        let info = column.get_basic_info();
        let is_repeated = info.has_repetition() && info.repetition() == Repetition::REPEATED;
        let Type::PrimitiveType {
            physical_type,
            type_length,
            scale,
            ..
        } = column
        else {
            return Self::Refused("a list, a map or a group");
        };
        if is_repeated {
            return Self::Refused("a list, a map or a group");
        }
        let kind = match info.logical_type_ref() {
            Some(logical) => Self::of_logical(logical),
            None => Self::of_converted(info.converted_type(), *scale),
        };
        match (kind, physical_type) {
            (Self::Plain, Physical::INT96) => Self::Instant(1_000_000_000),
            (Self::Plain, Physical::BYTE_ARRAY) => Self::Text,
            (Self::Plain, Physical::FIXED_LEN_BYTE_ARRAY) => Self::Refused("bytes"),
            (Self::Uuid, Physical::FIXED_LEN_BYTE_ARRAY) if *type_length == 16 => kind,
            (Self::Decimal(_), Physical::FIXED_LEN_BYTE_ARRAY) if *type_length <= 16 => kind,
            (Self::Decimal(_), Physical::INT32 | Physical::INT64 | Physical::BYTE_ARRAY)
            | (Self::Unsigned, Physical::INT32 | Physical::INT64)
            | (Self::Day, Physical::INT32)
            | (Self::Text, Physical::BYTE_ARRAY)
            | (Self::Instant(_), Physical::INT64)
            | (Self::Plain | Self::Refused(_), _) => kind,
            _ => Self::Refused("a type that contradicts itself"),
        }
    }

    fn of_logical(logical: &LogicalType) -> Self {
        match logical {
            LogicalType::String | LogicalType::Enum | LogicalType::Json => Self::Text,
            LogicalType::Decimal(decimal) => Self::decimal(decimal.scale),
            LogicalType::Date => Self::Day,
            LogicalType::Timestamp(instant) => Self::Instant(match instant.unit {
                TimeUnit::MILLIS => 1_000,
                TimeUnit::MICROS => 1_000_000,
                TimeUnit::NANOS => 1_000_000_000,
            }),
            LogicalType::Integer(integer) if integer.is_signed => Self::Plain,
            LogicalType::Integer(_) => Self::Unsigned,
            LogicalType::Uuid => Self::Uuid,
            // A column in which nothing stands.
            LogicalType::Unknown => Self::Plain,
            LogicalType::Time(_) => Self::Refused("a time of day"),
            _ => Self::Refused("bytes"),
        }
    }

    /// Tells it by what files had before there were logical types.
    fn of_converted(converted: ConvertedType, scale: i32) -> Self {
        match converted {
            ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON => Self::Text,
            ConvertedType::DECIMAL => Self::decimal(scale),
            ConvertedType::DATE => Self::Day,
            ConvertedType::TIMESTAMP_MILLIS => Self::Instant(1_000),
            ConvertedType::TIMESTAMP_MICROS => Self::Instant(1_000_000),
            ConvertedType::UINT_8
            | ConvertedType::UINT_16
            | ConvertedType::UINT_32
            | ConvertedType::UINT_64 => Self::Unsigned,
            ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS => {
                Self::Refused("a time of day")
            }
            ConvertedType::BSON | ConvertedType::INTERVAL => Self::Refused("bytes"),
            _ => Self::Plain,
        }
    }

    fn decimal(scale: i32) -> Self {
        match usize::try_from(scale) {
            Ok(digits) if scale <= DIGITS_MAX => Self::Decimal(digits),
            _ => Self::Refused("a type that contradicts itself"),
        }
    }

    /// Returns a value as the text of a cell, with this mark before fractions.
    pub(super) fn text(self, value: &Raw, mark: char) -> std::result::Result<String, Mismatch> {
        let exotic = || Mismatch::new("a day or an instant that exists", "another");
        match (self, value) {
            (_, Raw::Flag(flag)) => Ok(flag.to_string()),
            (_, Raw::Single(number)) => Ok(with_mark(number.to_string(), mark)),
            (_, Raw::Double(number)) => Ok(with_mark(number.to_string(), mark)),
            (Self::Decimal(digits), Raw::Int(number)) => {
                Ok(decimal(i128::from(*number), digits, mark))
            }
            (Self::Decimal(digits), Raw::Bytes(bytes)) => {
                let number = big_endian(bytes.data());
                let wanted = || Mismatch::new("a decimal of at most 16 bytes", "a longer one");
                Ok(decimal(number.ok_or_else(wanted)?, digits, mark))
            }
            (Self::Unsigned, Raw::Short(number)) => Ok(number.cast_unsigned().to_string()),
            (Self::Unsigned, Raw::Int(number)) => Ok(number.cast_unsigned().to_string()),
            (Self::Day, Raw::Short(days)) => day(*days).ok_or_else(exotic),
            (Self::Instant(per_second), Raw::Int(count)) => {
                let per_second = i128::from(per_second);
                instant(i128::from(*count) * 1_000_000 / per_second).ok_or_else(exotic)
            }
            (Self::Instant(_), Raw::Julian(micros)) => instant(*micros).ok_or_else(exotic),
            (Self::Decimal(digits), Raw::Short(number)) => {
                Ok(decimal(i128::from(*number), digits, mark))
            }
            (_, Raw::Short(number)) => Ok(number.to_string()),
            (_, Raw::Int(number)) => Ok(number.to_string()),
            (_, Raw::Julian(number)) => Ok(number.to_string()),
            (Self::Uuid, Raw::Bytes(bytes)) => {
                let id = uuid::Uuid::from_slice(bytes.data());
                id.map(|id| id.to_string())
                    .map_err(|_| Mismatch::new("16 bytes", "others"))
            }
            (_, Raw::Bytes(bytes)) => match std::str::from_utf8(bytes.data()) {
                Ok(text) => Ok(text.to_owned()),
                Err(error) => {
                    let byte = error.valid_up_to() + 1;
                    let found = format!("other bytes from byte {byte} of the cell on");
                    Err(Mismatch::new("UTF-8", found))
                }
            },
        }
    }
}

/// A value as the file has it.
#[derive(Debug, Clone)]
pub(super) enum Raw {
    Flag(bool),
    Short(i32),
    Int(i64),
    /// Microseconds since 1970, from what older writers count from a day of Julius Scaliger's.
    Julian(i128),
    Single(f32),
    Double(f64),
    Bytes(ByteArray),
}

impl Raw {
    /// Returns how long its text is at least; only texts are long.
    pub(super) fn length(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            _ => 0,
        }
    }
}

/// Reads the values of so many rows; nothing stands for null.
pub(super) fn values(reader: &mut ColumnReader, rows: usize) -> Result<Vec<Option<Raw>>> {
    use ColumnReader as Of;
    match reader {
        Of::BoolColumnReader(reader) => read(reader, rows, Raw::Flag),
        Of::Int32ColumnReader(reader) => read(reader, rows, Raw::Short),
        Of::Int64ColumnReader(reader) => read(reader, rows, Raw::Int),
        Of::Int96ColumnReader(reader) => read(reader, rows, |at| Raw::Julian(micros(at))),
        Of::FloatColumnReader(reader) => read(reader, rows, Raw::Single),
        Of::DoubleColumnReader(reader) => read(reader, rows, Raw::Double),
        Of::ByteArrayColumnReader(reader) => read(reader, rows, Raw::Bytes),
        Of::FixedLenByteArrayColumnReader(reader) => read(reader, rows, |bytes| {
            Raw::Bytes(bytes.data().to_vec().into())
        }),
    }
}

fn read<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    rows: usize,
    raw: impl Fn(T::T) -> Raw,
) -> Result<Vec<Option<Raw>>> {
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    let (read, ..) = reader.read_records(rows, Some(&mut levels), None, &mut values)?;
    let short = || ParquetError::General("a column has fewer values than rows".to_owned());
    if read != rows {
        return Err(short());
    }
    if levels.is_empty() {
        // The column has a value for each row.
        return match values.len() == rows {
            true => Ok(values.into_iter().map(|value| Some(raw(value))).collect()),
            false => Err(short()),
        };
    }
    let mut values = values.into_iter();
    let mut all = Vec::with_capacity(rows);
    for level in levels {
        all.push(match level {
            0 => None,
            _ => Some(raw(values.next().ok_or_else(short)?)),
        });
    }
    Ok(all)
}

fn with_mark(number: String, mark: char) -> String {
    match mark {
        '.' => number,
        mark => number.replace('.', &mark.to_string()),
    }
}

/// Writes a whole number of the smallest unit with its fraction.
fn decimal(number: i128, digits: usize, mark: char) -> String {
    let sign = if number < 0 { "-" } else { "" };
    let unsigned = number.unsigned_abs().to_string();
    let unsigned = format!("{unsigned:0>width$}", width = digits + 1);
    match unsigned.split_at(unsigned.len() - digits) {
        (whole, "") => format!("{sign}{whole}"),
        (whole, fraction) => format!("{sign}{whole}{mark}{fraction}"),
    }
}

fn big_endian(bytes: &[u8]) -> Option<i128> {
    let is_negative = *bytes.first()? >= 0x80;
    let mut all = [if is_negative { 0xff } else { 0 }; 16];
    let from = all.len().checked_sub(bytes.len())?;
    all[from..].copy_from_slice(bytes);
    Some(i128::from_be_bytes(all))
}

fn day(days: i32) -> Option<String> {
    let days = jiff::Span::new().try_days(days).ok()?;
    let day = Date::constant(1970, 1, 1).checked_add(days).ok()?;
    Some(day.to_string())
}

/// Writes an instant; what is finer than a microsecond is cut off.
fn instant(micros: i128) -> Option<String> {
    let micros = i64::try_from(micros).ok()?;
    let instant = jiff::Timestamp::from_microsecond(micros).ok()?;
    Some(instant.to_string())
}

fn micros(at: Int96) -> i128 {
    /// The number that 1970-01-01 has among the days of the Julian period.
    const JULIAN_1970: i128 = 2_440_588;
    let [low, high, day] = [0, 1, 2].map(|part| i128::from(at.data()[part]));
    (day - JULIAN_1970) * 86_400_000_000 + (high << 32 | low) / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_written_with_all_their_digits() {
        assert_eq!(decimal(2_990, 2, ','), "29,90");
        assert_eq!(decimal(-5, 2, '.'), "-0.05");
        assert_eq!(decimal(7, 0, '.'), "7");
        assert_eq!(big_endian(&[0xff, 0x38]), Some(-200));
        assert_eq!(big_endian(&[0; 17]), None);
        assert_eq!(big_endian(&[]), None);
    }

    #[test]
    fn days_and_instants_are_those_of_the_calendar() {
        assert_eq!(day(18_321).as_deref(), Some("2020-02-29"));
        assert_eq!(day(i32::MAX), None);
        assert_eq!(instant(-1).as_deref(), Some("1969-12-31T23:59:59.999999Z"));
        assert_eq!(instant(i128::from(i64::MAX)), None);
        // Noon of 1970-01-02.
        let mut noon = Int96::new();
        let nanos = 43_200_000_000_000_u64;
        noon.set_data(nanos as u32, (nanos >> 32) as u32, 2_440_589);
        assert_eq!(micros(noon), 129_600_000_000);
    }
}
