//! Totals, moved on with every commit.

use super::rows::{RowStatement, Script};
use crate::domain::Total;
use tenure_core::Lane;

static ADD_SQLITE: RowStatement = RowStatement::new(
    "INSERT OR FAIL INTO total (lane, programme_id, day, kind, points, first_seq, last_seq)
    SELECT * FROM {rows} WHERE column1 IS NOT NULL
    ON CONFLICT (lane, programme_id, day, kind) DO UPDATE
    SET points = total.points + EXCLUDED.points,
        first_seq = MIN(total.first_seq, EXCLUDED.first_seq),
        last_seq = MAX(total.last_seq, EXCLUDED.last_seq)",
    7,
);

/// Totals as columns, for set-wise statements on PostgreSQL.
#[derive(Default)]
pub(super) struct TotalColumns<'a> {
    pub(super) lanes: Vec<Lane>,
    pub(super) programmes: Vec<&'a str>,
    pub(super) days: Vec<i64>,
    pub(super) kinds: Vec<i32>,
    pub(super) points: Vec<i64>,
    pub(super) firsts: Vec<i64>,
    pub(super) lasts: Vec<i64>,
}

impl<'a> TotalColumns<'a> {
    pub(super) fn of(totals: &'a [Total]) -> Self {
        let mut columns = Self::default();
        for total in totals {
            columns.lanes.push(total.lane);
            columns.programmes.push(total.programme.as_str());
            columns.days.push(total.day);
            columns.kinds.push(i32::from(total.kind.number()));
            columns.points.push(total.points);
            columns.firsts.push(total.seqs.0);
            columns.lasts.push(total.seqs.1);
        }
        columns
    }
}

/// Adds the writing of what a transaction moved; on PostgreSQL the statement for entries does it.
pub(super) fn add_sqlite(script: &mut Script, totals: &[Total]) {
    script.add(&ADD_SQLITE, totals, |values, total| {
        values
            .bind(total.lane)
            .bind(total.programme.as_str())
            .bind(total.day)
            .bind(total.kind.number())
            .bind(total.points)
            .bind(total.seqs.0)
            .bind(total.seqs.1);
    });
}
