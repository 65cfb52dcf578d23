//! The numbers that people set: stages, bands of risk, value.

use serde::{Deserialize, Serialize};

use super::band::Bands;
use super::stage::StagePolicy;

/// What a customer costs and from which value a tier begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ValuePolicy {
    /// Interest of a year.
    pub discount_rate: f64,
    /// Years that are counted at most.
    pub years_max: f64,
    /// Share of the revenue that serving costs.
    pub cost_share: f64,
    /// What a customer costs in a month whatever they pay, in minor units.
    pub cost_fixed_minor: i64,
    /// What a complaint costs, in minor units.
    pub cost_complaint_minor: i64,
    /// Below this value (in minor units, and above nothing) a customer is in the low tier.
    pub low_below_minor: i64,
    /// From this value on a customer is in the high tier.
    pub high_from_minor: i64,
}

impl Default for ValuePolicy {
    fn default() -> Self {
        Self {
            discount_rate: 0.09,
            years_max: 5.0,
            cost_share: 0.35,
            cost_fixed_minor: 300,
            cost_complaint_minor: 1_500,
            low_below_minor: 30_000,
            high_from_minor: 90_000,
        }
    }
}

/// Everything by which customers are judged. A new version is a new policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// The version, which every placement and score names.
    pub version: String,
    /// How stages are told apart.
    pub stage: StagePolicy,
    /// From which probability each band of risk begins.
    pub bands: Bands,
    /// What a customer costs and is worth.
    pub value: ValuePolicy,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            version: "1".into(),
            stage: StagePolicy::default(),
            bands: Bands::default(),
            value: ValuePolicy::default(),
        }
    }
}
