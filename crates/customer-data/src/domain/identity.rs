//! Which ids are one customer, and whose value of each field stands for all of them.

mod components;
pub mod form;
pub mod matching;
mod origin;
pub mod policy;
mod record;
mod refusal;
mod run;

pub use components::Components;
pub use form::Form;
pub use origin::{Criterion, Field, Origin, Survivorship, Why, golden};
pub use policy::{Policy, Rules, Salt};
pub use record::{Graph, Link, MEMBERS_MAX, Named, Record};
pub use refusal::IdentityRefusal;
pub use run::{Finding, FindingKind, FindingState, MatchingRun, RunState};

use tenure_core::{CustomerId, Timestamp};
use uuid::Uuid;

/// Why ids were linked, or a link was undone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cause {
    /// The version of the policy that decided; 0 when a person did.
    pub policy_version: i64,
    /// The key on which they agree.
    pub match_key: String,
    /// What they agree on, never the value itself.
    pub fingerprint: String,
    /// Who decided.
    pub actor: String,
    /// Why, in the operator's words.
    pub reason: String,
}

/// A link, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkHistory {
    /// The link.
    pub link: Link,
    /// When it was made.
    pub since: Timestamp,
    /// Why.
    pub cause: Cause,
    /// When it was undone, by whom and why.
    pub undone: Option<(Timestamp, String, String)>,
}

/// That the record of a customer was merged with another one, or that this was undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// Who is told.
    pub customer: CustomerId,
    /// Which merge; nothing in a snapshot, which tells of the record alone.
    pub id: Option<Uuid>,
    /// Whether it was undone.
    pub is_undone: bool,
    /// The record of who is told, as it is now.
    pub record: Record,
    /// Whom the merge names.
    pub named: Named,
    /// Why.
    pub cause: Cause,
}

impl Merge {
    /// Creates what a snapshot tells a member of a record.
    #[must_use]
    pub fn found(customer: CustomerId, record: Record) -> Self {
        Self {
            customer,
            id: None,
            is_undone: false,
            named: Named {
                survivor: record.survivor.clone(),
                losers: Vec::new(),
            },
            record,
            cause: Cause::default(),
        }
    }
}
