//! What was written to the log and is not in its file yet: one run of bytes.

/// The most bytes that wait. A larger transaction reaches the file in runs of this size.
const PENDING_MAX: usize = 1 << 20;
/// The length of the header of a frame, which SQLite writes by itself, before the page.
const FRAME_HEADER: usize = 24;

/// A run of bytes that belongs at one place of the file.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    start: u64,
    bytes: Vec<u8>,
    /// The last header said that its page ends a transaction.
    ends: bool,
}

impl Pending {
    /// Returns true when bytes for `offset` go on where these end, and there is room for them.
    pub(crate) fn takes(&self, offset: u64, length: usize) -> bool {
        self.bytes.is_empty() || (self.end() == offset && self.bytes.len() + length <= PENDING_MAX)
    }

    /// Takes bytes, for which [`Self::takes`] said yes. Returns true when they end a transaction: from
    /// then on other connections may read it in the file.
    pub(crate) fn add(&mut self, offset: u64, bytes: &[u8]) -> bool {
        if self.bytes.is_empty() {
            self.start = offset;
        }
        self.bytes.extend_from_slice(bytes);
        let ended = self.ends;
        self.ends = bytes.len() == FRAME_HEADER && is_commit(bytes);
        ended
    }

    /// Returns the bytes in runs of up to `length`, each with its place.
    pub(crate) fn runs(&self, length: usize) -> impl Iterator<Item = (u64, &[u8])> {
        let starts = (self.start..).step_by(length);
        starts.zip(self.bytes.chunks(length))
    }

    /// Forgets the bytes: they are in the file, or will never be.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends = false;
    }

    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

/// Bytes 4 to 8 of the header: the pages of the database after the commit, 0 inside of a transaction.
/// Source: SQLite, "WAL-mode File Format", section 2.2.
fn is_commit(header: &[u8]) -> bool {
    header[4..8].iter().any(|byte| *byte != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(pages_after_commit: u32) -> [u8; FRAME_HEADER] {
        let mut header = [7; FRAME_HEADER];
        header[4..8].copy_from_slice(&pages_after_commit.to_be_bytes());
        header
    }

    #[test]
    fn frames_that_follow_each_other_make_one_run() {
        let mut pending = Pending::default();
        for frame in 0..3_u64 {
            let at = 32 + frame * 120;
            assert!(pending.takes(at, 24));
            assert!(!pending.add(at, &header(0)));
            assert!(pending.takes(at + 24, 96));
            assert!(!pending.add(at + 24, &[1; 96]));
        }
        let runs: Vec<(u64, usize)> = pending.runs(1_000).map(|it| (it.0, it.1.len())).collect();
        assert_eq!(runs, [(32, 360)]);
        let runs: Vec<(u64, usize)> = pending.runs(200).map(|it| (it.0, it.1.len())).collect();
        assert_eq!(runs, [(32, 200), (232, 160)]);
    }

    #[test]
    fn the_page_after_the_header_of_a_commit_ends_the_transaction() {
        let mut pending = Pending::default();
        assert!(!pending.add(32, &header(0)));
        assert!(!pending.add(56, &[1; 96]));
        assert!(!pending.add(152, &header(9)));
        assert!(pending.add(176, &[1; 96]));
    }

    #[test]
    fn bytes_for_another_place_are_not_taken() {
        let mut pending = Pending::default();
        pending.add(32, &[1; 96]);
        assert!(!pending.takes(32, 96));
        assert!(!pending.takes(200, 96));
        assert!(pending.takes(128, 96));
        pending.clear();
        assert!(pending.takes(32, 96));
        assert_eq!(pending.runs(8).count(), 0);
    }

    #[test]
    fn no_more_than_the_limit_waits() {
        let mut pending = Pending::default();
        pending.add(0, &vec![1; PENDING_MAX - 10]);
        assert!(pending.takes(PENDING_MAX as u64 - 10, 10));
        assert!(!pending.takes(PENDING_MAX as u64 - 10, 11));
    }
}
