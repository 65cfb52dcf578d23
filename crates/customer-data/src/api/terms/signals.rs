//! Signs of leaving: recorded once each, listed newest first.

use std::cmp::Reverse;

use tenure_core::{CustomerId, SubscriptionId, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields;
use tenure_sql::feed;
use tonic::Status;

use super::{no_subscription, signal};
use crate::api::account::require_customer;
use crate::api::customer::required_customer;
use crate::api::identity::page_of_record;
use crate::api::once::{Write, once};
use crate::api::page::Page;
use crate::api::parse::required_word;
use crate::domain::terms::{COMPETITOR_LENGTH_MAX, Signal, SignalKind};
use crate::domain::{Change, Fact, limits, text};
use crate::{Deps, Error, store};

/// Above every UUID as text.
const LAST_ID: &str = "~";

pub(super) async fn record(
    deps: &Deps,
    request: &wire::RecordLeavingSignalRequest,
) -> Result<wire::RecordLeavingSignalResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let new = parse(&mut violations, deps, request);
    violations.into_result().map_err(Error::from)?;
    let (id, new) = id.zip(new).expect("what is missing is a violation");
    once!(deps, id, request, write => record_in(&mut write, new))
}

fn parse(
    violations: &mut Violations,
    deps: &Deps,
    request: &wire::RecordLeavingSignalRequest,
) -> Option<Signal> {
    let customer = violations.take("customer_id", CustomerId::parse(&request.customer_id));
    let subscription = Some(request.subscription_id.as_str()).filter(|id| !id.is_empty());
    let subscription =
        subscription.map(|id| violations.take("subscription_id", SubscriptionId::parse(id)));
    let kind = required_word(violations, "kind", request.kind, SignalKind::from_number);
    let code = text::parse(&request.competitor_code, COMPETITOR_LENGTH_MAX);
    let code = violations.take("competitor_code", code);
    if kind == Some(SignalKind::CompetitorNamed) && code.as_deref() == Some("") {
        violations.add("competitor_code", "a code with COMPETITOR_NAMED", "nothing");
    }
    let at = fields::optional_time(violations, "event_time", request.event_time.as_ref());
    let now = deps.clock.now();
    limits::check_happened(violations, "event_time", at, now);
    Some(Signal {
        id: deps.ids.uuid(now),
        customer: customer?,
        subscription: subscription.flatten(),
        kind: kind?,
        competitor_code: code?,
        happened_at: at.unwrap_or(now),
    })
}

async fn record_in(
    write: &mut Write,
    new: Signal,
) -> Result<wire::RecordLeavingSignalResponse, Error> {
    let lanes = write.lanes;
    feed::lock_lanes(&mut write.tx, &[lanes.of(new.customer.as_str())]).await?;
    require_customer(write, "customer_id", &new.customer).await?;
    if let Some(id) = &new.subscription
        && !store::account::has_subscription(&mut write.tx, lanes, &new.customer, id).await?
    {
        return Err(no_subscription(id));
    }
    store::terms::save_signal(&mut write.tx, lanes, &new).await?;
    let shown = signal(&new);
    let event_at = new.happened_at;
    let fact = Fact::Signal(new);
    write.tell(&[Change { event_at, fact }]).await?;
    Ok(wire::RecordLeavingSignalResponse {
        signal: Some(shown),
        replayed: false,
    })
}

pub(super) async fn list(
    deps: &Deps,
    request: &wire::ListLeavingSignalsRequest,
) -> Result<wire::ListLeavingSignalsResponse, Error> {
    let customer = required_customer(&request.customer_id)?;
    let (size, token) = (request.page_size, &request.page_token);
    let arguments = format!("signals/{customer}");
    let page = Page::parse(Violations::new(), size, token, arguments)?;
    let before = (
        page.number(0)?.unwrap_or(i64::MAX),
        page.text(1)?.unwrap_or(LAST_ID),
    );
    let limit = page.size.probe();
    let order = |row: &Signal| Reverse((row.happened_at, row.id));
    let rows = page_of_record!(deps, &customer, limit, order, member => {
        store::terms::list_signals(&deps.db, member, before, limit)
    });
    let (rows, next_page_token) = page.cut(rows, |row| {
        vec![row.happened_at.as_micros().to_string(), row.id.to_string()]
    });
    Ok(wire::ListLeavingSignalsResponse {
        signals: rows.iter().map(signal).collect(),
        next_page_token,
    })
}
