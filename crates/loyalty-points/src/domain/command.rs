//! What can be asked of an account.

use std::sync::Arc;

use tenure_core::{AccountId, CustomerId, Lane, ProgrammeId, RequestId, Span, Timestamp};

use super::entry_id::EntryId;

/// What to do with an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Open it.
    Open {
        /// Whose.
        customer: CustomerId,
        /// Under whose rules.
        programme: ProgrammeId,
    },
    /// Add points as a new lot.
    Earn {
        /// How many.
        points: i64,
        /// What they are for; earns once.
        source: Arc<str>,
        /// When they were earned, where that is not the instant of the decision (a bill that was
        /// settled earlier).
        earned_at: Option<Timestamp>,
        /// When they expire; by the programme's policy, when nothing is said.
        expires_at: Option<Timestamp>,
        /// Opens the account, for the customer of the same id, when there is none.
        open: bool,
    },
    /// Spend points.
    Redeem {
        /// How many.
        points: i64,
        /// On what.
        source: Arc<str>,
    },
    /// Put points aside.
    Hold {
        /// How many.
        points: i64,
        /// For what.
        source: Arc<str>,
        /// For how long.
        lasts: Span,
    },
    /// Spend a hold.
    Confirm {
        /// Which.
        hold: EntryId,
        /// How many of its points; all, when nothing is said.
        points: Option<i64>,
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
        /// Why.
        source: Arc<str>,
    },
    /// Only book what is due by now.
    Settle,
}

impl Command {
    /// Returns the entry that the command refers to.
    #[must_use]
    pub fn target(&self) -> Option<EntryId> {
        match self {
            Self::Confirm { hold, .. } | Self::Release { hold } => Some(*hold),
            Self::Reverse { entry, .. } => Some(*entry),
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
