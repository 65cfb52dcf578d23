//! What a briefing tells of tickets and promises, and that a number's next holder hears nothing of the
//! last one.

use tenure_core::Span;
use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::brief_touchpoint_request::Key;
use tenure_testkit::assert_code;
use tonic::Code;

use crate::briefing::{PATIENT, brief, brief_ada, each_briefed};
use crate::care_suite::*;
use crate::suite::*;

const NUMBER: &str = "+999123456789";

fn ids(part: &wire::ComplaintsPart) -> Vec<&str> {
    let complaints = part.complaints.iter();
    complaints.map(|it| it.complaint_id.as_str()).collect()
}

fn owed(part: &wire::PromisesPart) -> Vec<(&str, wire::PromiseState)> {
    let promises = part.promises.iter();
    promises
        .map(|it| (it.promise_id.as_str(), it.state()))
        .collect()
}

#[tokio::test]
async fn a_ticket_is_told_with_who_has_it_until_when_and_what_passed() {
    each_briefed(PATIENT, async |suite, _| {
        let mut care = care(&suite);
        let mut asked = ticket("ada", "T1");
        asked.promised_time = hour(2);
        let asked_of = asked.complaint.as_mut().unwrap();
        asked_of.expected_resolution_time = hour(50);
        create(&mut care, asked).await;
        wait(&suite, 3);
        let over = hand_over("ada", "T1", staff("network", "n2"), hour(30));
        care.hand_over_complaint(over).await.unwrap();
        let propose = wire::ProposeResolutionRequest {
            request_id: fresh(),
            customer_id: "ada".into(),
            complaint_id: "T1".into(),
            resolution_code: "CREDIT".into(),
            text: "A month for nothing.".into(),
            proposed_by: staff("network", "n2"),
        };
        care.propose_resolution(propose).await.unwrap();
        let told = wire::NotifyCustomerRequest {
            request_id: fresh(),
            customer_id: "ada".into(),
            complaint_id: "T1".into(),
            channel: 2,
            message_code: "PROPOSED".into(),
            notice_time: hour(3),
        };
        care.notify_customer(told).await.unwrap();

        let part = brief_ada(&suite).await.complaints.unwrap();

        assert_eq!((part.complaint_count, part.breached_count), (1, 1));
        let ticket = &part.complaints[0];
        assert_eq!(ticket.severity(), wire::ComplaintSeverity::Major);
        assert_eq!(ticket.complaint_state(), wire::ComplaintState::Acknowledged);
        assert_eq!(ticket.owner, staff("network", "n2"));
        assert_eq!(ticket.promised_time, hour(30));
        assert_eq!(ticket.expected_resolution_time, hour(50));
        assert!(ticket.breached);
        let breach = ticket.last_breach.as_ref().unwrap();
        assert_eq!(breach.owner, staff("desk", "d7"), "who had it then");
        assert_eq!(breach.promised_time, hour(2));
        assert_eq!(ticket.notice_time, hour(3));
        let resolution = ticket.unanswered_resolution.as_ref().unwrap();
        assert_eq!(resolution.resolution_code, "CREDIT");
    })
    .await;
}

#[tokio::test]
async fn a_time_that_passed_is_told_before_anybody_noted_it() {
    each_briefed(PATIENT, async |suite, _| {
        let mut care = care(&suite);
        let mut asked = ticket("ada", "T1");
        asked.promised_time = hour(2);
        create(&mut care, asked).await;
        record(&mut care, promise("ada", "P1", hour(2))).await;
        let before = brief_ada(&suite).await;
        wait(&suite, 3);

        let unnoted = brief_ada(&suite).await;
        assert_eq!(catch_up(&mut care).await, (1, 1));
        let noted = brief_ada(&suite).await;

        let counts = |briefing: &wire::Briefing| {
            let complaints = briefing.complaints.as_ref().unwrap();
            let promises = briefing.promises.as_ref().unwrap();
            let overdue = promises.overdue_count;
            (complaints.breached_count, overdue, promises.open_count)
        };
        assert_eq!(counts(&before), (0, 0, 1));
        assert_eq!(counts(&unnoted), (1, 1, 0));
        assert_eq!(counts(&noted), (1, 1, 0));
        let late = [("P1", wire::PromiseState::Overdue)];
        assert_eq!(owed(unnoted.promises.as_ref().unwrap()), late);
        assert_eq!(owed(noted.promises.as_ref().unwrap()), late);
    })
    .await;
}

#[tokio::test]
async fn broken_times_and_severe_tickets_come_first_and_ended_ones_do_not() {
    each_briefed(PATIENT, async |suite, _| {
        let mut care = care(&suite);
        for (number, promised) in [30, 20, 10, 40, 50, 60, 70].into_iter().enumerate() {
            let mut asked = ticket("ada", &format!("T{number}"));
            asked.promised_time = hour(promised);
            if number == 3 {
                let critical = wire::ComplaintSeverity::Critical;
                asked.complaint.as_mut().unwrap().severity = critical.into();
            }
            create(&mut care, asked).await;
        }
        create(&mut care, ticket("bob", "T9")).await;
        let end = to("ada", "T1", wire::ComplaintState::Cancelled);
        change(&mut care, end).await;
        wait(&suite, 11);

        let part = brief_ada(&suite).await.complaints.unwrap();

        assert_eq!(ids(&part), ["T2", "T3", "T0", "T4", "T5"]);
        assert_eq!((part.complaint_count, part.breached_count), (6, 1));
    })
    .await;
}

#[tokio::test]
async fn overdue_promises_come_before_broken_ones_and_kept_ones_do_not() {
    each_briefed(PATIENT, async |suite, _| {
        use wire::PromiseState::{Broken, Open, Overdue};
        let mut care = care(&suite);
        for (id, due) in [("P1", 9), ("P2", 3), ("P3", 2), ("P4", 4), ("P5", 5)] {
            record(&mut care, promise("ada", id, hour(due))).await;
        }
        record(&mut care, promise("bob", "P9", hour(1))).await;
        let kept = wire::KeepPromiseRequest {
            request_id: fresh(),
            customer_id: "ada".into(),
            promise_id: "P4".into(),
            keep_time: None,
        };
        care.keep_promise(kept).await.unwrap();
        let broken = wire::BreakPromiseRequest {
            request_id: fresh(),
            customer_id: "ada".into(),
            promise_id: "P5".into(),
            reason_code: "NO_STAFF".into(),
        };
        care.break_promise(broken).await.unwrap();
        wait(&suite, 6);

        let part = brief_ada(&suite).await.promises.unwrap();

        let wanted = [
            ("P3", Overdue),
            ("P2", Overdue),
            ("P5", Broken),
            ("P1", Open),
        ];
        assert_eq!(owed(&part), wanted);
        let counts = (part.overdue_count, part.broken_count, part.open_count);
        assert_eq!(counts, (2, 1, 1));
        assert_eq!(part.promises[0].promised_by, staff("desk", "d7"));
        assert_eq!(part.promises[0].due_time, hour(2));
        assert_eq!(part.promises[2].reason_code, "NO_STAFF");

        suite.clock.advance(Span::from_days(181));
        let part = brief_ada(&suite).await.promises.unwrap();
        assert_eq!((part.overdue_count, part.broken_count), (3, 0));
    })
    .await;
}

#[tokio::test]
async fn a_record_of_two_ids_is_told_with_the_tickets_and_promises_of_both() {
    each_briefed(PATIENT, async |suite, _| {
        let mut care = care(&suite);
        for (id, number) in [("ada", 1), ("bob", 2)] {
            create(&mut care, ticket(id, &format!("T{number}"))).await;
            record(&mut care, promise(id, &format!("P{number}"), hour(number))).await;
        }
        suite.merge("ada", &["bob"]).await.unwrap();

        let briefing = brief_ada(&suite).await;

        let complaints = briefing.complaints.unwrap();
        assert_eq!(ids(&complaints), ["T1", "T2"]);
        assert_eq!(complaints.complaints[1].customer_id, "bob");
        assert_eq!(briefing.promises.unwrap().open_count, 2);
    })
    .await;
}

/// Everything that customer-data keeps of somebody who gives the number back.
async fn with_former_holder(suite: &mut Suite) {
    let former = wire::Customer {
        display_name: "Secret Former".into(),
        external_ids: vec![external("crm", "secret-crm")],
        attributes: vec![text("special_needs", "secret needs")],
        payment_status: wire::PaymentStatus::InArrears.into(),
        ..customer("secret-ada")
    };
    suite.upsert(vec![former]).await.unwrap();
    let line = line("secret-ada", "secret-S1", NUMBER, "2024-01-01");
    suite.subscribe(vec![line]).await.unwrap();
    let bills = vec![sent("secret-ada", "secret-B1", 300)];
    suite.bill(bills).await.unwrap();
    let usage = vec![month("secret-ada", "secret-S1", "2024-02-01")];
    suite.used(usage).await;
    suite
        .talk(vec![complaint("secret-ada", "secret-I1", 300)])
        .await;
    let mut care = care(suite);
    let mut asked = ticket("secret-ada", "secret-T1");
    asked.complaint.as_mut().unwrap().subscription_id = "secret-S1".into();
    create(&mut care, asked).await;
    let promise = promise("secret-ada", "secret-P1", hour(1));
    record(&mut care, promise).await;
}

#[tokio::test]
async fn a_recycled_number_tells_its_next_holder_nothing_of_the_former_one() {
    each_briefed(PATIENT, async |mut suite, _| {
        with_former_holder(&mut suite).await;
        let by_number = || Key::Msisdn(NUMBER.to_owned());
        let former = brief(&suite, by_number()).await.unwrap();
        let told = format!("{former:?}");
        let secrets = [
            "secret-ada",
            "Secret Former",
            "secret needs",
            "secret-S1",
            "secret-I1",
            "secret-T1",
            "secret-P1",
        ];
        for secret in secrets {
            assert!(told.contains(secret), "{secret} is there to be leaked");
        }
        wait(&suite, 2);
        let ending = terminate("secret-ada", "secret-S1", hour(1));
        suite.client.terminate_subscription(ending).await.unwrap();

        let between = brief(&suite, by_number()).await.unwrap_err();
        let next = line("bob", "S2", NUMBER, "2025-01-02");
        suite.subscribe(vec![next]).await.unwrap();
        let announced = brief(&suite, by_number()).await.unwrap_err();
        wait(&suite, 30);
        let second = brief(&suite, by_number()).await.unwrap();
        let third = brief(&suite, Key::CustomerId("bob".into())).await.unwrap();
        let first = brief(&suite, Key::CustomerId("secret-ada".into())).await;

        for nobody in [between, announced] {
            assert_code(&nobody, Code::NotFound, "CUSTOMER_NOT_FOUND");
            assert!(!format!("{nobody:?}").to_lowercase().contains("secret"));
        }
        for briefing in [&second, &third] {
            let told = format!("{briefing:?}").to_lowercase();
            assert!(!told.contains("secret"), "{told}");
            let status = briefing.status.as_ref().unwrap();
            assert_eq!((status.overdue_bill_count, status.payment_status), (0, 0));
            let complaints = briefing.complaints.as_ref().unwrap();
            assert_eq!(
                (complaints.complaint_count, complaints.breached_count),
                (0, 0)
            );
            let revenue = briefing.revenue.as_ref().unwrap();
            assert_eq!(revenue.recent_amount, None);
        }
        assert_eq!(second.caller.unwrap().subscription_id, "S2");
        // Who gave it back is known still, and not by what the next one has.
        let told = format!("{:?}", first.unwrap());
        assert!(told.contains("secret-T1") && !told.contains("bob") && !told.contains("S2"));
    })
    .await;
}
