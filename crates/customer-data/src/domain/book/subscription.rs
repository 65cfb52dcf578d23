//! Taking in subscriptions and ending them.

use tenure_core::{CustomerId, SubscriptionId, Timestamp};

use super::{Book, Outcome, Owned};
use crate::domain::refusal::{Reason, Refusal};
use crate::domain::{Fact, Standing, Subscription, Termination};

impl Book {
    /// Creates or changes a subscription.
    ///
    /// # Errors
    /// When the customer is unknown, the id is another customer's, the subscription has ended, or
    /// the number is in use.
    pub fn upsert_subscription(&mut self, mut new: Subscription) -> Result<Outcome, Refusal> {
        self.require_customer(&new.customer)?;
        new.updated_at = self.now;
        let key = (new.customer.clone(), new.id.clone());
        let known = self.subscriptions.get(&key).cloned();
        new.standing = standing(known.as_ref(), &new, self.now);
        let event_at = match (&known, &new.termination) {
            (_, Some(end)) => end.at,
            (None, None) => new.started_at,
            (Some(_), None) => self.now,
        };
        let outcome = match known {
            None => {
                let taken = (Reason::SubscriptionExists, "subscription_id");
                self.own(Owned::Subscription, new.id.as_str(), &new.customer, taken)?;
                self.give_number(&mut new)?;
                Outcome::Created
            }
            Some(known) if known.says_the_same_as(&new) => return Ok(Outcome::Unchanged),
            Some(known) => {
                require_running(&known, "terminate_time")?;
                self.move_number(&known, &mut new)?;
                Outcome::Updated
            }
        };
        self.tell(event_at, Fact::Subscription(new.clone()));
        self.subscriptions.put(key, new);
        Ok(outcome)
    }

    /// Ends a subscription and gives its number back.
    ///
    /// # Errors
    /// When there is no such customer or subscription, it has ended, or it would end before it
    /// began.
    pub fn terminate_subscription(
        &mut self,
        customer: &CustomerId,
        id: &SubscriptionId,
        termination: Termination,
    ) -> Result<Subscription, Refusal> {
        self.require_customer(customer)?;
        let mut subscription = self.subscription(customer, id)?.clone();
        require_running(&subscription, "subscription_id")?;
        let at = termination.at;
        if at < subscription.started_at {
            let wanted = "not before the subscription began";
            let found = "an earlier instant";
            return Err(Refusal::new(
                Reason::InvalidFields,
                "terminate_time",
                wanted,
                found,
            ));
        }
        self.release_number(&subscription, at);
        subscription.termination = Some(termination);
        subscription.standing = ended(&subscription.standing, at);
        Ok(self.stand(at, subscription))
    }

    /// Notes a subscription as it stands now, and tells it.
    pub(super) fn stand(&mut self, at: Timestamp, mut new: Subscription) -> Subscription {
        new.updated_at = self.now;
        self.tell(at, Fact::Subscription(new.clone()));
        let key = (new.customer.clone(), new.id.clone());
        self.subscriptions.put(key, new.clone());
        new
    }

    /// Returns a subscription of a customer.
    pub(super) fn subscription(
        &self,
        customer: &CustomerId,
        id: &SubscriptionId,
    ) -> Result<&Subscription, Refusal> {
        self.subscriptions
            .get(&(customer.clone(), id.clone()))
            .ok_or_else(|| {
                let wanted = "a subscription of this customer";
                let refusal = Refusal::new(
                    Reason::SubscriptionNotFound,
                    "subscription_id",
                    wanted,
                    "another",
                );
                refusal.with("subscription_id", id.as_str())
            })
    }
}

/// Returns how a subscription stands that an upsert says: as it was known, or ended by now.
fn standing(known: Option<&Subscription>, new: &Subscription, now: Timestamp) -> Standing {
    match (known, &new.termination) {
        (Some(known), _) if known.termination == new.termination => known.standing.clone(),
        (Some(known), Some(end)) => ended(&known.standing, end.at),
        (Some(known), None) => known.standing.clone(),
        (None, Some(end)) => Standing::since(end.at),
        (None, None) => Standing::since(new.started_at.min(now)),
    }
}

/// Returns the standing of a subscription that ends.
pub(super) fn ended(before: &Standing, at: Timestamp) -> Standing {
    Standing {
        since: before.next(at),
        suspension: None,
        ..before.clone()
    }
}

/// Refuses what only a subscription that runs can do.
///
/// # Errors
/// When the subscription ended.
pub fn require_running(known: &Subscription, field: &str) -> Result<(), Refusal> {
    if known.termination.is_none() {
        return Ok(());
    }
    let wanted = "a subscription that runs, or what is known of one that ended";
    let refusal = Refusal::new(
        Reason::SubscriptionTerminated,
        field,
        wanted,
        "a terminated subscription",
    );
    Err(refusal.with("subscription_id", known.id.as_str()))
}
