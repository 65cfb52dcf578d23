//! `EarnPoints`, `RedeemPoints`, `ReverseEntry`.

use tenure_core::Violations;
use tenure_proto::loyalty::v1::{
    EarnPointsRequest, EarnPointsResponse, RedeemPointsRequest, RedeemPointsResponse,
    ReverseEntryRequest, ReverseEntryResponse,
};
use tenure_rpc::fields;

use super::submit::{Write, entry, submit};
use super::{convert, parse};
use crate::Shared;
use crate::domain::{Command, Method};
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

fn parse_earn(message: &EarnPointsRequest) -> Result<Write, Error> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request = parse::request_id(v, &message.request_id);
    let account = parse::account(v, &message.account_id);
    let points = parse::points(v, message.points);
    let source = parse::source(v, &message.source);
    let expires_at = fields::optional_time(v, "expire_time", message.expire_time.as_ref());
    let open = message.open_account;
    let write = || {
        let (points, source) = (points?, source?);
        let command = Command::Earn {
            points,
            source,
            earned_at: None,
            expires_at,
            open,
        };
        Some(Write {
            request: request?,
            account: account?,
            method: Method::EarnPoints,
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

fn parse_redeem(message: &RedeemPointsRequest) -> Result<Write, Error> {
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

fn parse_reverse(message: &ReverseEntryRequest) -> Result<Write, Error> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request = parse::request_id(v, &message.request_id);
    let account = parse::account(v, &message.account_id);
    let entry = parse::entry_id(v, "entry_id", &message.entry_id);
    let source = parse::source(v, &message.source);
    let write = || {
        let command = Command::Reverse {
            entry: entry?,
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
