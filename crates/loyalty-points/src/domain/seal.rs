//! The chain over the records of a lane: each block's digest covers its records whole, and the digest
//! of the block before.

use sha2::{Digest as _, Sha256};
use tenure_core::Lane;

/// The digest of a block.
pub type BlockHash = [u8; 32];

/// A record's row as it is stored, every column of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawRecord {
    /// The lane.
    pub lane: Lane,
    /// The number in the lane.
    pub seq: i64,
    /// The number of the account's record before.
    pub previous_seq: i64,
    /// The account.
    pub account_id: String,
    /// The kind.
    pub kind: i32,
    /// The change of all points.
    pub points: i64,
    /// The instant it was decided for, in microseconds.
    pub decided_at: i64,
    /// When it was written down, in microseconds.
    pub recorded_at: i64,
    /// The request.
    pub request_id: Option<Vec<u8>>,
    /// The source that earned.
    pub earned_source: Option<String>,
    /// The rest.
    pub body: Vec<u8>,
}

/// A sealed range of records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// Its number in the lane, from 1 on.
    pub block: i64,
    /// The number of its first record.
    pub first_seq: i64,
    /// The number of its last record.
    pub last_seq: i64,
    /// Its digest.
    pub hash: BlockHash,
}

/// The digest before the first block of a lane.
pub const NO_BLOCK: BlockHash = [0; 32];

/// A block whose records are being taken in, in their order.
///
/// Every value is written with its length, so that no two different rows are the same bytes.
#[derive(Debug, Clone)]
pub struct Sealing(Sha256);

impl Sealing {
    /// Starts the block that follows the one with the digest `before`.
    #[must_use]
    pub fn after(before: &BlockHash) -> Self {
        let mut digest = Sha256::new();
        digest.update(before);
        Self(digest)
    }

    /// Takes the next record in.
    pub fn add(&mut self, record: &RawRecord) {
        self.0.update(record.lane.to_be_bytes());
        self.0.update(record.kind.to_be_bytes());
        for number in [
            record.seq,
            record.previous_seq,
            record.points,
            record.decided_at,
            record.recorded_at,
        ] {
            self.0.update(number.to_be_bytes());
        }
        self.bytes(Some(record.account_id.as_bytes()));
        self.bytes(record.request_id.as_deref());
        self.bytes(record.earned_source.as_deref().map(str::as_bytes));
        self.bytes(Some(&record.body));
    }

    /// Nothing is told from the empty text.
    fn bytes(&mut self, bytes: Option<&[u8]>) {
        let length = bytes.map_or(u64::MAX, |bytes| bytes.len() as u64);
        self.0.update(length.to_be_bytes());
        self.0.update(bytes.unwrap_or_default());
    }

    /// Returns the digest of all that was taken in.
    #[must_use]
    pub fn finish(self) -> BlockHash {
        self.0.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> RawRecord {
        RawRecord {
            lane: 3,
            seq: 7,
            previous_seq: 5,
            account_id: "ada".to_owned(),
            kind: 1,
            points: 10,
            decided_at: 1,
            recorded_at: 2,
            request_id: Some(vec![1; 16]),
            earned_source: Some("bill/1".to_owned()),
            body: vec![1, 2, 3],
        }
    }

    fn hash(records: &[RawRecord]) -> BlockHash {
        let mut sealing = Sealing::after(&NO_BLOCK);
        for record in records {
            sealing.add(record);
        }
        sealing.finish()
    }

    #[test]
    fn every_column_of_a_record_counts() {
        let whole = hash(&[record()]);
        let changes: [fn(&mut RawRecord); 12] = [
            |r| r.lane = 4,
            |r| r.seq = 8,
            |r| r.previous_seq = 4,
            |r| r.account_id = "adb".to_owned(),
            |r| r.kind = 2,
            |r| r.points = 11,
            |r| r.decided_at = 3,
            |r| r.recorded_at = 3,
            |r| r.request_id = None,
            |r| r.earned_source = None,
            |r| r.body = vec![1, 2],
            |r| (r.account_id, r.earned_source) = ("adab".into(), Some("ill/1".into())),
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let mut changed = record();
            change(&mut changed);
            assert_ne!(hash(&[changed]), whole, "change {number}");
        }
    }

    #[test]
    fn order_and_the_block_before_count() {
        let mut other = record();
        other.seq = 8;
        assert_ne!(
            hash(&[record(), other.clone()]),
            hash(&[other, record()]),
            "swapped"
        );
        let mut later = Sealing::after(&[1; 32]);
        later.add(&record());
        assert_ne!(later.finish(), hash(&[record()]));
    }
}
