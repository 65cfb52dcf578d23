//! Complaints, promises and surveys for the wire.

use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields::time;

use super::complaint_of;
use crate::domain::complaint::{Breach, Notice, Resolution, Step};
use crate::domain::{Complaint, Promise, StaffMember, Survey};

pub(in crate::api) fn complaint(complaint: &Complaint) -> wire::Complaint {
    let subscription = complaint.subscription.as_ref();
    wire::Complaint {
        complaint_id: complaint.id.to_string(),
        customer_id: complaint.customer.to_string(),
        kind: complaint.kind.number(),
        severity: complaint.severity.number(),
        subject_code: complaint.subject.clone(),
        description: complaint.description.clone(),
        subscription_id: subscription.map_or(String::new(), ToString::to_string),
        channel: complaint.channel.number(),
        state: complaint.state().number(),
        state_time: Some(time(complaint.state_since)),
        create_time: Some(time(complaint.created_at)),
        update_time: Some(time(complaint.updated_at)),
        expected_resolution_time: Some(time(complaint.expected_at)),
        resolution_time: complaint.resolved_at.map(time),
        end_time: complaint.ended_at.map(time),
        current_step: Some(step(&complaint.step)),
        reopen_count: complaint.reopen_count,
        breach_count: complaint.breach_count,
        last_breach: complaint.last_breach.as_ref().map(breach),
        notices: complaint.notices.iter().map(notice).collect(),
        resolutions: complaint.resolutions.iter().map(resolution).collect(),
        last_event: complaint.last_event.number(),
    }
}

pub(in crate::api) fn step(step: &Step) -> wire::ComplaintStep {
    wire::ComplaintStep {
        step_number: step.number,
        state: step.state.number(),
        owner: Some(staff(&step.owner)),
        begin_time: Some(time(step.begun_at)),
        promised_time: step.promised_until.map(time),
        end_time: step.ended_at.map(time),
        breach_time: step.breach_at.map(time),
        reason_code: step.reason.clone(),
    }
}

pub(in crate::api) fn breach(breach: &Breach) -> wire::ComplaintBreach {
    wire::ComplaintBreach {
        kind: breach.kind.number(),
        step_number: breach.step_number,
        owner: Some(staff(&breach.owner)),
        promised_time: Some(time(breach.promised_until)),
        breach_time: Some(time(breach.noted_at)),
    }
}

fn notice(notice: &Notice) -> wire::CustomerNotice {
    wire::CustomerNotice {
        notice_time: Some(time(notice.at)),
        channel: notice.channel.number(),
        message_code: notice.message.clone(),
    }
}

pub(in crate::api) fn resolution(resolution: &Resolution) -> wire::ProposedResolution {
    wire::ProposedResolution {
        resolution_number: resolution.number,
        resolution_code: resolution.code.clone(),
        text: resolution.text.clone(),
        proposed_by: Some(staff(&resolution.proposed_by)),
        propose_time: Some(time(resolution.proposed_at)),
        state: resolution.state.number(),
        answer_time: resolution.answered_at.map(time),
    }
}

pub(in crate::api) fn promise(promise: &Promise) -> wire::Promise {
    wire::Promise {
        promise_id: promise.id.to_string(),
        customer_id: promise.customer.to_string(),
        complaint_id: complaint_of(promise.complaint.as_ref()),
        promised_by: Some(staff(&promise.promised_by)),
        subject_code: promise.subject.clone(),
        text: promise.text.clone(),
        channel: promise.channel.number(),
        promise_time: Some(time(promise.promised_at)),
        due_time: Some(time(promise.due_at)),
        state: promise.state.number(),
        settle_time: promise.settled_at.map(time),
        overdue_time: promise.overdue_at.map(time),
        reason_code: promise.reason.clone(),
        update_time: Some(time(promise.updated_at)),
    }
}

pub(in crate::api) fn survey(survey: &Survey) -> wire::Survey {
    let quality = survey.quality.map(|quality| wire::ServiceQuality {
        reliability: quality.reliability,
        responsiveness: quality.responsiveness,
        assurance: quality.assurance,
        empathy: quality.empathy,
        tangibles: quality.tangibles,
    });
    let answers = survey.answers.iter();
    let answers = answers.map(|(question, answer)| wire::SurveyAnswer {
        question_code: question.clone(),
        answer_code: answer.clone(),
    });
    wire::Survey {
        survey_id: survey.id.to_string(),
        customer_id: survey.customer.to_string(),
        event_time: Some(time(survey.answered_at)),
        channel: survey.channel.number(),
        questionnaire_code: survey.questionnaire.clone(),
        complaint_id: complaint_of(survey.complaint.as_ref()),
        nps_score: survey.nps,
        service_quality: quality,
        answers: answers.collect(),
    }
}

pub(in crate::api) fn staff(staff: &StaffMember) -> wire::StaffMember {
    wire::StaffMember {
        department_code: staff.department.to_string(),
        person_code: staff.person.to_string(),
    }
}
