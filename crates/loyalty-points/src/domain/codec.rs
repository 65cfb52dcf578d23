//! The stored forms: lots and holds inside the account's row, and the body of a record's row.

mod record;
mod reward;
mod state;
mod stock;

use std::sync::Arc;

use super::account::Origin;
use super::bytes::{Reader, Writer};

pub use record::{Columns, REFUSED, decode_record, encode_record};
pub use state::{decode_state, encode_state};

/// The first byte of each form.
const VERSION: u8 = 1;

/// A row that is not what we wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a stored {0} cannot be read")]
pub struct Damaged(pub &'static str);

/// What follows a lot or an allocation.
mod follows {
    /// The version of its rules; the rest of its origin is ordinary.
    pub(super) const VERSION: u8 = 1;
    /// Its whole origin.
    pub(super) const ORIGIN: u8 = 2;
    /// When it becomes available.
    pub(super) const ACTIVATION: u8 = 4;
    /// How many points are left.
    pub(super) const REMAINING: u8 = 8;
    /// How many points are held.
    pub(super) const HELD: u8 = 16;
}

fn flag(flag: u8, is_set: bool) -> u8 {
    if is_set { flag } else { 0 }
}

/// The origin that was written or read last. Neighbours mostly have the same one; the first is mostly
/// ordinary, and of a version that is known.
struct Last<'v> {
    version: &'v str,
    origin: Option<Arc<Origin>>,
}

impl<'v> Last<'v> {
    fn new(version: &'v str) -> Self {
        Self {
            version,
            origin: None,
        }
    }
}

/// Returns how to write `origin` after `last`, and remembers it.
fn origin_flag(origin: &Arc<Origin>, last: &mut Last<'_>) -> u8 {
    let is_ordinary = origin.points_type.is_empty() && origin.partner.is_empty();
    let is_same = match &last.origin {
        Some(last) => last == origin,
        None => is_ordinary && *origin.version == *last.version,
    };
    if is_same {
        return 0;
    }
    last.origin = Some(origin.clone());
    if is_ordinary {
        follows::VERSION
    } else {
        follows::ORIGIN
    }
}

fn write_origin(to: &mut Writer, origin: &Origin, flags: u8) {
    if flags & (follows::VERSION | follows::ORIGIN) != 0 {
        to.text(&origin.version);
    }
    if flags & follows::ORIGIN != 0 {
        to.text(&origin.points_type);
        to.text(&origin.partner);
    }
}

fn read_origin(from: &mut Reader<'_>, flags: u8, last: &mut Last<'_>) -> Option<Arc<Origin>> {
    if flags & follows::ORIGIN != 0 {
        last.origin = Some(Arc::new(Origin {
            version: from.text()?.into(),
            points_type: from.text()?.into(),
            partner: from.text()?.into(),
        }));
    } else if flags & follows::VERSION != 0 {
        let version = from.text()?.into();
        last.origin = Some(Arc::new(Origin::ordinary(&version)));
    }
    let origin = last.origin.get_or_insert_with(|| {
        let version = last.version.into();
        Arc::new(Origin::ordinary(&version))
    });
    Some(origin.clone())
}

/// Reads what `read` reads, when the flag is set.
fn when<T>(is_set: bool, read: impl FnOnce() -> Option<T>) -> Option<Option<T>> {
    if is_set { read().map(Some) } else { Some(None) }
}
