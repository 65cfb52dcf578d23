//! Fields that several RPCs share, from the wire into words of the domain.

use std::sync::Arc;

use tenure_core::violation::Mismatch;
use tenure_core::{AccountId, RequestId, Violations};
use tenure_rpc::{RequestError, fields};

use crate::domain::{EntryId, POINTS_MAX, StaffOrder};

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

/// Returns a number of points; nothing for 0, which means all.
pub(super) fn points_or_all(violations: &mut Violations, points: i64) -> Option<i64> {
    if !(0..=POINTS_MAX).contains(&points) {
        violations.add("points", format!("0 to {POINTS_MAX}"), points.to_string());
    }
    Some(points).filter(|points| *points != 0)
}

/// Returns the account in a field of its own name.
pub(super) fn account_in(violations: &mut Violations, field: &str, id: &str) -> Option<AccountId> {
    violations.take(field, AccountId::parse(id))
}

/// Returns another account than `first`.
pub(super) fn other_account(
    violations: &mut Violations,
    field: &str,
    id: &str,
    first: &str,
) -> Option<AccountId> {
    let other = account_in(violations, field, id)?;
    if other.as_str() == first {
        violations.add(field, "another account than account_id", "the same one");
        return None;
    }
    Some(other)
}

/// Returns a short key of the operator's own, of the form that ids have.
pub(super) fn key(violations: &mut Violations, field: &str, text: &str) -> Option<Arc<str>> {
    account_in(violations, field, text).map(|key| key.as_str().into())
}

/// Returns a key that may be empty.
pub(super) fn optional_key(
    violations: &mut Violations,
    field: &str,
    text: &str,
) -> Option<Arc<str>> {
    if text.is_empty() {
        return Some("".into());
    }
    key(violations, field, text)
}

/// Returns the partner in a field that may be empty.
pub(super) fn partner(violations: &mut Violations, id: &str) -> Option<Option<Arc<str>>> {
    if id.is_empty() {
        return Some(None);
    }
    key(violations, "partner_id", id).map(Some)
}

/// Returns why staff asks for something, and who does.
pub(super) fn staff(
    violations: &mut Violations,
    reason: &str,
    author: &str,
    approver: &str,
) -> Option<StaffOrder> {
    let reason = fields::text(violations, "reason", reason, SOURCE_LENGTH_MAX);
    let author = key(violations, "author", author);
    let approver = optional_key(violations, "approver", approver);
    Some(StaffOrder {
        reason: reason?.into(),
        author: author?,
        approver: approver?,
    })
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
