//! Why a call about programmes was refused.

use tenure_core::{Coded, ErrorCode};

use crate::domain::refusal::Refusal;

/// A refusal that is a fact about the programmes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProgrammeRefusal {
    /// There is no such programme.
    #[error("there is no programme {programme}")]
    ProgrammeNotFound {
        /// The id.
        programme: String,
    },
    /// There is such a programme already.
    #[error("programme {programme} exists")]
    ProgrammeExists {
        /// The id.
        programme: String,
    },
    /// There are as many programmes or versions as there may be.
    #[error("there are {most} of them, which is as many as there may be")]
    ProgrammeLimit {
        /// How many.
        most: i64,
    },
    /// There is no such version.
    #[error("programme {programme} has no version {number}")]
    VersionNotFound {
        /// The programme.
        programme: String,
        /// The number.
        number: i64,
    },
    /// The version was activated before.
    #[error("version {number} of programme {programme} was activated before")]
    VersionActivated {
        /// The programme.
        programme: String,
        /// The number.
        number: i64,
    },
    /// The customer was referred before.
    #[error("customer {customer} was referred before")]
    AlreadyReferred {
        /// Who.
        customer: String,
    },
    /// A partner does not fund what its rules say.
    #[error(transparent)]
    Partner(Refusal),
}

impl Coded for ProgrammeRefusal {
    fn code(&self) -> ErrorCode {
        match self {
            Self::ProgrammeNotFound { .. } | Self::VersionNotFound { .. } => ErrorCode::NotFound,
            Self::ProgrammeExists { .. } | Self::AlreadyReferred { .. } => ErrorCode::AlreadyExists,
            Self::Partner(refusal) => refusal.code(),
            Self::ProgrammeLimit { .. } | Self::VersionActivated { .. } => {
                ErrorCode::FailedPrecondition
            }
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::ProgrammeNotFound { .. } => "PROGRAMME_NOT_FOUND",
            Self::ProgrammeExists { .. } => "PROGRAMME_EXISTS",
            Self::ProgrammeLimit { .. } => "PROGRAMME_LIMIT",
            Self::VersionNotFound { .. } => "PROGRAMME_VERSION_NOT_FOUND",
            Self::VersionActivated { .. } => "PROGRAMME_VERSION_ACTIVATED",
            Self::AlreadyReferred { .. } => "CUSTOMER_ALREADY_REFERRED",
            Self::Partner(refusal) => refusal.reason(),
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::ProgrammeNotFound { programme } | Self::ProgrammeExists { programme } => {
                vec![("programme_id", programme.clone())]
            }
            Self::ProgrammeLimit { most } => vec![("limit", most.to_string())],
            Self::VersionNotFound { programme, number }
            | Self::VersionActivated { programme, number } => vec![
                ("programme_id", programme.clone()),
                ("version_number", number.to_string()),
            ],
            Self::AlreadyReferred { customer } => {
                vec![("referred_customer_id", customer.clone())]
            }
            Self::Partner(refusal) => refusal.metadata(),
        }
    }
}
