//! Relationships: begun and ended in the lanes of both customers, read from either.

use tenure_core::{CustomerId, RelationshipId, Timestamp, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields;
use tenure_sql::feed;
use tonic::Status;

use super::{interval, show};
use crate::api::identity::page_of_record;
use crate::api::once::{Write, once};
use crate::api::page::Page;
use crate::api::parse::{optional_word, required_word};
use crate::domain::refusal::Reason;
use crate::domain::relationship::{ROLE_LENGTH_MAX, RelationshipKind};
use crate::domain::{Change, Fact, Refusal, Relationship, text};
use crate::{Deps, Error, store};

pub(super) async fn create(
    deps: &Deps,
    request: &wire::CreateRelationshipRequest,
) -> Result<wire::CreateRelationshipResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let relationship = parse(&mut violations, deps, request);
    violations.into_result().map_err(Error::from)?;
    let (id, new) = id
        .zip(relationship)
        .expect("what is missing is a violation");
    once!(deps, id, request, write => create_in(&mut write, new))
}

fn parse(
    violations: &mut Violations,
    deps: &Deps,
    request: &wire::CreateRelationshipRequest,
) -> Option<Relationship> {
    let now = deps.clock.now();
    let word = RelationshipKind::from_number;
    let kind = required_word(violations, "kind", request.kind, word);
    let first = CustomerId::parse(&request.from_customer_id);
    let first = violations.take("from_customer_id", first);
    let second = CustomerId::parse(&request.to_customer_id);
    let second = violations.take("to_customer_id", second);
    if first.is_some() && first == second {
        violations.add("to_customer_id", "another customer", "the same one");
    }
    let role = violations.take("role", text::parse(&request.role, ROLE_LENGTH_MAX));
    let valid = (request.from_time.as_ref(), request.until_time.as_ref());
    let valid = interval(violations, valid.0, valid.1, now);
    Some(Relationship {
        id: RelationshipId(deps.ids.uuid(now)),
        kind: kind?,
        first: first?,
        second: second?,
        role: role?,
        valid: valid?,
        created_at: now,
        updated_at: now,
    })
}

async fn create_in(
    write: &mut Write,
    new: Relationship,
) -> Result<wire::CreateRelationshipResponse, Error> {
    let lanes = write.lanes;
    let mut wanted = vec![lanes.of(new.first.as_str()), lanes.of(new.second.as_str())];
    if new.kind.is_hierarchical() {
        wanted.push(store::relationship::hierarchy_lane(lanes));
    }
    feed::lock_lanes(&mut write.tx, &wanted).await?;
    let kinds = store::party::kinds(&mut write.tx, lanes, &[&new.first, &new.second]).await?;
    let kind = |field: &str, customer: &CustomerId| {
        let found = kinds
            .iter()
            .find(|(id, _)| id == customer)
            .map(|(_, kind)| *kind);
        found.ok_or_else(|| unknown(field, customer))
    };
    let kinds = (
        kind("from_customer_id", &new.first)?,
        kind("to_customer_id", &new.second)?,
    );
    let others = store::relationship::between(&mut write.tx, lanes, &new).await?;
    let edges = store::relationship::reachable(&mut write.tx, lanes, &new).await?;
    new.check(kinds, &others, edges.as_ref())
        .map_err(|refusal| Error::refused(refusal, ""))?;
    let event_at = new.valid.from();
    save(write, &new, event_at).await?;
    Ok(wire::CreateRelationshipResponse {
        relationship: Some(show::relationship(&new)),
        replayed: false,
    })
}

fn unknown(field: &str, customer: &CustomerId) -> Error {
    let reason = Reason::CustomerNotFound;
    let refusal = Refusal::new(reason, field, "a known customer", "another");
    Error::refused(refusal.with("customer_id", customer.as_str()), "")
}

/// Saves a relationship and tells both of its customers.
async fn save(write: &mut Write, it: &Relationship, event_at: Timestamp) -> Result<(), Error> {
    store::relationship::save(&mut write.tx, write.lanes, it).await?;
    let changes = [&it.first, &it.second].map(|customer| Change {
        event_at,
        fact: Fact::Relationship(customer.clone(), it.clone()),
    });
    Ok(write.tell(&changes).await?)
}

pub(super) async fn end(
    deps: &Deps,
    request: &wire::EndRelationshipRequest,
) -> Result<wire::EndRelationshipResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let customer = violations.take("customer_id", CustomerId::parse(&request.customer_id));
    let which = RelationshipId::parse(&request.relationship_id);
    let which = violations.take("relationship_id", which);
    let at = fields::optional_time(&mut violations, "until_time", request.until_time.as_ref());
    violations.into_result().map_err(Error::from)?;
    let given = id.zip(customer.zip(which));
    let (id, (customer, which)) = given.expect("what is missing is a violation");
    let at = at.unwrap_or_else(|| deps.clock.now());
    once!(deps, id, request, write => end_in(&mut write, &customer, which, at))
}

async fn end_in(
    write: &mut Write,
    customer: &CustomerId,
    id: RelationshipId,
    at: Timestamp,
) -> Result<wire::EndRelationshipResponse, Error> {
    let lanes = write.lanes;
    let not_found = || {
        let (reason, wanted) = (Reason::RelationshipNotFound, "one of this customer");
        let refusal = Refusal::new(reason, "relationship_id", wanted, "another");
        Error::refused(refusal.with("relationship_id", &id.to_string()), "")
    };
    // Who both are never changes, so it may be read before their lanes are locked.
    let seen = store::relationship::get(&mut write.tx, lanes, customer, id).await?;
    let seen = seen.ok_or_else(not_found)?;
    let wanted = [&seen.first, &seen.second].map(|it| lanes.of(it.as_str()));
    feed::lock_lanes(&mut write.tx, &wanted).await?;
    let known = store::relationship::get(&mut write.tx, lanes, customer, id).await?;
    let mut known = known.ok_or_else(not_found)?;
    let is_changed = known.end(at, write.now);
    if is_changed.map_err(|refusal| Error::refused(refusal, ""))? {
        save(write, &known, at).await?;
    }
    Ok(wire::EndRelationshipResponse {
        relationship: Some(show::relationship(&known)),
        replayed: false,
    })
}

pub(super) async fn list(
    deps: &Deps,
    request: &wire::ListRelationshipsRequest,
) -> Result<wire::ListRelationshipsResponse, Error> {
    let mut violations = Violations::new();
    let customer = violations.take("customer_id", CustomerId::parse(&request.customer_id));
    let at = fields::optional_time(&mut violations, "at_time", request.at_time.as_ref());
    let word = RelationshipKind::from_number;
    let kind = optional_word(&mut violations, "kind", request.kind, word);
    let asked = at.map_or(0, Timestamp::as_micros);
    let arguments = format!(
        "relationships/{}/{asked}/{}",
        request.customer_id, request.kind
    );
    let (size, token) = (request.page_size, &request.page_token);
    let page = Page::parse(violations, size, token, arguments)?;
    let customer = customer.expect("what is missing is a violation");
    let after = page.text(0)?.unwrap_or_default();
    let at = at.unwrap_or_else(|| deps.clock.now());
    let limit = page.size.probe();
    let order = |row: &Relationship| row.id;
    let mut rows = page_of_record!(deps, &customer, limit, order, member => {
        store::relationship::list(&deps.db, member, kind, at, after, limit)
    });
    // One between two members of the record is found with both.
    rows.dedup_by(|a, b| a.id == b.id);
    let (rows, next_page_token) = page.cut(rows, |row| vec![row.id.to_string()]);
    Ok(wire::ListRelationshipsResponse {
        relationships: rows.iter().map(show::relationship).collect(),
        next_page_token,
    })
}
