//! Who may have a reward, and every reason why somebody may not.

use tenure_core::{ProgrammeId, Timestamp};

use super::{Offer, Price, instant};
use crate::domain::refusal::Refusal;

/// What is known of the customer who wants it.
#[derive(Debug, Clone, Copy)]
pub struct Customer<'c> {
    /// The programme of the account.
    pub programme: &'c ProgrammeId,
    /// The tier; empty for none.
    pub tier: &'c str,
    /// For how many whole months the customer is with the operator.
    pub months: i32,
    /// How many of it the account has.
    pub had: i64,
}

/// A reason why somebody may not have a reward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unmet {
    /// It is not offered at the instant.
    NotOffered,
    /// The account is of another programme.
    Programme,
    /// The customer's tier is not among those that may have it.
    Tier,
    /// The customer is not with the operator for long enough.
    Tenure,
    /// The account has as many as it may.
    Limit,
}

impl Unmet {
    /// Returns the refusal of `quantity` things for this reason.
    #[must_use]
    pub fn refusal(
        &self,
        offer: &Offer,
        customer: Customer<'_>,
        quantity: i64,
        at: Timestamp,
    ) -> Refusal {
        let terms = &offer.terms;
        let reward = offer.reward.to_string();
        let not_eligible = |rule: &str, wanted: String, found: String| Refusal::NotEligible {
            reward: offer.reward.to_string(),
            rule: rule.to_owned(),
            wanted,
            found,
        };
        match self {
            Self::NotOffered => Refusal::RewardNotAvailable {
                reward,
                at: at.as_micros(),
                valid_from: terms.valid_from,
                valid_until: terms.valid_until,
            },
            Self::Programme => not_eligible(
                "PROGRAMME",
                offer.programme.to_string(),
                customer.programme.to_string(),
            ),
            Self::Tier => not_eligible("TIER", terms.tiers.join(" "), customer.tier.to_owned()),
            Self::Tenure => not_eligible(
                "TENURE_MONTHS",
                terms.tenure_months.to_string(),
                customer.months.to_string(),
            ),
            Self::Limit => Refusal::RewardLimit {
                reward,
                limit: terms.account_max,
                had: customer.had,
                needed: quantity,
            },
        }
    }
}

impl Offer {
    /// Returns every reason why a customer may not have `quantity` of it, the first one first.
    #[must_use]
    pub fn unmet(&self, customer: Customer<'_>, quantity: i64, at: Timestamp) -> Vec<Unmet> {
        let terms = &self.terms;
        let from = instant(terms.valid_from, Timestamp::MIN);
        let until = instant(terms.valid_until, Timestamp::MAX);
        let reasons = [
            (at < from || at >= until, Unmet::NotOffered),
            (*customer.programme != self.programme, Unmet::Programme),
            (
                !terms.tiers.is_empty() && !terms.tiers.iter().any(|tier| tier == customer.tier),
                Unmet::Tier,
            ),
            (
                customer.months < i32::from(terms.tenure_months),
                Unmet::Tenure,
            ),
            (
                terms.account_max > 0 && customer.had + quantity > terms.account_max,
                Unmet::Limit,
            ),
        ];
        let unmet = reasons.into_iter().filter(|(is_unmet, _)| *is_unmet);
        unmet.map(|(_, reason)| reason).collect()
    }

    /// Returns the price with this key; the first one, when none is named.
    #[must_use]
    pub fn price(&self, key: &str) -> Option<&Price> {
        let prices = &self.terms.prices;
        if key.is_empty() {
            return prices.first();
        }
        prices.iter().find(|price| price.key == key)
    }
}
