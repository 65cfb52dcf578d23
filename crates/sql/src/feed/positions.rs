//! How far somebody has read a feed, and the opaque text that says so.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tenure_core::Lane;
use tenure_core::hash::{fnv1a64, mix64};
use uuid::Uuid;

use super::FeedError;
use crate::db::Db;

/// The first byte of a token, so that a later form can be told apart.
const FORM: u8 = 1;
/// Form, database id, number of lanes, seal.
const FIXED_BYTES: usize = 1 + 16 + 2 + 4;

/// The number of the last change read, in each lane of one database.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Positions {
    /// Nothing for the start, which is the same in every database.
    database: Option<Uuid>,
    seqs: Vec<i64>,
}

impl Positions {
    /// Returns the position before the first change of any database.
    #[must_use]
    pub fn start() -> Self {
        Self::default()
    }

    /// Returns the position behind these numbers, one for each lane: for a service that keeps its
    /// feed in tables of its own, numbered as this module asks.
    #[must_use]
    pub fn of(db: &Db, seqs: Vec<i64>) -> Self {
        Self {
            database: Some(db.id()),
            seqs,
        }
    }

    /// Returns the number of the last change read in a lane.
    #[must_use]
    pub fn get(&self, lane: Lane) -> i64 {
        usize::try_from(lane)
            .ok()
            .and_then(|at| self.seqs.get(at))
            .copied()
            .unwrap_or(0)
    }

    /// Returns true when every lane of `self` has been read at least as far as in `other`.
    #[must_use]
    pub fn reaches(&self, other: &Self) -> bool {
        (0..)
            .zip(&other.seqs)
            .all(|(lane, seq)| self.get(lane) >= *seq)
    }

    /// Returns the same position but for one lane, which is read up to `seq`.
    #[must_use]
    pub fn moved(&self, db: &Db, lane: Lane, seq: i64) -> Self {
        let mut seqs = self.seqs(db.lanes().count());
        if let Some(at) = usize::try_from(lane).ok().and_then(|at| seqs.get_mut(at)) {
            *at = seq;
        }
        Self::of(db, seqs)
    }

    pub(super) fn seqs(&self, lanes: u32) -> Vec<i64> {
        let mut seqs = self.seqs.clone();
        seqs.resize(lanes as usize, 0);
        seqs
    }

    /// Returns the opaque text; the start is the empty one.
    #[must_use]
    pub fn to_token(&self) -> String {
        let Some(database) = self.database else {
            return String::new();
        };
        self.seal(FORM, database, &[])
    }

    /// Returns the opaque text of another form, with further bytes behind the positions.
    pub(super) fn seal_with(&self, form: u8, further: &[u8]) -> String {
        self.seal(form, self.database.unwrap_or_default(), further)
    }

    fn seal(&self, form: u8, database: Uuid, further: &[u8]) -> String {
        let mut bytes = Vec::with_capacity(FIXED_BYTES + 3 * self.seqs.len() + further.len());
        bytes.push(form);
        bytes.extend_from_slice(database.as_bytes());
        let lanes = u16::try_from(self.seqs.len()).expect("at most 1,024 lanes");
        bytes.extend_from_slice(&lanes.to_be_bytes());
        for seq in &self.seqs {
            push_number(&mut bytes, seq.unsigned_abs());
        }
        bytes.extend_from_slice(further);
        bytes.extend_from_slice(&seal(&bytes));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a token that this database gave; the empty text is the start.
    ///
    /// # Errors
    /// When it is no token, or one of another database.
    pub fn from_token(db: &Db, token: &str) -> Result<Self, FeedError> {
        if token.is_empty() {
            return Ok(Self::start());
        }
        let (positions, further) = parse(FORM, token).ok_or(invalid("it is damaged"))?;
        if !further.is_empty() {
            return Err(invalid("it is damaged"));
        }
        positions.of_this(db)
    }

    /// Reads a token of another form; nothing when it has not that form.
    pub(super) fn open_with(
        db: &Db,
        form: u8,
        token: &str,
    ) -> Result<Option<(Self, Vec<u8>)>, FeedError> {
        let Some((positions, further)) = parse(form, token) else {
            return Ok(None);
        };
        Ok(Some((positions.of_this(db)?, further)))
    }

    fn of_this(self, db: &Db) -> Result<Self, FeedError> {
        let positions = self;
        if positions.database != Some(db.id()) {
            return Err(invalid("another database gave it"));
        }
        if positions.seqs.len() != db.lanes().count() as usize {
            return Err(invalid("it has another number of lanes"));
        }
        Ok(positions)
    }
}

pub(super) fn invalid(why: &'static str) -> FeedError {
    FeedError::InvalidToken { why }
}

/// Returns the positions of a token of a form, and what stands behind them.
fn parse(wanted: u8, token: &str) -> Option<(Positions, Vec<u8>)> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (bytes, sealed) = bytes.split_last_chunk::<4>()?;
    if seal(bytes) != *sealed {
        return None;
    }
    let (form, bytes) = bytes.split_first()?;
    let (database, bytes) = bytes.split_first_chunk::<16>()?;
    let (lanes, mut bytes) = bytes.split_first_chunk::<2>()?;
    if *form != wanted {
        return None;
    }
    let mut seqs = Vec::new();
    for _ in 0..u16::from_be_bytes(*lanes) {
        seqs.push(take_number(&mut bytes)?);
    }
    let database = Some(Uuid::from_bytes(*database));
    Some((Positions { database, seqs }, bytes.to_vec()))
}

/// Finds a token that was cut or mistyped; it is not a secret.
fn seal(bytes: &[u8]) -> [u8; 4] {
    let [a, b, c, d, ..] = mix64(fnv1a64(bytes)).to_be_bytes();
    [a, b, c, d]
}

/// Appends a number in groups of seven bits, the lowest first, as protobuf does.
pub(super) fn push_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push((number & 0x7f) as u8);
}

pub(super) fn take_number(bytes: &mut &[u8]) -> Option<i64> {
    let mut number = 0_u64;
    for shift in (0..63).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return i64::try_from(number).ok();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_size_come_back() {
        for number in [0, 1, 127, 128, 16_383, 16_384, i64::MAX] {
            let mut bytes = Vec::new();
            push_number(&mut bytes, number.unsigned_abs());

            assert_eq!(take_number(&mut bytes.as_slice()), Some(number));
            assert_eq!(take_number(&mut &bytes[..bytes.len() - 1]), None);
        }
    }

    #[test]
    fn a_token_comes_back_and_a_changed_one_is_refused() {
        let positions = Positions {
            database: Some(Uuid::from_u128(7)),
            seqs: vec![3, 0, 900_000],
        };
        let token = positions.to_token();

        assert_eq!(parse(FORM, &token), Some((positions, Vec::new())));
        assert_eq!(parse(FORM, &token[..token.len() - 1]), None);
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(
                parse(FORM, std::str::from_utf8(&changed).unwrap()),
                None,
                "byte {at}"
            );
        }
    }

    #[test]
    fn the_start_is_the_empty_token_and_reaches_only_itself() {
        let later = Positions {
            database: Some(Uuid::from_u128(7)),
            seqs: vec![0, 1],
        };

        assert_eq!(Positions::start().to_token(), "");
        assert!(Positions::start().reaches(&Positions::start()));
        assert!(!Positions::start().reaches(&later));
        assert!(later.reaches(&Positions::start()));
    }
}
