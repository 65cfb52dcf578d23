//! Matching: begin a run, show what it found, make its merges, empty the quarantine.

use std::collections::BTreeSet;
use std::sync::Arc;

use tenure_core::{CustomerId, Lane, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields;
use tenure_sql::feed;
use tonic::Status;
use uuid::Uuid;

use super::{merge, parse, policy, show};
use crate::api::once::{Begun, Write, begin};
use crate::api::page::Page;
use crate::domain::identity::matching::NAMED_MAX;
use crate::domain::identity::{
    Cause, Finding, FindingKind, FindingState, IdentityRefusal, MatchingRun, Named, Policy, Rules,
    RunState,
};
use crate::domain::{Book, Customer};
use crate::{Deps, Error, job, store};

/// Merges of one call: one transaction holds all lanes for as long as they take.
const APPLIED_MAX: i64 = 100;
/// Customers that a list of the quarantine names of each finding.
const QUARANTINE_NAMED: i64 = 16;
/// A page of findings with a thousand customers each would be too large a message.
const QUARANTINE_PAGE_MAX: i32 = 32;

fn run_id(violations: &mut Violations, id: &str) -> Option<Uuid> {
    let run = Uuid::try_parse(id).ok();
    if run.is_none() {
        violations.add(
            "run_id",
            "a UUID",
            format!("{} bytes that are none", id.len()),
        );
    }
    run
}

async fn known_run(deps: &Deps, run: Uuid) -> Result<MatchingRun, Error> {
    let found = store::identity::run::get(&deps.db, run).await?;
    Ok(found.ok_or(IdentityRefusal::RunNotFound(run))?)
}

pub(super) async fn run(
    deps: &Arc<Deps>,
    request: &wire::RunMatchingRequest,
) -> Result<wire::RunMatchingResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    if request.policy_version < 1 {
        let found = request.policy_version.to_string();
        violations.add("policy_version", "1 or more", found);
    }
    violations.into_result().map_err(Error::from)?;
    let id = id.expect("what is missing is a violation");
    let found = store::identity::policy::get(&deps.db, request.policy_version).await;
    let found = found.map_err(Error::from)?;
    let mut write = match begin(deps, id, request).await? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let Some(policy) = found else {
        let refusal = IdentityRefusal::PolicyNotFound(request.policy_version);
        return write.finish(Err(refusal.into())).await;
    };
    let run = deps.ids.uuid(write.now);
    let run = MatchingRun::begin(run, policy.version, !policy.is_active, write.now);
    let lane = store::identity::run::lane(write.lanes, run.id);
    let added = store::identity::run::add(&mut write.tx, lane, &run).await;
    added.map_err(Error::from)?;
    let answer = wire::RunMatchingResponse {
        run: Some(show::run(&run)),
        replayed: false,
    };
    let answer = write.finish(Ok(answer)).await?;
    let lifecycle = deps.lifecycle.clone();
    let walk = job::matching::run(Arc::clone(deps), lifecycle, run, Arc::new(policy.rules));
    deps.lifecycle.spawn("identity matching", walk);
    Ok(answer)
}

pub(super) async fn get(
    deps: &Deps,
    request: &wire::GetMatchingRunRequest,
) -> Result<wire::GetMatchingRunResponse, Error> {
    let mut violations = Violations::new();
    let run = run_id(&mut violations, &request.run_id);
    violations.into_result()?;
    let run = known_run(deps, run.expect("what is missing is a violation")).await?;
    Ok(wire::GetMatchingRunResponse {
        run: Some(show::run(&run)),
    })
}

pub(super) async fn list(
    deps: &Deps,
    request: &wire::ListMatchFindingsRequest,
) -> Result<wire::ListMatchFindingsResponse, Error> {
    let mut violations = Violations::new();
    let run = run_id(&mut violations, &request.run_id);
    let kind = FindingKind::from_number(request.kind);
    if kind.is_none() {
        violations.add("kind", "a kind of finding", request.kind.to_string());
    }
    let arguments = format!("findings/{}/{}", request.run_id, request.kind);
    let page_size = match (kind, request.page_size) {
        (Some(FindingKind::Quarantine), 0) => QUARANTINE_PAGE_MAX,
        (Some(FindingKind::Quarantine), size) => size.min(QUARANTINE_PAGE_MAX),
        (_, size) => size,
    };
    let page = Page::parse(violations, page_size, &request.page_token, arguments)?;
    let (run, kind) = run.zip(kind).expect("what is missing is a violation");
    let after = page.number(0)?.unwrap_or(0);
    if known_run(deps, run).await?.state != RunState::Completed {
        return Err(IdentityRefusal::RunNotCompleted(run).into());
    }
    let named = i64::try_from(NAMED_MAX).expect("a thousand");
    let limit = page.size.probe();
    let which = (run, kind);
    let rows = store::identity::run::list(&deps.db, which, after, limit, named).await?;
    let (rows, next_page_token) = page.cut(rows, |row| vec![row.number.to_string()]);
    Ok(wire::ListMatchFindingsResponse {
        findings: rows.iter().map(show::finding).collect(),
        next_page_token,
    })
}

pub(super) async fn apply(
    deps: &Deps,
    request: &wire::ApplyMatchingRequest,
) -> Result<wire::ApplyMatchingResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let run = run_id(&mut violations, &request.run_id);
    violations.into_result().map_err(Error::from)?;
    let (id, run) = id.zip(run).expect("what is missing is a violation");
    let known = store::identity::run::get(&deps.db, run).await;
    let known = known.map_err(Error::from)?;
    let policy = store::identity::policy::active(&deps.db).await;
    let policy = policy.map_err(Error::from)?;
    let mut write = match begin(deps, id, request).await? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let applied = match applicable(run, known, policy) {
        Ok(policy) => apply_in(deps, &mut write, run, &policy).await,
        Err(refusal) => Err(refusal.into()),
    };
    write.finish(applied).await
}

/// Returns the policy whose merges may be made.
fn applicable(
    id: Uuid,
    run: Option<MatchingRun>,
    policy: Option<Policy>,
) -> Result<Policy, IdentityRefusal> {
    let run = run.ok_or(IdentityRefusal::RunNotFound(id))?;
    if run.state != RunState::Completed {
        return Err(IdentityRefusal::RunNotCompleted(id));
    }
    let is_in_force = |policy: &Policy| !run.is_dry && policy.version == run.policy_version;
    policy
        .filter(is_in_force)
        .ok_or(IdentityRefusal::RunNotApplicable(id))
}

async fn apply_in(
    deps: &Deps,
    write: &mut Write,
    run: Uuid,
    policy: &Policy,
) -> Result<wire::ApplyMatchingResponse, Error> {
    // Each merge may meet records of any lane.
    let lanes: Vec<Lane> = write.lanes.all().collect();
    feed::lock_lanes(&mut write.tx, &lanes).await?;
    let lane = store::identity::run::lane(write.lanes, run);
    let open = store::identity::run::open_merges(&mut write.tx, lane, run, APPLIED_MAX).await?;
    let mut book = Book::open(write.now);
    let (mut merged, mut skipped) = (0, 0);
    for finding in &open {
        let (state, reason) = match apply_one(deps, write, &mut book, finding, policy).await? {
            None => (FindingState::Applied, ""),
            Some(why) => (FindingState::Skipped, why),
        };
        merged += i64::from(state == FindingState::Applied);
        skipped += i64::from(state == FindingState::Skipped);
        store::identity::run::set(&mut write.tx, lane, finding, state, reason).await?;
    }
    let remaining = store::identity::run::count_open_merges(&mut write.tx, lane, run).await?;
    write.save(book).await?;
    Ok(wire::ApplyMatchingResponse {
        merged_count: merged,
        skipped_count: skipped,
        remaining_count: remaining,
        replayed: false,
    })
}

/// Makes one merge, or says why it is skipped.
async fn apply_one(
    deps: &Deps,
    write: &mut Write,
    book: &mut Book,
    finding: &Finding,
    policy: &Policy,
) -> Result<Option<&'static str>, Error> {
    let rules: &Rules = &policy.rules;
    let ids: BTreeSet<CustomerId> = finding.customers.iter().cloned().collect();
    let (lanes, now) = (write.lanes, write.now);
    let known = store::open_customers(&mut write.tx, lanes, &ids, now).await?;
    let mut ends: Vec<&Customer> = ids
        .iter()
        .filter_map(|id| known.customers.get(id))
        .collect();
    // The named before the nameless, then who has been a customer for longer.
    ends.sort_by_key(|it| (it.display_name.is_empty(), it.joined_at, it.id.clone()));
    let [survivor, loser] = ends.as_slice() else {
        return Ok(Some("GONE"));
    };
    let salt = policy::salt(deps);
    let agreed = job::matching::agreement(deps, rules, &salt, (survivor, loser)).await?;
    let Some(agreed) = agreed.filter(|it| it.weight >= rules.merge_weight) else {
        return Ok(Some("DISAGREE"));
    };
    let mut graph = store::identity::load(&mut write.tx, lanes, &ids).await?;
    if graph.members.len() > rules.members_max() {
        return Ok(Some("TOO_LARGE"));
    }
    let named = Named {
        survivor: survivor.id.clone(),
        losers: vec![loser.id.clone()],
    };
    let with_name = ends.iter().filter(|it| !it.display_name.is_empty());
    let with_name = with_name.map(|it| it.id.clone()).collect();
    let cause = Cause {
        policy_version: policy.version,
        match_key: agreed.match_key,
        fingerprint: agreed.fingerprint,
        ..Cause::default()
    };
    let merge = deps.ids.uuid(now);
    match merge::link(write, book, &mut graph, (merge, &named, &with_name), &cause).await {
        Ok(_) => Ok(None),
        Err(Error::Identity(IdentityRefusal::AlreadyOneRecord(_))) => Ok(Some("ONE_ALREADY")),
        Err(Error::Identity(IdentityRefusal::RecordTooLarge)) => Ok(Some("TOO_LARGE")),
        Err(error) => Err(error),
    }
}

pub(super) async fn quarantine(
    deps: &Deps,
    request: &wire::ListQuarantineRequest,
) -> Result<wire::ListQuarantineResponse, Error> {
    let page = Page::parse(
        Violations::new(),
        request.page_size,
        &request.page_token,
        "quarantine".to_owned(),
    )?;
    let after = (
        page.text(0)?.unwrap_or_default(),
        page.number(1)?.unwrap_or(0),
    );
    let limit = page.size.probe();
    let rows = store::identity::run::quarantine(&deps.db, after, limit, QUARANTINE_NAMED).await?;
    let (rows, next_page_token) = page.cut(rows, |row| {
        vec![row.run.to_string(), row.number.to_string()]
    });
    Ok(wire::ListQuarantineResponse {
        findings: rows.iter().map(show::finding).collect(),
        next_page_token,
    })
}

pub(super) async fn resolve(
    deps: &Deps,
    request: &wire::ResolveQuarantineRequest,
) -> Result<wire::ResolveQuarantineResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let run = run_id(&mut violations, &request.run_id);
    if request.number < 1 {
        violations.add("number", "1 or more", request.number.to_string());
    }
    let cause = parse::decided(&mut violations, &request.actor, &request.reason);
    violations.into_result().map_err(Error::from)?;
    let (id, run) = id.zip(run).expect("what is missing is a violation");
    let cause = cause.expect("what is missing is a violation");
    let mut write = match begin(deps, id, request).await? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let resolved = resolve_in(&mut write, (run, request.number), &cause).await;
    let answer = resolved.map(|finding| wire::ResolveQuarantineResponse {
        finding: Some(show::finding(&finding)),
        replayed: false,
    });
    write.finish(answer).await
}

async fn resolve_in(
    write: &mut Write,
    (run, number): (Uuid, i64),
    cause: &Cause,
) -> Result<Finding, Error> {
    let lane = store::identity::run::lane(write.lanes, run);
    let words = (cause.actor.as_str(), cause.reason.as_str());
    let resolved = store::identity::run::resolve(&mut write.tx, lane, (run, number), words).await?;
    Ok(resolved.ok_or(IdentityRefusal::QuarantineNotFound(run, number))?)
}
