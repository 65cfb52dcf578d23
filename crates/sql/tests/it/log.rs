//! What SQLite's log holds, which the writing connection writes through a file system of its own.

use std::path::{Path, PathBuf};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions};
use sqlx::{Arguments as _, ConnectOptions, Connection, SqliteConnection};
use tempfile::TempDir;
use tenure_sql::tx::TxConnection;
use tenure_sql::{Db, DbOptions, Migrations, Tx, with_tx};

struct Bench {
    folder: TempDir,
    db: Db,
}

impl Bench {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite://{}", folder.path().join("a.db").display());
        let options = DbOptions::default();
        let db = Db::open(&url, &options, &Migrations::NONE).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        run(
            &mut tx,
            "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT",
        )
        .await;
        tx.commit().await.unwrap();
        Self { folder, db }
    }

    /// Opens the database as it would be found after a kill: a copy of its files as they are now,
    /// through SQLite's own file system.
    async fn killed(&self) -> SqliteConnection {
        let copy = self.folder.path().join("copy.db");
        for end in ["", "-wal"] {
            let from = with_end(&self.folder.path().join("a.db"), end);
            std::fs::copy(from, with_end(&copy, end)).unwrap();
        }
        let _ = std::fs::remove_file(with_end(&copy, "-shm"));
        SqliteConnectOptions::new()
            .filename(copy)
            .connect()
            .await
            .unwrap()
    }
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(end);
    path.into()
}

async fn run(tx: &mut Tx, statement: &'static str) {
    with_tx!(tx, |conn| {
        sqlx::query(statement).execute(conn).await.unwrap();
    });
}

async fn put(tx: &mut Tx, id: i64, text: &str) {
    with_tx!(tx, |conn| {
        let put = sqlx::query("INSERT OR REPLACE INTO note (id, text) VALUES ($1, $2)");
        put.bind(id).bind(text).execute(conn).await.unwrap();
    });
}

async fn integrity(conn: &mut SqliteConnection) -> String {
    let check = sqlx::query_scalar("PRAGMA integrity_check");
    check.fetch_one(conn).await.unwrap()
}

async fn notes(conn: &mut SqliteConnection) -> Vec<(i64, String)> {
    let notes = sqlx::query_as("SELECT id, text FROM note ORDER BY id");
    notes.fetch_all(conn).await.unwrap()
}

#[tokio::test]
async fn a_transaction_larger_than_the_cache_reads_back_what_it_wrote_and_reaches_the_file() {
    let bench = Bench::new().await;
    // 60 MB beside a cache of 32 MiB: pages go to the log, and come back, before the commit.
    const FILL: &str = "
        WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 15000)
        INSERT INTO note SELECT n, n || hex(zeroblob(2000)) FROM n";
    // All of every text is read for its length.
    const READ: &str = "SELECT SUM(id * (length(text) > 4000)) FROM note";
    let mut tx = bench.db.begin().await.unwrap();
    run(&mut tx, FILL).await;
    let inside: i64 = match tx.connection() {
        TxConnection::Sqlite(conn) => sqlx::query_scalar(READ).fetch_one(conn).await.unwrap(),
        TxConnection::Postgres(_) => unreachable!("it is SQLite's"),
    };
    tx.commit().await.unwrap();

    let mut found = bench.killed().await;
    let after: i64 = sqlx::query_scalar(READ)
        .fetch_one(&mut found)
        .await
        .unwrap();

    let wanted = 15_000 * 15_001 / 2;
    assert_eq!((inside, after), (wanted, wanted));
    assert_eq!(integrity(&mut found).await, "ok");
}

#[tokio::test]
async fn after_every_commit_the_files_hold_what_was_committed_and_nothing_else() {
    let bench = Bench::new().await;
    let mut random = SmallRng::seed_from_u64(7);
    let mut model = std::collections::BTreeMap::new();
    for step in 0..120 {
        let mut tx = bench.db.begin().await.unwrap();
        let mut changed = model.clone();
        for _ in 0..random.random_range(1..40) {
            let id = random.random_range(0..300_i64);
            let text = "x".repeat(random.random_range(0..3_000)) + &step.to_string();
            put(&mut tx, id, &text).await;
            changed.insert(id, text);
        }
        if random.random_bool(0.3) {
            tx.rollback().await.unwrap();
        } else {
            tx.commit().await.unwrap();
            model = changed;
        }
        if step % 10 == 0 {
            let mut found = bench.killed().await;
            let held: Vec<(i64, String)> = model.clone().into_iter().collect();
            assert_eq!(notes(&mut found).await, held, "after step {step}");
            assert_eq!(integrity(&mut found).await, "ok");
            found.close().await.unwrap();
        }
    }
}

#[tokio::test]
async fn statements_that_run_in_one_call_are_all_done_or_none() {
    let bench = Bench::new().await;
    let insert = |ids: [i64; 2]| {
        let mut values = SqliteArguments::default();
        for id in ids {
            values.add(id).unwrap();
        }
        let statement = "INSERT INTO note (id, text) VALUES (?, 'a');";
        bench.db.run_on_sqlite(statement.repeat(2), values)
    };

    insert([1, 2]).await.unwrap();
    let refused = insert([3, 2]).await.unwrap_err();
    insert([4, 5]).await.unwrap();

    assert!(refused.is_duplicate());
    let mut found = bench.killed().await;
    let ids: Vec<i64> = notes(&mut found).await.into_iter().map(|it| it.0).collect();
    assert_eq!(ids, [1, 2, 4, 5]);
}
