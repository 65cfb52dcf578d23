//! Why a command was refused: a fact about the state it met, kept and repeated like an answer.

use serde::{Deserialize, Serialize};
use tenure_core::{Coded, ErrorCode, Timestamp};

/// A business refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// There is no such account.
    #[error("there is no account {account}")]
    AccountNotFound {
        /// The id.
        account: String,
    },
    /// There is such an account already.
    #[error("account {account} exists")]
    AccountExists {
        /// The id.
        account: String,
    },
    /// The account has no such hold.
    #[error("the account has no hold {hold}")]
    HoldNotFound {
        /// The id.
        hold: String,
    },
    /// The account has no such entry.
    #[error("the account has no entry {entry}")]
    EntryNotFound {
        /// The id.
        entry: String,
    },
    /// Too few points.
    #[error("account {account} has {available} points available and {held} held, {needed} needed")]
    InsufficientPoints {
        /// The account.
        account: String,
        /// What can be spent.
        available: i64,
        /// What is held.
        held: i64,
        /// What was asked for.
        needed: i64,
    },
    /// The hold was spent.
    #[error("hold {hold} was confirmed before")]
    HoldAlreadyConfirmed {
        /// The hold.
        hold: String,
    },
    /// The hold was given back.
    #[error("hold {hold} was released before")]
    HoldAlreadyReleased {
        /// The hold.
        hold: String,
    },
    /// The hold ran out.
    #[error("hold {hold} ran out at {}", Timestamp::from_micros(*.expires_at))]
    HoldExpired {
        /// The hold.
        hold: String,
        /// When, in microseconds.
        expires_at: i64,
    },
    /// More than is held.
    #[error("hold {hold} holds {held} points, {needed} needed")]
    HoldExceeded {
        /// The hold.
        hold: String,
        /// What it holds.
        held: i64,
        /// What was to be confirmed.
        needed: i64,
    },
    /// The entry was taken back before.
    #[error("entry {entry} was reversed before by {reversal}")]
    EntryAlreadyReversed {
        /// The entry.
        entry: String,
        /// The entry that reversed it.
        reversal: String,
    },
    /// Entries of its kind are final.
    #[error("entry {entry} is of kind {kind}, which cannot be reversed")]
    EntryNotReversible {
        /// The entry.
        entry: String,
        /// Its kind.
        kind: String,
    },
    /// Points of the earning are gone.
    #[error("entry {entry} earned {needed} points, of which {remaining} remain")]
    PointsAlreadySpent {
        /// The entry.
        entry: String,
        /// What is left, neither spent nor held nor expired.
        remaining: i64,
        /// What it earned.
        needed: i64,
    },
    /// The source earned before.
    #[error("source {source_event} earned points before, in entry {entry}")]
    EventAlreadyEarned {
        /// The source.
        source_event: String,
        /// The entry.
        entry: String,
    },
    /// The account would grow beyond its limits.
    #[error("account {account} would hold more points or lots than it may")]
    BalanceLimit {
        /// The account.
        account: String,
    },
}

impl Coded for Refusal {
    fn code(&self) -> ErrorCode {
        match self {
            Self::AccountNotFound { .. }
            | Self::HoldNotFound { .. }
            | Self::EntryNotFound { .. } => ErrorCode::NotFound,
            Self::AccountExists { .. } | Self::EventAlreadyEarned { .. } => {
                ErrorCode::AlreadyExists
            }
            _ => ErrorCode::FailedPrecondition,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::AccountNotFound { .. } => "ACCOUNT_NOT_FOUND",
            Self::AccountExists { .. } => "ACCOUNT_EXISTS",
            Self::HoldNotFound { .. } => "HOLD_NOT_FOUND",
            Self::EntryNotFound { .. } => "ENTRY_NOT_FOUND",
            Self::InsufficientPoints { .. } => "INSUFFICIENT_POINTS",
            Self::HoldAlreadyConfirmed { .. } => "HOLD_ALREADY_CONFIRMED",
            Self::HoldAlreadyReleased { .. } => "HOLD_ALREADY_RELEASED",
            Self::HoldExpired { .. } => "HOLD_EXPIRED",
            Self::HoldExceeded { .. } => "HOLD_EXCEEDED",
            Self::EntryAlreadyReversed { .. } => "ENTRY_ALREADY_REVERSED",
            Self::EntryNotReversible { .. } => "ENTRY_NOT_REVERSIBLE",
            Self::PointsAlreadySpent { .. } => "POINTS_ALREADY_SPENT",
            Self::EventAlreadyEarned { .. } => "EVENT_ALREADY_EARNED",
            Self::BalanceLimit { .. } => "BALANCE_LIMIT",
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::AccountNotFound { account }
            | Self::AccountExists { account }
            | Self::BalanceLimit { account } => vec![("account_id", account.clone())],
            Self::HoldNotFound { hold }
            | Self::HoldAlreadyConfirmed { hold }
            | Self::HoldAlreadyReleased { hold } => vec![("hold_id", hold.clone())],
            Self::EntryNotFound { entry } => vec![("entry_id", entry.clone())],
            Self::InsufficientPoints {
                account,
                available,
                held,
                needed,
            } => vec![
                ("account_id", account.clone()),
                ("available_points", available.to_string()),
                ("held_points", held.to_string()),
                ("needed_points", needed.to_string()),
            ],
            Self::HoldExpired { hold, expires_at } => vec![
                ("hold_id", hold.clone()),
                (
                    "expire_time",
                    Timestamp::from_micros(*expires_at).to_string(),
                ),
            ],
            Self::HoldExceeded { hold, held, needed } => vec![
                ("hold_id", hold.clone()),
                ("held_points", held.to_string()),
                ("needed_points", needed.to_string()),
            ],
            Self::EntryAlreadyReversed { entry, reversal } => {
                vec![
                    ("entry_id", entry.clone()),
                    ("reversal_entry_id", reversal.clone()),
                ]
            }
            Self::EntryNotReversible { entry, kind } => {
                vec![("entry_id", entry.clone()), ("kind", kind.clone())]
            }
            Self::PointsAlreadySpent {
                entry,
                remaining,
                needed,
            } => vec![
                ("entry_id", entry.clone()),
                ("remaining_points", remaining.to_string()),
                ("needed_points", needed.to_string()),
            ],
            Self::EventAlreadyEarned {
                source_event,
                entry,
            } => {
                vec![
                    ("source", source_event.clone()),
                    ("entry_id", entry.clone()),
                ]
            }
        }
    }
}
