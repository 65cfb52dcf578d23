//! What the service knows itself of the customer of an event.

use tenure_core::{AccountId, Lane, Timestamp};
use tenure_sql::{Db, SqlError, Tx};

use super::{Batch, Happened};
use crate::domain::{Account, Earned, Facts, InForce, Line};
use crate::store::{earned, tiers};

/// Adds what the service knows itself: the tier, and what the day has earned before.
pub(super) async fn facts(
    tx: &mut Tx,
    batch: &Batch,
    happened: &Happened,
    rules: &InForce,
) -> Result<Facts, SqlError> {
    let mut facts = happened.facts.clone();
    let (lane, account) = (happened.lane, &happened.account);
    match batch.ledger.account(account) {
        Some(known) => add_standing(&mut facts, known, happened.event.at()),
        None => add_tenure(&mut facts, happened.joined_at, happened.event.at()),
    }
    if rules.version.tiers.is_some() {
        let found = batch.tiers.get(account.as_str());
        facts.tier = found.map_or_else(String::new, |found| found.state.tier.clone());
    }
    if rules.version.counts_days() {
        let day = rules.version.zone.day_of(happened.event.at());
        let mut lines = earned::lines_of_day(tx, lane, account, day).await?;
        let of_batch = batch
            .given
            .iter()
            .filter(|(id, at, _)| id == account && (day.0..day.1).contains(at));
        lines.extend(of_batch.map(|(.., line)| line.clone()));
        facts.earned_today = by_rule(&lines);
    }
    Ok(facts)
}

/// Adds what an account knows itself: its blocks, and the time on the network if that was told.
pub(crate) fn add_standing(facts: &mut Facts, account: &Account, at: Timestamp) {
    let Some(standing) = &account.standing else {
        return;
    };
    add_tenure(facts, standing.joined_at, at);
    facts
        .blocks
        .extend(standing.blocks.iter().map(|set| set.block));
}

fn add_tenure(facts: &mut Facts, joined_at: Option<Timestamp>, at: Timestamp) {
    let months = joined_at.map(|joined| at.months_since(joined).max(0));
    let months = months.and_then(|months| u16::try_from(months).ok());
    facts.tenure_months = facts.tenure_months.or(months);
}

/// Adds lines up by their rules.
fn by_rule(lines: &[Line]) -> Vec<Earned> {
    let mut sums: Vec<Earned> = Vec::new();
    for line in lines {
        match sums.iter_mut().find(|sum| sum.rule == line.rule) {
            Some(sum) => sum.points = sum.points.saturating_add(line.points),
            None => sums.push(Earned {
                rule: line.rule.clone(),
                points: line.points,
            }),
        }
    }
    sums
}

/// Returns what the service knows of an account beside what a caller says: its tier, and what the
/// day of an event has earned it. For simulations: it locks nothing.
pub(crate) async fn knowledge(
    db: &Db,
    (lane, account): (Lane, &AccountId),
    day: (Timestamp, Timestamp),
) -> Result<(String, Vec<Earned>), SqlError> {
    let tier = tiers::current(db, lane, account).await?;
    let lines = earned::lines_of_day_now(db, lane, account, day).await?;
    let tier = tier.map(|tier| tier.tier).unwrap_or_default();
    Ok((tier, by_rule(&lines)))
}
