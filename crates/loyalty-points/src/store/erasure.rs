//! What goes with a customer who was erased: all that is no book. Entries are the operator's books, sealed
//! whole, and stay.

use tenure_core::{AccountId, CustomerId, Lane};
use tenure_sql::{Db, SqlError, Tx, with_pool, with_tx};

use super::lanes;

const ACCOUNTS: &str = "
    SELECT lane, account_id FROM account
    WHERE customer_id = $1
    ORDER BY account_id";

/// Returns the accounts of a customer, closed ones included.
pub(crate) async fn accounts(
    db: &Db,
    customer: &CustomerId,
) -> Result<Vec<(Lane, AccountId)>, SqlError> {
    let rows: Vec<(Lane, String)> = with_pool!(db, |pool| {
        let find = sqlx::query_as(ACCOUNTS).bind(customer.as_str());
        find.fetch_all(pool).await?
    });
    let account = |(lane, id): (Lane, String)| {
        let id = AccountId::parse(&id);
        let id = id.map_err(|_| SqlError::corrupt("a stored account id is none"))?;
        Ok((lane, id))
    };
    rows.into_iter().map(account).collect()
}

/// What customer-data told of the customer, in the customer's lane.
const FORGET_CUSTOMER: [&str; 2] = [
    "DELETE FROM customer_subscription WHERE lane = $1 AND customer_id = $2",
    "DELETE FROM customer_payment WHERE lane = $1 AND customer_id = $2",
];
/// What was decided about an account beside its books. Of what earned, amounts and points stay, by which
/// entries can be explained; not what was known of the customer then.
const FORGET_ACCOUNT: [&str; 5] = [
    "DELETE FROM leaver WHERE lane = $1 AND account_id = $2",
    "DELETE FROM expiry_notice WHERE lane = $1 AND account_id = $2",
    "DELETE FROM tier WHERE lane = $1 AND account_id = $2",
    "DELETE FROM tier_change WHERE lane = $1 AND account_id = $2",
    "UPDATE earned_event SET body = '' WHERE lane = $1 AND account_id = $2 AND body <> ''",
];

/// Deletes what is known of a customer and of the customer's accounts. Returns how many rows that
/// concerned: none when it is done again.
pub(crate) async fn forget(
    db: &Db,
    customer: &CustomerId,
    accounts: &[(Lane, AccountId)],
) -> Result<u64, SqlError> {
    let own = db.lanes().of(customer.as_str());
    let mut wanted: Vec<Lane> = accounts.iter().map(|(lane, _)| *lane).collect();
    wanted.push(own);
    wanted.sort_unstable();
    wanted.dedup();
    let mut tx = db.begin().await?;
    lanes::lock(&mut tx, &wanted).await?;
    let mut rows = 0;
    for sql in FORGET_CUSTOMER {
        rows += execute(&mut tx, sql, own, customer.as_str()).await?;
    }
    for (lane, account) in accounts {
        for sql in FORGET_ACCOUNT {
            rows += execute(&mut tx, sql, *lane, account.as_str()).await?;
        }
    }
    tx.commit().await?;
    Ok(rows)
}

async fn execute(tx: &mut Tx, sql: &'static str, lane: Lane, key: &str) -> Result<u64, SqlError> {
    Ok(with_tx!(tx, |conn| {
        let done = sqlx::query(sql).bind(lane).bind(key).execute(conn).await?;
        done.rows_affected()
    }))
}

/// The fingerprint of the request goes as well: whoever repeats it asks for something else.
const EMPTY_ANSWERS_SQLITE: &str = "
    UPDATE answer SET answer = $3, fingerprint = $4
    WHERE lane = $1 AND INSTR(answer, $2) > 0";
const EMPTY_ANSWERS_POSTGRES: &str = "
    UPDATE answer SET answer = $3, fingerprint = $4
    WHERE lane = $1 AND POSITION($2::BYTEA IN answer) > 0";

/// Replaces answers that are kept for repeats and name an account by `answer`. Returns how many there
/// were.
pub(crate) async fn empty_answers(
    db: &Db,
    account: &AccountId,
    answer: &[u8],
) -> Result<u64, SqlError> {
    // As protobuf writes a text: its length, then itself.
    let id = account.as_str();
    let length = u8::try_from(id.len()).expect("a key has at most 64 bytes");
    let mut named = vec![length];
    named.extend_from_slice(id.as_bytes());
    let mut emptied = 0;
    for lane in db.lanes().all() {
        let mut tx = db.begin().await?;
        let sql = tx.pick(EMPTY_ANSWERS_SQLITE, EMPTY_ANSWERS_POSTGRES);
        emptied += with_tx!(tx, |conn| {
            let empty = sqlx::query(sql).bind(lane).bind(&named);
            let empty = empty.bind(answer).bind(&[0_u8; 0][..]);
            empty.execute(conn).await?.rows_affected()
        });
        tx.commit().await?;
    }
    Ok(emptied)
}
