//! Taking in usage and interactions, which have no rules beyond whose they are.

use super::{Book, Outcome, Owned};
use crate::domain::refusal::{Reason, Refusal};
use crate::domain::{Fact, Interaction, UsageSummary};

impl Book {
    /// Takes in a usage summary; it replaces the one of the same period.
    ///
    /// # Errors
    /// When the customer or the subscription is unknown.
    pub fn upsert_usage(&mut self, new: UsageSummary) -> Result<Outcome, Refusal> {
        self.require_customer(&new.key.customer)?;
        if let Some(id) = &new.key.subscription {
            self.subscription(&new.key.customer, id)?;
        }
        let outcome = match self.usage.get(&new.key) {
            None => Outcome::Created,
            Some(known) if *known == new => return Ok(Outcome::Unchanged),
            Some(_) => Outcome::Updated,
        };
        // A period that is not over yet is known up to now.
        let event_at = new.period_end().min(self.now).max(new.key.started_at);
        self.tell(event_at, Fact::Usage(new.clone()));
        self.usage.put(new.key.clone(), new);
        Ok(outcome)
    }

    /// Takes in an interaction; it replaces the one of the same id.
    ///
    /// # Errors
    /// When the customer or the complaint is unknown, or the id is another customer's.
    pub fn upsert_interaction(&mut self, new: Interaction) -> Result<Outcome, Refusal> {
        self.require_customer(&new.customer)?;
        self.require_complaint(&new.customer, new.complaint.as_ref())?;
        let key = (new.customer.clone(), new.id.clone());
        let outcome = match self.interactions.get(&key) {
            None => {
                let taken = (Reason::InteractionExists, "interaction_id");
                self.own(Owned::Interaction, new.id.as_str(), &new.customer, taken)?;
                Outcome::Created
            }
            Some(known) if *known == new => return Ok(Outcome::Unchanged),
            Some(_) => Outcome::Updated,
        };
        self.tell(new.happened_at, Fact::Interaction(new.clone()));
        self.interactions.put(key, new);
        Ok(outcome)
    }
}
