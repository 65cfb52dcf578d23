//! The taking in of one file.

use tenure_core::Timestamp;
use uuid::Uuid;

/// The namespace of import ids, made once at random.
const NAMESPACE: Uuid = Uuid::from_u128(0x6a3c_1d0e_58b7_4f0a_9d55_2c74_90b1_e8f3);

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportState {
    /// More batches are expected.
    Running = 1,
    /// All of the file was taken in.
    Completed = 2,
    /// It is being taken back.
    Reverting = 3,
    /// It was taken back.
    Reverted = 4,
}

impl ImportState {
    /// Returns the number of the state on the wire and in the database.
    #[must_use]
    pub fn number(self) -> i32 {
        self as i32
    }

    /// Returns the state of a number.
    #[must_use]
    pub fn from_number(number: i32) -> Option<Self> {
        match number {
            1 => Some(Self::Running),
            2 => Some(Self::Completed),
            3 => Some(Self::Reverting),
            4 => Some(Self::Reverted),
            _ => None,
        }
    }
}

/// An import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// Follows from the digests.
    pub id: Uuid,
    /// Name of the file, for people.
    pub source_name: String,
    /// SHA-256 of the file, in hexadecimal digits.
    pub content_digest: String,
    /// SHA-256 of the mapping, in hexadecimal digits.
    pub mapping_digest: String,
    /// Running or completed.
    pub state: ImportState,
    /// The batch that is expected next.
    pub next_batch_number: i64,
    /// Bytes of the file that are done.
    pub done_bytes: i64,
    /// Lines of the file that are done.
    pub done_lines: i64,
    /// Rows taken in.
    pub accepted_rows: i64,
    /// Rows refused.
    pub rejected_rows: i64,
    /// When it began.
    pub created_at: Timestamp,
    /// When its last batch was taken in.
    pub updated_at: Timestamp,
    /// Whether what was there before it is kept, so that it can be taken back.
    pub is_undo_kept: bool,
}

/// What one batch adds to an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchProgress {
    /// Bytes of the file that are done with it.
    pub done_bytes: i64,
    /// Lines of the file that are done with it.
    pub done_lines: i64,
    /// Rows taken in.
    pub accepted_rows: i64,
    /// Rows refused, by the reader or by us.
    pub rejected_rows: i64,
    /// Whether it is the last one.
    pub last: bool,
}

impl Import {
    /// Creates the import of a file by its digests. Equal digests have equal ids, so that a second
    /// run finds the first; one that was taken back as often as `reverted` says has others.
    #[must_use]
    pub fn begin(
        source_name: String,
        (content_digest, mapping_digest): (String, String),
        reverted: u32,
        now: Timestamp,
    ) -> Self {
        let mut digests = format!("{content_digest}/{mapping_digest}");
        if reverted > 0 {
            digests.push_str(&format!("/{reverted}"));
        }
        Self {
            id: Uuid::new_v5(&NAMESPACE, digests.as_bytes()),
            source_name,
            content_digest,
            mapping_digest,
            state: ImportState::Running,
            next_batch_number: 0,
            done_bytes: 0,
            done_lines: 0,
            accepted_rows: 0,
            rejected_rows: 0,
            created_at: now,
            updated_at: now,
            is_undo_kept: true,
        }
    }

    /// Moves the import past one batch.
    pub fn advance(&mut self, progress: BatchProgress, now: Timestamp) {
        self.next_batch_number += 1;
        self.done_bytes = progress.done_bytes;
        self.done_lines = progress.done_lines;
        self.accepted_rows += progress.accepted_rows;
        self.rejected_rows += progress.rejected_rows;
        if progress.last {
            self.state = ImportState::Completed;
        }
        self.updated_at = now;
    }
}
