//! Many rows in one statement of PostgreSQL.

use tenure_sql::rows::{Bytes, ColumnType, run_on_postgres};
use tenure_sql::tx::TxConnection;
use tenure_sql::{Db, DbOptions, SqlError};
use tenure_testkit::fresh_postgres;

use crate::support::EFFECTS;

const TYPES: [ColumnType; 3] = [ColumnType::Integer, ColumnType::Text, ColumnType::Bytes];
const SAVE: &str = "INSERT INTO pet SELECT * FROM UNNEST($1::INTEGER[], $2::TEXT[], $3::BYTEA[])";

type Pet = (Option<i32>, Option<&'static str>, Option<Bytes<[u8; 2]>>);

async fn with_pets(case: impl AsyncFn(Db)) {
    let options = DbOptions::default();
    fresh_postgres(&EFFECTS, &options, async |db| {
        execute(
            &db,
            "CREATE TABLE pet (age INTEGER, name TEXT, photo BYTEA)",
        )
        .await;
        case(db).await;
    })
    .await;
}

async fn execute(db: &Db, sql: &'static str) {
    let mut tx = db.begin().await.unwrap();
    let TxConnection::Postgres(conn) = tx.connection() else {
        unreachable!("it is PostgreSQL")
    };
    sqlx::query(sql).execute(conn).await.unwrap();
    tx.commit().await.unwrap();
}

async fn save(db: &Db, types: &[ColumnType], pets: &[Pet]) -> Result<(), SqlError> {
    let mut tx = db.begin().await?;
    let TxConnection::Postgres(conn) = tx.connection() else {
        unreachable!("it is PostgreSQL")
    };
    run_on_postgres(conn, SAVE, types, pets).await?;
    tx.commit().await
}

async fn saved(db: &Db) -> Vec<(Option<i32>, Option<String>, Option<Vec<u8>>)> {
    let mut tx = db.begin().await.unwrap();
    let TxConnection::Postgres(conn) = tx.connection() else {
        unreachable!("it is PostgreSQL")
    };
    let pets = sqlx::query_as("SELECT age, name, photo FROM pet ORDER BY age NULLS FIRST");
    pets.fetch_all(conn).await.unwrap()
}

#[tokio::test]
async fn rows_are_saved_as_they_are_also_where_a_whole_column_is_null() {
    with_pets(async |db| {
        save(&db, &TYPES, &[(None, None, None)]).await.unwrap();
        let rex: Pet = (Some(-3), Some("Rex, {\"} \\ NULL"), Some(Bytes([0, 255])));
        save(&db, &TYPES, &[rex, (Some(4), Some(""), None)])
            .await
            .unwrap();

        let rex = (
            Some(-3),
            Some("Rex, {\"} \\ NULL".to_owned()),
            Some(vec![0, 255]),
        );
        let nameless = (Some(4), Some(String::new()), None);
        assert_eq!(saved(&db).await, [(None, None, None), rex, nameless]);
    })
    .await;
}

#[tokio::test]
async fn a_row_that_does_not_fit_its_columns_is_refused() {
    with_pets(async |db| {
        let pet: Pet = (Some(1), Some("Rex"), None);
        let [integer, text, bytes] = TYPES;
        for types in [
            &[text, integer, bytes][..],
            &[integer, text][..],
            &[integer, text, bytes, text][..],
        ] {
            assert!(save(&db, types, &[pet]).await.is_err(), "{types:?}");
        }
        assert_eq!(saved(&db).await, []);
    })
    .await;
}
