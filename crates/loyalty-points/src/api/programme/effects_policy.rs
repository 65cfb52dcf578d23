//! What becomes of points when something happens to their customer, on the wire.

use tenure_core::Violations;
use tenure_proto::loyalty::v1 as pb;

use super::rules_in::number;
use crate::domain::{Blocking, Effects, Leaving, OwnershipChange, SuspendedWhen};

pub(super) fn read(v: &mut Violations, message: &pb::EffectPolicy) -> Option<Effects> {
    let days = message.cancellation_grace_days;
    Some(Effects {
        on_suspension: blocking(message.on_suspension()),
        suspended_when: match message.suspended_when() {
            pb::SuspendedWhen::All => SuspendedWhen::All,
            _ => SuspendedWhen::Any,
        },
        on_arrears: blocking(message.on_arrears()),
        on_cancellation: leaving(message.on_cancellation()),
        cancellation_grace_days: number(v, "cancellation_grace_days", days)?,
        on_port_out: leaving(message.on_port_out()),
        on_ownership_change: match message.on_ownership_change() {
            pb::OwnershipEffect::PointsMove => OwnershipChange::PointsMove,
            _ => OwnershipChange::PointsStay,
        },
    })
}

fn blocking(effect: pb::BlockingEffect) -> Blocking {
    match effect {
        pb::BlockingEffect::Nothing => Blocking::Nothing,
        _ => Blocking::Block,
    }
}

fn leaving(effect: pb::LeavingEffect) -> Leaving {
    match effect {
        pb::LeavingEffect::Keep => Leaving::Keep,
        _ => Leaving::Void,
    }
}

pub(super) fn write(effects: &Effects) -> pb::EffectPolicy {
    let blocking = |effect| match effect {
        Blocking::Block => pb::BlockingEffect::Block.into(),
        Blocking::Nothing => pb::BlockingEffect::Nothing.into(),
    };
    let leaving = |effect| match effect {
        Leaving::Void => pb::LeavingEffect::Void.into(),
        Leaving::Keep => pb::LeavingEffect::Keep.into(),
    };
    pb::EffectPolicy {
        on_suspension: blocking(effects.on_suspension),
        suspended_when: match effects.suspended_when {
            SuspendedWhen::Any => pb::SuspendedWhen::Any.into(),
            SuspendedWhen::All => pb::SuspendedWhen::All.into(),
        },
        on_arrears: blocking(effects.on_arrears),
        on_cancellation: leaving(effects.on_cancellation),
        cancellation_grace_days: effects.cancellation_grace_days.into(),
        on_port_out: leaving(effects.on_port_out),
        on_ownership_change: match effects.on_ownership_change {
            OwnershipChange::PointsStay => pb::OwnershipEffect::PointsStay.into(),
            OwnershipChange::PointsMove => pb::OwnershipEffect::PointsMove.into(),
        },
    }
}
