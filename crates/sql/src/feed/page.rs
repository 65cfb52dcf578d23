//! Reading the feed for somebody far away: bodies as they are stored, one behind the other.
//!
//! A row for each change would cost more than the change: the database itself joins the bodies of a
//! range, so that a page is a few rows. Nothing of the bodies is looked into.

use sqlx::{PgExecutor, SqliteExecutor};
use tenure_core::{Lane, Lanes};

use super::read::{LaneRow, check, expired, gap, lanes};
use super::{FeedError, Filter, Positions};
use crate::db::{Db, Pools};
use crate::error::SqlError;
use crate::tx::{Tx, TxConnection};
use crate::with_tx;

/// A page reads from at most so many lanes, those with most to read: each is a statement.
const LANES_MAX: usize = 4;

const LANE: &str = "SELECT seq, pruned_seq, compacted_seq FROM lane WHERE lane = $1";

/// All rows of the range are counted, wanted or not, so that a gap is seen. SQLite joins texts only;
/// it joins the bytes of a BLOB as they are, and calling the result one changes nothing.
const RANGE_SQLITE: &str = "
    SELECT COUNT(*),
           CAST(COALESCE(GROUP_CONCAT(body, '') FILTER (WHERE wanted), '') AS BLOB),
           JSON_GROUP_ARRAY(LENGTH(body)) FILTER (WHERE wanted)
    FROM (
        SELECT body, ($4 = '[]' OR kind IN (SELECT value FROM json_each($4)))
                 AND ($5 = '[]' OR key IN (SELECT value FROM json_each($5))) AS wanted
        FROM change
        WHERE lane = $1 AND seq > $2 AND seq <= $3
        ORDER BY seq
    )";
const RANGE_POSTGRES: &str = "
    SELECT COUNT(*),
           COALESCE(STRING_AGG(body, ''::BYTEA) FILTER (WHERE wanted), ''::BYTEA),
           COALESCE(ARRAY_AGG(OCTET_LENGTH(body)) FILTER (WHERE wanted), '{}')
    FROM (
        SELECT body, ($4 = '[]' OR $4::JSONB ? kind) AND ($5 = '[]' OR $5::JSONB ? key) AS wanted
        FROM change
        WHERE lane = $1 AND seq > $2 AND seq <= $3
        ORDER BY seq
    ) AS looked_at";

/// Some changes as they are stored, and the position behind them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The bodies, one behind the other; those of a lane in order.
    pub bodies: Vec<u8>,
    /// The length of each body.
    pub lengths: Vec<usize>,
    /// The position behind everything that was looked at.
    pub positions: Positions,
    /// How many changes were committed behind the position when it was read.
    pub lag: i64,
    /// Whether there was nothing to look at.
    pub is_end: bool,
}

impl Page {
    /// Returns the bodies one by one.
    pub fn each(&self) -> impl Iterator<Item = &[u8]> {
        each(&self.bodies, &self.lengths)
    }
}

fn each<'b>(bodies: &'b [u8], lengths: &'b [usize]) -> impl Iterator<Item = &'b [u8]> {
    let mut rest = bodies;
    lengths.iter().map(move |length| {
        let (body, behind) = rest.split_at(*length);
        rest = behind;
        body
    })
}

/// What a range holds of what is wanted.
#[derive(Debug, Default)]
pub struct Range {
    looked_at: i64,
    /// The bodies, one behind the other.
    pub bodies: Vec<u8>,
    /// The length of each body.
    pub lengths: Vec<usize>,
}

impl Range {
    /// Returns the bodies one by one.
    pub fn each(&self) -> impl Iterator<Item = &[u8]> {
        each(&self.bodies, &self.lengths)
    }
}

/// The words of a filter as parameters.
struct Words {
    kinds: String,
    keys: String,
}

impl Words {
    fn of(filter: &Filter) -> Self {
        let json = |words: &[String]| serde_json::to_string(words).expect("text is always JSON");
        Self {
            kinds: json(&filter.kinds),
            keys: json(&filter.keys),
        }
    }
}

/// Looks at up to about `limit` changes after `after` and returns those that are wanted. Lanes with
/// most to read come first; those that cannot hold what is wanted are passed over.
///
/// # Errors
/// When the position is no longer kept, or lies behind the end of the feed.
pub async fn page(
    db: &Db,
    after: &Positions,
    filter: &Filter,
    limit: usize,
) -> Result<Page, FeedError> {
    let rows = lanes(db).await?;
    let mut seqs = after.seqs(db.lanes().count());
    check(db, &rows, &seqs)?;
    let plan = plan(db.lanes(), filter, &rows, &mut seqs, limit);
    let words = Words::of(filter);
    let (mut bodies, mut lengths) = (Vec::new(), Vec::new());
    // One connection for all statements, on which they are planned by key once for all.
    let mut postgres = match db.is_postgres() {
        true => Some(db.acquire_by_key().await?),
        false => None,
    };
    for (lane, until) in &plan {
        let from = &mut seqs[*lane as usize];
        let found = match (&mut postgres, db.pools()) {
            (Some(conn), _) => range_postgres(&mut **conn, *lane, *from, *until, &words).await?,
            (None, Pools::Sqlite { read, .. }) => {
                range_sqlite(read, *lane, *from, *until, &words).await?
            }
            (None, Pools::Postgres(_)) => unreachable!("it has a connection"),
        };
        if found.looked_at != until - *from && *from >= rows[*lane as usize].compacted {
            return Err(gap(db, *lane, *from).await);
        }
        bodies.extend_from_slice(&found.bodies);
        lengths.extend(found.lengths);
        *from = *until;
    }
    let lag = rows
        .iter()
        .zip(&seqs)
        .map(|(row, seq)| row.head - seq)
        .sum();
    Ok(Page {
        bodies,
        lengths,
        positions: Positions::of(db, seqs),
        lag,
        is_end: plan.is_empty(),
    })
}

/// Chooses lanes and how far to read each; moves over lanes that hold nothing that is wanted.
fn plan(
    lanes: Lanes,
    filter: &Filter,
    rows: &[LaneRow],
    seqs: &mut [i64],
    limit: usize,
) -> Vec<(Lane, i64)> {
    let mut behind = Vec::new();
    for ((lane, row), seq) in (0..).zip(rows).zip(seqs) {
        if !filter.wants_lane(lanes, lane) {
            *seq = row.head;
        } else if row.head > *seq {
            behind.push((row.head - *seq, lane, *seq));
        }
    }
    behind.sort_unstable_by(|a, b| b.cmp(a));
    behind.truncate(LANES_MAX);
    let mut left = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut plan = Vec::new();
    // Those with least to read leave more for the others.
    while let Some((lag, lane, seq)) = behind.pop() {
        let lanes_left = i64::try_from(behind.len()).expect("a few") + 1;
        let share = lag.min((left / lanes_left).max(1));
        plan.push((lane, seq + share));
        left -= share;
    }
    plan
}

/// Returns the last number of a lane, as a transaction sees it, and the last that was pruned.
///
/// # Errors
/// When the database fails, or there is no such lane.
pub async fn lane_head(tx: &mut Tx, lane: Lane) -> Result<(i64, i64), SqlError> {
    let (head, pruned, _): (i64, i64, i64) = with_tx!(tx, |conn| {
        sqlx::query_as(LANE).bind(lane).fetch_one(conn).await?
    });
    Ok((head, pruned))
}

/// Returns what is wanted of the changes of a lane behind `after` up to `until`, as a transaction
/// sees them. The caller has seen that the lane was pruned no further than `after`.
///
/// # Errors
/// When the database fails.
pub async fn lane_page(
    tx: &mut Tx,
    lane: Lane,
    after: i64,
    until: i64,
    filter: &Filter,
) -> Result<Range, SqlError> {
    let words = Words::of(filter);
    Ok(match tx.connection() {
        TxConnection::Sqlite(conn) => range_sqlite(conn, lane, after, until, &words).await?,
        TxConnection::Postgres(conn) => range_postgres(conn, lane, after, until, &words).await?,
    })
}

async fn range_sqlite(
    conn: impl SqliteExecutor<'_>,
    lane: Lane,
    after: i64,
    until: i64,
    words: &Words,
) -> Result<Range, SqlError> {
    let query = sqlx::query_as(RANGE_SQLITE)
        .bind(lane)
        .bind(after)
        .bind(until)
        .bind(&words.kinds)
        .bind(&words.keys);
    let (looked_at, bodies, lengths): (i64, Vec<u8>, String) = query.fetch_one(conn).await?;
    let lengths = serde_json::from_str(&lengths)
        .map_err(|_| SqlError::corrupt("lengths of bodies that are no numbers"))?;
    Ok(Range {
        looked_at,
        bodies,
        lengths,
    })
}

async fn range_postgres(
    conn: impl PgExecutor<'_>,
    lane: Lane,
    after: i64,
    until: i64,
    words: &Words,
) -> Result<Range, SqlError> {
    let query = sqlx::query_as(RANGE_POSTGRES)
        .bind(lane)
        .bind(after)
        .bind(until)
        .bind(&words.kinds)
        .bind(&words.keys);
    let (looked_at, bodies, lengths): (i64, Vec<u8>, Vec<i32>) = query.fetch_one(conn).await?;
    let lengths = lengths
        .into_iter()
        .map(|length| usize::try_from(length).expect("a length"));
    Ok(Range {
        looked_at,
        bodies,
        lengths: lengths.collect(),
    })
}

/// Tells why a reader of one lane cannot go on from a position that was pruned meanwhile.
///
/// # Errors
/// Always: [`FeedError::TokenExpired`], or that the database fails.
pub async fn refuse_expired<T>(db: &Db) -> Result<T, FeedError> {
    let rows = lanes(db).await?;
    Err(expired(db, &rows))
}
