//! One test, both databases.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use tenure_sql::{Db, DbOptions, Migrations};

use crate::postgres::TestDatabase;

/// Runs a case on a fresh SQLite file, then on a fresh PostgreSQL database, and says which one is
/// running (shown when the case fails). The databases vanish afterwards, also when the case panics.
///
/// # Panics
/// When the case does, or `TENURE_TEST_POSTGRES` names no server: no test passes quietly without
/// one of its databases.
pub async fn each_backend<F: AsyncFn(Db)>(migrations: &Migrations, case: F) {
    each_backend_with(migrations, &DbOptions::default(), case).await;
}

/// Runs a case on both databases, opened and created with `options`.
///
/// # Panics
/// As [`each_backend`] does.
pub async fn each_backend_with<F: AsyncFn(Db)>(
    migrations: &Migrations,
    options: &DbOptions,
    case: F,
) {
    Box::pin(fresh_sqlite(migrations, options, &case)).await;
    Box::pin(fresh_postgres(migrations, options, &case)).await;
}

/// Runs a case on a fresh SQLite file only, for what only SQLite does.
///
/// # Panics
/// When the case does.
pub async fn fresh_sqlite<F: AsyncFn(Db)>(migrations: &Migrations, options: &DbOptions, case: F) {
    eprintln!("running on SQLite");
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let url = format!("sqlite://{}", folder.path().join("test.db").display());
    let db = Db::open(&url, options, migrations)
        .await
        .expect("a fresh database opens");
    Box::pin(case(db.clone())).await;
    db.close().await;
}

/// Runs a case on a fresh PostgreSQL database only, for what only PostgreSQL does.
///
/// # Panics
/// When the case does, or there is no server for tests.
pub async fn fresh_postgres<F: AsyncFn(Db)>(migrations: &Migrations, options: &DbOptions, case: F) {
    eprintln!("running on PostgreSQL");
    let database = TestDatabase::create().await;
    let run = async {
        let opened = Db::open(&database.url(), options, migrations).await;
        let db = opened.expect("a fresh database opens");
        Box::pin(case(db.clone())).await;
        db.close().await;
    };
    let ran = AssertUnwindSafe(run).catch_unwind().await;
    database.drop().await;
    if let Err(panic) = ran {
        std::panic::resume_unwind(panic);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use sqlx::Connection;
    use tenure_sql::db::Pools;

    use super::*;

    #[tokio::test]
    async fn a_database_vanishes_even_when_its_case_panics() {
        let name = RefCell::new(None);
        let case = async |db: Db| {
            let Pools::Postgres(pool) = db.pools() else {
                unreachable!()
            };
            let _held = pool.acquire().await.unwrap();
            name.replace(pool.connect_options().get_database().map(str::to_owned));
            panic!("the case fails");
        };
        let options = DbOptions::default();
        let run = fresh_postgres(&Migrations::NONE, &options, case);
        assert!(AssertUnwindSafe(run).catch_unwind().await.is_err());

        let name = name.take().unwrap();
        let mut server = sqlx::PgConnection::connect(&crate::postgres::server())
            .await
            .unwrap();
        let left: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM pg_database WHERE datname = $1")
            .bind(name)
            .fetch_one(&mut server)
            .await
            .unwrap();
        assert_eq!(left, 0);
    }
}
