//! `tenure bench crash`: the trial on SQLite and, when a server is named, on PostgreSQL.

use anyhow::{Context as _, Result};
use tenure_sql::scratch::ScratchDatabase;

use super::{Blow, Outcome, Trial};
use crate::bench::server::Backend;
use crate::cli::CrashArgs;
use crate::service::ServiceName;
use crate::show::{self, grouped};

/// How many callers send at once.
const CALLERS: usize = 16;

/// Runs the trial and prints what came of it.
///
/// # Errors
/// When something acknowledged is missing or there twice, or an invariant does not hold.
pub async fn crash(postgres: Option<&str>, args: &CrashArgs) -> Result<()> {
    let mut backends = vec![Backend::Sqlite];
    if let Some(server) = postgres {
        backends = vec![Backend::Postgres(server)];
        if args.both {
            backends.insert(0, Backend::Sqlite);
        }
    }
    let mut rows = Vec::new();
    for backend in backends {
        let blows = blows(args, backend);
        let outcome = Box::pin(on(backend, args, blows.clone())).await;
        let outcome = outcome.with_context(|| format!("on {}", backend.name()))?;
        rows.push(row(backend, &blows, &outcome));
    }
    show::heading(
        "Nothing acknowledged is missing, nothing happened twice, every invariant holds:",
    );
    let headings = [
        "Database",
        "Blows",
        "Writes answered#",
        "Repeated#",
        "Operations done#",
        "Refused#",
        "Entries#",
        "Orders#",
        "Settlements#",
        "Records verified#",
        "Errors that callers met",
    ];
    show::table(&headings, &rows);
    Ok(())
}

async fn on(backend: Backend<'_>, args: &CrashArgs, blows: Vec<Blow>) -> Result<Outcome> {
    let folder = tempfile::tempdir().context("cannot create a temporary folder")?;
    let (mut settings, mut databases) = (Vec::new(), Vec::new());
    if let Backend::Postgres(server) = backend {
        for service in ServiceName::ALL {
            let database = ScratchDatabase::create(server).await?;
            let key = service.as_str().replace('-', "_").to_uppercase();
            settings.push((format!("TENURE_DATABASES__{key}"), database.url()));
            databases.push(database);
        }
    }
    let trial = Trial {
        program: std::env::current_exe()?,
        settings,
        data: folder.path().to_owned(),
        accounts: args.accounts,
        callers: CALLERS,
        seed: args.seed,
        blows,
        restart_postgres: args.restart_postgres.clone(),
    };
    let all = trial.blows.len();
    let ran = trial
        .run(|number, blow, outcome| {
            show::note(&format!(
                "{}: {number} of {all}: {}; {} writes answered, {} repeated, ledger verified",
                backend.name(),
                words(blow),
                outcome.answers,
                outcome.repeated,
            ));
        })
        .await;
    for database in databases {
        database.drop().await?;
    }
    if ran.is_err() {
        // What went wrong can be looked at, on SQLite.
        show::note(&format!("the databases are in {}", folder.keep().display()));
    }
    ran
}

/// Spreads cuts, full disks and restarts among the kills.
fn blows(args: &CrashArgs, backend: Backend<'_>) -> Vec<Blow> {
    let mut blows = Vec::new();
    for number in 1..=args.kills {
        blows.push(Blow::Kill);
        if number % 5 == 0 {
            blows.push(Blow::Cut);
        }
        if number % 20 == 10 && matches!(backend, Backend::Sqlite) {
            blows.push(Blow::FullDisk);
        }
        let may_restart =
            matches!(backend, Backend::Postgres(_)) && args.restart_postgres.is_some();
        if number % 5 == 3 && may_restart {
            blows.push(Blow::Postgres);
        }
    }
    blows
}

fn words(blow: Blow) -> &'static str {
    match blow {
        Blow::Kill => "killed",
        Blow::Cut => "cut off before the answers",
        Blow::FullDisk => "out of room, then killed",
        Blow::Postgres => "PostgreSQL restarted",
    }
}

fn row(backend: Backend<'_>, blows: &[Blow], outcome: &Outcome) -> Vec<String> {
    let kinds = [Blow::Kill, Blow::Cut, Blow::FullDisk, Blow::Postgres];
    let counted = kinds.iter().filter_map(|kind| {
        let count = blows.iter().filter(|blow| *blow == kind).count();
        (count > 0).then(|| format!("{count} {}", words(*kind)))
    });
    let errors = outcome.errors.iter();
    let errors = errors.map(|(reason, count)| format!("{count} {reason}"));
    let number = |count: usize| grouped(i64::try_from(count).unwrap_or(i64::MAX));
    vec![
        backend.name().to_owned(),
        counted.collect::<Vec<_>>().join("\n"),
        number(outcome.answers),
        number(outcome.repeated),
        number(outcome.done),
        number(outcome.refused),
        number(outcome.entries),
        number(outcome.orders),
        number(outcome.settlements),
        grouped(outcome.verified),
        errors.collect::<Vec<_>>().join("\n"),
    ]
}
