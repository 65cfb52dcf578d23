//! What a database holds, as one digest for each table.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use tenure_customer_data::store::export::all;
use tenure_customer_data::store::personal::TABLES;
use tenure_customer_data::{Db as SealedDb, PrivacyConfig, open_changes};
use tenure_sql::feed::{self, Change, Positions};
use tenure_sql::{Db, with_pool};

/// Returns the number of rows and the digest of each table, but for what a database says of itself, and
/// for who was shown what: that is written by and by, with ids of its own. What is sealed is opened.
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
    let mut rows: Vec<String> = match table {
        "change" => {
            let changes = changes(db).await.into_iter();
            changes.map(|change| format!("{change:?}")).collect()
        }
        _ => {
            let personal = TABLES.iter().find(|it| it.name == table);
            let customer = personal.map_or("customer_id", |it| it.customers[0]);
            let mut rows = all(&opened(db), table, customer).await.unwrap();
            if table == "answer" {
                // Sealed with keys of their own for each request.
                for row in &mut rows {
                    row.remove("answer");
                    row.remove("fingerprint");
                }
            }
            rows.iter()
                .map(|row| serde_json::to_string(row).unwrap())
                .collect()
        }
    };
    rows.sort_unstable();
    rows
}

/// The database with the keys that the service finds without settings.
pub(crate) fn opened(db: &Db) -> SealedDb {
    SealedDb::new(db.clone(), &PrivacyConfig::default())
}

/// Returns all changes of the feed, opened.
pub(crate) async fn changes(db: &Db) -> Vec<Change> {
    let mut all = Vec::new();
    for changes in pages(db).await {
        all.extend(open_changes(&opened(db), changes).await.unwrap());
    }
    all
}

/// Returns all changes of the feed as they are stored, in pages.
async fn pages(db: &Db) -> Vec<Vec<Change>> {
    let (mut all, mut positions) = (Vec::new(), Positions::start());
    loop {
        let (changes, next) = feed::read(db, &positions, &[], 1_000).await.unwrap();
        if next == positions {
            return all;
        }
        all.push(changes);
        positions = next;
    }
}
