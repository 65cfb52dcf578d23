//! Taking in bills.

use super::{Book, Outcome, Owned};
use crate::domain::refusal::{Reason, Refusal};
use crate::domain::words::BillState;
use crate::domain::{Bill, Fact};

impl Book {
    /// Takes in a bill, or a change of its state.
    ///
    /// # Errors
    /// When the customer is unknown, the id is another customer's, or the bill is settled and
    /// would change.
    pub fn upsert_bill(&mut self, mut new: Bill) -> Result<Outcome, Refusal> {
        self.require_customer(&new.customer)?;
        new.updated_at = self.now;
        let key = (new.customer.clone(), new.id.clone());
        let outcome = match self.bills.get(&key) {
            None => {
                let taken = (Reason::BillExists, "bill_id");
                self.own(Owned::Bill, new.id.as_str(), &new.customer, taken)?;
                Outcome::Created
            }
            Some(known) if known.says_the_same_as(&new) => return Ok(Outcome::Unchanged),
            Some(known) if known.state == BillState::Settled => {
                let wanted = "what is known of the settled bill";
                let refusal = Refusal::new(Reason::BillSettled, "state", wanted, "a change of it");
                return Err(refusal.with("bill_id", new.id.as_str()));
            }
            Some(_) => Outcome::Updated,
        };
        let event_at = match (new.settled_at, outcome) {
            (Some(settled_at), _) => settled_at,
            (None, Outcome::Created) => new.issued_at,
            (None, _) => self.now,
        };
        self.tell(event_at, Fact::Bill(new.clone()));
        self.bills.put(key, new);
        Ok(outcome)
    }
}
