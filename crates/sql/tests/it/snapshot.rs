//! A transaction that only reads sees one instant, and hinders nobody.

use tenure_sql::{Db, DbOptions, SqlError, Tx, with_pool, with_tx};
use tenure_testkit::{each_backend, fresh_sqlite};

use crate::support::{EFFECTS, add_effect};

async fn count(tx: &mut Tx) -> Result<i64, SqlError> {
    Ok(with_tx!(tx, |conn| {
        sqlx::query_scalar("SELECT COUNT(*) FROM effect")
            .fetch_one(conn)
            .await?
    }))
}

async fn add(db: &Db, what: &str) {
    let mut tx = db.begin().await.unwrap();
    add_effect(&mut tx, 0, what).await;
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_snapshot_sees_what_was_there_at_its_first_read_while_others_write() {
    each_backend(&EFFECTS, async |db| {
        add(&db, "before").await;
        let mut snapshot = db.begin_snapshot().await.unwrap();
        assert_eq!(count(&mut snapshot).await, Ok(1));

        add(&db, "meanwhile").await;

        assert_eq!(count(&mut snapshot).await, Ok(1));
        drop(snapshot);
        let mut later = db.begin_snapshot().await.unwrap();
        assert_eq!(count(&mut later).await, Ok(2));
    })
    .await;
}

#[tokio::test]
async fn a_snapshot_refuses_to_write() {
    each_backend(&EFFECTS, async |db| {
        let mut snapshot = db.begin_snapshot().await.unwrap();

        let written = async {
            with_tx!(snapshot, |conn| {
                sqlx::query("DELETE FROM effect").execute(conn).await?;
            });
            Ok::<(), SqlError>(())
        };

        assert!(written.await.is_err());
    })
    .await;
}

#[tokio::test]
async fn calls_do_not_wait_for_snapshots_on_sqlite() {
    let options = DbOptions {
        connections_max: 2,
        ..DbOptions::default()
    };
    fresh_sqlite(&EFFECTS, &options, async |db| {
        add(&db, "before").await;
        // As many as the connections that calls may have, each in the middle of its reading.
        let mut snapshots = Vec::new();
        for _ in 0..options.connections_max {
            let mut snapshot = db.begin_snapshot().await.unwrap();
            assert_eq!(count(&mut snapshot).await, Ok(1));
            snapshots.push(snapshot);
        }

        let read = async || -> Result<i64, SqlError> {
            Ok(with_pool!(db, |pool| {
                sqlx::query_scalar("SELECT COUNT(*) FROM effect")
                    .fetch_one(pool)
                    .await?
            }))
        };

        assert_eq!(read().await, Ok(1));
        drop(snapshots);
    })
    .await;
}
