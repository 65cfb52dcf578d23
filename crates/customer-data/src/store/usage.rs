//! Table `usage_summary`.

use std::collections::BTreeSet;

use tenure_core::{CustomerId, Lane, Lanes, SubscriptionId, Timestamp};
use tenure_sql::{SqlError, with_pool, with_tx};

use super::rows::{self, RowsSql, load_rows, read, rows_sql};
use crate::domain::words::UsagePeriod;
use crate::domain::{Book, Fact, UsageKey, UsageSummary};
use crate::store::{Db, Tx};

const LOAD: RowsSql = rows_sql!(
    "SELECT u.customer_id, u.started_at, u.period, u.subscription_id, u.voice_seconds,
            u.in_group_voice_seconds, u.data_megabytes, u.sms_count, u.roaming_seconds,
            u.roaming_megabytes, u.forwarded_offnet_seconds, u.forwarded_offnet_count, u.voice_count
     FROM",
    "JOIN usage_summary AS u ON u.lane = CAST(value ->> 0 AS INTEGER)
                            AND u.customer_id = value ->> 1
                            AND u.started_at = CAST(value ->> 2 AS BIGINT)
                            AND u.period = CAST(value ->> 3 AS INTEGER)
                            AND u.subscription_id = value ->> 4"
);
const SAVE: RowsSql = rows_sql!(
    "INSERT INTO usage_summary (lane, customer_id, started_at, period, subscription_id,
                                voice_seconds, in_group_voice_seconds, data_megabytes, sms_count,
                                roaming_seconds, roaming_megabytes, forwarded_offnet_seconds,
                                forwarded_offnet_count, voice_count)
     SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, CAST(value ->> 2 AS BIGINT),
            CAST(value ->> 3 AS INTEGER), value ->> 4, CAST(value ->> 5 AS BIGINT),
            CAST(value ->> 6 AS BIGINT), CAST(value ->> 7 AS BIGINT), CAST(value ->> 8 AS BIGINT),
            CAST(value ->> 9 AS BIGINT), CAST(value ->> 10 AS BIGINT), CAST(value ->> 11 AS BIGINT),
            CAST(value ->> 12 AS BIGINT), CAST(value ->> 13 AS BIGINT)
     FROM",
    "WHERE TRUE
     ON CONFLICT (lane, customer_id, started_at, period, subscription_id) DO UPDATE SET
         voice_seconds = EXCLUDED.voice_seconds,
         in_group_voice_seconds = EXCLUDED.in_group_voice_seconds,
         data_megabytes = EXCLUDED.data_megabytes, sms_count = EXCLUDED.sms_count,
         roaming_seconds = EXCLUDED.roaming_seconds,
         roaming_megabytes = EXCLUDED.roaming_megabytes,
         forwarded_offnet_seconds = EXCLUDED.forwarded_offnet_seconds,
         forwarded_offnet_count = EXCLUDED.forwarded_offnet_count,
         voice_count = EXCLUDED.voice_count"
);
/// The table's key, read backwards.
const LIST: &str = "
    SELECT customer_id, started_at, period, subscription_id, voice_seconds, in_group_voice_seconds,
           data_megabytes, sms_count, roaming_seconds, roaming_megabytes, forwarded_offnet_seconds,
           forwarded_offnet_count, voice_count
    FROM usage_summary
    WHERE lane = $1 AND customer_id = $2
      AND (started_at, period, subscription_id) <= ($3, $4, $5)
      AND ((started_at, period, subscription_id) < ($3, $4, $5) OR customer_id < $6)
    ORDER BY started_at DESC, period DESC, subscription_id DESC
    LIMIT $7";
/// In the order of the table's key, for a snapshot.
const PAGE: &str = "
    SELECT customer_id, started_at, period, subscription_id, voice_seconds, in_group_voice_seconds,
           data_megabytes, sms_count, roaming_seconds, roaming_megabytes,
           forwarded_offnet_seconds, forwarded_offnet_count, voice_count
    FROM usage_summary
    WHERE lane = $1 AND (customer_id, started_at, period, subscription_id) > ($2, $3, $4, $5)
    ORDER BY customer_id, started_at, period, subscription_id
    LIMIT $6";

type Row = (
    String,
    i64,
    i32,
    String,
    i64,
    i64,
    i64,
    i64,
    i64,
    i64,
    i64,
    i64,
    i64,
);

pub(super) async fn load(
    tx: &mut Tx,
    lanes: Lanes,
    keys: &BTreeSet<UsageKey>,
    book: &mut Book,
) -> Result<(), SqlError> {
    let keys: Vec<_> = keys.iter().map(|key| stored(lanes, key)).collect();
    for row in load_rows!(tx, LOAD, keys, Row) {
        let usage = known(row)?;
        book.usage.load(usage.key.clone(), usage);
    }
    Ok(())
}

fn stored(lanes: Lanes, key: &UsageKey) -> (Lane, String, i64, i32, String) {
    let customer = key.customer.as_str();
    let subscription = key.subscription.as_ref().map_or("", |id| id.as_str());
    let started_at = key.started_at.as_micros();
    let period = key.period.number();
    (
        lanes.of(customer),
        customer.to_owned(),
        started_at,
        period,
        subscription.to_owned(),
    )
}

pub(super) async fn save(tx: &mut Tx, lanes: Lanes, book: &Book) -> Result<(), SqlError> {
    let row = |usage: &UsageSummary| {
        let (lane, customer, started_at, period, subscription) = stored(lanes, &usage.key);
        let (voice, in_group) = (usage.voice_seconds, usage.in_group_voice_seconds);
        let (data, sms) = (usage.data_megabytes, usage.sms_count);
        let abroad = (usage.roaming_seconds, usage.roaming_megabytes);
        (
            lane,
            customer,
            started_at,
            period,
            subscription,
            voice,
            in_group,
            data,
            sms,
            abroad.0,
            abroad.1,
            usage.forwarded_offnet_seconds,
            usage.forwarded_offnet_count,
            usage.voice_count,
        )
    };
    let (created, changed) = book.usage.saved(|_, usage| row(usage));
    rows::save(tx, SAVE, &created, &changed).await
}

/// Returns up to `limit` summaries of a customer that come after the one with start, period,
/// subscription and customer of `after`, newest first.
///
/// # Errors
/// When the database fails.
pub async fn list(
    db: &Db,
    customer: &CustomerId,
    after: (i64, i32, &str, &str),
    limit: i64,
) -> Result<Vec<UsageSummary>, SqlError> {
    let lane = db.lanes().of(customer.as_str());
    let rows: Vec<Row> = with_pool!(db, |pool| {
        let query = sqlx::query_as(LIST).bind(lane).bind(customer.as_str());
        query
            .bind(after.0)
            .bind(after.1)
            .bind(after.2)
            .bind(after.3)
            .bind(limit)
            .fetch_all(pool)
            .await?
    });
    rows.into_iter().map(known).collect()
}

/// Returns up to `limit` summaries of a lane that follow the one of which `after` is the key, each with
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
    let mut parts = after.splitn(4, ' ');
    let customer = parts.next().unwrap_or_default();
    let started: i64 = parts
        .next()
        .and_then(|it| it.parse().ok())
        .unwrap_or(i64::MIN);
    let period: i32 = parts.next().and_then(|it| it.parse().ok()).unwrap_or(0);
    let subscription = parts.next().unwrap_or_default();
    let rows: Vec<Row> = with_tx!(tx, |conn| {
        let page = sqlx::query_as(PAGE)
            .bind(lane)
            .bind(customer)
            .bind(started)
            .bind(period)
            .bind(subscription);
        page.bind(limit).fetch_all(conn).await?
    });
    rows.into_iter()
        .map(|row| {
            let fact = known(row)?;
            Ok((key_text(&fact.key), Fact::Usage(fact)))
        })
        .collect()
}

fn key_text(key: &UsageKey) -> String {
    let (_, customer, started, period, subscription) = stored(Lanes::DEFAULT, key);
    format!("{customer} {started} {period} {subscription}")
}

fn known(row: Row) -> Result<UsageSummary, SqlError> {
    let (customer, started, period, subscription, voice, in_group, data, sms, ..) = row;
    let subscription = match subscription.as_str() {
        "" => None,
        id => Some(read("subscription_id", SubscriptionId::parse(id).ok())?),
    };
    Ok(UsageSummary {
        key: UsageKey {
            customer: read("customer_id", CustomerId::parse(&customer).ok())?,
            started_at: Timestamp::from_micros(started),
            period: read("period", UsagePeriod::from_number(period))?,
            subscription,
        },
        voice_seconds: voice,
        in_group_voice_seconds: in_group,
        data_megabytes: data,
        sms_count: sms,
        roaming_seconds: row.8,
        roaming_megabytes: row.9,
        forwarded_offnet_seconds: row.10,
        forwarded_offnet_count: row.11,
        voice_count: row.12,
    })
}
