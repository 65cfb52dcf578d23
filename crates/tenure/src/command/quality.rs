//! `tenure quality`: what the data of a source must look like, and how good it is.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use tenure_core::{Clock as _, Span, SystemClock, Timestamp};
use tenure_proto::customer::v1 as pb;
use tenure_proto::customer::v1::quality_rule::Check;
use tenure_proto::customer::v1::quality_service_client::QualityServiceClient;
use tenure_rpc::Transport;

use super::reach::{Reached, reach};
use super::train::instant;
use crate::cli::{QualityArgs, QualityTask};
use crate::config::Config;
use crate::show::{self, grouped};
use crate::wire::timestamp;

/// How far a report looks back where nobody says.
const REPORT_DAYS: i64 = 30;

type Client = QualityServiceClient<Transport>;

/// A policy as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Policy {
    source: String,
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    id: String,
    field: String,
    action: Action,
    check: Checked,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Report,
    Reject,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Checked {
    Required,
    Type(ValueType),
    Range {
        min: Option<f64>,
        max: Option<f64>,
    },
    Reference(Vec<String>),
    Freshness {
        days_max: i32,
    },
    Drift {
        #[serde(default)]
        limits: Vec<f64>,
        #[serde(default)]
        categories: Vec<String>,
        reference_days: i32,
    },
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ValueType {
    Integer,
    Decimal,
    Date,
    Boolean,
    Email,
    Msisdn,
}

pub(super) async fn quality(config: Config, args: QualityArgs) -> Result<ExitCode> {
    let reached = reach(&config, &args.reach).await?;
    let client = QualityServiceClient::new(reached.customer_data.clone());
    match &args.task {
        QualityTask::Set { file } => set(&reached, client, file).await?,
        QualityTask::Report {
            source,
            from,
            until,
            import,
        } => {
            let (start, end) = period(from.as_deref(), until.as_deref())?;
            let request = pb::GetQualityReportRequest {
                source: source.clone(),
                version: 0,
                start_time: Some(timestamp(start)),
                end_time: Some(timestamp(end)),
                import_id: import.clone().unwrap_or_default(),
            };
            report(client, request).await?;
        }
    }
    reached.leave().await;
    Ok(ExitCode::SUCCESS)
}

async fn set(reached: &Reached, mut client: Client, file: &Path) -> Result<()> {
    let named = || file.display().to_string();
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", named()))?;
    let policy: Policy = toml::from_str(&text).with_context(named)?;
    let request = pb::SetQualityPolicyRequest {
        request_id: reached.request_id().to_string(),
        source: policy.source,
        rules: policy.rules.into_iter().map(wire).collect(),
    };
    let answer = client.set_quality_policy(request).await;
    let set = answer.with_context(named)?.into_inner();
    let set = set.policy.unwrap_or_default();
    show::line(&format!(
        "{}: version {} with {} rules counts for imports from now on",
        set.source,
        set.version,
        set.rules.len()
    ));
    Ok(())
}

fn wire(rule: Rule) -> pb::QualityRule {
    let action = match rule.action {
        Action::Report => pb::QualityAction::Report,
        Action::Reject => pb::QualityAction::Reject,
    };
    let check = match rule.check {
        Checked::Required => Check::Required(pb::RequiredCheck {}),
        Checked::Type(of) => Check::Type(pb::TypeCheck {
            value_type: match of {
                ValueType::Integer => pb::QualityValueType::Integer,
                ValueType::Decimal => pb::QualityValueType::Decimal,
                ValueType::Date => pb::QualityValueType::Date,
                ValueType::Boolean => pb::QualityValueType::Boolean,
                ValueType::Email => pb::QualityValueType::Email,
                ValueType::Msisdn => pb::QualityValueType::Msisdn,
            }
            .into(),
        }),
        Checked::Range { min, max } => Check::Range(pb::RangeCheck { min, max }),
        Checked::Reference(values) => Check::Reference(pb::ReferenceCheck { values }),
        Checked::Freshness { days_max } => Check::Freshness(pb::FreshnessCheck { days_max }),
        Checked::Drift {
            limits,
            categories,
            reference_days,
        } => Check::Drift(pb::DriftCheck {
            limits,
            categories,
            reference_days,
        }),
    };
    pb::QualityRule {
        rule_id: rule.id,
        field: rule.field,
        action: action.into(),
        check: Some(check),
    }
}

fn period(from: Option<&str>, until: Option<&str>) -> Result<(Timestamp, Timestamp)> {
    let end = match until {
        Some(until) => instant(until)?,
        None => SystemClock.now() + Span::from_days(1),
    };
    let start = match from {
        Some(from) => instant(from)?,
        None => end - Span::from_days(REPORT_DAYS),
    };
    Ok((start, end))
}

async fn report(mut client: Client, request: pb::GetQualityReportRequest) -> Result<()> {
    let source = request.source.clone();
    let answer = client.get_quality_report(request).await;
    let report = answer
        .with_context(|| format!("cannot report on {source}"))?
        .into_inner();
    show::heading(&format!(
        "{source}, version {} of its rules: {} rows looked at, {} refused",
        report.policy.unwrap_or_default().version,
        grouped(report.row_count),
        grouped(report.refused_row_count),
    ));
    let headings = [
        "Rule",
        "Field",
        "Checked#",
        "Broken#",
        "Without value#",
        "Half came within",
        "Drift",
        "Lines, for example",
    ];
    let rows: Vec<Vec<String>> = report.findings.iter().map(cells).collect();
    show::table(&headings, &rows);
    Ok(())
}

fn cells(finding: &pb::QualityFinding) -> Vec<String> {
    let drift = match (finding.drift_state(), finding.stability_index) {
        (pb::DriftState::Unspecified, _) => String::new(),
        (pb::DriftState::TooFew, _) | (_, None) => "too few rows".to_owned(),
        (pb::DriftState::Stable, Some(index)) => format!("{index:.3} stable"),
        (pb::DriftState::Notice, Some(index)) => format!("{index:.3} notice"),
        (pb::DriftState::Alarm, Some(index)) => format!("{index:.3} alarm"),
    };
    let lag = finding.lag_p50_hours;
    let lines = finding.samples.iter().take(5);
    let lines: Vec<String> = lines.map(|sample| sample.line.to_string()).collect();
    vec![
        finding.rule_id.clone(),
        finding.field.clone(),
        grouped(finding.checked_count),
        grouped(finding.failed_count),
        grouped(finding.missing_count),
        lag.map_or(String::new(), |hours| format!("{hours} hours")),
        drift,
        lines.join(", "),
    ]
}
