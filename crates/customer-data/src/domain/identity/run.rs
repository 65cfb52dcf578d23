//! Runs of matching, and what became of what they found.

use tenure_core::{CustomerId, Timestamp};
use uuid::Uuid;

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// It walks the base.
    Running = 1,
    /// All findings are there.
    Completed = 2,
    /// It ended without findings.
    Failed = 3,
}

impl RunState {
    /// Returns the state of a number.
    #[must_use]
    pub fn from_number(number: i32) -> Option<Self> {
        let all = [Self::Running, Self::Completed, Self::Failed];
        all.into_iter().find(|state| *state as i32 == number)
    }
}

/// A run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchingRun {
    /// Which run.
    pub id: Uuid,
    /// The policy by which it matches.
    pub policy_version: i64,
    /// How far it is.
    pub state: RunState,
    /// Whether its findings cannot be applied.
    pub is_dry: bool,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How many customers there are.
    pub customers: i64,
    /// How many links the policy would make.
    pub merges: i64,
    /// How many pairs a person should look at.
    pub proposals: i64,
    /// How many records would be too large.
    pub quarantines: i64,
    /// How many links the policy would not make.
    pub splits: i64,
    /// How many values too many customers share.
    pub shared_values: i64,
    /// Why it failed.
    pub failure: String,
}

impl MatchingRun {
    /// Begins a run.
    #[must_use]
    pub fn begin(id: Uuid, policy_version: i64, is_dry: bool, now: Timestamp) -> Self {
        Self {
            id,
            policy_version,
            state: RunState::Running,
            is_dry,
            created_at: now,
            ended_at: None,
            customers: 0,
            merges: 0,
            proposals: 0,
            quarantines: 0,
            splits: 0,
            shared_values: 0,
            failure: String::new(),
        }
    }
}

/// What a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FindingKind {
    /// Two customers that the policy merges.
    Merge = 1,
    /// Two customers that a person should look at.
    Proposal = 2,
    /// Customers that would be too large as one record.
    Quarantine = 3,
    /// A link that the policy would not make.
    Split = 4,
}

impl FindingKind {
    /// Returns the kind of a number.
    #[must_use]
    pub fn from_number(number: i32) -> Option<Self> {
        let all = [Self::Merge, Self::Proposal, Self::Quarantine, Self::Split];
        all.into_iter().find(|kind| *kind as i32 == number)
    }
}

/// What became of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FindingState {
    /// It is of a dry run.
    Dry = 0,
    /// Nothing yet.
    Open = 1,
    /// The merge was made.
    Applied = 2,
    /// The base had changed.
    Skipped = 3,
    /// A person looked at it.
    Resolved = 4,
}

impl FindingState {
    /// Returns the state of a number.
    #[must_use]
    pub fn from_number(number: i32) -> Option<Self> {
        let all = [
            Self::Dry,
            Self::Open,
            Self::Applied,
            Self::Skipped,
            Self::Resolved,
        ];
        all.into_iter().find(|state| *state as i32 == number)
    }
}

/// One thing that a run found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which run.
    pub run: Uuid,
    /// Its number in the run, from 1.
    pub number: i64,
    /// What it is.
    pub kind: FindingKind,
    /// What became of it.
    pub state: FindingState,
    /// Whom it is about, as far as they are named.
    pub customers: Vec<CustomerId>,
    /// How many it is about.
    pub count: i64,
    /// The weights of the keys on which they agree.
    pub weight: i32,
    /// The first of these keys.
    pub match_key: String,
    /// What they agree on.
    pub fingerprint: String,
    /// The merge that the policy would not make.
    pub merge: Option<Uuid>,
    /// What a quarantine is about.
    pub component: String,
    /// Who resolved it.
    pub actor: String,
    /// How.
    pub reason: String,
}
