//! Accounts that orders may open, and what is known of their customers.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tenure_core::{AccountId, CustomerId, Lane, Lanes};
use tenure_sql::{SqlError, Tx};

use super::{accounts, circumstances};
use crate::domain::{Command, Ledger, Order, customer_of};

/// The accounts that orders may open, and whose they would be.
#[derive(Debug, Default)]
pub(super) struct Openings(Vec<(AccountId, Lane, CustomerId)>);

impl Openings {
    /// Returns what orders may open; read before any lane is locked, as no account ever gets another
    /// customer.
    pub(super) async fn of(tx: &mut Tx, lanes: Lanes, orders: &[&Order]) -> Result<Self, SqlError> {
        let mut found: Vec<(AccountId, CustomerId)> = Vec::new();
        let mut split: Vec<(&AccountId, Lane, &AccountId)> = Vec::new();
        for order in orders {
            match &order.command {
                Command::Open { customer, .. } => {
                    found.push((order.account.clone(), customer.clone()));
                }
                Command::Earn(earn) if earn.open => {
                    found.push((order.account.clone(), customer_of(&order.account)));
                }
                Command::Split { to, customer, .. } => match customer {
                    Some(customer) => found.push((to.account.clone(), customer.clone())),
                    None => split.push((&to.account, order.lane, &order.account)),
                },
                _ => {}
            }
        }
        if !split.is_empty() {
            let from: BTreeMap<&str, (Lane, &AccountId)> = split
                .iter()
                .map(|(_, lane, from)| (from.as_str(), (*lane, *from)))
                .collect();
            let from: Vec<(Lane, &AccountId)> = from.into_values().collect();
            let there = accounts::load(tx, &from).await?;
            let there = there.into_iter().map(|it| (it.id, it.customer));
            // One that another order of these opens is not there yet.
            let owners: HashMap<AccountId, CustomerId> =
                found.iter().cloned().chain(there).collect();
            for (new, _, from) in split {
                let customer = owners.get(from);
                found.extend(customer.map(|customer| (new.clone(), customer.clone())));
            }
        }
        let place = |(id, customer): (AccountId, CustomerId)| {
            let lane = lanes.of(customer.as_str());
            (id, lane, customer)
        };
        Ok(Self(found.into_iter().map(place).collect()))
    }

    /// Returns what would be opened for customers of the same ids.
    pub(super) fn own(lanes: Lanes, accounts: impl Iterator<Item = AccountId>) -> Self {
        let own = accounts.map(|id| (lanes.of(id.as_str()), customer_of(&id), id));
        Self(
            own.map(|(lane, customer, id)| (id, lane, customer))
                .collect(),
        )
    }

    /// Returns where news of the customers are decided: whoever locks these sees all of them.
    pub(super) fn lanes(&self) -> impl Iterator<Item = Lane> {
        self.0.iter().map(|(_, lane, _)| *lane)
    }

    /// Notes in `ledger`, whose lanes are locked, what is known of the customers of accounts that are
    /// not there.
    pub(super) async fn load(&self, tx: &mut Tx, ledger: &mut Ledger) -> Result<(), SqlError> {
        let new = self.0.iter().filter(|it| ledger.account(&it.0).is_none());
        let customers: BTreeSet<(Lane, &CustomerId)> =
            new.map(|(_, lane, customer)| (*lane, customer)).collect();
        if customers.is_empty() {
            return Ok(());
        }
        let customers: Vec<(Lane, &CustomerId)> = customers.into_iter().collect();
        for (customer, known) in circumstances::load(tx, &customers).await? {
            ledger.load_circumstances(customer, known);
        }
        Ok(())
    }
}
