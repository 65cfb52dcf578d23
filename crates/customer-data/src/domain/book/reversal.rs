//! Taking back what an import did.

use std::collections::BTreeMap;

use tenure_core::{CustomerId, SubscriptionId, Timestamp};
use uuid::Uuid;

use super::{Book, Owned};
use crate::domain::reversal::{Removal, UndoKey, customer_again};
use crate::domain::{Customer, ExternalId, Fact, Holding};

impl Book {
    /// Returns a fact of a customer as it is.
    #[must_use]
    pub fn fact(&self, customer: &CustomerId, key: &UndoKey) -> Option<Fact> {
        let of = |customer: &CustomerId| customer.clone();
        match key {
            UndoKey::Customer => self.customers.get(customer).cloned().map(Fact::Customer),
            UndoKey::Subscription(id) => {
                let found = self.subscriptions.get(&(of(customer), id.clone()));
                found.cloned().map(Fact::Subscription)
            }
            UndoKey::Bill(id) => {
                let found = self.bills.get(&(of(customer), id.clone()));
                found.cloned().map(Fact::Bill)
            }
            UndoKey::Usage(key) => self.usage.get(key).cloned().map(Fact::Usage),
            UndoKey::Interaction(id) => {
                let found = self.interactions.get(&(of(customer), id.clone()));
                found.cloned().map(Fact::Interaction)
            }
            UndoKey::Made => None,
        }
    }

    /// Returns true when what a fact had before, a number or names in other systems, is somebody else's.
    #[must_use]
    pub fn is_taken(&self, before: &Fact) -> bool {
        match before {
            Fact::Customer(customer) => {
                let owner = |id: &ExternalId| self.external_ids.get(id);
                let mut owners = customer.external_ids.iter().filter_map(owner);
                owners.any(|owner| *owner != customer.id)
            }
            Fact::Subscription(before) => {
                let (Some(number), Some(from)) = (&before.msisdn, before.msisdn_from) else {
                    return false;
                };
                let until = before.until();
                let all = (number.clone(), Timestamp::MIN)..=(number.clone(), Timestamp::MAX);
                let is_other =
                    |it: &Holding| it.subscription != before.id || it.customer != before.customer;
                self.numbers.range(all).any(|((_, since), holding)| {
                    is_other(holding) && *since < until && from < holding.until
                })
            }
            _ => false,
        }
    }

    /// Gives a fact back as it was, or takes it away when there was none. It is as the import left it, and
    /// nothing that it had is taken.
    pub fn give_back(&mut self, customer: &CustomerId, key: &UndoKey, before: Option<Fact>) {
        let of = || customer.clone();
        match (key, before) {
            (_, Some(Fact::Customer(before))) => self.give_back_customer(before),
            (_, Some(Fact::Subscription(before))) => {
                self.let_go(&(of(), before.id.clone()));
                if let (Some(number), Some(from)) = (before.msisdn.clone(), before.msisdn_from) {
                    let holding = Holding {
                        until: before.until(),
                        customer: of(),
                        subscription: before.id.clone(),
                    };
                    self.numbers.put((number, from), holding);
                }
                self.tell(self.now, Fact::Subscription(before.clone()));
                self.subscriptions.put((of(), before.id.clone()), before);
            }
            (_, Some(Fact::Bill(before))) => {
                self.tell(self.now, Fact::Bill(before.clone()));
                self.bills.put((of(), before.id.clone()), before);
            }
            (_, Some(Fact::Usage(before))) => {
                self.tell(self.now, Fact::Usage(before.clone()));
                self.usage.put(before.key.clone(), before);
            }
            (_, Some(Fact::Interaction(before))) => {
                self.tell(self.now, Fact::Interaction(before.clone()));
                self.interactions.put((of(), before.id.clone()), before);
            }
            (UndoKey::Subscription(id), None) => {
                self.let_go(&(of(), id.clone()));
                self.subscriptions.remove((of(), id.clone()));
                self.disown(Owned::Subscription, id.as_str(), customer);
            }
            (UndoKey::Bill(id), None) => {
                self.bills.remove((of(), id.clone()));
                self.disown(Owned::Bill, id.as_str(), customer);
            }
            (UndoKey::Usage(key), None) => self.usage.remove(key.clone()),
            (UndoKey::Interaction(id), None) => {
                self.interactions.remove((of(), id.clone()));
                self.disown(Owned::Interaction, id.as_str(), customer);
            }
            // No import changes others.
            (UndoKey::Customer | UndoKey::Made, None) | (_, Some(_)) => {}
        }
    }

    /// Takes a customer away with all of these facts, and tells it.
    pub fn take_away(&mut self, customer: &CustomerId, facts: &[(UndoKey, Fact)], import: Uuid) {
        for (key, _) in facts {
            self.give_back(customer, key, None);
        }
        if let Some(known) = self.customers.get(customer).cloned() {
            for id in known.external_ids {
                self.external_ids.remove(id);
            }
        }
        self.customers.remove(customer.clone());
        self.tell_removal(customer, import, None);
    }

    /// Tells that facts of a customer are gone with an import, or with `None` the customer.
    pub fn tell_removal(&mut self, of: &CustomerId, import_id: Uuid, facts: Option<Vec<UndoKey>>) {
        let removal = Removal {
            customer: of.clone(),
            import_id,
            facts,
        };
        self.tell(self.now, Fact::Removal(removal));
    }

    /// Returns what the book has of customers, but for their own records.
    #[must_use]
    pub fn facts_by_customer(&self) -> BTreeMap<CustomerId, Vec<(UndoKey, Fact)>> {
        let mut all: BTreeMap<CustomerId, Vec<(UndoKey, Fact)>> = BTreeMap::new();
        let mut add = |customer: &CustomerId, key, fact| {
            all.entry(customer.clone()).or_default().push((key, fact));
        };
        for (key, it) in self.usage.range(..) {
            add(
                &key.customer,
                UndoKey::Usage(key.clone()),
                Fact::Usage(it.clone()),
            );
        }
        for ((of, id), it) in self.interactions.range(..) {
            let fact = Fact::Interaction(it.clone());
            add(of, UndoKey::Interaction(id.clone()), fact);
        }
        for ((of, id), it) in self.bills.range(..) {
            add(of, UndoKey::Bill(id.clone()), Fact::Bill(it.clone()));
        }
        for ((of, id), it) in self.subscriptions.range(..) {
            let fact = Fact::Subscription(it.clone());
            add(of, UndoKey::Subscription(id.clone()), fact);
        }
        all
    }

    fn give_back_customer(&mut self, before: Customer) {
        let id = before.id.clone();
        let Some(known) = self.customers.get(&id).cloned() else {
            return;
        };
        let gone = |it: &&ExternalId| !before.external_ids.contains(it);
        for external in known.external_ids.iter().filter(gone) {
            self.external_ids.remove(external.clone());
        }
        let back = |it: &&ExternalId| !known.external_ids.contains(it);
        for external in before.external_ids.iter().filter(back) {
            self.external_ids.put(external.clone(), id.clone());
        }
        let again = customer_again(&known, before);
        if again.version != known.version {
            self.tell(self.now, Fact::Customer(again.clone()));
        }
        self.customers.put(id, again);
    }

    /// Gives up the number that a subscription holds.
    fn let_go(&mut self, key: &(CustomerId, SubscriptionId)) {
        let known = self.subscriptions.get(key);
        let held = known.and_then(|it| it.msisdn.clone().zip(it.msisdn_from));
        if let Some(held) = held {
            self.numbers.remove(held);
        }
    }

    /// The key may be anybody's again.
    fn disown(&mut self, owned: Owned, id: &str, customer: &CustomerId) {
        let key = (owned, id.into());
        self.owners.load(key.clone(), customer.clone());
        self.owners.remove(key);
    }
}
