//! `ListRewards`: the catalogue, as an account sees it.

use std::collections::HashMap;

use tenure_core::{AccountId, Coded as _, Timestamp, Violations, page};
use tenure_proto::loyalty::v1::{
    ListRewardsRequest, ListRewardsResponse, ListedReward, RewardObstacle,
};
use tenure_rpc::{RequestError, fields};

use super::convert;
use crate::Shared;
use crate::api::programme::Failed;
use crate::api::{accounts, parse};
use crate::domain::{Account, Customer, Refusal};
use crate::error::Error;
use crate::store::rewards::{self as store, StoredReward};
use crate::store::{orders, tiers};

/// Who looks at the catalogue.
struct Visitor {
    account: Account,
    tier: String,
    had: HashMap<String, i64>,
}

pub(super) async fn list(
    shared: &Shared,
    message: ListRewardsRequest,
) -> Result<ListRewardsResponse, Failed> {
    let mut violations = Violations::new();
    let size = fields::page_size(&mut violations, message.page_size);
    let account = match message.account_id.as_str() {
        "" => Some(None),
        id => parse::account(&mut violations, id).map(Some),
    };
    let (size, account) = parse::all(violations, size.zip(account))?;
    let is_whole = message.include_ineligible;
    let arguments = format!("rewards\u{1f}{}\u{1f}{is_whole}", message.account_id);
    let token = fields::page_token(&message.page_token, arguments.as_bytes());
    let token = token.map_err(RequestError::from)?;
    let after = token.as_ref().and_then(|token| token.keys().first());
    let after = after.map_or("", String::as_str);
    let now = shared.clock.now();
    let visitor = match account {
        Some(id) => Some(visit(shared, &id, now).await?),
        None => None,
    };
    let rows = store::page(&shared.db, after, size).await?;
    let (mut rows, next) = page::cut(rows, size, |found| vec![found.offer.reward.to_string()]);
    store::read_counts(&shared.db, &mut rows, now).await?;
    let mut rewards = Vec::with_capacity(rows.len());
    for found in rows {
        let obstacles = visitor
            .as_ref()
            .map(|visitor| obstacles(visitor, &found, now));
        let obstacles = obstacles.unwrap_or_default();
        if obstacles.is_empty() || is_whole {
            let reward = Some(convert::reward(&found));
            rewards.push(ListedReward { reward, obstacles });
        }
    }
    Ok(ListRewardsResponse {
        rewards,
        next_page_token: next
            .map(|next| next.seal(arguments.as_bytes()))
            .unwrap_or_default(),
    })
}

async fn visit(shared: &Shared, id: &AccountId, now: Timestamp) -> Result<Visitor, Error> {
    let account = accounts::require(shared, id).await?;
    let lane = account.lane;
    let tier = tiers::current(&shared.db, lane, id).await?;
    let had = orders::all_had(&shared.db, lane, id, now).await?;
    Ok(Visitor {
        account,
        tier: tier.map(|state| state.tier).unwrap_or_default(),
        had: had.into_iter().collect(),
    })
}

fn obstacles(visitor: &Visitor, found: &StoredReward, now: Timestamp) -> Vec<RewardObstacle> {
    let account = &visitor.account;
    let customer = Customer {
        programme: &account.programme,
        tier: &visitor.tier,
        months: now.months_since(account.joined_at()),
        had: visitor.had.get(&*found.offer.reward).copied().unwrap_or(0),
    };
    let offer = &found.offer;
    let unmet = offer.unmet(customer, 1, now);
    let mut obstacles: Vec<RewardObstacle> = unmet
        .iter()
        .map(|unmet| obstacle(&unmet.refusal(offer, customer, 1, now)))
        .collect();
    if found.counts.is_some_and(|counts| counts.free() < 1)
        && let Some(place) = offer.place()
    {
        obstacles.push(obstacle(&place.out_of_stock(1)));
    }
    obstacles
}

fn obstacle(refusal: &Refusal) -> RewardObstacle {
    RewardObstacle {
        reason: refusal.reason().to_owned(),
        rule: match refusal {
            Refusal::NotEligible { rule, .. } => rule.clone(),
            _ => String::new(),
        },
    }
}
