//! What a set of customers did in an interval, added up by the database.

use std::collections::BTreeSet;

use tenure_core::{Currency, CustomerId, Lane, Money};
use tenure_sql::{SqlError, with_pool};

use super::rows::{RowsSql, encode, read, rows_sql};
use super::{subscription, terms};
use crate::domain::words::UsagePeriod;
use crate::domain::{Interval, Subscription};
use crate::store::Db;

const BILLED: RowsSql = rows_sql!(
    "SELECT b.currency, CAST(SUM(b.amount_minor) AS BIGINT)
     FROM",
    "JOIN bill AS b ON b.lane = CAST(value ->> 0 AS INTEGER)
                   AND b.customer_id = value ->> 1
     WHERE b.issued_at >= $2 AND b.issued_at < $3
     GROUP BY b.currency
     ORDER BY b.currency"
);
/// A summary of all subscriptions stands for those of single ones.
const USED: RowsSql = rows_sql!(
    "SELECT CAST(COALESCE(SUM(u.voice_seconds), 0) AS BIGINT),
            CAST(COALESCE(SUM(u.in_group_voice_seconds), 0) AS BIGINT),
            CAST(COALESCE(SUM(u.voice_count), 0) AS BIGINT),
            CAST(COALESCE(SUM(u.forwarded_offnet_seconds), 0) AS BIGINT),
            CAST(COALESCE(SUM(u.forwarded_offnet_count), 0) AS BIGINT)
     FROM",
    "JOIN usage_summary AS u ON u.lane = CAST(value ->> 0 AS INTEGER)
                            AND u.customer_id = value ->> 1
     WHERE u.started_at >= $2 AND u.started_at < $3 AND u.period = $4
       AND (u.subscription_id = '' OR NOT EXISTS (
           SELECT 1 FROM usage_summary AS whole
           WHERE whole.lane = u.lane AND whole.customer_id = u.customer_id
             AND whole.started_at = u.started_at AND whole.period = u.period
             AND whole.subscription_id = ''))"
);

/// Calls of a set of customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Calls {
    /// Seconds of calls made.
    pub voice_seconds: i64,
    /// Of these, within the group.
    pub in_group_voice_seconds: i64,
    /// Calls made.
    pub voice_count: i64,
    /// Seconds forwarded to other networks.
    pub forwarded_offnet_seconds: i64,
    /// Calls forwarded so.
    pub forwarded_offnet_count: i64,
}

/// Customers with their lanes, as the parameter of the statements.
#[derive(Debug, Clone)]
pub struct Crowd(String);

impl Crowd {
    /// Names customers.
    #[must_use]
    pub fn of(db: &Db, customers: &BTreeSet<&CustomerId>) -> Self {
        let lanes = db.lanes();
        let key = |id: &&CustomerId| -> (Lane, String) { (lanes.of(id.as_str()), id.to_string()) };
        Self(encode(&customers.iter().map(key).collect::<Vec<_>>()))
    }

    /// Returns the sums of the bills that were issued in an interval, one for each currency.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn billed(&self, db: &Db, during: Interval) -> Result<Vec<Money>, SqlError> {
        let sql = db.pick(BILLED.sqlite, BILLED.postgres);
        let (from, until) = (during.from().as_micros(), during.until().as_micros());
        let rows: Vec<(String, i64)> = with_pool!(db, |pool| {
            let query = sqlx::query_as(sql).bind(&self.0).bind(from).bind(until);
            query.fetch_all(pool).await?
        });
        let sum = |(currency, minor): (String, i64)| {
            let currency = read("currency", Currency::parse(&currency).ok())?;
            Ok(Money { currency, minor })
        };
        rows.into_iter().map(sum).collect()
    }

    /// Returns what was called, by the summaries of a kind that begin in an interval.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn called(
        &self,
        db: &Db,
        during: Interval,
        period: UsagePeriod,
    ) -> Result<Calls, SqlError> {
        let sql = db.pick(USED.sqlite, USED.postgres);
        let (from, until) = (during.from().as_micros(), during.until().as_micros());
        let sums: (i64, i64, i64, i64, i64) = with_pool!(db, |pool| {
            let query = sqlx::query_as(sql).bind(&self.0).bind(from).bind(until);
            query.bind(period.number()).fetch_one(pool).await?
        });
        Ok(Calls {
            voice_seconds: sums.0,
            in_group_voice_seconds: sums.1,
            voice_count: sums.2,
            forwarded_offnet_seconds: sums.3,
            forwarded_offnet_count: sums.4,
        })
    }

    /// Returns the subscriptions that ended in an interval.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ended(&self, db: &Db, during: Interval) -> Result<Vec<Subscription>, SqlError> {
        subscription::ended(db, &self.0, during).await
    }

    /// Returns how many gave notice in an interval and did not withdraw it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn noticed(&self, db: &Db, during: Interval) -> Result<i64, SqlError> {
        terms::noticed(db, &self.0, during).await
    }
}
