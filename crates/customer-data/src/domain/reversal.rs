//! The taking back of a whole import: how far it is, and what it leaves as it is.

use tenure_core::{BillId, CustomerId, InteractionId, Lane, SubscriptionId, Timestamp};
use uuid::Uuid;

use super::words::numbered;
use super::{Customer, Fact, UsageKey};

numbered! {
    /// What a reversal does at a time. Numbers are kept in the database.
    Phase {
        /// Customers whom the import had made go, in one walk through all lanes.
        Made = 1,
        /// Customers whom the import had made and a later one took in are told, in one walk.
        Later = 2,
        /// Customers who were known before get back what they had, in as many walks as help: what one
        /// gets back may be another's until that one was looked at.
        Changed = 3,
        /// The last walk: what is somebody else's now stays so.
        Rest = 4,
        /// Nothing is left to do.
        Done = 5,
    }
}

numbered! {
    /// Why a fact stays as it is.
    ConflictReason {
        /// Somebody changed it, or added to it.
        Changed = 1,
        /// A later import took the customer in.
        LaterImport = 2,
        /// Something that came later is about it.
        InUse = 3,
        /// What it had is somebody else's now.
        Taken = 4,
    }
}

/// Which fact of a customer an import changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum UndoKey {
    /// A usage summary.
    Usage(UsageKey),
    /// An interaction.
    Interaction(InteractionId),
    /// A bill.
    Bill(BillId),
    /// A subscription.
    Subscription(SubscriptionId),
    /// The customer's own record.
    Customer,
    /// All usage summaries and interactions of a customer whom the import made, together: nothing else
    /// tells whether somebody changed them since.
    Made,
}

/// What an import did to a fact.
#[derive(Debug, Clone, PartialEq)]
pub struct Undo {
    /// Whose.
    pub customer: CustomerId,
    /// Which.
    pub key: UndoKey,
    /// A digest of the fact as the import left it.
    pub left_as: i64,
    /// The fact before; nothing when the import made it.
    pub before: Option<Fact>,
}

/// A fact that stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Whose.
    pub customer: CustomerId,
    /// Which; of a customer whom the import made, [`UndoKey::Customer`] for everything.
    pub key: UndoKey,
    /// Why.
    pub reason: ConflictReason,
}

/// What is gone with an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// Whose.
    pub customer: CustomerId,
    /// The import.
    pub import_id: Uuid,
    /// The facts; nothing when the customer is gone with all that there was.
    pub facts: Option<Vec<UndoKey>>,
}

/// How far the taking back of an import is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reversal {
    /// The import.
    pub import_id: Uuid,
    /// What is done.
    pub phase: Phase,
    /// Behind which customer of which lane it goes on.
    pub at: (Lane, String),
    /// Customers to whom this walk gave back what they had.
    pub walk_done: i64,
    /// Customers whom it left to the next one.
    pub walk_left: i64,
    /// Customers who are gone.
    pub removed_customers: i64,
    /// Customers who have back what they had.
    pub restored_customers: i64,
    /// Facts that are gone, of customers who stay.
    pub removed_facts: i64,
    /// Facts that are as they were.
    pub restored_facts: i64,
    /// Facts that stay.
    pub conflicts: i64,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it was done.
    pub completed_at: Option<Timestamp>,
}

impl Reversal {
    /// Begins to take an import back.
    #[must_use]
    pub fn begin(import_id: Uuid, now: Timestamp) -> Self {
        Self {
            import_id,
            phase: Phase::Made,
            at: (0, String::new()),
            walk_done: 0,
            walk_left: 0,
            removed_customers: 0,
            restored_customers: 0,
            removed_facts: 0,
            restored_facts: 0,
            conflicts: 0,
            created_at: now,
            completed_at: None,
        }
    }

    /// Moves behind the last customer of a step, or to the next lane. Behind the last lane the next walk
    /// begins: another one like it as long as that helps.
    pub fn advance(&mut self, last: Option<String>, lanes: u32, now: Timestamp) {
        if let Some(last) = last {
            self.at.1 = last;
            return;
        }
        self.at = (self.at.0 + 1, String::new());
        if self.at.0.cast_unsigned() < lanes {
            return;
        }
        self.at.0 = 0;
        self.phase = match self.phase {
            Phase::Made => Phase::Later,
            Phase::Changed if self.walk_left == 0 => Phase::Done,
            Phase::Changed if self.walk_done == 0 => Phase::Rest,
            Phase::Later | Phase::Changed => Phase::Changed,
            Phase::Rest | Phase::Done => Phase::Done,
        };
        (self.walk_done, self.walk_left) = (0, 0);
        if self.phase == Phase::Done {
            self.completed_at = Some(now);
        }
    }
}

/// Returns a customer as before an import, for who reads versions: what was read of the customer
/// meanwhile is no longer true, so the version does not come again.
#[must_use]
pub fn customer_again(now_is: &Customer, before: Customer) -> Customer {
    let unmarked = |customer: &Customer| Customer {
        import: None,
        ..customer.clone()
    };
    if unmarked(now_is) == unmarked(&before) {
        return before;
    }
    Customer {
        version: now_is.version + 1,
        ..before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(reversal: &mut Reversal, lanes: u32) {
        for _ in 0..lanes {
            reversal.advance(Some("C1".to_owned()), lanes, Timestamp::MIN);
            assert_eq!(reversal.at.1, "C1");
            reversal.advance(None, lanes, Timestamp::MIN);
        }
        assert_eq!(reversal.at, (0, String::new()));
    }

    #[test]
    fn walks_go_on_as_long_as_they_help_and_then_one_takes_the_rest() {
        let mut reversal = Reversal::begin(Uuid::nil(), Timestamp::MIN);
        walk(&mut reversal, 3);
        assert_eq!(reversal.phase, Phase::Later);
        walk(&mut reversal, 3);
        assert_eq!(reversal.phase, Phase::Changed);

        (reversal.walk_done, reversal.walk_left) = (5, 2);
        walk(&mut reversal, 3);
        assert_eq!((reversal.phase, reversal.walk_left), (Phase::Changed, 0));
        (reversal.walk_done, reversal.walk_left) = (0, 1);
        walk(&mut reversal, 3);
        assert_eq!(reversal.phase, Phase::Rest);
        assert_eq!(reversal.completed_at, None);
        walk(&mut reversal, 3);
        assert_eq!(reversal.phase, Phase::Done);
        assert_eq!(reversal.completed_at, Some(Timestamp::MIN));
    }

    #[test]
    fn a_walk_that_leaves_nobody_is_the_last() {
        let mut reversal = Reversal::begin(Uuid::nil(), Timestamp::MIN);
        walk(&mut reversal, 1);
        walk(&mut reversal, 1);
        reversal.walk_done = 5;
        walk(&mut reversal, 1);

        assert_eq!(reversal.phase, Phase::Done);
    }
}
