//! Erasures: begin, look at, go on with, receipts, and letting a person come back.

use std::collections::BTreeSet;

use tenure_core::{CustomerId, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields;
use tenure_sql::feed;
use tonic::Status;
use uuid::Uuid;

use super::once::{Begun, Write, begin};
use super::page::Page;
use super::{parse, show};
use crate::domain::identity::IdentityRefusal;
use crate::domain::privacy::{
    IdentifierKind, LABEL_LENGTH_MAX, Person, REASON_LENGTH_MAX, SERVICE, identifiers,
};
use crate::domain::words::ErasureState;
use crate::domain::{AttributeName, Book, Customer, Erasure, ErasureReceipt, Msisdn, text};
use crate::job::erase::{erase_record, receive_in, unknown};
use crate::vault::Keys;
use crate::{Deps, Error, job, store};

pub(super) async fn erase(
    deps: &Deps,
    request: &wire::EraseCustomerRequest,
) -> Result<wire::EraseCustomerResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let customer = CustomerId::parse(&request.customer_id);
    let customer = violations.take("customer_id", customer);
    let reason = text::parse(&request.reason, REASON_LENGTH_MAX);
    let reason = violations.take("reason", reason);
    let requested_by = text::parse(&request.requested_by, LABEL_LENGTH_MAX);
    let requested_by = violations.take("requested_by", requested_by);
    violations.into_result().map_err(Error::from)?;
    let missing = "what is missing is a violation";
    let (id, customer) = id.zip(customer).expect(missing);
    let mut write = match begin(deps, id, request).await? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let erasure = Erasure {
        id: deps.ids.uuid(write.now),
        customer,
        reason: reason.expect(missing),
        requested_by: requested_by.expect(missing),
        state: ErasureState::Running,
        feed_seq: 0,
        created_at: write.now,
        completed_at: None,
        receipts: Vec::new(),
    };
    let erased = erase_in(deps, &mut write, erasure).await;
    let erased = erased.map(|erasure| wire::EraseCustomerResponse {
        erasure: Some(show::erasure(
            &erasure,
            &deps.config.privacy.erasure_services,
        )),
        replayed: false,
    });
    write.finish(erased).await
}

async fn erase_in(deps: &Deps, write: &mut Write, erasure: Erasure) -> Result<Erasure, Error> {
    let (lanes, now) = (write.lanes, write.now);
    let lane = lanes.of(erasure.customer.as_str());
    feed::lock_lanes(&mut write.tx, &[lane]).await?;
    let mut book = Book::open(now);
    refuse_merged(write, &erasure.customer).await?;
    let customer = store::customer::load_one(&mut write.tx, lanes, &erasure.customer).await?;
    let customer = customer.ok_or_else(|| Error::CustomerNotFound {
        key: "customer_id",
        value: erasure.customer.to_string(),
    })?;
    let numbers = store::erasure::numbers(&mut write.tx, lanes, &erasure.customer).await?;
    let prints = fingerprints(deps, write.tx.keys(), &customer, &numbers);
    let erasure = erase_record(&mut write.tx, lanes, erasure, &prints, &mut book).await?;
    write.save(book).await?;
    Ok(erasure)
}

/// Refuses to erase one member of a record: whoever is asked for would answer by the others still, and
/// links between them would be gone. Final behind the lock of the customer's lane, which a merge takes too.
async fn refuse_merged(write: &mut Write, customer: &CustomerId) -> Result<(), Error> {
    let alone = BTreeSet::from([customer.clone()]);
    let graph = store::identity::load(&mut write.tx, write.lanes, &alone).await?;
    match graph.members.into_iter().find(|member| member != customer) {
        Some(other) => Err(IdentityRefusal::CustomerMerged(customer.clone(), other).into()),
        None => Ok(()),
    }
}

fn fingerprints(
    deps: &Deps,
    keys: &Keys,
    customer: &Customer,
    numbers: &[Msisdn],
) -> Vec<(IdentifierKind, String)> {
    let birth = AttributeName::parse(&deps.config.privacy.birth_attribute).ok();
    let numbers: Vec<&Msisdn> = numbers.iter().collect();
    let person = Person {
        customer: &customer.id,
        name: &customer.display_name,
        birth: birth.and_then(|name| customer.attributes.get(&name)),
        external_ids: &customer.external_ids,
        numbers: &numbers,
    };
    let print = |it| (keys.fingerprint(&it), it.kind);
    let found = identifiers(person).into_iter().map(print);
    found.map(|(print, kind)| (kind, print)).collect()
}

fn required_erasure(violations: &mut Violations, id: &str) -> Option<Uuid> {
    let parsed = Uuid::try_parse(id).ok();
    if parsed.is_none() {
        violations.add("erasure_id", "a UUID", "another text");
    }
    parsed
}

pub(super) async fn get(
    deps: &Deps,
    request: &wire::GetErasureRequest,
) -> Result<wire::GetErasureResponse, Error> {
    let mut violations = Violations::new();
    let id = required_erasure(&mut violations, &request.erasure_id);
    violations.into_result()?;
    let id = id.expect("what is missing is a violation");
    let erasure = store::erasure::get(&deps.db, id).await?;
    let erasure = erasure.ok_or_else(|| unknown(id))?;
    Ok(wire::GetErasureResponse {
        erasure: Some(show::erasure(
            &erasure,
            &deps.config.privacy.erasure_services,
        )),
    })
}

pub(super) async fn list(
    deps: &Deps,
    request: &wire::ListErasuresRequest,
) -> Result<wire::ListErasuresResponse, Error> {
    let mut violations = Violations::new();
    let state = ErasureState::from_number;
    let state = parse::optional_word(&mut violations, "state", request.state, state);
    let arguments = format!("erasures/{}", request.state);
    let page = Page::parse(
        violations,
        request.page_size,
        &request.page_token,
        arguments,
    )?;
    let before = page.text(0)?;
    let rows = store::erasure::list(&deps.db, state, before, page.size.probe()).await?;
    let (rows, next_page_token) = page.cut(rows, |row| vec![row.id.to_string()]);
    let services = &deps.config.privacy.erasure_services;
    Ok(wire::ListErasuresResponse {
        erasures: rows
            .iter()
            .map(|row| show::erasure(row, services))
            .collect(),
        next_page_token,
    })
}

pub(super) async fn run(deps: &Deps) -> Result<wire::RunErasuresResponse, Error> {
    let (steps, running) = job::erase::run(deps).await?;
    Ok(wire::RunErasuresResponse {
        step_count: i32::try_from(steps).unwrap_or(i32::MAX),
        running_count: i32::try_from(running).unwrap_or(i32::MAX),
    })
}

pub(super) async fn receive(
    deps: &Deps,
    request: &wire::RecordErasureReceiptRequest,
) -> Result<wire::RecordErasureReceiptResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let erasure = required_erasure(&mut violations, &request.erasure_id);
    let service = text::parse_required(&request.service, LABEL_LENGTH_MAX);
    let service = violations.take("service", service);
    let step = text::parse_required(&request.step, LABEL_LENGTH_MAX);
    let step = violations.take("step", step);
    if request.service == SERVICE {
        violations.add("service", "another service", "this one");
    }
    if request.row_count < 0 {
        violations.add("row_count", "0 or more", request.row_count.to_string());
    }
    violations.into_result().map_err(Error::from)?;
    let missing = "what is missing is a violation";
    let (id, erasure) = id.zip(erasure).expect(missing);
    let (service, step) = service.zip(step).expect(missing);
    let mut write = match begin(deps, id, request).await? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let receipt = ErasureReceipt {
        service,
        step,
        rows: request.row_count,
        done_at: write.now,
    };
    let services = &deps.config.privacy.erasure_services;
    let received = receive_in(&mut write.tx, deps, erasure, receipt).await;
    let received = received.map(|erasure| wire::RecordErasureReceiptResponse {
        erasure: Some(show::erasure(&erasure, services)),
        replayed: false,
    });
    write.finish(received).await
}

pub(super) async fn lift(
    deps: &Deps,
    request: &wire::LiftSuppressionRequest,
) -> Result<wire::LiftSuppressionResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let erasure = required_erasure(&mut violations, &request.erasure_id);
    violations.into_result().map_err(Error::from)?;
    let (id, erasure) = id.zip(erasure).expect("what is missing is a violation");
    let mut write = match begin(deps, id, request).await? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let lifted = lift_in(deps, &mut write, erasure).await;
    let lifted = lifted.map(|count| wire::LiftSuppressionResponse {
        fingerprint_count: i32::try_from(count).unwrap_or(i32::MAX),
        replayed: false,
    });
    write.finish(lifted).await
}

async fn lift_in(deps: &Deps, write: &mut Write, id: Uuid) -> Result<u64, Error> {
    if store::erasure::load(&mut write.tx, write.lanes, id)
        .await?
        .is_none()
    {
        return Err(unknown(id));
    }
    Ok(store::suppression::lift(&mut write.tx, &deps.db, id).await?)
}
