//! What is written down for ever: entries, and the opening of accounts.

use std::sync::Arc;

use tenure_core::{AccountId, CustomerId, ProgrammeId, RequestId, Timestamp};

use super::account::{Lot, Origin};
use super::command::Method;
use super::entry_id::EntryId;
use super::notice::Notice;
use super::partner::PartnerNote;
use super::policy::Block;
use super::refusal::Refusal;
use super::reward::RewardOrder;
use super::stock::{StockPart, StockRecord};

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
    /// Pending points became available.
    Activate = 10,
    /// Points that came repaid debt.
    RepayDebt = 11,
    /// Somebody added points or took some away.
    Adjust = 12,
    /// Points that had expired were given again.
    Reinstate = 13,
    /// A block was set.
    Block = 14,
    /// A block was lifted.
    Unblock = 15,
    /// The account was closed; what it held is void.
    Close = 16,
    /// A recipient of gifts was registered.
    Recipient = 17,
    /// Points went to another account.
    TransferOut = 18,
    /// Points came from another account.
    TransferIn = 19,
    /// All points became void; the account stays open.
    Void = 30,
    /// An account became a member of this pool.
    PoolMember = 31,
    /// The account became a member of a pool.
    PoolJoin = 32,
    /// A member left this pool; what is left of its points may have gone with it.
    PoolRemove = 33,
    /// The account left a pool; what is left of its points may have come with it.
    PoolLeave = 34,
    /// Points went into a pool.
    PoolOut = 35,
    /// Points came from a member of this pool.
    PoolIn = 36,
    /// The customer has what was ordered.
    Fulfil = 40,
}

/// Names of kinds in the API, without their prefix.
const KINDS: [(EntryKind, &str); 27] = [
    (EntryKind::Earn, "EARN"),
    (EntryKind::Redeem, "REDEEM"),
    (EntryKind::Hold, "HOLD"),
    (EntryKind::Confirm, "CONFIRM"),
    (EntryKind::Release, "RELEASE"),
    (EntryKind::HoldTimeout, "HOLD_TIMEOUT"),
    (EntryKind::Expire, "EXPIRE"),
    (EntryKind::ReverseRedeem, "REVERSE_REDEEM"),
    (EntryKind::ReverseEarn, "REVERSE_EARN"),
    (EntryKind::Activate, "ACTIVATE"),
    (EntryKind::RepayDebt, "REPAY_DEBT"),
    (EntryKind::Adjust, "ADJUST"),
    (EntryKind::Reinstate, "REINSTATE"),
    (EntryKind::Block, "BLOCK"),
    (EntryKind::Unblock, "UNBLOCK"),
    (EntryKind::Close, "CLOSE"),
    (EntryKind::Recipient, "RECIPIENT"),
    (EntryKind::TransferOut, "TRANSFER_OUT"),
    (EntryKind::TransferIn, "TRANSFER_IN"),
    (EntryKind::Void, "VOID"),
    (EntryKind::PoolMember, "POOL_MEMBER"),
    (EntryKind::PoolJoin, "POOL_JOIN"),
    (EntryKind::PoolRemove, "POOL_REMOVE"),
    (EntryKind::PoolLeave, "POOL_LEAVE"),
    (EntryKind::PoolOut, "POOL_OUT"),
    (EntryKind::PoolIn, "POOL_IN"),
    (EntryKind::Fulfil, "FULFIL"),
];

impl EntryKind {
    /// Returns the number under which the kind is stored.
    #[must_use]
    pub fn number(self) -> i16 {
        self as i16
    }

    /// Returns the kind stored under `number`.
    #[must_use]
    pub fn from_number(number: i16) -> Option<Self> {
        let mut kinds = KINDS.iter().map(|(kind, _)| *kind);
        kinds.find(|kind| kind.number() == number)
    }

    /// Returns the name in the API, without its prefix.
    #[must_use]
    pub fn name(self) -> &'static str {
        let mut kinds = KINDS.iter();
        kinds
            .find(|(kind, _)| *kind == self)
            .map_or("UNSPECIFIED", |(_, name)| name)
    }
}

/// Points of one lot in one entry: what the entry took from the lot (negative) or brought to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allocation {
    /// The lot.
    pub lot: EntryId,
    /// How many.
    pub points: i64,
    /// When the lot was earned; with what follows, all that is needed to bring it back.
    pub earned_at: Timestamp,
    /// When its points become available, while they are not.
    pub active_from: Option<Timestamp>,
    /// When it expires.
    pub expires_at: Timestamp,
    /// How many points of it came to the account.
    pub original: i64,
    /// Where they come from.
    pub origin: Arc<Origin>,
}

impl Allocation {
    /// Returns `points` of a lot.
    #[must_use]
    pub fn of(lot: &Lot, points: i64) -> Self {
        Self {
            lot: lot.id,
            points,
            earned_at: lot.earned_at,
            active_from: lot.active_from,
            expires_at: lot.expires_at,
            original: lot.original,
            origin: lot.origin.clone(),
        }
    }

    /// Returns the lot as it was, with these points in it.
    #[must_use]
    pub fn to_lot(&self) -> Lot {
        Lot {
            id: self.lot,
            earned_at: self.earned_at,
            active_from: self.active_from,
            expires_at: self.expires_at,
            original: self.original,
            remaining: self.points.abs(),
            held: 0,
            origin: self.origin.clone(),
        }
    }
}

/// The other account of a transfer, or a recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The account.
    pub account: AccountId,
    /// Its entry, for transfers.
    pub entry: Option<EntryId>,
}

/// What an entry takes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reversal {
    /// The entry.
    pub entry: EntryId,
    /// How many of its points.
    pub points: i64,
    /// How many had been taken back before.
    pub before: i64,
    /// How many of `points` could not be had: neither taken from lots nor owed.
    pub shortfall: i64,
}

/// What people said about an entry that they asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Who asked for it, in the operator's own key; may be empty.
    pub author: Arc<str>,
    /// Who approved it, where a second person must; else empty.
    pub approver: Arc<str>,
    /// The block that was set or lifted.
    pub block: Option<Block>,
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
/// add up to `-held`, those of an activation to `-pending`.
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
    /// The change of its pending points.
    pub pending: i64,
    /// The change of its debt.
    pub debt: i64,
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
    /// The entry that this one takes back, all or a part of it.
    pub reversal: Option<Box<Reversal>>,
    /// The other account, for transfers and recipients.
    pub peer: Option<Box<Peer>>,
    /// What people said.
    pub note: Option<Box<Note>>,
    /// The partner who funds the points, or where they are spent.
    pub partner: Option<Box<PartnerNote>>,
    /// The stock that it drew on.
    pub stock: Option<Box<StockPart>>,
    /// The order of a reward as it was after this entry, for entries of one.
    pub reward: Option<Box<RewardOrder>>,
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
            _ => self.reversal.as_ref().map(|reversal| reversal.entry),
        }
    }

    /// Returns how many points of the entry that this one ends it takes back, and how many had been
    /// taken back before.
    #[must_use]
    pub fn takes_back(&self) -> (i64, i64) {
        let reversal = self.reversal.as_ref();
        reversal.map_or((0, 0), |reversal| (reversal.points, reversal.before))
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
    /// Since when the customer is with the operator, if that was told.
    pub joined_at: Option<Timestamp>,
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
    /// Something is told.
    Notice(Notice),
    /// Things of a stock moved.
    Stock(StockRecord),
}

impl Record {
    /// Returns the entry, if points moved.
    #[must_use]
    pub fn entry(&self) -> Option<&Entry> {
        match self {
            Self::Entry(entry) => Some(entry),
            Self::Opened(_) | Self::Refused(_) | Self::Notice(_) | Self::Stock(_) => None,
        }
    }
}

/// The request behind a record: what a repeat is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordKey {
    /// Which method was called.
    pub method: Method,
    /// The fingerprint of its body.
    pub fingerprint: Box<[u8]>,
}
