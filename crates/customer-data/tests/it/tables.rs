//! What a database holds, as one digest for each table.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use tenure_sql::{Db, with_pool};

const COLUMNS_SQLITE: &str = "
    SELECT group_concat('quote(' || name || ')', ' || char(9) || ') FROM pragma_table_info($1)";

/// Returns the number of rows and the digest of each table, but for what a database says of itself, and
/// for who was shown what: that is written by and by, with ids of its own.
pub(crate) async fn digests(db: &Db) -> BTreeMap<String, String> {
    let names = db.pick(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
        "SELECT tablename::TEXT FROM pg_tables WHERE schemaname = 'public'",
    );
    let names: Vec<String> = with_pool!(db, |pool| {
        sqlx::query_scalar(names).fetch_all(pool).await.unwrap()
    });
    let told =
        |name: &String| !["meta", "access"].contains(&name.as_str()) && !name.contains("migration");
    let mut digests = BTreeMap::new();
    for name in names.into_iter().filter(told) {
        let rows = rows(db, &name).await;
        let mut hash = Sha256::new();
        rows.iter().for_each(|row| hash.update(format!("{row}\n")));
        let digest = hash.finalize();
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        digests.insert(name, format!("{} rows, {digest}", rows.len()));
    }
    digests
}

/// Returns all rows of a table as text, in the order of the text.
async fn rows(db: &Db, table: &str) -> Vec<String> {
    let rows = if db.is_postgres() {
        format!("SELECT t::TEXT FROM {table} AS t ORDER BY t::TEXT COLLATE \"C\"")
    } else {
        let columns: String = with_pool!(db, |pool| {
            let columns = sqlx::query_scalar(COLUMNS_SQLITE).bind(table);
            columns.fetch_one(pool).await.unwrap()
        });
        format!("SELECT {columns} AS row FROM {table} ORDER BY row")
    };
    with_pool!(db, |pool| {
        let rows = sqlx::AssertSqlSafe(rows);
        sqlx::query_scalar(rows).fetch_all(pool).await.unwrap()
    })
}
