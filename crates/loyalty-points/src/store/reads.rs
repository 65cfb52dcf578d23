//! Reading use cases, beside the writers.

use tenure_core::{AccountId, CustomerId, Lane, PageSize, Timestamp};
use tenure_sql::{Db, SqlError, with_pool};

use super::entries::{TargetRow, target};
use super::row::{self, AccountRow, RecordRow};
use crate::domain::{Account, Entry, EntryId, HoldFacts, HoldState, Record, Target};

const ACCOUNT: &str = "
    SELECT lane, account_id, customer_id, programme_id, created_at, updated_at, state
    FROM account
    WHERE lane = $1 AND account_id = $2";

/// Returns an account as it was written last.
pub(crate) async fn account(
    db: &Db,
    lane: Lane,
    id: &AccountId,
) -> Result<Option<Account>, SqlError> {
    let row: Option<AccountRow> = with_pool!(db, |pool| {
        sqlx::query_as(ACCOUNT)
            .bind(lane)
            .bind(id.as_str())
            .fetch_optional(pool)
            .await?
    });
    row.map(row::account).transpose()
}

const PAGE: &str = "
    SELECT lane, account_id, customer_id, programme_id, created_at, updated_at, state
    FROM account
    WHERE account_id > $1
    ORDER BY account_id
    LIMIT $2";
const PAGE_OF_CUSTOMER: &str = "
    SELECT lane, account_id, customer_id, programme_id, created_at, updated_at, state
    FROM account
    WHERE account_id > $1 AND customer_id = $3
    ORDER BY account_id
    LIMIT $2";

/// Returns the accounts after `after` by id, and one more than a page if there are.
pub(crate) async fn accounts_page(
    db: &Db,
    customer: Option<&CustomerId>,
    after: &str,
    size: PageSize,
) -> Result<Vec<Account>, SqlError> {
    let rows: Vec<AccountRow> = match customer {
        None => with_pool!(db, |pool| {
            sqlx::query_as(PAGE)
                .bind(after)
                .bind(size.probe())
                .fetch_all(pool)
                .await?
        }),
        Some(customer) => with_pool!(db, |pool| {
            let page = sqlx::query_as(PAGE_OF_CUSTOMER)
                .bind(after)
                .bind(size.probe());
            page.bind(customer.as_str()).fetch_all(pool).await?
        }),
    };
    rows.into_iter().map(row::account).collect()
}

const TARGET: &str = "
    SELECT e.lane, e.seq, e.previous_seq, e.account_id, e.kind, e.points, e.decided_at,
           e.recorded_at, e.request_id, e.body, b.seq, b.kind, b.recorded_at,
           ending.points_before + ending.points
    FROM entry AS e
    LEFT JOIN ending ON ending.lane = e.lane AND ending.seq = e.seq
        -- The last one: the others were partial.
        AND ending.points_before = (SELECT MAX(points_before) FROM ending AS o
                                    WHERE o.lane = e.lane AND o.seq = e.seq)
    LEFT JOIN entry AS b ON b.lane = ending.lane AND b.seq = ending.by_seq
    WHERE e.lane = $1 AND e.seq = $2";

/// Returns an entry of an account and what ended it.
async fn entry_with_end(
    db: &Db,
    lane: Lane,
    account: &AccountId,
    id: EntryId,
) -> Result<Option<Target>, SqlError> {
    if id.lane() != lane {
        return Ok(None);
    }
    let row: Option<TargetRow> = with_pool!(db, |pool| {
        sqlx::query_as(TARGET)
            .bind(lane)
            .bind(id.seq())
            .fetch_optional(pool)
            .await?
    });
    let found = row.map(target).transpose()?.flatten();
    Ok(found.filter(|found| found.entry.id == id && found.entry.account == *account))
}

/// Returns an entry of an account.
pub(crate) async fn entry(
    db: &Db,
    lane: Lane,
    account: &AccountId,
    id: EntryId,
) -> Result<Option<Entry>, SqlError> {
    Ok(entry_with_end(db, lane, account, id)
        .await?
        .map(|found| found.entry))
}

/// Returns a hold of an account as it is at `now`.
pub(crate) async fn hold(
    db: &Db,
    lane: Lane,
    account: &AccountId,
    id: EntryId,
    now: Timestamp,
) -> Result<Option<(HoldFacts, HoldState)>, SqlError> {
    let Some(made) = entry_with_end(db, lane, account, id).await? else {
        return Ok(None);
    };
    let Some(facts) = made.entry.hold.filter(|hold| hold.id == id) else {
        return Ok(None);
    };
    let Some((by, _)) = made.ended_by else {
        // From its last instant on it is over, booked or not.
        let over = facts.expires_at <= now;
        return Ok(Some((
            facts,
            if over {
                HoldState::Expired
            } else {
                HoldState::Open
            },
        )));
    };
    let closed = entry(db, lane, account, by).await?;
    let closed = closed.ok_or_else(|| SqlError::corrupt("a hold was closed by no entry"))?;
    let state = closed.hold_state();
    Ok(closed.hold.map(|hold| (hold, state)))
}

/// Follows the chain of an account's records, newest first. The rows are carried along: joined
/// afterwards, SQLite would read the whole lane.
const CHAIN: &str = "
    WITH RECURSIVE chain (lane, seq, previous_seq, account_id, kind, points, decided_at,
                          recorded_at, request_id, body, n) AS (
        SELECT lane, seq, previous_seq, account_id, kind, points, decided_at, recorded_at,
               request_id, body, 1
        FROM entry
        -- A page token is not a secret: what it points at must belong to the account.
        WHERE lane = $1 AND seq = $2 AND account_id = $4
        UNION ALL
        SELECT e.lane, e.seq, e.previous_seq, e.account_id, e.kind, e.points, e.decided_at,
               e.recorded_at, e.request_id, e.body, chain.n + 1
        FROM chain
        JOIN entry AS e ON e.lane = $1 AND e.seq = chain.previous_seq
        WHERE chain.n < $3
    )
    SELECT lane, seq, previous_seq, account_id, kind, points, decided_at, recorded_at, request_id,
           body
    FROM chain
    WHERE kind <> 0
    ORDER BY seq DESC";

/// Returns the entries of an account from the number `from` in its lane downwards, and one more than
/// a page if there are.
pub(crate) async fn entries_page(
    db: &Db,
    lane: Lane,
    account: &AccountId,
    from: i64,
    size: PageSize,
) -> Result<Vec<Entry>, SqlError> {
    let rows: Vec<RecordRow> = with_pool!(db, |pool| {
        sqlx::query_as(CHAIN)
            .bind(lane)
            .bind(from)
            .bind(size.probe())
            .bind(account.as_str())
            .fetch_all(pool)
            .await?
    });
    let mut entries = Vec::with_capacity(rows.len());
    for row in rows {
        if let (Record::Entry(entry), _) = row::record(row)? {
            entries.push(entry);
        }
    }
    Ok(entries)
}
