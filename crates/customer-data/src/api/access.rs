//! Who was shown what: the list for whoever has to answer for it.

use tenure_core::{CustomerId, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields::time;

use super::page::Page;
use crate::domain::Access;
use crate::job::access::AccessLog;
use crate::{Deps, Error, store};

/// Lists what was committed before the call, and what was queued then.
pub(super) async fn list(
    deps: &Deps,
    log: &AccessLog,
    request: &wire::ListAccessesRequest,
) -> Result<wire::ListAccessesResponse, Error> {
    let mut violations = Violations::new();
    let customer = &request.customer_id;
    if !customer.is_empty() {
        violations.take("customer_id", CustomerId::parse(customer));
    }
    let arguments = format!("accesses/{customer}");
    let (size, token) = (request.page_size, &request.page_token);
    let page = Page::parse(violations, size, token, arguments)?;
    let before = page.text(0)?;
    if before.is_none() {
        log.committed().await?;
    }
    let rows = store::access::list(&deps.db, customer, before, page.size.probe()).await?;
    let (rows, next_page_token) = page.cut(rows, |row| vec![row.id.clone()]);
    Ok(wire::ListAccessesResponse {
        accesses: rows.into_iter().map(show).collect(),
        next_page_token,
    })
}

fn show(access: Access) -> wire::Access {
    wire::Access {
        access_id: access.id,
        access_time: Some(time(access.at)),
        principal: access.principal,
        method: access.method,
        view: access.view.number(),
        purpose: access.purpose,
    }
}
