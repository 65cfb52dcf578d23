//! Why a call was refused: one variant for each reason a caller can act on.

use tenure_core::{Coded, ErrorCode, Violation};
use tenure_rpc::RequestError;
use tenure_sql::SqlError;
use tenure_sql::feed::FeedError;

use crate::domain::{PartnerRefusal, ProgrammeRefusal, Refusal};

/// An error of loyalty-points.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request itself is wrong.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A rule says no; a repeat gets the same answer.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The programmes say no.
    #[error(transparent)]
    Programme(#[from] ProgrammeRefusal),
    /// The partners say no.
    #[error(transparent)]
    Partner(#[from] PartnerRefusal),
    /// More writes than may wait.
    #[error("more writes than the server may hold")]
    Overloaded,
    /// No more writes are taken.
    #[error("the server is shutting down")]
    Draining,
    /// Time ran out before the write was begun.
    #[error("the deadline passed before the write was begun")]
    DeadlineExceeded,
    /// The position in the feed cannot be used.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// The database failed.
    #[error(transparent)]
    Sql(#[from] SqlError),
    /// Another service does not answer.
    #[error("{service} does not answer: {message}")]
    Dependency {
        /// Which.
        service: &'static str,
        /// What its status says.
        message: String,
    },
    /// The configuration cannot be used.
    #[error("the configuration of the programme cannot be used")]
    Config,
    /// Our mistake.
    #[error("{0}")]
    Internal(&'static str),
}

impl From<Vec<Violation>> for Error {
    fn from(violations: Vec<Violation>) -> Self {
        Self::Request(violations.into())
    }
}

impl Error {
    fn inner(&self) -> Option<&dyn Coded> {
        match self {
            Self::Request(error) => Some(error),
            Self::Refused(error) => Some(error),
            Self::Programme(error) => Some(error),
            Self::Partner(error) => Some(error),
            Self::Feed(error) => Some(error),
            Self::Sql(error) => Some(error),
            _ => None,
        }
    }
}

impl Coded for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Overloaded | Self::Draining | Self::Dependency { .. } => ErrorCode::Unavailable,
            Self::DeadlineExceeded => ErrorCode::DeadlineExceeded,
            _ => self.inner().map_or(ErrorCode::Internal, Coded::code),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Overloaded => "OVERLOADED",
            Self::Draining => "SERVER_DRAINING",
            Self::Dependency { .. } => "DEPENDENCY_UNAVAILABLE",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            _ => self.inner().map_or("INTERNAL_ERROR", Coded::reason),
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Dependency { service, .. } => vec![("service", (*service).to_owned())],
            _ => self.inner().map(Coded::metadata).unwrap_or_default(),
        }
    }

    fn violations(&self) -> &[Violation] {
        self.inner().map(Coded::violations).unwrap_or_default()
    }
}
