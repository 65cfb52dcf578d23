//! `GetLifecycle` and `ListStageIntervals`: where a customer stood, and when.

use tenure_core::{CustomerId, PageError, PageToken, Violations};
use tenure_proto::scoring::v1 as proto;
use tenure_rpc::{RequestError, fields};

use super::words;
use crate::Error;
use crate::app::App;
use crate::store::{customer, interval};

/// Returns the stage at an instant.
pub(crate) async fn get(
    app: &App,
    request: proto::GetLifecycleRequest,
) -> Result<proto::GetLifecycleResponse, Error> {
    let mut violations = Violations::new();
    violations.take("customer_id", CustomerId::parse(&request.customer_id));
    let as_of = request.as_of_time.as_ref();
    let as_of = fields::optional_time(&mut violations, "as_of_time", as_of);
    violations.into_result().map_err(RequestError::from)?;
    let customer_id = request.customer_id;
    let lane = app.db.lanes().of(&customer_id);
    let at = as_of.unwrap_or_else(|| app.clock.now());
    let found = interval::at(&app.db, lane, &customer_id, at).await?;
    if found.is_none() {
        known(app, lane, &customer_id).await?;
    }
    Ok(proto::GetLifecycleResponse {
        interval: found.map(words::interval),
    })
}

async fn known(app: &App, lane: tenure_core::Lane, customer_id: &str) -> Result<(), Error> {
    let found = customer::load(&app.db, lane, &[customer_id.to_owned()]).await?;
    if found.is_empty() {
        return Err(Error::CustomerNotFound {
            customer_id: customer_id.into(),
        });
    }
    Ok(())
}

/// Lists all stages, oldest first.
pub(crate) async fn list(
    app: &App,
    request: proto::ListStageIntervalsRequest,
) -> Result<proto::ListStageIntervalsResponse, Error> {
    let mut violations = Violations::new();
    violations.take("customer_id", CustomerId::parse(&request.customer_id));
    let size = fields::page_size(&mut violations, request.page_size);
    violations.into_result().map_err(RequestError::from)?;
    let size = size.expect("no violation was found");
    let customer_id = request.customer_id;
    let arguments = customer_id.as_bytes();
    let token = fields::page_token(&request.page_token, arguments).map_err(RequestError::from)?;
    let after = match token.as_ref().map(PageToken::keys) {
        None => i64::MIN,
        Some([start]) => start
            .parse()
            .map_err(|_| RequestError::from(PageError::Invalid))?,
        Some(_) => return Err(RequestError::from(PageError::Invalid).into()),
    };
    let lane = app.db.lanes().of(&customer_id);
    let found = interval::list(&app.db, lane, &customer_id, after, size.probe()).await?;
    if found.is_empty() {
        known(app, lane, &customer_id).await?;
    }
    let (intervals, next) = tenure_core::page::cut(found, size, |last| {
        vec![last.start_at.as_micros().to_string()]
    });
    Ok(proto::ListStageIntervalsResponse {
        intervals: intervals.into_iter().map(words::interval).collect(),
        next_page_token: next.map_or(String::new(), |token| token.seal(arguments)),
    })
}
