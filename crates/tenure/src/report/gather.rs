//! Asks the services for what a report shows.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context as _, Result};
use tenure_core::Timestamp;
use tenure_proto::campaign::v1 as campaign;
use tenure_proto::loyalty::v1 as loyalty;
use tenure_proto::scoring::v1 as scoring;
use tenure_proto::r#type::v1::LifecycleStage;

use super::data::{AtRisk, CampaignFacts, FunnelRow, ModelFacts, PointsMonth, Report, StageMonth};
use crate::clients::Clients;
use crate::wire::{instant, patient, timestamp};

/// How many bins the risk histogram has.
const RISK_BINS: usize = 20;
/// How many months a report looks back at most.
const MONTHS_MAX: i32 = 24;
/// How many customers of the stored list are scored again for each that is shown.
const CANDIDATES: i32 = 4;
/// Pages as large as the services give.
const PAGE: i32 = 1_000;

/// What the caller knows beyond what the services say.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What the report is about.
    pub title: String,
    /// The true effect of campaigns by id, where a simulator knows it.
    pub truth: HashMap<String, f64>,
    /// How many customers at risk to name.
    pub at_risk: i32,
}

/// Gathers a report as of `now`.
///
/// # Errors
/// When a service does not answer.
pub async fn gather(clients: &Clients, now: Timestamp, options: &Options) -> Result<Report> {
    catch_up(clients)
        .await
        .context("a service cannot catch up with customer-data")?;
    let (funnel, currency) = funnel(clients).await.context("cannot read the funnel")?;
    let stage_flow = stage_flow(clients, now)
        .await
        .context("cannot read the stage transitions")?;
    let Base {
        risk_histogram,
        values,
        scored_at,
    } = base(clients).await.context("cannot read the scores")?;
    let first = stage_flow.first().map_or(now, |month| month.month);
    Ok(Report {
        title: options.title.clone(),
        as_of: now.to_string(),
        scored_at: scored_at.map(|at| at.to_string()),
        currency,
        funnel,
        model: model(clients).await.context("cannot read the model")?,
        at_risk: at_risk(clients, options.at_risk)
            .await
            .context("cannot score who is at risk")?,
        campaigns: campaigns(clients, options)
            .await
            .context("cannot read campaign results")?,
        lot_points: lot_points(clients)
            .await
            .context("cannot read the points books")?,
        points: points(clients, first, now)
            .await
            .context("cannot read the points books")?,
        stage_flow,
        risk_histogram,
        values,
    })
}

/// Has every service apply what customer-data knows by now: a report of yesterday's facts beside
/// today's would not add up.
async fn catch_up(clients: &Clients) -> Result<()> {
    let request = scoring::CatchUpRequest {};
    clients.scoring.clone().catch_up(patient(request)).await?;
    let request = campaign::CatchUpRequest {};
    clients.campaign.clone().catch_up(patient(request)).await?;
    let request = loyalty::CatchUpRequest {};
    clients.loyalty.clone().catch_up(patient(request)).await?;
    Ok(())
}

pub(crate) async fn funnel(clients: &Clients) -> Result<(Vec<FunnelRow>, String)> {
    let mut client = clients.scoring.clone();
    let rows = client
        .get_funnel(scoring::GetFunnelRequest {})
        .await?
        .into_inner()
        .rows;
    let mut funnel = vec![FunnelRow::default(); 5];
    let mut currency = String::new();
    for row in rows {
        let Some(index) = stage_index(row.stage) else {
            continue;
        };
        let revenue = row.monthly_revenue.unwrap_or_default();
        funnel[index] = FunnelRow {
            customers: u64::try_from(row.customer_count).unwrap_or(0),
            churn_probability: row.mean_churn_probability,
            monthly_revenue: revenue.amount_minor,
        };
        if !revenue.currency_code.is_empty() {
            currency = revenue.currency_code;
        }
    }
    Ok((funnel, currency))
}

/// Returns the place of a stage in the order of the lifecycle.
pub(crate) fn stage_index(stage: i32) -> Option<usize> {
    match LifecycleStage::try_from(stage).ok()? {
        LifecycleStage::Unspecified => None,
        LifecycleStage::Acquisition => Some(0),
        LifecycleStage::Growth => Some(1),
        LifecycleStage::Maturity => Some(2),
        LifecycleStage::Decline => Some(3),
        LifecycleStage::Churned => Some(4),
    }
}

/// Replays the feed of stage transitions into how many customers were where at each month's start.
async fn stage_flow(clients: &Clients, now: Timestamp) -> Result<Vec<StageMonth>> {
    let mut moves: BTreeMap<Timestamp, [i64; 5]> = BTreeMap::new();
    let request = scoring::WatchChangesRequest {
        resume_token: String::new(),
        follow: false,
    };
    let mut stream = clients
        .scoring
        .clone()
        .watch_changes(request)
        .await?
        .into_inner();
    while let Some(batch) = stream.message().await? {
        for change in batch.changes {
            let Some(scoring::change::Fact::StageTransition(moved)) = change.fact else {
                continue;
            };
            let at = change.event_time.map_or(now, |time| instant(&time));
            // Counted at the start of the next month, unless it happened in the very first instant.
            let month = if at == at.month_start() {
                at
            } else {
                at.month_start().plus_months(1)
            };
            let counts = moves.entry(month).or_default();
            if let Some(from) = stage_index(moved.from_stage) {
                counts[from] -= 1;
            }
            if let Some(to) = stage_index(moved.to_stage) {
                counts[to] += 1;
            }
        }
    }
    Ok(running_counts(&moves, now))
}

/// Sums moves up to counts at each month from the first move to `now`, the last [`MONTHS_MAX`].
fn running_counts(moves: &BTreeMap<Timestamp, [i64; 5]>, now: Timestamp) -> Vec<StageMonth> {
    let (Some(first), Some(last)) = (moves.keys().next(), moves.keys().next_back()) else {
        return Vec::new();
    };
    let last = (*last).max(now.month_start());
    let months = last.months_since(*first);
    let mut counts = [0_i64; 5];
    let mut flow = Vec::new();
    for index in 0..=months {
        let month = first.plus_months(index);
        for (count, moved) in counts.iter_mut().zip(moves.get(&month).unwrap_or(&[0; 5])) {
            *count += moved;
        }
        if index >= months - MONTHS_MAX {
            let customers = counts.map(|count| u64::try_from(count).unwrap_or(0));
            flow.push(StageMonth { month, customers });
        }
    }
    flow
}

/// The stored scores of everybody who is still with us.
struct Base {
    risk_histogram: Vec<u64>,
    values: Vec<i64>,
    /// The latest instant that scores were made for.
    scored_at: Option<Timestamp>,
}

/// Reads the stored scores of everybody who is still with us.
async fn base(clients: &Clients) -> Result<Base> {
    let mut request = scoring::ListScoresRequest {
        stages: vec![
            LifecycleStage::Acquisition.into(),
            LifecycleStage::Growth.into(),
            LifecycleStage::Maturity.into(),
            LifecycleStage::Decline.into(),
        ],
        page_size: PAGE,
        ..Default::default()
    };
    let (mut histogram, mut values) = (vec![0_u64; RISK_BINS], Vec::new());
    let mut scored_at = None;
    loop {
        let page = clients
            .scoring
            .clone()
            .list_scores(request.clone())
            .await?
            .into_inner();
        for score in page.scores {
            scored_at = scored_at.max(score.score_time.map(|time| instant(&time)));
            if !score.model_version.is_empty() {
                histogram[bin(score.churn_probability)] += 1;
            }
            values.extend(score.lifetime_value.map(|value| value.amount_minor));
        }
        if page.next_page_token.is_empty() {
            values.sort_unstable_by(|a, b| b.cmp(a));
            return Ok(Base {
                risk_histogram: histogram,
                values,
                scored_at,
            });
        }
        request.page_token = page.next_page_token;
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a small number of bins, clamped"
)]
fn bin(probability: f64) -> usize {
    ((probability.clamp(0.0, 1.0) * RISK_BINS as f64) as usize).min(RISK_BINS - 1)
}

async fn model(clients: &Clients) -> Result<Option<ModelFacts>> {
    let answer = clients
        .scoring
        .clone()
        .get_model(scoring::GetModelRequest::default())
        .await;
    let model = match answer {
        Ok(answer) => answer.into_inner().model.unwrap_or_default(),
        Err(status) if status.code() == tonic::Code::FailedPrecondition => return Ok(None),
        Err(status) if status.code() == tonic::Code::NotFound => return Ok(None),
        Err(status) => return Err(status.into()),
    };
    let metrics = model.metrics.unwrap_or_default();
    let bins = metrics
        .bins
        .iter()
        .map(|bin| (bin.predicted, bin.observed, bin.customer_count));
    Ok(Some(ModelFacts {
        version: model.version,
        algorithm: model.algorithm,
        examples: (model.example_count, model.churned_count),
        auc: metrics.auc,
        calibration_error: metrics.calibration_error,
        lift: metrics.lift,
        bins: bins.collect(),
        importances: model
            .importances
            .into_iter()
            .map(|i| (i.feature, i.importance))
            .collect(),
    }))
}

/// Scores the customers at the top of the risk list again, as they stand now and with reasons: who
/// has left since the last scoring run, or is no longer at risk, gives way to the next.
pub(crate) async fn at_risk(clients: &Clients, count: i32) -> Result<Vec<AtRisk>> {
    let list = scoring::ListScoresRequest {
        order: scoring::ScoreOrder::ChurnProbabilityDescending.into(),
        page_size: count.saturating_mul(CANDIDATES).min(PAGE),
        ..Default::default()
    };
    let answer = clients.scoring.clone().list_scores(list).await?;
    let scores = answer.into_inner().scores;
    let customer_ids: Vec<_> = scores.into_iter().map(|score| score.customer_id).collect();
    if customer_ids.is_empty() {
        return Ok(Vec::new());
    }
    let request = scoring::ScoreCustomersRequest {
        customer_ids,
        with_reasons: true,
    };
    let answer = clients
        .scoring
        .clone()
        .score_customers(patient(request))
        .await?;
    let items = answer.into_inner().items.into_iter().filter_map(named);
    let mut at_risk: Vec<_> = items
        .filter(|customer| customer.probability > 0.0)
        .collect();
    at_risk.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    at_risk.truncate(usize::try_from(count).unwrap_or(0));
    Ok(at_risk)
}

fn named(item: scoring::ScoreItem) -> Option<AtRisk> {
    let Some(scoring::score_item::Result::Score(score)) = item.result else {
        return None;
    };
    Some(AtRisk {
        customer_id: score.customer_id,
        stage: stage_index(score.stage)?,
        probability: score.churn_probability,
        lifetime_value: score.lifetime_value.map_or(0, |value| value.amount_minor),
        reasons: score
            .reasons
            .into_iter()
            .take(3)
            .map(|reason| reason.statement)
            .collect(),
    })
}

async fn campaigns(clients: &Clients, options: &Options) -> Result<Vec<CampaignFacts>> {
    let list = campaign::ListCampaignsRequest {
        page_size: 50,
        page_token: String::new(),
    };
    let campaigns = clients
        .campaign
        .clone()
        .list_campaigns(list)
        .await?
        .into_inner()
        .campaigns;
    let mut facts = Vec::new();
    for campaign in campaigns {
        if campaign.launch_time.is_none() {
            continue;
        }
        let request = campaign::GetCampaignResultsRequest {
            campaign_id: campaign.campaign_id.clone(),
            confidence_level: 0.95,
        };
        let answer = clients
            .campaign
            .clone()
            .get_campaign_results(request)
            .await?
            .into_inner();
        let truth = options.truth.get(&campaign.campaign_id).copied();
        facts.push(results(
            campaign.display_name,
            answer.results.unwrap_or_default(),
            truth,
        ));
    }
    Ok(facts)
}

fn results(name: String, results: campaign::CampaignResults, truth: Option<f64>) -> CampaignFacts {
    let arm = |arm: Option<campaign::ArmResult>| {
        let arm = arm.unwrap_or_default();
        (arm.customer_count, arm.retained_count)
    };
    let effect = results.retention_effect.unwrap_or_default();
    let ratio = results.sample_ratio.unwrap_or_default();
    CampaignFacts {
        name,
        treated: arm(results.treated),
        control: arm(results.control),
        effect: effect.estimate,
        interval: (effect.lower_bound, effect.upper_bound),
        truth,
        contacts: (
            results.delivered_count,
            results.accepted_count,
            results.granted_points,
        ),
        sample_ratio: (ratio.p_value, ratio.passed),
        is_final: results.is_final,
    }
}

/// Reads what all lots hold now.
async fn lot_points(clients: &Clients) -> Result<i64> {
    let request = loyalty::GetBooksRequest::default();
    let answer = clients.loyalty.clone().get_books(request).await?;
    Ok(answer.into_inner().books.unwrap_or_default().lot_points)
}

/// Reads the books month by month from the month of `first` to `now`.
async fn points(clients: &Clients, first: Timestamp, now: Timestamp) -> Result<Vec<PointsMonth>> {
    let months = now.months_since(first.month_start()).clamp(0, MONTHS_MAX);
    let mut points = Vec::new();
    for index in (0..=months).rev() {
        let month = now.month_start().plus_months(-index);
        let end = month.plus_months(1).min(now);
        if end <= month {
            continue;
        }
        let request = loyalty::GetBooksRequest {
            programme_id: String::new(),
            start_time: Some(timestamp(month)),
            // The last period is open: what falls due at this very instant is booked already.
            end_time: (end < now).then(|| timestamp(end)),
        };
        let answer = clients
            .loyalty
            .clone()
            .get_books(request)
            .await?
            .into_inner();
        points.push(points_month(month, &answer.books.unwrap_or_default()));
    }
    Ok(points)
}

fn points_month(month: Timestamp, books: &loyalty::Books) -> PointsMonth {
    PointsMonth {
        month,
        earned: books.earned_points - books.reversed_earned_points,
        redeemed: books.redeemed_points - books.reversed_redeemed_points,
        expired: books.expired_points,
        voided: books.voided_points,
        otherwise: books.adjusted_points + books.reinstated_points + books.transferred_points
            - books.debt_repaid_points,
        outstanding: books.closing_points,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_moved_points_stands_somewhere_in_the_month() {
        // Powers of two: no sum of some of them is the sum of others.
        let books = loyalty::Books {
            opening_points: 1 << 12,
            earned_points: 1 << 10,
            redeemed_points: 1 << 1,
            expired_points: 1 << 2,
            reversed_redeemed_points: 1 << 3,
            reversed_earned_points: 1 << 4,
            adjusted_points: 1 << 5,
            reinstated_points: 1 << 6,
            voided_points: 1 << 7,
            debt_repaid_points: 1 << 8,
            transferred_points: 1 << 9,
            ..loyalty::Books::default()
        };
        let month = points_month(Timestamp::from_micros(0), &books);

        // Closing = opening + issued - redeemed - expired +/- the rest, as the proto says.
        let in_all = 1_024 - 2 - 4 + 8 - 16 + 32 + 64 - 128 - 256 + 512;
        assert_eq!(month.change(), in_all);
    }

    #[test]
    fn moves_add_up_to_counts_at_each_month() {
        let month = |number| Timestamp::from_date(2025, number, 1).expect("a month");
        let moves = BTreeMap::from([(month(1), [3, 0, 0, 0, 0]), (month(3), [-2, 2, 0, 0, 0])]);

        let flow = running_counts(&moves, Timestamp::from_date(2025, 4, 10).expect("a day"));

        let counts: Vec<_> = flow.iter().map(|month| month.customers).collect();
        assert_eq!(
            counts,
            [
                [3, 0, 0, 0, 0],
                [3, 0, 0, 0, 0],
                [1, 2, 0, 0, 0],
                [1, 2, 0, 0, 0]
            ]
        );
    }

    #[test]
    fn probabilities_fall_into_their_bins() {
        assert_eq!([0.0, 0.049, 0.05, 0.999, 1.0].map(bin), [0, 0, 1, 19, 19]);
    }
}
