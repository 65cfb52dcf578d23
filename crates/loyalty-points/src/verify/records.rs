//! The records of a lane in their order, with their seals; then the stored endings.

use tenure_sql::SqlError;

use super::{Run, breach};
use crate::domain::{Invariant, Neighbour, Phase, Record, Seal, Sealing, TotalRow, total_mark};
use crate::store::{self, BLOCK_MAX, LaneSlice};

/// How many records that are not sealed are read at once.
const SLICE: i64 = 1_024;
/// How many endings are read at once.
const ENDINGS: i64 = 1_000;
/// Instead of the number of a block: the chain of the lane is broken, later blocks say nothing.
const BROKEN: i64 = -1;

impl Run<'_> {
    /// Looks at the next records of the lane; behind the last one at the totals, in the same snapshot.
    pub(super) async fn records(&mut self) -> Result<(), SqlError> {
        let mut tx = self.db.begin_snapshot().await?;
        let (lane, after) = (self.position.lane, self.position.check.seq);
        let block = (self.position.block != BROKEN).then_some(self.position.block);
        let slice = store::slice(&mut tx, lane, after, block, SLICE).await?;
        self.seals(&slice);
        self.look_at(&slice);
        let count = i64::try_from(slice.records.len()).unwrap_or(i64::MAX);
        self.left -= count.max(1);
        self.position.records += count;
        if self.position.check.seq < slice.head && count > 0 {
            return Ok(());
        }
        self.end_of_records(&slice);
        if self.position.is_partial {
            // Records that cannot be read add nothing: the totals would differ for that alone.
            self.position.phase = Phase::Endings;
            return Ok(());
        }
        let mark = self.position.check.totals;
        let differ = store::totals_differ(&mut tx, lane, |rows| {
            let add = |sum: u64, row: &TotalRow| {
                sum.wrapping_add(total_mark(&row.programme, row.day, row.kind, row.points))
            };
            rows.iter().fold(0, add) == mark
        });
        if let Some((wanted, found)) = differ.await? {
            let seq = wanted
                .as_ref()
                .or(found.as_ref())
                .map_or(0, |row| row.first_seq);
            let show = |row: Option<TotalRow>| {
                row.map_or_else(
                    || "none".to_owned(),
                    |row| {
                        let TotalRow {
                            programme,
                            day,
                            kind,
                            points,
                            first_seq,
                            last_seq,
                        } = row;
                        format!(
                            "programme {programme}, day {day}, kind {kind}: {points} points in \
                             {first_seq} to {last_seq}"
                        )
                    },
                )
            };
            let what = "a stored total of entries";
            let found = breach(Invariant::Books, what, show(wanted), show(found));
            self.report(found.at(lane, seq, None, ""));
        }
        self.position.phase = Phase::Endings;
        Ok(())
    }

    /// Recomputes the blocks of a slice and names the first that is not what its records say.
    fn seals(&mut self, slice: &LaneSlice) {
        for seal in &slice.seals {
            let (lane, first) = (self.position.lane, self.next_sealed());
            let follows = seal.block == self.position.block + 1
                && seal.first_seq == first
                && (first..first + BLOCK_MAX).contains(&seal.last_seq);
            let is_whole = follows && seal.last_seq <= slice.head;
            if !is_whole {
                let wanted = format!(
                    "block {} from record {first} on, {BLOCK_MAX} at most, up to {}",
                    self.position.block + 1,
                    slice.head
                );
                let found = format!(
                    "block {} from record {} to {}",
                    seal.block, seal.first_seq, seal.last_seq
                );
                let what = "the next sealed block";
                let mut finding =
                    breach(Invariant::Seal, what, wanted, found).at(lane, first, None, "");
                finding.block = Some(self.position.block + 1);
                self.report(finding);
                self.position.block = BROKEN;
                return;
            }
            self.seal(slice, seal);
            self.position.block = seal.block;
            // Going on from what is stored, only the block that differs is named.
            self.position.hash = seal.hash;
            self.position.sealed = seal.last_seq;
            self.position.blocks += 1;
        }
    }

    fn next_sealed(&self) -> i64 {
        self.position.sealed + 1
    }

    fn seal(&mut self, slice: &LaneSlice, seal: &Seal) {
        let mut sealing = Sealing::after(&self.position.hash);
        let range = seal.first_seq..=seal.last_seq;
        for (raw, ..) in &slice.records {
            if range.contains(&raw.seq) {
                sealing.add(raw);
            }
        }
        let hash = sealing.finish();
        if hash == seal.hash {
            return;
        }
        let what = format!(
            "the digest of block {}, records {} to {}",
            seal.block, seal.first_seq, seal.last_seq
        );
        let found = breach(Invariant::Seal, &what, hex(&seal.hash), hex(&hash));
        let mut finding = found.at(self.position.lane, seal.first_seq, None, "");
        finding.block = Some(seal.block);
        self.report(finding);
    }

    fn look_at(&mut self, slice: &LaneSlice) {
        let lane = self.position.lane;
        for (raw, programme, known) in &slice.records {
            let stepped = self.position.check.step(lane, raw.seq);
            self.report_all(stepped);
            let Some((record, key)) = known else {
                self.position.is_partial = true;
                let what = "the record";
                let (wanted, found) = ("one that can be read", "one that cannot");
                let found = breach(Invariant::Stored, what, wanted.into(), found.into());
                self.report(found.at(lane, raw.seq, None, &raw.account_id));
                continue;
            };
            let (peer, stock, drawn) = match record {
                Record::Entry(entry) => (
                    entry.peer.as_ref().and_then(|peer| peer.entry),
                    entry.stock.as_ref().map(|part| part.record),
                    None,
                ),
                Record::Stock(moved) => (None, None, moved.moved.entry),
                _ => (None, None, None),
            };
            let beside = Neighbour {
                programme: programme.as_deref(),
                ending: slice.endings.get(&raw.seq).copied(),
                peer: peer.and_then(|id| slice.peers.get(&(id.lane(), id.seq()))),
                stock: stock.and_then(|id| slice.drawn.get(&(id.lane(), id.seq()))),
                drawn: drawn.and_then(|id| slice.peers.get(&(id.lane(), id.seq()))),
                same_request: slice.same_request.get(&raw.seq).copied(),
                same_source: slice.same_source.get(&raw.seq).copied(),
                partner: slice.partners.get(&raw.seq),
            };
            let total = |programme: &str, day, kind| {
                slice
                    .totals
                    .get(&(programme.to_owned(), day, kind))
                    .copied()
            };
            let fed = self
                .position
                .check
                .feed(raw, (record, key.as_ref()), beside, total);
            self.report_all(fed);
        }
    }

    /// The lane ends where it says.
    fn end_of_records(&mut self, slice: &LaneSlice) {
        self.no_partner_row_beyond(slice.head, slice.partner_beyond);
        let lane = self.position.lane;
        let last = slice.beyond.unwrap_or(self.position.check.seq);
        if last != slice.head {
            let what = "the last record of the lane";
            let (wanted, found) = (slice.head.to_string(), last.to_string());
            let found = breach(Invariant::Sequence, what, wanted, found);
            self.report(found.at(lane, last.min(slice.head) + 1, None, ""));
        }
    }

    /// Looks at stored endings: each was written by the entry that it names.
    pub(super) async fn endings(&mut self) -> Result<(), SqlError> {
        let mut tx = self.db.begin_snapshot().await?;
        let lane = self.position.lane;
        let endings = store::endings_after(&mut tx, lane, self.position.ending, ENDINGS).await?;
        let places: Vec<_> = endings.iter().map(|ending| (lane, ending.by_seq)).collect();
        let by = store::entries_at(&mut tx, &places).await?;
        for ending in &endings {
            let entry = by.get(&(lane, ending.by_seq));
            let said = entry.and_then(|entry| {
                let (points, before) = entry.takes_back();
                Some((entry.ends()?.seq(), before, points))
            });
            if said != Some(ending.said) {
                let what = format!("what record {} ended, by the entry", ending.by_seq);
                let (wanted, found) = (format!("{said:?}"), format!("{:?}", ending.said));
                let found = breach(Invariant::Stored, &what, wanted, found);
                let id = entry.map(|entry| entry.id);
                self.report(found.at(lane, ending.by_seq, id, ""));
            }
            self.position.ending = (ending.said.0, ending.said.1);
        }
        let count = i64::try_from(endings.len()).unwrap_or(i64::MAX);
        self.left -= count;
        if count < ENDINGS {
            self.position.phase = Phase::Stocks;
        }
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
