//! The rules that need more than one item.

use tenure_core::{BillId, Currency, Money, Span};

use super::*;
use crate::domain::words::{BillState, ChurnKind, CustomerKind, ServiceKind};
use crate::domain::{CustomerPatch, ImportMark, Standing, Termination};

fn day(day: i64) -> Timestamp {
    Timestamp::from_micros(0) + Span::from_days(day)
}

fn customer_id(text: &str) -> CustomerId {
    CustomerId::parse(text).unwrap()
}

fn patch(id: &str) -> CustomerPatch {
    CustomerPatch {
        id: customer_id(id),
        kind: Some(CustomerKind::Individual),
        display_name: None,
        external_ids: Vec::new(),
        attributes: Vec::new(),
        joined_at: None,
        payment: None,
        etag: None,
    }
}

fn named(id: &str, crm: &str) -> CustomerPatch {
    CustomerPatch {
        external_ids: vec![ExternalId::parse("crm", crm).unwrap()],
        ..patch(id)
    }
}

fn line(customer: &str, id: &str, msisdn: &str, from: i64, until: Option<i64>) -> Subscription {
    Subscription {
        id: SubscriptionId::parse(id).unwrap(),
        customer: customer_id(customer),
        service: ServiceKind::Mobile,
        product_code: "BASIC".into(),
        msisdn: Some(Msisdn::parse(msisdn).unwrap()),
        msisdn_from: None,
        started_at: day(from),
        contract_ends_at: None,
        monthly_fee: None,
        termination: until.map(|until| ended(day(until))),
        standing: Standing::since(day(from)),
        updated_at: day(0),
    }
}

fn ended(at: Timestamp) -> Termination {
    Termination {
        at,
        kind: ChurnKind::Unstated,
        reason: String::new(),
        is_ported_out: false,
    }
}

fn book_at(now: i64) -> Book {
    let mut book = Book::open(day(now));
    for id in ["C1", "C2"] {
        book.upsert_customer(&patch(id), None).unwrap();
    }
    book
}

const NUMBER: &str = "+4912345678";

fn holders(book: &Book) -> Vec<(&str, i64, i64)> {
    let days = |at: Timestamp| at.since(day(0)).as_micros() / 86_400_000_000;
    let holding = |((_, from), held): (&(Msisdn, Timestamp), &Holding)| {
        (
            held.subscription.as_str().to_owned(),
            days(*from),
            days(held.until),
        )
    };
    let held: Vec<_> = book.numbers.range(..).map(holding).collect();
    held.into_iter()
        .map(|(id, from, until)| (String::leak(id) as &str, from, until))
        .collect()
}

const FOR_EVER: i64 = 253_370_764_800 / 86_400;

#[test]
fn a_number_is_held_once_at_a_time_and_may_be_given_to_another_afterwards() {
    let mut book = book_at(100);
    book.upsert_subscription(line("C1", "S1", NUMBER, 10, Some(20)))
        .unwrap();

    let overlapping = book
        .upsert_subscription(line("C2", "S2", NUMBER, 19, None))
        .unwrap_err();
    assert_eq!(overlapping.reason, Reason::MsisdnTaken);

    book.upsert_subscription(line("C2", "S2", NUMBER, 20, None))
        .unwrap();
    assert_eq!(holders(&book), [("S1", 10, 20), ("S2", 20, FOR_EVER)]);
    assert!(
        book.upsert_subscription(line("C1", "S3", NUMBER, 1, Some(10)))
            .is_ok()
    );
    assert!(
        book.upsert_subscription(line("C1", "S4", NUMBER, 1, Some(11)))
            .is_err()
    );
}

#[test]
fn termination_gives_the_number_back_from_then_on() {
    let mut book = book_at(100);
    book.upsert_subscription(line("C1", "S1", NUMBER, 10, None))
        .unwrap();
    let id = SubscriptionId::parse("S1").unwrap();

    book.terminate_subscription(&customer_id("C1"), &id, ended(day(50)))
        .unwrap();

    assert_eq!(holders(&book), [("S1", 10, 50)]);
    let again = book.terminate_subscription(&customer_id("C1"), &id, ended(day(60)));
    assert_eq!(again.unwrap_err().reason, Reason::SubscriptionTerminated);
    let revived = book.upsert_subscription(line("C1", "S1", NUMBER, 10, None));
    assert_eq!(revived.unwrap_err().reason, Reason::SubscriptionTerminated);
    let same = book.upsert_subscription(line("C1", "S1", NUMBER, 10, Some(50)));
    assert_eq!(same.unwrap(), Outcome::Unchanged);
}

#[test]
fn another_number_is_held_from_now_on_and_a_moved_start_moves_the_holding() {
    let mut book = book_at(100);
    book.upsert_subscription(line("C1", "S1", NUMBER, 10, None))
        .unwrap();
    book.upsert_subscription(line("C1", "S1", NUMBER, 12, None))
        .unwrap();
    assert_eq!(holders(&book), [("S1", 12, FOR_EVER)]);

    book.upsert_subscription(line("C1", "S1", "+4999999999", 12, None))
        .unwrap();
    assert_eq!(holders(&book), [("S1", 12, 100), ("S1", 100, FOR_EVER)]);

    book.upsert_subscription(line("C1", "S1", "+4999999999", 12, Some(90)))
        .unwrap();
    assert_eq!(holders(&book), [("S1", 12, 100)]);
}

#[test]
fn a_key_is_one_customers_for_ever() {
    let mut book = book_at(100);
    book.upsert_subscription(line("C1", "S1", NUMBER, 10, Some(20)))
        .unwrap();

    let refused = book
        .upsert_subscription(line("C2", "S1", "+4999999999", 30, None))
        .unwrap_err();

    assert_eq!(refused.reason, Reason::SubscriptionExists);
    assert_eq!(refused.metadata, [("subscription_id", "S1".to_owned())]);
    let unknown = book
        .upsert_subscription(line("C3", "S9", NUMBER, 30, None))
        .unwrap_err();
    assert_eq!(unknown.reason, Reason::CustomerNotFound);
}

#[test]
fn an_external_id_names_one_customer_and_is_free_when_it_was_replaced() {
    let mut book = book_at(100);
    book.upsert_customer(&named("C1", "7"), None).unwrap();
    let taken = book.upsert_customer(&named("C2", "7"), None).unwrap_err();
    assert_eq!(taken.reason, Reason::ExternalIdTaken);

    book.upsert_customer(&named("C1", "8"), None).unwrap();
    assert_eq!(
        book.upsert_customer(&named("C2", "7"), None).unwrap(),
        Outcome::Updated
    );
}

#[test]
fn a_settled_bill_stays_as_it_is() {
    let amount = Money {
        currency: Currency::parse("EUR").unwrap(),
        minor: 100,
    };
    let bill = |paid: i64| Bill {
        id: BillId::parse("B1").unwrap(),
        customer: customer_id("C1"),
        issued_at: day(1),
        due_at: day(2),
        amount,
        state: BillState::Settled,
        settled_at: Some(day(2)),
        paid: Some(Money {
            minor: paid,
            ..amount
        }),
        updated_at: day(0),
    };
    let mut book = book_at(100);
    book.upsert_bill(bill(100)).unwrap();

    assert_eq!(book.upsert_bill(bill(100)).unwrap(), Outcome::Unchanged);
    assert_eq!(
        book.upsert_bill(bill(99)).unwrap_err().reason,
        Reason::BillSettled
    );
}

#[test]
fn what_is_undone_leaves_no_trace_in_rows_or_changes() {
    let mut book = book_at(100);
    book.keep();

    book.upsert_customer(&named("C3", "9"), None).unwrap();
    book.upsert_subscription(line("C3", "S1", NUMBER, 10, None))
        .unwrap();
    book.undo();

    assert!(book.customers.get(&customer_id("C3")).is_none());
    assert!(holders(&book).is_empty());
    assert_eq!(book.take_changes().len(), 2);
    assert!(book.external_ids.written().next().is_none());
}

#[test]
fn an_import_has_each_customer_once_and_leaves_its_mark_without_a_change() {
    let mark = |import: u128, line| {
        Some(ImportMark {
            import_id: uuid::Uuid::from_u128(import),
            line,
        })
    };
    let mut book = book_at(100);
    book.take_changes();

    assert_eq!(
        book.upsert_customer(&patch("C1"), mark(1, 2)).unwrap(),
        Outcome::Unchanged
    );
    let twice = book.upsert_customer(&patch("C1"), mark(1, 9)).unwrap_err();
    assert_eq!(twice.found, "the customer of line 2");
    assert!(book.upsert_customer(&patch("C1"), mark(2, 2)).is_ok());
    assert!(book.take_changes().is_empty());
}
