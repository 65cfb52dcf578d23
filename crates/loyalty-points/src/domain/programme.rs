//! The rules of a programme, as versioned data: what events earn, when points expire.

#[cfg(test)]
mod agree;
mod catalogue;
mod check;
mod evaluate;
mod event;
mod expiry;
#[cfg(test)]
mod golden;
mod refusal;
mod replay;
mod rule;
mod version;
mod zone;

use std::sync::Arc;

use tenure_core::ProgrammeId;

use super::policy::Policies;

pub use catalogue::{Catalogue, InForce};
pub use evaluate::{Earning, Group, Line, Skip, evaluate};
pub use event::{Earned, Event, EventKind, Facts, Part as EventPart};
pub use expiry::{Expiry, Term};
pub use refusal::ProgrammeRefusal;
pub use replay::{Moved, Replay};
pub use rule::{Band, Basis, Factor, Funding, Multiplier, Reward, Rule};
pub use version::ProgrammeVersion;
pub use zone::{Month, Zone};

/// What a decision on an account needs of the version of its programme that is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programme {
    /// The programme's id.
    pub id: ProgrammeId,
    /// The version of its rules, stamped on every entry.
    pub version: Arc<str>,
    /// When points expire.
    pub expiry: Expiry,
    /// What it decides where the ledger has a choice.
    pub policies: Policies,
}
