//! What can be wrong with any request, whatever the service.

use tenure_core::{Coded, ErrorCode, PageError, Violation};

use crate::status;

/// A request that cannot be served as it is. Services carry it as a variant of their own error and
/// answer its code, reason, metadata and violations unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Fields are missing or wrong: `INVALID_FIELDS`.
    #[error("{}", status::describe(.0))]
    Fields(Vec<Violation>),
    /// The page token is not ours, or was given for other arguments: `INVALID_PAGE_TOKEN` or
    /// `PAGE_TOKEN_MISMATCH`.
    #[error(transparent)]
    Page(#[from] PageError),
    /// The request id was used before, for a request that differs: `REQUEST_ID_REUSED`.
    #[error("the request id was used before with another value of {}", .0.join(", "))]
    RequestIdReused(Vec<String>),
}

impl From<Vec<Violation>> for RequestError {
    fn from(violations: Vec<Violation>) -> Self {
        Self::Fields(violations)
    }
}

impl Coded for RequestError {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidArgument
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Fields(_) => "INVALID_FIELDS",
            Self::Page(PageError::Invalid) => "INVALID_PAGE_TOKEN",
            Self::Page(PageError::Mismatch) => "PAGE_TOKEN_MISMATCH",
            Self::RequestIdReused(_) => "REQUEST_ID_REUSED",
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::RequestIdReused(fields) => vec![("fields", fields.join(","))],
            Self::Fields(_) | Self::Page(_) => Vec::new(),
        }
    }

    fn violations(&self) -> &[Violation] {
        match self {
            Self::Fields(violations) => violations,
            Self::Page(_) | Self::RequestIdReused(_) => &[],
        }
    }
}
