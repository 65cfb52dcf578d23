//! `tenure train`: a churn model from customers whose fate is known.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow};
use prost_types::Duration;
use tenure_core::Timestamp;
use tenure_proto::scoring::v1 as pb;

use super::reach::reach;
use crate::cli::TrainArgs;
use crate::config::Config;
use crate::show;
use crate::wait;
use crate::wire::{patient, timestamp};

pub(super) async fn train(config: Config, args: TrainArgs) -> Result<ExitCode> {
    let reached = reach(&config, &args.reach).await?;
    let mut as_of_times = Vec::new();
    for text in &args.as_of {
        as_of_times.push(timestamp(instant(text)?));
    }
    let request = pb::TrainModelRequest {
        request_id: reached.request_id().to_string(),
        as_of_times,
        horizon: Some(Duration {
            seconds: i64::from(args.horizon_days) * 86_400,
            nanos: 0,
        }),
        folds: args
            .folds
            .as_deref()
            .map(folds)
            .transpose()?
            .unwrap_or_default(),
        excluded_features: args.exclude,
        seed: args.seed,
    };
    let mut client = reached.clients.scoring.clone();
    show::note("tenure: training ...");
    let answer = client
        .train_model(patient(request))
        .await
        .context("cannot train")?;
    let model = wait::model(&mut client, answer.into_inner().model.unwrap_or_default()).await?;
    print(&model);
    reached.leave().await;
    Ok(ExitCode::SUCCESS)
}

/// Parses a day or an instant that was typed.
pub(super) fn instant(text: &str) -> Result<Timestamp> {
    Timestamp::parse(text).map_err(|mismatch| anyhow!("{text}: {mismatch}"))
}

fn folds(file: &Path) -> Result<Vec<pb::FoldAssignment>> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read the folds from {}", file.display()))?;
    let mut lines = text.lines().enumerate();
    let header = lines
        .next()
        .map(|(_, line)| line.trim())
        .unwrap_or_default();
    if header != "customer_id,fold" {
        return Err(anyhow!(
            "{}: line 1: wanted customer_id,fold",
            file.display()
        ));
    }
    lines
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(index, line)| {
            let wrong = || {
                anyhow!(
                    "{}: line {}: wanted an id and 0 to 19",
                    file.display(),
                    index + 1
                )
            };
            let (customer_id, fold) = line.trim().rsplit_once(',').ok_or_else(wrong)?;
            let fold: i32 = fold.trim().parse().map_err(|_| wrong())?;
            Ok(pb::FoldAssignment {
                customer_id: customer_id.to_owned(),
                fold,
            })
        })
        .collect()
}

fn print(model: &pb::Model) {
    let metrics = model.metrics.clone().unwrap_or_default();
    let text = |number: f64| format!("{number:.4}");
    show::table(
        &["Model", ""],
        &[
            vec!["version".into(), model.version.clone()],
            vec!["algorithm".into(), model.algorithm.clone()],
            vec!["examples".into(), show::grouped(model.example_count)],
            vec!["of which left".into(), show::grouped(model.churned_count)],
            vec!["AUC, out of fold".into(), text(metrics.auc)],
            vec!["log loss".into(), text(metrics.log_loss)],
            vec!["Brier score".into(), text(metrics.brier_score)],
            vec![
                "calibration error (10 bins)".into(),
                text(metrics.calibration_error),
            ],
            vec![
                "lift of the riskiest tenth".into(),
                format!("{:.2}", metrics.lift),
            ],
        ],
    );
    show::heading("Strongest features");
    let rows = model.importances.iter().take(10);
    let rows: Vec<_> = rows
        .map(|it| vec![it.feature.clone(), format!("{:.3}", it.importance)])
        .collect();
    show::table(&["Feature", "Mean |log-odds|#"], &rows);
}
