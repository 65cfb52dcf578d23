//! Where a customer stands in the lifecycle, and by which evidence.
//!
//! Decline is a lasting FALL of usage or spending. One of the texts that operators teach from
//! prints the opposite word by mistake; a test holds that rising usage never means decline.

use serde::{Deserialize, Serialize};
use tenure_core::{Span, Timestamp};

use super::features::{Core, FeatureRow, joined_at, left_at, words};
use super::state::CustomerState;

/// The stage of a customer. Everybody is in exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Stage {
    /// A: known, but nothing was ever activated.
    Acquisition,
    /// B: new, or using or spending more and more.
    Growth,
    /// C: settled.
    Maturity,
    /// D: using or spending less and less.
    Decline,
    /// E: everything has ended.
    Churned,
}

impl Stage {
    /// Every stage, A to E.
    pub const ALL: [Self; 5] = [
        Self::Acquisition,
        Self::Growth,
        Self::Maturity,
        Self::Decline,
        Self::Churned,
    ];
}

/// The numbers by which stages are told apart. Data: a new version is a new policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StagePolicy {
    /// Below this tenure a customer grows, unless they already decline.
    pub growth_tenure_months: f64,
    /// From this change per month over six months on, a customer grows again.
    pub growth_trend_6m: f64,
    /// A fall over three months counts from this change per month on (negative).
    pub decline_trend_3m: f64,
    /// A fall over six months counts from this change per month on (negative). Both must hold: a
    /// lasting fall, not a bad month.
    pub decline_trend_6m: f64,
    /// From this many complete months without any usage on, a customer declines.
    pub decline_months_idle: f64,
    /// How many evaluations in a row must see a new stage before it is entered.
    pub evaluations: u32,
    /// Evaluations closer together than these days count as one.
    pub evaluation_gap_days: i64,
}

impl Default for StagePolicy {
    fn default() -> Self {
        Self {
            growth_tenure_months: 12.0,
            growth_trend_6m: 0.05,
            decline_trend_3m: -0.05,
            decline_trend_6m: -0.05,
            decline_months_idle: 3.0,
            evaluations: 2,
            evaluation_gap_days: 7,
        }
    }
}

/// One number that spoke for a placement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The name of the feature.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// What it was compared with.
    pub threshold: f64,
    /// The same in words.
    pub statement: String,
}

/// A stage that has been seen but not yet often enough.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Which.
    pub stage: Stage,
    /// In how many evaluations in a row.
    pub seen: u32,
    /// When last.
    pub last_at: Timestamp,
}

/// Where a customer stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Placement {
    /// The stage.
    pub stage: Stage,
    /// Since when.
    pub since: Timestamp,
    /// For which instant this was decided.
    pub evaluated_at: Timestamp,
    /// What spoke for the stage when it was entered or last confirmed.
    pub evidence: Vec<Evidence>,
    /// Another stage that may be entered soon.
    pub candidate: Option<Candidate>,
}

fn evidence(row: &FeatureRow, feature: Core, threshold: f64) -> Evidence {
    let value = row.get(feature).unwrap_or(0.0);
    let name = feature.name();
    Evidence {
        name: name.into(),
        value,
        threshold,
        statement: words(row, name),
    }
}

/// Returns the stage that a fact alone decides, and since when: nothing was ever activated, or
/// everything has ended.
fn settled_by_facts(state: &CustomerState, at: Timestamp) -> Option<(Stage, Timestamp)> {
    if joined_at(state, at).is_none() {
        return Some((Stage::Acquisition, state.known_since.unwrap_or(at).min(at)));
    }
    left_at(state, at).map(|left| (Stage::Churned, left))
}

/// Returns a fall of one quantity over three and six months, when it is a lasting one.
fn fall(policy: &StagePolicy, row: &FeatureRow, short: Core, long: Core) -> Option<Vec<Evidence>> {
    let (s, l) = (row.get(short)?, row.get(long)?);
    let holds = s <= policy.decline_trend_3m && l <= policy.decline_trend_6m;
    holds.then(|| {
        vec![
            evidence(row, short, policy.decline_trend_3m),
            evidence(row, long, policy.decline_trend_6m),
        ]
    })
}

fn decline(policy: &StagePolicy, row: &FeatureRow) -> Option<Vec<Evidence>> {
    let idle = row
        .get(Core::MonthsIdle)
        .filter(|idle| *idle >= policy.decline_months_idle);
    if idle.is_some() {
        return Some(vec![evidence(
            row,
            Core::MonthsIdle,
            policy.decline_months_idle,
        )]);
    }
    if let Some(fall) = fall(policy, row, Core::UsageTrend3m, Core::UsageTrend6m) {
        return Some(fall);
    }
    // Who uses more is not in decline, however much cheaper the bill became.
    let usage = [Core::UsageTrend3m, Core::UsageTrend6m];
    if usage
        .into_iter()
        .any(|trend| row.get(trend).is_some_and(|t| t > 0.0))
    {
        return None;
    }
    fall(policy, row, Core::SpendTrend3m, Core::SpendTrend6m)
}

/// Returns the stage that the features of an active customer speak for.
fn seen(policy: &StagePolicy, row: &FeatureRow) -> (Stage, Vec<Evidence>) {
    if let Some(found) = decline(policy, row) {
        return (Stage::Decline, found);
    }
    let tenure = evidence(row, Core::TenureMonths, policy.growth_tenure_months);
    if tenure.value < policy.growth_tenure_months {
        return (Stage::Growth, vec![tenure]);
    }
    for trend in [Core::UsageTrend6m, Core::SpendTrend6m] {
        if row
            .get(trend)
            .is_some_and(|value| value >= policy.growth_trend_6m)
        {
            return (
                Stage::Growth,
                vec![evidence(row, trend, policy.growth_trend_6m)],
            );
        }
    }
    let flat = [Core::UsageTrend6m, Core::SpendTrend6m].into_iter();
    let flat = flat.filter(|trend| row.get(*trend).is_some());
    let flat = flat.map(|trend| evidence(row, trend, policy.growth_trend_6m));
    (
        Stage::Maturity,
        std::iter::once(tenure).chain(flat).collect(),
    )
}

/// Returns true when facts alone move the customer, so that there is no need to wait for the next
/// evaluation: the first placement, the first activation, the end of everything, a return.
#[must_use]
pub fn is_moved_by_facts(
    previous: Option<&Placement>,
    state: &CustomerState,
    at: Timestamp,
) -> bool {
    let Some(previous) = previous else {
        return true;
    };
    let was_settled = matches!(previous.stage, Stage::Acquisition | Stage::Churned);
    match settled_by_facts(state, at) {
        Some((stage, _)) => stage != previous.stage,
        None => was_settled,
    }
}

/// Returns where the customer stands at `row.at`. First activation, the end of everything and a
/// return move a customer at once, on the instant they happened; any other stage must be seen in
/// several evaluations in a row, so that one odd month moves nobody.
#[must_use]
pub fn place(
    policy: &StagePolicy,
    previous: Option<&Placement>,
    state: &CustomerState,
    row: &FeatureRow,
) -> Placement {
    let at = row.at;
    if let Some((stage, since)) = settled_by_facts(state, at) {
        let kept = previous.filter(|p| p.stage == stage);
        let since = kept.map_or(since, |p| p.since);
        return entered(stage, since, at, vec![evidence(row, Core::Products, 0.0)]);
    }
    let (stage, evidence) = seen(policy, row);
    let Some(previous) = previous else {
        return entered(stage, joined_at(state, at).unwrap_or(at), at, evidence);
    };
    if matches!(previous.stage, Stage::Acquisition | Stage::Churned) {
        return entered(stage, joined_at(state, at).unwrap_or(at), at, evidence);
    }
    if previous.stage == stage {
        return entered(stage, previous.since, at, evidence);
    }
    let candidate = count(policy, previous, stage, at);
    if candidate.seen >= policy.evaluations {
        return entered(stage, at, at, evidence);
    }
    Placement {
        evaluated_at: at,
        candidate: Some(candidate),
        ..previous.clone()
    }
}

/// Counts one more sight of `stage`, unless the last was too short a time ago.
fn count(policy: &StagePolicy, previous: &Placement, stage: Stage, at: Timestamp) -> Candidate {
    match &previous.candidate {
        Some(known) if known.stage == stage => {
            if at.since(known.last_at) < Span::from_days(policy.evaluation_gap_days) {
                return known.clone();
            }
            Candidate {
                stage,
                seen: known.seen + 1,
                last_at: at,
            }
        }
        _ => Candidate {
            stage,
            seen: 1,
            last_at: at,
        },
    }
}

fn entered(stage: Stage, since: Timestamp, at: Timestamp, evidence: Vec<Evidence>) -> Placement {
    Placement {
        stage,
        since,
        evaluated_at: at,
        evidence,
        candidate: None,
    }
}

#[cfg(test)]
mod tests;
