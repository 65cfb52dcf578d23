//! The limits of family pools, on the wire.

use tenure_core::Violations;
use tenure_proto::loyalty::v1 as pb;

use super::rules_in::number;
use crate::domain::{PoolLeaving, PoolLimits};

pub(super) fn read(v: &mut Violations, message: &pb::PoolPolicy) -> Option<PoolLimits> {
    Some(PoolLimits {
        members_max: number(v, "members_max", message.members_max)?,
        contribute_month_max: message.contribute_month_points_max,
        spend_month_max: message.spend_month_points_max,
        on_leave: match message.on_leave() {
            pb::PoolLeaveEffect::Stay => PoolLeaving::Stay,
            _ => PoolLeaving::ReturnRemaining,
        },
    })
}

pub(super) fn write(limits: &PoolLimits) -> pb::PoolPolicy {
    let on_leave = match limits.on_leave {
        PoolLeaving::ReturnRemaining => pb::PoolLeaveEffect::ReturnRemaining,
        PoolLeaving::Stay => pb::PoolLeaveEffect::Stay,
    };
    pb::PoolPolicy {
        members_max: limits.members_max.into(),
        contribute_month_points_max: limits.contribute_month_max,
        spend_month_points_max: limits.spend_month_max,
        on_leave: on_leave.into(),
    }
}
