//! Reading an audience page by page: scores from lifecycle-scoring, attributes from customer-data.

use std::collections::{HashMap, HashSet};

use tenure_core::CustomerId;
use tenure_proto::customer::v1::Customer;
use tenure_proto::scoring::v1::{ListScoresRequest, Score as WireScore, ScoreOrder};

use crate::Inner;
use crate::api::value_of;
use crate::domain::attribute::Value;
use crate::domain::audience::{Audience, Score};
use crate::domain::words::{RiskBand, Stage, ValueTier};
use crate::error::Error;

/// A customer who meets every condition.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Candidate {
    /// The customer.
    pub(crate) customer: CustomerId,
    /// How likely to leave.
    pub(crate) churn_probability: f64,
}

/// A page of an audience.
#[derive(Debug)]
pub(crate) struct Page {
    /// Who meets every condition; no more than there was room for.
    pub(crate) candidates: Vec<Candidate>,
    /// Where the next page starts; nothing at the end.
    pub(crate) next: Option<String>,
}

/// Reads the page of an audience that starts at `cursor`, and takes at most `room` customers of it.
pub(crate) async fn page(
    inner: &Inner,
    audience: &Audience,
    cursor: &str,
    room: u64,
) -> Result<Page, Error> {
    let response = inner
        .clients
        .list_scores(&request(inner, audience, cursor))
        .await?;
    let next = Some(response.next_page_token).filter(|token| !token.is_empty());
    let mut candidates: Vec<Candidate> = response
        .scores
        .iter()
        .filter_map(|score| candidate(audience, score))
        .collect();
    if !audience.conditions.is_empty() && !candidates.is_empty() {
        let wanted = with_attributes(inner, audience, &candidates).await?;
        candidates.retain(|candidate| wanted.contains(candidate.customer.as_str()));
    }
    candidates.truncate(usize::try_from(room).unwrap_or(usize::MAX));
    Ok(Page { candidates, next })
}

fn request(inner: &Inner, audience: &Audience, cursor: &str) -> ListScoresRequest {
    let order = match audience.max_customers {
        Some(_) => ScoreOrder::ChurnProbabilityDescending,
        None => ScoreOrder::Unspecified,
    };
    ListScoresRequest {
        stages: audience.stages().iter().map(|word| word.number()).collect(),
        risk_bands: audience
            .risk_bands
            .iter()
            .map(|word| word.number())
            .collect(),
        value_tiers: audience
            .value_tiers
            .iter()
            .map(|word| word.number())
            .collect(),
        min_churn_probability: audience.min_churn_probability,
        order: order.into(),
        page_size: i32::try_from(inner.config.enrolment_page_size).unwrap_or(i32::MAX),
        page_token: cursor.to_owned(),
    }
}

/// Returns the customer of a score that meets the audience. What lifecycle-scoring filtered is
/// checked again: what we do to a customer, we answer for.
fn candidate(audience: &Audience, wire: &WireScore) -> Option<Candidate> {
    let score = Score {
        stage: Stage::from_number(wire.stage),
        risk_band: RiskBand::from_number(wire.risk_band),
        value_tier: ValueTier::from_number(wire.value_tier),
        churn_probability: wire.churn_probability,
    };
    let customer = CustomerId::parse(&wire.customer_id).ok()?;
    let churn_probability = wire.churn_probability;
    audience.wants_score(&score).then_some(Candidate {
        customer,
        churn_probability,
    })
}

/// Returns which candidates meet the conditions upon attributes. Whom customer-data does not know
/// meets none.
async fn with_attributes(
    inner: &Inner,
    audience: &Audience,
    candidates: &[Candidate],
) -> Result<HashSet<String>, Error> {
    let ids: Vec<String> = candidates
        .iter()
        .map(|candidate| candidate.customer.to_string())
        .collect();
    let customers = inner.clients.get_customers(&ids).await?;
    let wanted = customers.into_iter().filter(|customer| {
        let values = values(customer);
        audience.wants_attributes(|name| values.get(name))
    });
    Ok(wanted.map(|customer| customer.customer_id).collect())
}

fn values(customer: &Customer) -> HashMap<&str, Value> {
    let value = |attribute: &'_ tenure_proto::r#type::v1::Attribute| {
        attribute
            .value
            .as_ref()
            .and_then(|value| value.kind.as_ref())
            .and_then(value_of)
    };
    let attributes = customer.attributes.iter();
    attributes
        .filter_map(|attribute| Some((attribute.name.as_str(), value(attribute)?)))
        .collect()
}
