//! Table `offer`.

use tenure_core::{Currency, Money, OfferId, PageSize, Timestamp};
use tenure_sql::{Db, SqlError, Tx, with_pool, with_tx};

use super::{number, stored, word};
use crate::domain::campaign::Offer;
use crate::domain::words::OfferKind;

const INSERT: &str = "
    INSERT INTO offer (offer_id, display_name, description, kind, cost_currency, cost_minor, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT DO NOTHING";
const GET: &str = "
    SELECT offer_id, display_name, description, kind, cost_currency, cost_minor, created_at
    FROM offer
    WHERE offer_id = $1";
const LIST: &str = "
    SELECT offer_id, display_name, description, kind, cost_currency, cost_minor, created_at
    FROM offer
    WHERE offer_id > $1
    ORDER BY offer_id
    LIMIT $2";
const EXISTS: &str = "SELECT COUNT(*) FROM offer WHERE offer_id = $1";

type Row = (
    String,
    String,
    String,
    i64,
    Option<String>,
    Option<i64>,
    i64,
);

/// Inserts an offer; false when its id is taken.
pub(crate) async fn insert(tx: &mut Tx, offer: &Offer) -> Result<bool, SqlError> {
    let inserted = with_tx!(tx, |conn| {
        sqlx::query(INSERT)
            .bind(offer.id.as_str())
            .bind(&offer.display_name)
            .bind(&offer.description)
            .bind(i64::from(offer.kind.number()))
            .bind(offer.cost.as_ref().map(|cost| cost.currency.to_string()))
            .bind(offer.cost.as_ref().map(|cost| cost.minor))
            .bind(offer.created_at.as_micros())
            .execute(conn)
            .await?
            .rows_affected()
    });
    Ok(inserted == 1)
}

/// Returns an offer.
pub(crate) async fn get(db: &Db, id: &OfferId) -> Result<Option<Offer>, SqlError> {
    let row: Option<Row> = with_pool!(db, |pool| sqlx::query_as(GET)
        .bind(id.as_str())
        .fetch_optional(pool)
        .await?);
    row.map(from_row).transpose()
}

/// Returns true when there is such an offer. Offers never go.
pub(crate) async fn exists(tx: &mut Tx, id: &OfferId) -> Result<bool, SqlError> {
    let count: i64 = with_tx!(tx, |conn| sqlx::query_scalar(EXISTS)
        .bind(id.as_str())
        .fetch_one(conn)
        .await?);
    Ok(count > 0)
}

/// Returns the offers after an id, one more than a page.
pub(crate) async fn list(db: &Db, after: &str, size: PageSize) -> Result<Vec<Offer>, SqlError> {
    let rows: Vec<Row> = with_pool!(db, |pool| {
        sqlx::query_as(LIST)
            .bind(after)
            .bind(size.probe())
            .fetch_all(pool)
            .await?
    });
    rows.into_iter().map(from_row).collect()
}

fn from_row(row: Row) -> Result<Offer, SqlError> {
    let (id, display_name, description, kind, currency, minor, created_at) = row;
    let cost = match (currency, minor) {
        (Some(currency), Some(minor)) => Some(Money {
            currency: stored(Currency::parse(&currency), "cost_currency")?,
            minor,
        }),
        _ => None,
    };
    Ok(Offer {
        id: stored(OfferId::parse(&id), "offer_id")?,
        display_name,
        description,
        kind: word(OfferKind::from_number(number(kind)), "kind")?,
        cost,
        created_at: Timestamp::from_micros(created_at),
    })
}
