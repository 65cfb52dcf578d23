//! What one turn of news knows, decides and writes down.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use tenure_core::{AccountId, CustomerId, Lane, Timestamp};
use tenure_sql::{Db, SqlError, Tx};

use super::Heard;
use crate::domain::{
    Account, Catalogue, Circumstances, Command, Decision, InForce, Ledger, News, Order, Place,
    StaffOrder,
};
use crate::store::circumstances::{self, Payment, Subscription};
use crate::store::leavers::has_something;
use crate::store::{accounts, transact};

/// What one turn of news knows and decides.
pub(super) struct Desk {
    pub(super) catalogue: Arc<Catalogue>,
    pub(super) ledger: Ledger,
    pub(super) now: Timestamp,
    pub(super) known: HashMap<String, Circumstances>,
    /// Which subscriptions of customers changed, or (empty) how they pay.
    pub(super) learnt: BTreeMap<CustomerId, BTreeSet<String>>,
}

impl Desk {
    pub(super) async fn load(&mut self, tx: &mut Tx, places: Vec<Place>) -> Result<(), SqlError> {
        let unknown = places
            .iter()
            .filter(|place| self.ledger.account(&place.account).is_none());
        let unknown: BTreeSet<(Lane, &str)> = unknown
            .map(|place| (place.lane, place.account.as_str()))
            .collect();
        let places = places
            .iter()
            .map(|place| ((place.lane, place.account.as_str()), &place.account));
        let places: BTreeMap<(Lane, &str), &AccountId> = places.collect();
        let wanted: Vec<(Lane, &AccountId)> = unknown
            .into_iter()
            .map(|key| (key.0, places[&key]))
            .collect();
        if !wanted.is_empty() {
            for account in accounts::load(tx, &wanted).await? {
                self.ledger.load_account(account);
            }
        }
        Ok(())
    }

    /// Returns an account of a customer and the rules of its programme.
    pub(super) fn account(
        &self,
        id: &AccountId,
        customer: &CustomerId,
    ) -> Option<(&Account, &InForce)> {
        let account = self.ledger.account(id)?;
        let rules = self
            .catalogue
            .of_account(Some(&account.programme), self.now)?;
        (account.customer == *customer).then_some((account, rules))
    }

    pub(super) fn has_something(&self, id: &AccountId) -> bool {
        self.ledger.account(id).is_some_and(has_something)
    }

    pub(super) fn learnt(&mut self, heard: &Heard) {
        let key = match &heard.news {
            News::Subscription { id, .. } => id.clone(),
            News::Payment { .. } => String::new(),
        };
        let learnt = self.learnt.entry(heard.customer.clone()).or_default();
        learnt.insert(key);
    }

    pub(super) fn decide(&mut self, lane: Lane, id: &AccountId, command: Command) {
        use tenure_core::Coded as _;
        let catalogue = self.catalogue.clone();
        let programme = match &command {
            Command::Open { programme, .. } => Some(programme),
            _ => self.ledger.account(id).map(|account| &account.programme),
        };
        let Some(rules) = catalogue.of_account(programme, self.now) else {
            return;
        };
        let order = Order {
            lane,
            account: id.clone(),
            request: None,
            command,
        };
        if let Decision::New(Err(refusal)) = self.ledger.decide(&order, self.now, &rules.programme)
        {
            let reason = refusal.reason();
            tracing::error!(account.id = %id, reason, "news of a customer had no effect");
        }
    }

    /// Gives everything to another customer's own account, which is opened if it must be.
    pub(super) fn hand_over(
        &mut self,
        lane: Lane,
        id: &AccountId,
        (customer, to): (&CustomerId, Place),
        order: StaffOrder,
    ) {
        let Some(account) = self.ledger.account(id).filter(|it| has_something(it)) else {
            return;
        };
        let programme = account.programme.clone();
        let holds: Vec<_> = account.holds.iter().map(|hold| hold.id).collect();
        for hold in holds {
            self.decide(lane, id, Command::Release { hold });
        }
        if self.ledger.account(&to.account).is_none() {
            if let Some(known) = self.known.get(customer.as_str()) {
                let known = known.clone();
                self.ledger.load_circumstances(customer.to_string(), known);
            }
            let customer = customer.clone();
            let open = Command::Open {
                customer,
                programme,
                joined_at: None,
            };
            self.decide(to.lane, &to.account, open);
        }
        self.decide(lane, id, Command::HandOver { to, order });
    }

    /// Writes down what was learnt and decided.
    pub(super) async fn close(self, tx: &mut Tx, db: &Db) -> Result<(), SqlError> {
        let mut subscriptions: Vec<Subscription<'_>> = Vec::new();
        let mut payments: Vec<Payment<'_>> = Vec::new();
        for (customer, keys) in &self.learnt {
            let (lane, known) = (
                db.lanes().of(customer.as_str()),
                &self.known[customer.as_str()],
            );
            for key in keys {
                if let Some((state, since)) = known.subscriptions.get(key) {
                    subscriptions.push((lane, customer.as_str(), key, *state, *since));
                } else if let Some((in_arrears, since)) = known.arrears {
                    payments.push((lane, customer.as_str(), in_arrears, since));
                }
            }
        }
        circumstances::save_subscriptions(tx, &subscriptions).await?;
        circumstances::save_payments(tx, &payments).await?;
        transact::write(tx, self.ledger).await?;
        Ok(())
    }
}
