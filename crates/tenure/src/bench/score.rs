//! Bulk scores a second, beside a no-op of the same server.

use std::time::Duration;

use anyhow::{Context as _, Result};
use tenure_core::{Clock as _, Ids, SystemClock};
use tenure_proto::scoring::v1 as pb;
use tenure_simulator::Treatments;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::load;
use super::server::{Backend, TestServer};
use crate::clients::Clients;
use crate::demo::ingest::Ingest;
use crate::demo::office::Share;
use crate::demo::story::{self, HORIZON_MONTHS, Plan};
use crate::demo::world::World;
use crate::show;
use crate::wait;
use crate::wire::{patient, timestamp};

/// How many months of facts each customer has.
const MONTHS: u32 = 9;
/// How many customers a call scores.
const BATCH: usize = 1_000;

/// Measures `ScoreCustomers` over `customers` customers.
///
/// # Errors
/// When a server does not start, or a call fails.
pub async fn score(postgres: Option<&str>, customers: u32, length: Duration) -> Result<()> {
    let mut backends = vec![Backend::Sqlite];
    backends.extend(postgres.map(Backend::Postgres));
    let mut lines = Vec::new();
    for backend in backends {
        lines.push(measure(backend, customers, length).await?);
    }
    show::heading("Bulk scores beside a no-op of the same server");
    let headings = [
        "Database",
        "Customers#",
        "No-op/s#",
        "Scores/s#",
        "Ratio#",
        "Scoring run/s#",
        "CPU us a score (client + server + PostgreSQL)#",
    ];
    show::table(&headings, &lines);
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "rates")]
async fn measure(backend: Backend<'_>, customers: u32, length: Duration) -> Result<Vec<String>> {
    let server = TestServer::start(backend, &[]).await?;
    let clients = Clients::of_one(&server.connect()?);
    show::note(&format!(
        "{}: filling {customers} customers ...",
        backend.name()
    ));
    let ids = fill(&clients, customers).await?;
    let run_rate = scoring_run(&clients).await?;
    let batches: Vec<Vec<String>> = ids.chunks(BATCH).map(<[_]>::to_vec).collect();
    let health = HealthClient::new(server.connect()?);
    let no_op = load::run(4, length, server.id(), move |_, _| {
        let mut client = health.clone();
        async move {
            client
                .check(HealthCheckRequest {
                    service: String::new(),
                })
                .await?;
            Ok(())
        }
    })
    .await?;
    let scores = load::run(4, length, server.id(), move |lane, round| {
        let place = (lane + usize::try_from(round).unwrap_or(0) * 4) % batches.len();
        let customer_ids = batches[place].clone();
        let mut client = clients.scoring.clone();
        async move {
            let request = pb::ScoreCustomersRequest {
                customer_ids,
                with_reasons: false,
            };
            client.score_customers(request).await?;
            Ok(())
        }
    })
    .await?;
    server.stop().await?;
    let (batch, rate) = (BATCH as f64, scores.rate * BATCH as f64);
    let cpu = scores.cpu;
    Ok(vec![
        backend.name().to_owned(),
        customers.to_string(),
        format!("{:.0}", no_op.rate),
        format!("{rate:.0}"),
        format!("{:.2}", rate / no_op.rate),
        format!("{run_rate:.0}"),
        format!(
            "{:.1} + {:.1} + {:.1}",
            cpu.client / batch,
            cpu.server / batch,
            cpu.postgres / batch
        ),
    ])
}

/// Fills the server with an operator's customers and trains a model; returns the customers' ids.
pub(super) async fn fill(clients: &Clients, customers: u32) -> Result<Vec<String>> {
    let start = SystemClock
        .now()
        .month_start()
        .plus_months(-i32::try_from(MONTHS)?);
    let plan = Plan {
        seed: 1,
        customers,
        start,
        months: MONTHS,
        train_month: 0,
        launch_month: MONTHS - HORIZON_MONTHS,
        min_churn_probability: 0.0,
        control_share: 0.5,
        told_in_full: 0,
    };
    let (operator, ids) = (story::operator(&plan)?, Ids::seeded(1));
    let ingest = Ingest {
        clients,
        ids: &ids,
        clock: &SystemClock,
    };
    let mut world = World::new(&operator, Share::of(0, plan.customers));
    ingest.send(&mut world.founders()).await?;
    for _ in 0..MONTHS {
        ingest.send(&mut world.step(&Treatments::none())).await?;
    }
    let as_of = operator.month_start(MONTHS - HORIZON_MONTHS);
    let request = pb::TrainModelRequest {
        request_id: ids.uuid(SystemClock.now()).to_string(),
        as_of_times: vec![timestamp(as_of)],
        horizon: Some(prost_types::Duration {
            seconds: 90 * 86_400,
            nanos: 0,
        }),
        seed: 1,
        ..Default::default()
    };
    let mut client = clients.scoring.clone();
    let answer = client
        .train_model(patient(request))
        .await
        .context("train_model")?;
    wait::model(&mut client, answer.into_inner().model.unwrap_or_default()).await?;
    let founders = operator
        .customers()
        .filter(|customer| customer.join_month < 0);
    Ok(founders.map(|customer| customer.key()).collect())
}

/// Scores the whole base once; returns customers a second.
#[expect(clippy::cast_precision_loss, reason = "rates")]
async fn scoring_run(clients: &Clients) -> Result<f64> {
    let mut client = clients.scoring.clone();
    let begin = std::time::Instant::now();
    let request = pb::CreateScoringRunRequest {
        request_id: Ids::system().uuid(SystemClock.now()).to_string(),
        score_time: None,
    };
    let answer = client
        .create_scoring_run(patient(request))
        .await
        .context("create_scoring_run")?;
    let run = answer.into_inner().scoring_run.unwrap_or_default();
    let run = wait::scoring_run(&mut client, run, |_| ()).await?;
    Ok(run.scored_count as f64 / begin.elapsed().as_secs_f64())
}
