//! What was refused, beside the file: written batch by batch, so that a run that goes on after a
//! crash ends with the same file as one that never stopped.
//!
//! A second file says up to which batch the first is complete and how long it was then. It is
//! written after the first, so it may be behind but never ahead: whatever stands behind that length
//! is cut off, and the batches from there on are sent again. They carry the same request ids, so
//! the service answers what it answered before.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Reject;

/// Where a run goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// Of which import.
    pub import_id: String,
    /// The batch to send next.
    pub batch_number: i64,
    /// Bytes of the file that are done.
    pub done_bytes: i64,
    /// Lines of the file that are done.
    pub done_lines: i64,
    /// Rows that are done, the refused ones included.
    pub done_rows: i64,
    /// Bytes of the file of rejects.
    pub reject_bytes: u64,
}

/// The file of rejects.
#[derive(Debug)]
pub struct RejectFile {
    path: PathBuf,
    state_path: PathBuf,
    file: Option<File>,
    bytes: u64,
}

const HEADER: [&str; 4] = ["line", "column", "wanted", "found"];

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

impl RejectFile {
    /// Names the files beside `source`: `source.rejects.csv`, and while the import runs
    /// `source.rejects.csv.state`.
    #[must_use]
    pub fn beside(source: &Path) -> Self {
        Self::at(&with_ending(source, ".rejects.csv"))
    }

    /// Names the file `path`, and while the import runs the one beside it that ends in `.state`.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        let state_path = with_ending(path, ".state");
        Self {
            path: path.to_owned(),
            state_path,
            file: None,
            bytes: 0,
        }
    }

    /// Returns where the rejects stand.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns up to where an earlier run of the import wrote its rejects, if that is known.
    pub(super) fn resume(&self, import_id: &str) -> Option<Resume> {
        let state = fs::read(&self.state_path).ok()?;
        let state: Resume = serde_json::from_slice(&state).ok()?;
        let length = fs::metadata(&self.path).ok()?.len();
        (state.import_id == import_id && state.reject_bytes <= length).then_some(state)
    }

    /// Opens the file to write on at `bytes`; what stands behind is cut off. At 0 it is new.
    pub(super) fn open_at(&mut self, bytes: u64) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(false)
            .open(&self.path)?;
        file.set_len(bytes)?;
        file.seek(SeekFrom::Start(bytes))?;
        self.file = Some(file);
        self.bytes = bytes;
        if bytes == 0 {
            self.write(&[HEADER.map(str::to_owned)])?;
        }
        Ok(())
    }

    /// Writes the rejects of a batch, then that it is done.
    pub(super) fn finish_batch(&mut self, rejects: &[Reject], next: Resume) -> io::Result<()> {
        self.add(rejects)?;
        let state = Resume {
            reject_bytes: self.bytes,
            ..next
        };
        let state = serde_json::to_vec(&state).expect("numbers and text are always JSON");
        let fresh = with_ending(&self.state_path, ".new");
        fs::write(&fresh, state)?;
        fs::rename(&fresh, &self.state_path)
    }

    /// Writes rejects.
    pub(super) fn add(&mut self, rejects: &[Reject]) -> io::Result<()> {
        let row = |reject: &Reject| {
            let Reject {
                line,
                column,
                wanted,
                found,
            } = reject.clone();
            [line.to_string(), column, wanted, found]
        };
        let rows: Vec<_> = rejects.iter().map(row).collect();
        self.write(&rows)
    }

    fn write(&mut self, rows: &[[String; 4]]) -> io::Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut writer = csv::Writer::from_writer(Vec::new());
        for row in rows {
            writer.write_record(row)?;
        }
        let text = writer
            .into_inner()
            .map_err(csv::IntoInnerError::into_error)?;
        let file = self
            .file
            .as_mut()
            .expect("it was opened before the first batch");
        file.write_all(&text)?;
        file.sync_data()?;
        self.bytes += text.len() as u64;
        Ok(())
    }

    /// Ends the import: the state is not needed any more, nor a file without rejects.
    pub(super) fn complete(&mut self, has_rejects: bool) -> io::Result<()> {
        self.file = None;
        if !has_rejects {
            remove(&self.path)?;
        }
        remove(&self.state_path)
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
