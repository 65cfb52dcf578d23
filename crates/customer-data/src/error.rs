//! Why a call is refused: one variant for each thing a caller can do about it.

use tenure_core::{Coded, ComplaintId, ErrorCode, Violation};
use tenure_rpc::RequestError;
use tenure_sql::SqlError;
use tenure_sql::feed::FeedError;

use crate::domain::Refusal;
use crate::domain::identity::IdentityRefusal;

/// An error of the service.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request is wrong whatever is known.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The request does not fit what is known. The first refusal gives code and reason; each has
    /// its violation.
    #[error("{}", tenure_rpc::status::describe(.violations))]
    Refused {
        /// The first item's refusal.
        first: Box<Refusal>,
        /// All of them, by field.
        violations: Vec<Violation>,
    },
    /// There is no such customer.
    #[error("there is no such customer")]
    CustomerNotFound {
        /// `customer_id` or `lookup`.
        key: &'static str,
        /// The id, or the kind of what was asked by.
        value: String,
    },
    /// There is no such complaint.
    #[error("there is no complaint {0}")]
    ComplaintNotFound(ComplaintId),
    /// There is no such import.
    #[error("there is no import {0}")]
    ImportNotFound(String),
    /// The import takes in nothing more.
    #[error("import {0} is complete")]
    ImportCompleted(String),
    /// The import has not ended.
    #[error(
        "import {0} is running; give it up with `give_up_running` (`--give-up`) to revert what it did"
    )]
    ImportRunning(String),
    /// What was there before the import is kept no longer.
    #[error("what was there before import {0} is not kept, or no longer (`import_undo_days`)")]
    ImportUndoExpired(String),
    /// The import is being taken back, or was.
    #[error("import {0} is being reverted, or was; the file can be imported anew once it is")]
    ImportReverted(String),
    /// Nobody asked to take the import back.
    #[error("there is no reversal of import {0}")]
    ImportReversalNotFound(String),
    /// Another batch is expected.
    #[error("the next batch of the import is {0}")]
    ImportBatchOutOfOrder(i64),
    /// The source has no such quality policy.
    #[error("there is no such quality policy of source {0}")]
    QualityPolicyNotFound(String),
    /// As many sources as there may be have policies.
    #[error("no more sources may have quality policies")]
    QualitySourcesFull(String),
    /// There is no such erasure.
    #[error("there is no erasure {0}")]
    ErasureNotFound(String),
    /// The caller may not be shown personal data, and nothing else is asked for.
    #[error("the caller has no right to personal data")]
    PersonalDataRefused,
    /// Records of who was shown what cannot be written as fast as they come.
    #[error("too many records of accesses wait to be written")]
    AccessLogFull,
    /// A merge, an unmerge or a policy does not fit what is known.
    #[error(transparent)]
    Identity(#[from] IdentityRefusal),
    /// The feed cannot be read from there.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// The database failed.
    #[error(transparent)]
    Sql(#[from] SqlError),
    /// A stored change or answer cannot be read.
    #[error("a stored message cannot be read: {0}")]
    Unreadable(String),
}

impl From<Vec<Violation>> for Error {
    fn from(violations: Vec<Violation>) -> Self {
        Self::Request(violations.into())
    }
}

impl Error {
    /// Creates the error of one refused item, whose fields stand below `prefix`.
    #[must_use]
    pub fn refused(refusal: Refusal, prefix: &str) -> Self {
        let violations = vec![refusal.violation(prefix)];
        Self::Refused {
            first: Box::new(refusal),
            violations,
        }
    }
}

impl Coded for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Request(error) => error.code(),
            Self::Refused { first, .. } => first.reason.code(),
            Self::CustomerNotFound { .. }
            | Self::ComplaintNotFound(_)
            | Self::ImportNotFound(_)
            | Self::ImportReversalNotFound(_)
            | Self::QualityPolicyNotFound(_)
            | Self::ErasureNotFound(_) => ErrorCode::NotFound,
            Self::ImportCompleted(_)
            | Self::ImportRunning(_)
            | Self::ImportUndoExpired(_)
            | Self::ImportReverted(_) => ErrorCode::FailedPrecondition,
            Self::ImportBatchOutOfOrder(_) => ErrorCode::Aborted,
            Self::QualitySourcesFull(_) => ErrorCode::ResourceExhausted,
            Self::Identity(refusal) => refusal.code(),
            Self::PersonalDataRefused => ErrorCode::PermissionDenied,
            Self::AccessLogFull => ErrorCode::Unavailable,
            Self::Feed(error) => error.code(),
            Self::Sql(error) => error.code(),
            Self::Unreadable(_) => ErrorCode::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Request(error) => error.reason(),
            Self::Refused { first, .. } => first.reason.as_str(),
            Self::CustomerNotFound { .. } => "CUSTOMER_NOT_FOUND",
            Self::ComplaintNotFound(_) => "COMPLAINT_NOT_FOUND",
            Self::ImportNotFound(_) => "IMPORT_NOT_FOUND",
            Self::ImportCompleted(_) => "IMPORT_COMPLETED",
            Self::ImportRunning(_) => "IMPORT_RUNNING",
            Self::ImportUndoExpired(_) => "IMPORT_UNDO_EXPIRED",
            Self::ImportReverted(_) => "IMPORT_REVERTED",
            Self::ImportReversalNotFound(_) => "IMPORT_REVERSAL_NOT_FOUND",
            Self::ImportBatchOutOfOrder(_) => "IMPORT_BATCH_OUT_OF_ORDER",
            Self::QualityPolicyNotFound(_) => "QUALITY_POLICY_NOT_FOUND",
            Self::QualitySourcesFull(_) => "QUALITY_SOURCES_FULL",
            Self::Identity(refusal) => refusal.reason(),
            Self::PersonalDataRefused => "PERSONAL_DATA_REFUSED",
            Self::AccessLogFull => "ACCESS_LOG_FULL",
            Self::Feed(error) => error.reason(),
            Self::Sql(error) => error.reason(),
            Self::ErasureNotFound(_) => "ERASURE_NOT_FOUND",
            Self::Unreadable(_) => "INTERNAL_ERROR",
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Request(error) => error.metadata(),
            Self::Refused { first, .. } => first.metadata.clone(),
            Self::CustomerNotFound { key, value } => vec![(key, value.clone())],
            Self::ComplaintNotFound(id) => vec![("complaint_id", id.to_string())],
            Self::ImportNotFound(id)
            | Self::ImportCompleted(id)
            | Self::ImportRunning(id)
            | Self::ImportUndoExpired(id)
            | Self::ImportReverted(id)
            | Self::ImportReversalNotFound(id) => vec![("import_id", id.clone())],
            Self::QualityPolicyNotFound(source) | Self::QualitySourcesFull(source) => {
                vec![("source", source.clone())]
            }
            Self::ImportBatchOutOfOrder(next) => vec![("next_batch_number", next.to_string())],
            Self::Identity(refusal) => refusal.metadata(),
            Self::Feed(error) => error.metadata(),
            Self::ErasureNotFound(id) => vec![("erasure_id", id.clone())],
            Self::Sql(_)
            | Self::Unreadable(_)
            | Self::PersonalDataRefused
            | Self::AccessLogFull => Vec::new(),
        }
    }

    fn violations(&self) -> &[Violation] {
        match self {
            Self::Request(error) => error.violations(),
            Self::Refused { violations, .. } => violations,
            _ => &[],
        }
    }
}

impl From<Error> for tonic::Status {
    fn from(error: Error) -> Self {
        tenure_rpc::to_status(&error, crate::DOMAIN)
    }
}
