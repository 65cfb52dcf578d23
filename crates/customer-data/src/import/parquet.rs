//! A Parquet file as rows of cells, with bounded memory whatever the file says of itself.
//!
//! Rows are numbered from 1; the number stands where other files have a line.

mod bytes;
mod column;

use std::io::{Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::column::reader::{ColumnReader, get_column_reader};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::serialized_reader::SerializedPageReader;

use super::Reject;
use super::lines::{COLUMN_NUMBER, Line, Row};
use super::run::ImportError;
use bytes::{ColumnBytes, Pages, Shared};
use column::{Kind, Raw};

/// What a file begins and ends with.
const MAGIC: &[u8] = b"PAR1";
/// The length of the description of the file and of the magic, at its end.
const TAIL: u64 = 8;
/// The longest description of a file: read whole, and some times as large in memory.
const FOOTER_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// The most columns of a file.
const COLUMNS_MAX: usize = 2_000;
/// The most rows of a group: nulls take no room, so a small file may tell of any number.
const GROUP_ROWS_MAX: i64 = 100_000_000;
/// Rows that are read of each column at once.
const ROWS: usize = 256;

/// What a file says of itself.
pub(super) struct Described {
    metadata: ParquetMetaData,
    /// The outermost columns.
    columns: Vec<Column>,
    /// All rows.
    rows: i64,
}

struct Column {
    name: String,
    kind: Kind,
    /// Its place among those that hold values.
    leaf: usize,
}

impl Described {
    /// Reads the description at the end of the file.
    pub(super) fn read(source: &mut (impl Read + Seek)) -> Result<Self, ImportError> {
        let length = source.seek(SeekFrom::End(0))?;
        if length < TAIL + 4 || piece(source, 0, 4)? != MAGIC {
            return Err(wrong("it does not begin as one"));
        }
        let tail = piece(source, length - TAIL, TAIL)?;
        let (size, magic) = tail.split_at(4);
        match magic {
            b"PAR1" => {}
            b"PARE" => return Err(wrong("it is encrypted")),
            _ => return Err(wrong("it ends early")),
        }
        let size = u64::from(u32::from_le_bytes(size.try_into().expect("four bytes")));
        if size > FOOTER_BYTES_MAX || size > length - TAIL - 4 {
            return Err(wrong(&format!(
                "its description is {size} bytes long; at most {FOOTER_BYTES_MAX} are read"
            )));
        }
        let footer = piece(source, length - TAIL - size, size)?;
        guarded(|| Self::check(ParquetMetaDataReader::decode_metadata(&footer)?))
    }

    fn check(metadata: ParquetMetaData) -> Result<Self, ImportError> {
        let schema = metadata.file_metadata().schema_descr();
        if schema.num_columns() > COLUMNS_MAX {
            return Err(wrong(&format!("it has more than {COLUMNS_MAX} columns")));
        }
        let mut columns: Vec<Column> = Vec::new();
        for field in schema.root_schema().get_fields() {
            let of_it = |leaf: &usize| schema.get_column_root(*leaf).name() == field.name();
            let kind = Kind::of(field);
            let leaf = (0..schema.num_columns()).find(of_it);
            columns.push(Column {
                name: field.name().to_owned(),
                // A group of nothing has no leaf.
                kind: leaf.map_or(Kind::Refused("a list, a map or a group"), |_| kind),
                leaf: leaf.unwrap_or(0),
            });
        }
        let mut rows = 0_i64;
        for group in metadata.row_groups() {
            let count = group.num_rows();
            if !(0..=GROUP_ROWS_MAX).contains(&count) {
                return Err(wrong(&format!("a group of {count} rows")));
            }
            rows = rows
                .checked_add(count)
                .ok_or_else(|| wrong("too many rows"))?;
        }
        Ok(Self {
            metadata,
            columns,
            rows,
        })
    }

    /// Returns the names of the outermost columns.
    pub(super) fn header(&self) -> Vec<String> {
        self.columns.iter().map(|it| it.name.clone()).collect()
    }

    /// Tells what is wrong with the columns that are used.
    pub(super) fn problems(&self, used: &[bool]) -> Vec<String> {
        let mut problems = Vec::new();
        for (column, _) in self.columns.iter().zip(used).filter(|(_, used)| **used) {
            if let Kind::Refused(what) = column.kind {
                problems.push(format!(
                    "the column `{}` holds {what}, which no field takes",
                    column.name
                ));
            }
        }
        problems
    }

    /// Goes on behind the rows that are done. Columns that are not used are not read.
    pub(super) fn rows<S: Read + Seek>(
        self,
        source: S,
        format: Format,
        rows_done: i64,
    ) -> Result<Table<S>, ImportError> {
        let mut table = Table {
            file: Arc::new(Shared::new(source)?),
            described: self,
            format,
            group: 0,
            left: 0,
            columns: Vec::new(),
            values: Vec::new(),
            at: 0,
            skip: 0,
            rows_done,
        };
        let mut skip = rows_done;
        for group in table.described.metadata.row_groups() {
            if skip < group.num_rows() {
                break;
            }
            skip -= group.num_rows();
            table.group += 1;
        }
        table.skip = skip;
        Ok(table)
    }
}

/// How cells are written.
pub(super) struct Format {
    /// Which columns are needed.
    pub(super) used: Vec<bool>,
    /// The mark before fractions that the mapping expects.
    pub(super) decimal_mark: char,
    /// The longest row in bytes.
    pub(super) length_max: usize,
}

/// Reads the rows of a file.
pub(super) struct Table<S> {
    file: Arc<Shared<S>>,
    described: Described,
    format: Format,
    /// The group to open next.
    group: usize,
    /// Rows of the open group that are not read yet.
    left: usize,
    columns: Vec<Open<S>>,
    /// What was read of each column.
    values: Vec<Vec<Option<Raw>>>,
    /// How many rows of that are done.
    at: usize,
    /// Rows of the next group that an earlier run did.
    skip: i64,
    rows_done: i64,
}

/// A column of the group that is read.
struct Open<S> {
    /// Its place in the header.
    place: usize,
    reader: ColumnReader,
    bytes: Arc<ColumnBytes<S>>,
}

impl<S: Read + Seek + Send + 'static> Table<S> {
    /// Returns the next row; nothing at the end.
    pub(super) fn next_line(&mut self) -> Result<Option<Line>, ImportError> {
        while self.at == self.held() {
            if !self.fill()? {
                return Ok(None);
            }
        }
        let at = self.at;
        self.at += 1;
        self.rows_done += 1;
        Ok(Some(self.line(at)))
    }

    /// Returns how many rows of each column are held.
    fn held(&self) -> usize {
        self.values.first().map_or(0, Vec::len)
    }

    /// Reads some more rows, or none of a group that is done; false at the end.
    fn fill(&mut self) -> Result<bool, ImportError> {
        self.values.clear();
        self.at = 0;
        if self.left == 0 {
            let groups = self.described.metadata.row_groups();
            let Some(group) = groups.get(self.group) else {
                return Ok(false);
            };
            self.columns = guarded(|| self.open(group))?;
            self.left = usize::try_from(group.num_rows()).expect("within the limit");
            self.group += 1;
        }
        let rows = self.left.min(ROWS);
        for column in &mut self.columns {
            column.bytes.let_go();
            let read = guarded(|| Ok(column::values(&mut column.reader, rows)?));
            self.values.push(read?);
        }
        if self.columns.is_empty() {
            self.values.push(vec![None; rows]);
        }
        self.left -= rows;
        let skipped = usize::try_from(self.skip).map_or(rows, |skip| skip.min(rows));
        self.at = skipped;
        self.skip -= i64::try_from(skipped).expect("less than it was");
        Ok(true)
    }

    fn open(&self, group: &RowGroupMetaData) -> Result<Vec<Open<S>>, ImportError> {
        let mut open = Vec::new();
        let columns = self.described.columns.iter().enumerate();
        for (place, column) in columns.filter(|(place, _)| self.format.used[*place]) {
            let chunk = group.column(column.leaf);
            if !matches!(
                chunk.compression(),
                Compression::UNCOMPRESSED | Compression::SNAPPY
            ) {
                let name = &column.name;
                let packed = chunk.compression();
                return Err(wrong(&format!(
                    "the column `{name}` is packed by {packed}; SNAPPY and none are read"
                )));
            }
            let start = chunk
                .dictionary_page_offset()
                .unwrap_or(chunk.data_page_offset());
            let end = start.checked_add(chunk.compressed_size());
            let length = i64::try_from(self.file.length()).unwrap_or(i64::MAX);
            let is_inside = end.is_some_and(|end| start >= 0 && end >= start && end <= length);
            if !is_inside {
                return Err(wrong("a column lies outside the file"));
            }
            let bytes = Arc::new(ColumnBytes::new(self.file.clone()));
            let rows = usize::try_from(group.num_rows()).expect("within the limit");
            let pages = SerializedPageReader::new(bytes.clone(), chunk, rows, None)?;
            let reader = get_column_reader(chunk.column_descr_ptr(), Box::new(Pages(pages)));
            open.push(Open {
                place,
                reader,
                bytes,
            });
        }
        Ok(open)
    }

    fn line(&self, at: usize) -> Line {
        let line = self.rows_done;
        let reject = |column, wanted, found| {
            Line::Bad(Reject {
                line,
                column,
                wanted,
                found,
            })
        };
        let values = || self.columns.iter().zip(&self.values);
        let lengths = values().map(|(_, values)| values[at].as_ref().map_or(0, Raw::length));
        if lengths.sum::<usize>() > self.format.length_max {
            let wanted = format!("a row of at most {} bytes", self.format.length_max);
            return reject(String::new(), wanted, "a longer one".to_owned());
        }
        let mut cells = vec![String::new(); self.described.columns.len()];
        for (column, values) in values() {
            let Some(value) = &values[at] else {
                continue;
            };
            let kind = self.described.columns[column.place].kind;
            match kind.text(value, self.format.decimal_mark) {
                Ok(text) => cells[column.place] = text,
                Err(mismatch) => {
                    let name = format!("{COLUMN_NUMBER}{}", column.place + 1);
                    return reject(name, mismatch.wanted, mismatch.found);
                }
            }
        }
        Line::Row(Row { line, cells })
    }
}

impl<S> Table<S> {
    /// Returns how much of the file is done, in bytes and rows. Its columns stand one behind the other, so the
    /// bytes are the share of the rows.
    pub(super) fn done(&self) -> (i64, i64) {
        let (length, rows) = (self.file.length(), self.described.rows);
        if self.rows_done >= rows {
            return (i64::try_from(length).unwrap_or(i64::MAX), self.rows_done);
        }
        let share = i128::from(length) * i128::from(self.rows_done) / i128::from(rows);
        (i64::try_from(share).unwrap_or(i64::MAX), self.rows_done)
    }
}

fn piece(source: &mut (impl Read + Seek), start: u64, length: u64) -> Result<Vec<u8>, ImportError> {
    source.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    source.take(length).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()) == Ok(length) {
        Ok(bytes)
    } else {
        Err(wrong("it ends early"))
    }
}

/// Calls the reader of the format, which asserts what a damaged page may break. What it was reading is not used
/// again after that.
fn guarded<T>(read: impl FnOnce() -> Result<T, ImportError>) -> Result<T, ImportError> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(wrong("it is damaged")))
}

/// How much is told of what the reader of the format says.
const TOLD_MAX: usize = 200;

fn wrong(what: &str) -> ImportError {
    let what = &what[..what.floor_char_boundary(TOLD_MAX)];
    ImportError::Parquet(what.to_owned())
}

impl From<ParquetError> for ImportError {
    fn from(error: ParquetError) -> Self {
        match error {
            ParquetError::External(source) => match source.downcast::<std::io::Error>() {
                Ok(error) => Self::Io(*error),
                Err(error) => wrong(&error.to_string()),
            },
            ParquetError::General(what) => wrong(&what),
            error => wrong(&error.to_string()),
        }
    }
}
