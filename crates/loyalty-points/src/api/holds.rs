//! `CreateHold`, `GetHold`, `ConfirmHold`, `ReleaseHold`.

use tenure_core::violation::Mismatch;
use tenure_core::{Span, Violations};
use tenure_proto::loyalty::v1::{
    ConfirmHoldRequest, CreateHoldRequest, GetHoldRequest, GetHoldResponse, ReleaseHoldRequest,
};

use super::submit::Reading;
use super::{accounts, convert, parse, pools};
use crate::domain::{Command, Refusal};
use crate::error::Error;
use crate::{Shared, store};

const LASTS_DEFAULT: Span = Span::from_seconds(15 * 60);
const LASTS_MIN: Span = Span::from_seconds(1);
const LASTS_MAX: Span = Span::from_days(30);

pub(super) fn create(message: &CreateHoldRequest, reading: &mut Reading<'_>) -> Option<Command> {
    let v = &mut reading.violations;
    let points = parse::points(v, message.points);
    let source = parse::source(v, &message.source);
    let lasts = self::lasts(v, "hold_duration", message.hold_duration.as_ref());
    let partner = parse::partner(v, &message.partner_id);
    let hold = points.zip(source).zip(lasts).zip(partner);
    let hold = hold.map(|(((points, source), lasts), partner)| Command::Hold {
        points,
        source,
        lasts,
        partner,
    });
    pools::for_member(v, &message.member_account_id, hold)
}

/// Returns for how long points are put aside.
pub(super) fn lasts(
    v: &mut Violations,
    field: &str,
    lasts: Option<&prost_types::Duration>,
) -> Option<Span> {
    match lasts {
        Some(lasts) => v.take(field, parse_lasts(lasts)),
        None => Some(LASTS_DEFAULT),
    }
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

pub(super) fn confirm(message: &ConfirmHoldRequest, reading: &mut Reading<'_>) -> Option<Command> {
    let v = &mut reading.violations;
    let hold = parse::entry_id(v, "hold_id", &message.hold_id);
    let points = parse::points_or_all(v, message.points);
    let partner = parse::partner(v, &message.partner_id);
    Some(Command::Confirm {
        hold: hold?,
        points,
        tops_up: message.allow_top_up,
        partner: partner?,
    })
}

pub(super) fn release(message: &ReleaseHoldRequest, reading: &mut Reading<'_>) -> Option<Command> {
    let v = &mut reading.violations;
    let hold = parse::entry_id(v, "hold_id", &message.hold_id);
    Some(Command::Release { hold: hold? })
}
