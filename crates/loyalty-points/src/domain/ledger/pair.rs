//! Commands that move points from one account to another.

use std::sync::Arc;

use tenure_core::{Lane, Timestamp};

use super::{Answer, Ledger, fresh};
use crate::domain::close::close_merged;
use crate::domain::command::{Command, Order, Place};
use crate::domain::entry::Record;
use crate::domain::entry_id::EntryId;
use crate::domain::journal::Journal;
use crate::domain::programme::Programme;
use crate::domain::refusal::Refusal;
use crate::domain::settle::settle;
use crate::domain::transfer::{Pair, name, transfer};

impl Ledger {
    /// Decides a command that moves points from one account to another.
    pub(super) fn apply_pair(
        &mut self,
        order: &Order,
        to: &Place,
        now: Timestamp,
        programme: &Programme,
    ) -> Answer {
        self.settle(&order.account, now, programme);
        let exists = self.accounts.contains_key(&to.account);
        let giving = &self.accounts[&order.account];
        let mut receiving = match (&order.command, exists) {
            (Command::Split { customer, .. }, false) => {
                let customer = customer.clone().unwrap_or_else(|| giving.customer.clone());
                fresh((to.lane, &to.account), customer, giving.programme.clone())
            }
            (Command::Split { .. }, true) => {
                return Err(Refusal::AccountExists {
                    account: to.account.to_string(),
                });
            }
            (_, true) => {
                // Rules of another programme must not touch it; there is no transfer then, either.
                if self.accounts[&to.account].programme == giving.programme {
                    self.settle(&to.account, now, programme);
                }
                let found = self.accounts.remove(&to.account);
                found.expect("it was found before")
            }
            (_, false) => {
                return Err(Refusal::AccountNotFound {
                    account: to.account.to_string(),
                });
            }
        };
        let giving = self.accounts.get_mut(&order.account);
        let giving = giving.expect("the caller found it");
        let at = now.max(giving.updated_at).max(receiving.updated_at);
        let pair = transfer((giving, &mut receiving), &order.command, at, programme);
        let Ok(pair) = pair else {
            if exists {
                self.accounts.insert(to.account.clone(), receiving);
            }
            return Err(pair.expect_err("it is no pair"));
        };
        if exists {
            self.accounts.insert(to.account.clone(), receiving);
        } else {
            self.open(receiving, None, now);
        }
        let answer = self.write_pair(order, to, pair, (now, at), programme);
        if !exists {
            self.welcome(&to.account, now, programme);
        }
        Ok(answer)
    }

    /// Writes both sides of what moved from one account to another down.
    fn write_pair(
        &mut self,
        order: &Order,
        to: &Place,
        (mut out, mut incoming): Pair,
        (now, at): (Timestamp, Timestamp),
        programme: &Programme,
    ) -> Arc<Record> {
        let next = |lane: Lane, more| EntryId::new(now, lane, self.heads[&lane] + more);
        let out_id = next(order.lane, 1);
        let incoming_id = next(to.lane, if to.lane == order.lane { 2 } else { 1 });
        let accounts = (&self.accounts[&order.account], &self.accounts[&to.account]);
        name(accounts, (&mut out, &mut incoming), (out_id, incoming_id));
        let answer = self.records.len();
        let mut journal = Journal::new(order.lane, self.heads[&order.lane], now, programme);
        let giving = self.accounts.get_mut(&order.account);
        let giving = giving.expect("the caller found it");
        journal.write(giving, at, out);
        journal.answer(0, order.request.as_ref().map(|request| request.id), giving);
        self.collect(&order.account, order.lane, journal, order.request.as_ref());

        let mut journal = Journal::new(to.lane, self.heads[&to.lane], now, programme);
        let receiving = self.accounts.get_mut(&to.account);
        let receiving = receiving.expect("the caller put it there");
        journal.write(receiving, at, incoming);
        settle(receiving, at, &mut journal);
        self.collect(&to.account, to.lane, journal, None);

        if let Command::Merge { order: said, .. } = &order.command {
            let mut journal = Journal::new(order.lane, self.heads[&order.lane], now, programme);
            let giving = self.accounts.get_mut(&order.account);
            let giving = giving.expect("the caller found it");
            close_merged(giving, at, &to.account, said, &mut journal);
            self.collect(&order.account, order.lane, journal, None);
        }
        self.records[answer].0.clone()
    }
}
