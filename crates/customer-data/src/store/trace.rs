//! What is left of a customer beside the tables: changes in the feed, and answers that were given.

use crate::store::Db;
use tenure_core::{CustomerId, Lane};
use tenure_sql::{SqlError, with_pool, with_tx};

/// How many changes one transaction looks at: writers wait no longer than that.
const WINDOW: i64 = 5_000;

const PRUNED: &str = "SELECT pruned_seq FROM lane WHERE lane = $1";
/// The row stays, because numbers have no gaps.
const EMPTY_CHANGES: &str = "
    UPDATE change SET body = $5
    WHERE lane = $1 AND seq > $2 AND seq <= $3 AND key = $4 AND kind <> 'erasure'";
/// An answer names its customer as protobuf writes a text: its length, then itself. The fingerprint
/// of the request goes as well: it is one of the caller's words without any key.
const EMPTY_ANSWERS_SQLITE: &str = "
    UPDATE answer SET answer = $3, fingerprint = $4
    WHERE lane = $1 AND INSTR(answer, $2) > 0 AND method NOT LIKE '%PrivacyService/%'";
const EMPTY_ANSWERS_POSTGRES: &str = "
    UPDATE answer SET answer = $3, fingerprint = $4
    WHERE lane = $1 AND POSITION($2::BYTEA IN answer) > 0
      AND method NOT LIKE '%PrivacyService/%'";

/// Replaces what the feed tells of a customer up to a number of the customer's lane by `body`, and
/// returns how many changes there were.
///
/// # Errors
/// When the database fails; what was emptied so far stays empty.
pub async fn empty_changes(
    db: &Db,
    customer: &CustomerId,
    until: i64,
    body: &[u8],
) -> Result<i64, SqlError> {
    let lane = db.lanes().of(customer.as_str());
    let mut at: i64 = with_pool!(db, |pool| {
        sqlx::query_scalar(PRUNED)
            .bind(lane)
            .fetch_one(pool)
            .await?
    });
    let mut emptied = 0;
    while at < until {
        let end = until.min(at + WINDOW);
        let mut tx = db.begin().await?;
        emptied += with_tx!(tx, |conn| {
            sqlx::query(EMPTY_CHANGES)
                .bind(lane)
                .bind(at)
                .bind(end)
                .bind(customer.as_str())
                .bind(body)
                .execute(conn)
                .await?
                .rows_affected()
        });
        tx.commit().await?;
        at = end;
    }
    Ok(i64::try_from(emptied).unwrap_or(i64::MAX))
}

/// Replaces the answers that name a customer by `answer`, and returns how many there were. A repeat of
/// such a request is not taken for a new one.
///
/// # Errors
/// When the database fails; what was emptied so far stays empty.
pub async fn empty_answers(db: &Db, customer: &CustomerId, answer: &[u8]) -> Result<i64, SqlError> {
    let id = customer.as_str();
    let length = u8::try_from(id.len()).expect("a key has at most 64 bytes");
    let mut named = vec![length];
    named.extend_from_slice(id.as_bytes());
    let mut emptied = 0;
    for lane in db.lanes().all() {
        emptied += empty_answers_of(db, lane, &named, answer).await?;
    }
    Ok(i64::try_from(emptied).unwrap_or(i64::MAX))
}

async fn empty_answers_of(
    db: &Db,
    lane: Lane,
    named: &[u8],
    answer: &[u8],
) -> Result<u64, SqlError> {
    let mut tx = db.begin().await?;
    let sql = tx.pick(EMPTY_ANSWERS_SQLITE, EMPTY_ANSWERS_POSTGRES);
    let emptied = with_tx!(tx, |conn| {
        sqlx::query(sql)
            .bind(lane)
            .bind(named)
            .bind(answer)
            .bind(&[0_u8; 0][..])
            .execute(conn)
            .await?
            .rows_affected()
    });
    tx.commit().await?;
    Ok(emptied)
}
