//! Rows of a CSV file a second, beside a no-op of the same server and PostgreSQL's own COPY.

mod copy;
mod file;

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tenure_core::{Clock as _, Ids, SystemClock};
use tenure_customer_data::import::{self, Job, RejectFile, Silent};
use tenure_proto::customer::v1::Import;
use tenure_sql::{Db, DbOptions};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::cpu::Used;
use super::load;
use super::server::{Backend, TestServer};
use crate::service::ServiceName;
use crate::show;

/// What the columns of the generated files mean.
const CUSTOMERS: &str = include_str!("import/customers.toml");
const MONTH: &str = include_str!("import/month.toml");

/// What is imported.
#[derive(Debug, Clone, Copy)]
pub struct Amount {
    /// How many customers, with a subscription each.
    pub rows: u32,
    /// How many months of bills, usage and calls of all of them, in a file for each.
    pub months: u16,
}

/// Measures an import.
///
/// # Errors
/// When a server does not start, or refuses a row.
pub async fn import(postgres: Option<&str>, amount: Amount, length: Duration) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut backends = vec![Backend::Sqlite];
    backends.extend(postgres.map(Backend::Postgres));
    let mut lines = Vec::new();
    for backend in backends {
        lines.extend(measure(backend, folder.path(), amount, length).await?);
    }
    show::heading("Import of customers with subscriptions, into customer-data alone");
    let headings = [
        "Way",
        "Rows#",
        "No-op/s#",
        "Rows/s#",
        "CPU us a row (client + server + PostgreSQL)#",
        "Memory MB (client, server)#",
        "Disk bytes a customer#",
    ];
    show::table(&headings, &lines);
    Ok(())
}

async fn measure(
    backend: Backend<'_>,
    folder: &Path,
    amount: Amount,
    length: Duration,
) -> Result<Vec<Vec<String>>> {
    let services = [ServiceName::CustomerData];
    let server = TestServer::start_on(backend, &[], &services, async |_| Ok(())).await?;
    let no_op = no_op(&server, length).await?;
    show::note(&format!("{}: importing ...", backend.name()));
    let file = folder.join("bench.csv");
    file::write_customers(&file, amount.rows)?;
    let taken = Taken::in_by(&server, &file, CUSTOMERS).await?;
    let shown = taken.shown(&server, amount).await?;
    let mut lines = vec![line(backend.name(), no_op, shown)];
    if let Backend::Postgres(url) = backend {
        show::note("PostgreSQL: COPY of the same rows into equal tables ...");
        let filled = server.database(ServiceName::CustomerData);
        let (elapsed, used) = copy::measure(url, &filled).await?;
        let taken = Taken {
            elapsed,
            used,
            ..taken
        };
        let mut cells = taken.cells();
        cells.extend([String::new(), String::new()]);
        lines.push(line("COPY", String::new(), cells));
    }
    if amount.months > 0 {
        let mut taken = Taken::default();
        for month in 0..amount.months {
            show::note(&format!("{}: month {} ...", backend.name(), month + 1));
            file::write_month(&file, amount.rows, month)?;
            taken.add(&Taken::in_by(&server, &file, MONTH).await?);
        }
        let way = format!("{}, {} months", backend.name(), amount.months);
        let shown = taken.shown(&server, amount).await?;
        lines.push(line(&way, String::new(), shown));
    }
    server.stop().await?;
    Ok(lines)
}

fn line(way: &str, no_op: String, mut cells: Vec<String>) -> Vec<String> {
    cells.splice(0..0, [way.to_owned()]);
    cells.insert(2, no_op);
    cells
}

async fn no_op(server: &TestServer, length: Duration) -> Result<String> {
    let health = HealthClient::new(server.connect()?);
    let measured = load::run(4, length, server.id(), move |_, _| {
        let mut client = health.clone();
        async move {
            client
                .check(HealthCheckRequest {
                    service: String::new(),
                })
                .await?;
            Ok(())
        }
    });
    Ok(format!("{:.0}", measured.await?.rate))
}

/// What was taken in, and what it took.
#[derive(Debug, Clone, Copy, Default)]
struct Taken {
    rows: i64,
    elapsed: Duration,
    used: Used,
}

impl Taken {
    async fn in_by(server: &TestServer, file: &Path, mapping: &str) -> Result<Self> {
        let (begin, used) = (Instant::now(), Used::now(server.id()));
        let import = take_in(server, file, mapping).await?;
        let (elapsed, used) = (begin.elapsed(), Used::now(server.id()).since(used));
        let refused = import.rejected_row_count;
        anyhow::ensure!(refused == 0, "{refused} rows were refused");
        Ok(Self {
            rows: import.accepted_row_count,
            elapsed,
            used,
        })
    }

    fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.elapsed += other.elapsed;
        self.used = self.used.plus(other.used);
    }

    /// Returns rows, rate and processor time.
    #[expect(clippy::cast_precision_loss, reason = "rates")]
    fn cells(&self) -> Vec<String> {
        let rows = self.rows as f64;
        let Used {
            client,
            server,
            postgres,
        } = self.used;
        let [client, server, postgres] = [client, server, postgres].map(|it| it as f64 / rows);
        vec![
            self.rows.to_string(),
            format!("{:.0}", rows / self.elapsed.as_secs_f64()),
            format!("{client:.1} + {server:.1} + {postgres:.1}"),
        ]
    }

    /// Returns the same with memory and disk.
    async fn shown(&self, server: &TestServer, amount: Amount) -> Result<Vec<String>> {
        let mut cells = self.cells();
        cells.push(format!(
            "{}, {}",
            super::cpu::peak_memory_mb(std::process::id()),
            server.peak_memory_mb()
        ));
        let url = server.database(ServiceName::CustomerData);
        let db = Db::connect(&url, &DbOptions::default()).await?;
        let size = db.size_bytes().await?;
        db.close().await;
        cells.push((size / i64::from(amount.rows)).to_string());
        Ok(cells)
    }
}

async fn take_in(server: &TestServer, file: &Path, mapping: &str) -> Result<Import> {
    let source = File::open(file)?;
    let (content_digest, size_bytes) = import::digest(&source)?;
    let job = Job {
        source_name: "bench.csv".to_owned(),
        content_digest,
        size_bytes,
        mapping: mapping.to_owned(),
        request_id: Ids::system().uuid(SystemClock.now()),
    };
    let mut rejects = RejectFile::beside(file);
    let transport = server.connect()?;
    let done = import::run(transport, &job, source, &mut rejects, &mut Silent).await;
    Ok(done.context("the import failed")?.import)
}
