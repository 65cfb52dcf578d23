//! Bills: upsert, list.

use std::cmp::Reverse;

use tenure_core::Violations;
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields;
use tonic::Status;

use super::customer::required_customer;
use super::once::{Begun, Write, begin, upsert_all};
use super::page::Page;
use super::{identity, parse, show};
use crate::domain::{Bill, Book, Touched};
use crate::{Deps, Error, store};

pub(crate) async fn batch_upsert(
    deps: &Deps,
    request: &wire::BatchUpsertBillsRequest,
) -> Result<wire::BatchUpsertBillsResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let (key, id_of) = ("bill_id", |item: &Bill| item.id.clone());
    let now = deps.clock.now();
    let items = parse::batch(
        &mut violations,
        "bills",
        &request.bills,
        |at, item| parse::bill(at, item, now),
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
    items: Vec<Bill>,
) -> Result<wire::BatchUpsertBillsResponse, Error> {
    let counts = upsert_all(write, "bills", items, Touched::bill, Book::upsert_bill).await?;
    Ok(wire::BatchUpsertBillsResponse {
        created_count: counts.created,
        updated_count: counts.updated,
        replayed: false,
    })
}

pub(super) async fn list(
    deps: &Deps,
    request: &wire::ListBillsRequest,
) -> Result<wire::ListBillsResponse, Error> {
    let customer = required_customer(&request.customer_id)?;
    let arguments = format!("bills/{customer}");
    let page = Page::parse(
        Violations::new(),
        request.page_size,
        &request.page_token,
        arguments,
    )?;
    let after = page.newest_first()?;
    let limit = page.size.probe();
    let order = |row: &Bill| (Reverse(row.issued_at), row.id.clone());
    let rows = identity::page_of_record!(deps, &customer, limit, order, member => {
        store::bill::list(&deps.db, member, after, limit)
    });
    let (rows, next_page_token) = page.cut(rows, |row| {
        vec![row.issued_at.as_micros().to_string(), row.id.to_string()]
    });
    Ok(wire::ListBillsResponse {
        bills: rows.iter().map(show::bill).collect(),
        next_page_token,
    })
}
