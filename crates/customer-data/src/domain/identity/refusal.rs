//! Why a merge, an unmerge or a policy is refused.

use tenure_core::{CustomerId, ErrorCode};
use uuid::Uuid;

use super::record::MEMBERS_MAX;

/// A reason of `error_reason.proto` that only identity has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityRefusal {
    /// The customers belong to one record already; this one is named in vain.
    #[error("the customers belong to one record already")]
    AlreadyOneRecord(CustomerId),
    /// The record would have too many members.
    #[error("the record would have more than {MEMBERS_MAX} members")]
    RecordTooLarge,
    /// The customer is one with others, so that it cannot be erased alone.
    #[error("the customer is one with others; undo the merges first")]
    CustomerMerged(CustomerId, CustomerId),
    /// There is no such merge.
    #[error("there is no merge {0}")]
    MergeNotFound(Uuid),
    /// The merge was undone.
    #[error("the merge {0} was undone")]
    MergeUndone(Uuid),
    /// There is no such policy.
    #[error("there is no identity policy of version {0}")]
    PolicyNotFound(i64),
    /// There is no such run.
    #[error("there is no run of matching {0}")]
    RunNotFound(Uuid),
    /// The run is not completed.
    #[error("the run {0} is not completed")]
    RunNotCompleted(Uuid),
    /// The run is a dry one, or its policy is not in force any more.
    #[error("the run {0} is not one of the policy in force")]
    RunNotApplicable(Uuid),
    /// The run has nothing of this number in quarantine.
    #[error("the run {0} has nothing of number {1} in quarantine")]
    QuarantineNotFound(Uuid, i64),
}

impl IdentityRefusal {
    /// Returns the reason as `ErrorInfo` names it.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::AlreadyOneRecord(_) => "ALREADY_ONE_RECORD",
            Self::RecordTooLarge => "RECORD_TOO_LARGE",
            Self::CustomerMerged(..) => "CUSTOMER_MERGED",
            Self::MergeNotFound(_) => "MERGE_NOT_FOUND",
            Self::MergeUndone(_) => "MERGE_UNDONE",
            Self::PolicyNotFound(_) => "IDENTITY_POLICY_NOT_FOUND",
            Self::RunNotFound(_) => "MATCHING_RUN_NOT_FOUND",
            Self::RunNotCompleted(_) => "MATCHING_RUN_NOT_COMPLETED",
            Self::RunNotApplicable(_) => "MATCHING_RUN_NOT_APPLICABLE",
            Self::QuarantineNotFound(..) => "QUARANTINE_NOT_FOUND",
        }
    }

    /// Returns the canonical code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::MergeNotFound(_)
            | Self::PolicyNotFound(_)
            | Self::RunNotFound(_)
            | Self::QuarantineNotFound(..) => ErrorCode::NotFound,
            Self::AlreadyOneRecord(_)
            | Self::RecordTooLarge
            | Self::CustomerMerged(..)
            | Self::MergeUndone(_)
            | Self::RunNotCompleted(_)
            | Self::RunNotApplicable(_) => ErrorCode::FailedPrecondition,
        }
    }

    /// Returns what varies, as the reason documents it.
    #[must_use]
    pub fn metadata(&self) -> Vec<(&'static str, String)> {
        let varies = match self {
            Self::AlreadyOneRecord(customer) => ("customer_id", customer.to_string()),
            Self::RecordTooLarge => ("members_max", MEMBERS_MAX.to_string()),
            Self::CustomerMerged(customer, other) => {
                return vec![
                    ("customer_id", customer.to_string()),
                    ("other_customer_id", other.to_string()),
                ];
            }
            Self::MergeNotFound(id) | Self::MergeUndone(id) => ("merge_id", id.to_string()),
            Self::PolicyNotFound(version) => ("version", version.to_string()),
            Self::RunNotFound(id) | Self::RunNotCompleted(id) | Self::RunNotApplicable(id) => {
                ("run_id", id.to_string())
            }
            Self::QuarantineNotFound(id, number) => {
                return vec![("run_id", id.to_string()), ("number", number.to_string())];
            }
        };
        vec![varies]
    }
}
