//! `AdjustPoints`, `ExpirePoints`, `ReinstatePoints`.

use tenure_proto::loyalty::v1::{AdjustPointsRequest, ExpirePointsRequest, ReinstatePointsRequest};
use tenure_rpc::fields;

use super::parse;
use super::submit::Reading;
use crate::domain::{Command, POINTS_MAX};

pub(super) fn adjust(message: &AdjustPointsRequest, reading: &mut Reading<'_>) -> Option<Command> {
    let v = &mut reading.violations;
    if message.points_delta == 0 || message.points_delta.abs() > POINTS_MAX {
        let wanted = format!("1 to {POINTS_MAX} or -1 to -{POINTS_MAX}");
        v.add("points_delta", wanted, message.points_delta.to_string());
    }
    let expires_at = fields::optional_time(v, "expire_time", message.expire_time.as_ref());
    let order = parse::staff(v, &message.reason, &message.author, &message.approver);
    Some(Command::Adjust {
        points: message.points_delta,
        expires_at,
        order: order?,
    })
}

pub(super) fn expire(message: &ExpirePointsRequest, reading: &mut Reading<'_>) -> Option<Command> {
    let v = &mut reading.violations;
    let lot = match message.lot_id.as_str() {
        "" => Some(None),
        id => parse::entry_id(v, "lot_id", id).map(Some),
    };
    let order = parse::staff(v, &message.reason, &message.author, "");
    Some(Command::Expire {
        lot: lot?,
        order: order?,
    })
}

pub(super) fn reinstate(
    message: &ReinstatePointsRequest,
    reading: &mut Reading<'_>,
) -> Option<Command> {
    let v = &mut reading.violations;
    let entry = parse::entry_id(v, "entry_id", &message.entry_id);
    let expires_at = fields::optional_time(v, "expire_time", message.expire_time.as_ref());
    let order = parse::staff(v, &message.reason, &message.author, "");
    Some(Command::Reinstate {
        entry: entry?,
        expires_at,
        order: order?,
    })
}
