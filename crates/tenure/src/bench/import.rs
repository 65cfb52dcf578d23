//! Rows of a CSV file a second, beside a no-op of the same server.

use std::fmt::Write as _;
use std::io::Cursor;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tenure_core::{Clock as _, Ids, SystemClock, Timestamp};
use tenure_customer_data::import::{self, Job, RejectFile, Silent};
use tenure_simulator::{Operator, OperatorConfig};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::cpu::Used;
use super::load;
use super::server::{Backend, TestServer};
use crate::show;

/// What the columns of the generated file mean.
const MAPPING: &str = include_str!("import.toml");

/// Measures the import of `rows` customers with a subscription each.
///
/// # Errors
/// When a server does not start, or refuses a row.
pub async fn import(postgres: Option<&str>, rows: u32, length: Duration) -> Result<()> {
    let csv = csv(rows)?;
    let mut backends = vec![Backend::Sqlite];
    backends.extend(postgres.map(Backend::Postgres));
    let mut lines = Vec::new();
    for backend in backends {
        lines.push(measure(backend, &csv, length).await?);
    }
    show::heading("Import of customers with subscriptions beside a no-op of the same server");
    let headings = [
        "Database",
        "Rows#",
        "No-op/s#",
        "Rows/s#",
        "Ratio#",
        "CPU us a row (client + server + PostgreSQL)#",
    ];
    show::table(&headings, &lines);
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "rates")]
async fn measure(backend: Backend<'_>, csv: &str, length: Duration) -> Result<Vec<String>> {
    let server = TestServer::start(backend, &[]).await?;
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
    let (content_digest, size_bytes) = import::digest(csv.as_bytes())?;
    let job = Job {
        source_name: "bench.csv".to_owned(),
        content_digest,
        size_bytes,
        mapping: MAPPING.to_owned(),
        request_id: Ids::system().uuid(SystemClock.now()),
    };
    let folder = tempfile::tempdir()?;
    let mut rejects = RejectFile::at(&folder.path().join("rejects.csv"));
    show::note(&format!("{}: importing ...", backend.name()));
    let (begin, used) = (Instant::now(), Used::now(server.id()));
    let transport = server.connect()?;
    let source = Cursor::new(csv.as_bytes());
    let done = import::run(transport, &job, source, &mut rejects, &mut Silent).await;
    let import = done.context("the import failed")?.import;
    let (elapsed, used) = (begin.elapsed(), Used::now(server.id()).since(used));
    anyhow::ensure!(
        import.rejected_row_count == 0,
        "{} rows were refused",
        import.rejected_row_count
    );
    server.stop().await?;
    let rows = import.accepted_row_count as f64;
    let rate = rows / elapsed.as_secs_f64();
    let cpu = [used.client, used.server, used.postgres].map(|micros| micros as f64 / rows);
    Ok(vec![
        backend.name().to_owned(),
        import.accepted_row_count.to_string(),
        format!("{:.0}", no_op.rate),
        format!("{rate:.0}"),
        format!("{:.2}", rate / no_op.rate),
        format!("{:.1} + {:.1} + {:.1}", cpu[0], cpu[1], cpu[2]),
    ])
}

/// Returns a file of the simulator's customers.
fn csv(rows: u32) -> Result<String> {
    let start = Timestamp::from_date(2024, 1, 1).context("a day that exists")?;
    let operator = Operator::new(OperatorConfig {
        seed: 1,
        customers: rows,
        start,
        months: 1,
    })?;
    let mut csv = String::from("id,kind,region,plan,contract,price,portable,joined,msisdn\n");
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
    Ok(csv)
}
