//! The sums of a programme's books.

use tenure_core::{ProgrammeId, Timestamp};
use tenure_sql::{Db, SqlError, with_pool};

use crate::domain::{Change, DAY, EntryKind, Movements, day_of};

/// Points by what moved them in a period, and what there was before and is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sums {
    pub(crate) opening: i64,
    pub(crate) moved: Movements,
    pub(crate) lot_points: i64,
    pub(crate) accounts: i64,
}

impl Sums {
    /// Returns the points outstanding at the end.
    pub(crate) fn closing(&self) -> i64 {
        self.opening + self.moved.outstanding()
    }
}

/// From an instant on, up to an instant. Without an end all that is booked counts, what was decided
/// for this very instant included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Period {
    pub(crate) start: Timestamp,
    pub(crate) end: Option<Timestamp>,
}

/// No day that points were ever moved on.
const NO_DAY: i64 = i64::MIN;
/// The day after all days.
const LAST_DAY: i64 = i64::MAX;

/// One statement, so that entries and lots are those of the same instant. Kind -1 is what was before
/// the period, -2 what the lots hold, -3 how many accounts there are. Whole days come from the
/// totals; of the days on which the period begins and ends ($4, $5) the entries are read.
const BOOKS: &str = "
    SELECT CASE WHEN t.day < $2 THEN -1 ELSE t.kind END AS kind,
           CAST(SUM(t.points) AS BIGINT) AS points
    FROM total AS t
    WHERE t.programme_id = $1 AND t.day < $3 AND t.day <> $4 AND t.day <> $5
    GROUP BY 1
    UNION ALL
    SELECT CASE WHEN e.decided_at < $6 THEN -1 ELSE e.kind END, CAST(SUM(e.points) AS BIGINT)
    FROM total AS t
    JOIN entry AS e ON e.lane = t.lane AND e.seq >= t.first_seq AND e.seq <= t.last_seq
        AND e.kind = t.kind AND e.decided_at >= t.day * $8 AND e.decided_at < (t.day + 1) * $8
    JOIN account AS a ON a.lane = e.lane AND a.account_id = e.account_id
        AND a.programme_id = t.programme_id
    WHERE t.programme_id = $1 AND (t.day = $4 OR t.day = $5) AND e.decided_at < $7
    GROUP BY 1
    UNION ALL
    SELECT -2, CAST(COALESCE(SUM(balance), 0) AS BIGINT) FROM account WHERE programme_id = $1
    UNION ALL
    SELECT -3, COUNT(*) FROM account WHERE programme_id = $1";

/// Returns the day of an instant, and that day again when the instant lies within it.
fn split(instant: Timestamp) -> (i64, i64) {
    let day = day_of(instant);
    (
        day,
        if day * DAY == instant.as_micros() {
            NO_DAY
        } else {
            day
        },
    )
}

/// Returns the sums of the entries decided for an instant of the period.
pub(crate) async fn books(
    db: &Db,
    programme: &ProgrammeId,
    period: Period,
) -> Result<Sums, SqlError> {
    let (first, within_first) = split(period.start);
    let (last, within_last) = period.end.map_or((LAST_DAY, NO_DAY), split);
    let until = period.end.unwrap_or(Timestamp::MAX).as_micros();
    let rows: Vec<(i32, i64)> = with_pool!(db, |pool| {
        let books = sqlx::query_as(BOOKS)
            .bind(programme.as_str())
            .bind(first)
            .bind(last);
        let books = books.bind(within_first).bind(within_last);
        let books = books.bind(period.start.as_micros()).bind(until).bind(DAY);
        books.fetch_all(pool).await?
    });
    let mut sums = Sums::default();
    for (kind, points) in rows {
        match kind {
            -1 => sums.opening += points,
            -2 => sums.lot_points = points,
            -3 => sums.accounts = points,
            kind => add(&mut sums.moved, kind, points)?,
        }
    }
    Ok(sums)
}

fn add(moved: &mut Movements, kind: i32, points: i64) -> Result<(), SqlError> {
    let kind = i16::try_from(kind).ok().and_then(EntryKind::from_number);
    let kind = kind.ok_or_else(|| SqlError::corrupt("a stored kind is none"))?;
    let change = Change {
        points,
        ..Change::default()
    };
    moved.add(kind, change);
    Ok(())
}
