//! Ids of entries, which tell where the entry stands.

use std::fmt;

use tenure_core::violation::Mismatch;
use tenure_core::{Lane, Timestamp};
use uuid::Uuid;

/// The id of an entry, of the hold that the entry made, or of one of the lots that it made.
///
/// A UUID of version 7 whose free bits hold the lane and the number in the lane (RFC 9562 lets them
/// hold a counter). So an id leads to its row by the primary key, without an index of its own that
/// every write would have to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(u128);

/// 52 bits for the number within the lane: a million a second for 140 years.
const SEQ_BITS: u128 = (1 << 52) - 1;
/// 10 bits below them tell apart the lots that one entry makes.
const SEQ_SHIFT: u32 = 10;
const LOT_BITS: u128 = (1 << SEQ_SHIFT) - 1;

impl EntryId {
    /// Returns the id of the change `seq` of `lane`, recorded at `at`.
    #[must_use]
    pub fn new(at: Timestamp, lane: Lane, seq: i64) -> Self {
        let millis = u128::try_from(at.as_micros() / 1_000).unwrap_or(0) & ((1 << 48) - 1);
        let lane = u128::from(lane.unsigned_abs()) & 0xfff;
        let seq = u128::from(seq.unsigned_abs()) & SEQ_BITS;
        Self(millis << 80 | 7 << 76 | lane << 64 | 0b10 << 62 | seq << SEQ_SHIFT)
    }

    /// Returns the lane.
    #[must_use]
    pub fn lane(self) -> Lane {
        Lane::try_from(self.0 >> 64 & 0xfff).expect("12 bits fit")
    }

    /// Returns the number within the lane.
    #[must_use]
    pub fn seq(self) -> i64 {
        i64::try_from(self.0 >> SEQ_SHIFT & SEQ_BITS).expect("52 bits fit")
    }

    /// Returns the id of a further lot of this entry; that of the first one is the entry's own.
    ///
    /// # Panics
    /// When an entry would make more than 1,024 lots.
    #[must_use]
    pub fn of_lot(self, index: usize) -> Self {
        let index = u128::try_from(index).expect("an index fits 128 bits");
        assert!(index <= LOT_BITS, "an entry makes at most 1,024 lots");
        Self(self.0 & !LOT_BITS | index)
    }

    /// Returns the id of the entry that made a lot.
    #[must_use]
    pub fn of_entry(self) -> Self {
        self.of_lot(0)
    }

    /// Returns the 16 bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// Returns the id with these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }

    /// Parses the hyphenated form.
    ///
    /// # Errors
    /// When `text` is not a UUID.
    pub fn parse(text: &str) -> Result<Self, Mismatch> {
        match Uuid::try_parse(text) {
            Ok(id) => Ok(Self(id.as_u128())),
            Err(_) if text.is_empty() => Err(Mismatch::new("a UUID", "nothing")),
            Err(_) => Err(Mismatch::new(
                "a UUID",
                format!("{} bytes that are none", text.len()),
            )),
        }
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Uuid::from_u128(self.0).hyphenated().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_uuid_of_version_7_that_leads_to_its_row() {
        let at = Timestamp::parse("2024-05-01").unwrap();
        let id = EntryId::new(at, 1_023, 9_000_000_000);

        assert_eq!((id.lane(), id.seq()), (1_023, 9_000_000_000));
        let uuid = Uuid::parse_str(&id.to_string()).unwrap();
        assert_eq!(uuid.get_version_num(), 7);
        assert_eq!(uuid.get_timestamp().unwrap().to_unix().0, 1_714_521_600);
        assert_eq!(EntryId::parse(&id.to_string()), Ok(id));
        assert_eq!(EntryId::from_bytes(id.to_bytes()), id);
    }

    #[test]
    fn the_lots_of_an_entry_have_ids_of_their_own_that_lead_to_it() {
        let entry = EntryId::new(Timestamp::parse("2024-05-01").unwrap(), 7, 42);
        let third = entry.of_lot(2);

        assert_ne!(third, entry);
        assert_eq!((third.lane(), third.seq()), (7, 42));
        assert_eq!((third.of_entry(), entry.of_lot(0)), (entry, entry));
        assert_eq!(Uuid::from_u128(third.0).get_version_num(), 7);
    }

    #[test]
    fn ids_of_one_lane_ascend() {
        let at = Timestamp::parse("2024-05-01").unwrap();
        assert!(EntryId::new(at, 3, 7) < EntryId::new(at, 3, 8));
    }
}
