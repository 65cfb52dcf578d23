//! Groups, their members, and their pulse.

mod members;
mod pulse;

use tenure_core::{CustomerId, GroupId, Timestamp, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::group_service_server::GroupService;
use tenure_rpc::fields::{self, time};
use tenure_sql::feed;
use tonic::{Request, Response, Status};

use super::account::require_customer;
use super::once::{Write, once};
use super::parse::required_word;
use super::{Answer, Api};
use crate::domain::group::{
    Group, GroupKind, MEMBERS_MAX, Membership, NAME_LENGTH_MAX, PLACE_CODE_LENGTH_MAX,
};
use crate::domain::refusal::Reason;
use crate::domain::{Refusal, text};
use crate::{Deps, Error, store};

#[tonic::async_trait]
impl GroupService for Api {
    async fn upsert_group(
        &self,
        request: Request<wire::UpsertGroupRequest>,
    ) -> Answer<wire::UpsertGroupResponse> {
        upsert(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn get_group(
        &self,
        request: Request<wire::GetGroupRequest>,
    ) -> Answer<wire::GetGroupResponse> {
        Ok(Response::new(get(&self.0, &request.into_inner()).await?))
    }

    async fn add_group_members(
        &self,
        request: Request<wire::AddGroupMembersRequest>,
    ) -> Answer<wire::AddGroupMembersResponse> {
        members::add(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn end_group_membership(
        &self,
        request: Request<wire::EndGroupMembershipRequest>,
    ) -> Answer<wire::EndGroupMembershipResponse> {
        members::end(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn list_groups(
        &self,
        request: Request<wire::ListGroupsRequest>,
    ) -> Answer<wire::ListGroupsResponse> {
        Ok(Response::new(
            members::list_groups(&self.0, &request.into_inner()).await?,
        ))
    }

    async fn list_group_members(
        &self,
        request: Request<wire::ListGroupMembersRequest>,
    ) -> Answer<wire::ListGroupMembersResponse> {
        Ok(Response::new(
            members::list(&self.0, &request.into_inner()).await?,
        ))
    }

    async fn get_group_pulse(
        &self,
        request: Request<wire::GetGroupPulseRequest>,
    ) -> Answer<wire::GetGroupPulseResponse> {
        Ok(Response::new(
            pulse::get(&self.0, &request.into_inner()).await?,
        ))
    }
}

async fn upsert(
    deps: &Deps,
    request: &wire::UpsertGroupRequest,
) -> Result<wire::UpsertGroupResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let given = fields::required(&mut violations, "group", request.group.as_ref());
    let now = deps.clock.now();
    let new = violations.within("group.", |inner| parse(inner, given?, now));
    violations.into_result().map_err(Error::from)?;
    let (id, new) = id.zip(new).expect("what is missing is a violation");
    once!(deps, id, request, write => upsert_in(&mut write, new))
}

pub(super) fn parse(
    violations: &mut Violations,
    wire: &wire::Group,
    now: Timestamp,
) -> Option<Group> {
    let id = violations.take("group_id", GroupId::parse(&wire.group_id));
    let kind = required_word(violations, "kind", wire.kind, GroupKind::from_number);
    let name = violations.take("name", text::parse(&wire.name, NAME_LENGTH_MAX));
    let customer = Some(wire.customer_id.as_str()).filter(|id| !id.is_empty());
    let customer = customer.map(|id| violations.take("customer_id", CustomerId::parse(id)));
    let place_code = text::parse(&wire.place_code, PLACE_CODE_LENGTH_MAX);
    let place_code = violations.take("place_code", place_code);
    let member_count_max = match i64::from(wire.member_count_max) {
        0 => MEMBERS_MAX,
        count => count,
    };
    if !(1..=MEMBERS_MAX).contains(&member_count_max) {
        let (wanted, found) = (
            format!("1 to {MEMBERS_MAX}, or 0"),
            member_count_max.to_string(),
        );
        violations.add("member_count_max", wanted, found);
    }
    Some(Group {
        id: id?,
        kind: kind?,
        name: name?,
        customer: customer.flatten(),
        place_code: place_code?,
        member_count_max,
        created_at: now,
        updated_at: now,
    })
}

async fn upsert_in(write: &mut Write, new: Group) -> Result<wire::UpsertGroupResponse, Error> {
    let lanes = write.lanes;
    let mut wanted = vec![lanes.of(new.id.as_str())];
    wanted.extend(new.customer.iter().map(|id| lanes.of(id.as_str())));
    feed::lock_lanes(&mut write.tx, &wanted).await?;
    if let Some(customer) = &new.customer {
        require_customer(write, "group.customer_id", customer).await?;
    }
    let known = store::group::load(&mut write.tx, lanes, &new.id).await?;
    let changed = match &known {
        Some(known) => new
            .replace(known)
            .map_err(|refusal| Error::refused(refusal, ""))?,
        None => Some(new),
    };
    if let Some(changed) = &changed {
        store::group::save(&mut write.tx, lanes, changed).await?;
    }
    Ok(wire::UpsertGroupResponse {
        group: changed.or(known).as_ref().map(group),
        replayed: false,
    })
}

async fn get(
    deps: &Deps,
    request: &wire::GetGroupRequest,
) -> Result<wire::GetGroupResponse, Error> {
    let mut violations = Violations::new();
    let id = violations.take("group_id", GroupId::parse(&request.group_id));
    violations.into_result()?;
    let id = id.expect("what is missing is a violation");
    let found = require(deps, &id).await?;
    Ok(wire::GetGroupResponse {
        group: Some(group(&found)),
    })
}

/// Returns a group, or refuses because there is none.
async fn require(deps: &Deps, id: &GroupId) -> Result<Group, Error> {
    let found = store::group::get(&deps.db, id).await?;
    found.ok_or_else(|| no_group(id))
}

fn no_group(id: &GroupId) -> Error {
    let (reason, wanted) = (Reason::GroupNotFound, "a known group");
    let refusal = Refusal::new(reason, "group_id", wanted, "another");
    Error::refused(refusal.with("group_id", id.as_str()), "")
}

pub(super) fn group(group: &Group) -> wire::Group {
    let customer = group.customer.as_ref();
    wire::Group {
        group_id: group.id.to_string(),
        kind: group.kind.number(),
        name: group.name.clone(),
        customer_id: customer.map_or(String::new(), ToString::to_string),
        place_code: group.place_code.clone(),
        member_count_max: i32::try_from(group.member_count_max).expect("it has a limit"),
        create_time: Some(time(group.created_at)),
        update_time: Some(time(group.updated_at)),
    }
}

pub(super) fn membership(membership: &Membership) -> wire::GroupMembership {
    wire::GroupMembership {
        group_id: membership.group.to_string(),
        group_kind: membership.kind.number(),
        customer_id: membership.customer.to_string(),
        from_time: Some(time(membership.valid.from())),
        until_time: membership.valid.end().map(time),
    }
}
