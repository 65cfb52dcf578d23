//! `AdjustPoints`, `ExpirePoints`, `ReinstatePoints`.

use tenure_core::Violations;
use tenure_proto::loyalty::v1::{
    AdjustPointsRequest, AdjustPointsResponse, ExpirePointsRequest, ExpirePointsResponse,
    ReinstatePointsRequest, ReinstatePointsResponse,
};
use tenure_rpc::fields;

use super::submit::{Write, entry, submit};
use super::{convert, parse};
use crate::Shared;
use crate::domain::{Command, Method, POINTS_MAX};
use crate::error::Error;

pub(super) async fn adjust(
    shared: &Shared,
    message: AdjustPointsRequest,
) -> Result<AdjustPointsResponse, Error> {
    let write = parse_adjust(&message)?;
    let (record, replayed) = submit(shared, &message, "AdjustPointsRequest", write).await?;
    let entry = entry(&record)?;
    let available_points = entry.available;
    Ok(AdjustPointsResponse {
        entry: Some(convert::entry(entry)),
        available_points,
        replayed,
    })
}

pub(super) fn parse_adjust(message: &AdjustPointsRequest) -> Result<Write, Error> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request = parse::request_id(v, &message.request_id);
    let account = parse::account(v, &message.account_id);
    if message.points_delta == 0 || message.points_delta.abs() > POINTS_MAX {
        let wanted = format!("1 to {POINTS_MAX} or -1 to -{POINTS_MAX}");
        v.add("points_delta", wanted, message.points_delta.to_string());
    }
    let expires_at = fields::optional_time(v, "expire_time", message.expire_time.as_ref());
    let order = parse::staff(v, &message.reason, &message.author, &message.approver);
    let write = || {
        let command = Command::Adjust {
            points: message.points_delta,
            expires_at,
            order: order?,
        };
        Some(Write {
            request: request?,
            account: account?,
            method: Method::AdjustPoints,
            command,
        })
    };
    Ok(parse::all(violations, write())?)
}

pub(super) async fn expire(
    shared: &Shared,
    message: ExpirePointsRequest,
) -> Result<ExpirePointsResponse, Error> {
    let write = parse_expire(&message)?;
    let (record, replayed) = submit(shared, &message, "ExpirePointsRequest", write).await?;
    let entry = entry(&record)?;
    let available_points = entry.available;
    Ok(ExpirePointsResponse {
        entry: Some(convert::entry(entry)),
        available_points,
        replayed,
    })
}

pub(super) fn parse_expire(message: &ExpirePointsRequest) -> Result<Write, Error> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request = parse::request_id(v, &message.request_id);
    let account = parse::account(v, &message.account_id);
    let lot = match message.lot_id.as_str() {
        "" => Some(None),
        id => parse::entry_id(v, "lot_id", id).map(Some),
    };
    let order = parse::staff(v, &message.reason, &message.author, "");
    let write = || {
        let command = Command::Expire {
            lot: lot?,
            order: order?,
        };
        Some(Write {
            request: request?,
            account: account?,
            method: Method::ExpirePoints,
            command,
        })
    };
    Ok(parse::all(violations, write())?)
}

pub(super) async fn reinstate(
    shared: &Shared,
    message: ReinstatePointsRequest,
) -> Result<ReinstatePointsResponse, Error> {
    let write = parse_reinstate(&message)?;
    let (record, replayed) = submit(shared, &message, "ReinstatePointsRequest", write).await?;
    let entry = entry(&record)?;
    let available_points = entry.available;
    Ok(ReinstatePointsResponse {
        entry: Some(convert::entry(entry)),
        available_points,
        replayed,
    })
}

pub(super) fn parse_reinstate(message: &ReinstatePointsRequest) -> Result<Write, Error> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request = parse::request_id(v, &message.request_id);
    let account = parse::account(v, &message.account_id);
    let entry = parse::entry_id(v, "entry_id", &message.entry_id);
    let expires_at = fields::optional_time(v, "expire_time", message.expire_time.as_ref());
    let order = parse::staff(v, &message.reason, &message.author, "");
    let write = || {
        let command = Command::Reinstate {
            entry: entry?,
            expires_at,
            order: order?,
        };
        Some(Write {
            request: request?,
            account: account?,
            method: Method::ReinstatePoints,
            command,
        })
    };
    Ok(parse::all(violations, write())?)
}
