//! Why a call of scoring was refused.

use tenure_core::{Coded, ErrorCode, Violation};
use tenure_rpc::RequestError;
use tenure_sql::SqlError;
use tenure_sql::feed::FeedError;

/// One variant for each reason that a caller can act on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request itself is wrong.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// Nothing is known of the customer.
    #[error("nothing is known of the customer {customer_id}")]
    CustomerNotFound {
        /// Who.
        customer_id: String,
    },
    /// There is no such model.
    #[error("there is no model {model_id}")]
    ModelNotFound {
        /// Which.
        model_id: String,
    },
    /// There is no such run.
    #[error("there is no scoring run {scoring_run_id}")]
    ScoringRunNotFound {
        /// Which.
        scoring_run_id: String,
    },
    /// No model scores.
    #[error("no model was trained yet")]
    NoActiveModel,
    /// The feed cannot be read from there.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// The database failed.
    #[error(transparent)]
    Sql(#[from] SqlError),
    /// customer-data does not answer.
    #[error("customer-data does not answer: {why}")]
    DependencyUnavailable {
        /// The code and message that came instead.
        why: String,
    },
    /// What is stored does not fit together.
    #[error("{0}")]
    Broken(String),
}

impl Coded for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Request(error) => error.code(),
            Self::CustomerNotFound { .. }
            | Self::ModelNotFound { .. }
            | Self::ScoringRunNotFound { .. } => ErrorCode::NotFound,
            Self::NoActiveModel => ErrorCode::FailedPrecondition,
            Self::Feed(error) => error.code(),
            Self::Sql(error) => error.code(),
            Self::DependencyUnavailable { .. } => ErrorCode::Unavailable,
            Self::Broken(_) => ErrorCode::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Request(error) => error.reason(),
            Self::CustomerNotFound { .. } => "CUSTOMER_NOT_FOUND",
            Self::ModelNotFound { .. } => "MODEL_NOT_FOUND",
            Self::ScoringRunNotFound { .. } => "SCORING_RUN_NOT_FOUND",
            Self::NoActiveModel => "NO_ACTIVE_MODEL",
            Self::Feed(error) => error.reason(),
            Self::Sql(error) => error.reason(),
            Self::DependencyUnavailable { .. } => "DEPENDENCY_UNAVAILABLE",
            Self::Broken(_) => "INTERNAL_ERROR",
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Request(error) => error.metadata(),
            Self::CustomerNotFound { customer_id } => vec![("customer_id", customer_id.clone())],
            Self::ModelNotFound { model_id } => vec![("model_id", model_id.clone())],
            Self::ScoringRunNotFound { scoring_run_id } => {
                vec![("scoring_run_id", scoring_run_id.clone())]
            }
            Self::Feed(error) => error.metadata(),
            Self::Sql(error) => error.metadata(),
            Self::DependencyUnavailable { .. } => vec![("service", "customer-data".into())],
            Self::NoActiveModel | Self::Broken(_) => Vec::new(),
        }
    }

    fn violations(&self) -> &[Violation] {
        match self {
            Self::Request(error) => error.violations(),
            _ => &[],
        }
    }
}
