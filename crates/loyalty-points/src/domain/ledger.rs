//! Many commands in order, on what one transaction has loaded; and what it then has to write.
//!
//! A later command sees what an earlier one did, although nothing is written yet: the account, the
//! request id, the source that earned, the hold that was closed.

mod blocks;
mod drawn;
mod group;
mod ordered;
mod pair;
mod welcome;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use tenure_core::{AccountId, CustomerId, Lane, ProgrammeId, RequestId, Timestamp};

use super::account::Account;
use super::apply::{Target, apply};
use super::circumstances::Circumstances;
use super::command::{Command, Order, Request};
use super::entry::{EntryKind, Opened, Record, Refused};
use super::entry_id::EntryId;
use super::journal::Journal;
use super::notice::{Notice, NoticeFact};
use super::partner::Partners;
use super::programme::Programme;
use super::refusal::Refusal;
use super::settle::settle;
use super::stock::{Stock, StockId};
use super::total::{Total, Totals};

pub use blocks::block_of;
use ordered::{Ordered, context};
pub use welcome::customer_of;

/// The answer that a request got: what it wrote down, or why it did nothing.
pub type Answer = Result<Arc<Record>, Refusal>;

/// What becomes of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It was decided now.
    New(Answer),
    /// The request was answered before, thus.
    Repeated(Answer),
    /// The request id belongs to another request.
    Reused {
        /// The request that was answered under this id.
        first: Arc<Request>,
    },
    /// Points cannot be earned that expire in the past. Not kept: the request itself is wrong.
    ExpiresInThePast,
}

/// What one transaction knows and decides.
#[derive(Debug, Default)]
pub struct Ledger {
    heads: BTreeMap<Lane, i64>,
    accounts: HashMap<AccountId, Account>,
    /// When the accounts that were loaded were due then.
    dues: HashMap<AccountId, Timestamp>,
    answered: HashMap<(Lane, RequestId), (Arc<Request>, Answer)>,
    sources: HashMap<(AccountId, Arc<str>), EntryId>,
    targets: HashMap<EntryId, Target>,
    moved: BTreeSet<Lane>,
    fresh: HashSet<AccountId>,
    touched: HashSet<AccountId>,
    stocks: HashMap<StockId, Stock>,
    /// The stocks that changed.
    drawn: HashSet<StockId>,
    ordered: Ordered,
    records: Vec<(Arc<Record>, Option<Arc<Request>>)>,
    partners: Arc<Partners>,
    /// What is known of customers whose accounts may be opened.
    known: HashMap<String, Circumstances>,
}

fn fresh((lane, id): (Lane, &AccountId), customer: CustomerId, programme: ProgrammeId) -> Account {
    Account::new(lane, id.clone(), customer, programme)
}

/// What a transaction has to write.
#[derive(Debug, Default)]
pub struct Writes {
    /// New last numbers of lanes, by lane.
    pub heads: Vec<(Lane, i64)>,
    /// Accounts that exist in the database and changed.
    pub changed: Vec<Account>,
    /// How many of `changed`, the first ones, are due when they were before.
    pub due_as_before: usize,
    /// Accounts that are new.
    pub opened: Vec<Account>,
    /// Accounts that were loaded and did not change: nothing to write.
    pub untouched: Vec<Account>,
    /// Stocks that are new or changed.
    pub stocks: Vec<Stock>,
    /// New records; those of one lane in their order.
    pub records: Vec<(Arc<Record>, Option<Arc<Request>>)>,
    /// What the records add to the totals.
    pub totals: Vec<Total>,
}

impl Ledger {
    /// Notes the last number of a lane; each lane that is decided in must be noted.
    pub fn load_head(&mut self, lane: Lane, seq: i64) {
        self.heads.insert(lane, seq);
    }

    /// Notes an account.
    pub fn load_account(&mut self, account: Account) {
        self.dues.insert(account.id.clone(), account.next_due());
        self.accounts.insert(account.id.clone(), account);
    }

    /// Returns an account as it is after what was decided so far.
    #[must_use]
    pub fn account(&self, id: &AccountId) -> Option<&Account> {
        self.accounts.get(id)
    }

    /// Notes the answer that a request got.
    pub fn load_answer(&mut self, lane: Lane, request: Request, answer: Answer) {
        self.answered
            .insert((lane, request.id), (Arc::new(request), answer));
    }

    /// Notes that a source has earned.
    pub fn load_source(&mut self, account: AccountId, source: &str, entry: EntryId) {
        self.sources.insert((account, source.into()), entry);
    }

    /// Notes an entry that a command refers to. Entries decided in this transaction need not be
    /// noted: nobody knows their ids yet.
    pub fn load_target(&mut self, target: Target) {
        self.targets.insert(target.entry.id, target);
    }

    /// Decides a command.
    ///
    /// # Panics
    /// When the lane of the command was not loaded.
    pub fn decide(&mut self, order: &Order, now: Timestamp, programme: &Programme) -> Decision {
        if let Some(request) = &order.request
            && let Some((first, answer)) = self.answered.get(&(order.lane, request.id))
        {
            return if first == request {
                Decision::Repeated(answer.clone())
            } else {
                Decision::Reused {
                    first: first.clone(),
                }
            };
        }
        if order.command.expires_at().is_some_and(|at| at <= now) {
            return Decision::ExpiresInThePast;
        }
        let answer = self.act(order, now, programme);
        if let Some(request) = &order.request {
            self.remember(order, request, answer.clone(), now);
        }
        Decision::New(answer)
    }

    /// Keeps the answer to a request; a refusal has no record yet.
    fn remember(&mut self, order: &Order, request: &Arc<Request>, answer: Answer, now: Timestamp) {
        if let Err(refusal) = &answer {
            self.refuse(order, request, refusal.clone(), now);
        }
        let known = (request.clone(), answer);
        self.answered.insert((order.lane, request.id), known);
    }

    fn act(&mut self, order: &Order, now: Timestamp, programme: &Programme) -> Answer {
        let exists = self.accounts.contains_key(&order.account);
        match &order.command {
            Command::Open { .. } if exists => {
                return Err(Refusal::AccountExists {
                    account: order.account.to_string(),
                });
            }
            Command::Open {
                customer,
                programme: its,
                joined_at,
            } => {
                let place = (order.lane, &order.account);
                let mut account = fresh(place, customer.clone(), its.clone());
                if joined_at.is_some() {
                    account.standing_mut().joined_at = *joined_at;
                }
                let opened = self.open(account, order.request.clone(), now);
                self.welcome(&order.account, now, programme);
                return Ok(opened);
            }
            Command::Earn(earn) if earn.open && !exists => {
                let customer = customer_of(&order.account);
                let place = (order.lane, &order.account);
                // Who cannot earn there need not have an account for it.
                self.partners.note(&order.command, None, now)?;
                let account = fresh(place, customer, programme.id.clone());
                self.require_welcome(&account, programme)?;
                self.open(account, None, now);
                self.welcome(&order.account, now, programme);
            }
            _ if !exists => {
                return Err(Refusal::AccountNotFound {
                    account: order.account.to_string(),
                });
            }
            _ => {}
        }
        if let Command::Earn(earn) = &order.command
            && let source = (order.account.clone(), earn.source.clone())
            && let Some(entry) = self.sources.get(&source)
        {
            let (source_event, entry) = (earn.source.to_string(), entry.to_string());
            return Err(Refusal::EventAlreadyEarned {
                source_event,
                entry,
            });
        }
        match (order.command.peer(), self.draw_of(order, now)?) {
            (Some(to), _) => self.apply_pair(order, to, now, programme),
            (None, Some(draw)) => self.apply_drawn(order, &draw, now, programme),
            (None, None) => self.apply(order, now, programme),
        }
    }

    fn apply(&mut self, order: &Order, now: Timestamp, programme: &Programme) -> Answer {
        let mut context = context(&self.targets, &self.ordered, order, now);
        let partner = self.partners.note(&order.command, context.target, now)?;
        context.partner = partner.as_ref();
        let account = self
            .accounts
            .get_mut(&order.account)
            .expect("the caller found it");
        let head = self.heads[&order.lane];
        let mut journal = Journal::new(order.lane, head, now, programme);
        let answer = apply(account, &order.command, context, &mut journal);
        let first = self.records.len();
        self.collect(&order.account, order.lane, journal, order.request.as_ref());
        answer.map(|index| self.records[first + index].0.clone())
    }

    /// Books what is due on an account and returns how many points expired.
    ///
    /// # Panics
    /// When the lane of the account was not loaded.
    pub fn settle(&mut self, account: &AccountId, now: Timestamp, programme: &Programme) -> i64 {
        let Some(found) = self.accounts.get_mut(account) else {
            return 0;
        };
        let lane = found.lane;
        let mut journal = Journal::new(lane, self.heads[&lane], now, programme);
        settle(found, now, &mut journal);
        let expired = journal
            .entries()
            .iter()
            .filter(|entry| entry.kind == EntryKind::Expire);
        let points = expired.map(|entry| -entry.points).sum();
        self.collect(account, lane, journal, None);
        points
    }

    fn open(
        &mut self,
        mut account: Account,
        request: Option<Arc<Request>>,
        now: Timestamp,
    ) -> Arc<Record> {
        let lane = account.lane;
        let id = self.next_id(lane, now);
        account.created_at = now;
        account.updated_at = account.updated_at.max(now);
        account.last_seq = id.seq();
        let opened = Arc::new(Record::Opened(Opened {
            id,
            account: account.id.clone(),
            customer: account.customer.clone(),
            programme: account.programme.clone(),
            at: now,
            joined_at: account.standing.as_ref().and_then(|it| it.joined_at),
            request: request.as_ref().map(|request| request.id),
        }));
        self.fresh.insert(account.id.clone());
        self.touched.insert(account.id.clone());
        self.accounts.insert(account.id.clone(), account);
        self.records.push((opened.clone(), request));
        opened
    }

    /// Tells something of an account; it moves nothing, and the account need not be loaded.
    ///
    /// # Panics
    /// When the lane of the account was not loaded.
    pub fn tell(&mut self, lane: Lane, account: &AccountId, fact: NoticeFact, now: Timestamp) {
        let notice = Record::Notice(Notice {
            id: self.next_id(lane, now),
            account: account.clone(),
            at: now,
            fact,
        });
        self.records.push((Arc::new(notice), None));
    }

    fn refuse(&mut self, order: &Order, request: &Arc<Request>, refusal: Refusal, now: Timestamp) {
        let refused = Record::Refused(Refused {
            id: self.next_id(order.lane, now),
            account: order.account.clone(),
            at: now,
            request: request.id,
            refusal,
        });
        self.records
            .push((Arc::new(refused), Some(request.clone())));
    }

    /// Moves a lane on by a record that belongs to no chain of entries.
    fn next_id(&mut self, lane: Lane, now: Timestamp) -> EntryId {
        let head = self.heads.get_mut(&lane).expect("the lane was loaded");
        *head += 1;
        self.moved.insert(lane);
        EntryId::new(now, lane, *head)
    }

    /// Takes over what was decided on one account.
    fn collect(
        &mut self,
        account: &AccountId,
        lane: Lane,
        journal: Journal<'_>,
        request: Option<&Arc<Request>>,
    ) {
        let (entries, head) = journal.finish();
        if entries.is_empty() {
            return;
        }
        self.heads.insert(lane, head);
        self.moved.insert(lane);
        if !self.touched.contains(account) {
            self.touched.insert(account.clone());
        }
        for entry in entries {
            if let Some(ended) = entry.ends()
                && let Some(target) = self.targets.get_mut(&ended)
            {
                target.ended_by = Some((entry.id, entry.kind));
                target.reversed += entry.takes_back().0;
            }
            if entry.kind == EntryKind::Earn {
                self.sources
                    .insert((account.clone(), entry.source.clone()), entry.id);
            }
            self.ordered.note(&entry);
            let request = request
                .filter(|request| entry.request == Some(request.id))
                .cloned();
            self.records.push((Arc::new(Record::Entry(entry)), request));
        }
    }

    /// Ends the decisions and returns what there is to write.
    #[must_use]
    pub fn finish(mut self) -> Writes {
        let mut totals = Totals::default();
        for (record, _) in &self.records {
            if let Record::Entry(entry) = &**record {
                totals.add(entry, &self.accounts[&entry.account].programme);
            }
        }
        debug_assert!(
            self.touched
                .iter()
                .all(|id| self.moved.contains(&self.accounts[id].lane)),
            "an account changes with its lane, or others would remember it as it was"
        );
        let heads = self
            .moved
            .iter()
            .map(|lane| (*lane, self.heads[lane]))
            .collect();
        let (mut changed, mut moved, mut opened) = (Vec::new(), Vec::new(), Vec::new());
        for id in &self.touched {
            let account = self.accounts.remove(id).expect("what was touched is there");
            let to = if self.fresh.contains(id) {
                &mut opened
            } else if self.dues.get(id) == Some(&account.next_due()) {
                &mut changed
            } else {
                &mut moved
            };
            to.push(account);
        }
        let mut stocks = Vec::with_capacity(self.drawn.len());
        for id in &self.drawn {
            stocks.extend(self.stocks.remove(id));
        }
        let due_as_before = changed.len();
        changed.append(&mut moved);
        Writes {
            heads,
            changed,
            due_as_before,
            opened,
            untouched: self.accounts.into_values().collect(),
            stocks,
            records: self.records,
            totals: totals.finish(),
        }
    }
}
