//! What customers answered.

use tenure_core::{RequestId, Timestamp, Violations};
use tenure_proto::campaign::v1::{
    ContactResponse, RecordResponsesRequest, RecordResponsesResponse,
};
use tenure_rpc::fields;
use tenure_sql::Tx;
use tonic::Status;

use super::contact::{Touched, is_batch, once_each};
use super::offer::refused;
use super::turn::{self, Begun, Effect};
use crate::Inner;
use crate::domain::contact::{Answer, ContactId};
use crate::error::Error;

/// What one customer answered.
struct Said {
    contact: ContactId,
    answer: Answer,
    at: Option<Timestamp>,
}

/// Records answers; points for accepting become owed in the same transaction.
pub(super) async fn record(
    inner: &Inner,
    request: &RecordResponsesRequest,
) -> Result<RecordResponsesResponse, Status> {
    let (request_id, said) = parse(request)?;
    let mut turn = match turn::begin(inner, request, request_id).await? {
        Begun::New(turn) => turn,
        Begun::Before(answer) => return answer,
    };
    let recorded = store(inner, &mut turn.tx, &said, turn.now).await;
    let answer = turn.end(recorded).await?;
    inner.owed.notify_one();
    Ok(answer)
}

fn parse(request: &RecordResponsesRequest) -> Result<(RequestId, Vec<Said>), Error> {
    let mut v = Violations::new();
    let request_id = fields::request_id(&mut v, &request.request_id);
    let items = &request.responses;
    let mut said = Vec::with_capacity(items.len());
    if is_batch(&mut v, "responses", items) {
        for (at, item) in items.iter().enumerate() {
            said.extend(v.within(&format!("responses[{at}]."), |v| parse_one(v, item)));
        }
        once_each(
            &mut v,
            "responses",
            items.iter().map(|item| item.contact_id.as_str()),
        );
    }
    match request_id {
        Some(request_id) if v.is_empty() => Ok((request_id, said)),
        _ => Err(refused(v)),
    }
}

fn parse_one(v: &mut Violations, item: &ContactResponse) -> Option<Said> {
    let contact = v.take("contact_id", ContactId::parse(&item.contact_id));
    let answer = Answer::from_number(item.kind);
    if answer.is_none() {
        v.add("kind", "ACCEPTED or DECLINED", item.kind.to_string());
    }
    let at = fields::optional_time(v, "event_time", item.event_time.as_ref());
    Some(Said {
        contact: contact?,
        answer: answer?,
        at,
    })
}

async fn store(
    inner: &Inner,
    tx: &mut Tx,
    said: &[Said],
    now: Timestamp,
) -> Result<Effect<RecordResponsesResponse>, Error> {
    let mut enrolments = Touched::load(inner, tx, said.iter().map(|item| item.contact)).await?;
    let mut answer = RecordResponsesResponse::default();
    for item in said {
        let at = item.at.unwrap_or(now);
        let (enrolment, campaign) = enrolments.get(item.contact)?;
        let owes = item.answer == Answer::Accepted && campaign.draft.bonus_points > 0;
        let contact = enrolment
            .contact
            .as_mut()
            .expect("it was found by its contact");
        let is_first = contact
            .respond(item.answer, at)
            .map_err(|refusal| Error::contact(item.contact, refusal))?;
        if is_first {
            match item.answer {
                Answer::Accepted => answer.accepted_count += 1,
                Answer::Declined => answer.declined_count += 1,
            }
            enrolments.changed(item.contact, at, owes.then_some(now));
        }
    }
    let changes = enrolments.save(tx).await?;
    Ok((answer, changes))
}
