//! What can be asked of an account.

use std::sync::Arc;

use tenure_core::{AccountId, CustomerId, Lane, ProgrammeId, RequestId, Span, Timestamp};

use super::entry_id::EntryId;
use super::partner::WHOLE;
use super::policy::Block;
use super::reward::RewardCommand;
use super::stock::{Draw, StockAct, StockPlace};

/// What to do with an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Open it.
    Open {
        /// Whose.
        customer: CustomerId,
        /// Under whose rules.
        programme: ProgrammeId,
        /// Since when the customer is with the operator, if that is told.
        joined_at: Option<Timestamp>,
    },
    /// Add points as a new lot.
    Earn(Earn),
    /// Make pending points available.
    Activate {
        /// The lot.
        lot: EntryId,
    },
    /// Spend points.
    Redeem {
        /// How many.
        points: i64,
        /// On what.
        source: Arc<str>,
        /// At which partner, unless it is the operator itself.
        partner: Option<Arc<str>>,
    },
    /// Put points aside.
    Hold {
        /// How many.
        points: i64,
        /// For what.
        source: Arc<str>,
        /// For how long.
        lasts: Span,
        /// At which partner they are to be spent, unless it is the operator itself.
        partner: Option<Arc<str>>,
    },
    /// Spend a hold.
    Confirm {
        /// Which.
        hold: EntryId,
        /// How many of its points; all, when nothing is said.
        points: Option<i64>,
        /// Takes what is not held from what is available.
        tops_up: bool,
        /// At which partner, when it is not the one that was told with the hold.
        partner: Option<Arc<str>>,
    },
    /// Give a hold back.
    Release {
        /// Which.
        hold: EntryId,
    },
    /// Take an entry back.
    Reverse {
        /// Which.
        entry: EntryId,
        /// How many of its points; all that are left of it, when nothing is said.
        points: Option<i64>,
        /// Why.
        source: Arc<str>,
    },
    /// Add points or take some away.
    Adjust {
        /// How many more, or (negative) fewer.
        points: i64,
        /// When they expire; by the programme's policy, when nothing is said.
        expires_at: Option<Timestamp>,
        /// Why and by whom.
        order: StaffOrder,
    },
    /// Expire points before their time.
    Expire {
        /// The lot; all that is not held, when nothing is said.
        lot: Option<EntryId>,
        /// Why and by whom.
        order: StaffOrder,
    },
    /// Give points again that have expired.
    Reinstate {
        /// The entry that expired them.
        entry: EntryId,
        /// When they expire now; by the programme's policy, when nothing is said.
        expires_at: Option<Timestamp>,
        /// Why and by whom.
        order: StaffOrder,
    },
    /// Set a block.
    Block {
        /// Which.
        block: Block,
        /// Why and by whom.
        order: StaffOrder,
    },
    /// Lift a block.
    Unblock {
        /// Which.
        block: Block,
        /// Why and by whom.
        order: StaffOrder,
    },
    /// Close the account for good.
    Close {
        /// Why and by whom.
        order: StaffOrder,
    },
    /// Register a recipient of gifts.
    Register {
        /// The recipient.
        recipient: AccountId,
        /// The registered recipient whose place it takes.
        replaces: Option<AccountId>,
    },
    /// Give points to another account.
    Transfer {
        /// To whom.
        to: Place,
        /// How many.
        points: i64,
        /// What for.
        source: Arc<str>,
    },
    /// Move everything to another account and close this one.
    Merge {
        /// Into which.
        to: Place,
        /// Why and by whom.
        order: StaffOrder,
    },
    /// Open another account and move points to it.
    Split {
        /// The new account.
        to: Place,
        /// Whose it is; the same customer's, when nothing is said.
        customer: Option<CustomerId>,
        /// How many.
        points: i64,
        /// Why and by whom.
        order: StaffOrder,
    },
    /// Make all points void; the account stays open.
    Void {
        /// Why and by whom.
        order: StaffOrder,
    },
    /// Move everything to another account; this one stays open.
    HandOver {
        /// To which.
        to: Place,
        /// Why and by whom.
        order: StaffOrder,
    },
    /// Make another account a member of this pool.
    AddMember {
        /// Which.
        member: Place,
    },
    /// Take a member out of this pool.
    RemoveMember {
        /// Which.
        member: Place,
    },
    /// Give points into the pool of which this account is a member.
    Contribute {
        /// Into which.
        pool: Place,
        /// How many.
        points: i64,
        /// What for.
        source: Arc<str>,
    },
    /// Spend points of this pool, or put them aside, for a member.
    ForMember {
        /// Which.
        member: AccountId,
        /// A redemption or a hold.
        command: Box<Command>,
    },
    /// Do something about an order of a reward.
    Reward(Box<RewardCommand>),
    /// Only book what is due by now.
    Settle,
}

/// What is earned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earn {
    /// How many.
    pub points: i64,
    /// What they are for; earns once.
    pub source: Arc<str>,
    /// When they were earned, where that is not the instant of the decision (a bill that was
    /// settled earlier).
    pub earned_at: Option<Timestamp>,
    /// When they expire; by the programme's policy, when nothing is said.
    pub expires_at: Option<Timestamp>,
    /// When they become available: at once, when nothing is said; [`Timestamp::MAX`] when somebody
    /// activates them.
    pub active_from: Option<Timestamp>,
    /// The kind of points; empty for ordinary ones.
    pub points_type: Arc<str>,
    /// Who funds them; empty for the operator.
    pub partner: Arc<str>,
    /// Which part of them the partner funds, in basis points.
    pub share: u32,
    /// The stock of points bought in advance from which they are taken.
    pub block: Option<StockPlace>,
    /// Opens the account, for the customer of the same id, when there is none.
    pub open: bool,
}

impl Earn {
    /// Returns an earning of ordinary points, available at once.
    #[must_use]
    pub fn new(points: i64, source: Arc<str>) -> Self {
        Self {
            points,
            source,
            earned_at: None,
            expires_at: None,
            active_from: None,
            points_type: "".into(),
            partner: "".into(),
            share: WHOLE,
            block: None,
            open: false,
        }
    }
}

/// What a member of staff asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffOrder {
    /// Why.
    pub reason: Arc<str>,
    /// Who, in the operator's own key.
    pub author: Arc<str>,
    /// Who approved it; may be empty.
    pub approver: Arc<str>,
}

/// An account and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its lane.
    pub lane: Lane,
    /// The account.
    pub account: AccountId,
}

impl Command {
    /// Returns the entry that the command refers to.
    #[must_use]
    pub fn target(&self) -> Option<EntryId> {
        match self {
            Self::Confirm { hold, .. } | Self::Release { hold } => Some(*hold),
            Self::Reverse { entry, .. } | Self::Reinstate { entry, .. } => Some(*entry),
            _ => None,
        }
    }

    /// Returns the other account that the command touches.
    #[must_use]
    pub fn peer(&self) -> Option<&Place> {
        match self {
            Self::Transfer { to, .. }
            | Self::Merge { to, .. }
            | Self::Split { to, .. }
            | Self::HandOver { to, .. }
            | Self::AddMember { member: to }
            | Self::RemoveMember { member: to }
            | Self::Contribute { pool: to, .. } => Some(to),
            _ => None,
        }
    }

    /// Returns true when a decision takes nothing but the accounts and the rules: no entry that the
    /// command refers to, no source that may have earned before, no account that is to be opened.
    #[must_use]
    pub fn takes_accounts_only(&self) -> bool {
        matches!(
            self,
            Self::Redeem { .. } | Self::Hold { .. } | Self::Transfer { .. }
        )
    }

    /// Returns the stock that the command draws on, and how. Whoever decides must have locked the
    /// stock's lane beside the account's.
    #[must_use]
    pub fn draw(&self) -> Option<Draw> {
        match self {
            Self::Earn(earn) => earn.block.clone().map(|place| Draw {
                place,
                act: StockAct::Take {
                    quantity: earn.points,
                },
            }),
            Self::Reward(command) => command.draw(),
            _ => None,
        }
    }

    /// Returns the order of a reward that it names.
    #[must_use]
    pub fn reward_order(&self) -> Option<EntryId> {
        match self {
            Self::Reward(command) => command.order(),
            _ => None,
        }
    }

    /// Returns when the points that it would make expire, where the caller says so.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        match self {
            Self::Earn(earn) => earn.expires_at,
            Self::Adjust { expires_at, .. } | Self::Reinstate { expires_at, .. } => *expires_at,
            _ => None,
        }
    }
}

/// A method that writes, as a request id remembers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Method {
    /// `CreateAccount`.
    CreateAccount = 1,
    /// `EarnPoints`.
    EarnPoints = 2,
    /// `RedeemPoints`.
    RedeemPoints = 3,
    /// `CreateHold`.
    CreateHold = 4,
    /// `ConfirmHold`.
    ConfirmHold = 5,
    /// `ReleaseHold`.
    ReleaseHold = 6,
    /// `ReverseEntry`.
    ReverseEntry = 7,
    /// `ActivatePoints`.
    ActivatePoints = 8,
    /// `AdjustPoints`.
    AdjustPoints = 9,
    /// `ExpirePoints`.
    ExpirePoints = 10,
    /// `ReinstatePoints`.
    ReinstatePoints = 11,
    /// `FreezeAccount`.
    FreezeAccount = 12,
    /// `UnfreezeAccount`.
    UnfreezeAccount = 13,
    /// `CloseAccount`.
    CloseAccount = 14,
    /// `RegisterRecipient`.
    RegisterRecipient = 15,
    /// `TransferPoints`.
    TransferPoints = 16,
    /// `MergeAccounts`.
    MergeAccounts = 17,
    /// `SplitAccount`.
    SplitAccount = 18,
    /// `AddPoolMember`.
    AddPoolMember = 20,
    /// `RemovePoolMember`.
    RemovePoolMember = 21,
    /// `ContributePoints`.
    ContributePoints = 22,
    /// `RedeemReward`.
    RedeemReward = 30,
    /// `ConfirmRewardOrder`.
    ConfirmRewardOrder = 31,
    /// `FulfilRewardOrder`.
    FulfilRewardOrder = 32,
    /// `CancelRewardOrder`.
    CancelRewardOrder = 33,
    /// `RefundRewardOrder`.
    RefundRewardOrder = 34,
}

impl Method {
    /// Returns the number under which the method is stored.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// Returns the method stored under `number`.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        let methods = [
            Self::CreateAccount,
            Self::EarnPoints,
            Self::RedeemPoints,
            Self::CreateHold,
            Self::ConfirmHold,
            Self::ReleaseHold,
            Self::ReverseEntry,
            Self::ActivatePoints,
            Self::AdjustPoints,
            Self::ExpirePoints,
            Self::ReinstatePoints,
            Self::FreezeAccount,
            Self::UnfreezeAccount,
            Self::CloseAccount,
            Self::RegisterRecipient,
            Self::TransferPoints,
            Self::MergeAccounts,
            Self::SplitAccount,
            Self::AddPoolMember,
            Self::RemovePoolMember,
            Self::ContributePoints,
            Self::RedeemReward,
            Self::ConfirmRewardOrder,
            Self::FulfilRewardOrder,
            Self::CancelRewardOrder,
            Self::RefundRewardOrder,
        ];
        methods.into_iter().find(|method| method.number() == number)
    }
}

/// Who asks, so that a repeat is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The id the caller chose.
    pub id: RequestId,
    /// The method.
    pub method: Method,
    /// The fingerprint of the body.
    pub fingerprint: Box<[u8]>,
}

/// A command for an account, from a request or from a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The lane of the account.
    pub lane: Lane,
    /// The account.
    pub account: AccountId,
    /// The request, if one asks.
    pub request: Option<Arc<Request>>,
    /// What to do.
    pub command: Command,
}
