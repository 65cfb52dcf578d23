//! Complaints that are taken in, handed over and moved from state to state.

use tenure_core::{ComplaintId, CustomerId, RequestId, Timestamp, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields;
use tonic::Status;

use crate::api::once::{Begun, Write, begin};
use crate::api::{parse, show};
use crate::domain::book::{Changed, Owned};
use crate::domain::complaint::words::State;
use crate::domain::complaint::{Hand, NewComplaint, REASON_LENGTH_MAX, Terms};
use crate::domain::{Complaint, Refusal, Touched, text};
use crate::{Deps, Error, store};

/// Which complaint.
pub(super) struct Which {
    pub(super) request: RequestId,
    customer: CustomerId,
    complaint: ComplaintId,
}

impl Which {
    pub(super) fn parse(
        violations: &mut Violations,
        (request_id, customer, complaint): (&str, &str, &str),
    ) -> Option<Self> {
        let request = fields::request_id(violations, request_id);
        let customer = violations.take("customer_id", CustomerId::parse(customer));
        let complaint = violations.take("complaint_id", ComplaintId::parse(complaint));
        Some(Self {
            request: request?,
            customer: customer?,
            complaint: complaint?,
        })
    }

    /// Changes the complaint in a book of its own.
    pub(super) async fn change(
        &self,
        write: &mut Write,
        change: impl FnOnce(&mut Complaint, Timestamp) -> Result<Changed, Refusal>,
    ) -> Result<Option<wire::Complaint>, Error> {
        let mut touched = Touched::default();
        touched.customers.insert(self.customer.clone());
        let key = (self.customer.clone(), self.complaint.clone());
        touched.complaints.insert(key);
        let mut book = write.open(&touched).await?;
        let changed = book.change_complaint(&self.customer, &self.complaint, change);
        let changed = changed.map_err(|refusal| Error::refused(refusal, ""))?;
        write.save(book).await?;
        Ok(Some(show::complaint(&changed)))
    }
}

fn hand(
    violations: &mut Violations,
    owner: Option<&wire::StaffMember>,
    promised: Option<&prost_types::Timestamp>,
    reason: &str,
) -> Option<Hand> {
    let owner = parse::staff(violations, "owner", owner);
    let promised_until = fields::optional_time(violations, "promised_time", promised);
    let reason = violations.take("reason_code", text::parse(reason, REASON_LENGTH_MAX));
    Some(Hand {
        owner: owner?,
        promised_until,
        reason: reason?,
    })
}

pub(super) async fn create(
    deps: &Deps,
    request: &wire::CreateComplaintRequest,
) -> Result<wire::CreateComplaintResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let wire = fields::required(&mut violations, "complaint", request.complaint.as_ref());
    let new = violations.within("complaint.", |inner| parse::new_complaint(inner, wire?));
    let (owner, promised) = (request.owner.as_ref(), request.promised_time.as_ref());
    let hand = hand(&mut violations, owner, promised, "");
    violations.into_result().map_err(Error::from)?;
    let (id, asked) = id
        .zip(new.zip(hand))
        .expect("what is missing is a violation");
    let terms = deps.config.complaints.terms(asked.0.severity);
    let mut write = match begin(deps, id, request).await? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let created = create_in(&mut write, asked, terms).await;
    let created = created.map(|complaint| wire::CreateComplaintResponse {
        complaint,
        replayed: false,
    });
    write.finish(created).await
}

async fn create_in(
    write: &mut Write,
    (new, hand): (NewComplaint, Hand),
    terms: Terms,
) -> Result<Option<wire::Complaint>, Error> {
    let mut touched = Touched::default();
    touched.customers.insert(new.customer.clone());
    let subscription = new.subscription.clone();
    touched
        .subscriptions
        .extend(subscription.map(|id| (new.customer.clone(), id)));
    touched
        .claimed
        .insert((Owned::Complaint, new.id.as_str().into()));
    let mut book = write.open(&touched).await?;
    let opened = book.open_complaint(new, hand, terms);
    let opened = opened.map_err(|refusal| {
        let prefix = match refusal.field.as_str() {
            "promised_time" => "",
            _ => "complaint.",
        };
        Error::refused(refusal, prefix)
    })?;
    write.save(book).await?;
    Ok(Some(show::complaint(&opened)))
}

pub(super) async fn get(
    deps: &Deps,
    request: &wire::GetComplaintRequest,
) -> Result<wire::GetComplaintResponse, Error> {
    let mut violations = Violations::new();
    let id = violations.take("complaint_id", ComplaintId::parse(&request.complaint_id));
    violations.into_result()?;
    let id = id.expect("what is missing is a violation");
    let found = store::complaint::get(&deps.db, &id).await?;
    let found = found.ok_or(Error::ComplaintNotFound(id))?;
    Ok(wire::GetComplaintResponse {
        complaint: Some(show::complaint(&found)),
    })
}

pub(super) async fn hand_over(
    deps: &Deps,
    request: &wire::HandOverComplaintRequest,
) -> Result<wire::HandOverComplaintResponse, Status> {
    let mut violations = Violations::new();
    let which = (
        &*request.request_id,
        &*request.customer_id,
        &*request.complaint_id,
    );
    let which = Which::parse(&mut violations, which);
    let (owner, promised) = (request.owner.as_ref(), request.promised_time.as_ref());
    fields::required(&mut violations, "promised_time", promised);
    let hand = hand(&mut violations, owner, promised, &request.reason_code);
    violations.into_result().map_err(Error::from)?;
    let (which, hand) = which.zip(hand).expect("what is missing is a violation");
    let mut write = match begin(deps, which.request, request).await? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let changed = which.change(&mut write, |complaint, now| {
        let ended = complaint.hand_over(hand, now)?;
        Ok(Changed::Step(Box::new(ended)))
    });
    let answer = changed
        .await
        .map(|complaint| wire::HandOverComplaintResponse {
            complaint,
            replayed: false,
        });
    write.finish(answer).await
}

pub(super) async fn change_state(
    deps: &Deps,
    request: &wire::ChangeComplaintStateRequest,
) -> Result<wire::ChangeComplaintStateResponse, Status> {
    let mut violations = Violations::new();
    let which = (
        &*request.request_id,
        &*request.customer_id,
        &*request.complaint_id,
    );
    let which = Which::parse(&mut violations, which);
    let to = parse::required_word(&mut violations, "state", request.state, State::from_number);
    let (owner, promised) = (request.owner.as_ref(), request.promised_time.as_ref());
    let hand = hand(&mut violations, owner, promised, &request.reason_code);
    let expected = request.expected_resolution_time.as_ref();
    let expected = fields::optional_time(&mut violations, "expected_resolution_time", expected);
    violations.into_result().map_err(Error::from)?;
    let asked = which.zip(to.zip(hand));
    let (which, (to, hand)) = asked.expect("what is missing is a violation");
    let mut write = match begin(deps, which.request, request).await? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let changed = which.change(&mut write, |complaint, now| {
        let terms = deps.config.complaints.terms(complaint.severity);
        let ended = complaint.change_state(to, hand, expected, terms, now)?;
        Ok(Changed::Step(Box::new(ended)))
    });
    let answer = changed
        .await
        .map(|complaint| wire::ChangeComplaintStateResponse {
            complaint,
            replayed: false,
        });
    write.finish(answer).await
}
