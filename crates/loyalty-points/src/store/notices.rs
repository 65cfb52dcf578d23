//! Telling of points that will expire: once a day, in slices that can be taken up again, each day of
//! expiry once for each span.

use std::collections::{BTreeSet, HashSet};

use tenure_core::{AccountId, Clock, Lane, Span, Timestamp};
use tenure_sql::tx::TxConnection;
use tenure_sql::{Db, SqlError, Tx, with_pool, with_tx};

use super::accounts;
use super::memory::Memory;
use super::rules::Rules;
use super::transact;
use crate::domain::{Catalogue, NoticeFact, day_of, expiring_days};

const POSITION: &str = "SELECT day, after_id FROM notice_position WHERE lane = $1";
const MOVE: &str = "
    INSERT INTO notice_position (lane, day, after_id) VALUES ($1, $2, $3)
    ON CONFLICT (lane) DO UPDATE SET day = EXCLUDED.day, after_id = EXCLUDED.after_id";
const NEXT: &str = "
    SELECT account_id FROM account
    WHERE lane = $1 AND account_id > $2 AND next_due <= $3
    ORDER BY account_id
    LIMIT $4";
/// Nobody asks any more whether an expiry was told that is past; a day is kept for clocks that differ.
const FORGET: &str = "DELETE FROM expiry_notice WHERE lane = $1 AND expire_day < $2";
const KEPT: Span = Span::from_days(2);

const DONE: &str = "SELECT lane FROM notice_position WHERE day >= $1 AND after_id IS NULL";

/// Returns the lanes that are done for today, so that nobody need lock them to find out.
pub(crate) async fn lanes_noticed(db: &Db, now: Timestamp) -> Result<HashSet<Lane>, SqlError> {
    let lanes: Vec<Lane> = with_pool!(db, |pool| {
        let done = sqlx::query_scalar(DONE).bind(day_of(now));
        done.fetch_all(pool).await?
    });
    Ok(lanes.into_iter().collect())
}

/// What a slice told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Noticed {
    /// How many notices.
    pub(crate) notices: i64,
    /// Whether the lane is done for today.
    pub(crate) is_done: bool,
}

/// Looks through up to `limit` further accounts of a lane today, in one transaction, and tells of what
/// will expire. The lane's lock lets one replica at a time.
pub(crate) async fn notice_slice(
    db: &Db,
    clock: &dyn Clock,
    rules: &Rules,
    lane: Lane,
    limit: usize,
) -> Result<Noticed, SqlError> {
    rules.known(db, clock.now()).await?;
    let mut tx = db.begin_by_key().await?;
    let (mut ledger, epoch) =
        transact::lock(&mut tx, &BTreeSet::from([lane]), &mut Memory::none()).await?;
    let catalogue = rules.under_lock(&mut tx, epoch).await?;
    let now = clock.now();
    let today = day_of(now);
    let Some(after) = position(&mut tx, lane, today).await? else {
        return Ok(Noticed {
            notices: 0,
            is_done: true,
        });
    };
    let until = now + Span::from_days(longest(&catalogue, now));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let ids: Vec<String> = with_tx!(&mut tx, |conn| {
        let next = sqlx::query_scalar(NEXT).bind(lane).bind(after);
        let next = next.bind(until.as_micros()).bind(limit);
        next.fetch_all(conn).await?
    });
    let is_done = i64::try_from(ids.len()).is_ok_and(|count| count < limit);
    let last = ids.last().filter(|_| !is_done).cloned();
    let told = told(&mut tx, lane, &ids).await?;
    let mut new: Vec<(String, i64, u16)> = Vec::new();
    for account in load(&mut tx, lane, ids).await? {
        let Some(rules) = catalogue.of_account(Some(&account.programme), now) else {
            continue;
        };
        let spans = &rules.programme.policies.notice_days;
        for day in expiring_days(&account, now, spans, &rules.version.zone) {
            let key = (account.id.to_string(), day.day.as_micros(), day.days);
            if !told.contains(&key) {
                let fact = NoticeFact::Expiring {
                    points: day.points,
                    expires_at: day.expires_at.as_micros(),
                    days: day.days,
                };
                ledger.tell(lane, &account.id, fact, now);
                new.push(key);
            }
        }
    }
    note(&mut tx, lane, &new).await?;
    with_tx!(&mut tx, |conn| {
        let onward = sqlx::query(MOVE).bind(lane).bind(today).bind(last);
        onward.execute(conn).await?;
    });
    if is_done {
        with_tx!(&mut tx, |conn| {
            let past = (now - KEPT).as_micros();
            let forget = sqlx::query(FORGET).bind(lane).bind(past);
            forget.execute(conn).await?;
        });
    }
    transact::write(&mut tx, ledger).await?;
    tx.commit().await?;
    Ok(Noticed {
        notices: i64::try_from(new.len()).unwrap_or(i64::MAX),
        is_done,
    })
}

/// Returns behind which account to go on today; nothing when the lane is done.
async fn position(tx: &mut Tx, lane: Lane, today: i64) -> Result<Option<String>, SqlError> {
    let position: Option<(i64, Option<String>)> = with_tx!(tx, |conn| {
        let position = sqlx::query_as(POSITION).bind(lane);
        position.fetch_optional(conn).await?
    });
    Ok(match position {
        Some((day, after)) if day >= today => after,
        _ => Some(String::new()),
    })
}

/// Returns the longest span of all programmes, in days; every account lies in one of them.
fn longest(catalogue: &Catalogue, now: Timestamp) -> i64 {
    let all = catalogue.all_in_force(now);
    let spans = all.flat_map(|rules| &rules.programme.policies.notice_days);
    spans.max().map_or(0, |days| i64::from(*days))
}

async fn load(
    tx: &mut Tx,
    lane: Lane,
    ids: Vec<String>,
) -> Result<Vec<crate::domain::Account>, SqlError> {
    let parse = |id: String| {
        AccountId::parse(&id).map_err(|_| SqlError::corrupt("a stored account id is none"))
    };
    let ids: Vec<AccountId> = ids.into_iter().map(parse).collect::<Result<_, _>>()?;
    let wanted: Vec<(Lane, &AccountId)> = ids.iter().map(|id| (lane, id)).collect();
    let mut accounts = accounts::load(tx, &wanted).await?;
    accounts.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(accounts)
}

const TOLD_POSTGRES: &str = "
    SELECT account_id, expire_day, days FROM expiry_notice
    WHERE lane = $1 AND account_id = ANY($2)";
const TOLD_SQLITE: &str = "
    SELECT n.account_id, n.expire_day, n.days
    FROM json_each($2) AS wanted
    CROSS JOIN expiry_notice AS n
    WHERE n.lane = $1 AND n.account_id = wanted.value";

/// Returns what was told of accounts before: account, day of expiry, span.
async fn told(
    tx: &mut Tx,
    lane: Lane,
    ids: &[String],
) -> Result<HashSet<(String, i64, u16)>, SqlError> {
    let rows: Vec<(String, i64, i32)> = match tx.connection() {
        TxConnection::Postgres(conn) => {
            let told = sqlx::query_as(TOLD_POSTGRES).bind(lane).bind(ids);
            told.fetch_all(conn).await?
        }
        TxConnection::Sqlite(conn) => {
            let ids = serde_json::to_string(ids).expect("text is JSON");
            let told = sqlx::query_as(TOLD_SQLITE).bind(lane).bind(ids);
            told.fetch_all(conn).await?
        }
    };
    let row = |(account, day, days): (String, i64, i32)| {
        let days = u16::try_from(days);
        let days = days.map_err(|_| SqlError::corrupt("a stored span is none"))?;
        Ok((account, day, days))
    };
    rows.into_iter().map(row).collect()
}

const NOTE_POSTGRES: &str = "
    INSERT INTO expiry_notice (lane, account_id, expire_day, days)
    SELECT $1, * FROM UNNEST($2::TEXT[], $3::BIGINT[], $4::INTEGER[])";
const NOTE_SQLITE: &str = "
    INSERT INTO expiry_notice (lane, account_id, expire_day, days)
    SELECT $1, value ->> 0, value ->> 1, value ->> 2 FROM json_each($2)";

async fn note(tx: &mut Tx, lane: Lane, new: &[(String, i64, u16)]) -> Result<(), SqlError> {
    if new.is_empty() {
        return Ok(());
    }
    match tx.connection() {
        TxConnection::Postgres(conn) => {
            let accounts: Vec<&str> = new.iter().map(|row| row.0.as_str()).collect();
            let days: Vec<i64> = new.iter().map(|row| row.1).collect();
            let spans: Vec<i32> = new.iter().map(|row| row.2.into()).collect();
            let note = sqlx::query(NOTE_POSTGRES).bind(lane).bind(accounts);
            note.bind(days).bind(spans).execute(conn).await?;
        }
        TxConnection::Sqlite(conn) => {
            let new = serde_json::to_string(new).expect("numbers and text are JSON");
            let note = sqlx::query(NOTE_SQLITE).bind(lane).bind(new);
            note.execute(conn).await?;
        }
    }
    Ok(())
}
