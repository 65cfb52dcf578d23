//! `EarnPoints`, `ActivatePoints`, `RedeemPoints`, `ReverseEntry`.

use tenure_core::{Timestamp, Violations};
use tenure_proto::loyalty::v1::earn_points_request::Activation;
use tenure_proto::loyalty::v1::{
    ActivatePointsRequest, EarnPointsRequest, RedeemPointsRequest, ReverseEntryRequest,
};
use tenure_rpc::fields;

use super::submit::Reading;
use super::{parse, pools};
use crate::domain::{Command, Earn};

pub(super) fn earn(message: &EarnPointsRequest, reading: &mut Reading<'_>) -> Option<Command> {
    let v = &mut reading.violations;
    let points = parse::points(v, message.points);
    let source = parse::source(v, &message.source);
    let expires_at = fields::optional_time(v, "expire_time", message.expire_time.as_ref());
    let active_from = activation(v, message.activation.as_ref());
    let points_type = parse::optional_key(v, "points_type", &message.points_type);
    let partner = parse::optional_key(v, "partner_id", &message.partner_id);
    Some(Command::Earn(Earn {
        expires_at,
        active_from,
        points_type: points_type?,
        partner: partner?,
        open: message.open_account,
        ..Earn::new(points?, source?)
    }))
}

/// Returns when points become available, where that is not at once.
fn activation(violations: &mut Violations, said: Option<&Activation>) -> Option<Timestamp> {
    match said? {
        Activation::ActivateTime(at) => {
            fields::optional_time(violations, "activate_time", Some(at))
        }
        Activation::UntilActivated(true) => Some(Timestamp::MAX),
        Activation::UntilActivated(false) => {
            violations.add("until_activated", "true", "false");
            None
        }
    }
}

pub(super) fn activate(
    message: &ActivatePointsRequest,
    reading: &mut Reading<'_>,
) -> Option<Command> {
    let v = &mut reading.violations;
    let lot = parse::entry_id(v, "lot_id", &message.lot_id);
    Some(Command::Activate { lot: lot? })
}

pub(super) fn redeem(message: &RedeemPointsRequest, reading: &mut Reading<'_>) -> Option<Command> {
    let v = &mut reading.violations;
    let points = parse::points(v, message.points);
    let source = parse::source(v, &message.source);
    let partner = parse::partner(v, &message.partner_id);
    let spend = points.zip(source).zip(partner);
    let redeem = spend.map(|((points, source), partner)| Command::Redeem {
        points,
        source,
        partner,
    });
    pools::for_member(v, &message.member_account_id, redeem)
}

pub(super) fn reverse(message: &ReverseEntryRequest, reading: &mut Reading<'_>) -> Option<Command> {
    let v = &mut reading.violations;
    let entry = parse::entry_id(v, "entry_id", &message.entry_id);
    let source = parse::source(v, &message.source);
    let points = parse::points_or_all(v, message.points);
    Some(Command::Reverse {
        entry: entry?,
        points,
        source: source?,
    })
}
