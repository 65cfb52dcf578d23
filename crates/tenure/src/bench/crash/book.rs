//! What the callers know: what was acknowledged, what was refused, what is unknown.

use std::collections::{BTreeMap, HashMap, VecDeque};

use anyhow::{Result, bail, ensure};
use tenure_proto::loyalty::v1::{Entry, RewardOrder, RewardOrderState as State};

use super::work::{Answered, Done, Write};

/// How many answered writes are remembered to be repeated.
const LATELY: usize = 16;
/// How many holds and entries are remembered for later writes.
const KNOWN_MAX: usize = 2_000;
/// The reason of errors that callers can do nothing about.
const INTERNAL: &str = "INTERNAL_ERROR";

/// What was told of a write that no entry tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// So many more things of a reward.
    Stock {
        reward: String,
        quantity: i64,
    },
    /// A block of points that was bought.
    Block {
        number: i64,
        points: i64,
    },
    /// The settlement in which everything is.
    Settlement {
        partner: String,
        number: i64,
    },
    Refused(String),
}

/// What the callers know.
#[derive(Debug, Default)]
pub(super) struct Book {
    answered: HashMap<String, Answered>,
    /// Bills that were acknowledged, with account and points.
    pub(super) bills: BTreeMap<String, (String, i64)>,
    /// Writes whose outcome nobody knows.
    pub(super) unanswered: Vec<Write>,
    /// Holds that were open, and entries that can be reversed: account and id.
    pub(super) holds: VecDeque<(String, String)>,
    pub(super) reversible: VecDeque<(String, String)>,
    /// The same of orders, by how far they are.
    pub(super) reserved: VecDeque<(String, String)>,
    pub(super) placed: VecDeque<(String, String)>,
    pub(super) fulfilled: VecDeque<(String, String)>,
    /// Orders as far as they were acknowledged.
    pub(super) orders: BTreeMap<String, RewardOrder>,
    /// What was told, by request.
    pub(super) told: BTreeMap<String, Told>,
    lately: VecDeque<Write>,
    pub(super) answers: usize,
    pub(super) repeated: usize,
    pub(super) errors: BTreeMap<String, usize>,
    pub(super) last_error: String,
    /// The first error that no caller may meet.
    internal_error: Option<String>,
    contradictions: Vec<String>,
}

impl Book {
    /// Notes the answer to a request. A second answer must be the first one.
    pub(super) fn note(&mut self, request_id: &str, answer: Answered) {
        match self.answered.get(request_id) {
            Some(first) if !first.agrees(&answer) => self.contradictions.push(format!(
                "request {request_id} was answered {first:?}, then {answer:?}"
            )),
            Some(_) => {}
            None => {
                if let Answered::Done(done) = &answer {
                    let remember = |known: &mut VecDeque<_>, id: &Option<String>| {
                        if let Some(id) = id {
                            known.push_back((done.account.clone(), id.clone()));
                            if known.len() > KNOWN_MAX {
                                known.pop_front();
                            }
                        }
                    };
                    remember(&mut self.holds, &done.hold);
                    remember(&mut self.reversible, &done.reversible);
                    if let Some(order) = &done.order {
                        let id = Some(order.order_id.clone());
                        match order.state() {
                            State::Reserved => remember(&mut self.reserved, &id),
                            State::Placed => remember(&mut self.placed, &id),
                            State::Fulfilled => remember(&mut self.fulfilled, &id),
                            _ => {}
                        }
                        // One answer may overtake another one; no order ever goes back.
                        let known = self.orders.entry(order.order_id.clone()).or_default();
                        if order.state > known.state {
                            known.clone_from(order);
                        }
                    }
                }
                self.answered.insert(request_id.to_owned(), answer);
            }
        }
    }

    /// Notes what was told of a request. Told again, it must be the same.
    pub(super) fn note_told(&mut self, request_id: &str, told: Told) {
        match self.told.get(request_id) {
            Some(first) if *first != told => self.contradictions.push(format!(
                "request {request_id} was told {first:?}, then {told:?}"
            )),
            Some(_) => {}
            None => {
                self.told.insert(request_id.to_owned(), told);
            }
        }
    }

    pub(super) fn note_write(&mut self, write: &Write) {
        self.answers += 1;
        self.lately.push_back(write.clone());
        if self.lately.len() > LATELY {
            self.lately.pop_front();
        }
    }

    pub(super) fn note_error(&mut self, reason: String, message: &str) {
        message.clone_into(&mut self.last_error);
        if reason == INTERNAL {
            self.internal_error.get_or_insert(message.to_owned());
        }
        *self.errors.entry(reason).or_default() += 1;
    }

    /// Returns the writes that were answered last.
    pub(super) fn lately(&self) -> Vec<Write> {
        self.lately.iter().cloned().collect()
    }

    pub(super) fn done(&self) -> usize {
        let done = |answer: &&Answered| matches!(answer, Answered::Done(_));
        self.answered.values().filter(done).count()
    }

    pub(super) fn refused(&self) -> usize {
        self.answered.len() - self.done()
    }

    pub(super) fn settlements(&self) -> usize {
        let settled = |told: &&Told| matches!(told, Told::Settlement { .. });
        self.told.values().filter(settled).count()
    }

    /// No answer contradicts another, and no caller met an error that it can do nothing about.
    pub(super) fn assert_consistent(&self) -> Result<()> {
        if let Some(message) = &self.internal_error {
            bail!("a caller met {INTERNAL}: {message}");
        }
        match self.contradictions.first() {
            None => Ok(()),
            Some(first) => bail!("{first}"),
        }
    }

    /// Every acknowledged operation is among the entries once, and no other.
    pub(super) fn assert_there_once(&self, entries: &[Entry]) -> Result<()> {
        self.assert_consistent()?;
        let (mut by_request, mut by_bill) = (HashMap::new(), BTreeMap::new());
        for entry in entries {
            let effect = (entry.account_id.as_str(), entry.points_delta);
            if !entry.request_id.is_empty() {
                let before = by_request.insert(entry.request_id.as_str(), entry);
                ensure!(
                    before.is_none(),
                    "request {} happened twice",
                    entry.request_id
                );
            } else if let Some(bill) = entry.source.strip_prefix("bill/") {
                let before = by_bill.insert(bill.to_owned(), effect);
                ensure!(before.is_none(), "bill {bill} earned twice");
            }
        }
        for (request, answer) in &self.answered {
            let found = by_request.remove(request.as_str());
            match answer {
                Answered::Refused(reason) => ensure!(
                    found.is_none(),
                    "request {request} was refused as {reason} and happened"
                ),
                Answered::Done(done) => {
                    ensure!(
                        found.is_some_and(|entry| is_of(done, entry)),
                        "request {request} was acknowledged as {done:?}, found {found:?}"
                    );
                }
            }
        }
        if let Some(request) = by_request.keys().next() {
            bail!("request {request} happened and was never acknowledged");
        }
        let bills = self.bills.iter();
        let wanted: BTreeMap<_, _> = bills
            .map(|(bill, (account, points))| (bill.clone(), (account.as_str(), *points)))
            .collect();
        ensure!(
            wanted == by_bill,
            "{} bills were acknowledged, {} have earned, or otherwise",
            wanted.len(),
            by_bill.len()
        );
        Ok(())
    }
}

/// Tells whether an entry is what was acknowledged.
fn is_of(done: &Done, entry: &Entry) -> bool {
    let partner = entry.partner.as_ref();
    let partner = partner.map_or("", |it| it.partner_id.as_str());
    let named = (entry.peer_account_id.as_str(), partner);
    let is_named = |(member, partner): &(String, String)| named == (member, partner);
    entry.account_id == done.account
        && done.delta.is_none_or(|wanted| wanted == entry.points_delta)
        && done.named.as_ref().is_none_or(is_named)
}
