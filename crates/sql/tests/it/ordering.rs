//! Text stands in the same order on both databases, or page tokens would skip rows.

use tenure_sql::{Db, Migration, Migrations, SqlError, with_pool, with_tx};
use tenure_testkit::each_backend;

const WORDS: Migrations = Migrations {
    sqlite: &[Migration {
        version: 101,
        name: "0101_word",
        sql: "CREATE TABLE word (word TEXT NOT NULL PRIMARY KEY, free TEXT NOT NULL) STRICT",
    }],
    postgres: &[Migration {
        version: 101,
        name: "0101_word",
        sql: "CREATE TABLE word (word TEXT COLLATE \"C\" NOT NULL PRIMARY KEY, free TEXT NOT NULL)",
    }],
};

async fn add(db: &Db, words: &[&str]) -> Result<(), SqlError> {
    let mut tx = db.begin().await?;
    for word in words {
        with_tx!(tx, |conn| {
            let insert = sqlx::query("INSERT INTO word (word, free) VALUES ($1, $1)");
            insert.bind(*word).execute(conn).await?;
        });
    }
    tx.commit().await
}

async fn select(db: &Db, sql: &'static str) -> Result<Vec<String>, SqlError> {
    Ok(with_pool!(db, |pool| sqlx::query_scalar(sql)
        .fetch_all(pool)
        .await?))
}

#[tokio::test]
async fn keys_sort_by_their_bytes_whatever_the_locale() {
    each_backend(&WORDS, async |db| {
        add(&db, &["b", "A", "a", "B", "_", "a-b", "ab"])
            .await
            .unwrap();

        let sorted = select(&db, "SELECT word FROM word ORDER BY word")
            .await
            .unwrap();
        let after = select(&db, "SELECT word FROM word WHERE word > 'B' ORDER BY word");

        assert_eq!(sorted, ["A", "B", "_", "a", "a-b", "ab", "b"]);
        assert_eq!(after.await.unwrap(), ["_", "a", "a-b", "ab", "b"]);
    })
    .await;
}

/// The databases for tests have a locale in which a column without `COLLATE "C"` sorts otherwise, so
/// that a migration which forgot it fails its tests.
#[tokio::test]
async fn a_column_without_the_collation_would_be_found_out() {
    each_backend(&WORDS, async |db| {
        add(&db, &["b", "A", "a", "B"]).await.unwrap();

        let sorted = select(&db, "SELECT free FROM word ORDER BY free")
            .await
            .unwrap();

        let bytes = ["A", "B", "a", "b"];
        assert_eq!(sorted == bytes, !db.is_postgres(), "{sorted:?}");
    })
    .await;
}
