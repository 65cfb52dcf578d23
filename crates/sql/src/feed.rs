//! The change feed: what happened in this database, numbered without gaps per lane, in the order of
//! the commits.
//!
//! A reader may therefore ask for everything after its position and never miss what became visible
//! late, which is how polling an identity column loses rows under concurrent writers.

mod append;
mod compact;
pub mod consumer;
mod filter;
mod page;
mod positions;
mod prune;
mod read;
mod since;
mod token;

use tenure_core::{Coded, ErrorCode, Lane, Timestamp};

pub use append::{NewChange, append, lock_lanes};
pub use compact::compact;
pub use filter::Filter;
pub use page::{Page, Range, lane_head, lane_page, page, refuse_expired};
pub use positions::Positions;
pub use prune::prune;
pub use read::{earliest, heads, read};
pub use since::since;
pub use token::{Place, Token};

use crate::error::SqlError;

/// Something that happened, as it stands in the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The lane of the key.
    pub lane: Lane,
    /// The number within the lane.
    pub seq: i64,
    /// What happened, in the service's own words.
    pub kind: String,
    /// What it happened to: a customer or an account.
    pub key: String,
    /// When it was true in the world.
    pub happened_at: Timestamp,
    /// When this database learnt of it.
    pub recorded_at: Timestamp,
    /// The encoded message.
    pub body: Vec<u8>,
}

impl Change {
    /// Returns the event's id: unique in its database, ascending within a lane.
    #[must_use]
    pub fn id(&self) -> i64 {
        (i64::from(self.lane) << 48) | self.seq
    }
}

/// Why the feed could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// The position lies before what is kept: take a snapshot, then go on from its head.
    #[error(
        "the resume token is older than what is kept: read a snapshot, or go on from \
         earliest_resume_token without what was deleted"
    )]
    TokenExpired {
        /// The token of the earliest position that can still be read.
        earliest: String,
    },
    /// The token was not made by this database, or by a later state of it that was lost.
    #[error("the resume token is not one of this database: {why}")]
    InvalidToken {
        /// What was wrong with it.
        why: &'static str,
    },
    /// The database failed.
    #[error(transparent)]
    Sql(#[from] SqlError),
}

impl From<sqlx::Error> for FeedError {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error.into())
    }
}

impl Coded for FeedError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::TokenExpired { .. } => ErrorCode::OutOfRange,
            Self::InvalidToken { .. } => ErrorCode::InvalidArgument,
            Self::Sql(error) => error.code(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::TokenExpired { .. } => "RESUME_TOKEN_EXPIRED",
            Self::InvalidToken { .. } => "INVALID_RESUME_TOKEN",
            Self::Sql(error) => error.reason(),
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::TokenExpired { earliest } => vec![("earliest_resume_token", earliest.clone())],
            Self::InvalidToken { why } => vec![("why", (*why).to_owned())],
            Self::Sql(_) => Vec::new(),
        }
    }
}
