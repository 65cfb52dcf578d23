//! Subscriptions: upsert, list, terminate.

use tenure_core::{CustomerId, SubscriptionId, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields;
use tonic::Status;

use super::customer::required_customer;
use super::once::{Begun, Write, begin, upsert_all};
use super::page::Page;
use super::{identity, parse, show};
use crate::domain::{Book, Subscription, Termination, Touched, limits};
use crate::{Deps, Error, store};

pub(crate) async fn batch_upsert(
    deps: &Deps,
    request: &wire::BatchUpsertSubscriptionsRequest,
) -> Result<wire::BatchUpsertSubscriptionsResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let (key, id_of) = ("subscription_id", |item: &Subscription| item.id.clone());
    let now = deps.clock.now();
    let items = &request.subscriptions;
    let items = parse::batch(
        &mut violations,
        "subscriptions",
        items,
        |at, item| parse::subscription(at, item, now),
        key,
        id_of,
    );
    violations.into_result().map_err(Error::from)?;
    let id = id.expect("what is missing is a violation");
    let mut write = match begin(deps, id, request).await? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let upserted = upsert_in(&mut write, items).await;
    write.finish(upserted).await
}

async fn upsert_in(
    write: &mut Write,
    items: Vec<Subscription>,
) -> Result<wire::BatchUpsertSubscriptionsResponse, Error> {
    let counts = upsert_all(
        write,
        "subscriptions",
        items,
        Touched::subscription,
        Book::upsert_subscription,
    )
    .await?;
    Ok(wire::BatchUpsertSubscriptionsResponse {
        created_count: counts.created,
        updated_count: counts.updated,
        replayed: false,
    })
}

pub(super) async fn list(
    deps: &Deps,
    request: &wire::ListSubscriptionsRequest,
) -> Result<wire::ListSubscriptionsResponse, Error> {
    let customer = required_customer(&request.customer_id)?;
    let arguments = format!("subscriptions/{customer}");
    let page = Page::parse(
        Violations::new(),
        request.page_size,
        &request.page_token,
        arguments,
    )?;
    let after = (
        page.text(0)?.unwrap_or_default(),
        page.text(1)?.unwrap_or_default(),
    );
    let limit = page.size.probe();
    let order = |row: &Subscription| (row.id.clone(), row.customer.clone());
    let rows = identity::page_of_record!(deps, &customer, limit, order, member => {
        store::subscription::list(&deps.db, member, after, limit)
    });
    let (rows, next_page_token) = page.cut(rows, |row| {
        vec![row.id.to_string(), row.customer.to_string()]
    });
    let subscriptions = rows.iter().map(show::subscription).collect();
    Ok(wire::ListSubscriptionsResponse {
        subscriptions,
        next_page_token,
    })
}

/// Which subscription ends.
struct Ending {
    customer: CustomerId,
    subscription: SubscriptionId,
    termination: Termination,
}

pub(super) async fn terminate(
    deps: &Deps,
    request: &wire::TerminateSubscriptionRequest,
) -> Result<wire::TerminateSubscriptionResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let ending = ending(&mut violations, deps, request);
    violations.into_result().map_err(Error::from)?;
    let (id, ending) = id.zip(ending).expect("what is missing is a violation");
    let mut write = match begin(deps, id, request).await? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let terminated = terminate_in(&mut write, ending).await;
    write.finish(terminated).await
}

fn ending(
    violations: &mut Violations,
    deps: &Deps,
    request: &wire::TerminateSubscriptionRequest,
) -> Option<Ending> {
    let customer = violations.take("customer_id", CustomerId::parse(&request.customer_id));
    let subscription = SubscriptionId::parse(&request.subscription_id);
    let subscription = violations.take("subscription_id", subscription);
    let kind = parse::churn_kind(violations, request.churn_kind);
    let reason = parse::churn_reason(violations, &request.churn_reason);
    let at = fields::optional_time(
        violations,
        "terminate_time",
        request.terminate_time.as_ref(),
    );
    let now = deps.clock.now();
    limits::check_happened(violations, "terminate_time", at, now);
    let at = at.unwrap_or(now);
    parse::check_port_out(violations, request.ported_out, kind);
    let termination = Termination {
        at,
        kind: kind?,
        reason: reason?,
        is_ported_out: request.ported_out,
    };
    Some(Ending {
        customer: customer?,
        subscription: subscription?,
        termination,
    })
}

async fn terminate_in(
    write: &mut Write,
    ending: Ending,
) -> Result<wire::TerminateSubscriptionResponse, Error> {
    let Ending {
        customer,
        subscription,
        termination,
    } = ending;
    let mut touched = Touched::default();
    touched.customers.insert(customer.clone());
    touched
        .subscriptions
        .insert((customer.clone(), subscription.clone()));
    let mut book = write.open(&touched).await?;
    let ended = book.terminate_subscription(&customer, &subscription, termination);
    let ended = ended.map_err(|refusal| Error::refused(refusal, ""))?;
    write.save(book).await?;
    let subscription = Some(show::subscription(&ended));
    Ok(wire::TerminateSubscriptionResponse {
        subscription,
        replayed: false,
    })
}
