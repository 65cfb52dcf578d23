//! Durable redemptions a second, as a ratio to a no-op of the same server in the same run.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tenure_core::{Clock as _, Ids, SystemClock};
use tenure_proto::loyalty::v1 as pb;
use tenure_proto::loyalty::v1::loyalty_service_client::LoyaltyServiceClient;
use tenure_proto::loyalty::v1::operation::Operation as Asking;
use tenure_proto::loyalty::v1::operation_result::Result as Answering;
use tenure_rpc::Transport;
use tenure_sql::{Db, DbOptions};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::load::{self, Measured};
use super::pgbench;
use super::server::{Backend, TestServer};
use crate::cli::RedeemArgs;
use crate::service::ServiceName;
use crate::show;

/// How many accounts one call of the filling opens.
const FILL_BATCH: usize = 1_000;
/// How many connections the load comes over.
const CONNECTIONS: usize = 4;
/// How many calls with many redemptions each are in flight: what they hold fits into the queues.
const BATCHES_IN_FLIGHT: usize = 6;

/// How the server commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Commits {
    /// Whatever has arrived, in one transaction.
    Grouped,
    /// Each request in a transaction of its own: the yardstick for grouping.
    Single,
}

/// What the calls of a measurement are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Load {
    /// A redemption a call, from all accounts alike.
    Uniform,
    /// A redemption a call, all from one account.
    Hot,
    /// So many redemptions a call, from all accounts alike.
    Batch(usize),
    /// A redemption a call, so many calls a second, whether or not earlier ones are answered.
    Open(u32),
}

impl Load {
    fn name(self) -> String {
        match self {
            Self::Uniform => "one a call".to_owned(),
            Self::Hot => "one account".to_owned(),
            Self::Batch(size) => format!("{size} a call"),
            Self::Open(rate) => format!("{rate} a second"),
        }
    }

    /// Returns how many redemptions one call makes.
    fn size(self) -> usize {
        match self {
            Self::Uniform | Self::Hot | Self::Open(_) => 1,
            Self::Batch(size) => size,
        }
    }
}

/// One row of the result.
struct Row {
    backend: &'static str,
    commits: Commits,
    load: Load,
    in_flight: usize,
    no_op: Measured,
    redeem: Measured,
    /// By how much the database grew for each redemption.
    bytes: f64,
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
            rows.extend(measure(backend, *commits, length, args).await?);
        }
    }
    print(&rows);
    Ok(())
}

/// Returns the measurements that `args` ask for: load and calls in flight.
fn plan(commits: Commits, args: &RedeemArgs) -> Vec<(Load, usize)> {
    let uniform = args.in_flight.iter().map(|count| (Load::Uniform, *count));
    let mut plan: Vec<_> = uniform.collect();
    if commits == Commits::Grouped {
        plan.extend(args.hot.map(|count| (Load::Hot, count)));
        plan.extend(args.open.map(|rate| (Load::Open(rate), 1)));
        plan.extend(
            args.batch
                .map(|size| (Load::Batch(size), BATCHES_IN_FLIGHT)),
        );
    }
    plan
}

async fn measure(
    backend: Backend<'_>,
    commits: Commits,
    length: Duration,
    args: &RedeemArgs,
) -> Result<Vec<Row>> {
    let settings: &[(&str, &str)] = match commits {
        Commits::Grouped => &[],
        Commits::Single => &[("TENURE_LOYALTY_POINTS__BATCH_MAX", "1")],
    };
    let server = TestServer::start(backend, settings).await?;
    show::note(&format!(
        "{}, {commits:?}: filling {} accounts ...",
        backend.name(),
        args.accounts
    ));
    let transports = (0..CONNECTIONS)
        .map(|_| server.connect())
        .collect::<Result<Vec<_>>>()?;
    fill(&transports, args.accounts)
        .await
        .context("cannot fill the accounts")?;
    let database = Database::open(&server).await?;
    let mut rows = Vec::new();
    for (load, in_flight) in plan(commits, args) {
        // The no-op before and after, so that a machine that slows down meanwhile shows in both.
        let before = no_op(&server, &transports, in_flight, length / 2).await?;
        let target = Target {
            accounts: args.accounts,
            load,
        };
        let size = database.size_bytes().await?;
        let redeem = redemptions(&server, &transports, in_flight, length, target).await?;
        let grown = database.size_bytes().await? - size;
        let after = no_op(&server, &transports, in_flight, length / 2).await?;
        let no_op = mean(before, after);
        show::note(&format!(
            "  {}, {in_flight} in flight: {:.0} redemptions/s",
            load.name(),
            redeem.rate
        ));
        rows.push(Row {
            backend: backend.name(),
            commits,
            load,
            in_flight,
            no_op,
            redeem,
            #[expect(clippy::cast_precision_loss, reason = "some gigabytes at most")]
            bytes: grown as f64 / (redeem.rate * length.as_secs_f64()),
        });
    }
    if let (Some(connections), Backend::Postgres(_), Commits::Grouped) =
        (args.pgbench, backend, commits)
    {
        let tps = pgbench::redeem(database.url(), args.accounts, connections, length)?;
        show::note(&format!(
            "  pgbench, a transaction each over {connections} connections: {tps:.0} redemptions/s"
        ));
    }
    show::note(&format!(
        "  memory of the server: {} MB",
        server.memory_mb()
    ));
    server.stop().await?;
    Ok(rows)
}

/// The database of the ledger under test.
struct Database {
    url: String,
    db: Db,
}

impl Database {
    async fn open(server: &TestServer) -> Result<Self> {
        let url = server.database(ServiceName::LoyaltyPoints);
        let options = DbOptions {
            connections_max: 2,
            ..DbOptions::default()
        };
        let db = Db::connect(&url, &options).await?;
        Ok(Self { url, db })
    }

    fn url(&self) -> &str {
        &self.url
    }

    async fn size_bytes(&self) -> Result<i64> {
        Ok(self.db.size_bytes().await?)
    }
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

async fn fill(transports: &[Transport], accounts: usize) -> Result<()> {
    let ids = Ids::system();
    let bar = show::bar(
        accounts as u64,
        "accounts",
        "{msg} {wide_bar} {pos} of {len}, {eta} left",
    );
    stream::iter((0..accounts).step_by(FILL_BATCH))
        .map(|first| {
            let transport = transports[first / FILL_BATCH % transports.len()].clone();
            let mut client = LoyaltyServiceClient::new(transport);
            let last = accounts.min(first + FILL_BATCH);
            let request = batch((first..last).map(|number| earning(&ids, number)));
            let bar = &bar;
            async move {
                let answer = client.batch_execute_operations(request).await?;
                check(&answer.into_inner())?;
                bar.inc((last - first) as u64);
                anyhow::Ok(())
            }
        })
        // As many as the server lets wait.
        .buffer_unordered(3)
        .try_collect::<()>()
        .await
}

fn earning(ids: &Ids, number: usize) -> Asking {
    Asking::EarnPoints(pb::EarnPointsRequest {
        request_id: ids.uuid(SystemClock.now()).to_string(),
        account_id: account(number),
        points: 1_000_000,
        source: "bench/fill".to_owned(),
        open_account: true,
        ..pb::EarnPointsRequest::default()
    })
}

fn redemption(ids: &Ids, number: usize) -> pb::RedeemPointsRequest {
    pb::RedeemPointsRequest {
        request_id: ids.uuid(SystemClock.now()).to_string(),
        account_id: account(number),
        points: 1,
        source: "bench".to_owned(),
        ..pb::RedeemPointsRequest::default()
    }
}

fn batch(asked: impl Iterator<Item = Asking>) -> pb::BatchExecuteOperationsRequest {
    let operation = |asked| pb::Operation {
        operation: Some(asked),
    };
    pb::BatchExecuteOperationsRequest {
        operations: asked.map(operation).collect(),
        mode: pb::BatchMode::Independent.into(),
    }
}

/// Fails when an operation of a batch did.
fn check(answer: &pb::BatchExecuteOperationsResponse) -> Result<()> {
    for result in &answer.results {
        if let Some(Answering::Error(error)) = &result.result {
            bail!("an operation failed: {}", error.message);
        }
    }
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

/// What is redeemed from, and how.
#[derive(Debug, Clone, Copy)]
struct Target {
    accounts: usize,
    load: Load,
}

impl Target {
    /// Returns the account of a redemption, spread evenly over all, or always the same.
    fn account(self, lane: usize, round: u64) -> usize {
        if self.load == Load::Hot {
            return 0;
        }
        let number = tenure_core::hash::mix64(round.wrapping_mul(1_000_003) ^ lane as u64);
        usize::try_from(number % self.accounts as u64).unwrap_or(0)
    }
}

async fn redemptions(
    server: &TestServer,
    transports: &[Transport],
    in_flight: usize,
    length: Duration,
    target: Target,
) -> Result<Measured> {
    let clients: Vec<_> = transports
        .iter()
        .map(|it| LoyaltyServiceClient::new(it.clone()))
        .collect();
    let (clients, ids) = (Arc::new(clients), Ids::system());
    let size = target.load.size();
    let call = move |lane: usize, round| {
        let mut client = clients[lane % clients.len()].clone();
        let next = |index: usize| {
            let round = round * size as u64 + index as u64;
            redemption(&ids, target.account(lane, round))
        };
        let one = (size == 1).then(|| next(0));
        let many = (size > 1).then(|| batch((0..size).map(|n| Asking::RedeemPoints(next(n)))));
        async move {
            if let Some(request) = one {
                client.redeem_points(request).await?;
            }
            if let Some(request) = many {
                check(&client.batch_execute_operations(request).await?.into_inner())?;
            }
            Ok(())
        }
    };
    let measured = match target.load {
        Load::Open(rate) => load::open(rate, length, server.id(), call).await?,
        _ => load::run(in_flight, length, server.id(), call).await?,
    };
    Ok(measured.of_each(size))
}

fn print(rows: &[Row]) {
    let line = |row: &Row| {
        let cpu = row.redeem.cpu;
        vec![
            row.backend.to_owned(),
            format!("{:?}", row.commits).to_lowercase(),
            row.load.name(),
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
            format!("{:.0}", row.bytes),
        ]
    };
    let lines: Vec<_> = rows.iter().map(line).collect();
    let headings = [
        "Database",
        "Commits",
        "Load",
        "In flight#",
        "No-op/s#",
        "Redeem/s#",
        "Ratio#",
        "p50 / p99 ms#",
        "No-op CPU us#",
        "Redeem CPU us (client + server + PostgreSQL)#",
        "Disk bytes#",
    ];
    show::heading("Durable redemptions beside a no-op of the same server");
    show::table(&headings, &lines);
    for grouped in rows.iter().filter(|row| row.load == Load::Uniform) {
        let single = rows.iter().find(|row| {
            row.commits == Commits::Single
                && grouped.commits == Commits::Grouped
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
