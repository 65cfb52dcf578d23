//! Prospects: upsert, list, and how one becomes a customer.

use tenure_core::{CustomerId, LeadId, Timestamp, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields;
use tenure_sql::feed;
use tonic::Status;

use super::leads::{load, refused};
use super::prospect;
use crate::api::once::{Write, once};
use crate::api::page::Page;
use crate::api::parse::required_word;
use crate::api::{screen, show};
use crate::domain::customer::DISPLAY_NAME_LENGTH_MAX;
use crate::domain::lead::{LeadState, Prospect, SOURCE_LENGTH_MAX, is_customer};
use crate::domain::refusal::Reason;
use crate::domain::words::CustomerKind;
use crate::domain::{Change, CustomerPatch, Fact, Msisdn, Refusal, Touched, limits, text};
use crate::{Deps, Error, store};

pub(super) async fn upsert(
    deps: &Deps,
    request: &wire::UpsertProspectRequest,
) -> Result<wire::UpsertProspectResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let given = fields::required(&mut violations, "prospect", request.prospect.as_ref());
    let now = deps.clock.now();
    let new = violations.within("prospect.", |inner| parse(inner, given?, now));
    violations.into_result().map_err(Error::from)?;
    let (id, new) = id.zip(new).expect("what is missing is a violation");
    once!(deps, id, request, write => upsert_in(&mut write, new))
}

pub(in crate::api) fn parse(
    violations: &mut Violations,
    wire: &wire::Prospect,
    now: Timestamp,
) -> Option<Prospect> {
    let id = violations.take("prospect_id", CustomerId::parse(&wire.prospect_id));
    if Msisdn::parse(&wire.prospect_id).is_ok() {
        let wanted = "a key that is no phone number";
        violations.add("prospect_id", wanted, "a phone number");
    }
    let kind = required_word(violations, "kind", wire.kind, CustomerKind::from_number);
    let name = text::parse(&wire.display_name, DISPLAY_NAME_LENGTH_MAX);
    let name = violations.take("display_name", name);
    let source = violations.take("source", text::parse(&wire.source, SOURCE_LENGTH_MAX));
    Some(Prospect {
        id: id?,
        kind: kind?,
        display_name: name?,
        source: source?,
        created_at: now,
        updated_at: now,
        activated_at: None,
    })
}

async fn upsert_in(
    write: &mut Write,
    new: Prospect,
) -> Result<wire::UpsertProspectResponse, Error> {
    let lanes = write.lanes;
    feed::lock_lanes(&mut write.tx, &[lanes.of(new.id.as_str())]).await?;
    let known = store::lead::load_prospect(&mut write.tx, lanes, &new.id).await?;
    let changed = match &known {
        Some(known) => new.replace(known).map_err(refused)?,
        None => {
            let customers = store::party::kinds(&mut write.tx, lanes, &[&new.id]).await?;
            if !customers.is_empty() {
                return Err(refused(is_customer("prospect.prospect_id", &new.id)));
            }
            Some(new)
        }
    };
    if let Some(changed) = &changed {
        store::lead::save_prospect(&mut write.tx, lanes, changed).await?;
    }
    Ok(wire::UpsertProspectResponse {
        prospect: changed.or(known).as_ref().map(prospect),
        replayed: false,
    })
}

/// What a call says of a prospect who becomes a customer.
struct Activation {
    prospect: CustomerId,
    name: Option<String>,
    lead: Option<LeadId>,
    joined_at: Timestamp,
}

pub(super) async fn activate(
    deps: &Deps,
    request: &wire::ActivateProspectRequest,
) -> Result<wire::ActivateProspectResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let prospect = CustomerId::parse(&request.prospect_id);
    let prospect = violations.take("prospect_id", prospect);
    let name = text::parse(&request.display_name, DISPLAY_NAME_LENGTH_MAX);
    let name = violations.take("display_name", name);
    let lead = Some(request.lead_id.as_str()).filter(|id| !id.is_empty());
    let lead = lead.and_then(|id| violations.take("lead_id", LeadId::parse(id)));
    let at = fields::optional_time(&mut violations, "join_time", request.join_time.as_ref());
    let now = deps.clock.now();
    limits::check_happened(&mut violations, "join_time", at, now);
    violations.into_result().map_err(Error::from)?;
    let (id, prospect) = id.zip(prospect).expect("what is missing is a violation");
    let activation = Activation {
        prospect,
        name: name.filter(|name| !name.is_empty()),
        lead,
        joined_at: at.unwrap_or(now),
    };
    once!(deps, id, request, write => activate_in(deps, &mut write, activation))
}

async fn activate_in(
    deps: &Deps,
    write: &mut Write,
    activation: Activation,
) -> Result<wire::ActivateProspectResponse, Error> {
    let Activation {
        prospect,
        name,
        lead,
        joined_at,
    } = activation;
    let (lanes, now) = (write.lanes, write.now);
    let mut touched = Touched::default();
    touched.customers.insert(prospect.clone());
    let mut book = write.open(&touched).await?;
    let known = store::lead::load_prospect(&mut write.tx, lanes, &prospect).await?;
    let mut known = known.ok_or_else(|| {
        let (reason, wanted) = (Reason::CustomerNotFound, "a known prospect");
        let refusal = Refusal::new(reason, "prospect_id", wanted, "another");
        refused(refusal.with("customer_id", prospect.as_str()))
    })?;
    known.activate(name, now).map_err(refused)?;
    let patch = CustomerPatch {
        id: prospect.clone(),
        kind: Some(known.kind),
        display_name: Some(known.display_name.clone()),
        external_ids: Vec::new(),
        attributes: Vec::new(),
        joined_at: Some(joined_at),
        payment: None,
        etag: None,
    };
    screen::customers(deps, &mut write.tx, [(&patch, Vec::new())], &mut book).await?;
    let customer = book.create_customer(&patch).map_err(refused)?;
    let mut won = Vec::new();
    if let Some(id) = lead {
        let mut lead = load(write, &prospect, &id).await?;
        if lead
            .advance(LeadState::Won, String::new(), now)
            .map_err(refused)?
        {
            store::lead::save(&mut write.tx, lanes, &lead).await?;
            let (event_at, fact) = (lead.state_since, Fact::Lead(lead));
            won.push(Change { event_at, fact });
        }
    }
    store::lead::save_prospect(&mut write.tx, lanes, &known).await?;
    write.save_with(book, won).await?;
    Ok(wire::ActivateProspectResponse {
        customer: Some(show::customer(&customer)),
        replayed: false,
    })
}

pub(super) async fn list(
    deps: &Deps,
    request: &wire::ListProspectsRequest,
) -> Result<wire::ListProspectsResponse, Error> {
    let (size, token) = (request.page_size, &request.page_token);
    let page = Page::parse(Violations::new(), size, token, "prospects".to_owned())?;
    let after = page.text(0)?.unwrap_or_default();
    let rows = store::lead::list_prospects(&deps.db, after, page.size.probe()).await?;
    let (rows, next_page_token) = page.cut(rows, |row| vec![row.id.to_string()]);
    Ok(wire::ListProspectsResponse {
        prospects: rows.iter().map(prospect).collect(),
        next_page_token,
    })
}
