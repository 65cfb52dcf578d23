//! Fields that several RPCs share, from the wire into words of the domain.

use std::sync::Arc;

use tenure_core::violation::Mismatch;
use tenure_core::{AccountId, RequestId, Violations};
use tenure_rpc::{RequestError, fields};

use crate::domain::{EntryId, POINTS_MAX};

/// The longest source.
const SOURCE_LENGTH_MAX: usize = 128;

pub(super) fn account(violations: &mut Violations, id: &str) -> Option<AccountId> {
    violations.take("account_id", AccountId::parse(id))
}

pub(super) fn request_id(violations: &mut Violations, id: &str) -> Option<RequestId> {
    fields::request_id(violations, id)
}

/// Returns 1 to [`POINTS_MAX`] points.
pub(super) fn points(violations: &mut Violations, points: i64) -> Option<i64> {
    if (1..=POINTS_MAX).contains(&points) {
        return Some(points);
    }
    violations.add("points", format!("1 to {POINTS_MAX}"), points.to_string());
    None
}

pub(super) fn source(violations: &mut Violations, source: &str) -> Option<Arc<str>> {
    fields::text(violations, "source", source, SOURCE_LENGTH_MAX).map(Into::into)
}

pub(super) fn entry_id(violations: &mut Violations, field: &str, id: &str) -> Option<EntryId> {
    violations.take(field, EntryId::parse(id))
}

/// Returns what was parsed, or all that is wrong.
pub(super) fn all<T>(violations: Violations, parsed: Option<T>) -> Result<T, RequestError> {
    violations.into_result()?;
    // Every field that is missing was noted.
    parsed.ok_or_else(|| RequestError::Fields(Vec::new()))
}

/// Returns a number out of a page token.
pub(super) fn number(text: Option<&String>) -> Result<i64, Mismatch> {
    let number = text.and_then(|text| text.parse().ok());
    number.ok_or_else(|| Mismatch::new("a number", "none"))
}
