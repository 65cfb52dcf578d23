//! The accounts of a lane by id, each replayed along its chain and compared with its row.

use std::collections::HashMap;

use tenure_core::{Lane, Timestamp};
use tenure_sql::{SqlError, Tx};

use super::{Run, breach};
use crate::domain::{Account, Entry, Finding, Invariant, Record, Replay};
use crate::store::{self, StoredAccount};

/// How many accounts are read at once.
const ACCOUNTS: i64 = 200;
/// How many records are held at once: a longer chain is followed in pieces.
pub(super) const PIECE: i64 = 4_096;
/// The most pieces: a billion records of one account.
pub(super) const PIECES_MAX: i64 = 262_144;

/// Records of a chain, oldest first.
pub(super) type Piece = [(i64, i64, Option<Record>)];

impl Run<'_> {
    /// Looks at the next accounts, as many as have a piece of records together.
    pub(super) async fn accounts(&mut self) -> Result<(), SqlError> {
        let mut tx = self.db.begin_snapshot().await?;
        let lane = self.position.lane;
        let after = self.position.account.clone();
        let page = store::accounts_after(&mut tx, lane, &after, ACCOUNTS).await?;
        if page.is_empty() {
            self.end_lane();
            return Ok(());
        }
        let mut wanted = Vec::new();
        let mut sum = 0;
        let mut group = Vec::new();
        for stored in page {
            // The opening stands in the chain too.
            let records = stored
                .account
                .as_ref()
                .map_or(0, |it| it.entries.max(0) + 1);
            if sum + records > PIECE && !group.is_empty() {
                break;
            }
            sum += records;
            if let Some(account) = &stored.account
                && records <= PIECE
            {
                wanted.push((account.last_seq, records));
            }
            group.push(stored);
            if sum > PIECE {
                break;
            }
        }
        let chains = store::chains(&mut tx, lane, &wanted).await?;
        let targets = targets(&mut tx, lane, chains.values().map(Vec::as_slice)).await?;
        let range = group.first().zip(group.last());
        let range = range.map_or(Default::default(), |(a, b)| (a.id.clone(), b.id.clone()));
        let rows = store::orders_between(&mut tx, lane, &range).await?;
        for stored in group {
            self.position.account.clone_from(&stored.id);
            self.position.accounts += 1;
            let Some(account) = &stored.account else {
                self.position.is_partial = true;
                let what = "the stored account";
                let (wanted, found) = ("one that can be read", "one that cannot");
                let found = breach(Invariant::Stored, what, wanted.into(), found.into());
                self.report(found.at(lane, 0, None, &stored.id));
                continue;
            };
            let found = if account.entries < PIECE {
                let chain = chains.get(&account.last_seq).map(Vec::as_slice);
                let mut replay = Replay::new(account.id.clone());
                self.follow(&mut replay, chain.unwrap_or_default(), &targets)
                    .and_then(|()| close(&mut replay, account, &stored))
                    .map(|()| replay)
            } else {
                self.long(&mut tx, account, &stored).await?
            };
            let rows = rows.get(&stored.id).map(Vec::as_slice);
            let found = found.and_then(|replay| {
                let compared = replay.compare_orders(rows.unwrap_or_default());
                compared.map_err(|breach| breach.at(lane, account.last_seq, None, &stored.id))
            });
            self.report_all(found);
        }
        self.left -= sum.max(1);
        Ok(())
    }

    /// Follows a chain that is too long to be held.
    async fn long(
        &mut self,
        tx: &mut Tx,
        account: &Account,
        stored: &StoredAccount,
    ) -> Result<Result<Replay, Finding>, SqlError> {
        let lane = self.position.lane;
        let most = (account.entries / PIECE + 2).min(PIECES_MAX);
        let marks = store::marks(tx, lane, account.last_seq, (PIECE, most)).await?;
        let mut replay = Replay::new(account.id.clone());
        let mut found = Ok(());
        for (number, mark) in marks.iter().enumerate() {
            let chains = store::chains(tx, lane, &[(*mark, PIECE)]).await?;
            let piece = chains.get(mark).map(Vec::as_slice).unwrap_or_default();
            let targets = targets(tx, lane, std::iter::once(piece)).await?;
            self.count(piece, number == 0);
            if found.is_ok() {
                found = self.feed(&mut replay, piece, &targets);
            }
        }
        let found = found.and_then(|()| close(&mut replay, account, stored));
        Ok(found.map(|()| replay))
    }

    /// Replays a whole chain.
    fn follow(
        &mut self,
        replay: &mut Replay,
        chain: &Piece,
        targets: &HashMap<i64, Entry>,
    ) -> Result<(), Finding> {
        self.count(chain, true);
        self.feed(replay, chain, targets)
    }

    /// Notes which records an account has reached.
    pub(super) fn count(&mut self, piece: &Piece, is_first: bool) {
        for (seq, ..) in piece {
            if *seq <= self.position.check.seq {
                self.position.reached.add(*seq);
            }
        }
        if is_first && piece.first().is_none_or(|(_, previous, _)| *previous != 0) {
            // What lies before the break is missed for that alone.
            self.position.is_partial = true;
        }
    }

    fn feed(
        &mut self,
        replay: &mut Replay,
        piece: &Piece,
        targets: &HashMap<i64, Entry>,
    ) -> Result<(), Finding> {
        for (seq, _, record) in piece {
            let Some(record) = record else {
                let what = "a record of the account's chain";
                let (wanted, found) = ("one that can be read", "one that cannot");
                let found = breach(Invariant::Stored, what, wanted.into(), found.into());
                return Err(found.at(self.position.lane, *seq, None, ""));
            };
            let target = reversed(record).and_then(|seq| targets.get(&seq));
            replay.feed(record, target, self.orders)?;
        }
        Ok(())
    }
}

/// Ends a replay and compares it with the row.
fn close(replay: &mut Replay, account: &Account, stored: &StoredAccount) -> Result<(), Finding> {
    replay.finish()?;
    let next_due = Timestamp::from_micros(stored.next_due);
    let compared = replay.compare(account, stored.balance, next_due);
    compared.map_err(|breach| breach.at(account.lane, account.last_seq, None, account.id.as_str()))
}

/// Returns the number of the entry that a record takes back.
fn reversed(record: &Record) -> Option<i64> {
    match record {
        Record::Entry(entry) => Some(entry.reversal.as_ref()?.entry.seq()),
        _ => None,
    }
}

/// Loads the entries that records take back.
async fn targets<'p>(
    tx: &mut Tx,
    lane: Lane,
    pieces: impl Iterator<Item = &'p Piece>,
) -> Result<HashMap<i64, Entry>, SqlError> {
    let records = pieces.flatten().filter_map(|(.., record)| record.as_ref());
    let places: Vec<(Lane, i64)> = records
        .filter_map(reversed)
        .map(|seq| (lane, seq))
        .collect();
    let entries = store::entries_at(tx, &places).await?;
    Ok(entries
        .into_iter()
        .map(|((_, seq), entry)| (seq, entry))
        .collect())
}
