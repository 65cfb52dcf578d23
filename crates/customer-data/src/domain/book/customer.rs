//! Taking in customers.

use tenure_core::CustomerId;

use super::{Book, Outcome};
use crate::domain::refusal::{Reason, Refusal};
use crate::domain::{Customer, CustomerPatch, ExternalId, Fact, ImportMark};

impl Book {
    /// Takes in a customer that must be new.
    ///
    /// # Errors
    /// When it exists, or an external id is another customer's.
    pub fn create_customer(&mut self, patch: &CustomerPatch) -> Result<Customer, Refusal> {
        if self.customers.get(&patch.id).is_some() {
            let refusal = Refusal::new(
                Reason::CustomerExists,
                "customer_id",
                "a new id",
                "a known one",
            );
            return Err(refusal.with("customer_id", patch.id.as_str()));
        }
        self.upsert_customer(patch, None)?;
        Ok(self
            .customers
            .get(&patch.id)
            .expect("it was just put there")
            .clone())
    }

    /// Creates or changes a customer. With `mark`, the customer must not have come with the same
    /// import before.
    ///
    /// # Errors
    /// When the etag is another, a limit would be passed, an external id is another customer's, or
    /// the import had the customer.
    pub fn upsert_customer(
        &mut self,
        patch: &CustomerPatch,
        mark: Option<ImportMark>,
    ) -> Result<Outcome, Refusal> {
        let known = self.customers.get(&patch.id);
        if let (Some(mark), Some(before)) = (mark, known.and_then(|known| known.import))
            && mark.import_id == before.import_id
        {
            let wanted = "each customer once in a file";
            let found = format!("the customer of line {}", before.line);
            return Err(Refusal::new(
                Reason::InvalidFields,
                "customer_id",
                wanted,
                found,
            ));
        }
        let (mut customer, outcome) = match known {
            None => {
                self.require_not_erased(&patch.id)?;
                (Customer::create(patch, self.now)?, Outcome::Created)
            }
            Some(known) => {
                let customer = known.update(patch, self.now)?;
                let same = customer.version == known.version;
                (
                    customer,
                    if same {
                        Outcome::Unchanged
                    } else {
                        Outcome::Updated
                    },
                )
            }
        };
        let before = known.map_or_else(Vec::new, |known| known.external_ids.clone());
        self.move_external_ids(&before, &customer)?;
        if mark.is_some() {
            customer.import = mark;
        }
        match outcome {
            Outcome::Unchanged if mark.is_none() => return Ok(outcome),
            Outcome::Unchanged => {}
            Outcome::Created => self.tell(customer.joined_at, Fact::Customer(customer.clone())),
            Outcome::Updated => self.tell(self.now, Fact::Customer(customer.clone())),
        }
        self.customers.put(patch.id.clone(), customer);
        Ok(outcome)
    }

    fn require_not_erased(&self, id: &CustomerId) -> Result<(), Refusal> {
        let Some((kind, erasure)) = self.suppressed.get(id) else {
            return Ok(());
        };
        let wanted = "a person who was not erased";
        let found = "one who was";
        let refusal = Refusal::new(Reason::CustomerErased, "customer_id", wanted, found);
        Err(refusal
            .with("customer_id", id.as_str())
            .with("erasure_id", &erasure.to_string())
            .with("matched", kind.as_str()))
    }

    fn move_external_ids(
        &mut self,
        before: &[ExternalId],
        customer: &Customer,
    ) -> Result<(), Refusal> {
        let after = &customer.external_ids;
        for id in after.iter().filter(|id| !before.contains(id)) {
            if let Some(owner) = self.external_ids.get(id) {
                let wanted = "a name of this customer or a new one";
                let found = "the name of another customer";
                let refusal = Refusal::new(Reason::ExternalIdTaken, "external_ids", wanted, found);
                let (system, owner) = (id.system(), owner.as_str());
                return Err(refusal.with("system", system).with("customer_id", owner));
            }
            self.external_ids.put(id.clone(), customer.id.clone());
        }
        for id in before.iter().filter(|id| !after.contains(id)) {
            self.external_ids.remove(id.clone());
        }
        Ok(())
    }
}
