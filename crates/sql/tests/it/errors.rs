//! Errors: the same kinds from both databases, and nobody's data in them.

use tenure_core::{Coded, ErrorCode};
use tenure_sql::{
    Db, DbOptions, Migration, Migrations, SqlError, SqlErrorKind, Tx, with_pool, with_tx,
};
use tenure_testkit::{each_backend, each_backend_with, fresh_postgres, fresh_sqlite};

const TABLES: Migrations = Migrations {
    sqlite: &[Migration {
        version: 101,
        name: "0101_tables",
        sql: "CREATE TABLE parent (id TEXT NOT NULL PRIMARY KEY) STRICT;
              CREATE TABLE child (id TEXT REFERENCES parent (id),
                                  size INTEGER NOT NULL CHECK (size > 0)) STRICT",
    }],
    postgres: &[Migration {
        version: 101,
        name: "0101_tables",
        sql: "CREATE TABLE parent (id TEXT COLLATE \"C\" NOT NULL PRIMARY KEY);
              CREATE TABLE child (id TEXT COLLATE \"C\" REFERENCES parent (id),
                                  size BIGINT NOT NULL CHECK (size > 0))",
    }],
};

async fn run(db: &Db, sql: &'static str, id: &str) -> Result<(), SqlError> {
    let mut tx = db.begin().await?;
    with_tx!(tx, |conn| {
        sqlx::query(sql).bind(id).execute(conn).await?;
    });
    tx.commit().await
}

#[tokio::test]
async fn violations_have_the_same_kind_on_both_and_quote_no_row() {
    const PARENT: &str = "INSERT INTO parent (id) VALUES ($1)";
    each_backend(&TABLES, async |db| {
        run(&db, PARENT, "secret-1").await.unwrap();

        for (sql, id, kind) in [
            (PARENT, "secret-1", SqlErrorKind::Duplicate),
            (
                "INSERT INTO child (id, size) VALUES ($1, 1)",
                "secret-2",
                SqlErrorKind::Missing,
            ),
            (
                "INSERT INTO child (id, size) VALUES ($1, 0)",
                "secret-1",
                SqlErrorKind::Check,
            ),
            (
                "INSERT INTO child (id, size) VALUES ($1, NULL)",
                "secret-1",
                SqlErrorKind::Check,
            ),
            (
                "INSERT INTO nowhere (id) VALUES ($1)",
                "secret-1",
                SqlErrorKind::Other,
            ),
        ] {
            let error = run(&db, sql, id).await.unwrap_err();

            assert_eq!(error.kind(), kind, "{error}");
            assert_eq!(
                (error.code(), error.reason()),
                (ErrorCode::Internal, "INTERNAL_ERROR")
            );
            assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_value_of_the_wrong_form_is_not_quoted() {
    fresh_postgres(&TABLES, &DbOptions::default(), async |db| {
        let cast = "SELECT CAST(CAST($1 AS TEXT) AS BIGINT)";
        let error = run(&db, cast, "secret").await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_column_read_as_another_type_is_not_quoted() {
    each_backend(&TABLES, async |db| {
        let read: Result<i64, SqlError> = async {
            let sql = "SELECT CAST('secret' AS TEXT) AS id";
            Ok(with_pool!(db, |pool| sqlx::query_scalar(sql)
                .fetch_one(pool)
                .await?))
        }
        .await;
        let error = read.unwrap_err();
        assert_eq!(error.kind(), SqlErrorKind::Corrupt);
        assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_full_pool_is_unavailable_and_says_so() {
    let options = DbOptions {
        connections_max: 1,
        acquire_timeout: std::time::Duration::from_millis(50),
        ..DbOptions::default()
    };
    each_backend_with(&Migrations::NONE, &options, async |db| {
        let held = db.begin().await.unwrap();
        let error = db.begin().await.unwrap_err();
        drop(held);

        assert_eq!(error.kind(), SqlErrorKind::Busy);
        assert_eq!(error.code(), ErrorCode::Unavailable);
        assert_eq!(error.reason(), "DATABASE_UNAVAILABLE");
        db.begin().await.unwrap();
    })
    .await;
}

/// As SQLite does on a full disk: the driver, whose own ROLLBACK then fails, counts the transaction
/// as open for ever. Callers that wait for the same connection meet it one after the other.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_sqlite_ended_by_itself_stands_in_nobodys_way() {
    fresh_sqlite(&Migrations::NONE, &DbOptions::default(), async |db| {
        let mut callers = tokio::task::JoinSet::new();
        for _ in 0..64 {
            let db = db.clone();
            callers.spawn(async move {
                let mut tx = db.begin().await?;
                with_tx!(tx, |conn| {
                    sqlx::query("ROLLBACK").execute(conn).await?;
                });
                Ok::<(), SqlError>(())
            });
        }
        for ended in callers.join_all().await {
            ended.unwrap();
        }
    })
    .await;
}

/// Two transactions that wait for each other: PostgreSQL ends one, and the caller may try again.
#[tokio::test]
async fn a_deadlock_is_unavailable() {
    fresh_postgres(&Migrations::NONE, &DbOptions::default(), async |db| {
        let lock = async |tx: &mut Tx, lane: i32| -> Result<(), SqlError> {
            with_tx!(tx, |conn| {
                sqlx::query("UPDATE lane SET epoch = epoch + 1 WHERE lane = $1")
                    .bind(lane)
                    .execute(conn)
                    .await?;
            });
            Ok(())
        };
        let (mut a, mut b) = (db.begin().await.unwrap(), db.begin().await.unwrap());
        lock(&mut a, 1).await.unwrap();
        lock(&mut b, 2).await.unwrap();

        // Whoever is ended lets go of its lock, and so the other gets it.
        let crossed = async |mut tx: Tx, lane: i32| {
            lock(&mut tx, lane).await?;
            tx.commit().await
        };
        let (a, b) = tokio::join!(crossed(a, 2), crossed(b, 1));

        let ended = [&a, &b].into_iter().filter_map(|it| it.as_ref().err());
        let kinds: Vec<_> = ended.map(SqlError::kind).collect();
        assert_eq!(kinds, [SqlErrorKind::Busy], "{a:?} {b:?}");
    })
    .await;
}
