//! What scoring remembers of one customer: enough to say what was true at any instant of the last
//! three years, small enough to be read and written with every change.

mod codec;

use tenure_core::hash::{fnv1a64, mix64};
use tenure_core::{Currency, Timestamp};

use super::fact::{AttributeValue, ChurnKind, ContactKind, Fact, Usage};

pub use codec::DecodeError;

/// Months of usage that are kept: two years of training instants and a year to look back from each.
pub const MONTHS_MAX: i32 = 36;
/// Subscriptions that are kept; beyond it the one that ended first is forgotten.
const SUBSCRIPTIONS_MAX: usize = 32;
/// Bills that are kept: three years of monthly ones.
const BILLS_MAX: usize = 40;
/// Contacts that are kept.
const CONTACTS_MAX: usize = 96;
/// Attributes that are kept.
const ATTRIBUTES_MAX: usize = 200;
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
    /// What it costs in a month, in minor units.
    pub fee_minor: Option<i64>,
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
    /// A digest of the subscription and the period.
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

/// One contact.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contact {
    /// A digest of its id.
    pub key: u64,
    /// When.
    pub at: Timestamp,
    /// What it was about.
    pub kind: ContactKind,
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
    /// The first instant of any fact.
    pub known_since: Option<Timestamp>,
    /// The latest instant of any fact.
    pub changed_at: Option<Timestamp>,
    /// The currency of the latest amount.
    pub currency: Option<Currency>,
    /// Subscriptions in the order of their start.
    pub subscriptions: Vec<Subscription>,
    /// Bills in the order of their issue.
    pub bills: Vec<Bill>,
    /// Months with usage, ascending.
    pub months: Vec<Month>,
    /// Contacts, ascending.
    pub contacts: Vec<Contact>,
    /// Attributes in the order of their names.
    pub attributes: Vec<Attribute>,
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

fn period_key(subscription: &str, from: Timestamp, until: Timestamp) -> u32 {
    let period = mix64(from.as_micros().cast_unsigned()) ^ until.as_micros().cast_unsigned();
    let digest = mix64(key(subscription) ^ period);
    u32::try_from(digest >> 32).expect("the high half fits")
}

impl CustomerState {
    /// Takes a fact in.
    pub fn apply(&mut self, fact: &Fact) {
        let (first, last) = fact.span();
        self.known_since = Some(self.known_since.map_or(first, |since| since.min(first)));
        self.changed_at = Some(self.changed_at.map_or(last, |known| known.max(last)));
        match fact {
            Fact::Customer { at, attributes } => self.apply_attributes(*at, attributes),
            Fact::Subscription {
                id,
                started_at,
                contract_ends_at,
                fee,
                ended,
            } => {
                self.currency = fee.map(|(_, currency)| currency).or(self.currency);
                self.apply_subscription(Subscription {
                    key: key(id),
                    started_at: *started_at,
                    contract_ends_at: *contract_ends_at,
                    fee_minor: fee.map(|(minor, _)| minor),
                    ended: *ended,
                });
            }
            Fact::Bill {
                id,
                issued_at,
                due_at,
                amount: (amount_minor, currency),
                settled_at,
            } => {
                self.currency = Some(*currency);
                self.apply_bill(Bill {
                    key: key(id),
                    issued_at: *issued_at,
                    due_at: *due_at,
                    amount_minor: *amount_minor,
                    settled_at: *settled_at,
                });
            }
            Fact::Usage {
                subscription,
                from,
                until,
                usage,
            } => {
                self.apply_usage(subscription, *from, *until, *usage);
            }
            Fact::Contact { id, at, kind } => {
                self.apply_contact(Contact {
                    key: key(id),
                    at: *at,
                    kind: *kind,
                });
            }
            Fact::Removal {
                subscriptions,
                bills,
                contacts,
                usage,
                ..
            } => {
                let names = |ids: &[String], known: u64| ids.iter().any(|id| key(id) == known);
                self.subscriptions
                    .retain(|it| !names(subscriptions, it.key));
                self.bills.retain(|it| !names(bills, it.key));
                self.contacts.retain(|it| !names(contacts, it.key));
                for (subscription, from, until) in usage {
                    self.remove_usage(period_key(subscription, *from, *until));
                }
            }
        }
    }

    fn apply_attributes(&mut self, at: Timestamp, attributes: &[(String, AttributeValue)]) {
        for (name, value) in attributes {
            let known = self
                .attributes
                .binary_search_by(|a| a.name.as_str().cmp(name));
            let index = match known {
                Ok(index) => index,
                Err(_) if self.attributes.len() >= ATTRIBUTES_MAX => continue,
                Err(index) => {
                    let attribute = Attribute {
                        name: name.clone(),
                        versions: Vec::new(),
                    };
                    self.attributes.insert(index, attribute);
                    index
                }
            };
            set_version(&mut self.attributes[index].versions, at, Some(value));
        }
        let is_set = |name: &str| attributes.iter().any(|(known, _)| known == name);
        for attribute in self.attributes.iter_mut().filter(|a| !is_set(&a.name)) {
            set_version(&mut attribute.versions, at, None);
        }
    }

    fn apply_subscription(&mut self, subscription: Subscription) {
        self.subscriptions
            .retain(|known| known.key != subscription.key);
        let place = self
            .subscriptions
            .partition_point(|s| s.started_at <= subscription.started_at);
        self.subscriptions.insert(place, subscription);
        if self.subscriptions.len() > SUBSCRIPTIONS_MAX {
            let end = |s: &Subscription| s.ended.map_or(Timestamp::MAX, |(end, _)| end);
            let first = (0..self.subscriptions.len()).min_by_key(|i| end(&self.subscriptions[*i]));
            self.subscriptions
                .remove(first.expect("there are more than the limit"));
        }
    }

    fn apply_bill(&mut self, bill: Bill) {
        self.bills.retain(|known| known.key != bill.key);
        let place = self
            .bills
            .partition_point(|b| b.issued_at <= bill.issued_at);
        self.bills.insert(place, bill);
        if self.bills.len() > BILLS_MAX {
            self.bills.remove(0);
        }
    }

    fn apply_usage(&mut self, subscription: &str, from: Timestamp, until: Timestamp, usage: Usage) {
        let number = month_number(from);
        let month = match self.months.binary_search_by_key(&number, |m| m.number) {
            Ok(index) => &mut self.months[index],
            Err(index) => {
                self.months.insert(
                    index,
                    Month {
                        number,
                        periods: Vec::new(),
                    },
                );
                &mut self.months[index]
            }
        };
        let key = period_key(subscription, from, until);
        let known = month.periods.iter().position(|p| p.key == key);
        match known {
            Some(index) => month.periods[index].usage = usage,
            None if month.periods.len() >= PERIODS_MAX => {}
            None => month.periods.push(Period {
                key,
                known_at: until,
                usage,
            }),
        }
        let newest = self.months.last().map_or(number, |m| m.number);
        self.months.retain(|m| m.number > newest - MONTHS_MAX);
    }

    fn remove_usage(&mut self, key: u32) {
        for month in &mut self.months {
            month.periods.retain(|it| it.key != key);
        }
        self.months.retain(|month| !month.periods.is_empty());
    }

    fn apply_contact(&mut self, contact: Contact) {
        self.contacts.retain(|known| known.key != contact.key);
        let place = self
            .contacts
            .partition_point(|known| known.at <= contact.at);
        self.contacts.insert(place, contact);
        if self.contacts.len() > CONTACTS_MAX {
            self.contacts.remove(0);
        }
    }
}

fn set_version(
    versions: &mut Vec<(Timestamp, Option<AttributeValue>)>,
    at: Timestamp,
    value: Option<&AttributeValue>,
) {
    let place = versions.partition_point(|(since, _)| *since <= at);
    if place > 0 && versions[place - 1].1.as_ref() == value {
        return;
    }
    if place > 0 && versions[place - 1].0 == at {
        versions[place - 1].1 = value.cloned();
        return;
    }
    versions.insert(place, (at, value.cloned()));
    if versions.len() > VERSIONS_MAX {
        versions.remove(0);
    }
}

#[cfg(test)]
mod tests;
