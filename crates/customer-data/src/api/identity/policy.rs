//! Policies: create, activate, list.

use tenure_core::Violations;
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields;
use tenure_sql::feed;
use tonic::Status;

use super::{parse, show};
use crate::api::once::{Begun, Write, begin};
use crate::api::page::Page;
use crate::domain::identity::{IdentityRefusal, Policy, Rules, Salt};
use crate::{Deps, Error, store};

/// Returns what makes the fingerprints of this database.
pub(super) fn salt(deps: &Deps) -> Salt {
    Salt(deps.db.id().into_bytes())
}

pub(super) async fn create(
    deps: &Deps,
    request: &wire::CreateIdentityPolicyRequest,
) -> Result<wire::CreateIdentityPolicyResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let policy = fields::required(&mut violations, "policy", request.policy.as_ref());
    let salt = salt(deps);
    let rules = violations.within("policy.", |inner| parse::rules(inner, policy?, &salt));
    violations.into_result().map_err(Error::from)?;
    let (id, rules) = id.zip(rules).expect("what is missing is a violation");
    let mut write = match begin(deps, id, request).await? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let created = create_in(&mut write, rules).await;
    let answer = created.map(|policy| wire::CreateIdentityPolicyResponse {
        policy: Some(show::policy(&policy)),
        replayed: false,
    });
    write.finish(answer).await
}

async fn create_in(write: &mut Write, rules: Rules) -> Result<Policy, Error> {
    let lanes = write.lanes;
    feed::lock_lanes(&mut write.tx, &[store::identity::policy::lane(lanes)]).await?;
    Ok(store::identity::policy::add(&mut write.tx, lanes, rules, write.now).await?)
}

pub(super) async fn activate(
    deps: &Deps,
    request: &wire::ActivateIdentityPolicyRequest,
) -> Result<wire::ActivateIdentityPolicyResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    if request.version < 1 {
        violations.add("version", "1 or more", request.version.to_string());
    }
    violations.into_result().map_err(Error::from)?;
    let id = id.expect("what is missing is a violation");
    let known = store::identity::policy::get(&deps.db, request.version).await;
    let is_known = known.map_err(Error::from)?.is_some();
    let mut write = match begin(deps, id, request).await? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let activated = match is_known {
        true => activate_in(&mut write, request.version).await,
        // Versions are never taken away, so who found none need not look again.
        false => Err(IdentityRefusal::PolicyNotFound(request.version).into()),
    };
    let answer = activated.map(|policy| wire::ActivateIdentityPolicyResponse {
        policy: Some(show::policy(&policy)),
        replayed: false,
    });
    write.finish(answer).await
}

async fn activate_in(write: &mut Write, version: i64) -> Result<Policy, Error> {
    let lanes = write.lanes;
    feed::lock_lanes(&mut write.tx, &[store::identity::policy::lane(lanes)]).await?;
    let active =
        store::identity::policy::activate(&mut write.tx, lanes, version, write.now).await?;
    Ok(active.ok_or(IdentityRefusal::PolicyNotFound(version))?)
}

pub(super) async fn list(
    deps: &Deps,
    request: &wire::ListIdentityPoliciesRequest,
) -> Result<wire::ListIdentityPoliciesResponse, Error> {
    let page = Page::parse(
        Violations::new(),
        request.page_size,
        &request.page_token,
        "identity-policies".to_owned(),
    )?;
    let before = page.number(0)?.unwrap_or(i64::MAX);
    let rows = store::identity::policy::list(&deps.db, before, page.size.probe()).await?;
    let (rows, next_page_token) = page.cut(rows, |row| vec![row.version.to_string()]);
    Ok(wire::ListIdentityPoliciesResponse {
        policies: rows.iter().map(show::policy).collect(),
        next_page_token,
    })
}
