//! Lists of complaints, steps and promises.

use std::cmp::Reverse;

use tenure_core::{ComplaintId, DepartmentCode, PersonCode, Timestamp, Violations};
use tenure_proto::customer::v1 as wire;

use crate::api::customer::required_customer;
use crate::api::identity::page_of_record;
use crate::api::page::Page;
use crate::api::{parse, show};
use crate::domain::complaint::Step;
use crate::domain::{Complaint, Promise};
use crate::store::{OfCustomer, complaint as complaints_of, promise as promises_of};
use crate::{Deps, Error};

pub(super) async fn complaints(
    deps: &Deps,
    request: &wire::ListComplaintsRequest,
) -> Result<wire::ListComplaintsResponse, Error> {
    let customer = required_customer(&request.customer_id)?;
    let arguments = format!("complaints/{customer}/{}", request.open_only);
    let (size, token) = (request.page_size, &request.page_token);
    let page = Page::parse(Violations::new(), size, token, arguments)?;
    let after = page.newest_first()?;
    let limit = page.size.probe();
    let of = |customer| OfCustomer {
        customer,
        is_open_only: request.open_only,
    };
    let order = |row: &Complaint| (Reverse(row.created_at), row.id.clone());
    let rows = page_of_record!(deps, &customer, limit, order, member => {
        complaints_of::list(&deps.db, of(member), after, limit)
    });
    let (rows, next_page_token) = page.cut(rows, |row| {
        vec![row.created_at.as_micros().to_string(), row.id.to_string()]
    });
    Ok(wire::ListComplaintsResponse {
        complaints: rows.iter().map(show::complaint).collect(),
        next_page_token,
    })
}

pub(super) async fn owned(
    deps: &Deps,
    request: &wire::ListOwnedComplaintsRequest,
) -> Result<wire::ListOwnedComplaintsResponse, Error> {
    let mut violations = Violations::new();
    let (department, person) = (&request.department_code, &request.person_code);
    violations.take("department_code", DepartmentCode::parse(department));
    parse::optional_id(&mut violations, ("person_code", person), PersonCode::parse);
    let arguments = format!("owned/{department} {person} {}", request.overdue_only);
    let (size, token) = (request.page_size, &request.page_token);
    let page = Page::parse(violations, size, token, arguments)?;
    let after = (
        page.number(0)?.unwrap_or(i64::MIN),
        page.text(1)?.unwrap_or_default(),
    );
    let now = deps.clock.now();
    let of = complaints_of::OfOwner {
        department,
        person,
        promised_before: request.overdue_only.then_some(now),
    };
    let rows = complaints_of::list_owned(&deps.db, of, after, page.size.probe()).await?;
    let (rows, next_page_token) = page.cut(rows, |row| {
        let promised = row.step.promised_until.unwrap_or(Timestamp::MAX);
        vec![promised.as_micros().to_string(), row.id.to_string()]
    });
    Ok(wire::ListOwnedComplaintsResponse {
        complaints: rows.iter().map(show::complaint).collect(),
        next_page_token,
    })
}

pub(super) async fn steps(
    deps: &Deps,
    request: &wire::ListComplaintStepsRequest,
) -> Result<wire::ListComplaintStepsResponse, Error> {
    let customer = required_customer(&request.customer_id)?;
    let mut violations = Violations::new();
    let id = violations.take("complaint_id", ComplaintId::parse(&request.complaint_id));
    let arguments = format!("steps/{customer} {}", request.complaint_id);
    let (size, token) = (request.page_size, &request.page_token);
    let page = Page::parse(violations, size, token, arguments)?;
    let id = id.expect("what is missing is a violation");
    let after = page.number(0)?.unwrap_or(0);
    let limit = page.size.probe();
    // One member of the record has the complaint.
    let rows = page_of_record!(deps, &customer, limit, |row: &Step| row.number, member => {
        complaints_of::list_steps(&deps.db, (member, &id), after, limit)
    });
    // Every complaint has a first step.
    if after == 0 && rows.is_empty() {
        return Err(Error::ComplaintNotFound(id));
    }
    let (rows, next_page_token) = page.cut(rows, |row| vec![row.number.to_string()]);
    Ok(wire::ListComplaintStepsResponse {
        steps: rows.iter().map(show::step).collect(),
        next_page_token,
    })
}

pub(super) async fn promises(
    deps: &Deps,
    request: &wire::ListPromisesRequest,
) -> Result<wire::ListPromisesResponse, Error> {
    let customer = required_customer(&request.customer_id)?;
    let arguments = format!("promises/{customer}/{}", request.open_only);
    let (size, token) = (request.page_size, &request.page_token);
    let page = Page::parse(Violations::new(), size, token, arguments)?;
    let after = page.newest_first()?;
    let limit = page.size.probe();
    let of = |customer| OfCustomer {
        customer,
        is_open_only: request.open_only,
    };
    let order = |row: &Promise| (Reverse(row.promised_at), row.id.clone());
    let rows = page_of_record!(deps, &customer, limit, order, member => {
        promises_of::list(&deps.db, of(member), after, limit)
    });
    let (rows, next_page_token) = page.cut(rows, |row| {
        vec![row.promised_at.as_micros().to_string(), row.id.to_string()]
    });
    Ok(wire::ListPromisesResponse {
        promises: rows.iter().map(show::promise).collect(),
        next_page_token,
    })
}

pub(super) async fn overdue(
    deps: &Deps,
    request: &wire::ListOverduePromisesRequest,
) -> Result<wire::ListOverduePromisesResponse, Error> {
    let mut violations = Violations::new();
    let department = request.department_code.as_str();
    let given = ("department_code", department);
    parse::optional_id(&mut violations, given, DepartmentCode::parse);
    let arguments = format!("overdue/{department}");
    let (size, token) = (request.page_size, &request.page_token);
    let page = Page::parse(violations, size, token, arguments)?;
    let after = (
        page.number(0)?.unwrap_or(i64::MIN),
        page.text(1)?.unwrap_or_default(),
    );
    let (db, now) = (&deps.db, deps.clock.now());
    let rows = promises_of::list_overdue(db, department, now, after, page.size.probe()).await?;
    let (rows, next_page_token) = page.cut(rows, |row| {
        vec![row.due_at.as_micros().to_string(), row.id.to_string()]
    });
    Ok(wire::ListOverduePromisesResponse {
        promises: rows.iter().map(show::promise).collect(),
        next_page_token,
    })
}
