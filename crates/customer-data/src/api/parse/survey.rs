//! Surveys from the wire.

use std::collections::BTreeSet;

use tenure_core::{ComplaintId, CustomerId, SurveyId, Timestamp, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields;

use super::{optional_id, required_word};
use crate::domain::survey::{
    ANSWER_LENGTH_MAX, ANSWERS_MAX, NPS_MAX, QUALITY_MAX, QUESTION_LENGTH_MAX, ServiceQuality,
};
use crate::domain::words::Channel;
use crate::domain::{Survey, limits, text};

/// Parses a survey that arrives now.
pub(in crate::api) fn survey(
    violations: &mut Violations,
    wire: &wire::Survey,
    now: Timestamp,
) -> Option<Survey> {
    let id = violations.take("survey_id", SurveyId::parse(&wire.survey_id));
    let customer = violations.take("customer_id", CustomerId::parse(&wire.customer_id));
    let answered_at = fields::required_time(violations, "event_time", wire.event_time.as_ref());
    limits::check_happened(violations, "event_time", answered_at, now);
    let channel = required_word(violations, "channel", wire.channel, Channel::from_number);
    let questionnaire = text::parse_required(&wire.questionnaire_code, QUESTION_LENGTH_MAX);
    let questionnaire = violations.take("questionnaire_code", questionnaire);
    let complaint = ("complaint_id", wire.complaint_id.as_str());
    let complaint = optional_id(violations, complaint, ComplaintId::parse);
    score(violations, "nps_score", wire.nps_score, 0, NPS_MAX);
    let quality = wire.service_quality.as_ref();
    let quality = quality.map(|quality| parse_quality(violations, quality));
    let answers = parse_answers(violations, &wire.answers);
    if wire.nps_score.is_none() && quality.is_none() && answers.is_empty() {
        let wanted = "an nps_score, a service_quality or answers";
        violations.add("answers", wanted, "none of them");
    }
    Some(Survey {
        id: id?,
        customer: customer?,
        answered_at: answered_at?,
        channel: channel?,
        questionnaire: questionnaire?,
        complaint,
        nps: wire.nps_score,
        quality,
        answers,
    })
}

fn score(violations: &mut Violations, field: &str, score: Option<i32>, min: i32, max: i32) {
    if let Some(score) = score.filter(|score| !(min..=max).contains(score)) {
        violations.add(field, format!("{min} to {max}"), score.to_string());
    }
}

fn parse_quality(violations: &mut Violations, wire: &wire::ServiceQuality) -> ServiceQuality {
    let dimensions = [
        ("reliability", wire.reliability),
        ("responsiveness", wire.responsiveness),
        ("assurance", wire.assurance),
        ("empathy", wire.empathy),
        ("tangibles", wire.tangibles),
    ];
    if dimensions.iter().all(|(_, given)| given.is_none()) {
        violations.add("service_quality", "at least one dimension", "nothing");
    }
    violations.within("service_quality.", |inner| {
        for (name, given) in dimensions {
            score(inner, name, given, 1, QUALITY_MAX);
        }
    });
    ServiceQuality {
        reliability: wire.reliability,
        responsiveness: wire.responsiveness,
        assurance: wire.assurance,
        empathy: wire.empathy,
        tangibles: wire.tangibles,
    }
}

fn parse_answers(
    violations: &mut Violations,
    wire: &[wire::SurveyAnswer],
) -> Vec<(String, String)> {
    if !fields::at_most(violations, "answers", wire, ANSWERS_MAX) {
        return Vec::new();
    }
    let mut asked = BTreeSet::new();
    let mut answers = Vec::with_capacity(wire.len());
    for (at, answer) in wire.iter().enumerate() {
        violations.within(&format!("answers[{at}]."), |inner| {
            let question = text::parse_required(&answer.question_code, QUESTION_LENGTH_MAX);
            let question = inner.take("question_code", question);
            let given = text::parse_required(&answer.answer_code, ANSWER_LENGTH_MAX);
            let given = inner.take("answer_code", given);
            if !asked.insert(&answer.question_code) {
                inner.add("question_code", "each question once", "one that was before");
            }
            answers.extend(question.zip(given));
        });
    }
    answers
}
