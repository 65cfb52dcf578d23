//! The code and the reason of a refusal.

use tenure_core::{Coded, ErrorCode};

use super::Refusal;

impl Coded for Refusal {
    fn code(&self) -> ErrorCode {
        match self {
            Self::AccountNotFound { .. }
            | Self::HoldNotFound { .. }
            | Self::LotNotFound { .. }
            | Self::PoolMemberNotFound { .. }
            | Self::BlockNotFound { .. }
            | Self::RewardNotFound { .. }
            | Self::PriceNotFound { .. }
            | Self::RewardOrderNotFound { .. }
            | Self::EntryNotFound { .. }
            | Self::PartnerNotFound { .. } => ErrorCode::NotFound,
            Self::AccountExists { .. }
            | Self::BlockExists { .. }
            | Self::RewardExists { .. }
            | Self::RecipientExists { .. }
            | Self::PoolMemberExists { .. }
            | Self::EventAlreadyEarned { .. } => ErrorCode::AlreadyExists,
            Self::Clash(clash) => clash.code(),
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
            Self::EarningNotPending { .. } => "EARNING_NOT_PENDING",
            Self::DebtLimit { .. } => "DEBT_LIMIT",
            Self::ReversalExceeded { .. } => "REVERSAL_EXCEEDED",
            Self::LotNotFound { .. } => "LOT_NOT_FOUND",
            Self::LotNotPending { .. } => "LOT_NOT_PENDING",
            Self::NothingToExpire { .. } => "NOTHING_TO_EXPIRE",
            Self::ApprovalRequired { .. } => "APPROVAL_REQUIRED",
            Self::ApproverIsAuthor => "APPROVER_IS_AUTHOR",
            Self::ReinstateTooLate { .. } => "REINSTATE_TOO_LATE",
            Self::AccountClosed { .. } => "ACCOUNT_CLOSED",
            Self::AccountBlocked { .. } => "ACCOUNT_BLOCKED",
            Self::BlockExists { .. } => "BLOCK_EXISTS",
            Self::BlockNotFound { .. } => "BLOCK_NOT_FOUND",
            Self::TenureTooShort { .. } => "TENURE_TOO_SHORT",
            Self::RecipientLimit { .. } => "RECIPIENT_LIMIT",
            Self::RecipientExists { .. } => "RECIPIENT_EXISTS",
            Self::RecipientNotRegistered { .. } => "RECIPIENT_NOT_REGISTERED",
            Self::RecipientNotEffective { .. } => "RECIPIENT_NOT_EFFECTIVE",
            Self::TransferLimit { .. } => "TRANSFER_LIMIT",
            Self::ProgrammeMismatch { .. } => "PROGRAMME_MISMATCH",
            Self::HoldsOpen { .. } => "HOLDS_OPEN",
            Self::PoolMemberExists { .. } => "POOL_MEMBER_EXISTS",
            Self::PoolMemberNotFound { .. } => "POOL_MEMBER_NOT_FOUND",
            Self::PoolMemberLimit { .. } => "POOL_MEMBER_LIMIT",
            Self::PoolLimit { .. } => "POOL_LIMIT",
            Self::PoolNotLeft { .. } => "POOL_NOT_LEFT",
            Self::EventAlreadyEarned { .. } => "EVENT_ALREADY_EARNED",
            Self::PartnerNotFound { .. } => "PARTNER_NOT_FOUND",
            Self::PartnerClosed { .. } => "PARTNER_CLOSED",
            Self::PartnerBlockExhausted { .. } => "PARTNER_BLOCK_EXHAUSTED",
            Self::PartnerKindMismatch { .. } => "PARTNER_KIND_MISMATCH",
            Self::BatchRefused { .. } => "BATCH_REFUSED",
            Self::OutOfStock { .. } => "OUT_OF_STOCK",
            Self::RewardNotFound { .. } => "REWARD_NOT_FOUND",
            Self::RewardExists { .. } => "REWARD_EXISTS",
            Self::CatalogueFull { .. } => "REWARD_CATALOGUE_FULL",
            Self::RewardNotCounted { .. } => "REWARD_NOT_COUNTED",
            Self::PriceNotFound { .. } => "REWARD_PRICE_NOT_FOUND",
            Self::RewardNotAvailable { .. } => "REWARD_NOT_AVAILABLE",
            Self::NotEligible { .. } => "NOT_ELIGIBLE",
            Self::RewardLimit { .. } => "REWARD_LIMIT_REACHED",
            Self::RewardOrderNotFound { .. } => "REWARD_ORDER_NOT_FOUND",
            Self::RewardOrderState { .. } => "REWARD_ORDER_STATE",
            Self::RefundExceeded { .. } => "REFUND_EXCEEDED",
            Self::EntryOfRewardOrder { .. } => "ENTRY_OF_REWARD_ORDER",
            Self::BalanceLimit { .. } => "BALANCE_LIMIT",
            Self::Clash(clash) => clash.reason(),
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        self.facts()
    }
}
