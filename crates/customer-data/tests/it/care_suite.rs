//! Builders and shorthands for complaints and promises.

use prost_types::Timestamp as Wire;
use tenure_core::{Span, Timestamp};
use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::change::Fact;
use tenure_proto::customer::v1::complaint_service_client::ComplaintServiceClient;
use tenure_proto::customer::v1::survey_service_client::SurveyServiceClient;
use tenure_rpc::Transport;

use crate::suite::{Suite, fresh};

pub(crate) type Care = ComplaintServiceClient<Transport>;

pub(crate) fn care(suite: &Suite) -> Care {
    ComplaintServiceClient::new(suite.transport.clone())
}

/// Returns the start of the suite's clock, 2025-01-01, and some hours.
pub(crate) fn hour(hours: i64) -> Option<Wire> {
    let start = Timestamp::parse("2025-01-01").unwrap();
    let at = start + Span::from_seconds(hours * 3_600);
    Some(tenure_rpc::fields::time(at))
}

pub(crate) fn wait(suite: &Suite, hours: i64) {
    suite.clock.advance(Span::from_seconds(hours * 3_600));
}

pub(crate) fn staff(department: &str, person: &str) -> Option<wire::StaffMember> {
    Some(wire::StaffMember {
        department_code: department.into(),
        person_code: person.into(),
    })
}

pub(crate) fn ticket(customer: &str, id: &str) -> wire::CreateComplaintRequest {
    wire::CreateComplaintRequest {
        request_id: fresh(),
        complaint: Some(wire::Complaint {
            complaint_id: id.into(),
            customer_id: customer.into(),
            kind: wire::ComplaintKind::Complaint.into(),
            severity: wire::ComplaintSeverity::Major.into(),
            subject_code: "BILLING".into(),
            description: "The bill is too high.\nEvery month.".into(),
            channel: 1,
            ..Default::default()
        }),
        owner: staff("desk", "d7"),
        promised_time: None,
    }
}

pub(crate) fn hand_over(
    customer: &str,
    id: &str,
    owner: Option<wire::StaffMember>,
    promised: Option<Wire>,
) -> wire::HandOverComplaintRequest {
    wire::HandOverComplaintRequest {
        request_id: fresh(),
        customer_id: customer.into(),
        complaint_id: id.into(),
        owner,
        promised_time: promised,
        reason_code: "NEEDS_EXPERT".into(),
    }
}

pub(crate) fn to(
    customer: &str,
    id: &str,
    state: wire::ComplaintState,
) -> wire::ChangeComplaintStateRequest {
    wire::ChangeComplaintStateRequest {
        request_id: fresh(),
        customer_id: customer.into(),
        complaint_id: id.into(),
        state: state.into(),
        owner: staff("desk", "d7"),
        ..Default::default()
    }
}

pub(crate) fn promise(customer: &str, id: &str, due: Option<Wire>) -> wire::RecordPromiseRequest {
    wire::RecordPromiseRequest {
        request_id: fresh(),
        promise: Some(wire::Promise {
            promise_id: id.into(),
            customer_id: customer.into(),
            promised_by: staff("desk", "d7"),
            subject_code: "CALL_BACK".into(),
            text: "We call back.".into(),
            channel: 2,
            due_time: due,
            ..Default::default()
        }),
    }
}

pub(crate) async fn create(
    care: &mut Care,
    request: wire::CreateComplaintRequest,
) -> wire::Complaint {
    let answer = care.create_complaint(request).await.unwrap();
    answer.into_inner().complaint.unwrap()
}

pub(crate) async fn change(
    care: &mut Care,
    request: wire::ChangeComplaintStateRequest,
) -> wire::Complaint {
    let answer = care.change_complaint_state(request).await.unwrap();
    answer.into_inner().complaint.unwrap()
}

pub(crate) async fn record(care: &mut Care, request: wire::RecordPromiseRequest) -> wire::Promise {
    let answer = care.record_promise(request).await.unwrap();
    answer.into_inner().promise.unwrap()
}

/// Gives the customers C0000 to C0004 a complaint that was handed over, a promise and a survey each.
pub(crate) async fn fill(suite: &Suite) {
    for n in 0..5 {
        fill_one(suite, &format!("C{n:04}")).await;
    }
}

/// Gives one customer a complaint that was handed over, a promise and a survey.
pub(crate) async fn fill_one(suite: &Suite, customer: &str) {
    let (mut care, id) = (care(suite), format!("T-{customer}"));
    create(&mut care, ticket(customer, &id)).await;
    let over = hand_over(customer, &id, staff("network", "n2"), hour(7_000));
    care.hand_over_complaint(over).await.unwrap();
    let promise = promise(customer, &format!("P-{customer}"), hour(7_000));
    record(&mut care, promise).await;
    let survey = crate::surveys::survey(customer, &format!("V-{customer}"), Some(9));
    let request = crate::surveys::upsert(vec![survey]);
    let mut service = SurveyServiceClient::new(suite.transport.clone());
    service.batch_upsert_surveys(request).await.unwrap();
}

/// Notes what has passed; how many promised times of complaints and how many promises that were.
pub(crate) async fn catch_up(care: &mut Care) -> (i64, i64) {
    let noted = care.catch_up(wire::CatchUpRequest {}).await.unwrap();
    let noted = noted.into_inner();
    (noted.breach_count, noted.overdue_count)
}

/// Returns what the feed tells of complaints, in its order.
pub(crate) async fn told_of_complaints(suite: &mut Suite) -> Vec<wire::Complaint> {
    let complaint = |change: wire::Change| match change.fact {
        Some(Fact::Complaint(complaint)) => Some(complaint),
        _ => None,
    };
    suite
        .changes()
        .await
        .into_iter()
        .filter_map(complaint)
        .collect()
}

/// Returns what the feed tells of promises, in its order.
pub(crate) async fn told_of_promises(suite: &mut Suite) -> Vec<wire::Promise> {
    let promise = |change: wire::Change| match change.fact {
        Some(Fact::Promise(promise)) => Some(promise),
        _ => None,
    };
    suite
        .changes()
        .await
        .into_iter()
        .filter_map(promise)
        .collect()
}
