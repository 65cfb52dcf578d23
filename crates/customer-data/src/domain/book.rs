//! The open book of one transaction: everything that a batch touches, and the rules by which each
//! item of it changes that. Items are decided in their order, each on what the ones before left.

mod care;
mod consent;
mod contact;
mod customer;
mod number;
mod payment;
mod reversal;
mod standing;
mod subscription;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use smol_str::SmolStr;
pub use subscription::require_running;
use tenure_core::{BillId, CustomerId, InteractionId, SubscriptionId, Timestamp};

use uuid::Uuid;

pub use care::{Care, Changed};

use super::privacy::IdentifierKind;
use super::refusal::{Reason, Refusal};
use super::{
    Bill, Change, Consent, Customer, ExternalId, Fact, Holding, Interaction, Msisdn, Shelf,
    Subscription, UsageKey, UsageSummary,
};

/// Things whose key belongs to one customer for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owned {
    /// A subscription.
    Subscription,
    /// A bill.
    Bill,
    /// An interaction.
    Interaction,
    /// A complaint.
    Complaint,
    /// A promise.
    Promise,
    /// A survey.
    Survey,
}

impl Owned {
    /// Every kind.
    pub const ALL: &[Self] = &[
        Self::Subscription,
        Self::Bill,
        Self::Interaction,
        Self::Complaint,
        Self::Promise,
        Self::Survey,
    ];

    /// Returns the word for it in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Subscription => "subscription",
            Self::Bill => "bill",
            Self::Interaction => "interaction",
            Self::Complaint => "complaint",
            Self::Promise => "promise",
            Self::Survey => "survey",
        }
    }
}

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is new.
    Created,
    /// It was known and differs now.
    Updated,
    /// It was known as it is.
    Unchanged,
}

/// The rows that a batch touches, and what it made of them.
#[derive(Debug)]
pub struct Book {
    now: Timestamp,
    /// Customers.
    pub customers: Shelf<CustomerId, Customer>,
    /// Whom names in other systems mean.
    pub external_ids: Shelf<ExternalId, CustomerId>,
    /// Whose keys are.
    pub owners: Shelf<(Owned, SmolStr), CustomerId>,
    /// Subscriptions.
    pub subscriptions: Shelf<(CustomerId, SubscriptionId), Subscription>,
    /// Who holds numbers from when.
    pub numbers: Shelf<(Msisdn, Timestamp), Holding>,
    /// Bills.
    pub bills: Shelf<(CustomerId, BillId), Bill>,
    /// Usage summaries.
    pub usage: Shelf<UsageKey, UsageSummary>,
    /// Interactions.
    pub interactions: Shelf<(CustomerId, InteractionId), Interaction>,
    /// Records of the consent ledger, by the time of recording: new ones, and the last one of each
    /// customer who gets more.
    pub consents: Shelf<(CustomerId, Timestamp), Consent>,
    /// Who is a person that was erased: by what that is recognised, and the erasure.
    pub suppressed: BTreeMap<CustomerId, (IdentifierKind, Uuid)>,
    /// Complaints, promises and surveys.
    pub care: Care,
    changes: Vec<Change>,
    changes_kept: usize,
}

impl Book {
    /// Opens an empty book at an instant.
    #[must_use]
    pub fn open(now: Timestamp) -> Self {
        Self {
            now,
            customers: Shelf::default(),
            external_ids: Shelf::default(),
            owners: Shelf::default(),
            subscriptions: Shelf::default(),
            numbers: Shelf::default(),
            bills: Shelf::default(),
            usage: Shelf::default(),
            interactions: Shelf::default(),
            consents: Shelf::default(),
            suppressed: BTreeMap::new(),
            care: Care::default(),
            changes: Vec::new(),
            changes_kept: 0,
        }
    }

    /// Returns the instant of the book.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Makes what happened since the last call final.
    pub fn keep(&mut self) {
        self.customers.keep();
        self.external_ids.keep();
        self.owners.keep();
        self.subscriptions.keep();
        self.numbers.keep();
        self.bills.keep();
        self.usage.keep();
        self.interactions.keep();
        self.consents.keep();
        self.care.keep();
        self.changes_kept = self.changes.len();
    }

    /// Undoes what happened since the last [`Self::keep`].
    pub fn undo(&mut self) {
        self.customers.undo();
        self.external_ids.undo();
        self.owners.undo();
        self.subscriptions.undo();
        self.numbers.undo();
        self.bills.undo();
        self.usage.undo();
        self.interactions.undo();
        self.consents.undo();
        self.care.undo();
        self.changes.truncate(self.changes_kept);
    }

    /// Takes what changed, in order.
    pub fn take_changes(&mut self) -> Vec<Change> {
        self.changes_kept = 0;
        std::mem::take(&mut self.changes)
    }

    /// Tells the member of a record that it was merged, or that this was undone.
    pub fn tell_merge(&mut self, merge: super::identity::Merge) {
        self.tell(self.now, Fact::Merge(merge));
    }

    /// Notes a change, to be told with the others.
    pub fn tell(&mut self, event_at: Timestamp, fact: Fact) {
        self.changes.push(Change { event_at, fact });
    }

    fn require_customer(&self, id: &CustomerId) -> Result<(), Refusal> {
        if self.customers.get(id).is_some() {
            return Ok(());
        }
        let refusal = Refusal::new(
            Reason::CustomerNotFound,
            "customer_id",
            "a known customer",
            "another",
        );
        Err(refusal.with("customer_id", id.as_str()))
    }

    /// Makes a key the customer's, or refuses when it is another's.
    fn own(
        &mut self,
        owned: Owned,
        id: &str,
        customer: &CustomerId,
        taken: (Reason, &'static str),
    ) -> Result<(), Refusal> {
        let key = (owned, id.into());
        match self.owners.get(&key) {
            Some(owner) if owner == customer => {}
            None => self.owners.put(key, customer.clone()),
            Some(_) => {
                let (reason, field) = taken;
                let wanted = "an id of this customer or a new one";
                let found = "the id of another customer's";
                return Err(Refusal::new(reason, field, wanted, found).with(field, id));
            }
        }
        Ok(())
    }
}
