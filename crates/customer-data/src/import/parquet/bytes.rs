//! The bytes of a Parquet file, and a limit on how many of them are held unpacked.
//!
//! A page says how large it is unpacked before it is; a damaged or hostile file may say anything. So the
//! beginning of each page is looked at here, before the reader of the format makes room for it.

use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use parquet::basic::Encoding;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

/// The largest page unpacked. Writers make pages of 1 MiB unless told otherwise.
const PAGE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// What all columns hold unpacked at once.
const HELD_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// The longest beginning of a page; the smallest and largest value of the page stand in it.
const PAGE_HEADER_MAX: usize = 64 * 1024;
/// The number of the kind of page that holds a dictionary.
const DICTIONARY: u64 = 2;

/// A file that several columns read by turns.
pub(super) struct Shared<S> {
    source: Mutex<S>,
    length: u64,
    /// Bytes that all columns hold.
    held: AtomicU64,
}

impl<S: Read + Seek> Shared<S> {
    pub(super) fn new(mut source: S) -> io::Result<Self> {
        Ok(Self {
            length: source.seek(SeekFrom::End(0))?,
            source: Mutex::new(source),
            held: AtomicU64::new(0),
        })
    }

    /// Reads so many bytes, or fewer where the file ends.
    fn read(&self, start: u64, length: usize) -> Result<Vec<u8>> {
        let mut source = self.source.lock().expect("nobody panics while reading");
        source.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        let limit = u64::try_from(length).expect("a length of memory");
        Read::take(&mut *source, limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

impl<S> Shared<S> {
    pub(super) fn length(&self) -> u64 {
        self.length
    }
}

/// What one column holds.
#[derive(Debug, Default)]
struct Held {
    dictionary: u64,
    /// The page that is read now.
    last: u64,
    /// That one and those before it of which values may still be held.
    pages: u64,
}

/// The file as one column reads it.
pub(super) struct ColumnBytes<S> {
    file: Arc<Shared<S>>,
    held: Mutex<Held>,
}

impl<S> ColumnBytes<S> {
    pub(super) fn new(file: Arc<Shared<S>>) -> Self {
        Self {
            file,
            held: Mutex::default(),
        }
    }

    /// Notes that no value is held any more but those of the page that is read now.
    pub(super) fn let_go(&self) {
        let mut held = self.held.lock().expect("nobody panics while counting");
        let gone = held.pages - held.last;
        held.pages = held.last;
        self.file.held.fetch_sub(gone, Ordering::Relaxed);
    }

    /// Makes sure that there is room for a page.
    fn hold(&self, header: &[u8]) -> Result<()> {
        let (kind, length) = kind_and_length(header).ok_or_else(|| general("a damaged page"))?;
        if length > PAGE_BYTES_MAX {
            return Err(general(&format!(
                "a page of {length} bytes; at most {PAGE_BYTES_MAX} are read"
            )));
        }
        let mut held = self.held.lock().expect("nobody panics while counting");
        if kind == DICTIONARY {
            held.dictionary += length;
        } else {
            held.last = length;
            held.pages += length;
        }
        let all = self.file.held.fetch_add(length, Ordering::Relaxed) + length;
        if all > HELD_BYTES_MAX {
            return Err(general(&format!(
                "pages of more than {HELD_BYTES_MAX} bytes at once; write smaller ones"
            )));
        }
        Ok(())
    }
}

impl<S> Drop for ColumnBytes<S> {
    fn drop(&mut self) {
        if let Ok(held) = self.held.lock() {
            let all = held.dictionary + held.pages;
            self.file.held.fetch_sub(all, Ordering::Relaxed);
        }
    }
}

impl<S> Length for ColumnBytes<S> {
    fn len(&self) -> u64 {
        self.file.length
    }
}

impl<S: Read + Seek + Send> ChunkReader for ColumnBytes<S> {
    type T = Cursor<Vec<u8>>;

    /// Begins a page: nothing else is read in this way.
    fn get_read(&self, start: u64) -> Result<Self::T> {
        let header = self.file.read(start, PAGE_HEADER_MAX)?;
        self.hold(&header)?;
        Ok(Cursor::new(header))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<bytes::Bytes> {
        // What cannot be packed smaller is packed a little larger.
        if u64::try_from(length).is_ok_and(|length| length > 2 * PAGE_BYTES_MAX) {
            return Err(general(&format!("a page of {length} bytes packed")));
        }
        let read = self.file.read(start, length)?;
        if read.len() < length {
            return Err(general("the file ends within a page"));
        }
        Ok(read.into())
    }
}

fn general(what: &str) -> ParquetError {
    ParquetError::General(what.to_owned())
}

/// Returns the kind of a page and its length unpacked: the first two numbers of what it begins with, written as
/// Thrift's compact protocol has it.
fn kind_and_length(header: &[u8]) -> Option<(u64, u64)> {
    let (kind, rest) = number(header)?;
    let (length, _) = number(rest)?;
    Some((kind, length))
}

/// Reads a field of 32 bits whose number follows the one before.
fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (0x15, mut rest) = bytes.split_first().map(|(first, rest)| (*first, rest))? else {
        return None;
    };
    let (mut value, mut shift) = (0_u64, 0);
    loop {
        let (byte, behind) = rest.split_first()?;
        rest = behind;
        value |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            // The lowest bit is the sign; none of these is negative.
            return (value & 1 == 0).then_some((value >> 1, rest));
        }
        if shift > 28 {
            return None;
        }
    }
}

/// The pages of a column but for those whose values may be far longer than the page.
pub(super) struct Pages<P>(pub(super) P);

impl<P: PageReader> Iterator for Pages<P> {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl<P: PageReader> PageReader for Pages<P> {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.0.get_next_page()?;
        match &page {
            Some(page) if page.encoding() == Encoding::DELTA_BYTE_ARRAY => {
                Err(general("the encoding DELTA_BYTE_ARRAY, which is not read"))
            }
            _ => Ok(page),
        }
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        Err(general("pages are read in their order"))
    }

    fn skip_next_page(&mut self) -> Result<()> {
        Err(general("pages are read in their order"))
    }
}
