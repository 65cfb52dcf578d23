//! Suspending subscriptions, resuming them, and giving them to other customers.

use tenure_core::{CustomerId, SubscriptionId, Timestamp};

use super::subscription::{ended, require_running};
use super::{Book, Owned};
use crate::domain::refusal::{Reason, Refusal};
use crate::domain::words::ChurnKind;
use crate::domain::{Standing, Subscription, Suspension, Termination};

/// The reason of the ending that a transfer is for the one who had the subscription.
const TRANSFERRED: &str = "ownership change";

impl Book {
    /// Suspends a subscription, or changes why it is suspended.
    ///
    /// # Errors
    /// When there is no such customer or subscription, or it has ended.
    pub fn suspend_subscription(
        &mut self,
        customer: &CustomerId,
        id: &SubscriptionId,
        suspension: Suspension,
        at: Timestamp,
    ) -> Result<Subscription, Refusal> {
        let mut subscription = self.running(customer, id)?;
        let standing = &mut subscription.standing;
        if standing.suspension.as_ref() == Some(&suspension) {
            return Ok(subscription);
        }
        if standing.suspension.is_none() {
            standing.since = standing.next(at);
        }
        standing.suspension = Some(suspension);
        Ok(self.stand(at, subscription))
    }

    /// Resumes a suspended subscription.
    ///
    /// # Errors
    /// When there is no such customer or subscription, or it has ended.
    pub fn resume_subscription(
        &mut self,
        customer: &CustomerId,
        id: &SubscriptionId,
        at: Timestamp,
    ) -> Result<Subscription, Refusal> {
        let mut subscription = self.running(customer, id)?;
        let standing = &mut subscription.standing;
        if standing.suspension.take().is_none() {
            return Ok(subscription);
        }
        standing.since = standing.next(at);
        Ok(self.stand(at, subscription))
    }

    /// Gives a subscription to another customer: it ends for the one and begins for the other, with
    /// its id and its number. A suspension goes with it.
    ///
    /// # Errors
    /// When there is no such customer or subscription, it has ended, both are the same customer, or
    /// it would go before it began.
    pub fn transfer_subscription(
        &mut self,
        customer: &CustomerId,
        id: &SubscriptionId,
        to: &CustomerId,
        at: Timestamp,
    ) -> Result<Subscription, Refusal> {
        let mut old = self.running(customer, id)?;
        if to == customer {
            let (wanted, found) = ("another customer", "the one who has it");
            let reason = Reason::InvalidFields;
            return Err(Refusal::new(reason, "to_customer_id", wanted, found));
        }
        if at < old.started_at {
            let wanted = "not before the subscription began";
            let (reason, found) = (Reason::InvalidFields, "an earlier instant");
            return Err(Refusal::new(reason, "transfer_time", wanted, found));
        }
        self.require_receiver(to)?;
        self.release_number(&old, at);
        let mut new = Subscription {
            customer: to.clone(),
            started_at: at,
            contract_ends_at: old.contract_ends_at.filter(|end| *end >= at),
            standing: Standing {
                since: old.standing.next(at),
                suspension: old.standing.suspension.clone(),
                transferred_to: None,
                transferred_from: Some(customer.clone()),
            },
            ..old.clone()
        };
        old.termination = Some(Termination {
            at,
            kind: ChurnKind::InternalMigration,
            reason: TRANSFERRED.to_owned(),
            is_ported_out: false,
        });
        old.standing = Standing {
            transferred_to: Some(to.clone()),
            ..ended(&old.standing, at)
        };
        self.stand(at, old);
        self.give_number(&mut new)?;
        let key = (Owned::Subscription, id.as_str().into());
        if self.owners.get(&key).is_none() {
            // Whoever had the subscription has its key: it is loaded with those of others only.
            self.owners.load(key.clone(), customer.clone());
        }
        self.owners.put(key, to.clone());
        Ok(self.stand(at, new))
    }

    fn running(&self, customer: &CustomerId, id: &SubscriptionId) -> Result<Subscription, Refusal> {
        self.require_customer(customer)?;
        let subscription = self.subscription(customer, id)?.clone();
        require_running(&subscription, "subscription_id")?;
        Ok(subscription)
    }

    fn require_receiver(&self, to: &CustomerId) -> Result<(), Refusal> {
        self.require_customer(to).map_err(|refusal| Refusal {
            field: "to_customer_id".to_owned(),
            ..refusal
        })
    }
}
