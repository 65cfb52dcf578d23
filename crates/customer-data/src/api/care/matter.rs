//! What passes between the operator and the customer over a complaint.

use tenure_core::Violations;
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields;
use tonic::Status;

use super::complaint::Which;
use crate::api::once::{Begun, begin};
use crate::api::parse;
use crate::domain::book::Changed;
use crate::domain::complaint::words::ResolutionState;
use crate::domain::complaint::{Notice, TEXT_LENGTH_MAX};
use crate::domain::words::Channel;
use crate::domain::{limits, text};
use crate::{Deps, Error};

pub(super) async fn notify(
    deps: &Deps,
    request: &wire::NotifyCustomerRequest,
) -> Result<wire::NotifyCustomerResponse, Status> {
    let mut violations = Violations::new();
    let which = (
        &*request.request_id,
        &*request.customer_id,
        &*request.complaint_id,
    );
    let which = Which::parse(&mut violations, which);
    let channel = request.channel;
    let channel = parse::required_word(&mut violations, "channel", channel, Channel::from_number);
    let message = parse::code(&mut violations, "message_code", &request.message_code);
    let at = request.notice_time.as_ref();
    let at = fields::optional_time(&mut violations, "notice_time", at);
    limits::check_happened(&mut violations, "notice_time", at, deps.clock.now());
    violations.into_result().map_err(Error::from)?;
    let asked = which.zip(channel.zip(message));
    let (which, (channel, message)) = asked.expect("what is missing is a violation");
    let mut write = match begin(deps, which.request, request).await? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let changed = which.change(&mut write, |complaint, now| {
        let notice = Notice {
            // A replica whose clock is behind does not tell of a time before the complaint.
            at: at.unwrap_or(now.max(complaint.created_at)),
            channel,
            message,
        };
        complaint.notify(notice, now).map(|()| Changed::Matter)
    });
    let answer = changed.await.map(|complaint| wire::NotifyCustomerResponse {
        complaint,
        replayed: false,
    });
    write.finish(answer).await
}

pub(super) async fn propose(
    deps: &Deps,
    request: &wire::ProposeResolutionRequest,
) -> Result<wire::ProposeResolutionResponse, Status> {
    let mut violations = Violations::new();
    let which = (
        &*request.request_id,
        &*request.customer_id,
        &*request.complaint_id,
    );
    let which = Which::parse(&mut violations, which);
    let code = parse::code(&mut violations, "resolution_code", &request.resolution_code);
    let text = violations.take("text", text::parse_prose(&request.text, TEXT_LENGTH_MAX));
    let proposed_by = request.proposed_by.as_ref();
    let proposed_by = parse::staff(&mut violations, "proposed_by", proposed_by);
    violations.into_result().map_err(Error::from)?;
    let asked = which.zip(code.zip(text).zip(proposed_by));
    let (which, (what, proposed_by)) = asked.expect("what is missing is a violation");
    let mut write = match begin(deps, which.request, request).await? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let changed = which.change(&mut write, |complaint, now| {
        let proposed = complaint.propose(what, proposed_by, now);
        proposed.map(|()| Changed::Matter)
    });
    let answer = changed
        .await
        .map(|complaint| wire::ProposeResolutionResponse {
            complaint,
            replayed: false,
        });
    write.finish(answer).await
}

pub(super) async fn answer(
    deps: &Deps,
    request: &wire::AnswerResolutionRequest,
) -> Result<wire::AnswerResolutionResponse, Status> {
    let mut violations = Violations::new();
    let which = (
        &*request.request_id,
        &*request.customer_id,
        &*request.complaint_id,
    );
    let which = Which::parse(&mut violations, which);
    let number = request.resolution_number;
    if number < 1 {
        violations.add("resolution_number", "1 or more", number.to_string());
    }
    let answer = ResolutionState::from_number(request.state)
        .filter(|answer| *answer != ResolutionState::Proposed);
    if answer.is_none() {
        let found = format!("the number {}", request.state);
        violations.add("state", "ACCEPTED or REFUSED", found);
    }
    violations.into_result().map_err(Error::from)?;
    let (which, answer) = which.zip(answer).expect("what is missing is a violation");
    let mut write = match begin(deps, which.request, request).await? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let changed = which.change(&mut write, |complaint, now| {
        let is_news = complaint.answer(number, answer, now)?;
        Ok(if is_news {
            Changed::Matter
        } else {
            Changed::Nothing
        })
    });
    let answer = changed
        .await
        .map(|complaint| wire::AnswerResolutionResponse {
            complaint,
            replayed: false,
        });
    write.finish(answer).await
}
