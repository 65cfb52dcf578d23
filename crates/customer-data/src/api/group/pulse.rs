//! The pulse of a group: what its members did in an interval, and in the one before it.

use std::collections::BTreeSet;

use tenure_core::{CustomerId, GroupId, Span, Timestamp, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields::{self, time};

use super::{group, require};
use crate::api::parse::optional_word;
use crate::api::show::money;
use crate::domain::words::{ChurnKind, UsagePeriod};
use crate::domain::{Group, Interval};
use crate::store::pulse::Crowd;
use crate::{Deps, Error, store};

/// The longest interval: what is added up is bounded by it.
const DAYS_MAX: i64 = 366;

pub(super) async fn get(
    deps: &Deps,
    request: &wire::GetGroupPulseRequest,
) -> Result<wire::GetGroupPulseResponse, Error> {
    let mut violations = Violations::new();
    let id = violations.take("group_id", GroupId::parse(&request.group_id));
    let from = fields::required_time(&mut violations, "from_time", request.from_time.as_ref());
    let until = fields::required_time(&mut violations, "until_time", request.until_time.as_ref());
    let word = UsagePeriod::from_number;
    let period = optional_word(&mut violations, "usage_period", request.usage_period, word);
    let period = period.unwrap_or(UsagePeriod::Month);
    let during = from
        .zip(until)
        .and_then(|(from, until)| during(&mut violations, from, until));
    violations.into_result()?;
    let (id, (during, before)) = id.zip(during).expect("what is missing is a violation");
    let found = require(deps, &id).await?;
    let pulse = count(deps, &found, during, period).await?;
    let pulse_before = count(deps, &found, before, period).await?;
    Ok(wire::GetGroupPulseResponse {
        group: Some(group(&found)),
        pulse: Some(pulse),
        pulse_before: Some(pulse_before),
    })
}

/// Returns the interval and the one of the same length before it.
fn during(
    violations: &mut Violations,
    from: Timestamp,
    until: Timestamp,
) -> Option<(Interval, Interval)> {
    let length = until.as_micros() - from.as_micros();
    let most = Span::from_days(DAYS_MAX).as_micros();
    if !(1..=most).contains(&length) {
        let wanted = format!("after from_time, at most {DAYS_MAX} days");
        violations.add("until_time", wanted, "another instant");
        return None;
    }
    let before = from - Span::from_micros(length);
    Interval::new(from, Some(until)).zip(Interval::new(before, Some(from)))
}

async fn count(
    deps: &Deps,
    group: &Group,
    during: Interval,
    period: UsagePeriod,
) -> Result<wire::GroupPulse, Error> {
    let memberships = store::group::during(&deps.db, &group.id, during).await?;
    let (from, until) = (during.from(), during.until());
    let number = |holds: &dyn Fn(Interval) -> bool| {
        let count = memberships
            .iter()
            .filter(|(_, valid)| holds(*valid))
            .count();
        i32::try_from(count).unwrap_or(i32::MAX)
    };
    let members: BTreeSet<&CustomerId> = memberships.iter().map(|(member, _)| member).collect();
    let crowd = Crowd::of(&deps.db, &members);
    let payers = members.iter().copied().chain(&group.customer).collect();
    let billed = Crowd::of(&deps.db, &payers)
        .billed(&deps.db, during)
        .await?;
    let calls = crowd.called(&deps.db, during, period).await?;
    let noticed = crowd.noticed(&deps.db, during).await?;
    let ended = crowd.ended(&deps.db, during).await?;
    let mut terminated = BTreeSet::new();
    let mut ported_out = BTreeSet::new();
    for subscription in &ended {
        let Some(end) = &subscription.termination else {
            continue;
        };
        if end.kind != ChurnKind::InternalMigration {
            terminated.insert(&subscription.customer);
        }
        if end.is_ported_out {
            ported_out.insert(&subscription.customer);
        }
    }
    let size =
        |customers: &BTreeSet<&CustomerId>| i32::try_from(customers.len()).unwrap_or(i32::MAX);
    Ok(wire::GroupPulse {
        from_time: Some(time(from)),
        until_time: Some(time(until)),
        member_count: number(&|valid| valid.contains(from)),
        joined_count: number(&|valid| from < valid.from()),
        left_count: number(&|valid| from < valid.until() && valid.until() <= until),
        noticed_count: i32::try_from(noticed).unwrap_or(i32::MAX),
        terminated_count: size(&terminated),
        ported_out_count: size(&ported_out),
        billed: billed.into_iter().map(money).collect(),
        voice_seconds: calls.voice_seconds,
        in_group_voice_seconds: calls.in_group_voice_seconds,
        voice_count: calls.voice_count,
        forwarded_offnet_seconds: calls.forwarded_offnet_seconds,
        forwarded_offnet_count: calls.forwarded_offnet_count,
    })
}
