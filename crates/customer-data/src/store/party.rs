//! Tables `party_name`, `party_status` and `contact_medium`: a customer as a party.

use tenure_core::{CustomerId, Lane, Lanes, MediumId, Timestamp};
use tenure_sql::{SqlError, with_pool, with_tx};

use super::rows::{RowsSql, execute, load_rows, read, rows_sql};
use super::seal::{Wrapped, key_of, need};
use crate::domain::party::{
    ContactMedium, CustomerStatus, EmailAddress, MediumKind, Party, PartyName, PostalAddress,
    Reach, Status,
};
use crate::domain::words::CustomerKind;
use crate::domain::{Fact, Interval, Msisdn};
use crate::store::{Db, Tx};
use crate::vault::Keys;

const KINDS: RowsSql = rows_sql!(
    "SELECT customer.customer_id, customer.kind
     FROM",
    "JOIN customer ON customer.lane = CAST(value ->> 0 AS INTEGER)
                  AND customer.customer_id = value ->> 1"
);
const NAME: &str = concat!(
    "
    SELECT title, given_name, middle_name, family_name, legal_name, ",
    key_of!("party_name"),
    " FROM party_name
    WHERE lane = $1 AND customer_id = $2"
);
/// Also in a list: what follows a status that began at `$3`, newest first.
const STATUSES: &str = concat!(
    "
    SELECT valid_from, valid_until, status, reason, ",
    key_of!("party_status"),
    " FROM party_status
    WHERE lane = $1 AND customer_id = $2 AND valid_from < $3
    ORDER BY valid_from DESC
    LIMIT $4"
);
const MEDIA: &str = concat!(
    "
    SELECT medium_id, kind, reach, preferred, valid_from, valid_until, ",
    key_of!("contact_medium"),
    " FROM contact_medium
    WHERE lane = $1 AND customer_id = $2
    ORDER BY medium_id"
);
/// Customers of whom anything is known here, in order, for a snapshot.
const PAGE: &str = "
    SELECT customer_id FROM (
        SELECT customer_id FROM party_name WHERE lane = $1 AND customer_id > $2
        UNION
        SELECT customer_id FROM party_status WHERE lane = $1 AND customer_id > $2
        UNION
        SELECT customer_id FROM contact_medium WHERE lane = $1 AND customer_id > $2) AS known
    ORDER BY customer_id
    LIMIT $3";
const SAVE_NAME: &str = "
    INSERT INTO party_name (lane, customer_id, title, given_name, middle_name, family_name,
                            legal_name)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (lane, customer_id) DO UPDATE SET
        title = EXCLUDED.title, given_name = EXCLUDED.given_name,
        middle_name = EXCLUDED.middle_name, family_name = EXCLUDED.family_name,
        legal_name = EXCLUDED.legal_name";
const SAVE_STATUSES: RowsSql = rows_sql!(
    "INSERT INTO party_status (lane, customer_id, valid_from, valid_until, status, reason)
     SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, CAST(value ->> 2 AS BIGINT),
            CAST(value ->> 3 AS BIGINT), CAST(value ->> 4 AS INTEGER), value ->> 5
     FROM",
    "WHERE TRUE
     ON CONFLICT (lane, customer_id, valid_from) DO UPDATE SET valid_until = EXCLUDED.valid_until"
);
const SAVE_MEDIA: RowsSql = rows_sql!(
    "INSERT INTO contact_medium (lane, customer_id, medium_id, kind, reach, preferred, valid_from,
                                 valid_until)
     SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, value ->> 2, CAST(value ->> 3 AS INTEGER),
            value ->> 4, CAST(value ->> 5 AS BIGINT), CAST(value ->> 6 AS BIGINT),
            CAST(value ->> 7 AS BIGINT)
     FROM",
    "WHERE TRUE
     ON CONFLICT (lane, customer_id, medium_id) DO UPDATE SET
         kind = EXCLUDED.kind, reach = EXCLUDED.reach, preferred = EXCLUDED.preferred,
         valid_from = EXCLUDED.valid_from, valid_until = EXCLUDED.valid_until"
);

type NameRow = (String, String, String, String, String, Wrapped);
type StatusRow = (i64, i64, i32, String, Wrapped);
type MediumRow = (String, i32, String, i64, i64, i64, Wrapped);

const TITLE: &str = "party_name.title";
const GIVEN_NAME: &str = "party_name.given_name";
const MIDDLE_NAME: &str = "party_name.middle_name";
const FAMILY_NAME: &str = "party_name.family_name";
const LEGAL_NAME: &str = "party_name.legal_name";
const REASON: &str = "party_status.reason";
const REACH: &str = "contact_medium.reach";

/// Returns what those of some customers are that exist.
///
/// # Errors
/// When the database fails.
pub async fn kinds(
    tx: &mut Tx,
    lanes: Lanes,
    ids: &[&CustomerId],
) -> Result<Vec<(CustomerId, CustomerKind)>, SqlError> {
    let keys: Vec<(Lane, &str)> = ids
        .iter()
        .map(|id| (lanes.of(id.as_str()), id.as_str()))
        .collect();
    let rows = load_rows!(tx, KINDS, keys, (String, i32));
    let known = |(id, kind): (String, i32)| {
        let id = read("customer_id", CustomerId::parse(&id).ok())?;
        Ok((id, read("kind", CustomerKind::from_number(kind))?))
    };
    rows.into_iter().map(known).collect()
}

/// Loads a party, with its last status, behind the lock of the customer's lane.
///
/// # Errors
/// When the database fails.
pub async fn load(tx: &mut Tx, lanes: Lanes, customer: &CustomerId) -> Result<Party, SqlError> {
    load_of(tx, lanes.of(customer.as_str()), customer).await
}

async fn load_of(tx: &mut Tx, lane: Lane, customer: &CustomerId) -> Result<Party, SqlError> {
    let id = customer.as_str();
    let last = Timestamp::MAX.as_micros();
    let name: Option<NameRow> = with_tx!(tx, |conn| {
        sqlx::query_as(NAME)
            .bind(lane)
            .bind(id)
            .fetch_optional(conn)
            .await?
    });
    let status: Vec<StatusRow> = with_tx!(tx, |conn| {
        let query = sqlx::query_as(STATUSES).bind(lane).bind(id);
        query.bind(last).bind(1_i64).fetch_all(conn).await?
    });
    let media: Vec<MediumRow> = with_tx!(tx, |conn| {
        sqlx::query_as(MEDIA)
            .bind(lane)
            .bind(id)
            .fetch_all(conn)
            .await?
    });
    party(tx.keys(), customer, (name, status, media))
}

/// Returns a party as it is at an instant.
///
/// # Errors
/// When the database fails.
pub async fn get(db: &Db, customer: &CustomerId, at: Timestamp) -> Result<Party, SqlError> {
    let (lane, id) = (db.lanes().of(customer.as_str()), customer.as_str());
    let name: Option<NameRow> = with_pool!(db, |pool| {
        sqlx::query_as(NAME)
            .bind(lane)
            .bind(id)
            .fetch_optional(pool)
            .await?
    });
    let status: Vec<StatusRow> = with_pool!(db, |pool| {
        let query = sqlx::query_as(STATUSES).bind(lane).bind(id);
        query
            .bind(at.as_micros() + 1)
            .bind(1_i64)
            .fetch_all(pool)
            .await?
    });
    let media: Vec<MediumRow> = with_pool!(db, |pool| {
        sqlx::query_as(MEDIA)
            .bind(lane)
            .bind(id)
            .fetch_all(pool)
            .await?
    });
    Ok(party(db.keys().await?, customer, (name, status, media))?.at(at))
}

fn party(
    keys: &Keys,
    customer: &CustomerId,
    (name, statuses, media): (Option<NameRow>, Vec<StatusRow>, Vec<MediumRow>),
) -> Result<Party, SqlError> {
    let name = name
        .map(|row| self::name(keys, customer, &row))
        .transpose()?;
    let mut statuses = statuses.into_iter().map(|row| status(keys, customer, row));
    let media = media.into_iter().map(|row| medium(keys, customer, row));
    Ok(Party {
        customer: customer.clone(),
        status: statuses.next().transpose()?,
        name: name.unwrap_or_default(),
        media: media.collect::<Result<_, _>>()?,
    })
}

fn name(keys: &Keys, customer: &CustomerId, row: &NameRow) -> Result<PartyName, SqlError> {
    let opener = keys.opener(customer.as_str(), &row.5)?;
    Ok(PartyName {
        title: opener.text(TITLE, &row.0)?,
        given_name: opener.text(GIVEN_NAME, &row.1)?,
        middle_name: opener.text(MIDDLE_NAME, &row.2)?,
        family_name: opener.text(FAMILY_NAME, &row.3)?,
        legal_name: opener.text(LEGAL_NAME, &row.4)?,
    })
}

fn status(keys: &Keys, customer: &CustomerId, row: StatusRow) -> Result<Status, SqlError> {
    let (from, until, status, reason, key) = row;
    let opener = keys.opener(customer.as_str(), &key)?;
    Ok(Status {
        status: read("status", CustomerStatus::from_number(status))?,
        reason: opener.text(REASON, &reason)?,
        valid: interval(from, until)?,
    })
}

/// Returns the interval of two columns.
pub(super) fn interval(from: i64, until: i64) -> Result<Interval, SqlError> {
    let (from, until) = (Timestamp::from_micros(from), Timestamp::from_micros(until));
    read("valid_until", Interval::new(from, Some(until)))
}

fn medium(keys: &Keys, customer: &CustomerId, row: MediumRow) -> Result<ContactMedium, SqlError> {
    let (id, kind, reach, preferred, from, until, key) = row;
    let reach = keys.opener(customer.as_str(), &key)?.text(REACH, &reach)?;
    let reach = match read("kind", MediumKind::from_number(kind))? {
        MediumKind::Phone => Reach::Phone(read("reach", Msisdn::parse(&reach).ok())?),
        MediumKind::Email => Reach::Email(read("reach", EmailAddress::parse(&reach).ok())?),
        MediumKind::Post => {
            let [street, postal_code, city, region, country_code] =
                read("reach", serde_json::from_str(&reach).ok())?;
            Reach::Post(PostalAddress {
                street,
                postal_code,
                city,
                region,
                country_code,
            })
        }
    };
    Ok(ContactMedium {
        id: read("medium_id", MediumId::parse(&id).ok())?,
        reach,
        is_preferred: preferred != 0,
        valid: interval(from, until)?,
    })
}

/// Returns up to `limit` statuses of a customer that began before `before`, newest first.
///
/// # Errors
/// When the database fails.
pub async fn list_statuses(
    db: &Db,
    customer: &CustomerId,
    before: i64,
    limit: i64,
) -> Result<Vec<Status>, SqlError> {
    let lane = db.lanes().of(customer.as_str());
    let rows: Vec<StatusRow> = with_pool!(db, |pool| {
        let query = sqlx::query_as(STATUSES).bind(lane).bind(customer.as_str());
        query.bind(before).bind(limit).fetch_all(pool).await?
    });
    let keys = db.keys().await?;
    let status = |row| status(keys, customer, row);
    rows.into_iter().map(status).collect()
}

/// Saves the name of a party.
///
/// # Errors
/// When the database fails.
pub async fn save_name(tx: &mut Tx, lanes: Lanes, party: &Party) -> Result<(), SqlError> {
    let (customer, name) = (&party.customer, &party.name);
    need(tx, lanes, [customer]).await?;
    let sealed = [
        tx.seal_text(customer, TITLE, &name.title),
        tx.seal_text(customer, GIVEN_NAME, &name.given_name),
        tx.seal_text(customer, MIDDLE_NAME, &name.middle_name),
        tx.seal_text(customer, FAMILY_NAME, &name.family_name),
        tx.seal_text(customer, LEGAL_NAME, &name.legal_name),
    ];
    let lane = lanes.of(customer.as_str());
    with_tx!(tx, |conn| {
        let query = sqlx::query(SAVE_NAME).bind(lane).bind(customer.as_str());
        let query = sealed.iter().fold(query, sqlx::query::Query::bind);
        query.execute(conn).await?;
    });
    Ok(())
}

/// Saves statuses of a customer.
///
/// # Errors
/// When the database fails.
pub async fn save_statuses(
    tx: &mut Tx,
    lanes: Lanes,
    customer: &CustomerId,
    statuses: &[&Status],
) -> Result<(), SqlError> {
    need(tx, lanes, [customer]).await?;
    let row = |it: &&Status| {
        let (from, until) = (it.valid.from().as_micros(), it.valid.until().as_micros());
        let lane = lanes.of(customer.as_str());
        let reason = tx.seal_text(customer, REASON, &it.reason);
        let status = it.status.number();
        (
            lane,
            customer.as_str().to_owned(),
            from,
            until,
            status,
            reason,
        )
    };
    let rows: Vec<_> = statuses.iter().map(row).collect();
    execute(tx, SAVE_STATUSES, &rows).await
}

/// Saves contact media of a customer.
///
/// # Errors
/// When the database fails.
pub async fn save_media(
    tx: &mut Tx,
    lanes: Lanes,
    customer: &CustomerId,
    media: &[ContactMedium],
) -> Result<(), SqlError> {
    need(tx, lanes, [customer]).await?;
    let row = |it: &ContactMedium| {
        let reach = match &it.reach {
            Reach::Phone(number) => number.as_str().to_owned(),
            Reach::Email(address) => address.as_str().to_owned(),
            Reach::Post(at) => {
                let parts = [
                    &at.street,
                    &at.postal_code,
                    &at.city,
                    &at.region,
                    &at.country_code,
                ];
                serde_json::to_string(&parts).expect("texts are always JSON")
            }
        };
        (
            lanes.of(customer.as_str()),
            customer.as_str().to_owned(),
            it.id.as_str().to_owned(),
            it.reach.kind().number(),
            tx.seal_text(customer, REACH, &reach),
            i64::from(it.is_preferred),
            it.valid.from().as_micros(),
            it.valid.until().as_micros(),
        )
    };
    let rows: Vec<_> = media.iter().map(row).collect();
    execute(tx, SAVE_MEDIA, &rows).await
}

/// Returns up to `limit` parties of a lane that follow the customer `after`, each with its key, as a
/// transaction sees them.
///
/// # Errors
/// When the database fails.
pub(super) async fn page(
    tx: &mut Tx,
    lane: Lane,
    after: &str,
    limit: i64,
) -> Result<Vec<(String, Fact)>, SqlError> {
    let ids: Vec<String> = with_tx!(tx, |conn| {
        let page = sqlx::query_scalar(PAGE).bind(lane).bind(after);
        page.bind(limit).fetch_all(conn).await?
    });
    let mut facts = Vec::with_capacity(ids.len());
    for id in ids {
        let customer = read("customer_id", CustomerId::parse(&id).ok())?;
        facts.push((id, Fact::Party(load_of(tx, lane, &customer).await?)));
    }
    Ok(facts)
}
