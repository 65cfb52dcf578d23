//! What a verification reads of partners: rows beside entries, and settlements with their entries.

use std::collections::{BTreeMap, HashMap};

use tenure_core::Lane;
use tenure_sql::{SqlError, SqlErrorKind, Tx, with_tx};

use crate::domain::{LineKey, PartnerMoved, PartnerRow, SettlementSeen};
use crate::store::settlements;

const ROWS: &str = "
    SELECT p.seq, p.partner_id, p.direction, p.points, p.points_type, p.terms, p.share,
           p.decided_at, p.settled_in, r.seq_from, r.seq_to
    FROM partner_entry AS p
    LEFT JOIN settlement_range AS r
        ON r.lane = p.lane AND r.partner_id = p.partner_id AND r.number = p.settled_in
    WHERE p.lane = $1 AND p.seq > $2 AND p.seq <= $3";
const BEYOND: &str = "SELECT MIN(seq) FROM partner_entry WHERE lane = $1 AND seq > $2";

type Row = (
    i64,
    String,
    i64,
    i64,
    String,
    i64,
    i64,
    i64,
    i64,
    Option<i64>,
    Option<i64>,
);

/// Returns the rows of a range of a lane by number, and the number of one behind `head`, which there
/// must not be.
pub(super) async fn rows(
    tx: &mut Tx,
    (lane, after, until): (Lane, i64, i64),
    head: i64,
) -> Result<(HashMap<i64, PartnerRow>, Option<i64>), SqlError> {
    let (rows, beyond): (Vec<Row>, Option<i64>) = with_tx!(tx, |conn| {
        let rows = sqlx::query_as(ROWS).bind(lane).bind(after).bind(until);
        let rows = rows.fetch_all(&mut *conn).await?;
        let beyond = sqlx::query_scalar(BEYOND).bind(lane).bind(head);
        (rows, beyond.fetch_one(conn).await?)
    });
    let row = |row: Row| {
        let (seq, partner, direction, points, points_type, terms, share, decided_at, ..) = row;
        let stored = PartnerRow {
            partner,
            numbers: [direction, points, terms, share, decided_at],
            points_type,
            settled_in: row.8,
            range: row.9.zip(row.10),
        };
        (seq, stored)
    };
    Ok((rows.into_iter().map(row).collect(), beyond))
}

const NEXT: &str = "
    SELECT partner_id, number FROM settlement
    WHERE (partner_id, number) > ($1, $2)
    ORDER BY partner_id, number
    LIMIT 1";
const SUMS: &str = "
    SELECT e.direction, e.points_type, e.terms, e.share, COUNT(*),
           CAST(SUM(CASE WHEN e.points > 0 THEN e.points ELSE 0 END) AS BIGINT),
           CAST(SUM(CASE WHEN e.points < 0 THEN -e.points ELSE 0 END) AS BIGINT)
    FROM lane
    CROSS JOIN partner_entry AS e
    WHERE e.lane = lane.lane AND e.partner_id = $1 AND e.settled_in = $2
    GROUP BY e.direction, e.points_type, e.terms, e.share";

type Sum = (i64, String, i64, i64, i64, i64, i64);

/// Returns the settlement behind one, with what its entries add up to.
pub(crate) async fn settlement_after(
    tx: &mut Tx,
    (partner, number): (&str, i64),
) -> Result<Option<SettlementSeen>, SqlError> {
    let next: Option<(String, i64)> = with_tx!(tx, |conn| {
        let next = sqlx::query_as(NEXT).bind(partner).bind(number);
        next.fetch_optional(conn).await?
    });
    let Some((partner, number)) = next else {
        return Ok(None);
    };
    let Some(found) = settlements::find_in(tx, &partner, number).await? else {
        return Ok(None);
    };
    let lines = settlements::lines_in(tx, &partner, number).await?;
    let sums: Vec<Sum> = with_tx!(tx, |conn| {
        let sums = sqlx::query_as(SUMS).bind(&partner).bind(number);
        sums.fetch_all(conn).await?
    });
    let mut entries: BTreeMap<LineKey, PartnerMoved> = BTreeMap::new();
    for (direction, points_type, terms, share, count, points, returned) in sums {
        let key = settlements::key(direction, points_type, terms, share)?;
        let moved = PartnerMoved {
            entries: count,
            points,
            returned,
        };
        entries.insert(key, moved);
    }
    let bill = match settlements::price(tx, &partner, entries.clone()).await {
        Ok(bill) => Some(bill),
        Err(error) if error.kind() == SqlErrorKind::Corrupt => None,
        Err(error) => return Err(error),
    };
    Ok(Some(SettlementSeen {
        partner,
        number,
        state: found.state,
        totals: [found.entries, found.accrual, found.redemption],
        lines,
        entries,
        bill,
    }))
}
