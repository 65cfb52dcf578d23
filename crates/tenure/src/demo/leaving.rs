//! Who comes and who goes, as calls: leads before joining, signs and notices before leaving.

use tenure_core::{Span, Timestamp};
use tenure_proto::customer::v1 as pb;
use tenure_simulator::{
    Customer, CustomerKind, Departure, Interaction, Lead, Operator, Termination, customer_key,
};

use super::deed::Agenda;
use crate::wire::timestamp;

/// Who has not paid three bills is cut off so long before the contract ends.
const CUT_OFF: Span = Span::from_days(5);

/// Notes all that leads to somebody joining, or not.
pub(super) fn note_leads(agenda: &mut Agenda, operator: &Operator, customer: &Customer) {
    for lead in operator.leads(customer) {
        note_lead(agenda, customer, &lead);
    }
}

fn note_lead(agenda: &mut Agenda, customer: &Customer, lead: &Lead) {
    let kind = match customer.kind {
        CustomerKind::Individual => pb::CustomerKind::Individual,
        CustomerKind::Organisation => pb::CustomerKind::Organisation,
    };
    let source = customer.channel.as_str().to_owned();
    agenda.note(
        lead.asked_at,
        pb::UpsertProspectRequest {
            request_id: String::new(),
            prospect: Some(pb::Prospect {
                prospect_id: lead.prospect.clone(),
                kind: kind.into(),
                source: source.clone(),
                ..Default::default()
            }),
        },
    );
    agenda.note(
        lead.asked_at,
        pb::UpsertLeadRequest {
            request_id: String::new(),
            lead: Some(pb::Lead {
                lead_id: lead.key.clone(),
                customer_id: lead.prospect.clone(),
                source,
                interest: customer.plan.key.to_owned(),
                ..Default::default()
            }),
        },
    );
    let state = |state: pb::LeadState, lost_reason: &str| pb::ChangeLeadStateRequest {
        request_id: String::new(),
        customer_id: lead.prospect.clone(),
        lead_id: lead.key.clone(),
        state: state.into(),
        lost_reason: lost_reason.to_owned(),
    };
    agenda.note(lead.contacted_at, state(pb::LeadState::Contacted, ""));
    agenda.note(lead.qualified_at, state(pb::LeadState::Qualified, ""));
    let Some(reason) = lead.lost_reason else {
        let joins = pb::ActivateProspectRequest {
            request_id: String::new(),
            prospect_id: lead.prospect.clone(),
            display_name: format!("Customer {}", customer.index),
            lead_id: lead.key.clone(),
            join_time: Some(timestamp(lead.decided_at)),
        };
        return agenda.note(lead.decided_at, joins);
    };
    agenda.note(lead.decided_at, state(pb::LeadState::Lost, reason));
}

/// Notes that somebody asked how a number is taken along.
pub(super) fn note_question(agenda: &mut Agenda, question: &Interaction) {
    let kind = pb::LeavingSignalKind::PortabilityEnquiry;
    let index = question.index;
    agenda.note(question.at, signal(index, kind, None, question.at));
}

/// Notes what comes before an end that the customer wants. Nobody hears of it before
/// `earliest`: what happened earlier is told late, with its own time.
pub(super) fn note_departure(
    agenda: &mut Agenda,
    customer: &Customer,
    termination: &Termination,
    departure: &Departure,
    earliest: Timestamp,
) {
    let mut hear = |at: Timestamp, kind: pb::LeavingSignalKind| {
        let signal = signal(customer.index, kind, departure.competitor, at);
        agenda.note(at.max(earliest), signal);
    };
    if departure.competitor.is_some() {
        hear(departure.notice_at, pb::LeavingSignalKind::CompetitorNamed);
    }
    if let Some(asked_at) = departure.port_asked_at {
        hear(asked_at, pb::LeavingSignalKind::PortingCodeRequested);
    }
    if let Some(asked_at) = departure.rival_asked_at {
        hear(asked_at, pb::LeavingSignalKind::PortingRequested);
    }
    for subscription in customer.subscriptions() {
        let notice = pb::GiveTerminationNoticeRequest {
            request_id: String::new(),
            customer_id: customer.key(),
            subscription_id: subscription.key,
            notice_time: Some(timestamp(departure.notice_at)),
            effective_time: Some(timestamp(termination.at)),
            reason: reason(termination, Some(departure)).to_owned(),
        };
        agenda.note(departure.notice_at.max(earliest), notice);
    }
}

/// Notes that somebody who does not pay is cut off, not before `earliest`.
pub(super) fn note_arrears(
    agenda: &mut Agenda,
    customer: &Customer,
    termination: &Termination,
    earliest: Timestamp,
) {
    let at = (termination.at - CUT_OFF).max(earliest);
    for subscription in customer.subscriptions() {
        let suspension = pb::SuspendSubscriptionRequest {
            request_id: String::new(),
            customer_id: customer.key(),
            subscription_id: subscription.key,
            suspension_kind: pb::SuspensionKind::Arrears.into(),
            suspension_reason: reason(termination, None).to_owned(),
            suspend_time: Some(timestamp(at)),
        };
        agenda.note(at, suspension);
    }
}

/// Returns why somebody leaves, in the operator's code.
pub(super) fn reason(termination: &Termination, departure: Option<&Departure>) -> &'static str {
    let competitor = departure.and_then(|departure| departure.competitor);
    competitor.unwrap_or(termination.kind.as_str())
}

fn signal(
    index: u32,
    kind: pb::LeavingSignalKind,
    competitor: Option<&'static str>,
    at: Timestamp,
) -> pb::RecordLeavingSignalRequest {
    pb::RecordLeavingSignalRequest {
        request_id: String::new(),
        customer_id: customer_key(index),
        subscription_id: String::new(),
        kind: kind.into(),
        competitor_code: competitor.unwrap_or_default().to_owned(),
        event_time: Some(timestamp(at)),
    }
}
