//! Promises to customers, and promised times of complaints that pass.

use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::ComplaintBreachKind as Kind;
use tenure_proto::customer::v1::ComplaintEvent as Event;
use tenure_proto::customer::v1::PromiseState as State;
use tenure_testkit::{assert_code, each_backend, error_info};
use tonic::Code;

use crate::care_suite::*;
use crate::suite::*;

fn keep(id: &str) -> wire::KeepPromiseRequest {
    wire::KeepPromiseRequest {
        request_id: fresh(),
        customer_id: "ada".into(),
        promise_id: id.into(),
        keep_time: None,
    }
}

fn break_off(id: &str) -> wire::BreakPromiseRequest {
    wire::BreakPromiseRequest {
        request_id: fresh(),
        customer_id: "ada".into(),
        promise_id: id.into(),
        reason_code: "NO_STAFF".into(),
    }
}

fn withdraw(id: &str) -> wire::WithdrawPromiseRequest {
    wire::WithdrawPromiseRequest {
        request_id: fresh(),
        customer_id: "ada".into(),
        promise_id: id.into(),
        reason_code: "NOT_NEEDED".into(),
    }
}

#[tokio::test]
async fn what_became_of_each_promise_is_told_once_and_in_order() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada"]).await;
        let mut care = care(&suite);
        create(&mut care, ticket("ada", "T1")).await;
        for id in ["P1", "P2", "P3", "P4", "P5"] {
            let mut request = promise("ada", id, hour(10));
            request.promise.as_mut().unwrap().complaint_id = "T1".into();
            let first = care
                .record_promise(request.clone())
                .await
                .unwrap()
                .into_inner();
            let again = care.record_promise(request).await.unwrap().into_inner();
            assert_eq!((first.promise, again.replayed), (again.promise, true));
        }
        wait(&suite, 9);
        care.keep_promise(keep("P1")).await.unwrap();
        care.break_promise(break_off("P2")).await.unwrap();
        let gone = withdraw("P3");
        care.withdraw_promise(gone.clone()).await.unwrap();
        let again = care.withdraw_promise(gone).await.unwrap().into_inner();
        assert!(again.replayed);
        wait(&suite, 2);
        assert_eq!(catch_up(&mut care).await, (0, 2));
        assert_eq!(catch_up(&mut care).await, (0, 0));
        let late = care.keep_promise(keep("P4")).await.unwrap().into_inner();
        let in_time = wire::KeepPromiseRequest {
            keep_time: hour(10),
            ..keep("P5")
        };
        let in_time = care.keep_promise(in_time).await.unwrap().into_inner();

        let late = late.promise.unwrap();
        assert_eq!(
            (late.state(), late.settle_time),
            (State::KeptLate, hour(11))
        );
        assert_eq!(late.overdue_time, hour(11));
        assert_eq!(in_time.promise.unwrap().state(), State::Kept);
        let told = told_of_promises(&mut suite).await;
        let of = |id: &str| -> Vec<_> {
            let of = told.iter().filter(|it| it.promise_id == id);
            of.map(wire::Promise::state).collect()
        };
        assert_eq!(of("P1"), [State::Open, State::Kept]);
        assert_eq!(of("P2"), [State::Open, State::Broken]);
        assert_eq!(of("P3"), [State::Open, State::Withdrawn]);
        assert_eq!(of("P4"), [State::Open, State::Overdue, State::KeptLate]);
        assert_eq!(of("P5"), [State::Open, State::Overdue, State::Kept]);
    })
    .await;
}

#[tokio::test]
async fn a_promise_that_is_kept_late_was_overdue_before_even_if_nobody_looked() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada"]).await;
        let mut care = care(&suite);
        record(&mut care, promise("ada", "P1", hour(1))).await;
        record(&mut care, promise("ada", "P2", hour(1))).await;
        wait(&suite, 2);

        care.keep_promise(keep("P1")).await.unwrap();
        let refused = care.withdraw_promise(withdraw("P2")).await.unwrap_err();

        assert_code(&refused, Code::FailedPrecondition, "PROMISE_SETTLED");
        assert_eq!(error_info(&refused).metadata["state"], "OVERDUE");
        // A refused call changes nothing: this is noted by the clock.
        assert_eq!(catch_up(&mut care).await, (0, 1));
        let told = told_of_promises(&mut suite).await;
        let told: Vec<_> = told
            .iter()
            .map(|it| (it.promise_id.as_str(), it.state()))
            .collect();
        assert_eq!(
            told,
            [
                ("P1", State::Open),
                ("P2", State::Open),
                ("P1", State::Overdue),
                ("P1", State::KeptLate),
                ("P2", State::Overdue)
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn promises_that_mean_nothing_are_refused() {
    each_suite(async |suite| {
        let suite = suite.with_customers(&["ada", "bob"]).await;
        let mut care = care(&suite);
        record(&mut care, promise("ada", "P1", hour(1))).await;

        let taken = care
            .record_promise(promise("bob", "P1", hour(1)))
            .await
            .unwrap_err();
        assert_code(&taken, Code::AlreadyExists, "PROMISE_EXISTS");
        let unknown = care.keep_promise(keep("P9")).await.unwrap_err();
        assert_code(&unknown, Code::NotFound, "PROMISE_NOT_FOUND");
        let nobody = care
            .record_promise(promise("cyd", "P2", hour(1)))
            .await
            .unwrap_err();
        assert_code(&nobody, Code::NotFound, "CUSTOMER_NOT_FOUND");
        let mut loose = promise("ada", "P2", hour(1));
        loose.promise.as_mut().unwrap().complaint_id = "T9".into();
        let loose = care.record_promise(loose).await.unwrap_err();
        assert_code(&loose, Code::NotFound, "COMPLAINT_NOT_FOUND");
        let late = care
            .record_promise(promise("ada", "P2", hour(0)))
            .await
            .unwrap_err();
        assert_eq!(fields(&late), ["promise.due_time"]);
        let far = promise("ada", "P2", hour(3_661 * 24));
        let far = care.record_promise(far).await.unwrap_err();
        assert_eq!(fields(&far), ["promise.due_time"]);
        let early = wire::KeepPromiseRequest {
            keep_time: hour(-1),
            ..keep("P1")
        };
        let early = care.keep_promise(early).await.unwrap_err();
        assert_eq!(fields(&early), ["keep_time"]);
        care.break_promise(break_off("P1")).await.unwrap();
        let settled = care.break_promise(break_off("P1")).await.unwrap_err();
        assert_code(&settled, Code::FailedPrecondition, "PROMISE_SETTLED");
    })
    .await;
}

#[tokio::test]
async fn promises_have_pages() {
    each_suite(async |suite| {
        let suite = suite.with_customers(&["ada", "bob"]).await;
        let mut care = care(&suite);
        for (customer, id, due) in [
            ("ada", "P1", 3),
            ("bob", "P2", 2),
            ("ada", "P3", 2),
            ("ada", "P4", 9),
        ] {
            record(&mut care, promise(customer, id, hour(due))).await;
        }
        let mut of_ada = wire::ListPromisesRequest {
            customer_id: "ada".into(),
            page_size: 2,
            ..Default::default()
        };
        let first = care
            .list_promises(of_ada.clone())
            .await
            .unwrap()
            .into_inner();
        of_ada.page_token.clone_from(&first.next_page_token);
        let second = care
            .list_promises(of_ada.clone())
            .await
            .unwrap()
            .into_inner();
        let ids = first.promises.iter().chain(&second.promises);
        let ids: Vec<_> = ids.map(|it| it.promise_id.as_str()).collect();
        assert_eq!(
            (ids, second.next_page_token.as_str()),
            (vec!["P1", "P3", "P4"], "")
        );
        wait(&suite, 5);
        care.keep_promise(keep("P3")).await.unwrap();
        record(&mut care, promise("ada", "P5", hour(6))).await;
        let open = wire::ListPromisesRequest {
            open_only: true,
            page_token: String::new(),
            ..of_ada
        };
        let open = care.list_promises(open).await.unwrap().into_inner();
        let ids: Vec<_> = open
            .promises
            .iter()
            .map(|it| it.promise_id.as_str())
            .collect();
        assert_eq!(ids, ["P5", "P1"]);
    })
    .await;
}

#[tokio::test]
async fn debts_are_listed_by_department_whether_or_not_the_clock_noted_them() {
    each_suite(async |suite| {
        let suite = suite.with_customers(&["ada", "bob"]).await;
        let mut care = care(&suite);
        for (customer, id, due) in [("ada", "P1", 3), ("bob", "P2", 2), ("ada", "P4", 9)] {
            record(&mut care, promise(customer, id, hour(due))).await;
        }
        wait(&suite, 5);
        let mut debts = wire::ListOverduePromisesRequest {
            department_code: "desk".into(),
            page_size: 1,
            page_token: String::new(),
        };
        let mut owed = Vec::new();
        for _ in 0..2 {
            let page = care
                .list_overdue_promises(debts.clone())
                .await
                .unwrap()
                .into_inner();
            owed.extend(page.promises.into_iter().map(|it| it.promise_id));
            debts.page_token = page.next_page_token;
            catch_up(&mut care).await;
        }
        assert_eq!(
            (owed, debts.page_token.as_str()),
            (vec!["P2".to_owned(), "P1".into()], "")
        );
        let other = wire::ListOverduePromisesRequest {
            department_code: "network".into(),
            ..debts
        };
        let other = care
            .list_overdue_promises(other)
            .await
            .unwrap()
            .into_inner();
        assert!(other.promises.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_breach_names_who_had_the_complaint_when_the_time_passed() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada"]).await;
        let mut care = care(&suite);
        let request = wire::CreateComplaintRequest {
            promised_time: hour(4),
            ..ticket("ada", "T1")
        };
        create(&mut care, request).await;
        wait(&suite, 5);
        // Nobody looked meanwhile: the hand-over itself notes whose time had passed.
        let over = hand_over("ada", "T1", staff("network", "n2"), hour(9));
        care.hand_over_complaint(over).await.unwrap();
        wait(&suite, 5);
        assert_eq!(catch_up(&mut care).await, (1, 0));
        let over = hand_over("ada", "T1", staff("billing", "b3"), hour(400));
        care.hand_over_complaint(over).await.unwrap();
        wait(&suite, 200);
        assert_eq!(catch_up(&mut care).await, (1, 0));

        let told = told_of_complaints(&mut suite).await;
        let breaches = told.iter().filter(|it| it.last_event() == Event::Breached);
        let breaches: Vec<_> = breaches
            .map(|it| {
                let breach = it.last_breach.clone().unwrap();
                (breach.kind(), breach.owner, breach.promised_time)
            })
            .collect();
        assert_eq!(
            breaches,
            [
                (Kind::Step, staff("desk", "d7"), hour(4)),
                (Kind::Step, staff("network", "n2"), hour(9)),
                (Kind::Resolution, staff("billing", "b3"), hour(168)),
            ]
        );
        let events: Vec<_> = told.iter().map(wire::Complaint::last_event).collect();
        let (over, breached) = (Event::HandedOver, Event::Breached);
        assert_eq!(
            events,
            [Event::Created, breached, over, breached, over, breached]
        );
        let request = wire::ListComplaintStepsRequest {
            customer_id: "ada".into(),
            complaint_id: "T1".into(),
            ..Default::default()
        };
        let steps = care
            .list_complaint_steps(request)
            .await
            .unwrap()
            .into_inner()
            .steps;
        let noted: Vec<_> = steps.iter().map(|step| step.breach_time).collect();
        assert_eq!(noted, [hour(5), hour(10), None]);
    })
    .await;
}

#[tokio::test]
async fn two_replicas_that_look_at_once_note_each_passing_once() {
    each_backend(&tenure_customer_data::MIGRATIONS, async |db| {
        let customers: Vec<_> = (0..30).map(|at| format!("C{at}")).collect();
        let ids: Vec<_> = customers.iter().map(String::as_str).collect();
        let mut one = Suite::new(db.clone()).with_customers(&ids).await;
        let other = Suite::new(db);
        let mut cares = [care(&one), care(&other)];
        for (at, customer) in ids.iter().enumerate() {
            create(&mut cares[at % 2], ticket(customer, &format!("T{at}"))).await;
            let request = promise(customer, &format!("P{at}"), hour(1));
            record(&mut cares[at % 2], request).await;
        }
        for suite in [&one, &other] {
            wait(suite, 24 * 30);
        }

        let [first, second] = &mut cares;
        let (first, second) = tokio::join!(catch_up(first), catch_up(second));

        // A step and the whole of each complaint.
        assert_eq!((first.0 + second.0, first.1 + second.1), (60, 30));
        let told = told_of_complaints(&mut one).await;
        let breached = told.iter().filter(|it| it.last_event() == Event::Breached);
        assert_eq!(breached.count(), 60);
        assert_eq!(told.len(), 90);
        let overdue = told_of_promises(&mut one).await;
        let overdue = overdue.iter().filter(|it| it.state() == State::Overdue);
        assert_eq!(overdue.count(), 30);
    })
    .await;
}
