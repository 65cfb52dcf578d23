//! The opaque text that says how far a verification is.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tenure_core::hash::{fnv1a64, mix64};
use tenure_sql::Db;
use tenure_sql::feed::FeedError;

use crate::domain::Position;

/// Finds a token that was cut or mistyped; it is not a secret.
fn seal(bytes: &[u8]) -> [u8; 8] {
    mix64(fnv1a64(bytes)).to_be_bytes()
}

pub(super) fn write(db: &Db, position: &Position) -> String {
    let mut bytes = db.id().as_bytes().to_vec();
    bytes.extend(position.to_bytes());
    bytes.extend(seal(&bytes));
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads a token that this database gave; the empty text is the beginning.
pub(super) fn parse(db: &Db, token: &str) -> Result<Position, FeedError> {
    if token.is_empty() {
        return Ok(Position::default());
    }
    let invalid = |why| FeedError::InvalidToken { why };
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    let bytes = bytes.ok_or(invalid("it is damaged"))?;
    let whole = bytes.split_last_chunk::<8>();
    let (bytes, sealed) = whole.ok_or(invalid("it is damaged"))?;
    if seal(bytes) != *sealed {
        return Err(invalid("it is damaged"));
    }
    let Some((database, bytes)) = bytes.split_first_chunk::<16>() else {
        return Err(invalid("it is damaged"));
    };
    if database != db.id().as_bytes() {
        return Err(invalid("another database gave it"));
    }
    Position::from_bytes(bytes).ok_or(invalid("it is damaged"))
}
