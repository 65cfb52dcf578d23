//! `tenure score`: why customers stand where they stand; or everybody, stored.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use tenure_proto::scoring::v1 as pb;

use super::reach::{Reached, reach};
use super::train::instant;
use crate::cli::ScoreArgs;
use crate::config::Config;
use crate::demo::tables;
use crate::report::data::STAGES;
use crate::report::gather;
use crate::show;
use crate::wait;
use crate::wire::{patient, timestamp};

pub(super) async fn score(config: Config, args: ScoreArgs) -> Result<ExitCode> {
    let reached = reach(&config, &args.reach).await?;
    let code = if args.all {
        all(&reached, args.at.as_deref()).await?
    } else if args.customers.is_empty() {
        tables::at_risk(&gather::at_risk(&reached.clients, args.top).await?);
        ExitCode::SUCCESS
    } else {
        some(&reached, args.customers).await?
    };
    reached.leave().await;
    Ok(code)
}

/// Scores everybody, with a bar.
async fn all(reached: &Reached, at: Option<&str>) -> Result<ExitCode> {
    let request = pb::CreateScoringRunRequest {
        request_id: reached.request_id().to_string(),
        score_time: at.map(instant).transpose()?.map(timestamp),
    };
    let mut client = reached.clients.scoring.clone();
    let answer = client
        .create_scoring_run(patient(request))
        .await
        .context("cannot score")?;
    let run = answer.into_inner().scoring_run.unwrap_or_default();
    let bar = show::bar(1_000, "scoring", "{msg} {wide_bar} {percent} % {eta}");
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 to 1,000"
    )]
    let progress = |share: f64| bar.set_position((share * 1_000.0) as u64);
    let run = wait::scoring_run(&mut client, run, progress).await?;
    bar.finish_and_clear();
    show::line(&format!(
        "{} customers scored, {} scores changed, {} customers moved to another stage",
        show::grouped(run.scored_count),
        show::grouped(run.changed_count),
        show::grouped(run.moved_count),
    ));
    let funnel = gather::funnel(&reached.clients).await?;
    tables::funnel(&funnel.0, &funnel.1);
    Ok(ExitCode::SUCCESS)
}

/// Scores the customers that were named.
async fn some(reached: &Reached, customer_ids: Vec<String>) -> Result<ExitCode> {
    let request = pb::ScoreCustomersRequest {
        customer_ids,
        with_reasons: true,
    };
    let mut client = reached.clients.scoring.clone();
    let items = client
        .score_customers(request)
        .await
        .context("cannot score")?
        .into_inner()
        .items;
    let mut code = ExitCode::SUCCESS;
    for item in items {
        match item.result {
            Some(pb::score_item::Result::Score(score)) => print(&score),
            Some(pb::score_item::Result::Error(error)) => {
                show::note(&format!("tenure: {}: {}", item.customer_id, error.message));
                code = ExitCode::FAILURE;
            }
            None => code = ExitCode::FAILURE,
        }
    }
    Ok(code)
}

fn print(score: &pb::Score) {
    let stage = gather::stage_index(score.stage).map_or("unknown", |index| STAGES[index]);
    let model = if score.model_version.is_empty() {
        "no model yet"
    } else {
        score.model_version.as_str()
    };
    show::heading(&format!(
        "{}: stage {stage}, risk {:.1} % ({:?}), model {model}",
        score.customer_id,
        score.churn_probability * 100.0,
        score.risk_band(),
    ));
    for evidence in &score.evidence {
        show::line(&format!("  stage because {}", evidence.statement));
    }
    for reason in &score.reasons {
        show::line(&format!(
            "  risk {:+.2} {}",
            reason.contribution, reason.statement
        ));
    }
}
