//! SIMs that subscriptions hold, and who holds a number or a SIM.

use std::collections::BTreeSet;

use tenure_core::{CustomerId, Lane, SubscriptionId, Timestamp, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::lookup_resource_request::Key;
use tenure_proto::customer::v1::resource_service_server::ResourceService;
use tenure_rpc::fields::{self, time};
use tenure_sql::feed;
use tonic::{Request, Response, Status};

use super::customer::require_known;
use super::once::{Write, once};
use super::page::Page;
use super::terms::no_subscription;
use super::{Answer, Api};
use crate::domain::book::require_running;
use crate::domain::refusal::Reason;
use crate::domain::sim::{Iccid, SimHolding, assign};
use crate::domain::{Change, Fact, Msisdn, Refusal, Subscription, limits};
use crate::{Deps, Error, store};

#[tonic::async_trait]
impl ResourceService for Api {
    async fn assign_sim(
        &self,
        request: Request<wire::AssignSimRequest>,
    ) -> Answer<wire::AssignSimResponse> {
        give(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn release_sim(
        &self,
        request: Request<wire::ReleaseSimRequest>,
    ) -> Answer<wire::ReleaseSimResponse> {
        release(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn list_sims(
        &self,
        request: Request<wire::ListSimsRequest>,
    ) -> Answer<wire::ListSimsResponse> {
        Ok(Response::new(list(&self.0, &request.into_inner()).await?))
    }

    async fn lookup_resource(
        &self,
        request: Request<wire::LookupResourceRequest>,
    ) -> Answer<wire::LookupResourceResponse> {
        Ok(Response::new(lookup(&self.0, request.into_inner()).await?))
    }
}

type Which = (CustomerId, SubscriptionId);

fn which(violations: &mut Violations, customer: &str, subscription: &str) -> Option<Which> {
    let customer = violations.take("customer_id", CustomerId::parse(customer));
    let subscription = SubscriptionId::parse(subscription);
    customer.zip(violations.take("subscription_id", subscription))
}

fn refused(refusal: Refusal) -> Error {
    Error::refused(refusal, "")
}

/// Loads a subscription of a customer and of whoever had it before, and all its SIMs, behind the locks
/// of all their lanes and of `further` ones.
async fn open(
    write: &mut Write,
    (customer, id): &Which,
    further: &[Lane],
) -> Result<(Subscription, Vec<SimHolding>), Error> {
    let lanes = write.lanes;
    // Who had it before never changes, so it may be read before their lanes are locked.
    let seen = store::sim::load_records(&mut write.tx, lanes, customer, id).await?;
    let mut wanted: Vec<Lane> = further.to_vec();
    wanted.push(lanes.of(customer.as_str()));
    wanted.extend(seen.iter().map(|record| lanes.of(record.customer.as_str())));
    feed::lock_lanes(&mut write.tx, &wanted).await?;
    let records = store::sim::load_records(&mut write.tx, lanes, customer, id).await?;
    let holdings = store::sim::load_of(&mut write.tx, lanes, &records).await?;
    let own = records.into_iter().next();
    Ok((own.ok_or_else(|| no_subscription(id))?, holdings))
}

async fn save(write: &mut Write, changed: &[SimHolding], at: Timestamp) -> Result<(), Error> {
    for holding in changed {
        store::sim::save(&mut write.tx, write.lanes, holding).await?;
    }
    let changes: Vec<Change> = changed
        .iter()
        .map(|holding| Change {
            event_at: at,
            fact: Fact::Sim(holding.clone()),
        })
        .collect();
    Ok(write.tell(&changes).await?)
}

async fn give(
    deps: &Deps,
    request: &wire::AssignSimRequest,
) -> Result<wire::AssignSimResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let which = which(
        &mut violations,
        &request.customer_id,
        &request.subscription_id,
    );
    let iccid = violations.take("iccid", Iccid::parse(&request.iccid));
    let at = fields::optional_time(&mut violations, "from_time", request.from_time.as_ref());
    let now = deps.clock.now();
    limits::check_happened(&mut violations, "from_time", at, now);
    violations.into_result().map_err(Error::from)?;
    let given = id.zip(which.zip(iccid));
    let (id, (which, iccid)) = given.expect("what is missing is a violation");
    let at = at.unwrap_or(now);
    once!(deps, id, request, write => give_in(&mut write, &which, &iccid, at))
}

async fn give_in(
    write: &mut Write,
    which: &Which,
    iccid: &Iccid,
    at: Timestamp,
) -> Result<wire::AssignSimResponse, Error> {
    let lane = write.lanes.of(iccid.as_str());
    // A SIM that ends here stands in its own lane, which is known once it was read.
    let known = store::sim::load_records(&mut write.tx, write.lanes, &which.0, &which.1).await?;
    let known = store::sim::load_of(&mut write.tx, write.lanes, &known).await?;
    let sims = known.iter().map(|it| write.lanes.of(it.iccid.as_str()));
    let further: BTreeSet<Lane> = sims.chain([lane]).collect();
    let further: Vec<Lane> = further.into_iter().collect();
    let (record, known) = open(write, which, &further).await?;
    require_running(&record, "subscription_id").map_err(refused)?;
    let changed = assign(&record, &known, iccid.clone(), at).map_err(refused)?;
    let Some(new) = changed.last() else {
        let held = known
            .iter()
            .find(|it| it.iccid == *iccid && it.valid.contains(at));
        return Ok(wire::AssignSimResponse {
            sim: held.and_then(|it| it.while_had(&record)).as_ref().map(sim),
            replayed: false,
        });
    };
    for other in store::sim::load_of_sim(&mut write.tx, write.lanes, iccid, at).await? {
        let last = store::sim::last_record(&mut write.tx, write.lanes, &other).await?;
        let until = last.map_or(Timestamp::MAX, |last| last.until());
        if other.subscription != record.id && until > at {
            let (reason, wanted) = (Reason::SimTaken, "a SIM that nobody else holds");
            let refusal = Refusal::new(reason, "iccid", wanted, "a SIM in use");
            return Err(refused(refusal.with("subscription_id", record.id.as_str())));
        }
    }
    let shown = sim(new);
    save(write, &changed, at).await?;
    Ok(wire::AssignSimResponse {
        sim: Some(shown),
        replayed: false,
    })
}

async fn release(
    deps: &Deps,
    request: &wire::ReleaseSimRequest,
) -> Result<wire::ReleaseSimResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let which = which(
        &mut violations,
        &request.customer_id,
        &request.subscription_id,
    );
    let at = fields::optional_time(&mut violations, "until_time", request.until_time.as_ref());
    violations.into_result().map_err(Error::from)?;
    let (id, which) = id.zip(which).expect("what is missing is a violation");
    let at = at.unwrap_or_else(|| deps.clock.now());
    once!(deps, id, request, write => release_in(&mut write, &which, at))
}

async fn release_in(
    write: &mut Write,
    which: &Which,
    at: Timestamp,
) -> Result<wire::ReleaseSimResponse, Error> {
    let known = store::sim::load_records(&mut write.tx, write.lanes, &which.0, &which.1).await?;
    let known = store::sim::load_of(&mut write.tx, write.lanes, &known).await?;
    let further: Vec<Lane> = known
        .iter()
        .map(|it| write.lanes.of(it.iccid.as_str()))
        .collect();
    let (record, known) = open(write, which, &further).await?;
    let held = known.into_iter().find_map(|it| {
        it.while_had(&record)?.valid.cut(at)?;
        let valid = it.valid.cut(at)?;
        let is_changed = valid != it.valid;
        Some((SimHolding { valid, ..it }, is_changed))
    });
    let Some((ended, is_changed)) = held else {
        return Err(not_found("until_time", "sim"));
    };
    let shown = ended.while_had(&record).as_ref().map(sim);
    if is_changed {
        save(write, &[ended], at).await?;
    }
    Ok(wire::ReleaseSimResponse {
        sim: shown,
        replayed: false,
    })
}

async fn list(
    deps: &Deps,
    request: &wire::ListSimsRequest,
) -> Result<wire::ListSimsResponse, Error> {
    let mut violations = Violations::new();
    let (customer, subscription) = (&request.customer_id, &request.subscription_id);
    let which = which(&mut violations, customer, subscription);
    let arguments = format!("sims/{customer}/{subscription}");
    let (size, token) = (request.page_size, &request.page_token);
    let page = Page::parse(violations, size, token, arguments)?;
    let (customer, id) = which.expect("what is missing is a violation");
    let after: i64 = page.number(0)?.unwrap_or(i64::MIN);
    require_known(deps, &customer).await?;
    let found = store::sim::list(&deps.db, &customer, &id).await?;
    let mut rows = found.ok_or_else(|| no_subscription(&id))?;
    rows.retain(|row| row.valid.from().as_micros() > after);
    rows.truncate(page.size.get() + 1);
    let (rows, next_page_token) =
        page.cut(rows, |row| vec![row.valid.from().as_micros().to_string()]);
    Ok(wire::ListSimsResponse {
        sims: rows.iter().map(sim).collect(),
        next_page_token,
    })
}

async fn lookup(
    deps: &Deps,
    request: wire::LookupResourceRequest,
) -> Result<wire::LookupResourceResponse, Error> {
    let mut violations = Violations::new();
    let at = fields::optional_time(&mut violations, "at_time", request.at_time.as_ref());
    let key = fields::required(&mut violations, "key", request.key);
    let at = at.unwrap_or_else(|| deps.clock.now());
    let (kind, found) = match key {
        Some(Key::Msisdn(number)) => {
            let number = violations.take("msisdn", Msisdn::parse(&number));
            violations.into_result()?;
            let number = number.expect("what is missing is a violation");
            ("msisdn", store::msisdn::find(&deps.db, &number, at).await?)
        }
        Some(Key::Iccid(iccid)) => {
            let iccid = violations.take("iccid", Iccid::parse(&iccid));
            violations.into_result()?;
            let iccid = iccid.expect("what is missing is a violation");
            ("iccid", store::sim::find(&deps.db, &iccid, at).await?)
        }
        None => {
            violations.into_result()?;
            return Err(not_found("key", "nothing"));
        }
    };
    let (customer, subscription) = found.ok_or_else(|| not_found(kind, kind))?;
    Ok(wire::LookupResourceResponse {
        customer_id: customer.to_string(),
        subscription_id: subscription.to_string(),
    })
}

fn not_found(field: &str, lookup: &str) -> Error {
    let (reason, wanted) = (Reason::ResourceNotFound, "one that somebody holds then");
    refused(Refusal::new(reason, field, wanted, "another").with("lookup", lookup))
}

pub(super) fn sim(holding: &SimHolding) -> wire::SimHolding {
    wire::SimHolding {
        iccid: holding.iccid.as_str().to_owned(),
        customer_id: holding.customer.to_string(),
        subscription_id: holding.subscription.to_string(),
        from_time: Some(time(holding.valid.from())),
        until_time: holding.valid.end().map(time),
    }
}
