//! The parts of a briefing that other services tell, or why they are missing.

use metrics::counter;
use tenure_core::{Span, Timestamp};
use tenure_proto::campaign::v1 as campaign;
use tenure_proto::customer::v1 as wire;
use tenure_proto::loyalty::v1 as loyalty;
use tenure_proto::scoring::v1 as scoring;
use tenure_rpc::fields::{parse_time, time};

use crate::job::peer::Missing;
use crate::job::peers::{ACCOUNTS_MAX, Account};

/// The most actions of one briefing.
const ACTIONS_MAX: usize = 3;
/// The most reasons of one score.
const REASONS_MAX: usize = 5;

/// Returns the state of a part that is there.
fn there(as_of_time: Option<prost_types::Timestamp>) -> Option<wire::PartState> {
    Some(wire::PartState {
        as_of_time,
        missing_reason: wire::MissingReason::Unspecified.into(),
    })
}

/// Returns the state of a part that is not.
fn not_there(why: Missing) -> Option<wire::PartState> {
    Some(wire::PartState {
        as_of_time: None,
        missing_reason: reason(why).into(),
    })
}

fn reason(why: Missing) -> wire::MissingReason {
    match why {
        Missing::NotConfigured => wire::MissingReason::NotConfigured,
        Missing::Unavailable => wire::MissingReason::Unavailable,
        Missing::TimedOut => wire::MissingReason::TimedOut,
        Missing::NotKnown => wire::MissingReason::NotKnown,
        Missing::Busy => wire::MissingReason::Busy,
        Missing::Refused => wire::MissingReason::Refused,
        Missing::InvalidAnswer => wire::MissingReason::InvalidAnswer,
    }
}

/// Counts a part of a briefing by what became of it.
fn count(part: &'static str, missing: Option<Missing>) {
    let outcome = missing.map_or("there", Missing::as_str);
    counter!("tenure_briefing_parts_total", "part" => part, "outcome" => outcome).increment(1);
}

pub(super) fn score(answer: Result<scoring::Score, Missing>) -> wire::ScorePart {
    count("score", answer.as_ref().err().copied());
    let score = match answer {
        Ok(score) => score,
        Err(why) => {
            return wire::ScorePart {
                state: not_there(why),
                ..wire::ScorePart::default()
            };
        }
    };
    let reasons = score.reasons.into_iter().take(REASONS_MAX);
    wire::ScorePart {
        state: there(score.score_time),
        stage: score.stage,
        stage_start_time: score.stage_start_time,
        churn_probability: score.churn_probability,
        risk_band: score.risk_band,
        horizon: score.horizon,
        reasons: reasons
            .map(|reason| wire::BriefReason {
                code: reason.code,
                statement: reason.statement,
            })
            .collect(),
        monthly_revenue: score.monthly_revenue,
        lifetime_value: score.lifetime_value,
        value_tier: score.value_tier,
        model_version: score.model_version,
    }
}

/// Points that expire within `soon` days from `now` expire soon. Balances are those of the instant
/// when loyalty-points answers, which is now.
pub(super) fn points(
    answer: Result<Vec<Account>, Missing>,
    now: Timestamp,
    soon: u32,
) -> wire::PointsPart {
    count("points", answer.as_ref().err().copied());
    let accounts = match answer {
        Ok(accounts) => accounts,
        Err(why) => {
            return wire::PointsPart {
                state: not_there(why),
                ..wire::PointsPart::default()
            };
        }
    };
    let soon = now + Span::from_days(soon.into());
    wire::PointsPart {
        state: there(Some(time(now))),
        more: accounts.len() > ACCOUNTS_MAX,
        accounts: accounts
            .into_iter()
            .take(ACCOUNTS_MAX)
            .map(|account| brief(account, soon))
            .collect(),
    }
}

fn brief(Account { account, tier }: Account, soon: Timestamp) -> wire::BriefAccount {
    count("tier", tier.as_ref().err().copied());
    let (tier, tier_missing_reason) = match tier {
        Ok(tier) => (tier, wire::MissingReason::Unspecified),
        Err(why) => (loyalty::Tier::default(), reason(why)),
    };
    let expires_at = account.next_expire_time.as_ref();
    let expires_at = expires_at.and_then(|at| parse_time(at).ok());
    let is_closed = account.state() == loyalty::AccountState::Closed;
    wire::BriefAccount {
        account_id: account.account_id,
        programme_id: account.programme_id,
        available_points: account.available_points,
        pending_points: account.pending_points,
        debt_points: account.debt_points,
        expiring_points: account.expiring_points,
        next_expire_time: account.next_expire_time,
        expires_soon: expires_at.is_some_and(|at| at <= soon),
        blocked: is_closed || !account.blocks.is_empty(),
        tier_id: tier.tier_id,
        tier_keep_time: tier.keep_time,
        next_tier_id: tier.next_tier_id,
        next_tier_points: tier.next_qualifying_points,
        tier_missing_reason: tier_missing_reason.into(),
    }
}

pub(super) fn actions(
    answer: Result<campaign::PeekNextActionsResponse, Missing>,
) -> wire::ActionsPart {
    count("actions", answer.as_ref().err().copied());
    match answer {
        Ok(answer) => wire::ActionsPart {
            state: there(answer.as_of_time),
            actions: answer
                .actions
                .into_iter()
                .take(ACTIONS_MAX)
                .map(action)
                .collect(),
        },
        Err(why) => wire::ActionsPart {
            state: not_there(why),
            ..wire::ActionsPart::default()
        },
    }
}

fn action(action: campaign::NextAction) -> wire::BriefAction {
    let kind = match action.kind() {
        campaign::NextActionKind::Unspecified => wire::BriefActionKind::Unspecified,
        campaign::NextActionKind::MakeOffer => wire::BriefActionKind::MakeOffer,
        campaign::NextActionKind::FollowUp => wire::BriefActionKind::FollowUp,
    };
    wire::BriefAction {
        kind: kind.into(),
        campaign_id: action.campaign_id,
        contact_id: action.contact_id,
        offer_id: action.offer_id,
        offer_display_name: action.offer_display_name,
        offer_description: action.offer_description,
        bonus_points: action.bonus_points,
        channel: action.channel,
        deliver_time: action.deliver_time,
    }
}
