//! `ListScores`: stored scores by stage, risk and value.

use prost::Message;
use tenure_core::{PageError, PageToken, Violations};
use tenure_proto::scoring::v1 as proto;
use tenure_proto::r#type::v1::{LifecycleStage, RiskBand, ValueTier};
use tenure_rpc::{RequestError, fields};

use super::words;
use crate::Error;
use crate::app::App;
use crate::store::score::{self, After, Filter, Order, ScoreRow};

/// Values of one enum filter: more than there are is a mistake.
const VALUES_MAX: usize = 16;

/// Lists stored scores.
pub(crate) async fn scores(
    app: &App,
    request: proto::ListScoresRequest,
) -> Result<proto::ListScoresResponse, Error> {
    let mut violations = Violations::new();
    let filter = filter(&mut violations, &request);
    let size = fields::page_size(&mut violations, request.page_size);
    violations.into_result().map_err(RequestError::from)?;
    let size = size.expect("no violation was found");
    let (page_token, arguments) = arguments(request);
    let token = fields::page_token(&page_token, &arguments).map_err(RequestError::from)?;
    let after = token.as_ref().map(after).transpose()?;
    let found = score::list(&app.db, &filter, after.as_ref(), size.probe()).await?;
    let (rows, next) = tenure_core::page::cut(found, size, keys);
    Ok(proto::ListScoresResponse {
        scores: rows.iter().map(words::score).collect::<Result<_, _>>()?,
        next_page_token: next.map_or(String::new(), |token| token.seal(&arguments)),
    })
}

/// Returns the page token and everything else that the token is bound to.
fn arguments(mut request: proto::ListScoresRequest) -> (String, Vec<u8>) {
    let token = std::mem::take(&mut request.page_token);
    request.page_size = 0;
    (token, request.encode_to_vec())
}

fn filter(violations: &mut Violations, request: &proto::ListScoresRequest) -> Filter {
    let mut all = |field: &str, numbers: &[i32], is_known: fn(i32) -> bool| {
        fields::at_most(violations, field, numbers, VALUES_MAX);
        for (index, number) in numbers.iter().enumerate().take(VALUES_MAX) {
            if !is_known(*number) {
                violations.add(
                    &format!("{field}[{index}]"),
                    "a known value",
                    number.to_string(),
                );
            }
        }
    };
    all("stages", &request.stages, |n| {
        n != 0 && LifecycleStage::try_from(n).is_ok()
    });
    all("risk_bands", &request.risk_bands, |n| {
        RiskBand::try_from(n).is_ok()
    });
    all("value_tiers", &request.value_tiers, |n| {
        ValueTier::try_from(n).is_ok()
    });
    let probability_min = request.min_churn_probability;
    if !(0.0..=1.0).contains(&probability_min) {
        violations.add(
            "min_churn_probability",
            "0 to 1",
            probability_min.to_string(),
        );
    }
    let order = match proto::ScoreOrder::try_from(request.order) {
        Ok(proto::ScoreOrder::Unspecified) => Order::Customer,
        Ok(proto::ScoreOrder::ChurnProbabilityDescending) => Order::Probability,
        Ok(proto::ScoreOrder::LifetimeValueDescending) => Order::Value,
        Err(_) => {
            violations.add("order", "a known value", request.order.to_string());
            Order::Customer
        }
    };
    Filter {
        stages: request.stages.clone(),
        bands: request.risk_bands.clone(),
        tiers: request.value_tiers.clone(),
        probability_min,
        order,
    }
}

/// The shortest text of a float that reads back as the same float is what `Debug` writes.
fn keys(row: &ScoreRow) -> Vec<String> {
    vec![
        row.customer_id.clone(),
        format!("{:?}", row.churn_probability),
        row.lifetime_value_minor.to_string(),
    ]
}

fn after(token: &PageToken) -> Result<After, RequestError> {
    let invalid = || RequestError::from(PageError::Invalid);
    let [customer_id, probability, value] = token.keys() else {
        return Err(invalid());
    };
    Ok(After {
        customer_id: customer_id.clone(),
        churn_probability: probability.parse().map_err(|_| invalid())?,
        lifetime_value_minor: value.parse().map_err(|_| invalid())?,
    })
}
