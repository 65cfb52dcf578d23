//! The rules for tables, checked in the catalogues of both databases.

use std::cell::RefCell;
use std::collections::BTreeSet;

use sqlx::{PgPool, SqlitePool};
use tenure_sql::db::Pools;
use tenure_sql::{DbOptions, Migrations};

use crate::{fresh_postgres, fresh_sqlite};

/// Keys (primary, unique, foreign) of tables with a lane that do not start with it.
const KEYS_WITHOUT_LANE: &str = "
    SELECT t.relname || ': key ' || k.conname
    FROM pg_constraint k
    JOIN pg_class t ON t.oid = k.conrelid
    JOIN pg_attribute lane ON lane.attrelid = t.oid AND lane.attname = 'lane'
    WHERE k.contype IN ('p', 'u', 'f') AND k.conkey[1] <> lane.attnum
        AND t.relnamespace = 'public'::REGNAMESPACE";

/// Unique indexes of such tables; what no constraint made.
const INDEXES_WITHOUT_LANE: &str = "
    SELECT t.relname || ': index ' || i.indexrelid::REGCLASS
    FROM pg_index i
    JOIN pg_class t ON t.oid = i.indrelid
    JOIN pg_attribute lane ON lane.attrelid = t.oid AND lane.attname = 'lane'
    WHERE i.indisunique AND i.indkey[0] <> lane.attnum
        AND t.relnamespace = 'public'::REGNAMESPACE";

/// Text that an index sorts by the locale.
const INDEXES_BY_LOCALE: &str = "
    SELECT i.indexrelid::REGCLASS || ': column ' || a.attname || ' is not COLLATE \"C\"'
    FROM pg_index i
    JOIN pg_class t ON t.oid = i.indrelid
    JOIN pg_attribute a ON a.attrelid = i.indexrelid
    JOIN pg_collation c ON c.oid = a.attcollation
    WHERE c.collname <> 'C' AND t.relnamespace = 'public'::REGNAMESPACE";

/// Triggers and sequences whose order somebody might trust.
const FORBIDDEN: &str = "
    SELECT 'trigger ' || tgname FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL
    SELECT 'sequence ' || relname FROM pg_class
    WHERE relkind = 'S' AND relnamespace = 'public'::REGNAMESPACE";

const COLUMNS_POSTGRES: &str = "
    SELECT c.table_name || '.' || c.column_name
    FROM information_schema.columns c
    JOIN information_schema.tables t USING (table_schema, table_name)
    WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'
        AND c.table_name <> '_sqlx_migrations'";
const COLUMNS_SQLITE: &str = "
    SELECT t.name || '.' || c.name
    FROM pragma_table_list t, pragma_table_info(t.name) c
    WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite_%'
        AND t.name <> '_sqlx_migrations'";

const TABLES_NOT_STRICT: &str = "
    SELECT name || ' is not STRICT' FROM pragma_table_list
    WHERE schema = 'main' AND type = 'table' AND strict = 0
        AND name NOT LIKE 'sqlite_%' AND name <> '_sqlx_migrations'";

/// Asserts what every schema must keep, so that SQLite, PostgreSQL and a distributed PostgreSQL hold
/// the same data in the same order: both lists of migrations are paired and make the same columns;
/// SQLite tables are STRICT; where a table has a lane, every key starts with it; indexed text is
/// `COLLATE "C"`; there are no triggers and no sequences.
///
/// # Panics
/// When a rule is broken: with every place where it is.
pub async fn assert_schema_rules(migrations: &Migrations) {
    let names = |steps: &[tenure_sql::Migration]| -> Vec<_> {
        steps.iter().map(|step| (step.version, step.name)).collect()
    };
    assert_eq!(
        names(migrations.sqlite),
        names(migrations.postgres),
        "migrations are not paired"
    );
    let options = DbOptions::default();
    let columns = RefCell::new(BTreeSet::new());
    fresh_sqlite(migrations, &options, async |db| {
        let Pools::Sqlite { read, .. } = db.pools() else {
            return;
        };
        assert_none(&sqlite(read, TABLES_NOT_STRICT).await);
        columns.replace(sqlite(read, COLUMNS_SQLITE).await);
    })
    .await;
    fresh_postgres(migrations, &options, async |db| {
        let Pools::Postgres(pool) = db.pools() else {
            return;
        };
        for rule in [
            KEYS_WITHOUT_LANE,
            INDEXES_WITHOUT_LANE,
            INDEXES_BY_LOCALE,
            FORBIDDEN,
        ] {
            assert_none(&postgres(pool, rule).await);
        }
        let theirs = postgres(pool, COLUMNS_POSTGRES).await;
        let only_one = columns
            .borrow()
            .symmetric_difference(&theirs)
            .cloned()
            .collect();
        assert_none(&only_one);
    })
    .await;
}

fn assert_none(found: &BTreeSet<String>) {
    assert!(
        found.is_empty(),
        "the schema breaks a rule, or one database lacks a column: {found:?}"
    );
}

async fn sqlite(pool: &SqlitePool, sql: &'static str) -> BTreeSet<String> {
    let rows: Vec<String> = sqlx::query_scalar(sql)
        .fetch_all(pool)
        .await
        .expect("a catalogue");
    rows.into_iter().collect()
}

async fn postgres(pool: &PgPool, sql: &'static str) -> BTreeSet<String> {
    let rows: Vec<String> = sqlx::query_scalar(sql)
        .fetch_all(pool)
        .await
        .expect("a catalogue");
    rows.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tenure_sql::Migration;

    use super::*;

    const fn step(sql: &'static str) -> Migration {
        Migration {
            version: 101,
            name: "0101_step",
            sql,
        }
    }

    #[tokio::test]
    async fn the_foundation_keeps_the_rules() {
        assert_schema_rules(&Migrations::NONE).await;
    }

    #[tokio::test]
    async fn each_broken_rule_is_found() {
        const PLAIN: &str = "CREATE TABLE t (lane INTEGER, id TEXT) STRICT";
        let broken = [
            (
                "SELECT 1",
                "ALTER TABLE lane ADD COLUMN more INTEGER",
                "lane.more",
            ),
            (
                "CREATE TABLE t (id TEXT)",
                "CREATE TABLE t (id TEXT)",
                "not STRICT",
            ),
            (
                PLAIN,
                "CREATE TABLE t (lane INTEGER, id TEXT COLLATE \"C\", PRIMARY KEY (id, lane))",
                "key t_pkey",
            ),
            (
                PLAIN,
                "CREATE TABLE t (lane INTEGER, id TEXT COLLATE \"C\");
                 CREATE UNIQUE INDEX t_id ON t (id)",
                "index t_id",
            ),
            (
                PLAIN,
                "CREATE TABLE t (lane INTEGER, id TEXT, PRIMARY KEY (lane, id))",
                "COLLATE",
            ),
            (
                PLAIN,
                "CREATE TABLE t (lane SERIAL, id TEXT)",
                "sequence t_lane_seq",
            ),
        ];
        for (sqlite, postgres, found) in broken {
            let (sqlite, postgres) = (leak(step(sqlite)), leak(step(postgres)));
            let check = async { assert_schema_rules(&Migrations { sqlite, postgres }).await };
            let panic = std::panic::AssertUnwindSafe(check)
                .catch_unwind()
                .await
                .unwrap_err();
            let message = panic.downcast_ref::<String>().unwrap();
            assert!(message.contains(found), "wanted {found}, found {message}");
        }
    }

    fn leak(step: Migration) -> &'static [Migration] {
        Box::leak(Box::new([step]))
    }
}
