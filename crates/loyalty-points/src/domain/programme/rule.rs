//! One rule of earning, as data.

use serde::{Deserialize, Serialize};

use super::event::EventKind;
use super::expiry::Term;

/// A hundred per cent, in basis points.
pub(super) const WHOLE: u32 = 10_000;

/// How much a bonus is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reward {
    /// A share of the base points, in basis points; fractions of a point are dropped.
    Percent(u32),
    /// So many points.
    Flat(u32),
    /// So many points for each product of the customer.
    PerProduct(u32),
}

/// A bonus for a span of months on the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Band {
    /// The first month of it.
    pub from_month: u16,
    /// The last month of it; the band has no end when nothing is said.
    pub to_month: Option<u16>,
    /// What it gives.
    pub reward: Reward,
}

/// The factor of a star or tier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Factor {
    /// Which star or tier.
    pub key: String,
    /// In basis points: 10,000 changes nothing.
    pub basis_points: u32,
}

/// By what the base points are multiplied.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Multiplier {
    /// By nothing.
    #[default]
    None,
    /// By the factor of the customer's star.
    Star {
        /// The stars.
        factors: Vec<Factor>,
        /// The factor of a customer without one of these stars: 0 earns nothing.
        otherwise: u32,
    },
    /// By the multiplier of the customer's tier; 1 without a tier.
    Tier,
}

/// What a rule gives points for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Points for each whole unit of money that was actually paid; parts of a unit are dropped. The
    /// base of all shares.
    PerUnit {
        /// For each unit.
        points: u32,
        /// Minor units in a unit.
        minor_per_unit: u32,
        /// Parts of the bill that earn nothing.
        excluded: Vec<String>,
        /// By what the points are multiplied; fractions of a point are dropped.
        multiplier: Multiplier,
    },
    /// For time on the network.
    Tenure {
        /// The bands, which do not overlap.
        bands: Vec<Band>,
    },
    /// For paying on time for so many months.
    Punctual {
        /// How many, at least.
        months: u16,
        /// What it gives.
        reward: Reward,
    },
    /// For spending on something.
    Spending {
        /// On what: the key of a part of the bill.
        part: String,
        /// How much at least, in minor units.
        least: i64,
        /// What it gives.
        reward: Reward,
    },
    /// For having a product.
    Product {
        /// Which.
        product: String,
        /// What it gives.
        reward: Reward,
    },
    /// For the event itself: a campaign, a survey, an activity, a referral.
    Event {
        /// What it gives.
        reward: Reward,
    },
}

/// Who else pays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Funding {
    /// The partner.
    pub partner: String,
    /// The partner's share of the cost, in basis points.
    pub share: u32,
}

/// A rule of earning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its name within the version.
    pub key: String,
    /// Which events it answers.
    pub event: EventKind,
    /// Only events of this code; all, when empty.
    #[serde(default)]
    pub code: String,
    /// What it gives points for.
    pub earn: Basis,
    /// The type of its points: `base`, `promotion`.
    pub points_type: String,
    /// When its points expire; as the programme says, when nothing is said.
    #[serde(default)]
    pub term: Option<Term>,
    /// How many days its points are pending.
    #[serde(default)]
    pub pending_days: u16,
    /// The most points of one event; 0 for no limit.
    #[serde(default)]
    pub event_max: i64,
    /// The most points of an account on one day of the programme; 0 for no limit.
    #[serde(default)]
    pub day_max: i64,
    /// What share of the points counts for tiers, in basis points.
    #[serde(default)]
    pub qualifying: u32,
    /// Only customers with so many months on the network.
    #[serde(default)]
    pub tenure_months_min: u16,
    /// A partner who pays a share.
    #[serde(default)]
    pub funding: Option<Funding>,
}

impl Rule {
    /// Returns true for a rule of base points.
    #[must_use]
    pub fn is_base(&self) -> bool {
        matches!(self.earn, Basis::PerUnit { .. })
    }
}
