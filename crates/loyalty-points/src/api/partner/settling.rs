//! `SettlePartner`, `UpdateSettlement`.

use tenure_core::{RequestId, Timestamp, Violations};
use tenure_proto::loyalty::v1::{
    SettlePartnerRequest, SettlePartnerResponse, Settlement, UpdateSettlementRequest,
    UpdateSettlementResponse,
};
use tenure_rpc::fields;

use super::{partner_id, require, settlements};
use crate::Shared;
use crate::api::once::{Begun, begin};
use crate::api::parse;
use crate::api::programme::Failed;
use crate::domain::SettlementState;
use crate::error::Error;
use crate::store::settlements::{self as store, Started};

/// The longest name of who did something.
const ACTOR_LENGTH_MAX: usize = 64;
/// The longest note.
const NOTE_LENGTH_MAX: usize = 512;
/// How many settlements of others a call completes before it gives up.
const ATTEMPTS_MAX: usize = 64;

/// What is asked for.
struct Asked<'m> {
    request: RequestId,
    partner: String,
    until: Option<Timestamp>,
    by: &'m str,
}

fn read(message: &SettlePartnerRequest) -> Result<Asked<'_>, Error> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request = parse::request_id(v, &message.request_id);
    let partner = partner_id(v, &message.partner_id);
    let until = fields::optional_time(v, "until_time", message.until_time.as_ref());
    let by = fields::text(v, "created_by", &message.created_by, ACTOR_LENGTH_MAX);
    let ((request, partner), by) = parse::all(violations, request.zip(partner).zip(by))?;
    Ok(Asked {
        request,
        partner,
        until,
        by,
    })
}

pub(super) async fn settle(
    shared: &Shared,
    message: SettlePartnerRequest,
) -> Result<SettlePartnerResponse, Failed> {
    let asked = read(&message)?;
    let (db, clock, partner) = (&shared.db, &*shared.clock, asked.partner.as_str());
    for _ in 0..ATTEMPTS_MAX {
        // One after the other: what runs, or was left by somebody who is gone, is completed first.
        if let Some(number) = store::running(db, partner).await? {
            store::complete(db, clock, partner, number).await?;
        }
        let (number, replayed) = match begin_settlement(shared, &message, &asked).await? {
            Begin::Known(number) => (number, true),
            Begin::New(number) => (number, false),
            Begin::Behind(number) => {
                store::complete(db, clock, partner, number).await?;
                continue;
            }
        };
        store::complete(db, clock, partner, number).await?;
        let partner = require(shared, partner).await?;
        let settlement = settlements::whole(shared, &partner, number).await?;
        return Ok(SettlePartnerResponse {
            settlement: Some(settlement),
            replayed,
        });
    }
    Err(Error::Overloaded.into())
}

/// What came of beginning a settlement.
enum Begin {
    /// An earlier call of the same request began it.
    Known(i64),
    /// It is begun.
    New(i64),
    /// Another one is running.
    Behind(i64),
}

async fn begin_settlement(
    shared: &Shared,
    message: &SettlePartnerRequest,
    asked: &Asked<'_>,
) -> Result<Begin, Failed> {
    let begun = begin(shared, asked.request, message);
    let mut write = match begun.await.map_err(Failed::Stored)? {
        Begun::Answered(SettlePartnerResponse { settlement, .. }) => {
            let number = settlement.map_or(0, |known| known.settlement_number);
            return Ok(Begin::Known(number));
        }
        Begun::New(write) => write,
    };
    let now = write.now;
    if asked.until.is_some_and(|until| until > now) {
        let mut violations = Violations::new();
        let wanted = "an instant not in the future";
        violations.add("until_time", wanted, "a later one");
        parse::all(violations, Some(()))?;
    }
    let until = asked.until.unwrap_or(now);
    let who = (now, asked.by);
    let answer = match store::start(&mut write.tx, &asked.partner, until, who).await? {
        Ok(Started::Behind(number)) => return Ok(Begin::Behind(number)),
        Ok(Started::New(number)) => Ok(number),
        Err(refusal) => Err(Error::from(refusal)),
    };
    // What is kept is which settlement it is; the answer shows how that is then.
    let kept = answer.map(|settlement_number| SettlePartnerResponse {
        settlement: Some(Settlement {
            partner_id: asked.partner.clone(),
            settlement_number,
            ..Settlement::default()
        }),
        replayed: false,
    });
    let kept = write.finish(kept).await?;
    let number = kept.settlement.map_or(0, |known| known.settlement_number);
    Ok(Begin::New(number))
}

pub(super) async fn update(
    shared: &Shared,
    message: UpdateSettlementRequest,
) -> Result<UpdateSettlementResponse, Failed> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request = parse::request_id(v, &message.request_id);
    let id = partner_id(v, &message.partner_id);
    let state = i16::try_from(message.state)
        .ok()
        .and_then(SettlementState::from_number);
    if state.is_none() {
        let found = message.state.to_string();
        v.add("state", "INVOICED, PAID or DISPUTED", found);
    }
    let note = match message.note.as_str() {
        "" => Some(""),
        note => fields::text(v, "note", note, NOTE_LENGTH_MAX),
    };
    let by = fields::text(v, "updated_by", &message.updated_by, ACTOR_LENGTH_MAX);
    let parsed = request.zip(id).zip(state.zip(note).zip(by));
    let ((request, id), ((state, note), by)) = parse::all(violations, parsed)?;
    let begun = begin(shared, request, &message);
    let mut write = match begun.await.map_err(Failed::Stored)? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let (what, who) = ((id.as_str(), message.settlement_number), (write.now, by));
    let changed = store::change_state(&mut write.tx, what, state, note, who).await?;
    let answer = match changed {
        Ok(found) => {
            let partner = require(shared, &id).await?;
            Ok(UpdateSettlementResponse {
                settlement: Some(settlements::show(&partner, &found)),
                replayed: false,
            })
        }
        Err(refusal) => Err(Error::from(refusal)),
    };
    Ok(write.finish(answer).await?)
}
