//! Tables `quality_policy`, `quality_count` and `quality_sample`: rules for the data of sources, and
//! what they found.

use tenure_core::{Lane, Lanes, Timestamp};
use tenure_sql::{SqlError, with_pool, with_tx};
use uuid::Uuid;

use super::rows::{RowsSql, execute, read, rows_sql};
use super::{Db, Tx};
use crate::domain::quality::{Policy, Rule, SAMPLES_MAX, Tally, is_of_source};

const SOURCES: &str = "SELECT COUNT(*) FROM quality_policy WHERE is_in_force = 1 AND source <> $1";
const LAST: &str = "
    SELECT COALESCE(MAX(version), 0) FROM quality_policy
    WHERE lane = $1 AND source = $2";
const RETIRE: &str = "
    UPDATE quality_policy SET is_in_force = 0
    WHERE lane = $1 AND source = $2 AND is_in_force = 1";
const ADD: &str = "
    INSERT INTO quality_policy (lane, source, version, body, created_at, is_in_force)
    VALUES ($1, $2, $3, $4, $5, 1)";
const GET: &str = "
    SELECT source, version, body, created_at FROM quality_policy
    WHERE lane = $1 AND source = $2 AND (version = $3 OR ($3 = 0 AND is_in_force = 1))";
const LIST: &str = "
    SELECT source, version, body, created_at FROM quality_policy
    WHERE is_in_force = 1 AND source > $1
    ORDER BY source
    LIMIT $2";
const OF_FILE: &str = "
    SELECT source, version, body, created_at FROM quality_policy
    WHERE is_in_force = 1 AND SUBSTR($1, 1, LENGTH(source)) = source
    ORDER BY LENGTH(source) DESC";
const COUNT: RowsSql = rows_sql!(
    "INSERT INTO quality_count (lane, source, version, day, import_id, rule, bin, count)
     SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, CAST(value ->> 2 AS BIGINT),
            CAST(value ->> 3 AS BIGINT), value ->> 4, CAST(value ->> 5 AS BIGINT),
            CAST(value ->> 6 AS BIGINT), CAST(value ->> 7 AS BIGINT)
     FROM",
    "WHERE TRUE
     ON CONFLICT (lane, source, version, day, import_id, rule, bin)
     DO UPDATE SET count = quality_count.count + EXCLUDED.count"
);
/// A rule keeps no more lines of an import and a day than it may tell.
const SAMPLE: RowsSql = rows_sql!(
    "INSERT INTO quality_sample (lane, source, version, rule, day, import_id, line)
     SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, CAST(value ->> 2 AS BIGINT),
            CAST(value ->> 3 AS BIGINT), CAST(value ->> 4 AS BIGINT), value ->> 5,
            CAST(value ->> 6 AS BIGINT)
     FROM",
    "WHERE (SELECT COUNT(*) FROM quality_sample AS s
            WHERE s.lane = CAST(value ->> 0 AS INTEGER) AND s.source = value ->> 1
              AND s.version = CAST(value ->> 2 AS BIGINT) AND s.rule = CAST(value ->> 3 AS BIGINT)
              AND s.day = CAST(value ->> 4 AS BIGINT) AND s.import_id = value ->> 5) < 20
     ON CONFLICT DO NOTHING"
);
const COUNTS: &str = "
    SELECT rule, bin, CAST(SUM(count) AS BIGINT) FROM quality_count
    WHERE lane = $1 AND source = $2 AND version = $3 AND day >= $4 AND day < $5
      AND ($6 = '' OR import_id = $6)
    GROUP BY rule, bin";
const SAMPLES: &str = "
    SELECT import_id, line FROM quality_sample
    WHERE lane = $1 AND source = $2 AND version = $3 AND rule = $4 AND day >= $5 AND day < $6
      AND ($7 = '' OR import_id = $7)
    ORDER BY day, import_id, line
    LIMIT $8";

/// Counts of all rows stand under this rule.
const ALL_ROWS: i64 = -1;
/// What is counted in place of a bin.
const ROWS: i64 = -1;
const REFUSED: i64 = -2;
const CHECKED: i64 = -3;
const FAILED: i64 = -4;
const MISSING: i64 = -5;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

type Row = (String, i64, String, i64);

/// Which findings of a policy: from a day until another, which is not part of it, of one import or of
/// all.
#[derive(Debug, Clone, Copy)]
pub struct Period<'a> {
    /// The first day since the epoch.
    pub from: i64,
    /// The day after the last one.
    pub until: i64,
    /// The import; empty for all.
    pub import_id: &'a str,
}

/// Returns the day of an instant since the epoch.
#[must_use]
pub fn day(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(DAY)
}

/// Returns the lane of a source. Who sets its policy locks it first.
#[must_use]
pub fn lane(lanes: Lanes, source: &str) -> Lane {
    lanes.of(source)
}

/// Returns how many other sources have policies.
///
/// # Errors
/// When the database fails.
pub async fn others(tx: &mut Tx, source: &str) -> Result<i64, SqlError> {
    Ok(with_tx!(tx, |conn| {
        sqlx::query_scalar(SOURCES)
            .bind(source)
            .fetch_one(conn)
            .await?
    }))
}

/// Puts the next version of a source's rules in force and returns it.
///
/// # Errors
/// When the database fails.
pub async fn set(
    tx: &mut Tx,
    lanes: Lanes,
    source: String,
    rules: Vec<Rule>,
    now: Timestamp,
) -> Result<Policy, SqlError> {
    let lane = lane(lanes, &source);
    let last: i64 = with_tx!(tx, |conn| {
        let query = sqlx::query_scalar(LAST).bind(lane).bind(&source);
        query.fetch_one(conn).await?
    });
    with_tx!(tx, |conn| {
        sqlx::query(RETIRE)
            .bind(lane)
            .bind(&source)
            .execute(conn)
            .await?;
    });
    let version = last + 1;
    let body = serde_json::to_string(&rules).expect("rules are always JSON");
    with_tx!(tx, |conn| {
        let query = sqlx::query(ADD).bind(lane).bind(&source).bind(version);
        query.bind(body).bind(now.as_micros()).execute(conn).await?;
    });
    Ok(Policy {
        source,
        version,
        rules,
        created_at: now,
    })
}

/// Returns a version of a source's policy; for 0 the one in force.
///
/// # Errors
/// When the database fails.
pub async fn get(db: &Db, source: &str, version: i64) -> Result<Option<Policy>, SqlError> {
    let lane = lane(db.lanes(), source);
    let row: Option<Row> = with_pool!(db, |pool| {
        let query = sqlx::query_as(GET).bind(lane).bind(source).bind(version);
        query.fetch_optional(pool).await?
    });
    row.map(known).transpose()
}

/// Returns up to `limit` policies in force whose sources follow `after`.
///
/// # Errors
/// When the database fails.
pub async fn list(db: &Db, after: &str, limit: i64) -> Result<Vec<Policy>, SqlError> {
    let rows: Vec<Row> = with_pool!(db, |pool| {
        let query = sqlx::query_as(LIST).bind(after).bind(limit);
        query.fetch_all(pool).await?
    });
    rows.into_iter().map(known).collect()
}

/// Returns the policy that is for a file of this name.
///
/// # Errors
/// When the database fails.
pub async fn of_file(db: &Db, file: &str) -> Result<Option<Policy>, SqlError> {
    let rows: Vec<Row> = with_pool!(db, |pool| {
        sqlx::query_as(OF_FILE).bind(file).fetch_all(pool).await?
    });
    let row = rows.into_iter().find(|row| is_of_source(file, &row.0));
    let policy = row.map(known).transpose()?;
    Ok(policy.filter(|policy| !policy.rules.is_empty()))
}

fn known((source, version, body, created): Row) -> Result<Policy, SqlError> {
    Ok(Policy {
        source,
        version,
        rules: read("body", serde_json::from_str(&body).ok())?,
        created_at: Timestamp::from_micros(created),
    })
}

/// Adds what was found in a batch of an import.
///
/// # Errors
/// When the database fails.
pub async fn add(
    tx: &mut Tx,
    lanes: Lanes,
    policy: &Policy,
    (import_id, tally): (Uuid, &Tally),
    now: Timestamp,
) -> Result<(), SqlError> {
    let (lane, day) = (lane(lanes, &policy.source), day(now));
    let import_id = import_id.to_string();
    let mut counts = vec![
        (ALL_ROWS, ROWS, tally.rows),
        (ALL_ROWS, REFUSED, tally.refused),
    ];
    let mut samples = Vec::new();
    for (rule, found) in (0..).zip(&tally.rules) {
        counts.push((rule, CHECKED, found.checked));
        counts.push((rule, FAILED, found.failed));
        counts.push((rule, MISSING, found.missing));
        counts.extend(
            (0..)
                .zip(&found.bins)
                .map(|(bin, count)| (rule, bin, *count)),
        );
        samples.extend(found.samples.iter().map(|line| (rule, *line)));
    }
    counts.retain(|(_, _, count)| *count > 0);
    let (source, version) = (&policy.source, policy.version);
    let count = |(rule, bin, count)| (lane, source, version, day, &import_id, rule, bin, count);
    let counts: Vec<_> = counts.into_iter().map(count).collect();
    execute(tx, COUNT, &counts).await?;
    let sample = |(rule, line)| (lane, source, version, rule, day, &import_id, line);
    let samples: Vec<_> = samples.into_iter().map(sample).collect();
    execute(tx, SAMPLE, &samples).await
}

/// Returns what was found in a period, without samples.
///
/// # Errors
/// When the database fails.
pub async fn tally(db: &Db, policy: &Policy, period: Period<'_>) -> Result<Tally, SqlError> {
    let lane = lane(db.lanes(), &policy.source);
    let rows: Vec<(i64, i64, i64)> = with_pool!(db, |pool| {
        sqlx::query_as(COUNTS)
            .bind(lane)
            .bind(&policy.source)
            .bind(policy.version)
            .bind(period.from)
            .bind(period.until)
            .bind(period.import_id)
            .fetch_all(pool)
            .await?
    });
    let mut tally = Tally::new(policy);
    for (rule, bin, count) in rows {
        read("bin", place(&mut tally, rule, bin)).map(|place| *place = count)?;
    }
    Ok(tally)
}

fn place(tally: &mut Tally, rule: i64, bin: i64) -> Option<&mut i64> {
    if rule == ALL_ROWS {
        return match bin {
            ROWS => Some(&mut tally.rows),
            REFUSED => Some(&mut tally.refused),
            _ => None,
        };
    }
    let found = tally.rules.get_mut(usize::try_from(rule).ok()?)?;
    match bin {
        CHECKED => Some(&mut found.checked),
        FAILED => Some(&mut found.failed),
        MISSING => Some(&mut found.missing),
        bin => found.bins.get_mut(usize::try_from(bin).ok()?),
    }
}

/// Returns some rows that break a rule: import and line.
///
/// # Errors
/// When the database fails.
pub async fn samples(
    db: &Db,
    policy: &Policy,
    rule: usize,
    period: Period<'_>,
) -> Result<Vec<(String, i64)>, SqlError> {
    let lane = lane(db.lanes(), &policy.source);
    let rule = i64::try_from(rule).expect("at most 32 rules");
    Ok(with_pool!(db, |pool| {
        sqlx::query_as(SAMPLES)
            .bind(lane)
            .bind(&policy.source)
            .bind(policy.version)
            .bind(rule)
            .bind(period.from)
            .bind(period.until)
            .bind(period.import_id)
            .bind(i64::try_from(SAMPLES_MAX).expect("it is small"))
            .fetch_all(pool)
            .await?
    }))
}
