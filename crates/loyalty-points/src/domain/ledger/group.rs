//! Orders that stand or fall together.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use tenure_core::{AccountId, Coded as _, Lane, Timestamp};

use super::{Decision, Ledger};
use crate::domain::account::Account;
use crate::domain::apply::Target;
use crate::domain::command::{Command, Order};
use crate::domain::entry::Record;
use crate::domain::entry_id::EntryId;
use crate::domain::programme::Programme;
use crate::domain::refusal::{Refusal, Undone};
use crate::domain::stock::{Stock, StockId};

/// What orders may change of a ledger, as it was before them.
struct Mark {
    heads: BTreeMap<Lane, i64>,
    moved: std::collections::BTreeSet<Lane>,
    records: usize,
    accounts: Vec<(AccountId, Option<Account>)>,
    targets: Vec<(EntryId, Option<Target>)>,
    /// Of accounts that existed: whether they had changed already.
    touched: Vec<bool>,
    /// All of them: an earning draws on a block of its partner's without a word about it.
    stocks: HashMap<StockId, Stock>,
    drawn: HashSet<StockId>,
    ordered: super::Ordered,
}

impl Ledger {
    /// Decides orders of which all are done or none. When one of them is refused, what the others
    /// did is undone and they are refused with it; all of them keep that answer. When one is wrong in
    /// itself (its request id belongs to another request, its points expire in the past), nothing is
    /// done and nothing is kept; the decision of that order says it. No answer names what was undone:
    /// it names the order that had written it. Each order is decided by the rules that `programme_of`
    /// has for its account as the orders before it leave it.
    ///
    /// # Panics
    /// When the lane of an order was not loaded.
    pub fn decide_together<'p>(
        &mut self,
        orders: &[Order],
        now: Timestamp,
        programme_of: &dyn Fn(&Order, Option<&Account>) -> &'p Programme,
    ) -> Vec<Decision> {
        let mark = self.mark(orders);
        // Up to which record each of them wrote.
        let mut written = Vec::with_capacity(orders.len());
        let decide = |order: &Order| {
            let programme = programme_of(order, self.account(&order.account));
            let decision = self.decide(order, now, programme);
            written.push(self.records.len());
            decision
        };
        let decisions: Vec<Decision> = orders.iter().map(decide).collect();
        if decisions.iter().all(is_done) {
            return decisions;
        }
        let undone = self.undone(mark.records, &written);
        let known = self.unmark(orders, mark);
        if decisions.iter().any(is_wrong) {
            return decisions;
        }
        let reason = decisions
            .iter()
            .find_map(refusal)
            .map_or("", |it| it.reason());
        let given_up = Refusal::BatchRefused {
            reason: reason.to_owned(),
        };
        let answers = orders.iter().zip(decisions).zip(known);
        answers
            .map(|((order, decision), was_known)| {
                if was_known {
                    return decision;
                }
                if let Some(request) = &order.request
                    && let Some((_, answer)) = self.answered.get(&(order.lane, request.id))
                {
                    // It repeats one before it, whose answer was kept just now.
                    return Decision::Repeated(answer.clone());
                }
                let own = refusal(&decision).cloned();
                let refusal = own.map_or_else(|| given_up.clone(), |own| undone.explain(own));
                if let Some(request) = &order.request {
                    self.remember(order, request, Err(refusal.clone()), now);
                }
                Decision::New(Err(refusal))
            })
            .collect()
    }

    /// Returns which order wrote what after a record, of which `written` says how far each went.
    fn undone(&self, first: usize, written: &[usize]) -> Undone {
        let mut undone = Undone::default();
        for (index, (record, _)) in self.records.iter().enumerate().skip(first) {
            let order = written.partition_point(|until| *until <= index);
            match &**record {
                Record::Entry(entry) => {
                    undone.entries.insert(entry.id.to_string(), order);
                }
                Record::Opened(opened) => {
                    undone.accounts.insert(opened.account.to_string(), order);
                }
                Record::Refused(_) | Record::Notice(_) | Record::Stock(_) => {}
            }
        }
        undone
    }

    fn mark(&self, orders: &[Order]) -> Mark {
        let ids = orders.iter().flat_map(|order| {
            let peer = order.command.peer().map(|to| &to.account);
            std::iter::once(&order.account).chain(peer)
        });
        let accounts: Vec<_> = ids
            .map(|id| (id.clone(), self.accounts.get(id).cloned()))
            .collect();
        let targets = orders.iter().filter_map(|order| order.command.target());
        Mark {
            stocks: self.stocks.clone(),
            drawn: self.drawn.clone(),
            ordered: self.ordered.clone(),
            heads: self.heads.clone(),
            moved: self.moved.clone(),
            records: self.records.len(),
            touched: accounts
                .iter()
                .map(|(id, _)| self.touched.contains(id))
                .collect(),
            accounts,
            targets: targets
                .map(|id| (id, self.targets.get(&id).cloned()))
                .collect(),
        }
    }

    /// Takes back what orders did; returns which of them were answered before.
    fn unmark(&mut self, orders: &[Order], mark: Mark) -> Vec<bool> {
        let undone = self.records.split_off(mark.records);
        self.heads = mark.heads;
        self.moved = mark.moved;
        for ((id, before), was_touched) in mark.accounts.into_iter().zip(mark.touched) {
            if !was_touched {
                self.touched.remove(&id);
            }
            if let Some(account) = before {
                self.accounts.insert(id, account);
            } else {
                self.accounts.remove(&id);
                self.fresh.remove(&id);
                self.touched.remove(&id);
            }
        }
        self.drawn = mark.drawn;
        self.ordered = mark.ordered;
        self.stocks = mark.stocks;
        for (id, before) in mark.targets {
            if let Some(target) = before {
                self.targets.insert(id, target);
            }
        }
        let mine: HashSet<_> = undone
            .iter()
            .filter_map(|(_, request)| Some(Arc::as_ptr(request.as_ref()?)))
            .collect();
        let mut fresh = HashSet::new();
        for order in orders {
            let request = order.request.as_ref();
            if let Some(request) = request.filter(|it| mine.contains(&Arc::as_ptr(it))) {
                fresh.insert((order.lane, request.id));
            }
        }
        // A repeat within the batch is as new as what it repeats.
        let is_new = |order: &Order| {
            let request = order.request.as_ref();
            request.is_some_and(|it| fresh.contains(&(order.lane, it.id)))
        };
        let known = orders.iter().map(|order| !is_new(order)).collect();
        for order in orders.iter().filter(|order| is_new(order)) {
            if let Some(request) = &order.request {
                self.answered.remove(&(order.lane, request.id));
            }
            if let Command::Earn(earn) = &order.command {
                let source = (order.account.clone(), earn.source.clone());
                let stands = |id: &EntryId| id.seq() <= self.heads[&order.lane];
                if !self.sources.get(&source).is_some_and(stands) {
                    self.sources.remove(&source);
                }
            }
        }
        known
    }
}

fn is_done(decision: &Decision) -> bool {
    matches!(decision, Decision::New(Ok(_)) | Decision::Repeated(Ok(_)))
}

fn is_wrong(decision: &Decision) -> bool {
    matches!(
        decision,
        Decision::Reused { .. } | Decision::ExpiresInThePast
    )
}

fn refusal(decision: &Decision) -> Option<&Refusal> {
    match decision {
        Decision::New(Err(refusal)) | Decision::Repeated(Err(refusal)) => Some(refusal),
        _ => None,
    }
}
