//! What the record of a customer is made of, and what it was made of before.

use tenure_core::Violations;
use tenure_proto::customer::v1 as wire;

use super::{record, show};
use crate::api::customer::required_customer;
use crate::api::page::Page;
use crate::{Deps, Error, store};

pub(super) async fn explain(
    deps: &Deps,
    request: &wire::ExplainIdentityRequest,
) -> Result<wire::ExplainIdentityResponse, Error> {
    let id = required_customer(&request.customer_id)?;
    let found = record::find(deps, &id).await?;
    let links = store::identity::link::making(&deps.db, &found.record.members).await?;
    Ok(wire::ExplainIdentityResponse {
        record: Some(show::record(&found.record)),
        links: links.iter().map(show::link).collect(),
        customer: Some(crate::api::show::customer(&found.customer)),
        origins: found.origins.iter().map(show::origin).collect(),
        policy_version: found.policy_version,
    })
}

pub(super) async fn list(
    deps: &Deps,
    request: &wire::ListMergeLinksRequest,
) -> Result<wire::ListMergeLinksResponse, Error> {
    let customer = required_customer(&request.customer_id)?;
    let arguments = format!("merge-links/{customer}");
    let page = Page::parse(
        Violations::new(),
        request.page_size,
        &request.page_token,
        arguments,
    )?;
    let after = (
        page.number(0)?.unwrap_or(i64::MAX),
        page.text(1)?.unwrap_or_default(),
        page.text(2)?.unwrap_or_default(),
    );
    record::members(deps, &customer).await?;
    let rows = store::identity::link::list(&deps.db, &customer, after, page.size.probe()).await?;
    let (rows, next_page_token) = page.cut(rows, |row| {
        vec![
            row.since.as_micros().to_string(),
            row.link.merge.to_string(),
            row.link.loser.to_string(),
        ]
    });
    Ok(wire::ListMergeLinksResponse {
        links: rows.iter().map(show::link).collect(),
        next_page_token,
    })
}
