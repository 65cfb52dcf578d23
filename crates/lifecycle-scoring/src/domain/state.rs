//! What scoring remembers of one customer: enough to say what was true at any instant of the last
//! three years, small enough to be read and written with every change.

mod codec;

use tenure_core::Timestamp;
use tenure_core::hash::{fnv1a64, mix64};

use super::fact::{AttributeValue, Change, ChurnKind, Fact, Usage};

pub use codec::DecodeError;

/// Months of usage that are kept: two years of training instants and a year to look back from each.
pub const MONTHS_MAX: i32 = 36;
/// Subscriptions that are kept; beyond it the one that ended first is forgotten.
const SUBSCRIPTIONS_MAX: usize = 32;
/// Bills that are kept: three years of monthly ones.
const BILLS_MAX: usize = 40;
/// Contacts that are kept, and complaints likewise.
const CONTACTS_MAX: usize = 64;
/// Attributes that are kept.
const ATTRIBUTES_MAX: usize = 64;
/// Values of one attribute that are kept, so that a past instant sees the value of then.
const VERSIONS_MAX: usize = 4;
/// Usage periods that are kept within one month: daily ones of a few subscriptions.
const PERIODS_MAX: usize = 128;

/// A subscription.
#[derive(Debug, Clone, PartialEq)]
pub struct Subscription {
    /// A digest of its id.
    pub key: u64,
    /// When it began.
    pub started_at: Timestamp,
    /// When its contract's minimum term ends.
    pub contract_ends_at: Option<Timestamp>,
    /// When it ended and why.
    pub ended: Option<(Timestamp, ChurnKind)>,
}

impl Subscription {
    /// Returns true when it runs at `at`.
    #[must_use]
    pub fn is_active(&self, at: Timestamp) -> bool {
        self.started_at <= at && self.ended.is_none_or(|(end, _)| end > at)
    }
}

/// A bill.
#[derive(Debug, Clone, PartialEq)]
pub struct Bill {
    /// A digest of its id.
    pub key: u64,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// Until when it had to be paid.
    pub due_at: Timestamp,
    /// What was to be paid, in minor units.
    pub amount_minor: i64,
    /// When it was paid in full.
    pub settled_at: Option<Timestamp>,
}

/// One usage summary.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Period {
    /// A digest of the subscription and the start of the period.
    pub key: u32,
    /// When the period ended: from then on the sum is known.
    pub known_at: Timestamp,
    /// How much.
    pub usage: Usage,
}

/// The usage summaries that begin within one month.
#[derive(Debug, Clone, PartialEq)]
pub struct Month {
    /// Months since the year 0; see [`month_number`].
    pub number: i32,
    /// The summaries.
    pub periods: Vec<Period>,
}

/// One attribute with its latest values.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// Its values with the instant from which each held, oldest first.
    pub versions: Vec<(Timestamp, Option<AttributeValue>)>,
}

/// What is remembered of one customer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CustomerState {
    /// The first instant at which anything was known.
    pub known_since: Option<Timestamp>,
    /// The latest instant of any fact.
    pub changed_at: Option<Timestamp>,
    /// Subscriptions in the order of their start.
    pub subscriptions: Vec<Subscription>,
    /// Bills in the order of their issue.
    pub bills: Vec<Bill>,
    /// Months with usage, ascending.
    pub months: Vec<Month>,
    /// Instants of contacts without a complaint, ascending.
    pub contacts: Vec<Timestamp>,
    /// Instants of complaints, ascending.
    pub complaints: Vec<Timestamp>,
    /// Attributes in the order of their names.
    pub attributes: Vec<Attribute>,
    /// Ends of subscriptions and payments of bills that came before what they end.
    early: Vec<(u64, Timestamp, ChurnKind)>,
}

/// Returns the number of the month of `at`: months since the year 0.
#[must_use]
pub fn month_number(at: Timestamp) -> i32 {
    let (year, month, _) = at.date();
    i32::from(year) * 12 + i32::from(month) - 1
}

fn key(id: &str) -> u64 {
    mix64(fnv1a64(id.as_bytes()))
}

impl CustomerState {
    /// Takes a change in. The order of changes does not matter where their instants say it.
    pub fn apply(&mut self, change: &Change) {
        let at = change.at;
        self.known_since = Some(self.known_since.map_or(at, |since| since.min(at)));
        self.changed_at = Some(self.changed_at.map_or(at, |last| last.max(at)));
        match &change.fact {
            Fact::CustomerKnown => {}
            Fact::AttributeSet { name, value } => self.set_attribute(at, name, value.as_ref()),
            Fact::SubscriptionStarted { subscription, contract_ends_at } => {
                self.start_subscription(at, key(subscription), *contract_ends_at);
            }
            Fact::SubscriptionEnded { subscription, kind } => {
                self.end_subscription(at, key(subscription), *kind);
            }
            Fact::BillIssued { bill, amount_minor, due_at } => {
                self.issue_bill(at, key(bill), *amount_minor, *due_at);
            }
            Fact::BillSettled { bill } => self.settle_bill(at, key(bill)),
            Fact::UsageSummed { subscription, from, usage } => {
                self.sum_usage(at, subscription, *from, *usage);
            }
            Fact::Contacted { is_complaint: true } => insert(&mut self.complaints, at),
            Fact::Contacted { is_complaint: false } => insert(&mut self.contacts, at),
        }
    }

    fn set_attribute(&mut self, at: Timestamp, name: &str, value: Option<&AttributeValue>) {
        let index = match self.attributes.binary_search_by(|a| a.name.as_str().cmp(name)) {
            Ok(index) => index,
            Err(_) if self.attributes.len() >= ATTRIBUTES_MAX => return,
            Err(index) => {
                let attribute = Attribute { name: name.to_owned(), versions: Vec::new() };
                self.attributes.insert(index, attribute);
                index
            }
        };
        let versions = &mut self.attributes[index].versions;
        let place = versions.partition_point(|(since, _)| *since <= at);
        if place > 0 && versions[place - 1].1.as_ref() == value {
            return;
        }
        versions.insert(place, (at, value.cloned()));
        if versions.len() > VERSIONS_MAX {
            versions.remove(0);
        }
    }

    fn start_subscription(&mut self, at: Timestamp, key: u64, contract: Option<Timestamp>) {
        if let Some(known) = self.subscriptions.iter_mut().find(|s| s.key == key) {
            known.started_at = at;
            known.contract_ends_at = contract;
            self.subscriptions.sort_by_key(|s| s.started_at);
            return;
        }
        let ended = self.take_early(key);
        let subscription = Subscription { key, started_at: at, contract_ends_at: contract, ended };
        let place = self.subscriptions.partition_point(|s| s.started_at <= at);
        self.subscriptions.insert(place, subscription);
        if self.subscriptions.len() > SUBSCRIPTIONS_MAX {
            let end = |s: &Subscription| s.ended.map_or(Timestamp::MAX, |(end, _)| end);
            let first = (0..self.subscriptions.len()).min_by_key(|i| end(&self.subscriptions[*i]));
            self.subscriptions.remove(first.expect("there are more than the limit"));
        }
    }

    fn end_subscription(&mut self, at: Timestamp, key: u64, kind: ChurnKind) {
        match self.subscriptions.iter_mut().find(|s| s.key == key) {
            Some(subscription) => subscription.ended = Some((at, kind)),
            None => self.keep_early(key, at, kind),
        }
    }

    fn issue_bill(&mut self, at: Timestamp, key: u64, amount_minor: i64, due_at: Timestamp) {
        if let Some(known) = self.bills.iter_mut().find(|b| b.key == key) {
            (known.amount_minor, known.due_at) = (amount_minor, due_at);
            return;
        }
        let settled_at = self.take_early(key).map(|(at, _)| at);
        let place = self.bills.partition_point(|b| b.issued_at <= at);
        self.bills.insert(place, Bill { key, issued_at: at, due_at, amount_minor, settled_at });
        if self.bills.len() > BILLS_MAX {
            self.bills.remove(0);
        }
    }

    fn settle_bill(&mut self, at: Timestamp, key: u64) {
        match self.bills.iter_mut().find(|b| b.key == key) {
            Some(bill) => bill.settled_at = Some(at),
            None => self.keep_early(key, at, ChurnKind::Unknown),
        }
    }

    fn sum_usage(&mut self, at: Timestamp, subscription: &str, from: Timestamp, usage: Usage) {
        let number = month_number(from);
        let month = match self.months.binary_search_by_key(&number, |m| m.number) {
            Ok(index) => &mut self.months[index],
            Err(index) => {
                self.months.insert(index, Month { number, periods: Vec::new() });
                &mut self.months[index]
            }
        };
        let digest = mix64(key(subscription) ^ from.as_micros().cast_unsigned());
        let key = u32::try_from(digest >> 32).expect("the high half fits");
        match month.periods.iter_mut().find(|p| p.key == key) {
            Some(period) => period.usage = usage,
            None if month.periods.len() >= PERIODS_MAX => {}
            None => month.periods.push(Period { key, known_at: at, usage }),
        }
        let newest = self.months.last().map_or(number, |m| m.number);
        self.months.retain(|m| m.number > newest - MONTHS_MAX);
    }

    fn keep_early(&mut self, key: u64, at: Timestamp, kind: ChurnKind) {
        if self.early.len() < SUBSCRIPTIONS_MAX {
            self.early.push((key, at, kind));
        }
    }

    fn take_early(&mut self, key: u64) -> Option<(Timestamp, ChurnKind)> {
        let index = self.early.iter().position(|(k, _, _)| *k == key)?;
        let (_, at, kind) = self.early.swap_remove(index);
        Some((at, kind))
    }
}

fn insert(instants: &mut Vec<Timestamp>, at: Timestamp) {
    let place = instants.partition_point(|known| *known <= at);
    instants.insert(place, at);
    if instants.len() > CONTACTS_MAX {
        instants.remove(0);
    }
}

#[cfg(test)]
mod tests;
