//! The tickets of the simulated operator as calls, each at its instant.

use tenure_core::{Span, Timestamp};
use tenure_proto::customer::v1 as pb;
use tenure_proto::r#type::v1 as types;
use tenure_simulator::{Callback, Interaction, Ticket, TicketStep, customer_key};

use super::deed::Agenda;
use crate::wire::timestamp;

/// What a promise is called, of those to call back.
const CALL_BACK: &str = "CALL_BACK";
/// Who still waits for a call so long after it was due hears that it does not come.
const PATIENCE: Span = Span::from_days(1);
/// A solved ticket is closed when the customer has not come back by then.
const COOLING: Span = Span::from_days(2);

/// Notes the whole life of a ticket.
pub(super) fn note(agenda: &mut Agenda, complaint: &Interaction, ticket: &Ticket) {
    let desk = Desk {
        customer_id: customer_key(complaint.index),
        ticket,
    };
    let (first, rest) = ticket.steps.split_first().expect("a ticket has a step");
    agenda.note(first.begun_at, desk.taken(complaint));
    if let Some(callback) = &ticket.callback {
        desk.promised(agenda, first, callback);
    }
    // Care looks at it at once; the clock of its promise goes on.
    let begun = first.ended_at.since(first.begun_at).as_micros() / 2;
    let begun = Span::from_micros(begun.min(60_000_000));
    agenda.note(first.begun_at + begun, desk.moved(State::InProgress, first));
    let mut last = first;
    for step in rest {
        if Some(step.begun_at) == ticket.reopened_at {
            desk.solved(agenda, last, 1);
            agenda.note(step.begun_at, desk.reopened(step));
        } else {
            agenda.note(step.begun_at, desk.handed_over(step));
        }
        last = step;
    }
    let number = 1 + i32::from(ticket.reopened_at.is_some());
    desk.solved(agenda, last, number);
    agenda.note(last.ended_at + COOLING, desk.moved(State::Closed, last));
}

use pb::ComplaintState as State;

/// Says what becomes of one ticket.
struct Desk<'a> {
    customer_id: String,
    ticket: &'a Ticket,
}

impl Desk<'_> {
    fn taken(&self, complaint: &Interaction) -> pb::CreateComplaintRequest {
        let route = self.ticket.steps.iter();
        let route = route.filter(|step| Some(step.begun_at) != self.ticket.reopened_at);
        let hours = route.fold(Span::from_days(1), |sum, step| {
            let promised = step.promised_until.since(step.begun_at);
            Span::from_micros(sum.as_micros() + promised.as_micros())
        });
        let severity = match self.ticket.severity {
            1 => pb::ComplaintSeverity::Minor,
            2 => pb::ComplaintSeverity::Major,
            _ => pb::ComplaintSeverity::Critical,
        };
        let first = &self.ticket.steps[0];
        pb::CreateComplaintRequest {
            complaint: Some(pb::Complaint {
                complaint_id: self.ticket.key.clone(),
                customer_id: self.customer_id.clone(),
                kind: pb::ComplaintKind::Complaint.into(),
                severity: severity.into(),
                subject_code: complaint.kind.topic_str().to_owned(),
                channel: types::Channel::CallCentre.into(),
                // What all departments promise, and a day to spare.
                expected_resolution_time: Some(timestamp(complaint.at + hours)),
                ..Default::default()
            }),
            owner: Some(owner(first)),
            promised_time: Some(timestamp(first.promised_until)),
            ..Default::default()
        }
    }

    fn moved(&self, state: State, step: &TicketStep) -> pb::ChangeComplaintStateRequest {
        pb::ChangeComplaintStateRequest {
            customer_id: self.customer_id.clone(),
            complaint_id: self.ticket.key.clone(),
            state: state.into(),
            owner: Some(owner(step)),
            ..Default::default()
        }
    }

    fn reopened(&self, step: &TicketStep) -> pb::ChangeComplaintStateRequest {
        let promised = timestamp(step.promised_until);
        pb::ChangeComplaintStateRequest {
            promised_time: Some(promised),
            expected_resolution_time: Some(promised),
            reason_code: "NOT_SOLVED".to_owned(),
            ..self.moved(State::InProgress, step)
        }
    }

    fn handed_over(&self, step: &TicketStep) -> pb::HandOverComplaintRequest {
        pb::HandOverComplaintRequest {
            customer_id: self.customer_id.clone(),
            complaint_id: self.ticket.key.clone(),
            owner: Some(owner(step)),
            promised_time: Some(timestamp(step.promised_until)),
            reason_code: "NEEDS_EXPERT".to_owned(),
            ..Default::default()
        }
    }

    /// Proposes, agrees, tells and solves, all when the step ends.
    fn solved(&self, agenda: &mut Agenda, step: &TicketStep, number: i32) {
        let at = step.ended_at;
        agenda.note(
            at,
            pb::ProposeResolutionRequest {
                customer_id: self.customer_id.clone(),
                complaint_id: self.ticket.key.clone(),
                resolution_code: format!("{}_FIX", step.department.as_str()),
                proposed_by: Some(owner(step)),
                ..Default::default()
            },
        );
        agenda.note(
            at,
            pb::AnswerResolutionRequest {
                customer_id: self.customer_id.clone(),
                complaint_id: self.ticket.key.clone(),
                resolution_number: number,
                state: pb::ResolutionState::Accepted.into(),
                ..Default::default()
            },
        );
        agenda.note(
            at,
            pb::NotifyCustomerRequest {
                customer_id: self.customer_id.clone(),
                complaint_id: self.ticket.key.clone(),
                channel: types::Channel::Sms.into(),
                message_code: "SOLVED".to_owned(),
                ..Default::default()
            },
        );
        agenda.note(at, self.moved(State::Resolved, step));
    }

    fn promised(&self, agenda: &mut Agenda, step: &TicketStep, callback: &Callback) {
        let promise_id = self.ticket.key.replacen('T', "W", 1);
        agenda.note(
            step.begun_at,
            pb::RecordPromiseRequest {
                promise: Some(pb::Promise {
                    promise_id: promise_id.clone(),
                    customer_id: self.customer_id.clone(),
                    complaint_id: self.ticket.key.clone(),
                    promised_by: Some(owner(step)),
                    subject_code: CALL_BACK.to_owned(),
                    channel: types::Channel::CallCentre.into(),
                    due_time: Some(timestamp(callback.due_at)),
                    ..Default::default()
                }),
                ..Default::default()
            },
        );
        let customer_id = self.customer_id.clone();
        if is_broken(callback) {
            let given_up_at: Timestamp = callback.due_at + PATIENCE;
            let reason_code = "NOBODY_FREE".to_owned();
            let broken = pb::BreakPromiseRequest {
                customer_id,
                promise_id,
                reason_code,
                ..Default::default()
            };
            agenda.note(given_up_at, broken);
        } else {
            let kept = pb::KeepPromiseRequest {
                customer_id,
                promise_id,
                ..Default::default()
            };
            agenda.note(callback.kept_at, kept);
        }
    }
}

/// Returns true for a call that comes too late to be one.
fn is_broken(callback: &Callback) -> bool {
    callback.kept_at > callback.due_at + PATIENCE
}

fn owner(step: &TicketStep) -> pb::StaffMember {
    pb::StaffMember {
        department_code: step.department.as_str().to_owned(),
        person_code: step.owner.clone(),
    }
}
