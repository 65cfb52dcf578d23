//! `AddPoolMember`, `RemovePoolMember`, `ContributePoints`, and spending for a member.

use tenure_core::Violations;
use tenure_proto::loyalty::v1::{
    AddPoolMemberRequest, ContributePointsRequest, RemovePoolMemberRequest,
};

use super::parse;
use super::submit::Reading;
use super::transfers::place;
use crate::domain::{Command, Place};

fn other(reading: &mut Reading<'_>, field: &str, id: &str, first: &str) -> Option<Place> {
    let other = parse::other_account(&mut reading.violations, field, id, first)?;
    Some(place(reading.shared, other))
}

pub(super) fn add(message: &AddPoolMemberRequest, reading: &mut Reading<'_>) -> Option<Command> {
    let (member, pool) = (&message.member_account_id, &message.account_id);
    let member = other(reading, "member_account_id", member, pool)?;
    Some(Command::AddMember { member })
}

pub(super) fn remove(
    message: &RemovePoolMemberRequest,
    reading: &mut Reading<'_>,
) -> Option<Command> {
    let (member, pool) = (&message.member_account_id, &message.account_id);
    let member = other(reading, "member_account_id", member, pool)?;
    Some(Command::RemoveMember { member })
}

pub(super) fn contribute(
    message: &ContributePointsRequest,
    reading: &mut Reading<'_>,
) -> Option<Command> {
    let (pool, member) = (&message.pool_account_id, &message.account_id);
    let pool = other(reading, "pool_account_id", pool, member);
    let points = parse::points(&mut reading.violations, message.points);
    let source = parse::source(&mut reading.violations, &message.source);
    Some(Command::Contribute {
        pool: pool?,
        points: points?,
        source: source?,
    })
}

/// Returns a command as it is, or, when a member is named, for that member.
pub(super) fn for_member(
    violations: &mut Violations,
    member: &str,
    command: Option<Command>,
) -> Option<Command> {
    if member.is_empty() {
        return command;
    }
    let member = parse::account_in(violations, "member_account_id", member);
    Some(Command::ForMember {
        member: member?,
        command: Box::new(command?),
    })
}
