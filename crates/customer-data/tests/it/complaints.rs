//! Complaints: their states, their owners, what is refused, and what the feed tells of them.

use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::ComplaintEvent as Event;
use tenure_proto::customer::v1::ComplaintState as State;
use tenure_testkit::{assert_code, error_info};
use tonic::Code;

use crate::care_suite::*;
use crate::suite::*;

#[tokio::test]
async fn a_complaint_goes_from_desk_to_desk_until_the_customer_agrees() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada"]).await;
        let mut care = care(&suite);

        let made = create(&mut care, ticket("ada", "T1")).await;
        assert_eq!(made.state(), State::Acknowledged);
        assert_eq!(
            made.expected_resolution_time,
            hour(168),
            "a major one has a week"
        );
        wait(&suite, 1);
        change(&mut care, to("ada", "T1", State::InProgress)).await;
        wait(&suite, 1);
        let over = hand_over("ada", "T1", staff("network", "n2"), hour(10));
        care.hand_over_complaint(over).await.unwrap();
        wait(&suite, 2);
        let resolved = change(&mut care, to("ada", "T1", State::Resolved)).await;
        assert_eq!(resolved.resolution_time, hour(4));
        wait(&suite, 3);
        let reopened = change(&mut care, to("ada", "T1", State::InProgress)).await;
        assert_eq!((reopened.reopen_count, reopened.resolution_time), (1, None));
        wait(&suite, 1);
        change(&mut care, to("ada", "T1", State::Resolved)).await;
        let closed = change(&mut care, to("ada", "T1", State::Closed)).await;

        assert_eq!((closed.state(), closed.end_time), (State::Closed, hour(8)));
        assert_eq!(closed.breach_count, 0);
        let request = wire::GetComplaintRequest {
            complaint_id: "T1".into(),
        };
        let got = care.get_complaint(request).await.unwrap().into_inner();
        assert_eq!(got.complaint.as_ref(), Some(&closed));
        let events: Vec<_> = told_of_complaints(&mut suite)
            .await
            .iter()
            .map(wire::Complaint::last_event)
            .collect();
        assert_eq!(
            events,
            [
                Event::Created,
                Event::StateChanged,
                Event::HandedOver,
                Event::StateChanged,
                Event::Reopened,
                Event::StateChanged,
                Event::StateChanged
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn the_steps_of_a_complaint_follow_each_other_without_gaps() {
    each_suite(async |suite| {
        let suite = suite.with_customers(&["ada"]).await;
        let mut care = care(&suite);
        create(&mut care, ticket("ada", "T1")).await;
        for state in [
            State::InProgress,
            State::Held,
            State::InProgress,
            State::Cancelled,
        ] {
            wait(&suite, 2);
            change(&mut care, to("ada", "T1", state)).await;
        }

        let mut request = wire::ListComplaintStepsRequest {
            customer_id: "ada".into(),
            complaint_id: "T1".into(),
            page_size: 2,
            page_token: String::new(),
        };
        let mut steps = Vec::new();
        loop {
            let page = care.list_complaint_steps(request.clone()).await.unwrap();
            let page = page.into_inner();
            steps.extend(page.steps);
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }

        let times: Vec<_> = steps
            .iter()
            .map(|it| (it.begin_time, it.end_time))
            .collect();
        let expected = [(0, 2), (2, 4), (4, 6), (6, 8), (8, 8)];
        assert_eq!(times, expected.map(|(begin, end)| (hour(begin), hour(end))));
        let states: Vec<_> = steps.iter().map(wire::ComplaintStep::state).collect();
        assert_eq!(
            states,
            [
                State::Acknowledged,
                State::InProgress,
                State::Held,
                State::InProgress,
                State::Cancelled
            ]
        );
        let unknown = wire::ListComplaintStepsRequest {
            complaint_id: "T9".into(),
            page_token: String::new(),
            ..request
        };
        let unknown = care.list_complaint_steps(unknown).await.unwrap_err();
        assert_code(&unknown, Code::NotFound, "COMPLAINT_NOT_FOUND");
    })
    .await;
}

#[tokio::test]
async fn a_repeated_call_answers_the_same_and_changes_nothing() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada"]).await;
        let mut care = care(&suite);
        let request = ticket("ada", "T1");
        let first = care
            .create_complaint(request.clone())
            .await
            .unwrap()
            .into_inner();
        let again = care
            .create_complaint(request.clone())
            .await
            .unwrap()
            .into_inner();
        assert_eq!(again.complaint, first.complaint);
        assert!(again.replayed && !first.replayed);
        let request = wire::CreateComplaintRequest {
            owner: staff("desk", "other"),
            ..request
        };
        let reused = care.create_complaint(request).await.unwrap_err();
        assert_code(&reused, Code::InvalidArgument, "REQUEST_ID_REUSED");

        let over = hand_over("ada", "T1", staff("network", "n2"), hour(10));
        let first = care
            .hand_over_complaint(over.clone())
            .await
            .unwrap()
            .into_inner();
        let again = care.hand_over_complaint(over).await.unwrap().into_inner();
        assert_eq!(again.complaint, first.complaint);
        let change = to("ada", "T1", State::InProgress);
        care.change_complaint_state(change.clone()).await.unwrap();
        let again = care
            .change_complaint_state(change)
            .await
            .unwrap()
            .into_inner();
        assert!(again.replayed);
        // A refusal is an answer too.
        let refused = to("ada", "T1", State::Closed);
        for _ in 0..2 {
            let refused = care
                .change_complaint_state(refused.clone())
                .await
                .unwrap_err();
            assert_code(
                &refused,
                Code::FailedPrecondition,
                "COMPLAINT_STATE_FORBIDS",
            );
            assert_eq!(error_info(&refused).metadata["state"], "IN_PROGRESS");
        }
        assert_eq!(told_of_complaints(&mut suite).await.len(), 3);
    })
    .await;
}

#[tokio::test]
async fn what_does_not_fit_is_refused_by_its_name() {
    each_suite(async |suite| {
        let suite = suite.with_customers(&["ada", "bob"]).await;
        let mut care = care(&suite);
        create(&mut care, ticket("ada", "T1")).await;

        let taken = care
            .create_complaint(ticket("bob", "T1"))
            .await
            .unwrap_err();
        assert_code(&taken, Code::AlreadyExists, "COMPLAINT_EXISTS");
        let nobody = care
            .create_complaint(ticket("cyd", "T2"))
            .await
            .unwrap_err();
        assert_code(&nobody, Code::NotFound, "CUSTOMER_NOT_FOUND");
        let mut on_nothing = ticket("ada", "T2");
        on_nothing.complaint.as_mut().unwrap().subscription_id = "S9".into();
        let on_nothing = care.create_complaint(on_nothing).await.unwrap_err();
        assert_code(&on_nothing, Code::NotFound, "SUBSCRIPTION_NOT_FOUND");
        let of_bob = to("bob", "T1", State::InProgress);
        let of_bob = care.change_complaint_state(of_bob).await.unwrap_err();
        assert_code(&of_bob, Code::NotFound, "COMPLAINT_NOT_FOUND");
        let request = wire::GetComplaintRequest {
            complaint_id: "T9".into(),
        };
        let unknown = care.get_complaint(request).await.unwrap_err();
        assert_code(&unknown, Code::NotFound, "COMPLAINT_NOT_FOUND");

        let empty = wire::CreateComplaintRequest {
            request_id: fresh(),
            complaint: Some(wire::Complaint {
                description: "x".repeat(2_001),
                ..Default::default()
            }),
            ..Default::default()
        };
        let empty = care.create_complaint(empty).await.unwrap_err();
        assert_code(&empty, Code::InvalidArgument, "INVALID_FIELDS");
        let names = [
            "complaint_id",
            "customer_id",
            "kind",
            "severity",
            "subject_code",
            "description",
            "channel",
        ];
        let mut expected: Vec<_> = names.map(|name| format!("complaint.{name}")).to_vec();
        expected.push("owner".into());
        assert_eq!(fields(&empty), expected);
        let mut late = ticket("ada", "T2");
        late.promised_time = hour(0);
        let late = care.create_complaint(late).await.unwrap_err();
        assert_eq!(fields(&late), ["promised_time"]);
        let mut late = ticket("ada", "T2");
        late.complaint.as_mut().unwrap().expected_resolution_time = hour(367 * 24);
        let late = care.create_complaint(late).await.unwrap_err();
        assert_eq!(fields(&late), ["complaint.expected_resolution_time"]);
        let nameless = hand_over("ada", "T1", staff("network", ""), None);
        let nameless = care.hand_over_complaint(nameless).await.unwrap_err();
        assert_eq!(fields(&nameless), ["promised_time", "owner.person_code"]);
    })
    .await;
}

/// Tells ada that her complaint was received.
fn notice() -> wire::NotifyCustomerRequest {
    wire::NotifyCustomerRequest {
        request_id: fresh(),
        customer_id: "ada".into(),
        complaint_id: "T1".into(),
        channel: 5,
        message_code: "RECEIVED".into(),
        notice_time: None,
    }
}

#[tokio::test]
async fn what_the_customer_was_told_and_what_was_agreed_stands_with_the_complaint() {
    use wire::ResolutionState::{Accepted, Proposed, Refused};
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada"]).await;
        let mut care = care(&suite);
        create(&mut care, ticket("ada", "T1")).await;
        let notify = notice();
        for _ in 0..2 {
            care.notify_customer(notify.clone()).await.unwrap();
        }
        let propose = |code: &str| wire::ProposeResolutionRequest {
            request_id: fresh(),
            customer_id: "ada".into(),
            complaint_id: "T1".into(),
            resolution_code: code.into(),
            text: "Half of the bill.".into(),
            proposed_by: staff("desk", "d7"),
        };
        let answer = |number, state: wire::ResolutionState| wire::AnswerResolutionRequest {
            request_id: fresh(),
            customer_id: "ada".into(),
            complaint_id: "T1".into(),
            resolution_number: number,
            state: state.into(),
        };
        care.propose_resolution(propose("CREDIT_10")).await.unwrap();
        wait(&suite, 1);
        care.answer_resolution(answer(1, Refused)).await.unwrap();
        care.propose_resolution(propose("CREDIT_20")).await.unwrap();
        let agreed = care.answer_resolution(answer(2, Accepted)).await.unwrap();

        let agreed = agreed.into_inner().complaint.unwrap();
        assert_eq!(agreed.notices.len(), 1);
        assert_eq!(agreed.notices[0].notice_time, hour(0));
        let answers: Vec<_> = agreed
            .resolutions
            .iter()
            .map(|it| (it.resolution_code.as_str(), it.state(), it.answer_time))
            .collect();
        assert_eq!(
            answers,
            [
                ("CREDIT_10", Refused, hour(1)),
                ("CREDIT_20", Accepted, hour(1))
            ]
        );
        assert_eq!(
            agreed.state(),
            State::Acknowledged,
            "the state has its own call"
        );

        let other = care
            .answer_resolution(answer(2, Refused))
            .await
            .unwrap_err();
        assert_code(&other, Code::FailedPrecondition, "RESOLUTION_ANSWERED");
        let unknown = care
            .answer_resolution(answer(3, Refused))
            .await
            .unwrap_err();
        assert_code(&unknown, Code::NotFound, "RESOLUTION_NOT_FOUND");
        let neither = care
            .answer_resolution(answer(0, Proposed))
            .await
            .unwrap_err();
        assert_eq!(fields(&neither), ["resolution_number", "state"]);
        let told = told_of_complaints(&mut suite).await;
        assert_eq!(told.len(), 6);
        // The same answer once more says nothing new.
        care.answer_resolution(answer(2, Accepted)).await.unwrap();
        assert_eq!(told_of_complaints(&mut suite).await.len(), 6);
    })
    .await;
}

#[tokio::test]
async fn a_customer_is_told_after_the_complaint_and_fifty_times_at_most() {
    each_suite(async |suite| {
        let suite = suite.with_customers(&["ada"]).await;
        let mut care = care(&suite);
        create(&mut care, ticket("ada", "T1")).await;
        care.notify_customer(notice()).await.unwrap();
        wait(&suite, 1);
        let early = wire::NotifyCustomerRequest {
            request_id: fresh(),
            notice_time: hour(-1),
            ..notice()
        };
        for _ in 0..49 {
            let notify = wire::NotifyCustomerRequest {
                request_id: fresh(),
                notice_time: hour(1),
                ..early.clone()
            };
            care.notify_customer(notify).await.unwrap();
        }
        let early = care.notify_customer(early).await.unwrap_err();
        assert_eq!(fields(&early), ["notice_time"]);
        let full = wire::NotifyCustomerRequest {
            request_id: fresh(),
            ..notice()
        };
        let full = care.notify_customer(full).await.unwrap_err();
        assert_code(&full, Code::FailedPrecondition, "COMPLAINT_FULL");
        assert_eq!(error_info(&full).metadata["limit"], "50");
    })
    .await;
}

#[tokio::test]
async fn an_owner_sees_first_what_is_most_urgent() {
    each_suite(async |suite| {
        let suite = suite.with_customers(&["ada", "bob", "cyd"]).await;
        let mut care = care(&suite);
        let due = [
            ("ada", "T1", 30),
            ("bob", "T2", 10),
            ("cyd", "T3", 20),
            ("ada", "T4", 10),
        ];
        for (customer, id, promised) in due {
            let request = wire::CreateComplaintRequest {
                promised_time: hour(promised),
                ..ticket(customer, id)
            };
            create(&mut care, request).await;
        }
        let to_network = hand_over("cyd", "T3", staff("network", "n2"), hour(5));
        care.hand_over_complaint(to_network).await.unwrap();
        // What has ended is nobody's any more.
        change(&mut care, to("ada", "T4", State::Rejected)).await;
        let mine = |person: &str, overdue_only| wire::ListOwnedComplaintsRequest {
            department_code: "desk".into(),
            person_code: person.into(),
            overdue_only,
            page_size: 1,
            page_token: String::new(),
        };
        wait(&suite, 12);

        assert_eq!(owned(&mut care, mine("", false)).await, ["T2", "T1"]);
        assert_eq!(owned(&mut care, mine("d7", true)).await, ["T2"]);
        assert!(owned(&mut care, mine("d8", false)).await.is_empty());
        let of_network = wire::ListOwnedComplaintsRequest {
            department_code: "network".into(),
            ..mine("", true)
        };
        assert_eq!(owned(&mut care, of_network).await, ["T3"]);
        let nobodys = wire::ListOwnedComplaintsRequest::default();
        let nobodys = care.list_owned_complaints(nobodys).await.unwrap_err();
        assert_eq!(fields(&nobodys), ["department_code"]);
    })
    .await;
}

async fn owned(care: &mut Care, mut request: wire::ListOwnedComplaintsRequest) -> Vec<String> {
    let mut ids = Vec::new();
    loop {
        let page = care.list_owned_complaints(request.clone()).await.unwrap();
        let page = page.into_inner();
        ids.extend(page.complaints.into_iter().map(|it| it.complaint_id));
        if page.next_page_token.is_empty() {
            return ids;
        }
        request.page_token = page.next_page_token;
    }
}

#[tokio::test]
async fn the_complaints_of_a_customer_come_newest_first_page_by_page() {
    each_suite(async |suite| {
        let suite = suite.with_customers(&["ada", "bob"]).await;
        let mut care = care(&suite);
        for id in ["T2", "T1", "T3"] {
            create(&mut care, ticket("ada", id)).await;
            if id == "T1" {
                wait(&suite, 1);
            }
        }
        change(&mut care, to("ada", "T1", State::Cancelled)).await;
        let mut request = wire::ListComplaintsRequest {
            customer_id: "ada".into(),
            page_size: 1,
            ..Default::default()
        };
        let mut ids = Vec::new();
        for _ in 0..3 {
            let page = care
                .list_complaints(request.clone())
                .await
                .unwrap()
                .into_inner();
            ids.push(page.complaints[0].complaint_id.clone());
            request.page_token = page.next_page_token;
        }
        assert_eq!(ids, ["T3", "T1", "T2"]);
        assert_eq!(request.page_token, "");
        let open = wire::ListComplaintsRequest {
            open_only: true,
            page_size: 0,
            ..request
        };
        let open = care.list_complaints(open).await.unwrap().into_inner();
        assert_eq!(open.complaints.len(), 2);
        let nobody = wire::ListComplaintsRequest {
            customer_id: "nobody".into(),
            ..Default::default()
        };
        let nobody = care.list_complaints(nobody).await.unwrap_err();
        assert_code(&nobody, Code::NotFound, "CUSTOMER_NOT_FOUND");
    })
    .await;
}
