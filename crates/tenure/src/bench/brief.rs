//! Briefings at so many calls a second, with all services up and without some of them.

mod fill;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tenure_proto::customer::v1 as pb;
use tenure_proto::customer::v1::brief_touchpoint_request::Key;
use tenure_proto::customer::v1::briefing_service_client::BriefingServiceClient;
use tenure_proto::r#type::v1::Channel;
use tenure_rpc::Transport;
use tenure_sql::scratch::ScratchDatabase;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::load::{self, Measured};
use super::server::{Folder, TestServer};
use crate::cli::BriefArgs;
use crate::clients::Clients;
use crate::service::ServiceName;
use crate::show;

/// How many connections the load comes over.
const CONNECTIONS: usize = 4;
/// Says how many customers a folder was filled with.
const MARK: &str = "bench-brief-customers";
/// Where nobody listens: a port that no server uses.
const NOBODY: &str = "http://127.0.0.1:1";

/// Where the services keep their data, however often they are started.
struct Home {
    folder: Folder,
    databases: Vec<(ServiceName, ScratchDatabase)>,
}

/// How many parts of the answers were missing.
#[derive(Debug, Default)]
struct Parts {
    score: AtomicU64,
    points: AtomicU64,
    actions: AtomicU64,
}

/// Measures on SQLite or, when a server is named, on PostgreSQL; prints a table.
///
/// # Errors
/// When a server does not start, or a call fails.
pub async fn brief(postgres: Option<&str>, length: Duration, args: &BriefArgs) -> Result<()> {
    let home = Home::open(postgres, args.data.as_deref()).await?;
    let database = if postgres.is_some() {
        "PostgreSQL"
    } else {
        "SQLite"
    };
    if !home.is_filled_with(args.customers)? {
        show::note(&format!(
            "{database}: filling {} customers ...",
            args.customers
        ));
        let server = home.start(&[])?;
        fill::fill(&Clients::of_one(&server.connect()?), args.customers)
            .await
            .context("cannot fill")?;
        server.stop().await?;
        home.mark(args.customers)?;
    }
    let mut lines = Vec::new();
    let each = args.without.iter().map(|service| vec![*service]);
    for without in std::iter::once(Vec::new()).chain(each) {
        let server = home.start(&without)?;
        let mut line = vec![database.to_owned(), args.customers.to_string()];
        line.extend(measure(&server, &without, length, args).await?);
        lines.push(line);
        server.stop().await?;
    }
    for (_, database) in home.databases {
        database.drop().await?;
    }
    print(&lines, args.rate);
    Ok(())
}

impl Home {
    async fn open(postgres: Option<&str>, data: Option<&Path>) -> Result<Self> {
        let folder = match data {
            Some(folder) => {
                std::fs::create_dir_all(folder)?;
                Folder::Kept(folder.to_owned())
            }
            None => {
                Folder::Temporary(tempfile::tempdir().context("cannot create a temporary folder")?)
            }
        };
        let mut databases = Vec::new();
        if let Some(server) = postgres {
            ensure!(data.is_none(), "--data is for SQLite: it keeps its files");
            for service in ServiceName::ALL {
                databases.push((service, ScratchDatabase::create(server).await?));
            }
        }
        Ok(Self { folder, databases })
    }

    fn is_filled_with(&self, customers: u32) -> Result<bool> {
        let folder = self.folder.path();
        let shown = folder.display();
        let Ok(found) = std::fs::read_to_string(folder.join(MARK)) else {
            let is_empty = std::fs::read_dir(folder)?.next().is_none();
            ensure!(
                is_empty,
                "{shown} holds something else: name an empty folder"
            );
            return Ok(false);
        };
        ensure!(
            found == customers.to_string(),
            "{shown} holds {found} customers: ask for as many, or name another folder"
        );
        Ok(true)
    }

    fn mark(&self, customers: u32) -> Result<()> {
        Ok(std::fs::write(
            self.folder.path().join(MARK),
            customers.to_string(),
        )?)
    }

    /// Starts all services but some.
    fn start(&self, without: &[ServiceName]) -> Result<TestServer> {
        let key = |service: ServiceName| service.as_str().replace('-', "_").to_uppercase();
        let mut settings: Vec<(String, String)> = Vec::new();
        for (service, database) in &self.databases {
            settings.push((
                format!("TENURE_DATABASES__{}", key(*service)),
                database.url(),
            ));
        }
        for service in without {
            settings.push((
                format!("TENURE_PEERS__{}", key(*service)),
                NOBODY.to_owned(),
            ));
        }
        let services: Vec<ServiceName> = ServiceName::ALL
            .into_iter()
            .filter(|service| !without.contains(service))
            .collect();
        TestServer::start_in(self.folder.path(), &services, &settings)
    }
}

async fn measure(
    server: &TestServer,
    without: &[ServiceName],
    length: Duration,
    args: &BriefArgs,
) -> Result<Vec<String>> {
    let transports = (0..CONNECTIONS)
        .map(|_| server.connect())
        .collect::<Result<Vec<_>>>()?;
    let no_op = no_op(server, &transports, length / 2, args.rate).await?;
    let parts = Arc::new(Parts::default());
    let brief = briefings(server, transports, length, args, &parts).await?;
    let names: Vec<&str> = without.iter().map(|service| service.as_str()).collect();
    let ms = |measured: &Measured| {
        format!(
            "{:.1} / {:.1} / {:.1}",
            measured.p50_ms, measured.p99_ms, measured.p999_ms
        )
    };
    let missing = [&parts.score, &parts.points, &parts.actions]
        .map(|count| count.load(Ordering::Relaxed).to_string());
    Ok(vec![
        if names.is_empty() {
            "nothing".to_owned()
        } else {
            names.join(", ")
        },
        format!("{:.0}", brief.rate),
        ms(&no_op),
        ms(&brief),
        format!("{:.0} + {:.0}", no_op.cpu.client, no_op.cpu.server),
        format!(
            "{:.0} + {:.0} + {:.0}",
            brief.cpu.client, brief.cpu.server, brief.cpu.postgres
        ),
        missing.join(" / "),
        server.memory_mb().to_string(),
    ])
}

async fn no_op(
    server: &TestServer,
    transports: &[Transport],
    length: Duration,
    rate: u32,
) -> Result<Measured> {
    let clients: Vec<_> = transports
        .iter()
        .map(|it| HealthClient::new(it.clone()))
        .collect();
    load::open(rate, length, server.id(), move |number, _| {
        let mut client = clients[number % clients.len()].clone();
        async move {
            let service = String::new();
            client.check(HealthCheckRequest { service }).await?;
            Ok(())
        }
    })
    .await
}

async fn briefings(
    server: &TestServer,
    transports: Vec<Transport>,
    length: Duration,
    args: &BriefArgs,
    parts: &Arc<Parts>,
) -> Result<Measured> {
    let clients: Vec<_> = transports
        .into_iter()
        .map(BriefingServiceClient::new)
        .collect();
    let customers = u64::from(args.customers);
    load::open(args.rate, length, server.id(), move |place, number| {
        let mut client = clients[place % clients.len()].clone();
        let parts = parts.clone();
        let drawn = tenure_core::hash::mix64(number.wrapping_mul(1_000_003)) % customers;
        let drawn = u32::try_from(drawn).unwrap_or(0);
        async move {
            let key = if number.is_multiple_of(2) {
                Key::Msisdn(fill::msisdn(drawn))
            } else {
                Key::CustomerId(fill::customer(drawn))
            };
            let request = pb::BriefTouchpointRequest {
                key: Some(key),
                channel: Channel::CallCentre.into(),
            };
            let answer = client.brief_touchpoint(request).await?.into_inner();
            let briefing = answer.briefing.context("an answer without a briefing")?;
            let caller = briefing.caller.as_ref().map(|it| it.customer_id.as_str());
            ensure!(
                caller == Some(fill::customer(drawn).as_str()),
                "a briefing about somebody else"
            );
            parts.note(&briefing);
            Ok(())
        }
    })
    .await
}

impl Parts {
    fn note(&self, briefing: &pb::Briefing) {
        let states = [
            (
                &self.score,
                briefing.score.as_ref().and_then(|it| it.state.as_ref()),
            ),
            (
                &self.points,
                briefing.points.as_ref().and_then(|it| it.state.as_ref()),
            ),
            (
                &self.actions,
                briefing.actions.as_ref().and_then(|it| it.state.as_ref()),
            ),
        ];
        for (count, state) in states {
            if state.is_none_or(|state| state.missing_reason != 0) {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

fn print(lines: &[Vec<String>], rate: u32) {
    show::heading(&format!(
        "Briefings, {rate} a second, beside as many no-ops of the same server"
    ));
    let headings = [
        "Database",
        "Customers#",
        "Without",
        "Briefings/s#",
        "No-op p50 / p99 / p99.9 ms#",
        "Briefing p50 / p99 / p99.9 ms#",
        "No-op CPU us (client + server)#",
        "Briefing CPU us (client + server + PostgreSQL)#",
        "Missing score / points / actions#",
        "Memory MB#",
    ];
    show::table(&headings, lines);
}
