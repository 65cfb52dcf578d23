//! Who belongs to a group when: added in batches, ended one by one, listed from both sides.

use std::collections::BTreeSet;

use tenure_core::{CustomerId, GroupId, Timestamp, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields;
use tenure_sql::feed;
use tonic::Status;

use super::{membership, no_group, require};
use crate::api::identity::page_of_record;
use crate::api::once::{Write, once};
use crate::api::page::Page;
use crate::api::parse;
use crate::api::party::interval;
use crate::domain::refusal::Reason;
use crate::domain::{Change, Fact, Interval, Membership, Refusal};
use crate::{Deps, Error, store};

type Member = (CustomerId, Interval);

pub(super) async fn add(
    deps: &Deps,
    request: &wire::AddGroupMembersRequest,
) -> Result<wire::AddGroupMembersResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let group = violations.take("group_id", GroupId::parse(&request.group_id));
    let now = deps.clock.now();
    let member = |at: &mut Violations, wire: &wire::NewGroupMember| {
        let customer = at.take("customer_id", CustomerId::parse(&wire.customer_id));
        let valid = interval(at, wire.from_time.as_ref(), wire.until_time.as_ref(), now);
        customer.zip(valid)
    };
    let (items, key) = (&request.members, |(customer, _): &Member| customer.clone());
    let members = parse::batch(
        &mut violations,
        "members",
        items,
        member,
        "customer_id",
        key,
    );
    violations.into_result().map_err(Error::from)?;
    let (id, group) = id.zip(group).expect("what is missing is a violation");
    once!(deps, id, request, write => add_in(&mut write, &group, members))
}

async fn add_in(
    write: &mut Write,
    id: &GroupId,
    members: Vec<Member>,
) -> Result<wire::AddGroupMembersResponse, Error> {
    let lanes = write.lanes;
    let mut wanted = vec![lanes.of(id.as_str())];
    wanted.extend(
        members
            .iter()
            .map(|(customer, _)| lanes.of(customer.as_str())),
    );
    feed::lock_lanes(&mut write.tx, &wanted).await?;
    let group = store::group::load(&mut write.tx, lanes, id).await?;
    let group = group.ok_or_else(|| no_group(id))?;
    require_all(write, &members).await?;
    let since = members.iter().map(|(_, valid)| valid.from()).min();
    let since = since.expect("a batch has at least one");
    let known = store::group::load_since(&mut write.tx, lanes, id, since).await?;
    group
        .admit(&known, &members)
        .map_err(|(at, refusal)| Error::refused(refusal, &format!("members[{at}].")))?;
    let new: Vec<Membership> = members
        .into_iter()
        .map(|(customer, valid)| Membership {
            group: id.clone(),
            kind: group.kind,
            customer,
            valid,
        })
        .collect();
    store::group::save_members(&mut write.tx, lanes, &new).await?;
    let created_count = i32::try_from(new.len()).expect("a batch has a limit");
    let changes: Vec<_> = new
        .into_iter()
        .map(|it| change(it.valid.from(), it))
        .collect();
    write.tell(&changes).await?;
    Ok(wire::AddGroupMembersResponse {
        created_count,
        replayed: false,
    })
}

fn change(event_at: Timestamp, membership: Membership) -> Change {
    let fact = Fact::Group(membership);
    Change { event_at, fact }
}

/// Refuses when any of the customers is unknown.
async fn require_all(write: &mut Write, members: &[Member]) -> Result<(), Error> {
    let ids: Vec<&CustomerId> = members.iter().map(|(customer, _)| customer).collect();
    let known = store::party::kinds(&mut write.tx, write.lanes, &ids).await?;
    let known: BTreeSet<CustomerId> = known.into_iter().map(|(id, _)| id).collect();
    let Some(at) = ids.iter().position(|id| !known.contains(id)) else {
        return Ok(());
    };
    let reason = Reason::CustomerNotFound;
    let refusal = Refusal::new(reason, "customer_id", "a known customer", "another");
    let refusal = refusal.with("customer_id", ids[at].as_str());
    Err(Error::refused(refusal, &format!("members[{at}].")))
}

pub(super) async fn end(
    deps: &Deps,
    request: &wire::EndGroupMembershipRequest,
) -> Result<wire::EndGroupMembershipResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let group = violations.take("group_id", GroupId::parse(&request.group_id));
    let customer = violations.take("customer_id", CustomerId::parse(&request.customer_id));
    let at = fields::optional_time(&mut violations, "until_time", request.until_time.as_ref());
    violations.into_result().map_err(Error::from)?;
    let given = id.zip(group.zip(customer));
    let (id, (group, customer)) = given.expect("what is missing is a violation");
    let at = at.unwrap_or_else(|| deps.clock.now());
    once!(deps, id, request, write => end_in(&mut write, &group, &customer, at))
}

async fn end_in(
    write: &mut Write,
    id: &GroupId,
    customer: &CustomerId,
    at: Timestamp,
) -> Result<wire::EndGroupMembershipResponse, Error> {
    let lanes = write.lanes;
    let wanted = [lanes.of(id.as_str()), lanes.of(customer.as_str())];
    feed::lock_lanes(&mut write.tx, &wanted).await?;
    let group = store::group::load(&mut write.tx, lanes, id).await?;
    let group = group.ok_or_else(|| no_group(id))?;
    let known = store::group::load_member(&mut write.tx, lanes, id, customer).await?;
    let ended = known
        .into_iter()
        .find_map(|(_, known)| Some((known, known.cut(at)?)));
    let Some((known, valid)) = ended else {
        let (reason, wanted) = (
            Reason::GroupMemberNotFound,
            "an instant until which one is member",
        );
        let refusal = Refusal::new(reason, "until_time", wanted, "another");
        return Err(Error::refused(
            refusal.with("customer_id", customer.as_str()),
            "",
        ));
    };
    let ended = Membership {
        group: id.clone(),
        kind: group.kind,
        customer: customer.clone(),
        valid,
    };
    let shown = membership(&ended);
    if known != valid {
        store::group::save_members(&mut write.tx, lanes, std::slice::from_ref(&ended)).await?;
        write.tell(&[change(at, ended)]).await?;
    }
    Ok(wire::EndGroupMembershipResponse {
        membership: Some(shown),
        replayed: false,
    })
}

pub(super) async fn list_groups(
    deps: &Deps,
    request: &wire::ListGroupsRequest,
) -> Result<wire::ListGroupsResponse, Error> {
    let mut violations = Violations::new();
    let customer = violations.take("customer_id", CustomerId::parse(&request.customer_id));
    let at = fields::optional_time(&mut violations, "at_time", request.at_time.as_ref());
    let asked = at.map_or(0, Timestamp::as_micros);
    let arguments = format!("groups/{}/{asked}", request.customer_id);
    let (size, token) = (request.page_size, &request.page_token);
    let page = Page::parse(violations, size, token, arguments)?;
    let customer = customer.expect("what is missing is a violation");
    let after = (
        page.text(0)?.unwrap_or_default(),
        page.text(1)?.unwrap_or_default(),
    );
    let at = at.unwrap_or_else(|| deps.clock.now());
    let limit = page.size.probe();
    let order = |row: &Membership| (row.group.clone(), row.customer.clone());
    let rows = page_of_record!(deps, &customer, limit, order, member => {
        store::group::of_customer(&deps.db, member, at, after, limit)
    });
    let (rows, next_page_token) = page.cut(rows, |row| {
        vec![row.group.to_string(), row.customer.to_string()]
    });
    Ok(wire::ListGroupsResponse {
        memberships: rows.iter().map(membership).collect(),
        next_page_token,
    })
}

pub(super) async fn list(
    deps: &Deps,
    request: &wire::ListGroupMembersRequest,
) -> Result<wire::ListGroupMembersResponse, Error> {
    let mut violations = Violations::new();
    let group = violations.take("group_id", GroupId::parse(&request.group_id));
    let at = fields::optional_time(&mut violations, "at_time", request.at_time.as_ref());
    let asked = at.map_or(0, Timestamp::as_micros);
    let arguments = format!("members/{}/{asked}", request.group_id);
    let (size, token) = (request.page_size, &request.page_token);
    let page = Page::parse(violations, size, token, arguments)?;
    let group = require(deps, &group.expect("what is missing is a violation")).await?;
    let after = page.text(0)?.unwrap_or_default();
    let at = at.unwrap_or_else(|| deps.clock.now());
    let limit = page.size.probe();
    let rows = store::group::members(&deps.db, &group, at, after, limit).await?;
    let (rows, next_page_token) = page.cut(rows, |row| vec![row.customer.to_string()]);
    Ok(wire::ListGroupMembersResponse {
        memberships: rows.iter().map(membership).collect(),
        next_page_token,
    })
}
