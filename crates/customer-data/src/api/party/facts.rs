//! Status, name and contact media of a party: each call loads the party, changes it, tells all of it.

use tenure_core::{CustomerId, MediumId, Timestamp, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields;
use tenure_sql::feed;
use tonic::Status;

use super::{interval, show};
use crate::api::customer::{require_known, required_customer};
use crate::api::once::{Write, once};
use crate::api::page::Page;
use crate::api::parse::required_word;
use crate::domain::party::{
    ContactMedium, CustomerStatus, EmailAddress, LEGAL_NAME_LENGTH_MAX, PART_LENGTH_MAX, PartyName,
    PostalAddress, Reach, STATUS_REASON_LENGTH_MAX,
};
use crate::domain::words::CustomerKind;
use crate::domain::{Change, Fact, Msisdn, Party, limits, text};
use crate::{Deps, Error, store};

pub(super) async fn get(
    deps: &Deps,
    request: &wire::GetPartyRequest,
) -> Result<wire::GetPartyResponse, Error> {
    let mut violations = Violations::new();
    let customer = violations.take("customer_id", CustomerId::parse(&request.customer_id));
    let at = fields::optional_time(&mut violations, "at_time", request.at_time.as_ref());
    violations.into_result()?;
    let customer = customer.expect("what is missing is a violation");
    require_known(deps, &customer).await?;
    let at = at.unwrap_or_else(|| deps.clock.now());
    let party = store::party::get(&deps.db, &customer, at).await?;
    Ok(wire::GetPartyResponse {
        party: Some(show::party(&party)),
    })
}

/// Locks a customer and loads the party.
async fn open(write: &mut Write, customer: &CustomerId) -> Result<(CustomerKind, Party), Error> {
    let lane = write.lanes.of(customer.as_str());
    feed::lock_lanes(&mut write.tx, &[lane]).await?;
    let kinds = store::party::kinds(&mut write.tx, write.lanes, &[customer]).await?;
    let Some((_, kind)) = kinds.into_iter().next() else {
        let value = customer.to_string();
        let key = "customer_id";
        return Err(Error::CustomerNotFound { key, value });
    };
    let party = store::party::load(&mut write.tx, write.lanes, customer).await?;
    Ok((kind, party))
}

/// Tells a changed party and shows it as it is now.
async fn close(
    write: &mut Write,
    party: Party,
    event_at: Timestamp,
    is_changed: bool,
) -> Result<Option<wire::Party>, Error> {
    let shown = show::party(&party.clone().at(write.now.max(event_at)));
    if is_changed {
        let fact = Fact::Party(party);
        write.tell(&[Change { event_at, fact }]).await?;
    }
    Ok(Some(shown))
}

pub(super) async fn set_name(
    deps: &Deps,
    request: &wire::SetPartyNameRequest,
) -> Result<wire::SetPartyNameResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let customer = violations.take("customer_id", CustomerId::parse(&request.customer_id));
    let name = fields::required(&mut violations, "name", request.name.as_ref());
    let name = violations.within("name.", |inner| self::name(inner, name?));
    violations.into_result().map_err(Error::from)?;
    let given = id.zip(customer).zip(name);
    let ((id, customer), name) = given.expect("what is missing is a violation");
    once!(deps, id, request, write => set_name_in(&mut write, &customer, name))
}

async fn set_name_in(
    write: &mut Write,
    customer: &CustomerId,
    name: PartyName,
) -> Result<wire::SetPartyNameResponse, Error> {
    let (_, mut party) = open(write, customer).await?;
    let is_changed = party.name != name;
    party.name = name;
    if is_changed {
        store::party::save_name(&mut write.tx, write.lanes, &party).await?;
    }
    let now = write.now;
    let party = close(write, party, now, is_changed).await?;
    Ok(wire::SetPartyNameResponse {
        party,
        replayed: false,
    })
}

pub(in crate::api) fn name(
    violations: &mut Violations,
    wire: &wire::PartyName,
) -> Option<PartyName> {
    let mut part =
        |field: &str, part: &str| violations.take(field, text::parse(part, PART_LENGTH_MAX));
    let (title, given_name) = (
        part("title", &wire.title),
        part("given_name", &wire.given_name),
    );
    let middle_name = part("middle_name", &wire.middle_name);
    let family_name = part("family_name", &wire.family_name);
    let legal_name = text::parse(&wire.legal_name, LEGAL_NAME_LENGTH_MAX);
    let legal_name = violations.take("legal_name", legal_name);
    let name = PartyName {
        title: title?,
        given_name: given_name?,
        middle_name: middle_name?,
        family_name: family_name?,
        legal_name: legal_name?,
    };
    if name.is_empty() {
        violations.add("family_name", "at least one part of a name", "nothing");
    }
    Some(name)
}

pub(super) async fn change_status(
    deps: &Deps,
    request: &wire::ChangeCustomerStatusRequest,
) -> Result<wire::ChangeCustomerStatusResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let customer = violations.take("customer_id", CustomerId::parse(&request.customer_id));
    let word = CustomerStatus::from_number;
    let status = required_word(&mut violations, "status", request.status, word);
    let reason = text::parse(&request.reason, STATUS_REASON_LENGTH_MAX);
    let reason = violations.take("reason", reason);
    let from = fields::optional_time(&mut violations, "from_time", request.from_time.as_ref());
    let now = deps.clock.now();
    limits::check_happened(&mut violations, "from_time", from, now);
    violations.into_result().map_err(Error::from)?;
    let given = id.zip(customer).zip(status.zip(reason));
    let ((id, customer), (status, reason)) = given.expect("what is missing is a violation");
    let at = from.unwrap_or(now);
    once!(deps, id, request, write => change_status_in(&mut write, &customer, (status, reason), at))
}

async fn change_status_in(
    write: &mut Write,
    customer: &CustomerId,
    (status, reason): (CustomerStatus, String),
    at: Timestamp,
) -> Result<wire::ChangeCustomerStatusResponse, Error> {
    let (kind, mut party) = open(write, customer).await?;
    let changed = party.change_status(kind, status, reason, at);
    let changed = changed.map_err(|refusal| Error::refused(refusal, ""))?;
    let is_changed = changed.is_some();
    if let Some((ended, begun)) = changed {
        let rows: Vec<_> = ended.iter().chain([&begun]).collect();
        store::party::save_statuses(&mut write.tx, write.lanes, customer, &rows).await?;
    }
    let party = close(write, party, at, is_changed).await?;
    Ok(wire::ChangeCustomerStatusResponse {
        party,
        replayed: false,
    })
}

pub(super) async fn list_statuses(
    deps: &Deps,
    request: &wire::ListCustomerStatusesRequest,
) -> Result<wire::ListCustomerStatusesResponse, Error> {
    let customer = required_customer(&request.customer_id)?;
    let (size, token) = (request.page_size, &request.page_token);
    let arguments = format!("statuses/{customer}");
    let page = Page::parse(Violations::new(), size, token, arguments)?;
    let before = page.number(0)?.unwrap_or(i64::MAX);
    require_known(deps, &customer).await?;
    let limit = page.size.probe();
    let rows = store::party::list_statuses(&deps.db, &customer, before, limit).await?;
    let (rows, next_page_token) =
        page.cut(rows, |row| vec![row.valid.from().as_micros().to_string()]);
    Ok(wire::ListCustomerStatusesResponse {
        statuses: rows.iter().map(show::status).collect(),
        next_page_token,
    })
}

pub(super) async fn put_medium(
    deps: &Deps,
    request: &wire::PutContactMediumRequest,
) -> Result<wire::PutContactMediumResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let customer = violations.take("customer_id", CustomerId::parse(&request.customer_id));
    let medium = request.contact_medium.as_ref();
    let medium = fields::required(&mut violations, "contact_medium", medium);
    let now = deps.clock.now();
    let medium = violations.within("contact_medium.", |inner| self::medium(inner, medium?, now));
    violations.into_result().map_err(Error::from)?;
    let given = id.zip(customer).zip(medium);
    let ((id, customer), medium) = given.expect("what is missing is a violation");
    once!(deps, id, request, write => put_medium_in(&mut write, &customer, medium))
}

async fn put_medium_in(
    write: &mut Write,
    customer: &CustomerId,
    medium: ContactMedium,
) -> Result<wire::PutContactMediumResponse, Error> {
    let (_, mut party) = open(write, customer).await?;
    let changed = party.put_medium(medium);
    let changed = changed.map_err(|refusal| Error::refused(refusal, ""))?;
    store::party::save_media(&mut write.tx, write.lanes, customer, &changed).await?;
    let now = write.now;
    let party = close(write, party, now, !changed.is_empty()).await?;
    Ok(wire::PutContactMediumResponse {
        party,
        replayed: false,
    })
}

pub(in crate::api) fn medium(
    violations: &mut Violations,
    wire: &wire::ContactMedium,
    now: Timestamp,
) -> Option<ContactMedium> {
    use wire::contact_medium::Value;
    let id = violations.take("medium_id", MediumId::parse(&wire.medium_id));
    let valid = (wire.from_time.as_ref(), wire.until_time.as_ref());
    let valid = interval(violations, valid.0, valid.1, now);
    let reach = match fields::required(violations, "value", wire.value.as_ref())? {
        Value::PhoneNumber(number) => {
            let number = violations.take("phone_number", Msisdn::parse(number));
            number.map(Reach::Phone)
        }
        Value::EmailAddress(address) => {
            let address = violations.take("email_address", EmailAddress::parse(address));
            address.map(Reach::Email)
        }
        Value::PostalAddress(at) => violations
            .within("postal_address.", |inner| address(inner, at))
            .map(Reach::Post),
    };
    Some(ContactMedium {
        id: id?,
        reach: reach?,
        is_preferred: wire.preferred,
        valid: valid?,
    })
}

fn address(violations: &mut Violations, wire: &wire::PostalAddress) -> Option<PostalAddress> {
    let mut part =
        |field: &str, part: &str| violations.take(field, text::parse(part, PART_LENGTH_MAX));
    let (street, city) = (part("street", &wire.street), part("city", &wire.city));
    let postal_code = part("postal_code", &wire.postal_code);
    let region = part("region", &wire.region);
    let country = wire.country_code.as_str();
    let is_code = country.len() == 2 && country.bytes().all(|c| c.is_ascii_uppercase());
    if !country.is_empty() && !is_code {
        violations.add("country_code", "two capital letters", "something else");
    }
    let address = PostalAddress {
        street: street?,
        postal_code: postal_code?,
        city: city?,
        region: region?,
        country_code: country.to_owned(),
    };
    if address == PostalAddress::default() {
        violations.add("street", "at least one part of an address", "nothing");
    }
    Some(address)
}
