//! `EarnPoints`, `ActivatePoints`, `RedeemPoints`, `ReverseEntry`.

use tenure_core::{Timestamp, Violations};
use tenure_proto::loyalty::v1::earn_points_request::Activation;
use tenure_proto::loyalty::v1::{
    ActivatePointsRequest, ActivatePointsResponse, EarnPointsRequest, EarnPointsResponse,
    RedeemPointsRequest, RedeemPointsResponse, ReverseEntryRequest, ReverseEntryResponse,
};
use tenure_rpc::fields;

use super::submit::{Write, entry, submit};
use super::{convert, parse};
use crate::Shared;
use crate::domain::{Command, Earn, Method};
use crate::error::Error;

pub(super) async fn earn(
    shared: &Shared,
    message: EarnPointsRequest,
) -> Result<EarnPointsResponse, Error> {
    let write = parse_earn(&message)?;
    let (record, replayed) = submit(shared, &message, "EarnPointsRequest", write).await?;
    let entry = entry(&record)?;
    let available_points = entry.available;
    Ok(EarnPointsResponse {
        entry: Some(convert::entry(entry)),
        available_points,
        replayed,
    })
}

pub(super) fn parse_earn(message: &EarnPointsRequest) -> Result<Write, Error> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request = parse::request_id(v, &message.request_id);
    let account = parse::account(v, &message.account_id);
    let points = parse::points(v, message.points);
    let source = parse::source(v, &message.source);
    let expires_at = fields::optional_time(v, "expire_time", message.expire_time.as_ref());
    let active_from = activation(v, message.activation.as_ref());
    let points_type = parse::optional_key(v, "points_type", &message.points_type);
    let partner = parse::optional_key(v, "partner_id", &message.partner_id);
    let write = || {
        let command = Command::Earn(Earn {
            expires_at,
            active_from,
            points_type: points_type?,
            partner: partner?,
            open: message.open_account,
            ..Earn::new(points?, source?)
        });
        Some(Write {
            request: request?,
            account: account?,
            method: Method::EarnPoints,
            command,
        })
    };
    Ok(parse::all(violations, write())?)
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

pub(super) async fn activate(
    shared: &Shared,
    message: ActivatePointsRequest,
) -> Result<ActivatePointsResponse, Error> {
    let write = parse_activate(&message)?;
    let (record, replayed) = submit(shared, &message, "ActivatePointsRequest", write).await?;
    let entry = entry(&record)?;
    let available_points = entry.available;
    Ok(ActivatePointsResponse {
        entry: Some(convert::entry(entry)),
        available_points,
        replayed,
    })
}

pub(super) fn parse_activate(message: &ActivatePointsRequest) -> Result<Write, Error> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request = parse::request_id(v, &message.request_id);
    let account = parse::account(v, &message.account_id);
    let lot = parse::entry_id(v, "lot_id", &message.lot_id);
    let write = || {
        let command = Command::Activate { lot: lot? };
        Some(Write {
            request: request?,
            account: account?,
            method: Method::ActivatePoints,
            command,
        })
    };
    Ok(parse::all(violations, write())?)
}

pub(super) async fn redeem(
    shared: &Shared,
    message: RedeemPointsRequest,
) -> Result<RedeemPointsResponse, Error> {
    let write = parse_redeem(&message)?;
    let (record, replayed) = submit(shared, &message, "RedeemPointsRequest", write).await?;
    let entry = entry(&record)?;
    let available_points = entry.available;
    Ok(RedeemPointsResponse {
        entry: Some(convert::entry(entry)),
        available_points,
        replayed,
    })
}

pub(super) fn parse_redeem(message: &RedeemPointsRequest) -> Result<Write, Error> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request = parse::request_id(v, &message.request_id);
    let account = parse::account(v, &message.account_id);
    let points = parse::points(v, message.points);
    let source = parse::source(v, &message.source);
    let write = || {
        let command = Command::Redeem {
            points: points?,
            source: source?,
        };
        Some(Write {
            request: request?,
            account: account?,
            method: Method::RedeemPoints,
            command,
        })
    };
    Ok(parse::all(violations, write())?)
}

pub(super) async fn reverse(
    shared: &Shared,
    message: ReverseEntryRequest,
) -> Result<ReverseEntryResponse, Error> {
    let write = parse_reverse(&message)?;
    let (record, replayed) = submit(shared, &message, "ReverseEntryRequest", write).await?;
    let entry = entry(&record)?;
    let available_points = entry.available;
    Ok(ReverseEntryResponse {
        entry: Some(convert::entry(entry)),
        available_points,
        replayed,
    })
}

pub(super) fn parse_reverse(message: &ReverseEntryRequest) -> Result<Write, Error> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request = parse::request_id(v, &message.request_id);
    let account = parse::account(v, &message.account_id);
    let entry = parse::entry_id(v, "entry_id", &message.entry_id);
    let source = parse::source(v, &message.source);
    let points = parse::points_or_all(v, message.points);
    let write = || {
        let command = Command::Reverse {
            entry: entry?,
            points,
            source: source?,
        };
        Some(Write {
            request: request?,
            account: account?,
            method: Method::ReverseEntry,
            command,
        })
    };
    Ok(parse::all(violations, write())?)
}
