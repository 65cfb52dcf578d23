//! Why a call about partners was refused.

use tenure_core::{Coded, ErrorCode};

/// A refusal that is a fact about the partners.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PartnerRefusal {
    /// There is no such partner.
    #[error("there is no partner {partner}")]
    NotFound {
        /// The id.
        partner: String,
    },
    /// There is such a partner already.
    #[error("partner {partner} exists")]
    Exists {
        /// The id.
        partner: String,
    },
    /// There are as many partners or terms as there may be.
    #[error("there are {most} of them, which is as many as there may be")]
    Limit {
        /// How many.
        most: i64,
    },
    /// A programme still has it fund points.
    #[error("programme {programme} has rules that partner {partner} funds")]
    InUse {
        /// The partner.
        partner: String,
        /// The programme.
        programme: String,
    },
    /// It pays afterwards.
    #[error("partner {partner} pays afterwards and buys no blocks")]
    NotPrepaid {
        /// The id.
        partner: String,
    },
    /// There is no such settlement.
    #[error("partner {partner} has no settlement {number}")]
    SettlementNotFound {
        /// The partner.
        partner: String,
        /// The number.
        number: i64,
    },
    /// The settlement cannot go from its state to that one.
    #[error("settlement {number} of partner {partner} is {state}")]
    SettlementState {
        /// The partner.
        partner: String,
        /// The number.
        number: i64,
        /// Its state.
        state: &'static str,
    },
}

impl Coded for PartnerRefusal {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NotFound { .. } | Self::SettlementNotFound { .. } => ErrorCode::NotFound,
            Self::Exists { .. } => ErrorCode::AlreadyExists,
            Self::Limit { .. }
            | Self::InUse { .. }
            | Self::NotPrepaid { .. }
            | Self::SettlementState { .. } => ErrorCode::FailedPrecondition,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "PARTNER_NOT_FOUND",
            Self::Exists { .. } => "PARTNER_EXISTS",
            Self::Limit { .. } => "PARTNER_LIMIT",
            Self::InUse { .. } => "PARTNER_IN_USE",
            Self::NotPrepaid { .. } => "PARTNER_NOT_PREPAID",
            Self::SettlementNotFound { .. } => "SETTLEMENT_NOT_FOUND",
            Self::SettlementState { .. } => "SETTLEMENT_STATE_MISMATCH",
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::NotFound { partner }
            | Self::NotPrepaid { partner }
            | Self::Exists { partner } => {
                vec![("partner_id", partner.clone())]
            }
            Self::Limit { most } => vec![("limit", most.to_string())],
            Self::InUse { partner, programme } => vec![
                ("partner_id", partner.clone()),
                ("programme_id", programme.clone()),
            ],
            Self::SettlementNotFound { partner, number } => vec![
                ("partner_id", partner.clone()),
                ("settlement_number", number.to_string()),
            ],
            Self::SettlementState {
                partner,
                number,
                state,
            } => vec![
                ("partner_id", partner.clone()),
                ("settlement_number", number.to_string()),
                ("state", (*state).to_owned()),
            ],
        }
    }
}
