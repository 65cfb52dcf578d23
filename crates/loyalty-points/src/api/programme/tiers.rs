//! `EvaluateTiers`, `GetTier`, `ListTierHistory`.

use tenure_core::{PageError, Timestamp, Violations, page};
use tenure_proto::loyalty::v1 as pb;
use tenure_rpc::{RequestError, fields};

use super::Failed;
use crate::Shared;
use crate::api::{accounts, parse};
use crate::domain::{Account, InForce, TierPolicy};
use crate::error::Error;
use crate::job;
use crate::store::tiers::{self as store, Standing, TierChange, Which};

pub(super) async fn evaluate(
    shared: &Shared,
    _: pb::EvaluateTiersRequest,
) -> Result<pb::EvaluateTiersResponse, Failed> {
    let (account_count, changed_count) = job::evaluate_tiers(shared, Which::All).await?;
    Ok(pb::EvaluateTiersResponse {
        account_count,
        changed_count,
    })
}

pub(super) async fn get(
    shared: &Shared,
    message: pb::GetTierRequest,
) -> Result<pb::GetTierResponse, Failed> {
    let mut violations = Violations::new();
    let id = parse::account(&mut violations, &message.account_id);
    let account = accounts::require(shared, &parse::all(violations, id)?).await?;
    let now = shared.clock.now();
    let catalogue = shared.rules.fresh(&shared.db, now).await?;
    let rules = catalogue.of_account(Some(&account.programme), now);
    let rules = rules.ok_or(Error::Internal("the default programme has no rules"))?;
    let tier = match &rules.version.tiers {
        Some(policy) => show(shared, &account, (policy, rules)).await?,
        None => pb::Tier {
            account_id: account.id.to_string(),
            multiplier_basis_points: 10_000,
            ..pb::Tier::default()
        },
    };
    Ok(pb::GetTierResponse { tier: Some(tier) })
}

async fn show(
    shared: &Shared,
    account: &Account,
    (policy, rules): (&TierPolicy, &InForce),
) -> Result<pb::Tier, Error> {
    let place = (account.lane, &account.id);
    let now = shared.clock.now();
    let Standing {
        state, achieved, ..
    } = store::standing(&shared.db, place, (policy, rules), now).await?;
    let tier_id = state.as_ref().map_or("", |state| state.tier.as_str());
    let tier = policy.tier(tier_id);
    let at = policy.tiers.iter().position(|tier| tier.key == tier_id);
    let next = policy.tiers.get(at.map_or(0, |at| at + 1));
    let kept = state.as_ref().map(|state| state.kept_until);
    let kept = kept.filter(|until| *until < Timestamp::MAX);
    let more = |least: i64, has: i64| least.saturating_sub(has).max(0);
    Ok(pb::Tier {
        account_id: account.id.to_string(),
        tier_id: tier_id.to_owned(),
        since_time: state.as_ref().map(|state| fields::time(state.since)),
        keep_time: kept.map(fields::time),
        qualifying_points: achieved.qualifying,
        paid_amount_minor: achieved.paid,
        benefits: tier.map(|tier| tier.benefits.clone()).unwrap_or_default(),
        multiplier_basis_points: tier
            .and_then(|tier| i32::try_from(tier.multiplier).ok())
            .unwrap_or(10_000),
        next_tier_id: next.map(|tier| tier.key.clone()).unwrap_or_default(),
        next_qualifying_points: next
            .map_or(0, |tier| more(tier.qualifying_min, achieved.qualifying)),
        next_paid_amount_minor: next.map_or(0, |tier| more(tier.paid_min, achieved.paid)),
    })
}

pub(super) async fn history(
    shared: &Shared,
    message: pb::ListTierHistoryRequest,
) -> Result<pb::ListTierHistoryResponse, Failed> {
    let mut violations = Violations::new();
    let id = parse::account(&mut violations, &message.account_id);
    let size = fields::page_size(&mut violations, message.page_size);
    let (id, size) = parse::all(violations, id.zip(size))?;
    let arguments = format!("tiers\u{1f}{id}");
    let token = fields::page_token(&message.page_token, arguments.as_bytes());
    let before = match token.map_err(RequestError::from)? {
        None => i64::MAX,
        Some(token) => parse::number(token.keys().first())
            .map_err(|_| RequestError::from(PageError::Invalid))?,
    };
    let account = accounts::require(shared, &id).await?;
    let rows = store::history(&shared.db, account.lane, &id, before, size).await?;
    let (rows, next) = page::cut(rows, size, |change| vec![change.number.to_string()]);
    Ok(pb::ListTierHistoryResponse {
        changes: rows.into_iter().map(change).collect(),
        next_page_token: next
            .map(|next| next.seal(arguments.as_bytes()))
            .unwrap_or_default(),
    })
}

fn change(change: TierChange) -> pb::TierChange {
    pb::TierChange {
        number: change.number,
        previous_tier_id: change.previous,
        tier_id: change.tier,
        change_time: Some(fields::time(change.at)),
        qualifying_points: change.achieved.qualifying,
        paid_amount_minor: change.achieved.paid,
        version_number: change.version,
    }
}
