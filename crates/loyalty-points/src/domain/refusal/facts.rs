//! The facts of a refusal, as metadata of the error: a program reads these, never the message.

use tenure_core::Timestamp;

use super::Refusal;

type Facts = Vec<(&'static str, String)>;

fn instant(micros: i64) -> String {
    Timestamp::from_micros(micros).to_string()
}

impl Refusal {
    pub(super) fn facts(&self) -> Facts {
        match self {
            Self::AccountNotFound { account }
            | Self::AccountExists { account }
            | Self::AccountClosed { account }
            | Self::NothingToExpire { account }
            | Self::HoldsOpen { account }
            | Self::PoolNotLeft { account }
            | Self::BalanceLimit { account } => vec![("account_id", account.clone())],
            Self::HoldNotFound { hold }
            | Self::HoldAlreadyConfirmed { hold }
            | Self::HoldAlreadyReleased { hold } => vec![("hold_id", hold.clone())],
            Self::EntryNotFound { entry } => vec![("entry_id", entry.clone())],
            Self::LotNotFound { lot } | Self::LotNotPending { lot } => {
                vec![("lot_id", lot.clone())]
            }
            Self::RecipientExists { recipient } | Self::RecipientNotRegistered { recipient } => {
                vec![("recipient_account_id", recipient.clone())]
            }
            Self::PartnerNotFound { partner } | Self::PartnerClosed { partner } => {
                vec![("partner_id", partner.clone())]
            }
            Self::PartnerBlockExhausted {
                partner,
                available,
                needed,
            } => vec![
                ("partner_id", partner.clone()),
                ("available_points", available.to_string()),
                ("needed_points", needed.to_string()),
            ],
            Self::PartnerKindMismatch { partner, operation } => vec![
                ("partner_id", partner.clone()),
                ("operation", operation.clone()),
            ],
            Self::Clash(clash) => clash.facts(),
            Self::ApproverIsAuthor => Vec::new(),
            Self::BatchRefused { reason } => vec![("reason", reason.clone())],
            _ => self.facts_with_numbers(),
        }
    }

    fn facts_with_numbers(&self) -> Facts {
        match self {
            Self::InsufficientPoints { .. } => self.shortage(),
            Self::HoldExpired { hold, expires_at } => vec![
                ("hold_id", hold.clone()),
                ("expire_time", instant(*expires_at)),
            ],
            Self::HoldExceeded { hold, held, needed } => vec![
                ("hold_id", hold.clone()),
                ("held_points", held.to_string()),
                ("needed_points", needed.to_string()),
            ],
            Self::DebtLimit {
                account,
                debt,
                limit,
                needed,
            } => vec![
                ("account_id", account.clone()),
                ("debt_points", debt.to_string()),
                ("limit_points", limit.to_string()),
                ("needed_points", needed.to_string()),
            ],
            Self::ApprovalRequired { points, limit } => vec![
                ("points", points.to_string()),
                ("limit_points", limit.to_string()),
            ],
            Self::TransferLimit {
                account,
                direction,
                limit,
                moved,
                needed,
            }
            | Self::PoolLimit {
                account,
                direction,
                limit,
                moved,
                needed,
            } => vec![
                ("account_id", account.clone()),
                ("direction", direction.clone()),
                ("limit_points", limit.to_string()),
                ("moved_points", moved.to_string()),
                ("needed_points", needed.to_string()),
            ],
            Self::RecipientNotEffective {
                recipient,
                effective_at,
            } => vec![
                ("recipient_account_id", recipient.clone()),
                ("effective_time", instant(*effective_at)),
            ],
            _ => self
                .facts_of_rewards()
                .or_else(|| self.facts_of_entries())
                .unwrap_or_else(|| self.facts_of_accounts()),
        }
    }

    fn facts_of_rewards(&self) -> Option<Facts> {
        Some(match self {
            Self::RewardNotFound { reward }
            | Self::RewardExists { reward }
            | Self::RewardNotCounted { reward } => vec![("reward_id", reward.clone())],
            Self::CatalogueFull { limit } => vec![("limit", limit.to_string())],
            Self::PriceNotFound { reward, price } => {
                vec![("reward_id", reward.clone()), ("price_id", price.clone())]
            }
            Self::RewardNotAvailable {
                reward,
                valid_from,
                valid_until,
                ..
            } => {
                let mut facts = vec![("reward_id", reward.clone())];
                facts.extend(valid_from.map(|at| ("valid_from_time", instant(at))));
                facts.extend(valid_until.map(|at| ("valid_until_time", instant(at))));
                facts
            }
            Self::NotEligible {
                reward,
                rule,
                wanted,
                found,
            } => vec![
                ("reward_id", reward.clone()),
                ("rule", rule.clone()),
                ("wanted", wanted.clone()),
                ("found", found.clone()),
            ],
            Self::RewardLimit {
                reward,
                limit,
                had,
                needed,
            } => vec![
                ("reward_id", reward.clone()),
                ("limit_quantity", limit.to_string()),
                ("had_quantity", had.to_string()),
                ("needed_quantity", needed.to_string()),
            ],
            _ => return self.facts_of_orders(),
        })
    }

    fn facts_of_orders(&self) -> Option<Facts> {
        Some(match self {
            Self::RewardOrderNotFound { order } => vec![("order_id", order.clone())],
            Self::RewardOrderState {
                order,
                state,
                wanted,
            } => vec![
                ("order_id", order.clone()),
                ("state", state.clone()),
                ("wanted_states", wanted.clone()),
            ],
            Self::RefundExceeded {
                order,
                left,
                needed,
            } => vec![
                ("order_id", order.clone()),
                ("left_quantity", left.to_string()),
                ("needed_quantity", needed.to_string()),
            ],
            Self::EntryOfRewardOrder { entry, order } => {
                vec![("entry_id", entry.clone()), ("order_id", order.clone())]
            }
            Self::OutOfStock {
                stock,
                available,
                needed,
            } => vec![
                ("stock_id", stock.clone()),
                ("available_quantity", available.to_string()),
                ("needed_quantity", needed.to_string()),
            ],
            _ => return None,
        })
    }

    fn facts_of_entries(&self) -> Option<Facts> {
        Some(match self {
            Self::EntryAlreadyReversed { entry, reversal } => vec![
                ("entry_id", entry.clone()),
                ("reversal_entry_id", reversal.clone()),
            ],
            Self::EntryNotReversible { entry, kind } => {
                vec![("entry_id", entry.clone()), ("kind", kind.clone())]
            }
            Self::EarningNotPending {
                entry,
                pending,
                needed,
            } => vec![
                ("entry_id", entry.clone()),
                ("pending_points", pending.to_string()),
                ("needed_points", needed.to_string()),
            ],
            Self::ReversalExceeded {
                entry,
                left,
                needed,
            } => vec![
                ("entry_id", entry.clone()),
                ("left_points", left.to_string()),
                ("needed_points", needed.to_string()),
            ],
            Self::ReinstateTooLate { entry, until } => {
                vec![("entry_id", entry.clone()), ("until_time", instant(*until))]
            }
            Self::EventAlreadyEarned {
                source_event,
                entry,
            } => vec![
                ("source", source_event.clone()),
                ("entry_id", entry.clone()),
            ],
            _ => return None,
        })
    }

    fn facts_of_accounts(&self) -> Facts {
        match self {
            Self::AccountBlocked {
                account,
                block,
                operation,
            } => vec![
                ("account_id", account.clone()),
                ("block", block.clone()),
                ("operation", operation.clone()),
            ],
            Self::BlockExists { account, block } | Self::BlockNotFound { account, block } => {
                vec![("account_id", account.clone()), ("block", block.clone())]
            }
            Self::TenureTooShort {
                account,
                months,
                needed,
            } => vec![
                ("account_id", account.clone()),
                ("months", months.to_string()),
                ("needed_months", needed.to_string()),
            ],
            Self::PoolMemberExists { member, pool } => vec![
                ("member_account_id", member.clone()),
                ("pool_account_id", pool.clone()),
            ],
            Self::PoolMemberNotFound { account, member } => vec![
                ("member_account_id", member.clone()),
                ("pool_account_id", account.clone()),
            ],
            Self::RecipientLimit { account, limit } | Self::PoolMemberLimit { account, limit } => {
                vec![
                    ("account_id", account.clone()),
                    ("limit", limit.to_string()),
                ]
            }
            Self::ProgrammeMismatch { account, peer } => vec![
                ("account_id", account.clone()),
                ("peer_account_id", peer.clone()),
            ],
            _ => Vec::new(),
        }
    }

    fn shortage(&self) -> Facts {
        let Self::InsufficientPoints {
            account,
            available,
            held,
            needed,
            pending,
            expired_today,
            debt,
            next_activation,
        } = self
        else {
            return Vec::new();
        };
        let mut facts = vec![
            ("account_id", account.clone()),
            ("available_points", available.to_string()),
            ("held_points", held.to_string()),
            ("needed_points", needed.to_string()),
            ("pending_points", pending.to_string()),
            ("expired_today_points", expired_today.to_string()),
            ("debt_points", debt.to_string()),
        ];
        let next = next_activation.map(|at| ("next_activate_time", instant(at)));
        facts.extend(next);
        facts
    }
}
