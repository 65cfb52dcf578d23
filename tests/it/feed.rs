//! Three consumers of a feed, killed together with the server: each change has its effect once.

use std::path::Path;

use tenure::bench::feed_crash::{FeedBlow, FeedOutcome, FeedTrial};
use tenure_sql::scratch::ScratchDatabase;

const BLOWS: [FeedBlow; 8] = [
    FeedBlow::Consumer,
    FeedBlow::Server,
    FeedBlow::Consumer,
    FeedBlow::Cut,
    FeedBlow::Consumer,
    FeedBlow::Server,
    FeedBlow::Consumer,
    FeedBlow::Consumer,
];

fn trial(data: &Path) -> FeedTrial {
    let consumer = |number: usize| {
        let file = data.join(format!("consumer-{number}.db"));
        format!("sqlite://{}", file.display())
    };
    FeedTrial {
        program: env!("CARGO_BIN_EXE_tenure-tests").into(),
        settings: Vec::new(),
        data: data.to_owned(),
        consumers: (0..3).map(consumer).collect(),
        seed: 20_261_122,
        blows: BLOWS.to_vec(),
        restart_postgres: None,
    }
}

async fn run(trial: &FeedTrial) -> FeedOutcome {
    match trial
        .run(|number, blow| eprintln!("{number}: {blow:?}"))
        .await
    {
        Ok(outcome) => outcome,
        Err(error) => panic!("{error:#}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_has_its_effect_once_on_sqlite_whoever_is_killed() {
    let data = tempfile::tempdir().expect("a folder");

    let outcome = run(&trial(data.path())).await;

    assert!(outcome.changes > 200 && outcome.repeated > 0, "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_has_its_effect_once_on_postgresql_whoever_is_killed() {
    let data = tempfile::tempdir().expect("a folder");
    let server = tenure_testkit::postgres_server();
    let mut databases = Vec::new();
    let mut trial = trial(data.path());
    for service in [
        "CUSTOMER_DATA",
        "LIFECYCLE_SCORING",
        "CAMPAIGN",
        "LOYALTY_POINTS",
    ] {
        let database = ScratchDatabase::create(&server).await.unwrap();
        trial
            .settings
            .push((format!("TENURE_DATABASES__{service}"), database.url()));
        databases.push(database);
    }
    for consumer in &mut trial.consumers {
        let database = ScratchDatabase::create(&server).await.unwrap();
        *consumer = database.url();
        databases.push(database);
    }

    let outcome = run(&trial).await;

    for database in databases {
        database.drop().await.unwrap();
    }
    assert!(outcome.changes > 200 && outcome.repeated > 0, "{outcome:?}");
}
