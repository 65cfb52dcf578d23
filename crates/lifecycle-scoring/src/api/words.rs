//! What is stored and computed, in the words of the API.

use prost_types::Duration;
use tenure_core::{Span, Timestamp};
use tenure_proto::scoring::v1 as proto;
use tenure_proto::r#type::v1::{LifecycleStage, Money};
use tenure_rpc::fields::time;
use tenure_sql::SqlError;

use crate::app::Judged;
use crate::domain::explain::Reason;
use crate::domain::model::train::Trained;
use crate::domain::stage::{Evidence, Stage};
use crate::store::interval::Interval;
use crate::store::score::{ScoreRow, stage_number};

/// Features that are told of a model.
const IMPORTANCES_MAX: usize = 50;

/// Returns a count as the API has it.
pub(crate) fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Returns a span as the API has it.
pub(crate) fn duration(span: Span) -> Duration {
    let micros = span.as_micros();
    let nanos = i32::try_from(micros % 1_000_000 * 1_000).expect("below a second");
    Duration {
        seconds: micros / 1_000_000,
        nanos,
    }
}

fn evidence(evidence: Vec<Evidence>) -> Vec<proto::Evidence> {
    let one = |e: Evidence| proto::Evidence {
        name: e.name,
        value: e.value,
        threshold: e.threshold,
        statement: e.statement,
    };
    evidence.into_iter().map(one).collect()
}

fn money(currency: Option<&str>, amount_minor: i64) -> Option<Money> {
    currency.map(|code| Money {
        currency_code: code.into(),
        amount_minor,
    })
}

/// Returns a score without reasons.
pub(crate) fn score(row: &ScoreRow) -> Result<proto::Score, SqlError> {
    let currency = row.currency.as_deref();
    let is_valued = row.value_tier != 0;
    Ok(proto::Score {
        customer_id: row.customer_id.clone(),
        score_time: Some(time(Timestamp::from_micros(row.evaluated_at))),
        stage: row.stage,
        stage_start_time: Some(time(Timestamp::from_micros(row.stage_since))),
        evidence: evidence(row.evidence()?),
        churn_probability: row.churn_probability,
        risk_band: row.risk_band,
        reasons: Vec::new(),
        model_version: row.model_version.clone(),
        horizon: (row.horizon_us > 0).then(|| duration(Span::from_micros(row.horizon_us))),
        monthly_revenue: row
            .monthly_revenue_minor
            .and_then(|minor| money(currency, minor)),
        lifetime_value: is_valued
            .then(|| money(currency, row.lifetime_value_minor))
            .flatten(),
        value_tier: row.value_tier,
        policy_version: row.policy_version.clone(),
    })
}

/// Returns a reason.
pub(crate) fn reason(reason: Reason) -> proto::RiskReason {
    proto::RiskReason {
        code: reason.code,
        statement: reason.statement,
        contribution: reason.contribution,
    }
}

/// Returns the change that a move to another stage is, recorded at `now`.
pub(crate) fn transition(judged: &Judged, now: Timestamp) -> Result<proto::Change, SqlError> {
    let from = judged.known.score.as_ref().map_or(0, |before| before.stage);
    let transition = proto::StageTransition {
        from_stage: from,
        to_stage: judged.row.stage,
        evidence: evidence(judged.row.evidence()?),
    };
    Ok(proto::Change {
        event_time: Some(time(judged.said.placement.since)),
        record_time: Some(time(now)),
        customer_id: judged.row.customer_id.clone(),
        fact: Some(proto::change::Fact::StageTransition(transition)),
    })
}

/// Returns the change that another score is, recorded at `now`.
pub(crate) fn score_change(row: &ScoreRow, now: Timestamp) -> Result<proto::Change, SqlError> {
    Ok(proto::Change {
        event_time: Some(time(Timestamp::from_micros(row.evaluated_at))),
        record_time: Some(time(now)),
        customer_id: row.customer_id.clone(),
        fact: Some(proto::change::Fact::Score(score(row)?)),
    })
}

/// Returns a stage as the API has it.
pub(crate) fn stage(stage: Stage) -> LifecycleStage {
    LifecycleStage::try_from(stage_number(stage)).expect("stages are numbered as in the API")
}

/// Returns an interval.
pub(crate) fn interval(interval: Interval) -> proto::StageInterval {
    proto::StageInterval {
        stage: stage(interval.stage).into(),
        start_time: Some(time(interval.start_at)),
        end_time: interval.end_at.map(time),
        evidence: evidence(interval.evidence),
        policy_version: interval.policy_version,
    }
}

/// Adds to a model's summary what training found.
pub(crate) fn describe(summary: &mut proto::Model, trained: &Trained) {
    summary.version.clone_from(&trained.model.version);
    trained.algorithm.clone_into(&mut summary.algorithm);
    let metrics = trained.metrics;
    let bins = trained.bins.iter().map(|bin| proto::CalibrationBin {
        predicted: bin.predicted,
        observed: bin.observed,
        customer_count: i64::try_from(bin.count).unwrap_or(i64::MAX),
    });
    summary.metrics = Some(proto::ModelMetrics {
        auc: metrics.auc,
        log_loss: metrics.log_loss,
        brier_score: metrics.brier,
        calibration_error: metrics.ece,
        lift: metrics.lift_10,
        bins: bins.collect(),
    });
    let importances = trained.importances.iter().take(IMPORTANCES_MAX);
    summary.importances = importances
        .map(|i| proto::FeatureImportance {
            feature: i.feature.clone(),
            importance: i.value,
        })
        .collect();
}
