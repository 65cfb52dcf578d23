//! How far a verification is: all that must be known to go on.

use tenure_core::Lane;

use super::lane::{LaneCheck, Seen};
use crate::domain::bytes::{Reader, Writer};
use crate::domain::seal::{BlockHash, NO_BLOCK};

/// What is looked at in a lane, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// All records in their order.
    #[default]
    Records,
    /// The stored endings.
    Endings,
    /// The accounts, each along its chain.
    Accounts,
    /// The settlements of all lanes, behind the last one.
    Settlements,
    /// The stocks, each along its chain; before the accounts.
    Stocks,
}

/// How far a verification is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Position {
    /// The lane.
    pub lane: Lane,
    /// What is looked at in it.
    pub phase: Phase,
    /// What its records were.
    pub check: LaneCheck,
    /// The last record of the last block that was recomputed.
    pub sealed: i64,
    /// That block.
    pub block: i64,
    /// Its digest.
    pub hash: BlockHash,
    /// Behind the stored endings of this record and so many points; behind the settlement of this
    /// number.
    pub ending: (i64, i64),
    /// Behind this account, or this stock; or at this partner.
    pub account: String,
    /// The records that the accounts reached, up to the last one of the first phase.
    pub reached: Seen,
    /// Whether an account of the lane could not be followed to its end.
    pub is_partial: bool,
    /// How many records of all lanes were looked at.
    pub records: i64,
    /// How many records there were in all lanes at the beginning.
    pub records_total: i64,
    /// How many accounts were replayed.
    pub accounts: i64,
    /// How many blocks were recomputed.
    pub blocks: i64,
    /// How many findings there were.
    pub findings: i64,
}

impl Position {
    /// Goes on to the next lane.
    pub fn next_lane(&mut self) {
        *self = Self {
            lane: self.lane + 1,
            records: self.records,
            records_total: self.records_total,
            accounts: self.accounts,
            blocks: self.blocks,
            findings: self.findings,
            hash: NO_BLOCK,
            ..Self::default()
        };
    }

    /// Returns it as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut to = Writer::with_version(1);
        to.byte(self.phase as u8);
        to.byte(u8::from(self.is_partial));
        for number in self.numbers() {
            to.number(number);
        }
        to.bytes(&self.hash);
        to.text(&self.account);
        to.finish()
    }

    fn numbers(&self) -> [i64; 18] {
        let (chained, reached) = (self.check.chained, self.reached);
        [
            i64::from(self.lane),
            self.check.seq,
            chained.count,
            chained.sum,
            chained.mix.cast_signed(),
            self.check.totals.cast_signed(),
            self.sealed,
            self.block,
            self.ending.0,
            self.ending.1,
            reached.count,
            reached.sum,
            reached.mix.cast_signed(),
            self.records,
            self.records_total,
            self.accounts,
            self.blocks,
            self.findings,
        ]
    }

    /// Reads it back.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut from = Reader::with_version(bytes, 1)?;
        let phase = match from.byte()? {
            0 => Phase::Records,
            1 => Phase::Endings,
            2 => Phase::Accounts,
            3 => Phase::Settlements,
            4 => Phase::Stocks,
            _ => return None,
        };
        let is_partial = from.byte()? != 0;
        let mut numbers = [0; 18];
        for number in &mut numbers {
            *number = from.number()?;
        }
        let [lane, seq, count, sum, mix, totals, sealed, block, rest @ ..] = numbers;
        let [ending, before, reached, reached_sum, reached_mix, rest @ ..] = rest;
        let [records, records_total, accounts, blocks, findings] = rest;
        let seen = |count, sum, mix: i64| Seen {
            count,
            sum,
            mix: mix.cast_unsigned(),
        };
        let position = Self {
            lane: Lane::try_from(lane).ok()?,
            phase,
            check: LaneCheck {
                seq,
                chained: seen(count, sum, mix),
                totals: totals.cast_unsigned(),
            },
            sealed,
            block,
            hash: from.bytes()?.try_into().ok()?,
            ending: (ending, before),
            account: from.text()?.to_owned(),
            reached: seen(reached, reached_sum, reached_mix),
            is_partial,
            records,
            records_total,
            accounts,
            blocks,
            findings,
        };
        from.is_empty().then_some(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_comes_back_and_a_cut_one_does_not() {
        let mut position = Position {
            lane: 7,
            phase: Phase::Accounts,
            sealed: 4,
            block: 3,
            hash: [9; 32],
            ending: (5, 6),
            account: "ada".to_owned(),
            is_partial: true,
            records: 10,
            records_total: 20,
            accounts: 30,
            blocks: 40,
            ..Position::default()
        };
        position.check.seq = 99;
        position.check.chained.add(12);
        position.check.totals = u64::MAX;
        position.reached.add(-3);
        let bytes = position.to_bytes();

        assert_eq!(Position::from_bytes(&bytes), Some(position));
        assert_eq!(Position::from_bytes(&bytes[..bytes.len() - 1]), None);
    }
}
