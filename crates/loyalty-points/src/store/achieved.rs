//! What accounts achieved in spans of time: what events earned, without what was taken back.

use sqlx::{PgConnection, SqliteConnection};
use tenure_core::{AccountId, Lane, Timestamp};
use tenure_sql::db::Pools;
use tenure_sql::tx::TxConnection;
use tenure_sql::{Db, SqlError, Tx};

use crate::domain::{Achieved, Revoked};

/// Which account, and from when on until before when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Period<'s> {
    pub(super) lane: Lane,
    pub(super) account: &'s AccountId,
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

/// The wanted spans of accounts and of those that were merged into them: these are closed, and what
/// they earned does not change any more, whoever has locked their lanes.
macro_rules! spans {
    (postgres $rest:literal) => {
        concat!(
            "
    WITH w AS (
        SELECT * FROM UNNEST($1::BIGINT[], $2::INTEGER[], $3::TEXT[], $4::BIGINT[], $5::BIGINT[])
            AS given (place, lane, account_id, from_at, until_at)
    ), span AS (
        SELECT * FROM w
        UNION ALL
        SELECT w.place, m.from_lane, m.from_id, w.from_at, w.until_at
        FROM w
        JOIN merged_account AS m ON m.lane = w.lane AND m.account_id = w.account_id
    )",
            $rest
        )
    };
    (sqlite $rest:literal) => {
        concat!(
            "
    WITH w AS (
        SELECT value ->> 0 AS place, value ->> 1 AS lane, value ->> 2 AS account_id,
               value ->> 3 AS from_at, value ->> 4 AS until_at
        FROM json_each($1)
    ), span AS (
        SELECT * FROM w
        UNION ALL
        SELECT w.place, m.from_lane, m.from_id, w.from_at, w.until_at
        FROM w
        CROSS JOIN merged_account AS m
        WHERE m.lane = w.lane AND m.account_id = w.account_id
    )",
            $rest
        )
    };
}

const EARNED_POSTGRES: &str = spans!(postgres "
    SELECT s.place, CAST(SUM(e.qualifying) AS BIGINT), CAST(SUM(e.paid) AS BIGINT)
    FROM span AS s
    JOIN earned_event AS e ON e.lane = s.lane AND e.account_id = s.account_id
        AND e.happened_at >= s.from_at AND e.happened_at < s.until_at
    GROUP BY s.place");
const EARNED_SQLITE: &str = spans!(sqlite "
    SELECT s.place, SUM(e.qualifying), SUM(e.paid)
    FROM span AS s
    CROSS JOIN earned_event AS e
    WHERE e.lane = s.lane AND e.account_id = s.account_id
        AND e.happened_at >= s.from_at AND e.happened_at < s.until_at
    GROUP BY s.place");
/// One row for each entry of which something was taken back: these are few.
const BACK_POSTGRES: &str = spans!(postgres "
    SELECT s.place, e.account_id, e.event_id, e.points, e.paid, x.points, x.qualifying,
           CAST(SUM(b.points) AS BIGINT)
    FROM span AS s
    JOIN earned_event AS e ON e.lane = s.lane AND e.account_id = s.account_id
        AND e.happened_at >= s.from_at AND e.happened_at < s.until_at
    JOIN earned_entry AS x ON x.lane = e.lane AND x.account_id = e.account_id
        AND x.event_id = e.event_id
    JOIN ending AS b ON b.lane = x.lane AND b.seq = x.seq
    GROUP BY s.place, e.account_id, e.event_id, e.points, e.paid, x.seq, x.points, x.qualifying
    ORDER BY s.place, e.account_id, e.event_id");
const BACK_SQLITE: &str = spans!(sqlite "
    SELECT s.place, e.account_id, e.event_id, e.points, e.paid, x.points, x.qualifying,
           SUM(b.points)
    FROM span AS s
    CROSS JOIN earned_event AS e
    CROSS JOIN earned_entry AS x
    CROSS JOIN ending AS b
    WHERE e.lane = s.lane AND e.account_id = s.account_id
        AND e.happened_at >= s.from_at AND e.happened_at < s.until_at
        AND x.lane = e.lane AND x.account_id = e.account_id AND x.event_id = e.event_id
        AND b.lane = x.lane AND b.seq = x.seq
    GROUP BY s.place, e.account_id, e.event_id, e.points, e.paid, x.seq, x.points, x.qualifying
    ORDER BY s.place, e.account_id, e.event_id");

/// place, qualifying, paid.
type EarnedRow = (i64, i64, i64);
/// place, account, event, its points and payment; points of an entry, how many count, how many came
/// back.
type BackRow = (i64, String, String, i64, i64, i64, i64, i64);

/// Returns what was achieved in each span, in the order of the spans.
pub(super) async fn achieved(tx: &mut Tx, spans: &[Period<'_>]) -> Result<Vec<Achieved>, SqlError> {
    if spans.is_empty() {
        return Ok(Vec::new());
    }
    let (earned, back) = match tx.connection() {
        TxConnection::Postgres(conn) => postgres(conn, spans).await?,
        TxConnection::Sqlite(conn) => sqlite(conn, spans).await?,
    };
    Ok(add_up(spans.len(), &earned, &back))
}

/// Returns what was achieved in a span, for those who decide nothing.
pub(super) async fn achieved_now(db: &Db, span: Period<'_>) -> Result<Achieved, SqlError> {
    let (earned, back) = match db.pools() {
        Pools::Postgres(pool) => postgres(&mut *pool.acquire().await?, &[span]).await?,
        Pools::Sqlite { read, .. } => sqlite(&mut *read.acquire().await?, &[span]).await?,
    };
    Ok(add_up(1, &earned, &back)[0])
}

async fn postgres(
    conn: &mut PgConnection,
    spans: &[Period<'_>],
) -> Result<(Vec<EarnedRow>, Vec<BackRow>), SqlError> {
    let places: Vec<i64> = (0..).take(spans.len()).collect();
    let lanes: Vec<Lane> = spans.iter().map(|span| span.lane).collect();
    let accounts: Vec<&str> = spans.iter().map(|span| span.account.as_str()).collect();
    let from: Vec<i64> = spans.iter().map(|span| span.from.as_micros()).collect();
    let until: Vec<i64> = spans.iter().map(|span| span.until.as_micros()).collect();
    let earned = sqlx::query_as(EARNED_POSTGRES).bind(&places).bind(&lanes);
    let earned = earned.bind(&accounts).bind(&from).bind(&until);
    let earned = earned.fetch_all(&mut *conn).await?;
    let back = sqlx::query_as(BACK_POSTGRES).bind(&places).bind(&lanes);
    let back = back.bind(&accounts).bind(&from).bind(&until);
    Ok((earned, back.fetch_all(conn).await?))
}

async fn sqlite(
    conn: &mut SqliteConnection,
    spans: &[Period<'_>],
) -> Result<(Vec<EarnedRow>, Vec<BackRow>), SqlError> {
    let row = |(place, span): (usize, &Period<'_>)| {
        let (from, until) = (span.from.as_micros(), span.until.as_micros());
        (
            place,
            span.lane,
            span.account.as_str().to_owned(),
            from,
            until,
        )
    };
    let wanted: Vec<_> = spans.iter().enumerate().map(row).collect();
    let wanted = serde_json::to_string(&wanted).expect("numbers and text are JSON");
    let earned = sqlx::query_as(EARNED_SQLITE).bind(&wanted);
    let earned = earned.fetch_all(&mut *conn).await?;
    let back = sqlx::query_as(BACK_SQLITE).bind(&wanted);
    Ok((earned, back.fetch_all(conn).await?))
}

fn add_up(count: usize, earned: &[EarnedRow], back: &[BackRow]) -> Vec<Achieved> {
    let mut sums = vec![Achieved::default(); count];
    let place = |place: i64| usize::try_from(place).expect("places are counted from 0");
    for (at, qualifying, paid) in earned {
        sums[place(*at)] = Achieved {
            qualifying: *qualifying,
            paid: *paid,
        };
    }
    for event in back.chunk_by(|a, b| (a.0, &a.1, &a.2) == (b.0, &b.1, &b.2)) {
        let (at, _, _, points, paid, ..) = event[0];
        let revoked = |row: &BackRow| Revoked {
            points: row.5,
            qualifying: row.6,
            back: row.7,
        };
        let entries: Vec<Revoked> = event.iter().map(revoked).collect();
        let sum = &mut sums[place(at)];
        *sum = sum.without(Achieved::taken_back((points, paid), &entries));
    }
    sums
}
