//! Partners and their terms.

use std::collections::BTreeMap;

use tenure_core::{Currency, Lane, PageSize, Timestamp};
use tenure_sql::{Db, SqlError, Tx, with_pool, with_tx};

use super::blocks;
use super::lanes;
use super::rules::{self, Rules};
use crate::domain::{Partner, PartnerKind, PartnerRefusal, Partners, Payment, Prices, Terms};

/// The most partners: all of them stand in memory.
const PARTNERS_MAX: i64 = 10_000;
/// The most terms of a partner.
const TERMS_MAX: i64 = 1_000;

/// A partner as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredPartner {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) kind: PartnerKind,
    pub(crate) payment: Payment,
    pub(crate) currency: Currency,
    pub(crate) is_closed: bool,
    /// Below so many prepaid points somebody is told; 0 for never.
    pub(crate) alert: i64,
    /// The number of its newest terms.
    pub(crate) terms: i64,
    pub(crate) created_at: Timestamp,
    pub(crate) created_by: String,
    pub(crate) updated_at: Timestamp,
    pub(crate) updated_by: String,
}

/// Terms as they are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredTerms {
    pub(crate) terms: Terms,
    pub(crate) created_at: Timestamp,
    pub(crate) created_by: String,
}

impl StoredTerms {
    /// Returns the first terms of a partner.
    pub(crate) fn first(partner: &StoredPartner, prices: Prices) -> Self {
        Self {
            terms: Terms {
                number: 1,
                effective_from: Timestamp::MIN,
                prices,
            },
            created_at: partner.created_at,
            created_by: partner.created_by.clone(),
        }
    }
}

type Row = (
    String,
    String,
    i64,
    i64,
    String,
    i64,
    i64,
    i64,
    i64,
    String,
    i64,
    String,
);

fn partner(row: Row) -> Result<StoredPartner, SqlError> {
    let (id, name, kind, payment, currency, is_closed, alert, terms, created, by, ..) = row;
    let wrong = || SqlError::corrupt("a stored partner cannot be read");
    let number = |number: i64| i16::try_from(number).ok();
    Ok(StoredPartner {
        id,
        name,
        kind: number(kind)
            .and_then(PartnerKind::from_number)
            .ok_or_else(wrong)?,
        payment: number(payment)
            .and_then(Payment::from_number)
            .ok_or_else(wrong)?,
        currency: Currency::parse(&currency).map_err(|_| wrong())?,
        is_closed: is_closed != 0,
        alert,
        terms,
        created_at: Timestamp::from_micros(created),
        created_by: by,
        updated_at: Timestamp::from_micros(row.10),
        updated_by: row.11,
    })
}

type TermsRow = (String, i64, i64, String, i64, String);

fn terms(
    (_, number, from, body, created_at, created_by): TermsRow,
) -> Result<StoredTerms, SqlError> {
    let prices = serde_json::from_str(&body);
    let prices = prices.map_err(|_| SqlError::corrupt("stored terms cannot be read"))?;
    Ok(StoredTerms {
        terms: Terms {
            number,
            effective_from: Timestamp::from_micros(from),
            prices,
        },
        created_at: Timestamp::from_micros(created_at),
        created_by,
    })
}

const ALL: &str = "
    SELECT partner_id, display_name, kind, payment, currency, is_closed, alert_points, terms,
           created_at, created_by, updated_at, updated_by
    FROM partner
    ORDER BY partner_id";
const ALL_TERMS: &str = "
    SELECT partner_id, number, effective_from, body, created_at, created_by FROM partner_terms
    ORDER BY partner_id, number";

/// Reads all partners. Under a lock of any lane these are those of its epoch.
pub(super) async fn all(tx: &mut Tx) -> Result<Partners, SqlError> {
    let rows: Vec<Row> = with_tx!(tx, |conn| sqlx::query_as(ALL).fetch_all(conn).await?);
    let agreed: Vec<TermsRow> =
        with_tx!(tx, |conn| sqlx::query_as(ALL_TERMS).fetch_all(conn).await?);
    let mut by_partner: BTreeMap<String, Vec<Terms>> = BTreeMap::new();
    for row in agreed {
        let id = row.0.clone();
        by_partner.entry(id).or_default().push(terms(row)?.terms);
    }
    let mut blocks = blocks::all(tx).await?;
    let mut partners = Partners::default();
    for row in rows {
        let found = partner(row)?;
        partners.add(Partner {
            id: found.id.as_str().into(),
            kind: found.kind,
            payment: found.payment,
            is_closed: found.is_closed,
            terms: by_partner.remove(&found.id).unwrap_or_default(),
            blocks: blocks.remove(&found.id).unwrap_or_default(),
            alert: found.alert,
        });
    }
    Ok(partners)
}

const PARTNER: &str = "
    SELECT partner_id, display_name, kind, payment, currency, is_closed, alert_points, terms,
           created_at, created_by, updated_at, updated_by
    FROM partner
    WHERE partner_id = $1";

/// Returns a partner.
pub(crate) async fn find(db: &Db, id: &str) -> Result<Option<StoredPartner>, SqlError> {
    let row: Option<Row> = with_pool!(db, |pool| {
        sqlx::query_as(PARTNER)
            .bind(id)
            .fetch_optional(pool)
            .await?
    });
    row.map(partner).transpose()
}

/// Returns a partner within a transaction.
pub(crate) async fn find_in(tx: &mut Tx, id: &str) -> Result<Option<StoredPartner>, SqlError> {
    let row: Option<Row> = with_tx!(tx, |conn| {
        sqlx::query_as(PARTNER)
            .bind(id)
            .fetch_optional(conn)
            .await?
    });
    row.map(partner).transpose()
}

const PAGE: &str = "
    SELECT partner_id, display_name, kind, payment, currency, is_closed, alert_points, terms,
           created_at, created_by, updated_at, updated_by
    FROM partner
    WHERE partner_id > $1
    ORDER BY partner_id
    LIMIT $2";

/// Returns the partners after `after` by id, and one more than a page if there are.
pub(crate) async fn page(
    db: &Db,
    after: &str,
    size: PageSize,
) -> Result<Vec<StoredPartner>, SqlError> {
    let rows: Vec<Row> = with_pool!(db, |pool| {
        let page = sqlx::query_as(PAGE).bind(after).bind(size.probe());
        page.fetch_all(pool).await?
    });
    rows.into_iter().map(partner).collect()
}

const TERMS: &str = "
    SELECT partner_id, number, effective_from, body, created_at, created_by FROM partner_terms
    WHERE partner_id = $1
    ORDER BY number";

/// Returns all terms of a partner.
pub(crate) async fn terms_of(db: &Db, id: &str) -> Result<Vec<StoredTerms>, SqlError> {
    let rows: Vec<TermsRow> = with_pool!(db, |pool| {
        sqlx::query_as(TERMS).bind(id).fetch_all(pool).await?
    });
    rows.into_iter().map(terms).collect()
}

/// Returns all terms of a partner within a transaction.
pub(crate) async fn terms_in(tx: &mut Tx, id: &str) -> Result<Vec<StoredTerms>, SqlError> {
    let rows: Vec<TermsRow> = with_tx!(tx, |conn| {
        sqlx::query_as(TERMS).bind(id).fetch_all(conn).await?
    });
    rows.into_iter().map(terms).collect()
}

/// Returns the terms in force: those that began last.
pub(crate) fn in_force(terms: &[StoredTerms], now: Timestamp) -> Option<&StoredTerms> {
    let begun = terms.iter().filter(|it| it.terms.effective_from <= now);
    begun.max_by_key(|it| (it.terms.effective_from, it.terms.number))
}

/// Returns the prices of all terms of a partner.
pub(super) async fn prices_in(tx: &mut Tx, id: &str) -> Result<BTreeMap<i64, Prices>, SqlError> {
    let agreed = terms_in(tx, id).await?.into_iter();
    Ok(agreed
        .map(|found| (found.terms.number, found.terms.prices))
        .collect())
}

const COUNT: &str = "SELECT COUNT(*) FROM partner";
const CREATE: &str = "
    INSERT INTO partner (partner_id, display_name, kind, payment, currency, is_closed, alert_points,
                         terms, settlements, created_at, created_by, updated_at, updated_by)
    VALUES ($1, $2, $3, $4, $5, 0, $6, 1, 0, $7, $8, $7, $8)
    ON CONFLICT DO NOTHING";
const AGREE: &str = "
    INSERT INTO partner_terms (partner_id, number, effective_from, body, created_at, created_by)
    VALUES ($1, $2, $3, $4, $5, $6)";

/// Locks all lanes, so that every decision afterwards knows the partners as they are then; returns
/// the epoch before.
pub(super) async fn change(
    tx: &mut Tx,
    lanes: impl Iterator<Item = Lane>,
) -> Result<i64, SqlError> {
    let lanes: Vec<Lane> = lanes.collect();
    let locked = lanes::lock(tx, &lanes).await?;
    rules::raise(tx).await?;
    Ok(locked.epoch)
}

/// Creates a partner with its first terms, in force since ever; says why not, when there is one.
pub(crate) async fn create(
    tx: &mut Tx,
    lanes: impl Iterator<Item = Lane>,
    wanted: &StoredPartner,
    prices: &Prices,
) -> Result<Result<(), PartnerRefusal>, SqlError> {
    change(tx, lanes).await?;
    let count: i64 = with_tx!(tx, |conn| sqlx::query_scalar(COUNT).fetch_one(conn).await?);
    if count >= PARTNERS_MAX {
        let most = PARTNERS_MAX;
        return Ok(Err(PartnerRefusal::Limit { most }));
    }
    let created = with_tx!(tx, |conn| {
        let create = sqlx::query(CREATE).bind(&wanted.id).bind(&wanted.name);
        let create = create
            .bind(i64::from(wanted.kind.number()))
            .bind(i64::from(wanted.payment.number()))
            .bind(wanted.currency.as_str())
            .bind(wanted.alert)
            .bind(wanted.created_at.as_micros())
            .bind(&wanted.created_by);
        create.execute(conn).await?.rows_affected()
    });
    if created == 0 {
        let partner = wanted.id.clone();
        return Ok(Err(PartnerRefusal::Exists { partner }));
    }
    let from = Timestamp::MIN;
    let by = (wanted.created_at, wanted.created_by.as_str());
    agree(tx, &wanted.id, (1, from), prices, by).await?;
    Ok(Ok(()))
}

async fn agree(
    tx: &mut Tx,
    id: &str,
    (number, from): (i64, Timestamp),
    prices: &Prices,
    (at, by): (Timestamp, &str),
) -> Result<(), SqlError> {
    let body = serde_json::to_string(prices).expect("prices are numbers and text");
    with_tx!(tx, |conn| {
        let agree = sqlx::query(AGREE).bind(id).bind(number);
        let agree = agree.bind(from.as_micros()).bind(body);
        agree.bind(at.as_micros()).bind(by).execute(conn).await?;
    });
    Ok(())
}

const UPDATE: &str = "
    UPDATE partner
    SET display_name = $2, kind = $3, is_closed = $4, alert_points = $5, terms = $6,
        updated_at = $7, updated_by = $8
    WHERE partner_id = $1";

/// What is new about a partner.
#[derive(Debug, Clone, Default)]
pub(crate) struct Update {
    pub(crate) name: Option<String>,
    pub(crate) kind: Option<PartnerKind>,
    pub(crate) is_closed: Option<bool>,
    pub(crate) alert: Option<i64>,
    /// New prices, and from when on.
    pub(crate) prices: Option<(Prices, Timestamp)>,
}

/// Changes a partner; not while rules have it fund points that it would fund no longer.
pub(crate) async fn update(
    tx: &mut Tx,
    lanes: impl Iterator<Item = Lane>,
    rules: &Rules,
    (id, update): (&str, Update),
    (now, by): (Timestamp, &str),
) -> Result<Result<StoredPartner, PartnerRefusal>, SqlError> {
    let epoch = change(tx, lanes).await?;
    let partner = id.to_owned();
    let Some(mut found) = find_in(tx, id).await? else {
        return Ok(Err(PartnerRefusal::NotFound { partner }));
    };
    found.kind = update.kind.unwrap_or(found.kind);
    found.is_closed = update.is_closed.unwrap_or(found.is_closed);
    if found.is_closed || found.kind == PartnerKind::Redemption {
        let catalogue = rules.under_lock(tx, epoch).await?;
        if let Some(programme) = catalogue.funded_by(id, now) {
            let programme = programme.to_owned();
            return Ok(Err(PartnerRefusal::InUse { partner, programme }));
        }
    }
    if let Some((prices, from)) = &update.prices {
        if found.terms >= TERMS_MAX {
            let most = TERMS_MAX;
            return Ok(Err(PartnerRefusal::Limit { most }));
        }
        found.terms += 1;
        agree(tx, id, (found.terms, *from), prices, (now, by)).await?;
    }
    found.name = update.name.unwrap_or(found.name);
    found.alert = update.alert.unwrap_or(found.alert);
    found.updated_at = now;
    by.clone_into(&mut found.updated_by);
    with_tx!(tx, |conn| {
        let update = sqlx::query(UPDATE).bind(id).bind(&found.name);
        let update = update
            .bind(i64::from(found.kind.number()))
            .bind(i64::from(found.is_closed))
            .bind(found.alert)
            .bind(found.terms)
            .bind(now.as_micros())
            .bind(by);
        update.execute(conn).await?;
    });
    Ok(Ok(found))
}
