//! What the model refuses, and with which facts.

use tenure_core::{Span, Timestamp};

use super::{Ask, DAY, Doing, Micros, Model, Moved, NEVER};
use crate::domain::{Block, EntryKind, Operation};

/// Why not, as the API says it: a reason and its metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct No {
    pub(crate) reason: &'static str,
    pub(crate) facts: Vec<(&'static str, Fact)>,
}

/// A fact in metadata; the one who compares knows the ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fact {
    /// An account, by its number.
    Account(usize),
    /// The entry of an answer, or what it made, by its number.
    Answer(usize),
    /// The source of an earning.
    Source(u8),
    Number(i64),
    Instant(Micros),
    Word(String),
}

impl Fact {
    pub(super) fn count(count: usize) -> Self {
        Self::Number(i64::try_from(count).unwrap())
    }
}

impl No {
    pub(super) fn because(reason: &'static str) -> Self {
        Self {
            reason,
            facts: Vec::new(),
        }
    }

    /// A refusal that names an account.
    pub(super) fn of(reason: &'static str, account: usize) -> Self {
        Self::because(reason).with("account_id", Fact::Account(account))
    }

    pub(super) fn with(mut self, name: &'static str, fact: Fact) -> Self {
        self.facts.push((name, fact));
        self
    }

    /// An entry that nobody can take back.
    pub(super) fn final_kind(entry: usize, kind: EntryKind) -> Self {
        Self::because("ENTRY_NOT_REVERSIBLE")
            .with("entry_id", Fact::Answer(entry))
            .with("kind", Fact::Word(shouted(&format!("{kind:?}"))))
    }

    /// An entry that was taken back.
    pub(super) fn reversed(entry: usize, moved: &Moved) -> Self {
        Self::because("ENTRY_ALREADY_REVERSED")
            .with("entry_id", Fact::Answer(entry))
            .with(
                "reversal_entry_id",
                Fact::Answer(moved.reversed_by.unwrap()),
            )
    }
}

/// Says `HoldTimeout` as `HOLD_TIMEOUT`.
fn shouted(name: &str) -> String {
    let mut shouted = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !shouted.is_empty() {
            shouted.push('_');
        }
        shouted.push(letter.to_ascii_uppercase());
    }
    shouted
}

impl Model {
    pub(super) fn at(&self, instant: Micros) -> Timestamp {
        self.rules.start + Span::from_micros(instant)
    }

    /// The day of an instant, counted from 1970.
    pub(super) fn day(&self, instant: Micros) -> i64 {
        self.at(instant).as_micros().div_euclid(DAY)
    }

    /// The millisecond of an instant.
    pub(super) fn millisecond(&self, instant: Micros) -> i64 {
        self.at(instant).as_micros().div_euclid(1_000)
    }

    /// Refuses what speaks of accounts that are missing, there already, or closed, and what earned
    /// before.
    pub(super) fn require_there(&self, account: usize, ask: Ask) -> Result<(), No> {
        if !self.accounts[account].exists {
            return Err(No::of("ACCOUNT_NOT_FOUND", account));
        }
        match ask {
            Ask::Earn(asked) => {
                if let Some(entry) = self.accounts[account].sources.get(&asked.source) {
                    return Err(No::because("EVENT_ALREADY_EARNED")
                        .with("source", Fact::Source(asked.source))
                        .with("entry_id", Fact::Answer(*entry)));
                }
            }
            Ask::Give(to, _) | Ask::Merge(to) | Ask::Join(to) | Ask::Contribute(to, _)
                if !self.accounts[to].exists =>
            {
                return Err(No::of("ACCOUNT_NOT_FOUND", to));
            }
            Ask::Split(to, _) if self.accounts[to].exists => {
                return Err(No::of("ACCOUNT_EXISTS", to));
            }
            _ => {}
        }
        if self.accounts[account].is_closed {
            return Err(No::of("ACCOUNT_CLOSED", account));
        }
        Ok(())
    }

    pub(super) fn require_enough(&self, account: usize, points: i64) -> Result<(), No> {
        let available = self.available(account);
        if available >= points {
            return Ok(());
        }
        let (day, expired) = self.accounts[account].expired;
        let today = if day == self.day(self.now) {
            expired
        } else {
            0
        };
        let no = No::of("INSUFFICIENT_POINTS", account)
            .with("available_points", Fact::Number(available))
            .with("held_points", Fact::Number(self.held(account)))
            .with("needed_points", Fact::Number(points))
            .with("pending_points", Fact::Number(self.pending(account)))
            .with("expired_today_points", Fact::Number(today))
            .with("debt_points", Fact::Number(self.debt(account)));
        Err(match self.next_activation(account) {
            Some(at) => no.with("next_activate_time", Fact::Instant(at)),
            None => no,
        })
    }

    /// When pending points become available next by themselves.
    pub(super) fn next_activation(&self, account: usize) -> Option<Micros> {
        let own = self.points.iter().filter(|p| p.owner == account);
        let pending = own.filter(|p| p.doing == Doing::Pending);
        let at = pending.map(|p| self.lots[p.lot].active);
        at.filter(|at| *at != NEVER).min()
    }

    pub(super) fn require_free(&self, account: usize, operation: Operation) -> Result<(), No> {
        let hinders = &self.rules.policies.hinders;
        let mut blocks = self.accounts[account].blocks.iter();
        match blocks.find(|block| hinders.contains(&(**block, operation))) {
            None => Ok(()),
            Some(block) => Err(No::of("ACCOUNT_BLOCKED", account)
                .with("block", word(*block))
                .with("operation", Fact::Word(shouted(&format!("{operation:?}"))))),
        }
    }

    pub(super) fn block(&mut self, account: usize, block: Block) -> super::Done {
        let blocks = &mut self.accounts[account].blocks;
        if blocks.contains(&block) {
            return Err(No::of("BLOCK_EXISTS", account).with("block", word(block)));
        }
        blocks.push(block);
        Ok((EntryKind::Block, Vec::new()))
    }

    pub(super) fn unblock(&mut self, account: usize, block: Block) -> super::Done {
        let blocks = &mut self.accounts[account].blocks;
        if !blocks.contains(&block) {
            return Err(No::of("BLOCK_NOT_FOUND", account).with("block", word(block)));
        }
        blocks.retain(|set| *set != block);
        Ok((EntryKind::Unblock, Vec::new()))
    }

    pub(super) fn require_gift(
        &self,
        from: usize,
        to: usize,
        points: i64,
        now: Micros,
    ) -> Result<(), No> {
        if self.accounts[to].is_closed {
            return Err(No::of("ACCOUNT_CLOSED", to));
        }
        self.require_free(from, Operation::Transfer)?;
        self.require_free(to, Operation::Earn)?;
        self.require_tenure(from, now)?;
        let recipient =
            |reason| No::because(reason).with("recipient_account_id", Fact::Account(to));
        let mut recipients = self.accounts[from].recipients.iter();
        match recipients.find(|(known, _)| *known == to) {
            None => return Err(recipient("RECIPIENT_NOT_REGISTERED")),
            Some((_, effective)) if *effective > now => {
                return Err(recipient("RECIPIENT_NOT_EFFECTIVE")
                    .with("effective_time", Fact::Instant(*effective)));
            }
            Some(_) => {}
        }
        let month = |instant| {
            let (year, month, _) = self.at(instant).date();
            (year, month)
        };
        let this_month = |account: usize| {
            let gifts = self.accounts[account].gifts.iter();
            gifts.filter(move |(at, ..)| month(*at) == month(now))
        };
        let limits = self.rules.policies.transfer;
        let out = this_month(from).map(|(_, out, _)| out).sum();
        let received = this_month(to).map(|(.., received)| received).sum();
        for (account, direction, moved, limit) in [
            (from, "OUT", out, limits.out_month_max),
            (to, "IN", received, limits.in_month_max),
        ] {
            if moved + points > limit {
                return Err(No::of("TRANSFER_LIMIT", account)
                    .with("direction", Fact::Word(direction.to_owned()))
                    .with("limit_points", Fact::Number(limit))
                    .with("moved_points", Fact::Number(moved))
                    .with("needed_points", Fact::Number(points)));
            }
        }
        self.require_enough(from, points)
    }

    fn require_tenure(&self, account: usize, now: Micros) -> Result<(), No> {
        let needed = i32::from(self.rules.policies.transfer.tenure_months);
        let joined = self.at(self.accounts[account].joined);
        let months = (0..needed).find(|months| joined.plus_months(months + 1) > self.at(now));
        match months {
            None => Ok(()),
            Some(months) => Err(No::of("TENURE_TOO_SHORT", account)
                .with("months", Fact::Number(months.into()))
                .with("needed_months", Fact::Number(needed.into()))),
        }
    }
}

fn word(block: Block) -> Fact {
    Fact::Word(shouted(&format!("{block:?}")))
}
