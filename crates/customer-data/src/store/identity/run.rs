//! Tables `matching_run` and `match_finding*`: what policies make of the base.

use tenure_core::{CustomerId, Lane, Lanes, Timestamp};
use tenure_sql::{SqlError, with_pool, with_tx};
use uuid::Uuid;

use crate::domain::identity::{Finding, FindingKind, FindingState, MatchingRun, RunState};
use crate::store::rows::{RowsSql, execute, read, rows_sql};
use crate::store::{Db, Tx};

const ADD: &str = "
    INSERT INTO matching_run (lane, run_id, policy_version, state, is_dry, created_at, ended_at,
                              customers, merges, proposals, quarantines, splits, shared_values,
                              failure)
    VALUES ($1, $2, $3, $4, $5, $6, NULL, 0, 0, 0, 0, 0, 0, '')";
const END: &str = "
    UPDATE matching_run SET state = $3, ended_at = $4, customers = $5, merges = $6, proposals = $7,
                            quarantines = $8, splits = $9, shared_values = $10, failure = $11
    WHERE lane = $1 AND run_id = $2";
const GET: &str = "
    SELECT run_id, policy_version, state, is_dry, created_at, ended_at, customers, merges,
           proposals, quarantines, splits, shared_values, failure
    FROM matching_run
    WHERE lane = $1 AND run_id = $2";
const ADD_FINDINGS: RowsSql = rows_sql!(
    "INSERT INTO match_finding (lane, run_id, number, kind, state, customers, weight, match_key,
                                fingerprint, merge_id, component, actor, reason)
     SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, CAST(value ->> 2 AS BIGINT),
            CAST(value ->> 3 AS INTEGER), CAST(value ->> 4 AS INTEGER),
            CAST(value ->> 5 AS BIGINT), CAST(value ->> 6 AS INTEGER), value ->> 7, value ->> 8,
            value ->> 9, value ->> 10, '', ''
     FROM",
    ""
);
const ADD_CUSTOMERS: RowsSql = rows_sql!(
    "INSERT INTO match_finding_customer (lane, run_id, number, customer_id)
     SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, CAST(value ->> 2 AS BIGINT), value ->> 3
     FROM",
    ""
);
/// What a person took out of quarantine does not come into it again.
const IN_QUARANTINE: &str = "
    SELECT 1 FROM match_finding
    WHERE kind = 3 AND state > 0 AND component = $1
    LIMIT 1";
const LIST: &str = "
    SELECT run_id, number, kind, state, customers, weight, match_key, fingerprint, merge_id,
           component, actor, reason
    FROM match_finding
    WHERE lane = $1 AND run_id = $2 AND kind = $3 AND number > $4
    ORDER BY number
    LIMIT $5";
const OPEN_MERGES: &str = "
    SELECT run_id, number, kind, state, customers, weight, match_key, fingerprint, merge_id,
           component, actor, reason
    FROM match_finding
    WHERE lane = $1 AND run_id = $2 AND kind = 1 AND state = 1
    ORDER BY number
    LIMIT $3";
const COUNT_OPEN_MERGES: &str = "
    SELECT COUNT(*) FROM match_finding
    WHERE lane = $1 AND run_id = $2 AND kind = 1 AND state = 1";
const QUARANTINE: &str = "
    SELECT run_id, number, kind, state, customers, weight, match_key, fingerprint, merge_id,
           component, actor, reason
    FROM match_finding
    WHERE kind = 3 AND state = 1 AND (run_id, number) > ($1, $2)
    ORDER BY run_id, number
    LIMIT $3";
const CUSTOMERS: &str = "
    SELECT customer_id FROM match_finding_customer
    WHERE lane = $1 AND run_id = $2 AND number = $3
    ORDER BY customer_id
    LIMIT $4";
const SET: &str = "
    UPDATE match_finding SET state = $4, actor = $5, reason = $6
    WHERE lane = $1 AND run_id = $2 AND number = $3";
const RESOLVE: &str = "
    UPDATE match_finding SET state = 4, actor = $4, reason = $5
    WHERE lane = $1 AND run_id = $2 AND number = $3 AND kind = 3 AND state = 1";
const ONE: &str = "
    SELECT run_id, number, kind, state, customers, weight, match_key, fingerprint, merge_id,
           component, actor, reason
    FROM match_finding
    WHERE lane = $1 AND run_id = $2 AND number = $3";

type RunRow = (
    String,
    i64,
    i32,
    i32,
    i64,
    Option<i64>,
    i64,
    i64,
    i64,
    i64,
    i64,
    i64,
    String,
);
type Row = (
    String,
    i64,
    i32,
    i32,
    i64,
    i32,
    String,
    String,
    String,
    String,
    String,
    String,
);

/// Returns the lane of a run and of all that it found.
#[must_use]
pub fn lane(lanes: Lanes, run: Uuid) -> Lane {
    lanes.of(&run.to_string())
}

/// Adds a run that begins.
///
/// # Errors
/// When the database fails.
pub async fn add(tx: &mut Tx, lane: Lane, run: &MatchingRun) -> Result<(), SqlError> {
    let id = run.id.to_string();
    with_tx!(tx, |conn| {
        let query = sqlx::query(ADD).bind(lane).bind(id);
        let query = query.bind(run.policy_version).bind(run.state as i32);
        let query = query.bind(i32::from(run.is_dry));
        query.bind(run.created_at.as_micros()).execute(conn).await?;
    });
    Ok(())
}

/// Notes how a run ended.
///
/// # Errors
/// When the database fails.
pub async fn end(tx: &mut Tx, lane: Lane, run: &MatchingRun) -> Result<(), SqlError> {
    let id = run.id.to_string();
    with_tx!(tx, |conn| {
        let query = sqlx::query(END).bind(lane).bind(id);
        let query = query.bind(run.state as i32);
        let query = query.bind(run.ended_at.map(Timestamp::as_micros));
        let query = query
            .bind(run.customers)
            .bind(run.merges)
            .bind(run.proposals);
        let query = query
            .bind(run.quarantines)
            .bind(run.splits)
            .bind(run.shared_values);
        query.bind(&run.failure).execute(conn).await?;
    });
    Ok(())
}

/// Returns a run.
///
/// # Errors
/// When the database fails.
pub async fn get(db: &Db, run: Uuid) -> Result<Option<MatchingRun>, SqlError> {
    let lane = lane(db.lanes(), run);
    let row: Option<RunRow> = with_pool!(db, |pool| {
        let query = sqlx::query_as(GET).bind(lane).bind(run.to_string());
        query.fetch_optional(pool).await?
    });
    let Some(row) = row else { return Ok(None) };
    let (id, policy_version, state, is_dry, created, ended, customers, merges, ..) = row;
    Ok(Some(MatchingRun {
        id: read("run_id", Uuid::try_parse(&id).ok())?,
        policy_version,
        state: read("state", RunState::from_number(state))?,
        is_dry: is_dry != 0,
        created_at: Timestamp::from_micros(created),
        ended_at: ended.map(Timestamp::from_micros),
        customers,
        merges,
        proposals: row.8,
        quarantines: row.9,
        splits: row.10,
        shared_values: row.11,
        failure: row.12,
    }))
}

/// Adds findings of one run.
///
/// # Errors
/// When the database fails.
pub async fn add_findings(tx: &mut Tx, lane: Lane, findings: &[Finding]) -> Result<(), SqlError> {
    let (mut rows, mut customers) = (Vec::new(), Vec::new());
    for it in findings {
        let run = it.run.to_string();
        for customer in &it.customers {
            customers.push((lane, run.clone(), it.number, customer.as_str()));
        }
        rows.push((
            lane,
            run,
            it.number,
            it.kind as i32,
            it.state as i32,
            it.count,
            it.weight,
            &it.match_key,
            &it.fingerprint,
            it.merge.map_or(String::new(), |merge| merge.to_string()),
            &it.component,
        ));
    }
    execute(tx, ADD_FINDINGS, &rows).await?;
    execute(tx, ADD_CUSTOMERS, &customers).await
}

/// Returns true when the same customers are in quarantine, or were.
///
/// # Errors
/// When the database fails.
pub async fn is_in_quarantine(db: &Db, component: &str) -> Result<bool, SqlError> {
    let found: Option<i32> = with_pool!(db, |pool| {
        let query = sqlx::query_scalar(IN_QUARANTINE).bind(component);
        query.fetch_optional(pool).await?
    });
    Ok(found.is_some())
}

/// Returns up to `limit` findings of a kind whose numbers follow `after`, each with up to
/// `named_max` customers.
///
/// # Errors
/// When the database fails.
pub async fn list(
    db: &Db,
    (run, kind): (Uuid, FindingKind),
    after: i64,
    limit: i64,
    named_max: i64,
) -> Result<Vec<Finding>, SqlError> {
    let lane = lane(db.lanes(), run);
    let rows: Vec<Row> = with_pool!(db, |pool| {
        let query = sqlx::query_as(LIST).bind(lane).bind(run.to_string());
        let query = query.bind(kind as i32).bind(after);
        query.bind(limit).fetch_all(pool).await?
    });
    whole(db, rows, named_max).await
}

/// Returns up to `limit` findings in quarantine after one of a run, each with up to `named_max`
/// customers.
///
/// # Errors
/// When the database fails.
pub async fn quarantine(
    db: &Db,
    after: (&str, i64),
    limit: i64,
    named_max: i64,
) -> Result<Vec<Finding>, SqlError> {
    let rows: Vec<Row> = with_pool!(db, |pool| {
        let query = sqlx::query_as(QUARANTINE).bind(after.0).bind(after.1);
        query.bind(limit).fetch_all(pool).await?
    });
    whole(db, rows, named_max).await
}

async fn whole(db: &Db, rows: Vec<Row>, named_max: i64) -> Result<Vec<Finding>, SqlError> {
    let mut findings = Vec::with_capacity(rows.len());
    for row in rows {
        let mut finding = known(row)?;
        let (run, number) = (finding.run, finding.number);
        let lane = lane(db.lanes(), run);
        let ids: Vec<String> = with_pool!(db, |pool| {
            let query = sqlx::query_scalar(CUSTOMERS)
                .bind(lane)
                .bind(run.to_string());
            query.bind(number).bind(named_max).fetch_all(pool).await?
        });
        for id in ids {
            let id = read("customer_id", CustomerId::parse(&id).ok())?;
            finding.customers.push(id);
        }
        findings.push(finding);
    }
    Ok(findings)
}

/// Returns the next merges of a run that nothing became of yet.
///
/// # Errors
/// When the database fails.
pub async fn open_merges(
    tx: &mut Tx,
    lane: Lane,
    run: Uuid,
    limit: i64,
) -> Result<Vec<Finding>, SqlError> {
    let id = run.to_string();
    let rows: Vec<Row> = with_tx!(tx, |conn| {
        let query = sqlx::query_as(OPEN_MERGES).bind(lane).bind(&id);
        query.bind(limit).fetch_all(conn).await?
    });
    let mut findings = Vec::with_capacity(rows.len());
    for row in rows {
        let mut finding = known(row)?;
        let number = finding.number;
        let ids: Vec<String> = with_tx!(tx, |conn| {
            let query = sqlx::query_scalar(CUSTOMERS).bind(lane).bind(&id);
            query.bind(number).bind(2_i64).fetch_all(conn).await?
        });
        for id in ids {
            let id = read("customer_id", CustomerId::parse(&id).ok())?;
            finding.customers.push(id);
        }
        findings.push(finding);
    }
    Ok(findings)
}

/// Returns how many merges of a run nothing became of yet.
///
/// # Errors
/// When the database fails.
pub async fn count_open_merges(tx: &mut Tx, lane: Lane, run: Uuid) -> Result<i64, SqlError> {
    let id = run.to_string();
    Ok(with_tx!(tx, |conn| {
        let query = sqlx::query_scalar(COUNT_OPEN_MERGES).bind(lane).bind(&id);
        query.fetch_one(conn).await?
    }))
}

/// Notes what became of a finding.
///
/// # Errors
/// When the database fails.
pub async fn set(
    tx: &mut Tx,
    lane: Lane,
    finding: &Finding,
    state: FindingState,
    reason: &str,
) -> Result<(), SqlError> {
    let (id, number) = (finding.run.to_string(), finding.number);
    with_tx!(tx, |conn| {
        let query = sqlx::query(SET).bind(lane).bind(id).bind(number);
        query
            .bind(state as i32)
            .bind("")
            .bind(reason)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Takes a finding out of quarantine and returns it without its customers; nothing when it is not
/// there.
///
/// # Errors
/// When the database fails.
pub async fn resolve(
    tx: &mut Tx,
    lane: Lane,
    (run, number): (Uuid, i64),
    (actor, reason): (&str, &str),
) -> Result<Option<Finding>, SqlError> {
    let id = run.to_string();
    let resolved = with_tx!(tx, |conn| {
        let query = sqlx::query(RESOLVE).bind(lane).bind(&id).bind(number);
        let query = query.bind(actor).bind(reason);
        query.execute(conn).await?.rows_affected()
    });
    if resolved == 0 {
        return Ok(None);
    }
    let row: Row = with_tx!(tx, |conn| {
        let query = sqlx::query_as(ONE).bind(lane).bind(&id).bind(number);
        query.fetch_one(conn).await?
    });
    known(row).map(Some)
}

fn known(row: Row) -> Result<Finding, SqlError> {
    let (run, number, kind, state, count, weight, match_key, fingerprint, merge, ..) = row;
    let merge = match merge.as_str() {
        "" => None,
        id => Some(read("merge_id", Uuid::try_parse(id).ok())?),
    };
    Ok(Finding {
        run: read("run_id", Uuid::try_parse(&run).ok())?,
        number,
        kind: read("kind", FindingKind::from_number(kind))?,
        state: read("state", FindingState::from_number(state))?,
        customers: Vec::new(),
        count,
        weight,
        match_key,
        fingerprint,
        merge,
        component: row.9,
        actor: row.10,
        reason: row.11,
    })
}
