//! The yardstick on PostgreSQL: the rows that an import made, copied into equal tables by `psql`.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tenure_sql::scratch::ScratchDatabase;
use tenure_sql::{Db, DbOptions};

use super::Used;

/// The tables into which an import of customers with subscriptions writes rows.
const TABLES: [&str; 6] = [
    "customer_key",
    "customer",
    "owner",
    "subscription",
    "msisdn",
    "change",
];

/// Measures `COPY FROM STDIN` of all rows that the database `filled` has into a fresh one.
pub(super) async fn measure(server: &str, filled: &str) -> Result<(Duration, Used)> {
    let folder = tempfile::tempdir()?;
    for table in TABLES {
        copy(filled, folder.path(), table, "TO")?;
    }
    let fresh = ScratchDatabase::create(server).await?;
    let (migrations, options) = (&tenure_customer_data::MIGRATIONS, DbOptions::default());
    Db::open(&fresh.url(), &options, migrations)
        .await?
        .close()
        .await;
    let (begin, used) = (Instant::now(), Used::now(0));
    for table in TABLES {
        copy(&fresh.url(), folder.path(), table, "FROM")?;
    }
    let done = (begin.elapsed(), Used::now(0).since(used));
    fresh.drop().await?;
    Ok(done)
}

fn copy(url: &str, folder: &Path, table: &str, direction: &str) -> Result<()> {
    // What the driver says of itself behind the question mark, libpq does not know.
    let url = url.split('?').next().unwrap_or(url);
    let file = folder.join(table);
    let statement = format!("\\copy {table} {direction} '{}'", file.display());
    let said = Command::new("psql")
        .args([url, "--no-psqlrc", "--quiet", "--command", &statement])
        .output()
        .context("psql is not installed")?;
    if !said.status.success() {
        bail!("psql: {}", String::from_utf8_lossy(&said.stderr));
    }
    Ok(())
}
