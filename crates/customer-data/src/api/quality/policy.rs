//! Policies: set, get, list.

use tenure_core::Violations;
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields;
use tenure_sql::feed;
use tonic::Status;

use super::parse;
use crate::api::once::{Begun, Write, begin};
use crate::api::page::Page;
use crate::domain::quality::{Policy, Rule, SOURCES_MAX};
use crate::{Deps, Error, store};

pub(super) async fn set(
    deps: &Deps,
    request: &wire::SetQualityPolicyRequest,
) -> Result<wire::SetQualityPolicyResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let source = violations.take("source", parse::name(&request.source));
    let rules = parse::rules(&mut violations, &request.rules);
    violations.into_result().map_err(Error::from)?;
    let (id, source) = id.zip(source).expect("what is missing is a violation");
    let mut write = match begin(deps, id, request).await? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let set = set_in(&mut write, source, rules).await;
    let answer = set.map(|policy| wire::SetQualityPolicyResponse {
        policy: Some(parse::show(&policy)),
        replayed: false,
    });
    write.finish(answer).await
}

async fn set_in(write: &mut Write, source: String, rules: Vec<Rule>) -> Result<Policy, Error> {
    let lanes = write.lanes;
    feed::lock_lanes(&mut write.tx, &[store::quality::lane(lanes, &source)]).await?;
    if store::quality::others(&mut write.tx, &source).await? >= SOURCES_MAX {
        return Err(Error::QualitySourcesFull(source));
    }
    Ok(store::quality::set(&mut write.tx, lanes, source, rules, write.now).await?)
}

/// Returns a version, or that there is none.
pub(super) async fn find(deps: &Deps, source: &str, version: i64) -> Result<Policy, Error> {
    let mut violations = Violations::new();
    let source = violations.take("source", parse::name(source));
    if version < 0 {
        violations.add("version", "0 or more", version.to_string());
    }
    violations.into_result()?;
    let source = source.expect("what is missing is a violation");
    let found = store::quality::get(&deps.db, &source, version).await?;
    found.ok_or(Error::QualityPolicyNotFound(source))
}

pub(super) async fn get(
    deps: &Deps,
    request: &wire::GetQualityPolicyRequest,
) -> Result<wire::GetQualityPolicyResponse, Error> {
    let policy = find(deps, &request.source, request.version).await?;
    Ok(wire::GetQualityPolicyResponse {
        policy: Some(parse::show(&policy)),
    })
}

pub(super) async fn list(
    deps: &Deps,
    request: &wire::ListQualityPoliciesRequest,
) -> Result<wire::ListQualityPoliciesResponse, Error> {
    let page = Page::parse(
        Violations::new(),
        request.page_size,
        &request.page_token,
        "quality-policies".to_owned(),
    )?;
    let after = page.text(0)?.unwrap_or_default();
    let rows = store::quality::list(&deps.db, after, page.size.probe()).await?;
    let (rows, next_page_token) = page.cut(rows, |row| vec![row.source.clone()]);
    Ok(wire::ListQualityPoliciesResponse {
        policies: rows.iter().map(parse::show).collect(),
        next_page_token,
    })
}
