//! The catalogue of rewards.

use std::collections::HashMap;

use tenure_core::{PageSize, ProgrammeId, Timestamp};
use tenure_sql::{Db, SqlError, Tx, with_pool, with_tx};

use crate::domain::{Counts, Offer, Refusal, RewardTerms, StockPlace, stock_key};

/// The most rewards.
pub(crate) const REWARDS_MAX: i64 = 100_000;

/// A reward as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct StoredReward {
    pub(crate) offer: Offer,
    /// Things that nobody fetched in time are free here, though no record says so yet.
    pub(crate) counts: Option<Counts>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) updated_by: String,
}

/// reward_id, programme_id, number, is_counted, created_at, body, created_at and created_by of the
/// version.
type RewardRow = (String, String, i64, i64, i64, String, i64, String);
/// stock_id, added, sold, returned, written_off, reserved, and how much of that is over.
type CountsRow = (String, i64, i64, i64, i64, i64, i64);

fn reward(
    row: RewardRow,
    lane: impl Fn(&str) -> tenure_core::Lane,
) -> Result<StoredReward, SqlError> {
    let (id, programme, version, is_counted, created_at, body, updated_at, updated_by) = row;
    let programme = ProgrammeId::parse(&programme);
    let terms: Result<RewardTerms, _> = serde_json::from_str(&body);
    let stock = (is_counted != 0).then(|| lane(&stock_key(&id)));
    Ok(StoredReward {
        offer: Offer {
            reward: id.into(),
            programme: programme.map_err(|_| SqlError::corrupt("a stored programme id is none"))?,
            version,
            terms: terms.map_err(|_| SqlError::corrupt("a stored reward cannot be read"))?,
            stock,
        },
        counts: None,
        created_at: Timestamp::from_micros(created_at),
        updated_at: Timestamp::from_micros(updated_at),
        updated_by,
    })
}

const FIND: &str = "
    SELECT r.reward_id, r.programme_id, v.number, r.is_counted, r.created_at, v.body, v.created_at,
           v.created_by
    FROM reward AS r
    JOIN reward_version AS v ON v.reward_id = r.reward_id AND v.number = r.head
    WHERE r.reward_id = $1";
const PAGE: &str = "
    SELECT r.reward_id, r.programme_id, v.number, r.is_counted, r.created_at, v.body, v.created_at,
           v.created_by
    FROM reward AS r
    JOIN reward_version AS v ON v.reward_id = r.reward_id AND v.number = r.head
    WHERE r.reward_id > $1
    ORDER BY r.reward_id
    LIMIT $2";
/// An instant follows, and which stocks.
const COUNTS: &str = "
    SELECT s.stock_id, s.added, s.sold, s.returned, s.written_off, s.reserved,
           CAST(COALESCE((SELECT SUM(r.quantity) FROM stock_reservation AS r
                          WHERE r.lane = s.lane AND r.stock_id = s.stock_id
                              AND r.expires_at <= ";
const OF_STOCKS: &str = "), 0) AS BIGINT)
    FROM stock AS s
    WHERE (s.lane, s.stock_id) IN (VALUES ";

fn counts((_, added, sold, returned, written_off, reserved, over): CountsRow) -> Counts {
    Counts {
        added,
        sold,
        returned,
        written_off,
        reserved: reserved - over,
    }
}

/// Returns a reward as it is offered now, without its stock.
pub(crate) async fn find(db: &Db, id: &str) -> Result<Option<StoredReward>, SqlError> {
    let row: Option<RewardRow> = with_pool!(db, |pool| {
        sqlx::query_as(FIND).bind(id).fetch_optional(pool).await?
    });
    let lane = |key: &str| db.lanes().of(key);
    row.map(|row| reward(row, lane)).transpose()
}

/// The same within a transaction.
pub(crate) async fn find_in(
    tx: &mut Tx,
    db: &Db,
    id: &str,
) -> Result<Option<StoredReward>, SqlError> {
    let row: Option<RewardRow> = with_tx!(tx, |conn| {
        sqlx::query_as(FIND).bind(id).fetch_optional(conn).await?
    });
    let lane = |key: &str| db.lanes().of(key);
    row.map(|row| reward(row, lane)).transpose()
}

/// Reads what there is of those rewards that are counted.
pub(crate) async fn read_counts(
    db: &Db,
    found: &mut [StoredReward],
    now: Timestamp,
) -> Result<(), SqlError> {
    let places = found.iter().filter_map(|found| found.offer.place());
    let places: Vec<StockPlace> = places.collect();
    if places.is_empty() {
        return Ok(());
    }
    let rows: Vec<CountsRow> = with_pool!(db, |pool| {
        let mut query = sqlx::QueryBuilder::new(COUNTS);
        query.push_bind(now.as_micros()).push(OF_STOCKS);
        let mut stocks = query.separated(", ");
        for place in &places {
            stocks.push("(").push_bind_unseparated(place.lane);
            stocks.push_unseparated(", ");
            stocks.push_bind_unseparated(place.stock.as_str());
            stocks.push_unseparated(")");
        }
        query.push(")");
        // Pages have many lengths: none of them is worth to be remembered.
        let query = query.build_query_as().persistent(false);
        query.fetch_all(pool).await?
    });
    let by_stock = rows.into_iter().map(|row| (row.0.clone(), counts(row)));
    let by_stock: HashMap<String, Counts> = by_stock.collect();
    for found in found {
        let place = found.offer.place();
        found.counts = place.and_then(|it| by_stock.get(it.stock.as_str()).copied());
    }
    Ok(())
}

/// Returns the rewards after `after` by id, and one more than a page if there are; without stock.
pub(crate) async fn page(
    db: &Db,
    after: &str,
    size: PageSize,
) -> Result<Vec<StoredReward>, SqlError> {
    let rows: Vec<RewardRow> = with_pool!(db, |pool| {
        let page = sqlx::query_as(PAGE).bind(after).bind(size.probe());
        page.fetch_all(pool).await?
    });
    let lane = |key: &str| db.lanes().of(key);
    rows.into_iter().map(|row| reward(row, lane)).collect()
}

const COUNT: &str = "SELECT COUNT(*) FROM reward";
const CREATE: &str = "
    INSERT INTO reward (reward_id, programme_id, head, is_counted, created_at)
    VALUES ($1, $2, 1, $3, $4)
    ON CONFLICT DO NOTHING";
const VERSION: &str = "
    INSERT INTO reward_version (reward_id, number, body, created_at, created_by)
    VALUES ($1, $2, $3, $4, $5)";
/// Locks the reward until the end of the transaction.
const NEXT: &str = "
    UPDATE reward SET head = head + 1
    WHERE reward_id = $1
    RETURNING head";

/// Creates a reward with its first version, without its stock; says why not, when there is one.
pub(crate) async fn create(
    tx: &mut Tx,
    offer: &Offer,
    by: &str,
    now: Timestamp,
) -> Result<Result<(), Refusal>, SqlError> {
    let count: i64 = with_tx!(tx, |conn| sqlx::query_scalar(COUNT).fetch_one(conn).await?);
    if count >= REWARDS_MAX {
        return Ok(Err(Refusal::CatalogueFull { limit: REWARDS_MAX }));
    }
    let created = with_tx!(tx, |conn| {
        let create = sqlx::query(CREATE).bind(&*offer.reward);
        let create = create.bind(offer.programme.as_str());
        let create = create.bind(i64::from(offer.stock.is_some()));
        let create = create.bind(now.as_micros());
        create.execute(conn).await?.rows_affected()
    });
    if created == 0 {
        let reward = offer.reward.to_string();
        return Ok(Err(Refusal::RewardExists { reward }));
    }
    add_version(tx, offer, by, now).await?;
    Ok(Ok(()))
}

async fn add_version(tx: &mut Tx, offer: &Offer, by: &str, now: Timestamp) -> Result<(), SqlError> {
    let body = serde_json::to_string(&offer.terms).expect("terms are numbers and text");
    with_tx!(tx, |conn| {
        let version = sqlx::query(VERSION)
            .bind(&*offer.reward)
            .bind(offer.version);
        let version = version.bind(body).bind(now.as_micros()).bind(by);
        version.execute(conn).await?;
    });
    Ok(())
}

/// Gives a reward a new version; false when there is none of this id.
pub(crate) async fn update(
    tx: &mut Tx,
    db: &Db,
    id: &str,
    terms: RewardTerms,
    (by, now): (&str, Timestamp),
) -> Result<Option<StoredReward>, SqlError> {
    let number: Option<i64> = with_tx!(tx, |conn| {
        let next = sqlx::query_scalar(NEXT).bind(id);
        next.fetch_optional(conn).await?
    });
    let Some(number) = number else {
        return Ok(None);
    };
    // The row points to a version that is still to come.
    let offer = Offer {
        version: number,
        terms,
        ..offer_of(tx, db, id, number - 1).await?
    };
    add_version(tx, &offer, by, now).await?;
    find_in(tx, db, id).await
}

const OFFER: &str = "
    SELECT r.reward_id, r.programme_id, v.number, r.is_counted, r.created_at, v.body, v.created_at,
           v.created_by
    FROM reward AS r
    JOIN reward_version AS v ON v.reward_id = r.reward_id
    WHERE r.reward_id = $1 AND v.number = $2";

async fn offer_of(tx: &mut Tx, db: &Db, id: &str, number: i64) -> Result<Offer, SqlError> {
    let row: RewardRow = with_tx!(tx, |conn| {
        let find = sqlx::query_as(OFFER).bind(id).bind(number);
        find.fetch_one(conn).await?
    });
    let found = reward(row, |key| db.lanes().of(key))?;
    Ok(found.offer)
}
