//! Vintages at any day: the sums, and the entries that are not in them yet.

use std::collections::BTreeMap;

use tenure_core::ProgrammeId;
use tenure_sql::{Db, SqlError, Tx, with_tx};

use super::vintages;
use crate::domain::{Change, Cohort, EntryKind, Movements, Vintages};

/// What moved the points of a vintage: before the first day, and from it on.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Moved {
    pub(crate) before: Movements,
    pub(crate) within: Movements,
}

/// The vintages of a programme, and what its accounts hold at the same instant.
#[derive(Debug)]
pub(crate) struct VintageBooks {
    pub(crate) vintages: BTreeMap<Cohort, Moved>,
    /// What the lots of all accounts hold now, where the books are those of now.
    pub(crate) lot_points: Option<i64>,
}

/// From a day on, up to a day, not including it. Days are counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Days {
    pub(crate) start: i64,
    pub(crate) end: i64,
}

impl Days {
    /// The end of a period up to now: all that is booked.
    pub(crate) const NO_END: i64 = i64::MAX;
}

const VINTAGES: &str = "
    SELECT earn_month, points_type, partner_id, CASE WHEN day < $2 THEN 0 ELSE 1 END AS is_within,
           kind, CAST(SUM(points) AS BIGINT), CAST(SUM(held) AS BIGINT),
           CAST(SUM(pending) AS BIGINT)
    FROM vintage
    WHERE programme_id = $1 AND day < $3
    GROUP BY 1, 2, 3, 4, 5";
const LOT_POINTS: &str = "
    SELECT CAST(COALESCE(SUM(balance), 0) AS BIGINT)
    FROM account
    WHERE programme_id = $1";

/// Returns the vintages of a programme with what moved them on `days`.
pub(crate) async fn vintage_books(
    db: &Db,
    programme: &ProgrammeId,
    days: Days,
) -> Result<VintageBooks, SqlError> {
    // What is left to be read below is then what was committed since.
    vintages::sum_vintages(db).await?;
    let mut tx = db.begin_snapshot().await?;
    let mut found = BTreeMap::new();
    add_sums(&mut tx, programme, days, &mut found).await?;
    add_unsummed(&mut tx, programme, days, &mut found).await?;
    // Every account is read for it, so only where it can be compared.
    let lot_points = match days.end {
        Days::NO_END => Some(with_tx!(tx, |conn| {
            let points = sqlx::query_scalar(LOT_POINTS).bind(programme.as_str());
            points.fetch_one(conn).await?
        })),
        _ => None,
    };
    tx.rollback().await?;
    Ok(VintageBooks {
        vintages: found,
        lot_points,
    })
}

type SumRow = (i64, String, String, i32, i32, i64, i64, i64);

async fn add_sums(
    tx: &mut Tx,
    programme: &ProgrammeId,
    days: Days,
    found: &mut BTreeMap<Cohort, Moved>,
) -> Result<(), SqlError> {
    let rows: Vec<SumRow> = with_tx!(tx, |conn| {
        let sums = sqlx::query_as(VINTAGES).bind(programme.as_str());
        let sums = sums.bind(days.start).bind(days.end);
        sums.fetch_all(conn).await?
    });
    for (month, points_type, partner, is_within, kind, points, held, pending) in rows {
        let cohort = Cohort {
            programme: programme.clone(),
            month,
            points_type: points_type.into(),
            partner: partner.into(),
        };
        let change = Change {
            points,
            held,
            pending,
        };
        let kind = i16::try_from(kind).ok().and_then(EntryKind::from_number);
        let kind = kind.ok_or_else(|| SqlError::corrupt("a stored kind is none"))?;
        add(found, cohort, is_within == 1, kind, change);
    }
    Ok(())
}

async fn add_unsummed(
    tx: &mut Tx,
    programme: &ProgrammeId,
    days: Days,
    found: &mut BTreeMap<Cohort, Moved>,
) -> Result<(), SqlError> {
    let mut late = Vintages::default();
    for range in vintages::unsummed(tx).await? {
        vintages::add_entries(tx, range, &mut late).await?;
    }
    for (key, change) in late.finish() {
        if key.cohort.programme != *programme || key.day >= days.end {
            continue;
        }
        let kind = EntryKind::from_number(key.kind).expect("it was an entry's");
        add(found, key.cohort, key.day >= days.start, kind, change);
    }
    Ok(())
}

fn add(
    found: &mut BTreeMap<Cohort, Moved>,
    cohort: Cohort,
    is_within: bool,
    kind: EntryKind,
    change: Change,
) {
    let moved = found.entry(cohort).or_default();
    let movements = if is_within {
        &mut moved.within
    } else {
        &mut moved.before
    };
    movements.add(kind, change);
}
