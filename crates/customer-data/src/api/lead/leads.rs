//! Leads: upsert, move on, list.

use tenure_core::{CustomerId, LeadId, Timestamp, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields;
use tenure_sql::feed;
use tonic::Status;

use super::lead;
use crate::api::customer::require_known;
use crate::api::once::{Write, once};
use crate::api::page::Page;
use crate::api::parse::{optional_word, required_word};
use crate::domain::lead::{Lead, LeadState, SOURCE_LENGTH_MAX, WORDS_LENGTH_MAX};
use crate::domain::refusal::Reason;
use crate::domain::{Change, Fact, Refusal, text};
use crate::{Deps, Error, store};

/// The word for a lead in the table of owners.
const OWNED: &str = "lead";

pub(super) async fn upsert(
    deps: &Deps,
    request: &wire::UpsertLeadRequest,
) -> Result<wire::UpsertLeadResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let given = fields::required(&mut violations, "lead", request.lead.as_ref());
    let now = deps.clock.now();
    let new = violations.within("lead.", |inner| parse(inner, given?, now));
    violations.into_result().map_err(Error::from)?;
    let (id, new) = id.zip(new).expect("what is missing is a violation");
    once!(deps, id, request, write => upsert_in(&mut write, new))
}

pub(in crate::api) fn parse(
    violations: &mut Violations,
    wire: &wire::Lead,
    now: Timestamp,
) -> Option<Lead> {
    let id = violations.take("lead_id", LeadId::parse(&wire.lead_id));
    let customer = violations.take("customer_id", CustomerId::parse(&wire.customer_id));
    let source = violations.take("source", text::parse(&wire.source, SOURCE_LENGTH_MAX));
    let interest = violations.take("interest", text::parse(&wire.interest, WORDS_LENGTH_MAX));
    Some(Lead {
        id: id?,
        customer: customer?,
        source: source?,
        interest: interest?,
        state: LeadState::New,
        lost_reason: String::new(),
        state_since: now,
        created_at: now,
    })
}

pub(super) fn refused(refusal: Refusal) -> Error {
    Error::refused(refusal, "")
}

async fn upsert_in(write: &mut Write, new: Lead) -> Result<wire::UpsertLeadResponse, Error> {
    let lanes = write.lanes;
    let wanted = [lanes.of(new.customer.as_str()), lanes.of(new.id.as_str())];
    feed::lock_lanes(&mut write.tx, &wanted).await?;
    let customer = &new.customer;
    let is_customer = store::party::kinds(&mut write.tx, lanes, &[customer]).await?;
    let prospect = store::lead::load_prospect(&mut write.tx, lanes, customer).await?;
    if is_customer.is_empty() && prospect.is_none() {
        let (reason, wanted) = (Reason::CustomerNotFound, "a known prospect or customer");
        let refusal = Refusal::new(reason, "lead.customer_id", wanted, "another");
        return Err(refused(refusal.with("customer_id", customer.as_str())));
    }
    let key = (OWNED, new.id.as_str());
    let owner = store::claim::claim(&mut write.tx, lanes, key, customer).await?;
    if owner != *customer {
        let (reason, wanted) = (Reason::LeadExists, "an id of this customer or a new one");
        let found = "the id of another's";
        let refusal = Refusal::new(reason, "lead.lead_id", wanted, found);
        return Err(refused(refusal.with("lead_id", new.id.as_str())));
    }
    let known = store::lead::load(&mut write.tx, lanes, customer, &new.id).await?;
    let changed = match &known {
        Some(known) => new.replace(known).map_err(refused)?,
        None => Some(new),
    };
    if let Some(changed) = &changed {
        let now = write.now;
        save(write, changed, now).await?;
    }
    Ok(wire::UpsertLeadResponse {
        lead: changed.or(known).as_ref().map(lead),
        replayed: false,
    })
}

async fn save(write: &mut Write, lead: &Lead, event_at: Timestamp) -> Result<(), Error> {
    store::lead::save(&mut write.tx, write.lanes, lead).await?;
    let fact = Fact::Lead(lead.clone());
    Ok(write.tell(&[Change { event_at, fact }]).await?)
}

/// Returns a lead of a customer whose lane is locked.
pub(super) async fn load(
    write: &mut Write,
    customer: &CustomerId,
    id: &LeadId,
) -> Result<Lead, Error> {
    let known = store::lead::load(&mut write.tx, write.lanes, customer, id).await?;
    known.ok_or_else(|| {
        let (reason, wanted) = (Reason::LeadNotFound, "a lead of this customer");
        let refusal = Refusal::new(reason, "lead_id", wanted, "another");
        refused(refusal.with("lead_id", id.as_str()))
    })
}

pub(super) async fn change_state(
    deps: &Deps,
    request: &wire::ChangeLeadStateRequest,
) -> Result<wire::ChangeLeadStateResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let customer = violations.take("customer_id", CustomerId::parse(&request.customer_id));
    let which = violations.take("lead_id", LeadId::parse(&request.lead_id));
    let word = LeadState::from_number;
    let state = required_word(&mut violations, "state", request.state, word);
    let reason = text::parse(&request.lost_reason, WORDS_LENGTH_MAX);
    let reason = violations.take("lost_reason", reason);
    let is_lost = state == Some(LeadState::Lost);
    if state.is_some() && reason.as_ref().is_some_and(|it| it.is_empty() == is_lost) {
        let wanted = "a reason with LOST, nothing without";
        let found = if is_lost { "nothing" } else { "a reason" };
        violations.add("lost_reason", wanted, found);
    }
    violations.into_result().map_err(Error::from)?;
    let given = id.zip(customer.zip(which)).zip(state.zip(reason));
    let ((id, which), to) = given.expect("what is missing is a violation");
    once!(deps, id, request, write => change_state_in(&mut write, which, to))
}

async fn change_state_in(
    write: &mut Write,
    (customer, id): (CustomerId, LeadId),
    (state, lost_reason): (LeadState, String),
) -> Result<wire::ChangeLeadStateResponse, Error> {
    let lane = write.lanes.of(customer.as_str());
    feed::lock_lanes(&mut write.tx, &[lane]).await?;
    let mut known = load(write, &customer, &id).await?;
    let is_changed = known.advance(state, lost_reason, write.now);
    if is_changed.map_err(refused)? {
        let event_at = known.state_since;
        save(write, &known, event_at).await?;
    }
    Ok(wire::ChangeLeadStateResponse {
        lead: Some(lead(&known)),
        replayed: false,
    })
}

pub(super) async fn list(
    deps: &Deps,
    request: &wire::ListLeadsRequest,
) -> Result<wire::ListLeadsResponse, Error> {
    let mut violations = Violations::new();
    let customer = Some(request.customer_id.as_str()).filter(|id| !id.is_empty());
    let customer = customer.and_then(|id| violations.take("customer_id", CustomerId::parse(id)));
    let word = LeadState::from_number;
    let state = optional_word(&mut violations, "state", request.state, word);
    let arguments = format!("leads/{}/{}", request.customer_id, request.state);
    let (size, token) = (request.page_size, &request.page_token);
    let page = Page::parse(violations, size, token, arguments)?;
    let after = page.text(0)?.unwrap_or_default();
    if let Some(customer) = &customer
        && !store::lead::is_prospect(&deps.db, customer).await?
    {
        require_known(deps, customer).await?;
    }
    let (customer, limit) = (customer.as_ref(), page.size.probe());
    let rows = store::lead::list(&deps.db, customer, state, after, limit).await?;
    let (rows, next_page_token) = page.cut(rows, |row| vec![row.id.to_string()]);
    Ok(wire::ListLeadsResponse {
        leads: rows.iter().map(lead).collect(),
        next_page_token,
    })
}
