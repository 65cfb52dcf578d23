//! Table `profile_claim`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tenure_core::{CustomerId, Lane, Lanes, Timestamp};
use tenure_sql::{SqlError, with_pool, with_tx};

use super::rows::{RowsSql, execute, load_rows, read, rows_sql};
use super::seal::{Wrapped, key_of, need};
use crate::domain::profile::{CLAIMS_MAX, ClaimKey, ProfileClaim};
use crate::domain::{AttributeName, AttributeValue, Fact};
use crate::store::{Db, Tx};
use crate::vault::Keys;

const LOAD: RowsSql = rows_sql!(
    key_of "p",
    "SELECT p.customer_id, p.name, p.source, p.claimed, p.observed_at, p.trust, p.expires_at,
            p.recorded_at",
    "JOIN profile_claim AS p ON p.lane = CAST(value ->> 0 AS INTEGER)
                            AND p.customer_id = value ->> 1"
);
const SAVE: RowsSql = rows_sql!(
    "INSERT INTO profile_claim (lane, customer_id, name, source, claimed, observed_at, trust,
                                expires_at, recorded_at)
     SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, value ->> 2, value ->> 3, value ->> 4,
            CAST(value ->> 5 AS BIGINT), CAST(value ->> 6 AS INTEGER),
            CAST(value ->> 7 AS BIGINT), CAST(value ->> 8 AS BIGINT)
     FROM",
    "WHERE TRUE
     ON CONFLICT (lane, customer_id, name, source) DO UPDATE SET
         claimed = EXCLUDED.claimed, observed_at = EXCLUDED.observed_at, trust = EXCLUDED.trust,
         expires_at = EXCLUDED.expires_at, recorded_at = EXCLUDED.recorded_at"
);
const ALL: &str = concat!(
    "
    SELECT customer_id, name, source, claimed, observed_at, trust, expires_at, recorded_at, ",
    key_of!("profile_claim"),
    "
    FROM profile_claim
    WHERE lane = $1 AND customer_id = $2
    ORDER BY name, source
    LIMIT $3"
);
/// The name twice: a list of one name begins there, and the first page of all names before all.
const LIST: &str = concat!(
    "
    SELECT customer_id, name, source, claimed, observed_at, trust, expires_at, recorded_at, ",
    key_of!("profile_claim"),
    "
    FROM profile_claim
    WHERE lane = $1 AND customer_id = $2 AND ($3 = '' OR name = $3)
      AND (name, source, customer_id) > ($4, $5, $6)
    ORDER BY name, source
    LIMIT $7"
);
/// In the order of the table's key, for a snapshot.
const PAGE: &str = concat!(
    "
    SELECT customer_id, name, source, claimed, observed_at, trust, expires_at, recorded_at, ",
    key_of!("profile_claim"),
    "
    FROM profile_claim
    WHERE lane = $1 AND (customer_id, name, source) > ($2, $3, $4)
    ORDER BY customer_id, name, source
    LIMIT $5"
);

type Row = (
    String,
    String,
    String,
    Option<String>,
    i64,
    i32,
    Option<i64>,
    i64,
    Wrapped,
);

const CLAIMED: &str = "profile_claim.claimed";

/// A value as it is stored.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stored {
    Text(String),
    Integer(i64),
    /// In digits: a reader of JSON may round numbers.
    Number(String),
    Flag(bool),
    Instant(i64),
}

fn encode(value: &AttributeValue) -> String {
    let stored = match value {
        AttributeValue::Text(text) => Stored::Text(text.clone()),
        AttributeValue::Integer(integer) => Stored::Integer(*integer),
        AttributeValue::Number(number) => Stored::Number(number.to_string()),
        AttributeValue::Flag(flag) => Stored::Flag(*flag),
        AttributeValue::Instant(instant) => Stored::Instant(instant.as_micros()),
    };
    serde_json::to_string(&stored).expect("numbers and text are always JSON")
}

fn decode(text: &str) -> Option<AttributeValue> {
    Some(match serde_json::from_str(text).ok()? {
        Stored::Text(text) => AttributeValue::Text(text),
        Stored::Integer(integer) => AttributeValue::Integer(integer),
        Stored::Number(digits) => AttributeValue::Number(digits.parse().ok()?),
        Stored::Flag(flag) => AttributeValue::Flag(flag),
        Stored::Instant(micros) => AttributeValue::Instant(Timestamp::from_micros(micros)),
    })
}

/// Loads all claims about customers whose lanes are locked.
///
/// # Errors
/// When the database fails.
pub async fn load(
    tx: &mut Tx,
    lanes: Lanes,
    customers: &BTreeSet<CustomerId>,
) -> Result<BTreeMap<ClaimKey, ProfileClaim>, SqlError> {
    let key = |id: &CustomerId| (lanes.of(id.as_str()), id.to_string());
    let keys: Vec<(Lane, String)> = customers.iter().map(key).collect();
    let mut known = BTreeMap::new();
    for row in load_rows!(tx, LOAD, keys, Row) {
        let claim = claim(tx.keys(), row)?;
        known.insert(claim.key(), claim);
    }
    Ok(known)
}

/// Saves claims; each takes the place of the one of its key.
///
/// # Errors
/// When the database fails.
pub async fn save(tx: &mut Tx, lanes: Lanes, claims: &[&ProfileClaim]) -> Result<(), SqlError> {
    need(tx, lanes, claims.iter().map(|it| &it.customer)).await?;
    let row = |it: &&ProfileClaim| {
        let seal = |value| tx.seal_text(&it.customer, CLAIMED, &encode(value));
        (
            lanes.of(it.customer.as_str()),
            it.customer.to_string(),
            it.name.as_str().to_owned(),
            it.source.clone(),
            it.value.as_ref().map(seal),
            it.observed_at.as_micros(),
            it.trust,
            it.expires_at.map(Timestamp::as_micros),
            it.recorded_at.as_micros(),
        )
    };
    let rows: Vec<_> = claims.iter().map(row).collect();
    execute(tx, SAVE, &rows).await
}

/// Returns all claims about a customer.
///
/// # Errors
/// When the database fails.
pub async fn all(db: &Db, customer: &CustomerId) -> Result<Vec<ProfileClaim>, SqlError> {
    let lane = db.lanes().of(customer.as_str());
    let most = i64::try_from(CLAIMS_MAX).expect("hundreds");
    let rows: Vec<Row> = with_pool!(db, |pool| {
        let query = sqlx::query_as(ALL).bind(lane).bind(customer.as_str());
        query.bind(most).fetch_all(pool).await?
    });
    let keys = db.keys().await?;
    rows.into_iter().map(|row| claim(keys, row)).collect()
}

/// Returns up to `limit` claims about a customer, under one name or (empty) all, that come after the one with
/// the name, the source and the customer of `after`.
///
/// # Errors
/// When the database fails.
pub async fn list(
    db: &Db,
    customer: &CustomerId,
    name: &str,
    after: (&str, &str, &str),
    limit: i64,
) -> Result<Vec<ProfileClaim>, SqlError> {
    let lane = db.lanes().of(customer.as_str());
    let rows: Vec<Row> = with_pool!(db, |pool| {
        let query = sqlx::query_as(LIST).bind(lane).bind(customer.as_str());
        let query = query.bind(name).bind(after.0).bind(after.1).bind(after.2);
        query.bind(limit).fetch_all(pool).await?
    });
    let keys = db.keys().await?;
    rows.into_iter().map(|row| claim(keys, row)).collect()
}

/// Returns up to `limit` claims of a lane that follow the one of which `after` is the key, each with its
/// key, as a transaction sees them.
///
/// # Errors
/// When the database fails.
pub(super) async fn page(
    tx: &mut Tx,
    lane: Lane,
    after: &str,
    limit: i64,
) -> Result<Vec<(String, Fact)>, SqlError> {
    // A source may hold spaces; it stands last.
    let mut parts = after.splitn(3, ' ');
    let mut part = || parts.next().unwrap_or_default();
    let (customer, name, source) = (part(), part(), part());
    let rows: Vec<Row> = with_tx!(tx, |conn| {
        let page = sqlx::query_as(PAGE).bind(lane).bind(customer).bind(name);
        page.bind(source).bind(limit).fetch_all(conn).await?
    });
    let fact = |row| {
        let claim = claim(tx.keys(), row)?;
        let key = format!(
            "{} {} {}",
            claim.customer,
            claim.name.as_str(),
            claim.source
        );
        Ok((key, Fact::Profile(claim)))
    };
    rows.into_iter().map(fact).collect()
}

fn claim(keys: &Keys, row: Row) -> Result<ProfileClaim, SqlError> {
    let (customer, name, source, claimed, observed, trust, expires, recorded, key) = row;
    let claimed = keys
        .opener(&customer, &key)?
        .text(CLAIMED, claimed.as_deref().unwrap_or_default())?;
    // What the source withdrew, and what the key is gone of, is the same: nothing.
    let value = (!claimed.is_empty()).then(|| read("claimed", decode(&claimed)));
    Ok(ProfileClaim {
        customer: read("customer_id", CustomerId::parse(&customer).ok())?,
        name: read("name", AttributeName::parse(&name).ok())?,
        source,
        value: value.transpose()?,
        observed_at: Timestamp::from_micros(observed),
        trust,
        expires_at: expires.map(Timestamp::from_micros),
        recorded_at: Timestamp::from_micros(recorded),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_stored_exactly() {
        for value in [
            AttributeValue::Text("a \"b\"".into()),
            AttributeValue::Integer(i64::MIN),
            AttributeValue::Number(0.1 + 0.2),
            AttributeValue::Number(f64::MIN_POSITIVE),
            AttributeValue::Flag(false),
            AttributeValue::Instant(Timestamp::MAX),
        ] {
            assert_eq!(decode(&encode(&value)), Some(value));
        }
        assert_eq!(decode("{\"number\":\"x\"}"), None);
    }
}
