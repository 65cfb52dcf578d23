//! What is written down for ever: entries, and the opening of accounts.

use std::sync::Arc;

use tenure_core::{AccountId, CustomerId, ProgrammeId, RequestId, Timestamp};

use super::command::Method;
use super::entry_id::EntryId;
use super::refusal::Refusal;

/// What moved points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum EntryKind {
    /// Earned.
    Earn = 1,
    /// Redeemed.
    Redeem = 2,
    /// Put aside.
    Hold = 3,
    /// A hold was spent.
    Confirm = 4,
    /// A hold was given back.
    Release = 5,
    /// A hold ran out.
    HoldTimeout = 6,
    /// Expired.
    Expire = 7,
    /// A redemption (or a confirmed hold) was taken back.
    ReverseRedeem = 8,
    /// An earning was taken back.
    ReverseEarn = 9,
}

impl EntryKind {
    /// Returns the number under which the kind is stored.
    #[must_use]
    pub fn number(self) -> i16 {
        self as i16
    }

    /// Returns the kind stored under `number`.
    #[must_use]
    pub fn from_number(number: i16) -> Option<Self> {
        let kinds = [
            Self::Earn,
            Self::Redeem,
            Self::Hold,
            Self::Confirm,
            Self::Release,
            Self::HoldTimeout,
            Self::Expire,
            Self::ReverseRedeem,
            Self::ReverseEarn,
        ];
        kinds.into_iter().find(|kind| kind.number() == number)
    }

    /// Returns the name in the API, without its prefix.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Earn => "EARN",
            Self::Redeem => "REDEEM",
            Self::Hold => "HOLD",
            Self::Confirm => "CONFIRM",
            Self::Release => "RELEASE",
            Self::HoldTimeout => "HOLD_TIMEOUT",
            Self::Expire => "EXPIRE",
            Self::ReverseRedeem => "REVERSE_REDEEM",
            Self::ReverseEarn => "REVERSE_EARN",
        }
    }
}

/// Points of one lot in one entry: what the entry took from the lot (negative) or brought to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allocation {
    /// The lot.
    pub lot: EntryId,
    /// How many.
    pub points: i64,
    /// When the lot was earned; with the next two, all that is needed to bring it back.
    pub earned_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// How many points it was earned with.
    pub original: i64,
}

/// How far a hold is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldState {
    /// Points are put aside.
    Open,
    /// Spent.
    Confirmed,
    /// Given back.
    Released,
    /// Ran out.
    Expired,
}

/// A hold as it was after an entry of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldFacts {
    /// Its id: that of the entry that made it.
    pub id: EntryId,
    /// How many points were put aside.
    pub points: i64,
    /// How many of them were spent.
    pub confirmed: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// From then on it cannot be confirmed.
    pub expires_at: Timestamp,
    /// What it is for.
    pub source: Arc<str>,
}

/// One movement of points.
///
/// Allocations of most kinds add up to `points`; those of a hold that is made, released or runs out
/// add up to `-held`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: EntryId,
    /// The account.
    pub account: AccountId,
    /// 1, 2, 3 and so on within the account.
    pub number: i64,
    /// What moved the points.
    pub kind: EntryKind,
    /// The change of all points of the account.
    pub points: i64,
    /// The change of its held points.
    pub held: i64,
    /// All its points afterwards.
    pub balance: i64,
    /// Its available points afterwards, when what came back to expired lots has expired.
    pub available: i64,
    /// The lots.
    pub allocations: Vec<Allocation>,
    /// The request, if one asked for it.
    pub request: Option<RequestId>,
    /// What it was for.
    pub source: Arc<str>,
    /// The hold, for entries of a hold.
    pub hold: Option<HoldFacts>,
    /// The entry that this one takes back.
    pub reverses: Option<EntryId>,
    /// The instant it was decided for.
    pub decided_at: Timestamp,
    /// When it was written down.
    pub recorded_at: Timestamp,
    /// The version of the rules.
    pub version: Arc<str>,
    /// The number in the lane of the account's record before this one.
    pub previous: i64,
}

impl Entry {
    /// Returns the entry that this one ends: the hold it closes, or the entry it takes back.
    #[must_use]
    pub fn ends(&self) -> Option<EntryId> {
        match self.kind {
            EntryKind::Confirm | EntryKind::Release | EntryKind::HoldTimeout => {
                self.hold.as_ref().map(|hold| hold.id)
            }
            _ => self.reverses,
        }
    }

    /// Returns the state of its hold afterwards.
    #[must_use]
    pub fn hold_state(&self) -> HoldState {
        match self.kind {
            EntryKind::Confirm => HoldState::Confirmed,
            EntryKind::Release => HoldState::Released,
            EntryKind::HoldTimeout => HoldState::Expired,
            _ => HoldState::Open,
        }
    }
}

/// The opening of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Where it stands in the feed.
    pub id: EntryId,
    /// The account.
    pub account: AccountId,
    /// Whose.
    pub customer: CustomerId,
    /// Under whose rules.
    pub programme: ProgrammeId,
    /// When.
    pub at: Timestamp,
    /// The request, if one asked for it.
    pub request: Option<RequestId>,
}

/// A request that was refused. It moved nothing; it is written down to be refused alike when it is
/// repeated, and in the same place as everything that was done, so that one unique key guards every
/// request id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Where it stands in the lane.
    pub id: EntryId,
    /// The account that was named; there may be none of this id.
    pub account: AccountId,
    /// When.
    pub at: Timestamp,
    /// The request.
    pub request: RequestId,
    /// Why.
    pub refusal: Refusal,
}

/// What stands at one number of a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// An account was opened.
    Opened(Opened),
    /// Points moved.
    Entry(Entry),
    /// Nothing happened.
    Refused(Refused),
}

/// The request behind a record: what a repeat is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordKey {
    /// Which method was called.
    pub method: Method,
    /// The fingerprint of its body.
    pub fingerprint: Box<[u8]>,
}
