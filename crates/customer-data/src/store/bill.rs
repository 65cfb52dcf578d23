//! Table `bill`.

use std::collections::BTreeSet;

use tenure_core::{BillId, Currency, CustomerId, Lanes, Money, Timestamp};
use tenure_sql::{SqlError, with_pool};

use super::rows::{self, RowsSql, load_rows, page_by_id, read, rows_sql};
use crate::domain::words::BillState;
use crate::domain::{Bill, Book, Fact};
use crate::store::{Db, Tx};

const LOAD: RowsSql = rows_sql!(
    "SELECT bill.customer_id, bill.bill_id, bill.issued_at, bill.due_at, bill.currency,
            bill.amount_minor, bill.state, bill.settled_at, bill.paid_minor, bill.updated_at
     FROM",
    "JOIN bill ON bill.lane = CAST(value ->> 0 AS INTEGER)
              AND bill.customer_id = value ->> 1
              AND bill.bill_id = value ->> 2"
);
const SAVE: RowsSql = rows_sql!(
    "INSERT INTO bill (lane, customer_id, bill_id, issued_at, due_at, currency, amount_minor, state,
                       settled_at, paid_minor, updated_at)
     SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, value ->> 2, CAST(value ->> 3 AS BIGINT),
            CAST(value ->> 4 AS BIGINT), value ->> 5, CAST(value ->> 6 AS BIGINT),
            CAST(value ->> 7 AS INTEGER), CAST(value ->> 8 AS BIGINT),
            CAST(value ->> 9 AS BIGINT), CAST(value ->> 10 AS BIGINT)
     FROM",
    "WHERE TRUE
     ON CONFLICT (lane, customer_id, bill_id) DO UPDATE SET
         issued_at = EXCLUDED.issued_at, due_at = EXCLUDED.due_at, currency = EXCLUDED.currency,
         amount_minor = EXCLUDED.amount_minor, state = EXCLUDED.state,
         settled_at = EXCLUDED.settled_at, paid_minor = EXCLUDED.paid_minor,
         updated_at = EXCLUDED.updated_at"
);
/// A customer has few bills: sorting them costs less than an index that every write has to keep.
const LIST: &str = "
    SELECT customer_id, bill_id, issued_at, due_at, currency, amount_minor, state, settled_at,
           paid_minor, updated_at
    FROM bill
    WHERE lane = $1 AND customer_id = $2 AND (issued_at < $3 OR (issued_at = $3 AND bill_id > $4))
    ORDER BY issued_at DESC, bill_id
    LIMIT $5";
/// In the order of the table's key, for a snapshot.
const PAGE: &str = "
    SELECT customer_id, bill_id, issued_at, due_at, currency, amount_minor, state, settled_at,
           paid_minor, updated_at
    FROM bill
    WHERE lane = $1 AND (customer_id, bill_id) > ($2, $3)
    ORDER BY customer_id, bill_id
    LIMIT $4";

type Row = (
    String,
    String,
    i64,
    i64,
    String,
    i64,
    i32,
    Option<i64>,
    Option<i64>,
    i64,
);

pub(super) async fn load(
    tx: &mut Tx,
    lanes: Lanes,
    keys: &BTreeSet<(CustomerId, BillId)>,
    book: &mut Book,
) -> Result<(), SqlError> {
    let keys: Vec<_> = keys
        .iter()
        .map(|(customer, id)| (lanes.of(customer.as_str()), customer.as_str(), id.as_str()))
        .collect();
    for row in load_rows!(tx, LOAD, keys, Row) {
        let bill = known(row)?;
        book.bills
            .load((bill.customer.clone(), bill.id.clone()), bill);
    }
    Ok(())
}

pub(super) async fn save(tx: &mut Tx, lanes: Lanes, book: &Book) -> Result<(), SqlError> {
    let row = |bill: &Bill| {
        (
            lanes.of(bill.customer.as_str()),
            bill.customer.as_str().to_owned(),
            bill.id.as_str().to_owned(),
            bill.issued_at.as_micros(),
            bill.due_at.as_micros(),
            bill.amount.currency.as_str().to_owned(),
            bill.amount.minor,
            bill.state.number(),
            bill.settled_at.map(Timestamp::as_micros),
            bill.paid.map(|paid| paid.minor),
            bill.updated_at.as_micros(),
        )
    };
    let (created, changed) = book.bills.saved(|_, bill| row(bill));
    rows::save(tx, SAVE, &created, &changed).await
}

/// Returns up to `limit` bills of a customer that come after the one issued at `after.0` with the
/// id `after.1`, newest first.
///
/// # Errors
/// When the database fails.
pub async fn list(
    db: &Db,
    customer: &CustomerId,
    after: (i64, &str),
    limit: i64,
) -> Result<Vec<Bill>, SqlError> {
    let lane = db.lanes().of(customer.as_str());
    let rows: Vec<Row> = with_pool!(db, |pool| {
        let query = sqlx::query_as(LIST).bind(lane).bind(customer.as_str());
        query
            .bind(after.0)
            .bind(after.1)
            .bind(limit)
            .fetch_all(pool)
            .await?
    });
    rows.into_iter().map(known).collect()
}

page_by_id!(PAGE, Row, known => Fact::Bill);

fn known(row: Row) -> Result<Bill, SqlError> {
    let (customer, id, issued, due, currency, minor, state, settled, paid, updated) = row;
    let currency = read("currency", Currency::parse(&currency).ok())?;
    Ok(Bill {
        id: read("bill_id", BillId::parse(&id).ok())?,
        customer: read("customer_id", CustomerId::parse(&customer).ok())?,
        issued_at: Timestamp::from_micros(issued),
        due_at: Timestamp::from_micros(due),
        amount: Money { currency, minor },
        state: read("state", BillState::from_number(state))?,
        settled_at: settled.map(Timestamp::from_micros),
        paid: paid.map(|minor| Money { currency, minor }),
        updated_at: Timestamp::from_micros(updated),
    })
}
