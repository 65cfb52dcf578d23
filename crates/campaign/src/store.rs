//! The tables: one file each for offers, campaigns, enrolments, contacts, grants, departures and erasures.
//!
//! Functions take the transaction of their use case; the use cases stand in `api` and `job`. Sets of
//! rows travel as JSON, which both databases unpack: one bind, one round trip.

pub(crate) mod action;
pub(crate) mod audience;
pub(crate) mod campaign;
pub(crate) mod contact;
pub(crate) mod departure;
pub(crate) mod enrolment;
pub(crate) mod erasure;
pub(crate) mod grant;
pub(crate) mod offer;
#[cfg(test)]
mod plans;
pub(crate) mod tally;

use tenure_core::violation::Mismatch;
use tenure_core::{Lane, Timestamp};
use tenure_sql::SqlError;

/// Returns a stored value that was checked when it was written.
fn stored<T>(parsed: Result<T, Mismatch>, column: &str) -> Result<T, SqlError> {
    parsed.map_err(|_| SqlError::corrupt(format!("column {column} holds what was never written")))
}

/// Returns a stored word.
fn word<T>(parsed: Option<T>, column: &str) -> Result<T, SqlError> {
    parsed.ok_or_else(|| SqlError::corrupt(format!("column {column} holds an unknown number")))
}

/// Returns a stored word's number as its `from_number` takes it.
fn number(stored: i64) -> i32 {
    i32::try_from(stored).unwrap_or(0)
}

/// Returns a stored count.
fn count(stored: i64) -> Result<u64, SqlError> {
    u64::try_from(stored).map_err(|_| SqlError::corrupt("a count is negative"))
}

/// Returns a count as it is stored.
fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Returns an instant as it is stored.
fn micros(at: Option<Timestamp>) -> Option<i64> {
    at.map(Timestamp::as_micros)
}

/// Returns a set of rows or keys as one parameter.
fn json<T: serde::Serialize>(rows: &T) -> String {
    serde_json::to_string(rows).expect("tuples of numbers and text are always JSON")
}

/// Groups keys by lane, in ascending order of the lanes.
pub(crate) fn by_lane<T>(
    keys: impl IntoIterator<Item = T>,
    lane_of: impl Fn(&T) -> Lane,
) -> std::collections::BTreeMap<Lane, Vec<T>> {
    let mut lanes = std::collections::BTreeMap::<Lane, Vec<T>>::new();
    for key in keys {
        lanes.entry(lane_of(&key)).or_default().push(key);
    }
    lanes
}
