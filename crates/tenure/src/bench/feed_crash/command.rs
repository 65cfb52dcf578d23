//! `tenure bench feed-crash`: the trial on SQLite and, when a server is named, on PostgreSQL.

use anyhow::{Context as _, Result};
use tenure_sql::scratch::ScratchDatabase;

use super::{CONSUMERS, FeedBlow, FeedOutcome, FeedTrial};
use crate::bench::server::Backend;
use crate::cli::FeedCrashArgs;
use crate::service::ServiceName;
use crate::show::{self, grouped};

/// Runs the trial and prints what came of it.
///
/// # Errors
/// When a change is missing, doubled or out of order anywhere.
pub async fn feed_crash(postgres: Option<&str>, args: &FeedCrashArgs) -> Result<()> {
    let backend = postgres.map_or(Backend::Sqlite, Backend::Postgres);
    let blows = blows(args, backend);
    let outcome = Box::pin(on(backend, args, blows.clone())).await;
    let outcome = outcome.with_context(|| format!("on {}, seed {}", backend.name(), args.seed))?;
    show::heading("Every change had its effect on three consumers exactly once and in order:");
    let count = |kind: FeedBlow| blows.iter().filter(|it| **it == kind).count().to_string();
    let number = |count: u64| grouped(i64::try_from(count).unwrap_or(i64::MAX));
    let row = vec![
        backend.name().to_owned(),
        count(FeedBlow::Server),
        count(FeedBlow::Consumer),
        count(FeedBlow::Cut),
        count(FeedBlow::Postgres),
        number(outcome.changes as u64),
        number(outcome.writes),
        number(outcome.repeated),
    ];
    let headings = [
        "Database",
        "Server killed#",
        "Consumers killed#",
        "Cut off#",
        "PostgreSQL restarted#",
        "Changes#",
        "Acknowledged#",
        "Calls repeated#",
    ];
    show::table(&headings, &[row]);
    Ok(())
}

async fn on(
    backend: Backend<'_>,
    args: &FeedCrashArgs,
    blows: Vec<FeedBlow>,
) -> Result<FeedOutcome> {
    let folder = tempfile::tempdir().context("cannot create a temporary folder")?;
    let (mut settings, mut databases, mut consumers) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..CONSUMERS {
        let file = folder.path().join(format!("consumer-{number}.db"));
        consumers.push(format!("sqlite://{}", file.display()));
    }
    if let Backend::Postgres(server) = backend {
        for service in ServiceName::ALL {
            let database = ScratchDatabase::create(server).await?;
            let key = service.as_str().replace('-', "_").to_uppercase();
            settings.push((format!("TENURE_DATABASES__{key}"), database.url()));
            databases.push(database);
        }
        for consumer in &mut consumers {
            let database = ScratchDatabase::create(server).await?;
            *consumer = database.url();
            databases.push(database);
        }
    }
    let trial = FeedTrial {
        program: std::env::current_exe()?,
        settings,
        data: folder.path().to_owned(),
        consumers,
        seed: args.seed,
        blows,
        restart_postgres: args.restart_postgres.clone(),
    };
    let all = trial.blows.len();
    let observe = |number: usize, blow: FeedBlow| {
        if number.is_multiple_of(10) || number == all {
            let name = backend.name();
            show::note(&format!(
                "{name}: {number} of {all} blows, the last {blow:?}"
            ));
        }
    };
    let ran = trial.run(observe).await;
    for database in databases {
        database.drop().await?;
    }
    if ran.is_err() {
        show::note(&format!("the databases are in {}", folder.keep().display()));
    }
    ran
}

/// Spreads what else breaks among the kills of the server: two kills of consumers for each.
fn blows(args: &FeedCrashArgs, backend: Backend<'_>) -> Vec<FeedBlow> {
    let may_restart = matches!(backend, Backend::Postgres(_)) && args.restart_postgres.is_some();
    let mut blows = Vec::new();
    for number in 1..=args.kills {
        blows.extend([FeedBlow::Consumer, FeedBlow::Server, FeedBlow::Consumer]);
        if number % 3 == 0 {
            blows.push(FeedBlow::Cut);
        }
        if number % 3 == 1 && may_restart {
            blows.push(FeedBlow::Postgres);
        }
    }
    blows
}
