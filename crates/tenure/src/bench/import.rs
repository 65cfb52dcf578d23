//! Rows of a CSV file a second, beside a no-op of the same server and PostgreSQL's own COPY.

mod copy;

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tenure_core::{Clock as _, Ids, SystemClock, Timestamp};
use tenure_customer_data::import::{self, Job, RejectFile, Silent};
use tenure_proto::customer::v1::Import;
use tenure_simulator::{Operator, OperatorConfig};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::cpu::Used;
use super::load;
use super::server::{Backend, TestServer};
use crate::service::ServiceName;
use crate::show;

/// What the columns of the generated file mean.
const MAPPING: &str = include_str!("import.toml");

/// Measures the import of `rows` customers with a subscription each.
///
/// # Errors
/// When a server does not start, or refuses a row.
pub async fn import(postgres: Option<&str>, rows: u32, length: Duration) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("bench.csv");
    write_csv(&file, rows)?;
    let mut backends = vec![Backend::Sqlite];
    backends.extend(postgres.map(Backend::Postgres));
    let mut lines = Vec::new();
    for backend in backends {
        lines.extend(measure(backend, &file, length).await?);
    }
    show::heading("Import of customers with subscriptions, into customer-data alone");
    let headings = [
        "Way",
        "Rows#",
        "No-op/s#",
        "Rows/s#",
        "CPU us a row (client + server + PostgreSQL)#",
        "Memory MB (client, server)#",
    ];
    show::table(&headings, &lines);
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "rates")]
async fn measure(backend: Backend<'_>, file: &Path, length: Duration) -> Result<Vec<Vec<String>>> {
    let services = [ServiceName::CustomerData];
    let server = TestServer::start_on(backend, &[], &services, async |_| Ok(())).await?;
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
    show::note(&format!("{}: importing ...", backend.name()));
    let (begin, used) = (Instant::now(), Used::now(server.id()));
    let import = take_in(&server, file).await?;
    let (elapsed, used) = (begin.elapsed(), Used::now(server.id()).since(used));
    anyhow::ensure!(
        import.rejected_row_count == 0,
        "{} rows were refused",
        import.rejected_row_count
    );
    let rows = import.accepted_row_count as f64;
    let line = |way: &str, no_op: String, elapsed: Duration, used: Used, memory: String| {
        let cpu = [used.client, used.server, used.postgres].map(|micros| micros as f64 / rows);
        vec![
            way.to_owned(),
            import.accepted_row_count.to_string(),
            no_op,
            format!("{:.0}", rows / elapsed.as_secs_f64()),
            format!("{:.1} + {:.1} + {:.1}", cpu[0], cpu[1], cpu[2]),
            memory,
        ]
    };
    let memory = format!(
        "{}, {}",
        super::cpu::peak_memory_mb(std::process::id()),
        server.peak_memory_mb()
    );
    let no_op = format!("{:.0}", no_op.rate);
    let mut lines = vec![line(backend.name(), no_op, elapsed, used, memory)];
    if let Backend::Postgres(url) = backend {
        show::note("PostgreSQL: COPY of the same rows into equal tables ...");
        let filled = server.database(ServiceName::CustomerData);
        let (elapsed, used) = copy::measure(url, &filled).await?;
        lines.push(line("COPY", String::new(), elapsed, used, String::new()));
    }
    server.stop().await?;
    Ok(lines)
}

async fn take_in(server: &TestServer, file: &Path) -> Result<Import> {
    let source = File::open(file)?;
    let (content_digest, size_bytes) = import::digest(&source)?;
    let job = Job {
        source_name: "bench.csv".to_owned(),
        content_digest,
        size_bytes,
        mapping: MAPPING.to_owned(),
        request_id: Ids::system().uuid(SystemClock.now()),
    };
    let mut rejects = RejectFile::beside(file);
    let transport = server.connect()?;
    let done = import::run(transport, &job, source, &mut rejects, &mut Silent).await;
    Ok(done.context("the import failed")?.import)
}

/// Writes a file of the simulator's customers.
pub(super) fn write_csv(file: &Path, rows: u32) -> Result<()> {
    let start = Timestamp::from_date(2024, 1, 1).context("a day that exists")?;
    let operator = Operator::new(OperatorConfig {
        seed: 1,
        customers: rows,
        start,
        months: 1,
    })?;
    let mut csv = BufWriter::new(File::create(file)?);
    csv.write_all(b"id,kind,region,plan,contract,price,portable,joined,msisdn\n")?;
    for customer in operator.customers() {
        let (year, month, day) = customer.joined_at.date();
        let price = customer.monthly_price_minor();
        writeln!(
            csv,
            "{},{},{},{},{},{}.{:02},{},{year}-{month:02}-{day:02},{}",
            customer.key(),
            customer.kind.as_str(),
            customer.region,
            customer.plan.key,
            customer.contract.as_str(),
            price / 100,
            price % 100,
            customer.is_portable,
            customer.msisdn(),
        )?;
    }
    csv.flush()?;
    Ok(())
}
