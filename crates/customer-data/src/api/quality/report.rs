//! What the rules of a source found.

use tenure_core::Violations;
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields;

use super::{parse, policy};
use crate::api::import::import_id;
use crate::domain::quality::{
    Check, Policy, Rule, RuleTally, Tally, drift, lag_hours, stability_index,
};
use crate::store::quality::{Period, day, samples, tally};
use crate::{Deps, Error};

pub(super) async fn report(
    deps: &Deps,
    request: &wire::GetQualityReportRequest,
) -> Result<wire::GetQualityReportResponse, Error> {
    let period = period(request)?;
    let policy = policy::find(deps, &request.source, request.version).await?;
    let found = tally(&deps.db, &policy, period).await?;
    let mut findings = Vec::with_capacity(policy.rules.len());
    for (at, (rule, counts)) in policy.rules.iter().zip(&found.rules).enumerate() {
        let mut finding = finding(rule, counts);
        if counts.failed > 0 {
            let lines = samples(&deps.db, &policy, at, period).await?;
            let sample = |(import_id, line)| wire::QualitySample { import_id, line };
            finding.samples = lines.into_iter().map(sample).collect();
        }
        if let Check::Drift { reference_days, .. } = rule.check
            && period.import_id.is_empty()
        {
            let before = before(deps, &policy, period, reference_days).await?;
            add_drift(&mut finding, &before.rules[at], counts);
        }
        findings.push(finding);
    }
    Ok(wire::GetQualityReportResponse {
        policy: Some(parse::show(&policy)),
        row_count: found.rows,
        refused_row_count: found.refused,
        findings,
    })
}

fn period(request: &wire::GetQualityReportRequest) -> Result<Period<'_>, Error> {
    let mut violations = Violations::new();
    let at = &mut violations;
    let from = fields::required_time(at, "start_time", request.start_time.as_ref()).map(day);
    let until = fields::required_time(at, "end_time", request.end_time.as_ref()).map(day);
    if let Some((from, until)) = from.zip(until) {
        let days = until - from;
        if !(1..=i64::from(parse::PERIOD_DAYS_MAX)).contains(&days) {
            let wanted = format!("1 to {} days after start_time", parse::PERIOD_DAYS_MAX);
            violations.add("end_time", wanted, format!("{days} days"));
        }
    }
    if !request.import_id.is_empty() {
        import_id(&mut violations, &request.import_id);
    }
    violations.into_result()?;
    let missing = "what is missing is a violation";
    Ok(Period {
        from: from.expect(missing),
        until: until.expect(missing),
        import_id: &request.import_id,
    })
}

async fn before(
    deps: &Deps,
    policy: &Policy,
    period: Period<'_>,
    days: u32,
) -> Result<Tally, Error> {
    let before = Period {
        from: period.from - i64::from(days),
        until: period.from,
        ..period
    };
    Ok(tally(&deps.db, policy, before).await?)
}

fn finding(rule: &Rule, found: &RuleTally) -> wire::QualityFinding {
    let lag = |percent| match rule.check {
        Check::Freshness(_) => lag_hours(&found.bins, percent),
        _ => None,
    };
    wire::QualityFinding {
        rule_id: rule.id.clone(),
        field: rule.field.clone(),
        checked_count: found.checked,
        failed_count: found.failed,
        missing_count: found.missing,
        lag_p50_hours: lag(50),
        lag_p95_hours: lag(95),
        ..wire::QualityFinding::default()
    }
}

fn add_drift(finding: &mut wire::QualityFinding, before: &RuleTally, now: &RuleTally) {
    let shares = |it: &RuleTally| [it.checked, it.missing];
    finding.stability_index = stability_index(&before.bins, &now.bins);
    finding.missing_stability_index = stability_index(&shares(before), &shares(now));
    let indexes = [finding.stability_index, finding.missing_stability_index];
    finding.drift_state = drift(&indexes).number();
}
