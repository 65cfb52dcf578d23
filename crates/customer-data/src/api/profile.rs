//! What is believed of customers: record, show, list.

use std::collections::BTreeMap;

use tenure_core::{CustomerId, Timestamp, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::profile_service_server::ProfileService;
use tenure_rpc::fields::{self, time};
use tonic::{Request, Response, Status};

use super::customer::required_customer;
use super::identity::{members, page_of_record};
use super::once::{Write, once};
use super::page::Page;
use super::{Answer, Api, parse, show};
use crate::domain::identity::Survivorship;
use crate::domain::profile::{CLAIMS_MAX, ProfileClaim, Shown, TRUST_MAX, shown, take_in};
use crate::domain::refusal::Reason;
use crate::domain::{AttributeName, Change, ExternalId, Fact, Refusal, Touched, limits};
use crate::{Deps, Error, store};

#[tonic::async_trait]
impl ProfileService for Api {
    async fn record_profile_claims(
        &self,
        request: Request<wire::RecordProfileClaimsRequest>,
    ) -> Answer<wire::RecordProfileClaimsResponse> {
        record(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn get_profile(
        &self,
        request: Request<wire::GetProfileRequest>,
    ) -> Answer<wire::GetProfileResponse> {
        Ok(Response::new(get(&self.0, &request.into_inner()).await?))
    }

    async fn list_profile_claims(
        &self,
        request: Request<wire::ListProfileClaimsRequest>,
    ) -> Answer<wire::ListProfileClaimsResponse> {
        Ok(Response::new(list(&self.0, &request.into_inner()).await?))
    }
}

async fn record(
    deps: &Deps,
    request: &wire::RecordProfileClaimsRequest,
) -> Result<wire::RecordProfileClaimsResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let now = deps.clock.now();
    let claims = parse::batch(
        &mut violations,
        "claims",
        &request.claims,
        |at, item| claim(at, item, now),
        "attribute.name",
        ProfileClaim::key,
    );
    violations.into_result().map_err(Error::from)?;
    let id = id.expect("what is missing is a violation");
    once!(deps, id, request, write => record_in(&mut write, claims))
}

/// Parses a claim that arrives now.
pub(super) fn claim(
    violations: &mut Violations,
    wire: &wire::ProfileClaim,
    now: Timestamp,
) -> Option<ProfileClaim> {
    let customer = violations.take("customer_id", CustomerId::parse(&wire.customer_id));
    let attribute = fields::required(violations, "attribute", wire.attribute.as_ref());
    let name =
        attribute.and_then(|it| violations.take("attribute.name", AttributeName::parse(&it.name)));
    let kind = attribute.and_then(|it| it.value.as_ref()?.kind.as_ref());
    let value = kind.map(|kind| parse::value(violations, "attribute.value", kind));
    violations.take("source", ExternalId::parse_system(&wire.source));
    let observed = fields::optional_time(violations, "observe_time", wire.observe_time.as_ref());
    limits::check_happened(violations, "observe_time", observed, now);
    let observed_at = observed.unwrap_or(now);
    if !(0..=TRUST_MAX).contains(&wire.trust) {
        let wanted = format!("0 to {TRUST_MAX}");
        violations.add("trust", wanted, wire.trust.to_string());
    }
    let expires_at = fields::optional_time(violations, "expire_time", wire.expire_time.as_ref());
    if expires_at.is_some_and(|until| until <= observed_at) {
        let wanted = "an instant after observe_time";
        violations.add("expire_time", wanted, "one that is not");
    }
    Some(ProfileClaim {
        customer: customer?,
        name: name?,
        source: wire.source.clone(),
        value: match value {
            None => None,
            Some(value) => Some(value?),
        },
        observed_at,
        trust: wire.trust,
        expires_at,
        recorded_at: now,
    })
}

async fn record_in(
    write: &mut Write,
    claims: Vec<ProfileClaim>,
) -> Result<wire::RecordProfileClaimsResponse, Error> {
    let mut touched = Touched::default();
    let customers = claims.iter().map(|claim| claim.customer.clone());
    touched.customers.extend(customers);
    let book = write.open(&touched).await?;
    let is_known = |claim: &ProfileClaim| book.customers.get(&claim.customer).is_some();
    refuse(&claims, |claim| (!is_known(claim)).then(|| unknown(claim)))?;
    let mut known = store::profile::load(&mut write.tx, write.lanes, &touched.customers).await?;
    let count = claims.len();
    let mut news = Vec::new();
    for claim in &claims {
        if take_in(&mut known, claim.clone()) {
            news.push(claim);
        }
    }
    let mut sizes: BTreeMap<&CustomerId, usize> = BTreeMap::new();
    for (customer, ..) in known.keys() {
        *sizes.entry(customer).or_default() += 1;
    }
    let is_full = |claim: &ProfileClaim| sizes[&claim.customer] > CLAIMS_MAX;
    refuse(&claims, |claim| is_full(claim).then(|| full(claim)))?;
    store::profile::save(&mut write.tx, write.lanes, &news).await?;
    let told: Vec<Change> = news.iter().map(|claim| told(claim)).collect();
    write.tell(&told).await?;
    let number = |count: usize| i32::try_from(count).expect("at most 1,000");
    Ok(wire::RecordProfileClaimsResponse {
        recorded_count: number(news.len()),
        ignored_count: number(count - news.len()),
        replayed: false,
    })
}

fn told(claim: &ProfileClaim) -> Change {
    Change {
        event_at: claim.observed_at,
        fact: Fact::Profile(claim.clone()),
    }
}

/// Refuses a batch with everything that is against it.
fn refuse(
    claims: &[ProfileClaim],
    why: impl Fn(&ProfileClaim) -> Option<Refusal>,
) -> Result<(), Error> {
    let mut first = None;
    let mut violations = Vec::new();
    for (at, claim) in claims.iter().enumerate() {
        if let Some(refusal) = why(claim) {
            violations.push(refusal.violation(&format!("claims[{at}].")));
            first.get_or_insert(Box::new(refusal));
        }
    }
    match first {
        None => Ok(()),
        Some(first) => Err(Error::Refused { first, violations }),
    }
}

fn unknown(claim: &ProfileClaim) -> Refusal {
    let reason = Reason::CustomerNotFound;
    let refusal = Refusal::new(reason, "customer_id", "a known customer", "another");
    refusal.with("customer_id", claim.customer.as_str())
}

fn full(claim: &ProfileClaim) -> Refusal {
    let wanted = format!("at most {CLAIMS_MAX} names and sources of a customer");
    let refusal = Refusal::new(Reason::ProfileFull, "customer_id", wanted, "more");
    refusal.with("customer_id", claim.customer.as_str())
}

async fn get(
    deps: &Deps,
    request: &wire::GetProfileRequest,
) -> Result<wire::GetProfileResponse, Error> {
    let customer = required_customer(&request.customer_id)?;
    let mut claims = Vec::new();
    for member in &members(deps, &customer).await? {
        claims.extend(store::profile::all(&deps.db, member).await?);
    }
    let policy = store::identity::policy::active(&deps.db).await?;
    let policy_version = policy.as_ref().map_or(0, |policy| policy.version);
    let rules = policy.map_or_else(Survivorship::default, |it| it.rules.survivorship);
    let shown = shown(&claims, deps.clock.now(), &rules);
    Ok(wire::GetProfileResponse {
        attributes: shown.iter().map(attribute).collect(),
        policy_version,
    })
}

async fn list(
    deps: &Deps,
    request: &wire::ListProfileClaimsRequest,
) -> Result<wire::ListProfileClaimsResponse, Error> {
    let mut violations = Violations::new();
    let customer = violations.take("customer_id", CustomerId::parse(&request.customer_id));
    let name = &request.name;
    if !name.is_empty() {
        violations.take("name", AttributeName::parse(name));
    }
    let arguments = format!("profile/{}/{name}", request.customer_id);
    let page = Page::parse(
        violations,
        request.page_size,
        &request.page_token,
        arguments,
    )?;
    let customer = customer.expect("what is missing is a violation");
    let mut after = ["", "", ""];
    for (at, key) in after.iter_mut().enumerate() {
        *key = page.text(at)?.unwrap_or_default();
    }
    let [name_before, source_before, customer_before] = after;
    let after = (name_before, source_before, customer_before);
    let limit = page.size.probe();
    let order = |it: &ProfileClaim| (it.name.clone(), it.source.clone(), it.customer.clone());
    let rows = page_of_record!(deps, &customer, limit, order, member => {
        store::profile::list(&deps.db, member, name, after, limit)
    });
    let (rows, next_page_token) = page.cut(rows, |it| {
        vec![
            it.name.as_str().to_owned(),
            it.source.clone(),
            it.customer.to_string(),
        ]
    });
    Ok(wire::ListProfileClaimsResponse {
        claims: rows.iter().map(wire_claim).collect(),
        next_page_token,
    })
}

/// Returns a claim for the wire.
pub(super) fn wire_claim(claim: &ProfileClaim) -> wire::ProfileClaim {
    wire::ProfileClaim {
        customer_id: claim.customer.to_string(),
        attribute: Some(show::named(&claim.name, claim.value.as_ref())),
        source: claim.source.clone(),
        observe_time: Some(time(claim.observed_at)),
        trust: claim.trust,
        expire_time: claim.expires_at.map(time),
        record_time: Some(time(claim.recorded_at)),
    }
}

fn attribute(shown: &Shown<'_>) -> wire::ProfileAttribute {
    let claim = shown.claim;
    wire::ProfileAttribute {
        attribute: Some(show::named(&claim.name, claim.value.as_ref())),
        source: claim.source.clone(),
        observe_time: Some(time(claim.observed_at)),
        trust: shown.trust,
        expire_time: claim.expires_at.map(time),
        customer_id: claim.customer.to_string(),
        reason: shown.why as i32,
        claim_count: i32::try_from(shown.count).expect("at most 200 of each of 64 members"),
    }
}
