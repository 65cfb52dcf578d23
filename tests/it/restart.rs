//! Killed, cut off and starved in the middle of its load: nothing acknowledged is missing, nothing is
//! doubled, consumers go on where they were, and the ledger verifies.

use std::path::Path;

use tenure::bench::crash::{Blow, Outcome, Trial};
use tenure_sql::scratch::ScratchDatabase;

/// How often the server is killed.
const KILLS: usize = 10;

fn trial(data: &Path, blows: Vec<Blow>) -> Trial {
    Trial {
        program: env!("CARGO_BIN_EXE_tenure-tests").into(),
        settings: Vec::new(),
        data: data.to_owned(),
        accounts: 40,
        callers: 16,
        seed: 20_261_122,
        blows,
        restart_postgres: None,
    }
}

async fn run(trial: &Trial) -> Outcome {
    let ran = trial.run(|number, blow, outcome| eprintln!("{number}: {blow:?}, {outcome:?}"));
    match ran.await {
        Ok(outcome) => outcome,
        Err(error) => panic!("{error:#}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_ten_times_under_load_it_loses_and_doubles_nothing() {
    let data = tempfile::tempdir().expect("a folder");

    let outcome = run(&trial(data.path(), vec![Blow::Kill; KILLS])).await;

    assert!(
        outcome.entries > 500 && outcome.repeated > 0 && outcome.orders > 50,
        "the load was a load: {outcome:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_off_before_its_answers_and_out_of_room_it_loses_and_doubles_nothing() {
    let data = tempfile::tempdir().expect("a folder");
    let blows = vec![Blow::Cut, Blow::FullDisk, Blow::Cut, Blow::Cut];

    let outcome = run(&trial(data.path(), blows)).await;

    let mut errors = outcome.errors.iter();
    let was_full = errors.any(|(reason, _)| reason == "DATABASE_UNAVAILABLE");
    assert!(was_full, "{outcome:?}");
    assert!(outcome.repeated > 0, "answers were lost: {outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_on_postgresql_it_loses_and_doubles_nothing() {
    let data = tempfile::tempdir().expect("a folder");
    let server = tenure_testkit::postgres_server();
    let mut databases = Vec::new();
    let mut trial = trial(data.path(), vec![Blow::Kill, Blow::Cut, Blow::Kill]);
    for service in [
        "CUSTOMER_DATA",
        "LIFECYCLE_SCORING",
        "CAMPAIGN",
        "LOYALTY_POINTS",
    ] {
        let database = ScratchDatabase::create(&server).await.unwrap();
        let key = format!("TENURE_DATABASES__{service}");
        trial.settings.push((key, database.url()));
        databases.push(database);
    }

    let outcome = run(&trial).await;

    for database in databases {
        database.drop().await.unwrap();
    }
    assert!(
        outcome.entries > 100 && outcome.orders > 10,
        "the load was a load: {outcome:?}"
    );
}
