//! Many commands in order, on what one transaction has loaded; and what it then has to write.
//!
//! A later command sees what an earlier one did, although nothing is written yet: the account, the
//! request id, the source that earned, the hold that was closed.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use tenure_core::{AccountId, CustomerId, Lane, ProgrammeId, RequestId, Timestamp};

use super::account::Account;
use super::apply::{Context, Target, apply};
use super::command::{Command, Order, Request};
use super::entry::{EntryKind, Opened, Record, Refused};
use super::entry_id::EntryId;
use super::journal::Journal;
use super::programme::Programme;
use super::refusal::Refusal;
use super::settle::settle;
use super::total::{Total, Totals};

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
    records: Vec<(Arc<Record>, Option<Arc<Request>>)>,
    totals: Totals,
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
        if let Command::Earn {
            expires_at: Some(at),
            ..
        } = &order.command
            && *at <= now
        {
            return Decision::ExpiresInThePast;
        }
        let answer = self.act(order, now, programme);
        if let Some(request) = &order.request {
            let known = (request.clone(), answer.clone());
            self.answered.insert((order.lane, request.id), known);
            if let Err(refusal) = &answer {
                self.refuse(order, request, refusal.clone(), now);
            }
        }
        Decision::New(answer)
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
                programme,
            } => {
                let request = order.request.clone();
                return Ok(self.open(order, customer.clone(), programme.clone(), request, now));
            }
            Command::Earn { open: true, .. } if !exists => {
                let customer = CustomerId::parse(order.account.as_str());
                let customer = customer.expect("keys of accounts and customers have one form");
                self.open(order, customer, programme.id.clone(), None, now);
            }
            _ if !exists => {
                return Err(Refusal::AccountNotFound {
                    account: order.account.to_string(),
                });
            }
            _ => {}
        }
        if let Command::Earn { source, .. } = &order.command
            && let Some(entry) = self.sources.get(&(order.account.clone(), source.clone()))
        {
            let (source_event, entry) = (source.to_string(), entry.to_string());
            return Err(Refusal::EventAlreadyEarned {
                source_event,
                entry,
            });
        }
        self.apply(order, now, programme)
    }

    fn apply(&mut self, order: &Order, now: Timestamp, programme: &Programme) -> Answer {
        let target = order.command.target().and_then(|id| self.targets.get(&id));
        let request = order.request.as_ref().map(|request| request.id);
        let context = Context {
            now,
            programme,
            request,
            target,
        };
        let account = self
            .accounts
            .get_mut(&order.account)
            .expect("the caller found it");
        let head = self.heads[&order.lane];
        let mut journal = Journal::new(order.lane, head, now, &programme.version);
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
        let mut journal = Journal::new(lane, self.heads[&lane], now, &programme.version);
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
        order: &Order,
        customer: CustomerId,
        programme: ProgrammeId,
        request: Option<Arc<Request>>,
        now: Timestamp,
    ) -> Arc<Record> {
        let id = self.next_id(order.lane, now);
        let account = Account {
            lane: order.lane,
            id: order.account.clone(),
            customer: customer.clone(),
            programme: programme.clone(),
            created_at: now,
            updated_at: now,
            entries: 0,
            last_seq: id.seq(),
            lots: Vec::new(),
            holds: Vec::new(),
        };
        let opened = Arc::new(Record::Opened(Opened {
            id,
            account: order.account.clone(),
            customer,
            programme,
            at: now,
            request: request.as_ref().map(|request| request.id),
        }));
        self.accounts.insert(order.account.clone(), account);
        self.fresh.insert(order.account.clone());
        self.touched.insert(order.account.clone());
        self.records.push((opened.clone(), request));
        opened
    }

    fn refuse(&mut self, order: &Order, request: &Arc<Request>, refusal: Refusal, now: Timestamp) {
        let refused = Record::Refused(Refused {
            id: self.next_id(order.lane, now),
            account: order.account.clone(),
            at: now,
            request: request.id,
            refusal,
        });
        self.records.push((Arc::new(refused), Some(request.clone())));
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
        let programme = &self.accounts[account].programme;
        for entry in entries {
            self.totals.add(&entry, programme);
            if let Some(ended) = entry.ends()
                && let Some(target) = self.targets.get_mut(&ended)
            {
                target.ended_by = Some((entry.id, entry.kind));
            }
            if entry.kind == EntryKind::Earn {
                self.sources
                    .insert((account.clone(), entry.source.clone()), entry.id);
            }
            let request = request
                .filter(|request| entry.request == Some(request.id))
                .cloned();
            self.records.push((Arc::new(Record::Entry(entry)), request));
        }
    }

    /// Ends the decisions and returns what there is to write.
    #[must_use]
    pub fn finish(mut self) -> Writes {
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
        let due_as_before = changed.len();
        changed.append(&mut moved);
        Writes {
            heads,
            changed,
            due_as_before,
            opened,
            untouched: self.accounts.into_values().collect(),
            records: self.records,
            totals: self.totals.finish(),
        }
    }
}
