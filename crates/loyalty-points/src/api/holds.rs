//! `CreateHold`, `GetHold`, `ConfirmHold`, `ReleaseHold`.

use tenure_core::violation::Mismatch;
use tenure_core::{Span, Violations};
use tenure_proto::loyalty::v1::{
    ConfirmHoldRequest, ConfirmHoldResponse, CreateHoldRequest, CreateHoldResponse, GetHoldRequest,
    GetHoldResponse, ReleaseHoldRequest, ReleaseHoldResponse,
};

use super::submit::{Write, entry, submit};
use super::{accounts, convert, parse};
use crate::domain::{Command, Method, Refusal};
use crate::error::Error;
use crate::{Shared, store};

const LASTS_DEFAULT: Span = Span::from_seconds(15 * 60);
const LASTS_MIN: Span = Span::from_seconds(1);
const LASTS_MAX: Span = Span::from_days(30);

pub(super) async fn create(
    shared: &Shared,
    message: CreateHoldRequest,
) -> Result<CreateHoldResponse, Error> {
    let write = parse_create(&message)?;
    let (record, replayed) = submit(shared, &message, "CreateHoldRequest", write).await?;
    let entry = entry(&record)?;
    let (hold, available_points) = (convert::hold_after(entry), entry.available);
    Ok(CreateHoldResponse {
        hold,
        available_points,
        replayed,
    })
}

pub(super) fn parse_create(message: &CreateHoldRequest) -> Result<Write, Error> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request = parse::request_id(v, &message.request_id);
    let account = parse::account(v, &message.account_id);
    let points = parse::points(v, message.points);
    let source = parse::source(v, &message.source);
    let lasts = match &message.hold_duration {
        Some(lasts) => v.take("hold_duration", parse_lasts(lasts)),
        None => Some(LASTS_DEFAULT),
    };
    let write = || {
        let command = Command::Hold {
            points: points?,
            source: source?,
            lasts: lasts?,
        };
        Some(Write {
            request: request?,
            account: account?,
            method: Method::CreateHold,
            command,
        })
    };
    Ok(parse::all(violations, write())?)
}

fn parse_lasts(lasts: &prost_types::Duration) -> Result<Span, Mismatch> {
    let micros = lasts.seconds.checked_mul(1_000_000);
    let micros = micros.and_then(|micros| micros.checked_add(i64::from(lasts.nanos / 1_000)));
    match micros.map(Span::from_micros) {
        Some(span) if (LASTS_MIN..=LASTS_MAX).contains(&span) => Ok(span),
        _ => Err(Mismatch::new(
            "1 second to 30 days",
            format!("{} seconds", lasts.seconds),
        )),
    }
}

pub(super) async fn get(
    shared: &Shared,
    message: GetHoldRequest,
) -> Result<GetHoldResponse, Error> {
    let mut violations = Violations::new();
    let account = parse::account(&mut violations, &message.account_id);
    let hold = parse::entry_id(&mut violations, "hold_id", &message.hold_id);
    let (account, id) = parse::all(violations, account.zip(hold))?;
    let lane = shared.lane(account.as_str());
    let found = store::hold(&shared.db, lane, &account, id, shared.clock.now()).await?;
    match found {
        Some((facts, state)) => Ok(GetHoldResponse {
            hold: Some(convert::hold(account.to_string(), &facts, state)),
        }),
        None => {
            accounts::require(shared, &account).await?;
            Err(Refusal::HoldNotFound {
                hold: id.to_string(),
            }
            .into())
        }
    }
}

pub(super) async fn confirm(
    shared: &Shared,
    message: ConfirmHoldRequest,
) -> Result<ConfirmHoldResponse, Error> {
    let write = parse_confirm(&message)?;
    let (record, replayed) = submit(shared, &message, "ConfirmHoldRequest", write).await?;
    let entry = entry(&record)?;
    let (hold, available_points) = (convert::hold_after(entry), entry.available);
    Ok(ConfirmHoldResponse {
        hold,
        entry: Some(convert::entry(entry)),
        available_points,
        replayed,
    })
}

pub(super) fn parse_confirm(message: &ConfirmHoldRequest) -> Result<Write, Error> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request = parse::request_id(v, &message.request_id);
    let account = parse::account(v, &message.account_id);
    let hold = parse::entry_id(v, "hold_id", &message.hold_id);
    let points = parse::points_or_all(v, message.points);
    let write = || {
        let command = Command::Confirm {
            hold: hold?,
            points,
            tops_up: message.allow_top_up,
        };
        Some(Write {
            request: request?,
            account: account?,
            method: Method::ConfirmHold,
            command,
        })
    };
    Ok(parse::all(violations, write())?)
}

pub(super) async fn release(
    shared: &Shared,
    message: ReleaseHoldRequest,
) -> Result<ReleaseHoldResponse, Error> {
    let write = parse_release(&message)?;
    let (record, replayed) = submit(shared, &message, "ReleaseHoldRequest", write).await?;
    let entry = entry(&record)?;
    let (hold, available_points) = (convert::hold_after(entry), entry.available);
    Ok(ReleaseHoldResponse {
        hold,
        available_points,
        replayed,
    })
}

pub(super) fn parse_release(message: &ReleaseHoldRequest) -> Result<Write, Error> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request = parse::request_id(v, &message.request_id);
    let account = parse::account(v, &message.account_id);
    let hold = parse::entry_id(v, "hold_id", &message.hold_id);
    let write = || {
        let command = Command::Release { hold: hold? };
        Some(Write {
            request: request?,
            account: account?,
            method: Method::ReleaseHold,
            command,
        })
    };
    Ok(parse::all(violations, write())?)
}
