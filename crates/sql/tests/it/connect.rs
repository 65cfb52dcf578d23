//! Finding the database: what a URL may be, and the primary of a cluster.

use futures_util::future::join_all;
use sqlx::PgPool;
use tenure_sql::db::Pools;
use tenure_sql::{Db, DbOptions, Migrations, SqlErrorKind};
use tenure_testkit::fresh_postgres;

use crate::migrate::url;

#[tokio::test]
async fn what_is_no_url_of_ours_is_refused_without_repeating_it() {
    for url in [
        "",
        "mysql://user:secret@host/db",
        "postgres://user:secret@host:port/db",
        "sqlite::memory:",
        "sqlite://",
    ] {
        let refused = Db::connect(url, &DbOptions::default()).await.unwrap_err();
        assert_eq!(refused.kind(), SqlErrorKind::Other, "{url}");
        assert!(!format!("{refused:?}").contains("secret"));
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let refused = Db::connect("postgres://nobody@127.0.0.1:1/none", &DbOptions::default()).await;
    assert!(refused.unwrap_err().is_unavailable());
}

#[tokio::test]
async fn a_member_that_cannot_be_reached_is_passed_over() {
    fresh_postgres(&Migrations::NONE, &DbOptions::default(), async |db| {
        let urls = format!("postgres://nobody@127.0.0.1:1/none, {}", url(&db));
        let found = Db::connect(&urls, &DbOptions::default()).await.unwrap();
        assert_eq!(found.id(), db.id());
        found.close().await;
    })
    .await;
}

/// Two databases play the members of a cluster; the one that plays the standby answers
/// `pg_is_in_recovery()` with a function of its own.
#[tokio::test]
async fn the_pool_follows_the_primary_when_it_moves() {
    fresh_postgres(&Migrations::NONE, &DbOptions::default(), async |first| {
        fresh_postgres(&Migrations::NONE, &DbOptions::default(), async |second| {
            demote(&first).await;
            let urls = format!("{},{}", url(&first), url(&second));
            let db = Db::connect(&urls, &DbOptions::default()).await.unwrap();
            assert_eq!(serving(&db).await, database(&second));

            promote(&first).await;
            demote(&second).await;

            // One call finds out, and is answered all the same.
            db.begin().await.unwrap().commit().await.unwrap();
            assert_eq!(serving(&db).await, database(&first));
            db.ping().await.unwrap();
            db.close().await;
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_restart_of_the_server_is_not_the_business_of_writers() {
    fresh_postgres(&Migrations::NONE, &DbOptions::default(), async |db| {
        let open = join_all((0..5).map(|_| db.begin())).await;
        for tx in open {
            tx.unwrap().commit().await.unwrap();
        }
        assert!(db.connections().open >= 5);

        end_sessions(&db).await;

        for tx in join_all((0..5).map(|_| db.begin())).await {
            tx.unwrap().commit().await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_standby_alone_is_not_used() {
    fresh_postgres(&Migrations::NONE, &DbOptions::default(), async |db| {
        demote(&db).await;
        let refused = Db::connect(&url(&db), &DbOptions::default())
            .await
            .unwrap_err();
        assert_eq!(refused.kind(), SqlErrorKind::Disconnected);
    })
    .await;
}

async fn demote(db: &Db) {
    let name = database(db);
    run(db, "CREATE SCHEMA standby".into()).await;
    let answer = "CREATE FUNCTION standby.pg_is_in_recovery() RETURNS BOOLEAN
                  LANGUAGE SQL AS 'SELECT true'";
    run(db, answer.into()).await;
    run(
        db,
        format!("ALTER DATABASE {name} SET search_path = standby, pg_catalog, public"),
    )
    .await;
    end_sessions(db).await;
}

async fn promote(db: &Db) {
    run(
        db,
        "SET search_path = public; DROP SCHEMA standby CASCADE".into(),
    )
    .await;
    run(
        db,
        format!("ALTER DATABASE {} RESET search_path", database(db)),
    )
    .await;
    end_sessions(db).await;
}

/// A server that changes its role ends all its sessions.
async fn end_sessions(db: &Db) {
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = CURRENT_DATABASE() AND pid <> PG_BACKEND_PID()";
    run(db, end.into()).await;
}

/// Runs a statement on a connection of its own, past the pool.
async fn run(db: &Db, sql: String) {
    use sqlx::{ConnectOptions, Connection, Executor};
    let mut connection = pool(db).connect_options().connect().await.unwrap();
    connection
        .execute(sqlx::raw_sql(sqlx::AssertSqlSafe(sql)))
        .await
        .unwrap();
    connection.close().await.unwrap();
}

fn pool(db: &Db) -> &PgPool {
    let Pools::Postgres(pool) = db.pools() else {
        unreachable!()
    };
    pool
}

fn database(db: &Db) -> String {
    pool(db)
        .connect_options()
        .get_database()
        .unwrap()
        .to_owned()
}

async fn serving(db: &Db) -> String {
    let sql = "SELECT CAST(CURRENT_DATABASE() AS TEXT)";
    sqlx::query_scalar(sql).fetch_one(pool(db)).await.unwrap()
}
