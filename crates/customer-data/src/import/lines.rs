//! A stream cut into rows of cells, with bounded memory whatever the stream holds.
//!
//! The format is that of RFC 4180 with any one-byte delimiter: cells may stand in double quotes,
//! which then may hold delimiters, line ends and doubled quotes. Lines end with LF or CRLF; empty
//! lines are no rows. A row that cannot be read is told and skipped, and reading goes on at the next
//! line of the file: one stray quote costs one line, not the rest.

use std::io::{self, Read};

use super::Reject;

/// How much is read at once.
const CHUNK: usize = 64 * 1024;

/// What stands before the number of a column in a reject.
pub(super) const COLUMN_NUMBER: &str = "column ";

/// A row of cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The line where it begins; the first line is 1.
    pub line: i64,
    /// Its cells.
    pub cells: Vec<String>,
}

/// What a line of the file turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A row.
    Row(Row),
    /// Something that cannot be read.
    Bad(Reject),
}

/// Reads rows from a stream.
#[derive(Debug)]
pub struct Lines<R> {
    source: R,
    /// What stands between cells; nothing where a line is one cell.
    delimiter: Option<u8>,
    length_max: usize,
    /// How much is read at once.
    chunk: usize,
    buffer: Vec<u8>,
    /// Where the next row begins in the buffer.
    start: usize,
    is_at_end: bool,
    done_bytes: i64,
    done_lines: i64,
}

/// Where a row ends.
enum End {
    /// Before this byte; the next row begins after the line end.
    At { end: usize, next: usize },
    /// Nowhere: a quote is open at the end of the file or of the longest row.
    OpenQuote,
    /// Nobody knows where: text follows a closing quote, so one of the quotes is a stray one.
    StrayQuote,
    /// Further away than a row may be long.
    TooFar,
}

impl<R: Read> Lines<R> {
    /// Creates a reader of rows of at most `length_max` bytes. The source stands at the given
    /// number of bytes and lines into the file.
    pub fn new(source: R, delimiter: u8, length_max: usize, done: (i64, i64)) -> Self {
        Self::with(source, Some(delimiter), length_max, done)
    }

    /// Creates a reader of lines that are one cell each, whatever they hold.
    pub fn uncut(source: R, length_max: usize, done: (i64, i64)) -> Self {
        Self::with(source, None, length_max, done)
    }

    fn with(source: R, delimiter: Option<u8>, length_max: usize, done: (i64, i64)) -> Self {
        Self {
            source,
            delimiter,
            length_max,
            chunk: CHUNK,
            buffer: Vec::new(),
            start: 0,
            is_at_end: false,
            done_bytes: done.0,
            done_lines: done.1,
        }
    }

    /// Reads so many bytes at once: small files are read as large ones are.
    #[cfg(test)]
    pub(super) fn in_chunks_of(self, chunk: usize) -> Self {
        Self { chunk, ..self }
    }

    /// Returns how many bytes of the file are done.
    #[must_use]
    pub fn done_bytes(&self) -> i64 {
        self.done_bytes
    }

    /// Returns how many lines of the file are done.
    #[must_use]
    pub fn done_lines(&self) -> i64 {
        self.done_lines
    }

    /// Returns the largest number of bytes that were held at once.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.buffer.capacity()
    }

    /// Returns the next line that is not empty; nothing at the end.
    ///
    /// # Errors
    /// When the source cannot be read.
    pub fn next_line(&mut self) -> io::Result<Option<Line>> {
        loop {
            if self.start == self.buffer.len() && !self.fill()? {
                return Ok(None);
            }
            if self.done_bytes == 0 && self.skip_byte_order_mark()? {
                continue;
            }
            let line = self.done_lines + 1;
            let (end, next) = match self.find_end()? {
                End::At { end, next } => (end, next),
                End::OpenQuote => return self.skip_bad_quote(open_quote(line)).map(Some),
                End::StrayQuote => return self.skip_bad_quote(stray_quote(line)).map(Some),
                End::TooFar => return self.skip_long_line(line).map(Some),
            };
            let bytes = &self.buffer[self.start..end];
            if bytes.is_empty() {
                self.advance(next);
                continue;
            }
            let read = self.cells(bytes, line);
            self.advance(next);
            return Ok(Some(read));
        }
    }

    /// Reads another chunk behind what is held; false at the end of the source.
    fn fill(&mut self) -> io::Result<bool> {
        if self.is_at_end {
            return Ok(false);
        }
        self.buffer.drain(..self.start);
        self.start = 0;
        let held = self.buffer.len();
        self.buffer.resize(held + self.chunk, 0);
        let read = loop {
            match self.source.read(&mut self.buffer[held..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.buffer.truncate(held + *read.as_ref().unwrap_or(&0));
        self.is_at_end = read? == 0;
        Ok(!self.is_at_end)
    }

    /// Skips the mark that some programs write in front of UTF-8.
    fn skip_byte_order_mark(&mut self) -> io::Result<bool> {
        while self.buffer.len() - self.start < 3 && self.fill()? {}
        if self.buffer[self.start..].starts_with(b"\xef\xbb\xbf") {
            self.start += 3;
            self.done_bytes += 3;
            return Ok(true);
        }
        Ok(false)
    }

    fn find_end(&mut self) -> io::Result<End> {
        let (mut at, mut quote) = (0, Quote::default());
        loop {
            while let Some(byte) = self.buffer.get(self.start + at) {
                if at > self.length_max {
                    return Ok(if quote.is_open {
                        End::OpenQuote
                    } else {
                        End::TooFar
                    });
                }
                if *byte == b'\n' && !quote.is_open {
                    let end = self.start + at;
                    let carriage = at > 0 && self.buffer[end - 1] == b'\r';
                    return Ok(End::At {
                        end: end - usize::from(carriage),
                        next: end + 1,
                    });
                }
                if let Some(delimiter) = self.delimiter {
                    quote.see(*byte, delimiter);
                }
                if quote.is_stray {
                    return Ok(End::StrayQuote);
                }
                at += 1;
            }
            if !self.fill()? {
                let end = self.start + at;
                return Ok(match quote.is_open {
                    true => End::OpenQuote,
                    // The end of the file ends no row that is too long already.
                    false if at > self.length_max => End::TooFar,
                    false => End::At { end, next: end },
                });
            }
        }
    }

    /// Cuts a row into cells. Its quotes are balanced.
    fn cells(&self, bytes: &[u8], line: i64) -> Line {
        let mut cells = Vec::new();
        let mut cell = Vec::new();
        let mut quote = Quote::default();
        let Some(delimiter) = self.delimiter else {
            return texts(vec![bytes.to_vec()], line);
        };
        for byte in bytes {
            let was_open = quote.is_open;
            let is_text = quote.see(*byte, delimiter);
            if *byte == delimiter && !was_open {
                cells.push(std::mem::take(&mut cell));
            } else if is_text {
                cell.push(*byte);
            }
        }
        cells.push(cell);
        texts(cells, line)
    }

    fn advance(&mut self, next: usize) {
        let done = &self.buffer[self.start..next];
        let ends = done.iter().filter(|byte| **byte == b'\n').count();
        // The last line of a file may have no end.
        let unfinished = usize::from(!done.is_empty() && done.last() != Some(&b'\n'));
        self.done_lines += i64::try_from(ends + unfinished).expect("a row is not that long");
        self.done_bytes += i64::try_from(done.len()).expect("a row is not that long");
        self.start = next;
    }

    /// Skips the one line of the file in which the row with a bad quote begins.
    fn skip_bad_quote(&mut self, reject: Reject) -> io::Result<Line> {
        loop {
            let held = &self.buffer[self.start..];
            // However much of it is held: what is told of a line follows from the line alone.
            let mut near = held.iter().take(self.length_max.saturating_add(1));
            if let Some(end) = near.position(|byte| *byte == b'\n') {
                self.advance(self.start + end + 1);
                return Ok(Line::Bad(reject));
            }
            if held.len() > self.length_max {
                return self.skip_long_line(reject.line);
            }
            if self.is_at_end {
                self.advance(self.buffer.len());
                return Ok(Line::Bad(reject));
            }
            self.fill()?;
        }
    }

    /// Skips a line without holding it.
    fn skip_long_line(&mut self, line: i64) -> io::Result<Line> {
        loop {
            let held = &self.buffer[self.start..];
            // Looked for by a function that the standard library keeps fast: such lines are long.
            let end = if held.contains(&b'\n') {
                held.iter().position(|byte| *byte == b'\n')
            } else {
                None
            };
            if let Some(end) = end {
                self.start += end + 1;
                self.done_bytes += i64::try_from(end + 1).expect("less than a chunk");
                break;
            }
            self.done_bytes += i64::try_from(held.len()).expect("less than a chunk");
            self.start = self.buffer.len();
            if !self.fill()? {
                break;
            }
        }
        self.done_lines += 1;
        Ok(Line::Bad(Reject {
            line,
            column: String::new(),
            wanted: format!("a line of at most {} bytes", self.length_max),
            found: "a longer one".to_owned(),
        }))
    }
}

/// Returns a row of cells that have to be text.
fn texts(cells: Vec<Vec<u8>>, line: i64) -> Line {
    let mut texts = Vec::with_capacity(cells.len());
    for (at, cell) in cells.into_iter().enumerate() {
        match String::from_utf8(cell) {
            Ok(text) => texts.push(text),
            Err(error) => {
                let byte = error.utf8_error().valid_up_to() + 1;
                return Line::Bad(Reject {
                    line,
                    column: format!("{COLUMN_NUMBER}{}", at + 1),
                    wanted: "UTF-8".to_owned(),
                    found: format!("other bytes from byte {byte} of the cell on"),
                });
            }
        }
    }
    Line::Row(Row { line, cells: texts })
}

fn open_quote(line: i64) -> Reject {
    Reject {
        line,
        column: String::new(),
        wanted: "a closing quote".to_owned(),
        found: "none".to_owned(),
    }
}

fn stray_quote(line: i64) -> Reject {
    Reject {
        line,
        column: String::new(),
        wanted: "a delimiter or a line end behind a closing quote".to_owned(),
        found: "text".to_owned(),
    }
}

/// Whether the reader stands between quotes.
#[derive(Default)]
struct Quote {
    is_open: bool,
    /// The cell began with a quote.
    is_quoted: bool,
    /// Something of the cell was seen.
    is_inside: bool,
    /// The byte before was a quote that closed.
    just_closed: bool,
    /// Text was seen behind a quote that closed.
    is_stray: bool,
}

impl Quote {
    /// Takes one byte and returns true when it is text of the cell.
    fn see(&mut self, byte: u8, delimiter: u8) -> bool {
        if self.is_open {
            self.is_open = byte != b'"';
            self.just_closed = byte == b'"';
            return self.is_open;
        }
        if byte == b'"' && self.just_closed {
            // A doubled quote is one quote.
            self.is_open = true;
            self.just_closed = false;
            return true;
        }
        self.just_closed = false;
        if byte == delimiter {
            *self = Self::default();
            return false;
        }
        if byte == b'"' && !self.is_inside {
            self.is_open = true;
            self.is_quoted = true;
            self.is_inside = true;
            return false;
        }
        self.is_inside = true;
        // Spaces around a cell do not count, and CR may begin a line end.
        self.is_stray |= self.is_quoted && !b" \t\r".contains(&byte);
        true
    }
}

#[cfg(test)]
mod tests;
