//! What several cases need.

use tenure_core::{Lane, Timestamp};
use tenure_sql::feed::{self, Change, NewChange, Positions};
use tenure_sql::{Db, Migration, Migrations, Tx, with_pool, with_tx};

/// A table for effects, without any key that would hide a double one.
pub(crate) const EFFECTS: Migrations = Migrations {
    sqlite: &[Migration {
        version: 101,
        name: "0101_effect",
        sql: "CREATE TABLE effect (lane INTEGER NOT NULL, what TEXT NOT NULL) STRICT",
    }],
    postgres: &[Migration {
        version: 101,
        name: "0101_effect",
        sql: "CREATE TABLE effect (lane INTEGER NOT NULL, what TEXT COLLATE \"C\" NOT NULL)",
    }],
};

pub(crate) fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

/// A change whose key and body are `name`.
pub(crate) fn change(lane: Lane, name: &str) -> NewChange {
    NewChange {
        lane,
        kind: "happened",
        key: name.to_owned(),
        happened_at: at(1),
        body: name.as_bytes().to_vec(),
    }
}

pub(crate) async fn append_one(db: &Db, lane: Lane, name: &str) {
    let mut tx = db.begin().await.unwrap();
    feed::append(&mut tx, vec![change(lane, name)], at(2))
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

pub(crate) async fn read_all(db: &Db) -> Vec<Change> {
    feed::read(db, &Positions::start(), &[], 100_000)
        .await
        .unwrap()
        .0
}

pub(crate) fn keys(changes: &[Change]) -> Vec<&str> {
    changes.iter().map(|change| change.key.as_str()).collect()
}

pub(crate) async fn add_effect(tx: &mut Tx, lane: Lane, what: &str) {
    const ADD: &str = "INSERT INTO effect (lane, what) VALUES ($1, $2)";
    let add = async {
        with_tx!(tx, |conn| {
            sqlx::query(ADD).bind(lane).bind(what).execute(conn).await?;
        });
        Ok::<_, sqlx::Error>(())
    };
    add.await.unwrap();
}

pub(crate) async fn effects(db: &Db) -> Vec<String> {
    const ALL: &str = "SELECT what FROM effect ORDER BY what";
    let all = async {
        Ok::<_, sqlx::Error>(with_pool!(db, |pool| sqlx::query_scalar(ALL)
            .fetch_all(pool)
            .await?))
    };
    all.await.unwrap()
}
