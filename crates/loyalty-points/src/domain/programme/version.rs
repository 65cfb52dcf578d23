//! One version of a programme's rules: data that is never changed once it is active.

use serde::{Deserialize, Serialize};

use super::expiry::{Expiry, Term};
use super::rule::Rule;
use super::zone::Zone;
use crate::domain::policy::Policies;
use crate::domain::tier::TierPolicy;

/// The rules of a programme at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgrammeVersion {
    /// What people call the programme.
    pub name: String,
    /// What its points are called.
    pub currency: String,
    /// What the points that count for tiers are called; they are never spent.
    pub qualifying_currency: String,
    /// By whose calendar days, months and years are counted.
    pub zone: Zone,
    /// When points expire whose rule does not say.
    pub term: Term,
    /// The rules, in the order in which they are applied.
    pub rules: Vec<Rule>,
    /// The most points of one event, of all rules together; 0 for no limit.
    #[serde(default)]
    pub event_max: i64,
    /// The most points of an account on one day, of all rules together; 0 for no limit.
    #[serde(default)]
    pub day_max: i64,
    /// What the programme decides where the ledger has a choice.
    #[serde(default)]
    pub policies: Policies,
    /// The tiers, if there are.
    #[serde(default)]
    pub tiers: Option<TierPolicy>,
}

impl ProgrammeVersion {
    /// The most rules.
    pub const RULES_MAX: usize = 64;

    /// Returns when points expire whose rule does not say.
    #[must_use]
    pub fn expiry(&self) -> Expiry {
        Expiry {
            term: self.term,
            zone: self.zone.clone(),
        }
    }

    /// Returns the partners who fund points of its rules.
    pub fn partners(&self) -> impl Iterator<Item = &str> {
        let funding = self.rules.iter().filter_map(|rule| rule.funding.as_ref());
        funding.map(|funding| funding.partner.as_str())
    }

    /// Returns true when a decision needs to know what the day has earned before.
    #[must_use]
    pub fn counts_days(&self) -> bool {
        self.day_max > 0 || self.rules.iter().any(|rule| rule.day_max > 0)
    }

    /// Returns a programme that gives points for each unit of money that a bill or a purchase was
    /// paid with, and nothing else.
    #[must_use]
    pub fn simple(points: u32, minor_per_unit: u32, term: Term) -> Self {
        use super::event::EventKind;
        use super::rule::{Basis, Multiplier, WHOLE};
        let rule = |key: &str, event| Rule {
            key: key.to_owned(),
            event,
            code: String::new(),
            earn: Basis::PerUnit {
                points,
                minor_per_unit,
                excluded: Vec::new(),
                multiplier: Multiplier::None,
            },
            points_type: "base".to_owned(),
            term: None,
            pending_days: 0,
            event_max: 0,
            day_max: 0,
            qualifying: WHOLE,
            tenure_months_min: 0,
            funding: None,
        };
        Self {
            name: "Points".to_owned(),
            currency: "points".to_owned(),
            qualifying_currency: "qualifying-points".to_owned(),
            zone: Zone::UTC,
            term,
            rules: vec![
                rule("bill", EventKind::Bill),
                rule("purchase", EventKind::Purchase),
            ],
            event_max: 0,
            day_max: 0,
            policies: Policies::default(),
            tiers: None,
        }
    }
}
