//! A database of the first tables that is brought up to the newest.

use tenure_loyalty_points::{Config, MIGRATIONS};
use tenure_sql::{Db, Migration, migrate, pending};

use crate::damage::sql;
use crate::reward_suite::redeeming;
use crate::suite::Suite;

/// The last step that made the first tables: accounts, entries, programmes, seals, vintages.
const FIRST_TABLES: i64 = 130;

/// Takes back what later steps made, so that the database has the first tables and what is in them, and
/// returns the names of these steps.
async fn strip(db: &Db) -> Vec<&'static str> {
    let steps = if db.is_postgres() {
        MIGRATIONS.postgres
    } else {
        MIGRATIONS.sqlite
    };
    let later: Vec<&Migration> = steps
        .iter()
        .filter(|step| step.version > FIRST_TABLES)
        .collect();
    for step in &later {
        assert!(
            !step.sql.contains("ALTER TABLE"),
            "{} changes a table",
            step.name
        );
        for made in step.sql.split("CREATE TABLE ").skip(1) {
            let table = made.split_whitespace().next().unwrap();
            sql(db, &format!("DROP TABLE {table}")).await;
        }
    }
    let forget = format!("DELETE FROM _sqlx_migrations WHERE version > {FIRST_TABLES}");
    assert_eq!(sql(db, &forget).await, later.len() as u64);
    later.iter().map(|step| step.name).collect()
}

#[tokio::test]
async fn a_database_of_the_first_tables_is_upgraded_and_its_points_are_spent() {
    tenure_testkit::each_backend(&MIGRATIONS, async |db| {
        let old = Suite::new(&db, Config::default());
        for number in 0..12 {
            let account = format!("A{number}");
            let earned = old.earn(&account, 100, "bill/1").await.entry.unwrap();
            old.earn_for(&account, 50, 30).await;
            let spent = old.redeem(&account, 20).await.unwrap().entry.unwrap();
            match number % 4 {
                0 => drop(old.reverse(&spent).await.unwrap()),
                1 => drop(old.reverse(&earned).await.unwrap()),
                2 => drop(old.hold(&account, 30, 86_400).await.unwrap()),
                _ => {
                    let hold = old.hold(&account, 30, 600).await.unwrap();
                    old.confirm(&hold, 0).await.unwrap();
                }
            }
        }
        old.redeem("A0", 1_000).await.unwrap_err();
        old.seal().await;
        let (books, balances) = (old.books().await, balances(&old).await);

        let stripped = strip(&db).await;
        let missing = pending(&db, &MIGRATIONS).await.unwrap();
        let missing: Vec<&str> = missing.iter().map(|step| step.name).collect();
        assert_eq!(missing, stripped);
        assert_eq!(migrate(&db, &MIGRATIONS).await.unwrap(), stripped);

        // A process that starts now knows nothing of the one before.
        let new = old.replica();
        new.assert_verifies().await;
        assert_eq!(new.books().await, books);
        assert_eq!(self::balances(&new).await, balances);
        // 150 earned, 20 spent, 30 held.
        let done = new.redeem("A2", 100).await.unwrap();
        assert_eq!(done.available_points, 0);
        // What came with the later steps works on what was there before.
        new.stocked("mug", 1).await;
        let ordered = new.redeem_reward(redeeming("A0", "mug")).await.unwrap();
        assert_eq!(ordered.available_points, 50);
        new.partner("cafe").await;
        new.earn_at("cafe", "A0", 10).await.unwrap();
        new.assert_books_tie().await;
        new.assert_verifies().await;
    })
    .await;
}

async fn balances(loyalty: &Suite) -> Vec<(i64, i64)> {
    let mut balances = Vec::new();
    for number in 0..12 {
        balances.push(loyalty.balance(&format!("A{number}")).await);
    }
    balances
}
