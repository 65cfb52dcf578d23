//! Telling how far an import is. Who draws it is not our business.

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the file that are done.
    pub done_bytes: i64,
    /// Bytes of the file.
    pub total_bytes: i64,
    /// Rows that were taken in.
    pub accepted_rows: i64,
    /// Rows that were refused.
    pub rejected_rows: i64,
}

/// Is told after every batch.
pub trait Observer: Send {
    /// Takes note of how far the import is.
    fn observe(&mut self, progress: Progress);
}

/// Takes no note.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn observe(&mut self, _: Progress) {}
}
