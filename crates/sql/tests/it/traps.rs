//! Where the two databases differ, and what we do about it; each trap was measured before.

use futures_util::future::join_all;
use tenure_sql::db::Pools;
use tenure_sql::tx::TxConnection;
use tenure_sql::{Db, DbOptions, Migration, Migrations, SqlError, Tx, with_pool, with_tx};
use tenure_testkit::{each_backend, fresh_sqlite};

use crate::migrate::url;

const COUNTER: Migrations = Migrations {
    sqlite: &[Migration {
        version: 101,
        name: "0101_counter",
        sql: "CREATE TABLE counter (id INTEGER NOT NULL PRIMARY KEY, n INTEGER NOT NULL) STRICT;
              INSERT INTO counter VALUES (1, 0), (2, 0)",
    }],
    postgres: &[Migration {
        version: 101,
        name: "0101_counter",
        sql: "CREATE TABLE counter (id BIGINT NOT NULL PRIMARY KEY, n BIGINT NOT NULL);
              INSERT INTO counter VALUES (1, 0), (2, 0)",
    }],
};
const READ: &str = "SELECT n FROM counter WHERE id = 1";
const WRITE: &str = "UPDATE counter SET n = $1 WHERE id = 1";

async fn scalar(db: &Db, sql: &'static str) -> Result<i64, SqlError> {
    Ok(with_pool!(db, |pool| sqlx::query_scalar(sql)
        .fetch_one(pool)
        .await?))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn reading_then_writing_in_one_transaction_never_fails_and_loses_nothing() {
    each_backend(&COUNTER, async |db| {
        let lock = db.pick(READ, "SELECT n FROM counter WHERE id = 1 FOR UPDATE");
        // Another process, as far as the database can tell.
        let other = Db::connect(&url(&db), &DbOptions::default()).await.unwrap();
        let increment = async |db: &Db| -> Result<(), SqlError> {
            let mut tx = db.begin().await?;
            with_tx!(tx, |conn| {
                let n: i64 = sqlx::query_scalar(lock).fetch_one(&mut *conn).await?;
                sqlx::query(WRITE).bind(n + 1).execute(conn).await?;
            });
            tx.commit().await
        };
        let incrementers = (0..8).map(async |n| {
            let db = if n % 2 == 0 { &db } else { &other };
            for _ in 0..50 {
                increment(db).await.unwrap();
            }
        });
        join_all(incrementers).await;
        other.close().await;

        assert_eq!(scalar(&db, READ).await.unwrap(), 400);
    })
    .await;
}

/// Why [`Db::begin`] says IMMEDIATE: two transactions under a plain BEGIN both read, one writes, and
/// the other can never write any more, however long it waits.
#[tokio::test]
async fn a_plain_begin_that_read_before_another_wrote_cannot_write_on_sqlite() {
    fresh_sqlite(&COUNTER, &DbOptions::default(), async |db| {
        let Pools::Sqlite { write, .. } = db.pools() else {
            unreachable!()
        };
        let options = (*write.connect_options()).clone();
        let plain = sqlx::SqlitePool::connect_with(options).await.unwrap();
        let mut first = plain.begin().await.unwrap();
        let mut second = plain.begin().await.unwrap();
        for tx in [&mut first, &mut second] {
            let _: i64 = sqlx::query_scalar(READ).fetch_one(&mut **tx).await.unwrap();
        }
        sqlx::query(WRITE)
            .bind(1)
            .execute(&mut *first)
            .await
            .unwrap();
        first.commit().await.unwrap();

        let refused = sqlx::query(WRITE)
            .bind(1)
            .execute(&mut *second)
            .await
            .unwrap_err();

        assert!(SqlError::from(refused).is_unavailable());
    })
    .await;
}

#[tokio::test]
async fn a_transaction_that_is_dropped_leaves_nothing() {
    each_backend(&COUNTER, async |db| {
        let mut tx = db.begin().await.unwrap();
        let write = async {
            with_tx!(tx, |conn| {
                sqlx::query(WRITE).bind(7).execute(conn).await?;
            });
            Ok::<_, SqlError>(())
        };
        write.await.unwrap();
        drop(tx);

        // The next transaction waits until the rollback is done.
        db.begin().await.unwrap().commit().await.unwrap();
        assert_eq!(scalar(&db, READ).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_sum_needs_a_cast_to_be_the_same_on_both() {
    each_backend(&COUNTER, async |db| {
        let cast = scalar(&db, "SELECT CAST(SUM(n) AS BIGINT) FROM counter").await;
        let plain = scalar(&db, "SELECT SUM(n) FROM counter").await;

        assert_eq!(cast, Ok(0));
        assert_eq!(plain.is_ok(), !db.is_postgres(), "{plain:?}");
    })
    .await;
}

#[tokio::test]
async fn sqlite_is_durable_and_strict_and_reads_on_connections_that_cannot_write() {
    fresh_sqlite(&COUNTER, &DbOptions::default(), async |db| {
        let Pools::Sqlite {
            read,
            snapshots,
            write,
        } = db.pools()
        else {
            unreachable!()
        };
        for pool in [read, snapshots, write] {
            let pragma = async |sql: &'static str| -> i64 {
                sqlx::query_scalar(sql).fetch_one(pool).await.unwrap()
            };
            assert_eq!(pragma("PRAGMA synchronous").await, 2, "FULL");
            assert_eq!(pragma("PRAGMA foreign_keys").await, 1);
            assert_eq!(pragma("PRAGMA busy_timeout").await, 5_000);
            let journal: String = sqlx::query_scalar("PRAGMA journal_mode")
                .fetch_one(pool)
                .await
                .unwrap();
            assert_eq!(journal, "wal");
        }
        assert_eq!(write.options().get_max_connections(), 1);
        for reading in [read, snapshots] {
            assert!(sqlx::query(WRITE).bind(1).execute(reading).await.is_err());
        }
        let text = "INSERT INTO counter VALUES (3, 'three')";
        assert!(sqlx::query(text).execute(write).await.is_err());
        let unknown = "CREATE TABLE wide (n BIGINT) STRICT";
        assert!(sqlx::query(unknown).execute(write).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn the_foundation_keeps_the_rules_of_every_schema() {
    tenure_testkit::assert_schema_rules(&Migrations::NONE).await;
}

#[tokio::test]
async fn people_can_read_the_instants_of_postgres() {
    tenure_testkit::fresh_postgres(&Migrations::NONE, &DbOptions::default(), async |db| {
        let mut tx = db.begin().await.unwrap();
        let change = tenure_sql::feed::NewChange {
            happened_at: tenure_core::Timestamp::parse("2025-01-31T12:00:00Z").unwrap(),
            ..crate::support::change(0, "C1")
        };
        tenure_sql::feed::append(&mut tx, vec![change], crate::support::at(1))
            .await
            .unwrap();
        tx.commit().await.unwrap();

        let Pools::Postgres(pool) = db.pools() else {
            unreachable!()
        };
        let sql = "SELECT CAST(happened_at AT TIME ZONE 'UTC' AS TEXT) FROM change_readable";
        let shown: String = sqlx::query_scalar(sql).fetch_one(pool).await.unwrap();
        assert_eq!(shown, "2025-01-31 12:00:00");
    })
    .await;
}

#[tokio::test]
async fn a_reading_transaction_sees_one_instant_and_keeps_no_writer_waiting() {
    each_backend(&COUNTER, async |db| {
        let mut reading = db.begin_snapshot().await.unwrap();
        let read = async |tx: &mut Tx| -> i64 {
            let read = async {
                Ok::<i64, SqlError>(with_tx!(tx, |conn| {
                    sqlx::query_scalar(READ).fetch_one(conn).await?
                }))
            };
            read.await.unwrap()
        };
        let first = read(&mut reading).await;

        let mut writing = db.begin().await.unwrap();
        with_tx!(writing, |conn| {
            let write = sqlx::query(WRITE).bind(7_i64).execute(conn).await;
            write.unwrap();
        });
        writing.commit().await.unwrap();

        assert_eq!((first, read(&mut reading).await), (0, 0));
        let refused = with_tx!(reading, |conn| {
            let write = sqlx::query(WRITE).bind(8_i64).execute(conn).await;
            write.is_err()
        });
        assert!(refused, "it only reads");
        drop(reading);
        assert_eq!(scalar(&db, READ).await.unwrap(), 7);
    })
    .await;
}

/// A table that was not analysed would be read whole for some dozens of its rows.
#[tokio::test]
async fn statements_by_key_are_planned_once_and_by_index_on_postgres() {
    each_backend(&Migrations::NONE, async |db| {
        if !db.is_postgres() {
            return;
        }
        let setting =
            "SELECT CURRENT_SETTING('plan_cache_mode') || CURRENT_SETTING('enable_seqscan')";
        let mut alone = db.acquire_by_key().await.unwrap();
        let alone: String = sqlx::query_scalar(setting)
            .fetch_one(&mut *alone)
            .await
            .unwrap();
        let mut tx = db.begin_by_key().await.unwrap();
        let TxConnection::Postgres(conn) = tx.connection() else {
            unreachable!("it is PostgreSQL");
        };
        let within: String = sqlx::query_scalar(setting).fetch_one(conn).await.unwrap();
        let others: String = with_pool!(db, |pool| {
            sqlx::query_scalar(setting).fetch_one(pool).await.unwrap()
        });

        assert_eq!(alone, "force_generic_planoff");
        assert_eq!(within, "force_generic_planoff");
        assert_eq!(others, "autoon");
    })
    .await;
}
