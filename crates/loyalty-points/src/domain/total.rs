//! Points by lane, programme, day and kind, kept along with the entries, so that the books of years
//! need not read every entry of them.

use std::collections::BTreeMap;

use tenure_core::{Lane, ProgrammeId, Timestamp};

use super::entry::{Entry, EntryKind};

/// Microseconds of a day.
pub const DAY: i64 = 86_400_000_000;

/// What entries of one kind, for one day, of one lane and programme add up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Total {
    /// The lane.
    pub lane: Lane,
    /// The programme of the accounts.
    pub programme: ProgrammeId,
    /// The day that the entries were decided for, counted from 1970-01-01 in UTC.
    pub day: i64,
    /// Their kind.
    pub kind: EntryKind,
    /// The sum of their changes.
    pub points: i64,
    /// The number of the first of them in the lane, and of the last.
    pub seqs: (i64, i64),
}

/// Returns the day of an instant.
#[must_use]
pub fn day_of(instant: Timestamp) -> i64 {
    instant.as_micros().div_euclid(DAY)
}

/// Totals of one transaction.
#[derive(Debug, Default)]
pub(super) struct Totals(BTreeMap<(Lane, i64, i16), Vec<Total>>);

impl Totals {
    /// Adds an entry of an account of `programme`; entries that only hold or give back add nothing.
    pub(super) fn add(&mut self, entry: &Entry, programme: &ProgrammeId) {
        if entry.points == 0 {
            return;
        }
        let (lane, seq) = (entry.id.lane(), entry.id.seq());
        let day = day_of(entry.decided_at);
        let totals = self.0.entry((lane, day, entry.kind.number())).or_default();
        match totals
            .iter_mut()
            .find(|total| total.programme == *programme)
        {
            Some(total) => {
                total.points += entry.points;
                total.seqs = (total.seqs.0.min(seq), total.seqs.1.max(seq));
            }
            None => totals.push(Total {
                lane,
                programme: programme.clone(),
                day,
                kind: entry.kind,
                points: entry.points,
                seqs: (seq, seq),
            }),
        }
    }

    /// Returns the totals by lane, day and kind.
    pub(super) fn finish(self) -> Vec<Total> {
        self.0.into_values().flatten().collect()
    }
}
