//! What happened that may earn points, and what is known of the customer then.

use serde::{Deserialize, Serialize};
use tenure_core::Timestamp;

use crate::domain::policy::Block;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum EventKind {
    /// A bill was paid.
    Bill = 1,
    /// Something was bought.
    Purchase = 2,
    /// The customer did something: logged in, topped up, had a birthday.
    Activity = 3,
    /// The customer brought another one.
    Referral = 4,
    /// The customer answered a campaign.
    Campaign = 5,
    /// The customer answered a survey.
    Survey = 6,
}

impl EventKind {
    /// All kinds.
    pub const ALL: [Self; 6] = [
        Self::Bill,
        Self::Purchase,
        Self::Activity,
        Self::Referral,
        Self::Campaign,
        Self::Survey,
    ];

    /// Returns the number under which the kind is stored.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// Returns the kind stored under `number`.
    #[must_use]
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| i32::from(kind.number()) == number)
    }

    /// Returns the word that stands before the event's own id in its business id.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Bill => "bill",
            Self::Purchase => "purchase",
            Self::Activity => "activity",
            Self::Referral => "referral",
            Self::Campaign => "campaign",
            Self::Survey => "survey",
        }
    }
}

/// An amount under a name: a part of a bill, a kind of spending.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Which.
    pub key: String,
    /// How much, in minor units.
    pub minor: i64,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// What.
    pub kind: EventKind,
    /// Its own id, which earns once.
    pub id: String,
    /// When, in microseconds.
    pub at: i64,
    /// What was actually paid, in minor units; 0 where nothing was.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub paid: i64,
    /// What the amount is made of, where the source says so: `penalty`, `agency_fee`, `data`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// What exactly: the campaign, the survey, the activity, the product.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// Whom a referral brought.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub referred: String,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// What is known of the customer when the event happened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Whole months on the network; unknown where nobody says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenure_months: Option<u16>,
    /// The star or class that the operator gave; empty for none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub star: String,
    /// The tier of the programme; empty for none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tier: String,
    /// How many months in a row were paid on time.
    pub punctual_months: u16,
    /// The products that the customer has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub products: Vec<String>,
    /// What hinders the customer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<Block>,
    /// What rules gave the account on the same day already, by rule.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub earned_today: Vec<Earned>,
}

/// Points that a rule gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earned {
    /// Which rule.
    pub rule: String,
    /// How many.
    pub points: i64,
}

impl Event {
    /// The most that may have been paid, in minor units: that of `tenure.type.v1.Money` in bills.
    pub const PAID_MAX: i64 = 1_000_000_000_000_000;

    /// Returns when it happened.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        Timestamp::from_micros(self.at)
    }

    /// Returns the id under which it earns once: its kind and its own id.
    #[must_use]
    pub fn business_id(&self) -> String {
        format!("{}/{}", self.kind.word(), self.id)
    }

    /// Returns the amount of a part; 0 when there is none.
    #[must_use]
    pub fn part(&self, key: &str) -> i64 {
        let found = self.parts.iter().filter(|part| part.key == key);
        found.fold(0, |sum, part| sum.saturating_add(part.minor))
    }
}

impl Facts {
    /// Returns what a rule gave on the same day already.
    #[must_use]
    pub fn earned_today(&self, rule: &str) -> i64 {
        let found = self
            .earned_today
            .iter()
            .filter(|earned| earned.rule == rule);
        found.fold(0, |sum, earned| sum.saturating_add(earned.points))
    }
}
