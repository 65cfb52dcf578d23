//! What is told of accounts beside what moves points: points that will expire, tiers that changed.

use serde::{Deserialize, Serialize};
use tenure_core::{AccountId, Span, Timestamp};

use super::account::Account;
use super::entry_id::EntryId;
use super::programme::Zone;

/// Something that is told of an account. It stands in the lane among the records, so that the feed
/// tells it in its place, but in no account's chain: it moves nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Where it stands in the lane.
    pub id: EntryId,
    /// The account.
    pub account: AccountId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub fact: NoticeFact,
}

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeFact {
    /// Points will expire.
    Expiring {
        /// How many.
        points: i64,
        /// When the first of them do, in microseconds since 1970.
        expires_at: i64,
        /// Within how many days.
        days: u16,
    },
    /// The tier changed.
    Tier {
        /// Which change of the account.
        number: i64,
        /// The tier before; may be empty.
        previous: String,
        /// The tier afterwards; may be empty.
        tier: String,
        /// Points that counted.
        qualifying: i64,
        /// What had been paid, in minor units.
        paid: i64,
        /// The version of the programme that decided.
        version: i64,
    },
}

/// Points of one day, and the span in which the day lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiringDay {
    /// The first instant of the day, by the calendar of the programme.
    pub day: Timestamp,
    /// How many points expire on it.
    pub points: i64,
    /// When the first of them do.
    pub expires_at: Timestamp,
    /// The shortest span in which that instant lies.
    pub days: u16,
}

/// Returns the days on which points of an account expire within the longest of some spans, each with
/// the shortest span that it lies in, in the order of days.
#[must_use]
pub fn expiring_days(
    account: &Account,
    now: Timestamp,
    spans: &[u16],
    zone: &Zone,
) -> Vec<ExpiringDay> {
    let span_of = |at: Timestamp| {
        let within = spans
            .iter()
            .filter(|days| at <= now + Span::from_days(i64::from(**days)));
        within.min().copied()
    };
    let mut found: Vec<ExpiringDay> = Vec::new();
    // Lots stand in the order in which they expire.
    let lots = account.lots.iter();
    for lot in lots.filter(|lot| lot.remaining > 0 && lot.expires_at > now) {
        let Some(days) = span_of(lot.expires_at) else {
            break;
        };
        let (day, _) = zone.day_of(lot.expires_at);
        match found.last_mut().filter(|last| last.day == day) {
            Some(last) => last.points += lot.remaining,
            None => found.push(ExpiringDay {
                day,
                points: lot.remaining,
                expires_at: lot.expires_at,
                days,
            }),
        }
    }
    found
}
