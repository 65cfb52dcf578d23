//! A file by its mapping, read batch by batch: the rows that can be read, and what is wrong with the others.

use std::io::{Read, Seek, SeekFrom};

use prost::Message as _;
use tenure_proto::customer::v1 as wire;

use super::Reject;
use super::lines::{Line, Lines};
use super::mapping::{Mapping, Rows};
use super::parquet::{Described, Format, Table};
use super::plan::{Plan, PlanError};
use super::run::ImportError;

/// Rows of one batch. Where batches begin must not depend on settings: a batch that is sent again
/// has to be the same.
const BATCH_ROWS: usize = 2_000;
/// A batch with more bytes is sent without waiting for more rows.
const BATCH_BYTES: usize = 1024 * 1024;

/// A file whose header is read and fits the mapping.
pub(super) struct Opening {
    plan: Plan,
    shape: Shape,
    length_max: usize,
    /// Where the rows begin, in bytes and lines.
    pub(super) start: (i64, i64),
}

/// How the rows of a file are found.
enum Shape {
    /// Lines with this byte between cells.
    Cells(u8),
    /// Lines that are one cell each.
    Lines,
    /// As the file describes itself, with this mark before fractions.
    Table(Box<Described>, char),
}

impl Opening {
    /// Reads the header, if the file has one.
    pub(super) fn of(
        mapping: &Mapping,
        source: &mut (impl Read + Seek),
    ) -> Result<Self, ImportError> {
        source.seek(SeekFrom::Start(0))?;
        let shape = match mapping.rows {
            Rows::Csv => Shape::Cells(delimiter(mapping)?),
            Rows::JsonLines => Shape::Lines,
            Rows::Parquet => Shape::Table(Box::new(Described::read(source)?), mapping.decimal_mark),
        };
        let (header, start) = match &shape {
            Shape::Cells(delimiter) => read_header(source, *delimiter, mapping.row_bytes_max)?,
            Shape::Lines => (Vec::new(), (0, 0)),
            Shape::Table(described, _) => (described.header(), (0, 0)),
        };
        let plan = Plan::compile(mapping, &header)?;
        if let Shape::Table(described, _) = &shape {
            let problems = described.problems(plan.used());
            if !problems.is_empty() {
                return Err(PlanError(problems).into());
            }
        }
        Ok(Self {
            plan,
            shape,
            length_max: mapping.row_bytes_max,
            start,
        })
    }

    /// Goes on behind the bytes and lines, and the rows, that are done.
    pub(super) fn read<S: Read + Seek>(
        self,
        mut source: S,
        done: (i64, i64),
        rows_done: i64,
    ) -> Result<Reader<S>, ImportError> {
        source.seek(SeekFrom::Start(done.0.unsigned_abs()))?;
        let rows = match self.shape {
            Shape::Cells(delimiter) => {
                Source::Lines(Lines::new(source, delimiter, self.length_max, done))
            }
            Shape::Lines => Source::Lines(Lines::uncut(source, self.length_max, done)),
            Shape::Table(described, decimal_mark) => {
                let format = Format {
                    used: self.plan.used().to_vec(),
                    decimal_mark,
                    length_max: self.length_max,
                };
                Source::Table(Box::new(described.rows(source, format, rows_done)?))
            }
        };
        Ok(Reader {
            rows,
            plan: self.plan,
            rows_done,
        })
    }
}

fn delimiter(mapping: &Mapping) -> Result<u8, ImportError> {
    u8::try_from(mapping.delimiter)
        .ok()
        .filter(|byte| byte.is_ascii() && !b"\"\r\n".contains(byte))
        .ok_or_else(|| PlanError(vec!["`delimiter` has to be one ASCII character".into()]).into())
}

/// Returns the names of the columns, and where the rows begin in bytes and lines.
fn read_header(
    source: impl Read,
    delimiter: u8,
    length_max: usize,
) -> Result<(Vec<String>, (i64, i64)), ImportError> {
    let mut lines = Lines::new(source, delimiter, length_max, (0, 0));
    match lines.next_line()? {
        None => Err(ImportError::Header("it is empty".into())),
        Some(Line::Bad(reject)) => {
            let Reject { wanted, found, .. } = reject;
            Err(ImportError::Header(format!(
                "wanted {wanted}, found {found}"
            )))
        }
        Some(Line::Row(row)) => {
            let cells = row.cells.iter();
            let names = cells.map(|name| name.trim().to_owned()).collect();
            Ok((names, (lines.done_bytes(), lines.done_lines())))
        }
    }
}

/// Reads the rows of a file.
pub(super) struct Reader<S> {
    rows: Source<S>,
    plan: Plan,
    rows_done: i64,
}

/// Where rows come from.
enum Source<S> {
    Lines(Lines<S>),
    Table(Box<Table<S>>),
}

/// Rows that are sent together.
pub(super) struct ReadRows {
    /// Those that can be read.
    pub(super) records: Vec<wire::ImportRecord>,
    /// What is wrong with the others, at least one thing for each.
    pub(super) rejects: Vec<Reject>,
    /// How many others there are.
    pub(super) refused_rows: i64,
    /// The file ends behind them.
    pub(super) is_last: bool,
}

impl<S: Read + Seek + Send + 'static> Reader<S> {
    /// Returns how many bytes and lines of the file are done.
    pub(super) fn done(&self) -> (i64, i64) {
        match &self.rows {
            Source::Lines(lines) => (lines.done_bytes(), lines.done_lines()),
            Source::Table(table) => table.done(),
        }
    }

    /// Returns how many rows are done, the refused ones included.
    pub(super) fn rows_done(&self) -> i64 {
        self.rows_done
    }

    /// Reads the rows of the next batch.
    pub(super) fn next_rows(&mut self) -> Result<ReadRows, ImportError> {
        let mut read = ReadRows {
            records: Vec::with_capacity(BATCH_ROWS),
            rejects: Vec::new(),
            refused_rows: 0,
            is_last: false,
        };
        let mut bytes = 0;
        while read.records.len() + read.rejects.len() < BATCH_ROWS && bytes < BATCH_BYTES {
            let line = match &mut self.rows {
                Source::Lines(lines) => lines.next_line()?,
                Source::Table(table) => table.next_line()?,
            };
            let Some(line) = line else {
                read.is_last = true;
                break;
            };
            self.rows_done += 1;
            let record = match line {
                Line::Bad(reject) => Err(vec![self.plan.with_column_name(reject)]),
                Line::Row(row) => self.plan.read(self.rows_done, &row),
            };
            match record {
                Ok(record) => {
                    bytes += record.encoded_len();
                    read.records.push(record);
                }
                Err(all) => {
                    read.refused_rows += 1;
                    read.rejects.extend(all);
                }
            }
        }
        Ok(read)
    }

    /// Names the column behind a field that the service refused.
    pub(super) fn named(&self, reject: wire::RowReject) -> Reject {
        let wire::RowReject {
            line,
            column,
            wanted,
            found,
        } = reject;
        let column = match self.plan.column_of(&column) {
            Some(name) => name.to_owned(),
            None => column,
        };
        Reject {
            line,
            column,
            wanted,
            found,
        }
    }
}
