//! The rules of the customer record. Pure: no clock, no randomness, no IO.

pub mod attribute;
pub mod bill;
pub mod book;
pub mod breaker;
pub mod briefing;
pub mod change;
pub mod consent;
pub mod customer;
pub mod import;
pub mod interaction;
pub mod limits;
pub mod msisdn;
pub mod privacy;
pub mod refusal;
pub mod shelf;
pub mod subscription;
pub mod text;
pub mod touched;
pub mod usage;
pub mod words;

pub use attribute::{AttributeName, AttributeValue};
pub use bill::Bill;
pub use book::{Book, Outcome};
pub use change::{Change, FACT_KINDS, Fact};
pub use consent::Consent;
pub use customer::{Customer, CustomerPatch, Etag, ExternalId, ImportMark};
pub use import::{BatchProgress, Import, ImportState};
pub use interaction::Interaction;
pub use msisdn::{Holding, Msisdn};
pub use privacy::{Erasure, ErasureReceipt};
pub use refusal::{Reason, Refusal};
pub use shelf::Shelf;
pub use subscription::{Standing, Subscription, Suspension, Termination};
pub use touched::Touched;
pub use usage::{UsageKey, UsageSummary};
