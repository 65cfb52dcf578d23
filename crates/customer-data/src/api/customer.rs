//! Customers: create, upsert, get, list, look up.

use std::collections::HashMap;

use prost::Message;
use tenure_core::{CustomerId, PageToken, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::lookup_customer_request::Key;
use tenure_rpc::fields;
use tonic::Status;

use super::once::{Begun, Write, begin, take_all};
use super::page::Page;
use super::{identity, parse, screen, show};
use crate::domain::{CustomerPatch, Msisdn, Touched};
use crate::{Deps, Error, store};

/// A page ends early rather than pass the largest message of 4 MiB.
const PAGE_BYTES_MAX: usize = 3 * 1024 * 1024;

pub(super) async fn create(
    deps: &Deps,
    request: &wire::CreateCustomerRequest,
) -> Result<wire::CreateCustomerResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let given = fields::required(&mut violations, "customer", request.customer.as_ref());
    let patch = violations.within("customer.", |inner| {
        let given = given?;
        if given.kind == 0 {
            inner.add("kind", "the kind of a new customer", "nothing");
        }
        parse::customer(inner, given)
    });
    violations.into_result().map_err(Error::from)?;
    let (id, patch) = id.zip(patch).expect("what is missing is a violation");
    // An etag is output only here: there is nothing that it could have been read from.
    let patch = CustomerPatch {
        etag: None,
        ..patch
    };
    let mut write = match begin(deps, id, request).await? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let created = create_in(deps, &mut write, &patch).await;
    write.finish(created).await
}

async fn create_in(
    deps: &Deps,
    write: &mut Write,
    patch: &CustomerPatch,
) -> Result<wire::CreateCustomerResponse, Error> {
    let mut touched = Touched::default();
    touched.customer(patch);
    let mut book = write.open(&touched).await?;
    screen::customers(deps, &mut write.tx, [(patch, Vec::new())], &mut book).await?;
    let created = book
        .create_customer(patch)
        .map_err(|refusal| Error::refused(refusal, "customer."))?;
    write.save(book).await?;
    let customer = Some(show::customer(&created));
    Ok(wire::CreateCustomerResponse {
        customer,
        replayed: false,
    })
}

pub(crate) async fn batch_upsert(
    deps: &Deps,
    request: &wire::BatchUpsertCustomersRequest,
) -> Result<wire::BatchUpsertCustomersResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let (key, id_of) = ("customer_id", |patch: &CustomerPatch| patch.id.clone());
    let items = &request.customers;
    let patches = parse::batch(
        &mut violations,
        "customers",
        items,
        parse::customer,
        key,
        id_of,
    );
    violations.into_result().map_err(Error::from)?;
    let id = id.expect("what is missing is a violation");
    let mut write = match begin(deps, id, request).await? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let upserted = upsert_in(deps, &mut write, patches).await;
    write.finish(upserted).await
}

async fn upsert_in(
    deps: &Deps,
    write: &mut Write,
    patches: Vec<CustomerPatch>,
) -> Result<wire::BatchUpsertCustomersResponse, Error> {
    let mut touched = Touched::default();
    patches.iter().for_each(|patch| touched.customer(patch));
    let mut book = write.open(&touched).await?;
    let newcomers = patches.iter().map(|patch| (patch, Vec::new()));
    screen::customers(deps, &mut write.tx, newcomers, &mut book).await?;
    let counts = take_all(&mut book, "customers", patches, |book, patch| {
        book.upsert_customer(&patch, None)
    })?;
    write.save(book).await?;
    Ok(wire::BatchUpsertCustomersResponse {
        created_count: counts.created,
        updated_count: counts.updated,
        replayed: false,
    })
}

pub(super) async fn get(
    deps: &Deps,
    request: &wire::GetCustomerRequest,
) -> Result<wire::GetCustomerResponse, Error> {
    let id = required_customer(&request.customer_id)?;
    let found = identity::find(deps, &id).await?;
    Ok(wire::GetCustomerResponse {
        merged_customer_id: found.merged(&id),
        customer: Some(show::customer(&found.customer)),
    })
}

/// Parses the one required customer id of a request.
pub(super) fn required_customer(id: &str) -> Result<CustomerId, Error> {
    let mut violations = Violations::new();
    let id = violations.take("customer_id", CustomerId::parse(id));
    violations.into_result()?;
    Ok(id.expect("what is missing is a violation"))
}

/// Refuses when there is no such customer: an empty list would hide the mistake.
pub(super) async fn require_known(deps: &Deps, id: &CustomerId) -> Result<(), Error> {
    identity::members(deps, id).await.map(drop)
}

pub(super) async fn batch_get(
    deps: &Deps,
    request: &wire::BatchGetCustomersRequest,
) -> Result<wire::BatchGetCustomersResponse, Error> {
    let mut violations = Violations::new();
    let asked = &request.customer_ids;
    if asked.is_empty() {
        violations.add("customer_ids", "1 to 1,000 ids", "nothing");
    }
    let mut ids = Vec::with_capacity(asked.len());
    if fields::at_most(&mut violations, "customer_ids", asked, parse::BATCH_MAX) {
        for (at, id) in asked.iter().enumerate() {
            ids.extend(violations.take(&format!("customer_ids[{at}]"), CustomerId::parse(id)));
        }
    }
    violations.into_result()?;
    let found = store::customer::get_all(&deps.db, &ids).await?;
    let found: HashMap<_, _> = found
        .iter()
        .map(|customer| (&customer.id, customer))
        .collect();
    let customers = ids
        .iter()
        .filter_map(|id| Some(show::customer(found.get(id)?)));
    Ok(wire::BatchGetCustomersResponse {
        customers: customers.collect(),
    })
}

pub(super) async fn list(
    deps: &Deps,
    request: &wire::ListCustomersRequest,
) -> Result<wire::ListCustomersResponse, Error> {
    let arguments = "customers".to_owned();
    let page = Page::parse(
        Violations::new(),
        request.page_size,
        &request.page_token,
        arguments,
    )?;
    let after = page.text(0)?.unwrap_or_default();
    let rows = store::customer::list(&deps.db, after, page.size.probe()).await?;
    let (rows, next) = page.cut(rows, |customer| vec![customer.id.to_string()]);
    let rows = identity::as_records(deps, rows).await?;
    let mut customers: Vec<wire::Customer> = Vec::with_capacity(rows.len());
    let mut bytes = 0;
    for row in &rows {
        let customer = show::customer(row);
        bytes += customer.encoded_len();
        if let Some(last) = customers.last().filter(|_| bytes > PAGE_BYTES_MAX) {
            let next_page_token = page.seal(&PageToken::after([last.customer_id.clone()]));
            return Ok(wire::ListCustomersResponse {
                customers,
                next_page_token,
            });
        }
        customers.push(customer);
    }
    Ok(wire::ListCustomersResponse {
        customers,
        next_page_token: next,
    })
}

pub(super) async fn lookup(
    deps: &Deps,
    request: wire::LookupCustomerRequest,
) -> Result<wire::LookupCustomerResponse, Error> {
    let mut violations = Violations::new();
    let at = fields::optional_time(&mut violations, "at_time", request.at_time.as_ref());
    let key = fields::required(&mut violations, "key", request.key);
    match key {
        Some(Key::Msisdn(msisdn)) => {
            let msisdn = violations.take("msisdn", Msisdn::parse(&msisdn));
            violations.into_result()?;
            let msisdn = msisdn.expect("what is missing is a violation");
            let at = at.unwrap_or_else(|| deps.clock.now());
            let found = store::msisdn::find(&deps.db, &msisdn, at).await?;
            let (customer, subscription) = found.ok_or_else(|| unknown("msisdn"))?;
            let found = identity::find(deps, &customer).await?;
            Ok(wire::LookupCustomerResponse {
                merged_customer_id: found.merged(&customer),
                customer: Some(show::customer(&found.customer)),
                subscription_id: subscription.to_string(),
            })
        }
        Some(Key::ExternalId(id)) => {
            if request.at_time.is_some() {
                violations.add("at_time", "nothing with external_id", "an instant");
            }
            let id = violations.within("external_id.", |inner| parse::external_id(inner, &id));
            violations.into_result()?;
            let id = id.expect("what is missing is a violation");
            let found = store::external_id::find(&deps.db, &id).await?;
            let customer = found.ok_or_else(|| unknown("external_id"))?;
            let found = identity::find(deps, &customer).await?;
            Ok(wire::LookupCustomerResponse {
                merged_customer_id: found.merged(&customer),
                customer: Some(show::customer(&found.customer)),
                subscription_id: String::new(),
            })
        }
        None => Err(violations
            .into_result()
            .expect_err("the key is missing")
            .into()),
    }
}

fn unknown(lookup: &'static str) -> Error {
    Error::CustomerNotFound {
        key: "lookup",
        value: lookup.to_owned(),
    }
}
