//! Table `consent`: the ledger. Statements here add and read; none changes a row.

use std::collections::BTreeSet;

use tenure_core::{CustomerId, Lane, Lanes, Timestamp};
use tenure_sql::{SqlError, with_pool, with_tx};
use uuid::Uuid;

use super::rows::{RowsSql, execute, load_rows, read, rows_sql};
use super::seal::{Wrapped, key_of, need};
use crate::domain::consent::{ContactPoint, Question, Scope};
use crate::domain::words::{Channel, ConsentPurpose, ConsentStatus, LegalBasis};
use crate::domain::{Book, Consent, Fact};
use crate::store::{Db, Tx};
use crate::vault::Keys;

/// The last record of each customer.
const LOAD: RowsSql = rows_sql!(
    key_of "c",
    "SELECT c.customer_id, c.recorded_at, c.consent_id, c.purpose, c.channel, c.sealed,
            c.status, c.legal_basis, c.text_version, c.source, c.actor, c.valid_from, c.valid_until",
    "JOIN consent AS c ON c.lane = CAST(value ->> 0 AS INTEGER)
                      AND c.customer_id = value ->> 1
                      AND c.recorded_at = (
                          SELECT MAX(last.recorded_at) FROM consent AS last
                          WHERE last.lane = CAST(value ->> 0 AS INTEGER)
                            AND last.customer_id = value ->> 1)"
);
const ADD: RowsSql = rows_sql!(
    "INSERT INTO consent (lane, customer_id, recorded_at, consent_id, purpose, channel,
                          contact_point, status, legal_basis, text_version, source, actor,
                          valid_from, valid_until, sealed)
     SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, CAST(value ->> 2 AS BIGINT), value ->> 3,
            CAST(value ->> 4 AS INTEGER), CAST(value ->> 5 AS INTEGER), value ->> 6,
            CAST(value ->> 7 AS INTEGER), CAST(value ->> 8 AS INTEGER), value ->> 9, value ->> 10,
            value ->> 11, CAST(value ->> 12 AS BIGINT), CAST(value ->> 13 AS BIGINT),
            value ->> 14
     FROM",
    ""
);
/// Of each scope that covers the question the record that counts: however long the ledger, at most
/// four rows come back.
const LATEST: &str = concat!(
    "
    SELECT customer_id, recorded_at, consent_id, purpose, channel, sealed, status,
           legal_basis, text_version, source, actor, valid_from, valid_until, ",
    key_of!("known"),
    "
    FROM (
        SELECT consent.*, ROW_NUMBER() OVER (
                   PARTITION BY channel, contact_point
                   ORDER BY valid_from DESC, recorded_at DESC) AS place
        FROM consent
        WHERE lane = $1 AND customer_id = $2 AND purpose = $3
          AND channel IN (0, $4) AND contact_point IN ('', $5)
          AND valid_from <= $6 AND recorded_at <= $7) AS known
    WHERE place = 1"
);
/// The table's key, read backwards.
const LIST: &str = concat!(
    "
    SELECT customer_id, recorded_at, consent_id, purpose, channel, sealed, status,
           legal_basis, text_version, source, actor, valid_from, valid_until, ",
    key_of!("consent"),
    "
    FROM consent
    WHERE lane = $1 AND customer_id = $2 AND recorded_at <= $3
      AND (recorded_at, customer_id) < ($3, $4) AND ($5 = 0 OR purpose = $5)
    ORDER BY recorded_at DESC
    LIMIT $6"
);
/// In the order of the table's key, for a snapshot.
const PAGE: &str = concat!(
    "
    SELECT customer_id, recorded_at, consent_id, purpose, channel, sealed, status,
           legal_basis, text_version, source, actor, valid_from, valid_until, ",
    key_of!("consent"),
    "
    FROM consent
    WHERE lane = $1 AND (customer_id, recorded_at) > ($2, $3)
    ORDER BY customer_id, recorded_at
    LIMIT $4"
);

type Row = (
    String,
    i64,
    String,
    i32,
    i32,
    String,
    i32,
    i32,
    String,
    String,
    String,
    i64,
    i64,
    Wrapped,
);

const POINT: &str = "consent.sealed";

/// Returns by what a contact point of a customer is found, as far as there is one: nobody reads it from
/// that, nor whether another customer has the same.
fn index(keys: &Keys, customer: &CustomerId, scope: &Scope) -> String {
    match contact_point(scope) {
        "" => String::new(),
        point => keys.index("contact_point", format!("{customer} {point}").as_bytes()),
    }
}

pub(super) async fn load(
    tx: &mut Tx,
    lanes: Lanes,
    customers: &BTreeSet<CustomerId>,
    book: &mut Book,
) -> Result<(), SqlError> {
    let keys: Vec<_> = customers
        .iter()
        .map(|id| (lanes.of(id.as_str()), id.as_str()))
        .collect();
    for row in load_rows!(tx, LOAD, keys, Row) {
        let consent = known(tx.keys(), &row)?;
        let key = (consent.customer.clone(), consent.recorded_at);
        book.consents.load(key, consent);
    }
    Ok(())
}

pub(super) async fn save(tx: &mut Tx, lanes: Lanes, book: &Book) -> Result<(), SqlError> {
    let written = book.consents.written();
    need(tx, lanes, written.map(|((customer, _), _)| customer)).await?;
    let row = |c: &Consent| {
        serde_json::json!([
            lanes.of(c.customer.as_str()),
            c.customer.as_str(),
            c.recorded_at.as_micros(),
            c.id.to_string(),
            c.purpose.number(),
            channel(&c.scope),
            index(tx.keys(), &c.customer, &c.scope),
            c.status.number(),
            c.legal_basis.map_or(0, LegalBasis::number),
            c.text_version,
            c.source,
            c.actor,
            c.valid_from.as_micros(),
            c.valid_until.as_micros(),
            tx.seal_text(&c.customer, POINT, contact_point(&c.scope)),
        ])
    };
    let rows: Vec<_> = book.consents.written().map(|(_, c)| row(c)).collect();
    execute(tx, ADD, &rows).await
}

fn channel(scope: &Scope) -> i32 {
    scope.channel.map_or(0, Channel::number)
}

fn contact_point(scope: &Scope) -> &str {
    scope
        .contact_point
        .as_ref()
        .map_or("", |point| point.as_str())
}

/// Returns the records that can decide a question: of each scope the one that counts.
///
/// # Errors
/// When the database fails.
pub async fn latest(
    db: &Db,
    customer: &CustomerId,
    question: &Question,
) -> Result<Vec<Consent>, SqlError> {
    let lane = db.lanes().of(customer.as_str());
    let keys = db.keys().await?;
    let point = index(keys, customer, &question.scope);
    let rows: Vec<Row> = with_pool!(db, |pool| {
        let query = sqlx::query_as(LATEST)
            .bind(lane)
            .bind(customer.as_str())
            .bind(question.purpose.number())
            .bind(channel(&question.scope))
            .bind(point)
            .bind(question.at.as_micros())
            .bind(question.known_at.as_micros());
        query.fetch_all(pool).await?
    });
    rows.iter().map(|row| known(keys, row)).collect()
}

/// Returns up to `limit` records of a customer, the last first, that come after the one that was
/// recorded at an instant for a customer in the list of a whole record.
///
/// # Errors
/// When the database fails.
pub async fn list(
    db: &Db,
    customer: &CustomerId,
    purpose: Option<ConsentPurpose>,
    before: (i64, &str),
    limit: i64,
) -> Result<Vec<Consent>, SqlError> {
    let lane = db.lanes().of(customer.as_str());
    let rows: Vec<Row> = with_pool!(db, |pool| {
        let query = sqlx::query_as(LIST)
            .bind(lane)
            .bind(customer.as_str())
            .bind(before.0)
            .bind(before.1)
            .bind(purpose.map_or(0, ConsentPurpose::number));
        query.bind(limit).fetch_all(pool).await?
    });
    let keys = db.keys().await?;
    rows.iter().map(|row| known(keys, row)).collect()
}

/// Returns up to `limit` records of a lane that follow the one of which `after` is the key, each with
/// its key, as a transaction sees them.
///
/// # Errors
/// When the database fails.
pub(super) async fn page(
    tx: &mut Tx,
    lane: Lane,
    after: &str,
    limit: i64,
) -> Result<Vec<(String, Fact)>, SqlError> {
    let (customer, recorded) = after.split_once(' ').unwrap_or_default();
    let recorded = recorded.parse().unwrap_or(i64::MIN);
    let rows: Vec<Row> = with_tx!(tx, |conn| {
        let page = sqlx::query_as(PAGE).bind(lane).bind(customer);
        page.bind(recorded).bind(limit).fetch_all(conn).await?
    });
    let keyed = |row| {
        let fact = known(tx.keys(), row)?;
        let key = format!("{} {}", fact.customer, fact.recorded_at.as_micros());
        Ok((key, Fact::Consent(fact)))
    };
    rows.iter().map(keyed).collect()
}

fn known(keys: &Keys, row: &Row) -> Result<Consent, SqlError> {
    let (customer, recorded, id, purpose, channel, sealed, status, basis, text, ..) = row;
    let (.., source, actor, from, until, key) = row;
    let channel = match *channel {
        0 => None,
        number => Some(read("channel", Channel::from_number(number))?),
    };
    let legal_basis = match *basis {
        0 => None,
        number => Some(read("legal_basis", LegalBasis::from_number(number))?),
    };
    let contact_point = keys.opener(customer, key)?.text(POINT, sealed)?;
    let contact_point = ContactPoint::parse(&contact_point);
    Ok(Consent {
        id: read("consent_id", Uuid::try_parse(id).ok())?,
        customer: read("customer_id", CustomerId::parse(customer).ok())?,
        purpose: read("purpose", ConsentPurpose::from_number(*purpose))?,
        scope: Scope {
            channel,
            contact_point: read("contact_point", contact_point.ok())?,
        },
        status: read("status", ConsentStatus::from_number(*status))?,
        legal_basis,
        text_version: text.clone(),
        source: source.clone(),
        actor: actor.clone(),
        valid_from: Timestamp::from_micros(*from),
        valid_until: Timestamp::from_micros(*until),
        recorded_at: Timestamp::from_micros(*recorded),
    })
}
