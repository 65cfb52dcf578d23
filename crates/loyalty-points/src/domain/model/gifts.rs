//! What the model does with points of two accounts, and with accounts as a whole.

use tenure_core::{Span, Timestamp};

use super::{Doing, Done, Model, Second};
use crate::domain::{EntryKind, Operation};

impl Model {
    fn at(&self, second: Second) -> Timestamp {
        self.rules.start + Span::from_seconds(second)
    }

    pub(super) fn release_all(&mut self, account: usize) {
        if self.accounts[account].is_closed {
            return;
        }
        for hold in 0..self.holds.len() {
            if self.holds[hold].owner == account && self.holds[hold].end.is_none() {
                self.holds[hold].end = Some("HOLD_ALREADY_RELEASED");
                let back = self.holds[hold].which.clone();
                self.set(&back, Doing::Free);
            }
        }
    }

    pub(super) fn close(&mut self, account: usize) -> Vec<usize> {
        let void = self.find(|p| p.owner == account && p.doing != Doing::Gone);
        self.set(&void, Doing::Gone);
        self.accounts[account].debt = 0;
        self.accounts[account].is_closed = true;
        void
    }

    pub(super) fn register(
        &mut self,
        account: usize,
        recipient: usize,
        replaces: Option<usize>,
        now: Second,
    ) -> Done {
        let limits = self.rules.policies.transfer;
        let recipients = &mut self.accounts[account].recipients;
        let place = |of: usize| recipients.iter().position(|(known, _)| *known == of);
        if place(recipient).is_some() {
            return Err("RECIPIENT_EXISTS");
        }
        match replaces {
            Some(replaced) => {
                let place = place(replaced).ok_or("RECIPIENT_NOT_REGISTERED")?;
                let days = i64::from(limits.recipient_change_days);
                recipients[place] = (recipient, now + days * 86_400);
            }
            None if recipients.len() >= limits.recipients_max => return Err("RECIPIENT_LIMIT"),
            None => recipients.push((recipient, now)),
        }
        Ok((EntryKind::Recipient, Vec::new()))
    }

    pub(super) fn require_gift(
        &self,
        from: usize,
        to: usize,
        points: i64,
        now: Second,
    ) -> Result<(), &'static str> {
        let limits = self.rules.policies.transfer;
        if self.accounts[to].is_closed {
            return Err("ACCOUNT_CLOSED");
        }
        self.require_free(from, Operation::Transfer)?;
        self.require_free(to, Operation::Earn)?;
        let joined = self.at(self.accounts[from].joined);
        if joined.plus_months(i32::from(limits.tenure_months)) > self.at(now) {
            return Err("TENURE_TOO_SHORT");
        }
        let mut recipients = self.accounts[from].recipients.iter();
        match recipients.find(|(known, _)| *known == to) {
            None => return Err("RECIPIENT_NOT_REGISTERED"),
            Some((_, effective)) if *effective > now => return Err("RECIPIENT_NOT_EFFECTIVE"),
            Some(_) => {}
        }
        let month = |second| {
            let (year, month, _) = self.at(second).date();
            (year, month)
        };
        let this_month = |account: usize| {
            let gifts = self.accounts[account].gifts.iter();
            gifts.filter(move |(at, ..)| month(*at) == month(now))
        };
        let out: i64 = this_month(from).map(|(_, out, _)| out).sum();
        let received: i64 = this_month(to).map(|(.., received)| received).sum();
        if out + points > limits.out_month_max || received + points > limits.in_month_max {
            return Err("TRANSFER_LIMIT");
        }
        self.require_enough(from, points)
    }

    /// Gives free points, special ones first.
    pub(super) fn give(&mut self, from: usize, to: usize, points: i64) -> Vec<usize> {
        let mut given = self.find(|p| p.owner == from && p.doing == Doing::Free);
        given.sort_by_key(|index| !self.lots[self.points[*index].lot].special);
        given.truncate(usize::try_from(points).unwrap());
        for index in &given {
            self.points[*index].owner = to;
        }
        given
    }

    pub(super) fn merge(&mut self, from: usize, to: usize) -> Done {
        if self.accounts[to].is_closed {
            return Err("ACCOUNT_CLOSED");
        }
        if self.held(from) > 0 {
            return Err("HOLDS_OPEN");
        }
        let all = self.find(|p| p.owner == from && p.doing != Doing::Gone);
        for index in &all {
            self.points[*index].owner = to;
        }
        self.accounts[to].debt += std::mem::take(&mut self.accounts[from].debt);
        self.accounts[from].is_closed = true;
        Ok((EntryKind::TransferOut, all))
    }
}
