//! Usage summaries and interactions: upsert, list.

use std::cmp::Reverse;

use tenure_core::Violations;
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields;
use tonic::Status;

use super::customer::required_customer;
use super::once::{Begun, begin, upsert_all};
use super::page::Page;
use super::{identity, parse, show};
use crate::domain::{Book, Interaction, Touched, UsageSummary};
use crate::{Deps, Error, store};

pub(crate) async fn batch_upsert_usage(
    deps: &Deps,
    request: &wire::BatchUpsertUsageSummariesRequest,
) -> Result<wire::BatchUpsertUsageSummariesResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let (key, id_of) = ("start_time", |item: &UsageSummary| item.key.clone());
    let now = deps.clock.now();
    let items = &request.usage_summaries;
    let items = parse::batch(
        &mut violations,
        "usage_summaries",
        items,
        |at, item| parse::usage(at, item, now),
        key,
        id_of,
    );
    violations.into_result().map_err(Error::from)?;
    let id = id.expect("what is missing is a violation");
    let mut write = match begin(deps, id, request).await? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let upserted = upsert_all(
        &mut write,
        "usage_summaries",
        items,
        Touched::usage,
        Book::upsert_usage,
    )
    .await;
    let upserted = upserted.map(|counts| wire::BatchUpsertUsageSummariesResponse {
        created_count: counts.created,
        updated_count: counts.updated,
        replayed: false,
    });
    write.finish(upserted).await
}

pub(super) async fn list_usage(
    deps: &Deps,
    request: &wire::ListUsageSummariesRequest,
) -> Result<wire::ListUsageSummariesResponse, Error> {
    let customer = required_customer(&request.customer_id)?;
    let arguments = format!("usage/{customer}");
    let page = Page::parse(
        Violations::new(),
        request.page_size,
        &request.page_token,
        arguments,
    )?;
    let after = (
        page.number(0)?.unwrap_or(i64::MAX),
        page.number(1)?.unwrap_or(i32::MAX),
        page.text(2)?.unwrap_or_default(),
        page.text(3)?.unwrap_or_default(),
    );
    let limit = page.size.probe();
    let order = |row: &UsageSummary| {
        let key = &row.key;
        let when = (key.started_at, key.period.number());
        Reverse((when, key.subscription.clone(), key.customer.clone()))
    };
    let rows = identity::page_of_record!(deps, &customer, limit, order, member => {
        store::usage::list(&deps.db, member, after, limit)
    });
    let (rows, next_page_token) = page.cut(rows, |row| {
        let subscription = row.key.subscription.as_ref();
        vec![
            row.key.started_at.as_micros().to_string(),
            row.key.period.number().to_string(),
            subscription.map_or(String::new(), ToString::to_string),
            row.key.customer.to_string(),
        ]
    });
    let usage_summaries = rows.iter().map(show::usage).collect();
    Ok(wire::ListUsageSummariesResponse {
        usage_summaries,
        next_page_token,
    })
}

pub(crate) async fn batch_upsert_interactions(
    deps: &Deps,
    request: &wire::BatchUpsertInteractionsRequest,
) -> Result<wire::BatchUpsertInteractionsResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let (key, id_of) = ("interaction_id", |item: &Interaction| item.id.clone());
    let now = deps.clock.now();
    let items = &request.interactions;
    let items = parse::batch(
        &mut violations,
        "interactions",
        items,
        |at, item| parse::interaction(at, item, now),
        key,
        id_of,
    );
    violations.into_result().map_err(Error::from)?;
    let id = id.expect("what is missing is a violation");
    let mut write = match begin(deps, id, request).await? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let upserted = upsert_all(
        &mut write,
        "interactions",
        items,
        Touched::interaction,
        Book::upsert_interaction,
    )
    .await;
    let upserted = upserted.map(|counts| wire::BatchUpsertInteractionsResponse {
        created_count: counts.created,
        updated_count: counts.updated,
        replayed: false,
    });
    write.finish(upserted).await
}

pub(super) async fn list_interactions(
    deps: &Deps,
    request: &wire::ListInteractionsRequest,
) -> Result<wire::ListInteractionsResponse, Error> {
    let customer = required_customer(&request.customer_id)?;
    let arguments = format!("interactions/{customer}");
    let page = Page::parse(
        Violations::new(),
        request.page_size,
        &request.page_token,
        arguments,
    )?;
    let after = page.newest_first()?;
    let limit = page.size.probe();
    let order = |row: &Interaction| (Reverse(row.happened_at), row.id.clone());
    let rows = identity::page_of_record!(deps, &customer, limit, order, member => {
        store::interaction::list(&deps.db, member, after, limit)
    });
    let (rows, next_page_token) = page.cut(rows, |row| {
        vec![row.happened_at.as_micros().to_string(), row.id.to_string()]
    });
    let interactions = rows.iter().map(show::interaction).collect();
    Ok(wire::ListInteractionsResponse {
        interactions,
        next_page_token,
    })
}
