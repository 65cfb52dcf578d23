//! Durable redemptions a second, as a ratio to a no-op of the same server in the same run.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tenure_core::{Clock as _, Ids, SystemClock};
use tenure_proto::loyalty::v1 as pb;
use tenure_proto::loyalty::v1::loyalty_service_client::LoyaltyServiceClient;
use tenure_rpc::Transport;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::load::{self, Measured};
use super::server::{Backend, TestServer};
use crate::cli::RedeemArgs;
use crate::show;

/// How many accounts are redeemed from.
const ACCOUNTS: usize = 10_000;
/// How many connections the load comes over.
const CONNECTIONS: usize = 4;

/// How the server commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Commits {
    /// Whatever has arrived, in one transaction.
    Grouped,
    /// Each request in a transaction of its own: the yardstick for grouping.
    Single,
}

/// One row of the result.
struct Row {
    backend: &'static str,
    commits: Commits,
    in_flight: usize,
    no_op: Measured,
    redeem: Measured,
}

/// Measures on SQLite and, when a server is named, on PostgreSQL; prints a table.
///
/// # Errors
/// When a server does not start, or a call fails.
pub async fn redeem(postgres: Option<&str>, length: Duration, args: &RedeemArgs) -> Result<()> {
    let all = [Commits::Grouped, Commits::Single];
    let commits = if args.grouped_only { &all[..1] } else { &all };
    let mut backends = vec![Backend::Sqlite];
    backends.extend(postgres.map(Backend::Postgres));
    let mut rows = Vec::new();
    for backend in backends {
        for commits in commits {
            rows.extend(measure(backend, *commits, length, &args.in_flight).await?);
        }
    }
    print(&rows);
    Ok(())
}

async fn measure(
    backend: Backend<'_>,
    commits: Commits,
    length: Duration,
    in_flight: &[usize],
) -> Result<Vec<Row>> {
    let settings: &[(&str, &str)] = match commits {
        Commits::Grouped => &[],
        Commits::Single => &[("TENURE_LOYALTY_POINTS__BATCH_MAX", "1")],
    };
    let server = TestServer::start(backend, settings).await?;
    show::note(&format!(
        "{}, {commits:?}: filling {ACCOUNTS} accounts ...",
        backend.name()
    ));
    let transports = (0..CONNECTIONS)
        .map(|_| server.connect())
        .collect::<Result<Vec<_>>>()?;
    fill(&transports)
        .await
        .context("cannot fill the accounts")?;
    let mut rows = Vec::new();
    for &in_flight in in_flight {
        // The no-op before and after, so that a machine that slows down meanwhile shows in both.
        let before = no_op(&server, &transports, in_flight, length / 2).await?;
        let redeem = redemptions(&server, &transports, in_flight, length).await?;
        let after = no_op(&server, &transports, in_flight, length / 2).await?;
        let no_op = mean(before, after);
        show::note(&format!(
            "  {in_flight:>3} in flight: {:.0} redemptions/s",
            redeem.rate
        ));
        rows.push(Row {
            backend: backend.name(),
            commits,
            in_flight,
            no_op,
            redeem,
        });
    }
    server.stop().await?;
    Ok(rows)
}

fn mean(a: Measured, b: Measured) -> Measured {
    let mut mean = a;
    mean.rate = f64::midpoint(a.rate, b.rate);
    mean.cpu.client = f64::midpoint(a.cpu.client, b.cpu.client);
    mean.cpu.server = f64::midpoint(a.cpu.server, b.cpu.server);
    mean
}

fn account(number: usize) -> String {
    format!("A{number:07}")
}

async fn fill(transports: &[Transport]) -> Result<()> {
    let ids = Ids::system();
    stream::iter(0..ACCOUNTS)
        .map(|number| {
            let mut client =
                LoyaltyServiceClient::new(transports[number % transports.len()].clone());
            let request = pb::EarnPointsRequest {
                request_id: ids.uuid(SystemClock.now()).to_string(),
                account_id: account(number),
                points: 1_000_000,
                source: "bench/fill".to_owned(),
                expire_time: None,
                open_account: true,
                ..Default::default()
            };
            async move { client.earn_points(request).await.map(|_| ()) }
        })
        .buffer_unordered(256)
        .try_collect::<()>()
        .await?;
    Ok(())
}

async fn no_op(
    server: &TestServer,
    transports: &[Transport],
    in_flight: usize,
    length: Duration,
) -> Result<Measured> {
    let clients: Vec<_> = transports
        .iter()
        .map(|it| HealthClient::new(it.clone()))
        .collect();
    load::run(in_flight, length, server.id(), move |lane, _| {
        let mut client = clients[lane % clients.len()].clone();
        async move {
            client
                .check(HealthCheckRequest {
                    service: String::new(),
                })
                .await?;
            Ok(())
        }
    })
    .await
}

async fn redemptions(
    server: &TestServer,
    transports: &[Transport],
    in_flight: usize,
    length: Duration,
) -> Result<Measured> {
    let clients: Vec<_> = transports
        .iter()
        .map(|it| LoyaltyServiceClient::new(it.clone()))
        .collect();
    let (clients, ids) = (Arc::new(clients), Ids::system());
    load::run(in_flight, length, server.id(), move |lane, round| {
        let mut client = clients[lane % clients.len()].clone();
        let request = pb::RedeemPointsRequest {
            request_id: ids.uuid(SystemClock.now()).to_string(),
            account_id: account(scattered(lane, round)),
            points: 1,
            source: "bench".to_owned(),
        };
        async move {
            client.redeem_points(request).await?;
            Ok(())
        }
    })
    .await
}

/// Returns the account of a call, spread evenly over all.
fn scattered(lane: usize, round: u64) -> usize {
    let number = tenure_core::hash::mix64(round.wrapping_mul(1_000_003) ^ lane as u64);
    usize::try_from(number % ACCOUNTS as u64).unwrap_or(0)
}

fn print(rows: &[Row]) {
    let line = |row: &Row| {
        let cpu = row.redeem.cpu;
        vec![
            row.backend.to_owned(),
            format!("{:?}", row.commits).to_lowercase(),
            row.in_flight.to_string(),
            format!("{:.0}", row.no_op.rate),
            format!("{:.0}", row.redeem.rate),
            format!("{:.2}", row.redeem.rate / row.no_op.rate),
            format!("{:.1} / {:.1}", row.redeem.p50_ms, row.redeem.p99_ms),
            format!("{:.0} + {:.0}", row.no_op.cpu.client, row.no_op.cpu.server),
            format!(
                "{:.0} + {:.0} + {:.0}",
                cpu.client, cpu.server, cpu.postgres
            ),
        ]
    };
    let lines: Vec<_> = rows.iter().map(line).collect();
    let headings = [
        "Database",
        "Commits",
        "In flight#",
        "No-op/s#",
        "Redeem/s#",
        "Ratio#",
        "p50 / p99 ms#",
        "No-op CPU us#",
        "Redeem CPU us (client + server + PostgreSQL)#",
    ];
    show::heading("Durable redemptions beside a no-op of the same server");
    show::table(&headings, &lines);
    for grouped in rows.iter().filter(|row| row.commits == Commits::Grouped) {
        let single = rows.iter().find(|row| {
            row.commits == Commits::Single
                && row.backend == grouped.backend
                && row.in_flight == grouped.in_flight
        });
        if let Some(single) = single {
            show::line(&format!(
                "{}, {} in flight: grouped commits are {:.1} times a transaction for each request",
                grouped.backend,
                grouped.in_flight,
                grouped.redeem.rate / single.redeem.rate,
            ));
        }
    }
}
