//! The ways to run the whole: one process or four, on SQLite or on PostgreSQL.

use std::path::Path;

use tenure::clients::Clients;
use tenure_rpc::{ClientOptions, Transport, connect};
use tenure_sql::scratch::ScratchDatabase;

use crate::process::{Launch, Process};

/// The services in the order in which they call each other, with the key of their settings.
const SERVICES: [(&str, &str); 4] = [
    ("customer-data", "CUSTOMER_DATA"),
    ("lifecycle-scoring", "LIFECYCLE_SCORING"),
    ("loyalty-points", "LOYALTY_POINTS"),
    ("campaign", "CAMPAIGN"),
];

/// How many processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topology {
    /// All services in one, joined within it.
    OneProcess,
    /// Each in its own, joined over TCP.
    FourProcesses,
}

/// Which databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    Sqlite,
    Postgres,
}

/// Runs `scenario` in every topology on every database, each time on empty ones.
pub(crate) async fn in_each_topology(scenario: impl AsyncFn(Clients)) {
    for topology in [Topology::OneProcess, Topology::FourProcesses] {
        for backend in [Backend::Sqlite, Backend::Postgres] {
            eprintln!("running as {topology:?} on {backend:?}");
            let folder = tempfile::tempdir().expect("a folder");
            let databases = databases(backend).await;
            let (running, clients) = start(topology, folder.path(), &databases);
            scenario(clients).await;
            drop(running);
            for database in databases {
                database
                    .drop()
                    .await
                    .expect("the server for tests is there");
            }
        }
    }
}

/// Creates a database for each service on PostgreSQL; none for SQLite.
async fn databases(backend: Backend) -> Vec<ScratchDatabase> {
    let mut databases = Vec::new();
    if backend == Backend::Postgres {
        let server = tenure_testkit::postgres_server();
        for _ in SERVICES {
            databases.push(ScratchDatabase::create(&server).await.expect("a database"));
        }
    }
    databases
}

fn start(
    topology: Topology,
    data: &Path,
    databases: &[ScratchDatabase],
) -> (Vec<Process>, Clients) {
    let settings: Vec<(String, String)> = SERVICES
        .iter()
        .zip(databases)
        .map(|((_, key), database)| (format!("TENURE_DATABASES__{key}"), database.url()))
        .collect();
    match topology {
        Topology::OneProcess => {
            let process = configured(Launch::serve(&[], data), &settings).start();
            let clients = Clients::of_one(&transport(&process));
            (vec![process], clients)
        }
        Topology::FourProcesses => four(data, &settings),
    }
}

fn configured(launch: Launch, settings: &[(String, String)]) -> Launch {
    settings
        .iter()
        .fold(launch, |launch, (key, value)| launch.with(key, value))
}

/// Starts each service after those that it calls, and tells it where they are.
fn four(data: &Path, settings: &[(String, String)]) -> (Vec<Process>, Clients) {
    let mut settings = settings.to_vec();
    let mut running: Vec<Process> = Vec::new();
    for (service, key) in SERVICES {
        let process = configured(Launch::serve(&[service], data), &settings).start();
        settings.push((format!("TENURE_PEERS__{key}"), process.url()));
        running.push(process);
    }
    let [customer, scoring, loyalty, campaign] =
        [0, 1, 2, 3].map(|index| Clients::of_one(&transport(&running[index])));
    let clients = Clients {
        customer: customer.customer,
        desks: customer.desks,
        scoring: scoring.scoring,
        campaign: campaign.campaign,
        ..loyalty
    };
    (running, clients)
}

/// Returns a connection to a running process.
pub(crate) fn transport(process: &Process) -> Transport {
    connect(&process.url(), &ClientOptions::default()).expect("a loopback address")
}
