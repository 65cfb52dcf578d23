//! Migrations: once each, in order, by whoever comes first, and never backwards.

use std::path::Path;

use futures_util::future::join_all;
use tenure_core::Lanes;
use tenure_sql::db::Pools;
use tenure_sql::{
    Db, DbOptions, MigrateError, Migration, Migrations, migrate, migrations, pending, with_pool,
};
use tenure_testkit::{each_backend, each_backend_with};

const fn same(steps: &'static [Migration]) -> Migrations {
    Migrations {
        sqlite: steps,
        postgres: steps,
    }
}

const fn step(version: i64, sql: &'static str) -> Migration {
    Migration {
        version,
        name: "0000_step",
        sql,
    }
}

const NEWER: Migrations = same(&[
    step(101, "CREATE TABLE a (id TEXT NOT NULL PRIMARY KEY)"),
    step(102, "CREATE TABLE b (id TEXT NOT NULL PRIMARY KEY)"),
]);
const OLDER: Migrations = same(&[step(101, "CREATE TABLE a (id TEXT NOT NULL PRIMARY KEY)")]);
const EDITED: Migrations = same(&[step(101, "CREATE TABLE a (id TEXT)")]);
const BROKEN: Migrations = same(&[
    step(101, "CREATE TABLE a (id TEXT NOT NULL PRIMARY KEY)"),
    step(
        102,
        "CREATE TABLE b (id TEXT NOT NULL PRIMARY KEY); INSERT INTO nowhere VALUES (1)",
    ),
]);
const TWICE: Migrations = same(&[step(101, "SELECT 1"), step(101, "SELECT 2")]);
const OURS: Migrations = same(&[step(1, "SELECT 1")]);

#[tokio::test]
async fn a_database_is_brought_up_step_by_step_and_only_once() {
    each_backend(&OLDER, async |db| {
        let missing = pending(&db, &NEWER).await.unwrap();
        assert_eq!(
            missing.iter().map(|step| step.version).collect::<Vec<_>>(),
            [102]
        );

        assert_eq!(migrate(&db, &NEWER).await.unwrap().len(), 1);
        assert_eq!(migrate(&db, &NEWER).await.unwrap(), [""; 0]);
        assert!(pending(&db, &NEWER).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_database_newer_than_the_program_is_refused() {
    each_backend(&NEWER, async |db| {
        for refused in [
            migrate(&db, &OLDER).await.err(),
            pending(&db, &OLDER).await.err(),
        ] {
            assert!(
                matches!(refused, Some(MigrateError::Newer { version: 102 })),
                "{refused:?}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn an_edited_step_is_refused() {
    each_backend(&OLDER, async |db| {
        let refused = migrate(&db, &EDITED).await.unwrap_err();
        assert!(
            matches!(refused, MigrateError::Changed { version: 101 }),
            "{refused}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_step_that_fails_leaves_nothing_of_itself() {
    each_backend(&Migrations::NONE, async |db| {
        let refused = migrate(&db, &BROKEN).await.unwrap_err();
        assert!(
            matches!(refused, MigrateError::Failed { version: 102, .. }),
            "{refused}"
        );

        migrate(&db, &NEWER).await.unwrap();
        let count = async {
            let sql = "SELECT COUNT(*) FROM b";
            let count: i64 = with_pool!(db, |pool| sqlx::query_scalar(sql).fetch_one(pool).await?);
            Ok::<_, sqlx::Error>(count)
        };
        assert_eq!(count.await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn steps_out_of_order_are_a_mistake() {
    each_backend(&Migrations::NONE, async |db| {
        for mistake in [TWICE, OURS] {
            let refused = migrate(&db, &mistake).await.unwrap_err();
            assert!(
                matches!(refused, MigrateError::Disordered { .. }),
                "{refused}"
            );
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn replicas_that_migrate_at_once_agree_on_everything() {
    each_backend(&Migrations::NONE, async |db| {
        let replicas = join_all((0..6).map(async |n: u32| {
            // Each wants another number of lanes; the database keeps its own.
            let options = DbOptions {
                lanes: Lanes::new(n + 1).unwrap(),
                ..DbOptions::default()
            };
            let replica = Db::open(&url(&db), &options, &NEWER).await.unwrap();
            let identity = (replica.id(), replica.lanes());
            replica.close().await;
            identity
        }))
        .await;

        assert!(
            replicas
                .iter()
                .all(|identity| *identity == (db.id(), db.lanes()))
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn replicas_that_create_a_database_at_once_agree_on_its_lanes() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!(
        "sqlite://{}",
        folder.path().join("new/folder/test.db").display()
    );
    let opened = join_all((0..4).map(async |n: u32| {
        let options = DbOptions {
            lanes: Lanes::new(n + 1).unwrap(),
            ..DbOptions::default()
        };
        Db::open(&url, &options, &NEWER).await.unwrap()
    }))
    .await;

    assert!(
        opened
            .iter()
            .all(|db| (db.id(), db.lanes()) == (opened[0].id(), opened[0].lanes()))
    );
    let (_, position) = {
        let start = tenure_sql::feed::Positions::start();
        tenure_sql::feed::read(&opened[0], &start, &[], 1)
            .await
            .unwrap()
    };
    assert_eq!(position, tenure_sql::feed::heads(&opened[0]).await.unwrap());
}

#[tokio::test]
async fn a_new_database_gets_the_lanes_it_is_asked_for_and_keeps_them() {
    let options = DbOptions {
        lanes: Lanes::new(256).unwrap(),
        ..DbOptions::default()
    };
    each_backend_with(&Migrations::NONE, &options, async |db| {
        assert_eq!(db.lanes().count(), 256);

        let again = Db::connect(&url(&db), &DbOptions::default()).await.unwrap();

        assert_eq!((again.lanes().count(), again.id()), (256, db.id()));
        again.close().await;
    })
    .await;
}

/// Returns where a database for tests is.
pub(crate) fn url(db: &Db) -> String {
    use sqlx::ConnectOptions;
    match db.pools() {
        Pools::Sqlite { write, .. } => {
            format!(
                "sqlite://{}",
                write.connect_options().get_filename().display()
            )
        }
        Pools::Postgres(pool) => pool.connect_options().to_url_lossy().to_string(),
    }
}

#[test]
fn the_migrations_of_both_databases_are_paired() {
    let names = |dialect: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("migrations")
            .join(dialect);
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names("sqlite"), names("postgres"));
}

#[test]
fn a_list_of_migrations_is_made_from_the_names_of_files() {
    const LIST: Migrations = migrations!("0001_foundation");

    assert_eq!(
        (LIST.sqlite[0].version, LIST.sqlite[0].name),
        (1, "0001_foundation")
    );
    assert!(LIST.sqlite[0].sql.contains("STRICT"));
    assert!(LIST.postgres[0].sql.contains("COLLATE"));
    assert_eq!(tenure_sql::migrate::version("0912_x"), 912);
}
