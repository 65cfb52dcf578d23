//! `ScoreCustomer` and `ScoreCustomers`: what is to be said about customers now.

use std::collections::HashMap;
use std::sync::Arc;

use tenure_core::{CustomerId, Violations};
use tenure_proto::scoring::v1 as proto;
use tenure_proto::r#type::v1::ItemError;
use tenure_rpc::RequestError;

use super::words;
use crate::DOMAIN;
use crate::app::{App, judge};
use crate::domain::assess::can_leave;
use crate::store::{by_lane, customer};
use crate::{Error, api};

/// Customers of one call.
const CUSTOMERS_MAX: usize = 1_000;
/// Reasons of one score.
const REASONS_MAX: usize = 5;

/// Scores one customer with reasons.
pub(crate) async fn one(
    app: &Arc<App>,
    request: proto::ScoreCustomerRequest,
) -> Result<proto::ScoreCustomerResponse, Error> {
    let mut violations = Violations::new();
    violations.take("customer_id", CustomerId::parse(&request.customer_id));
    violations.into_result().map_err(RequestError::from)?;
    let customer_id = request.customer_id;
    let mut scores = score(app, vec![customer_id.clone()], true).await?;
    match scores.remove(&customer_id) {
        Some(score) => Ok(proto::ScoreCustomerResponse { score: Some(score) }),
        None => Err(Error::CustomerNotFound { customer_id }),
    }
}

/// Scores several customers, each with a score or a status of its own.
pub(crate) async fn several(
    app: &Arc<App>,
    request: proto::ScoreCustomersRequest,
) -> Result<proto::ScoreCustomersResponse, Error> {
    let ids = request.customer_ids;
    let mut violations = Violations::new();
    if ids.is_empty() || ids.len() > CUSTOMERS_MAX {
        let wanted = format!("1 to {CUSTOMERS_MAX} items");
        violations.add("customer_ids", wanted, format!("{} items", ids.len()));
    }
    for (index, id) in ids.iter().enumerate().take(CUSTOMERS_MAX) {
        violations.take(&format!("customer_ids[{index}]"), CustomerId::parse(id));
    }
    violations.into_result().map_err(RequestError::from)?;
    let scores = score(app, ids.clone(), request.with_reasons).await?;
    let item = |customer_id: String| {
        let result = match scores.get(&customer_id) {
            Some(score) => proto::score_item::Result::Score(score.clone()),
            None => proto::score_item::Result::Error(unknown(&customer_id)),
        };
        proto::ScoreItem {
            customer_id,
            result: Some(result),
        }
    };
    Ok(proto::ScoreCustomersResponse {
        items: ids.into_iter().map(item).collect(),
    })
}

fn unknown(customer_id: &str) -> ItemError {
    let error = Error::CustomerNotFound {
        customer_id: customer_id.into(),
    };
    tenure_rpc::to_item_error(&error, DOMAIN)
}

/// Returns the scores of the known ones among `ids`.
async fn score(
    app: &Arc<App>,
    ids: Vec<String>,
    with_reasons: bool,
) -> Result<HashMap<String, proto::Score>, Error> {
    let mut known = Vec::with_capacity(ids.len());
    for (lane, ids) in by_lane(app.db.lanes(), ids, String::as_str) {
        known.extend(customer::load(&app.db, lane, &ids).await?);
    }
    let model = app.active_model().await?;
    let (policy, now) = (app.policy.clone(), app.clock.now());
    let work = move || {
        let judged = judge(&policy, model.as_deref(), known, now)?;
        let score = |judged: crate::app::Judged| {
            let mut score = words::score(&judged.row)?;
            let explained = model
                .as_ref()
                .filter(|_| with_reasons && can_leave(&judged.said.placement));
            if let Some(active) = explained {
                let reasons = active.model.reasons(&judged.features, REASONS_MAX);
                score.reasons = reasons.into_iter().map(api::words::reason).collect();
            }
            Ok::<_, tenure_sql::SqlError>((judged.row.customer_id, score))
        };
        judged
            .into_iter()
            .map(score)
            .collect::<Result<HashMap<_, _>, _>>()
    };
    let scores = tokio::task::spawn_blocking(work).await;
    Ok(scores.map_err(|error| Error::Broken(error.to_string()))??)
}
