//! What moved between the operator and a partner in a period, and what of it was settled.

use std::collections::BTreeMap;

use tenure_core::Timestamp;
use tenure_sql::{Db, SqlError, with_tx};

use super::settlements::{self, StoredSettlement};
use crate::domain::{Bill, Direction, LineKey, PartnerMoved, SettlementState};

/// Entries by what they have in common, by their settlement, and by whether they lie in the period.
const SUMS: &str = "
    SELECT e.direction, e.points_type, e.terms, e.share, e.settled_in,
           CASE WHEN e.decided_at < $3 THEN 0 ELSE 1 END AS is_within, COUNT(*),
           CAST(SUM(CASE WHEN e.points > 0 THEN e.points ELSE 0 END) AS BIGINT),
           CAST(SUM(CASE WHEN e.points < 0 THEN -e.points ELSE 0 END) AS BIGINT)
    FROM lane
    CROSS JOIN partner_entry AS e
    WHERE e.lane = lane.lane AND e.partner_id = $1 AND e.settled_in >= $2 AND e.settled_in <= $5
        AND e.decided_at < $4
    GROUP BY e.direction, e.points_type, e.terms, e.share, e.settled_in, is_within";

type Row = (i64, String, i64, i64, i64, i32, i64, i64, i64);
type Sums = BTreeMap<LineKey, PartnerMoved>;

/// Points, and what they come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Position {
    pub(crate) accrued: PartnerMoved,
    pub(crate) burned: PartnerMoved,
    /// What the partner owes, in minor units; negative when the operator does.
    pub(crate) net: i64,
}

impl Position {
    fn of(bill: &Bill, net: i64) -> Self {
        let mut position = Self {
            net,
            ..Self::default()
        };
        for line in &bill.lines {
            let to = match line.key.direction {
                Direction::Accrual => &mut position.accrued,
                Direction::Burn => &mut position.burned,
            };
            to.merge(line.moved);
        }
        position
    }
}

/// A statement of a partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartnerStatement {
    pub(crate) opening: Position,
    pub(crate) movements: Position,
    pub(crate) settled: Position,
    pub(crate) closing: Position,
    /// Opening and movements, less what was settled, less this is closing, in minor units.
    pub(crate) rounding: i64,
    /// The settlements that were begun in the period.
    pub(crate) settlements: Vec<i64>,
}

/// Returns the statement of a partner over a period, from one snapshot.
pub(crate) async fn partner_statement(
    db: &Db,
    partner: &str,
    (from, until): (Timestamp, Timestamp),
) -> Result<PartnerStatement, SqlError> {
    let mut tx = db.begin_snapshot().await?;
    let since = settlements::created_since(&mut tx, partner, from).await?;
    // Those that ran out are not there; a running one has settled nothing yet.
    let within = |settlement: &&StoredSettlement| {
        settlement.created_at < until && settlement.state != SettlementState::Running
    };
    let within: Vec<&StoredSettlement> = since.iter().filter(within).collect();
    let first = since.first().map_or(i64::MAX, |first| first.number);
    let mut rows: Vec<Row> = Vec::new();
    // What no settlement has; what those have that were begun later.
    for (low, high) in [(0, 0), (first, i64::MAX)] {
        let more: Vec<Row> = with_tx!(&mut tx, |conn| {
            let sums = sqlx::query_as(SUMS).bind(partner).bind(low);
            let sums = sums.bind(from.as_micros()).bind(until.as_micros());
            sums.bind(high).fetch_all(conn).await?
        });
        rows.extend(more);
    }
    let (mut opening, mut movements) = (Sums::new(), Sums::new());
    let (mut settled, mut closing) = (Sums::new(), Sums::new());
    for (direction, points_type, terms, share, number, is_within, entries, points, returned) in rows
    {
        let key = settlements::key(direction, points_type, terms, share)?;
        let moved = PartnerMoved {
            entries,
            points,
            returned,
        };
        let came = if is_within == 0 {
            &mut opening
        } else {
            &mut movements
        };
        came.entry(key.clone()).or_default().merge(moved);
        let is_settled = within.iter().any(|settlement| settlement.number == number);
        let went = if is_settled {
            &mut settled
        } else {
            &mut closing
        };
        went.entry(key).or_default().merge(moved);
    }
    let (payment, prices) = settlements::tariff(&mut tx, partner).await?;
    let bill = |sums| settlements::bill(sums, payment, &prices);
    let (opening, movements) = (bill(opening)?, bill(movements)?);
    let (settled, closing) = (bill(settled)?, bill(closing)?);
    let billed: i64 = within.iter().map(|it| it.accrual - it.redemption).sum();
    let rounding = closing.net() - (opening.net() + movements.net() - billed);
    Ok(PartnerStatement {
        opening: Position::of(&opening, opening.net()),
        movements: Position::of(&movements, movements.net()),
        settled: Position::of(&settled, billed),
        closing: Position::of(&closing, closing.net()),
        rounding,
        settlements: within.iter().map(|it| it.number).collect(),
    })
}
