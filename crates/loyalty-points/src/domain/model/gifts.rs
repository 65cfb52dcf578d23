//! What the model does with points of two accounts, and with accounts as a whole.

use super::{DAY, Doing, Done, Fact, Micros, Model, No};
use crate::domain::EntryKind;

impl Model {
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
        now: Micros,
    ) -> Done {
        let limits = self.rules.policies.transfer;
        let recipients = &mut self.accounts[account].recipients;
        let place = |of: usize| recipients.iter().position(|(known, _)| *known == of);
        if place(recipient).is_some() {
            return Err(No::because("RECIPIENT_EXISTS")
                .with("recipient_account_id", Fact::Account(recipient)));
        }
        match replaces {
            Some(replaced) => {
                let place = place(replaced).ok_or_else(|| {
                    No::because("RECIPIENT_NOT_REGISTERED")
                        .with("recipient_account_id", Fact::Account(replaced))
                })?;
                let days = i64::from(limits.recipient_change_days);
                recipients[place] = (recipient, now + days * DAY);
            }
            None if recipients.len() >= limits.recipients_max => {
                return Err(No::of("RECIPIENT_LIMIT", account)
                    .with("limit", Fact::count(limits.recipients_max)));
            }
            None => recipients.push((recipient, now)),
        }
        Ok((EntryKind::Recipient, Vec::new()))
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
            return Err(No::of("ACCOUNT_CLOSED", to));
        }
        self.require_no_pool(from)?;
        if self.held(from) > 0 {
            return Err(No::of("HOLDS_OPEN", from));
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
