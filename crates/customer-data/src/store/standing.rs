//! How a subscription stands, as one column: it is always read whole, and no statement asks for a part
//! of it.

use serde::{Deserialize, Serialize};
use tenure_core::{CustomerId, Timestamp};
use tenure_sql::SqlError;

use super::rows::read;
use crate::domain::words::SuspensionKind;
use crate::domain::{Standing, Subscription, Suspension};

#[derive(Serialize, Deserialize)]
struct Stored {
    /// Microseconds since 1970.
    since: i64,
    /// Kind and reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    suspension: Option<(i32, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    ported_out: bool,
}

/// Returns the standing of a subscription that nobody changed since it began, or ended.
pub(super) fn unchanged(started: Timestamp, ended: Option<Timestamp>) -> Standing {
    Standing::since(ended.unwrap_or(started))
}

/// Returns what the column holds; nothing for a subscription that nobody changed, as most are.
pub(super) fn encode(subscription: &Subscription) -> Option<String> {
    let standing = &subscription.standing;
    let suspension = standing.suspension.as_ref();
    let end = subscription.termination.as_ref();
    let unchanged = unchanged(subscription.started_at, end.map(|end| end.at));
    if *standing == unchanged && !end.is_some_and(|end| end.is_ported_out) {
        return None;
    }
    let stored = Stored {
        since: standing.since.as_micros(),
        suspension: suspension.map(|it| (it.kind.number(), it.reason.clone())),
        to: standing.transferred_to.as_ref().map(ToString::to_string),
        from: standing.transferred_from.as_ref().map(ToString::to_string),
        ported_out: end.is_some_and(|end| end.is_ported_out),
    };
    Some(serde_json::to_string(&stored).expect("numbers and text are always JSON"))
}

/// Reads the column into a subscription of which all else is known.
pub(super) fn decode(text: &str, subscription: &mut Subscription) -> Result<(), SqlError> {
    let stored: Stored = read("standing", serde_json::from_str(text).ok())?;
    let customer = |id: Option<String>| {
        id.map(|id| read("standing", CustomerId::parse(&id).ok()))
            .transpose()
    };
    let suspension = match stored.suspension {
        Some((kind, reason)) => Some(Suspension {
            kind: read("standing", SuspensionKind::from_number(kind))?,
            reason,
        }),
        None => None,
    };
    subscription.standing = Standing {
        since: Timestamp::from_micros(stored.since),
        suspension,
        transferred_to: customer(stored.to)?,
        transferred_from: customer(stored.from)?,
    };
    if let Some(end) = &mut subscription.termination {
        end.is_ported_out = stored.ported_out;
    }
    Ok(())
}
