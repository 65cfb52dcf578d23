//! Tests of features against hand-made customers.

use proptest::prelude::*;
use tenure_core::{Currency, Span, Timestamp};

use super::super::fact::{AttributeValue, ChurnKind, ContactKind, Fact, Usage};
use super::super::state::CustomerState;
use super::{Core, derive, is_hazardous_tenure, joined_at, left_at, words};

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn state(facts: impl IntoIterator<Item = Fact>) -> CustomerState {
    let mut state = CustomerState::default();
    for fact in facts {
        state.apply(&fact);
    }
    state
}

fn subscription(id: &str, from: &str, until: Option<&str>) -> Fact {
    Fact::Subscription {
        id: id.into(),
        started_at: at(from),
        contract_ends_at: None,
        fee: None,
        ended: until.map(|until| (at(until), ChurnKind::Competitor)),
    }
}

fn bill(id: &str, minor: i64, issued: &str, due: &str, settled: Option<&str>) -> Fact {
    Fact::Bill {
        id: id.into(),
        issued_at: at(issued),
        due_at: at(due),
        amount: (minor, Currency::parse("EUR").unwrap()),
        settled_at: settled.map(at),
    }
}

fn contact(id: &str, when: &str, kind: ContactKind) -> Fact {
    Fact::Contact {
        id: id.into(),
        at: at(when),
        kind,
    }
}

/// A customer since 2023-01-01 with one usage summary per month from then on.
fn caller(minutes: &[u64]) -> CustomerState {
    let usage = (0..).zip(minutes).map(|(months, minutes)| {
        let from = at("2023-01-01").plus_months(months);
        let usage = Usage {
            voice_seconds: minutes * 60,
            ..Usage::default()
        };
        Fact::Usage {
            subscription: "s".into(),
            from,
            until: from.plus_months(1),
            usage,
        }
    });
    state(std::iter::once(subscription("s", "2023-01-01", None)).chain(usage))
}

#[test]
fn the_hazard_bands_are_months_1_to_11_and_from_61_on() {
    let flags = [1, 11, 12, 60, 61].map(is_hazardous_tenure);

    assert_eq!(flags, [true, true, false, false, true]);
}

#[test]
fn tenure_runs_over_overlapping_subscriptions_and_starts_anew_after_a_gap() {
    let state = state([
        subscription("a", "2020-01-01", Some("2022-01-01")),
        subscription("b", "2021-06-01", Some("2023-01-01")),
        subscription("c", "2023-05-01", None),
    ]);

    assert_eq!(joined_at(&state, at("2022-06-01")), Some(at("2020-01-01")));
    assert_eq!(left_at(&state, at("2023-02-01")), Some(at("2023-01-01")));
    assert_eq!(joined_at(&state, at("2023-02-01")), Some(at("2020-01-01")));
    let now = derive(&state, at("2023-11-01"));
    assert_eq!(now.get(Core::TenureMonths), Some(6.0));
    assert_eq!(now.get(Core::Rejoined), Some(1.0));
    assert_eq!(
        derive(&state, at("2023-02-01")).get(Core::TenureMonths),
        Some(36.0)
    );
}

#[test]
fn usage_is_seen_from_complete_months_only() {
    let state = caller(&[100, 100, 100, 90, 80, 70]);

    let row = derive(&state, at("2023-07-01"));

    assert_eq!(row.get(Core::VoiceMinutes), Some(80.0));
    assert!((row.get(Core::UsageTrend3m).unwrap() - -10.0 / 80.0).abs() < 1e-12);
    // One instant earlier the sixth month was not known.
    let before = derive(
        &state,
        Timestamp::from_micros(at("2023-07-01").as_micros() - 1),
    );
    assert_eq!(before.get(Core::VoiceMinutes), Some(90.0));
    assert_eq!(before.get(Core::UsageTrend6m), None);
}

#[test]
fn silence_is_counted_in_complete_months() {
    let state = caller(&[100, 50, 0, 0]);

    assert_eq!(
        derive(&state, at("2023-03-15")).get(Core::MonthsIdle),
        Some(0.0)
    );
    assert_eq!(
        derive(&state, at("2023-05-15")).get(Core::MonthsIdle),
        Some(2.0)
    );
}

#[test]
fn payment_sees_what_was_late_and_what_is_open_at_the_instant() {
    let state = state([
        bill("1", 1_000, "2024-01-01", "2024-01-15", Some("2024-01-10")),
        bill("2", 2_000, "2024-02-01", "2024-02-15", Some("2024-02-20")),
        bill("3", 3_000, "2024-03-01", "2024-03-15", None),
    ]);

    let row = derive(&state, at("2024-03-25"));
    assert!((row.get(Core::LateShare).unwrap() - 2.0 / 3.0).abs() < 1e-12);
    assert_eq!(row.get(Core::Arrears), Some(3_000.0));
    assert_eq!(row.get(Core::ArrearsDays), Some(10.0));
    assert_eq!(row.get(Core::Spend), Some(2_000.0));
    // On 16 February the second bill was one day overdue; its later payment is not known yet.
    let then = derive(&state, at("2024-02-16"));
    assert_eq!(then.get(Core::Arrears), Some(2_000.0));
    assert_eq!(then.get(Core::Spend12m), Some(3_000.0));
}

#[test]
fn complaints_are_counted_in_three_windows() {
    let state = state([
        contact("1", "2024-01-10", ContactKind::Complaint),
        contact("2", "2024-07-10", ContactKind::Complaint),
        contact("3", "2024-11-10", ContactKind::Complaint),
        contact("4", "2024-12-01", ContactKind::Leaving),
        contact("5", "2024-12-05", ContactKind::Campaign),
    ]);

    let row = derive(&state, at("2024-12-10"));

    let complaints = [Core::Complaints3m, Core::Complaints6m, Core::Complaints12m];
    assert_eq!(
        complaints.map(|c| row.get(c)),
        [Some(1.0), Some(2.0), Some(3.0)]
    );
    assert_eq!(row.get(Core::Contacts3m), Some(1.0));
    assert_eq!(row.get(Core::Leaving3m), Some(1.0));
    assert_eq!(row.get(Core::DaysSinceContact), Some(9.0));
}

#[test]
fn a_contract_counts_down_and_attributes_have_the_value_of_then() {
    let plan = |when: &str, text: &str| Fact::Customer {
        at: at(when),
        attributes: vec![("plan".into(), AttributeValue::Text(text.into()))],
    };
    let bound = Fact::Subscription {
        id: "s".into(),
        started_at: at("2024-01-01"),
        contract_ends_at: Some(at("2025-01-01")),
        fee: Some((1_990, Currency::parse("EUR").unwrap())),
        ended: None,
    };
    let state = state([
        bound,
        plan("2024-01-01", "basic"),
        plan("2024-08-01", "gold"),
    ]);

    let row = derive(&state, at("2024-07-01"));

    assert_eq!(row.get(Core::ContractMonthsLeft), Some(6.0));
    assert_eq!(row.get(Core::MonthlyFee), Some(1_990.0));
    assert_eq!(words(&row, "attribute.plan"), "plan is basic");
    assert_eq!(words(&row, "tenure_months"), "tenure in the first year");
    assert_eq!(
        words(&derive(&state, at("2025-03-01")), "attribute.plan"),
        "plan is gold"
    );
}

/// A fact that knows of nothing after its day, under an id of its own.
fn fact(kind: usize, number: usize, when: Timestamp) -> Fact {
    let id = format!("{number}");
    let currency = Currency::parse("EUR").unwrap();
    match kind {
        0 => Fact::Subscription {
            id,
            started_at: when,
            contract_ends_at: Some(when.plus_months(12)),
            fee: Some((100, currency)),
            ended: None,
        },
        1 => Fact::Bill {
            id,
            issued_at: when,
            due_at: when,
            amount: (500, currency),
            settled_at: None,
        },
        2 => Fact::Contact {
            id,
            at: when,
            kind: ContactKind::ALL[number % 4],
        },
        3 => {
            let usage = Usage {
                voice_seconds: 60,
                data_megabytes: 7,
                ..Usage::default()
            };
            let until = when.month_start();
            Fact::Usage {
                subscription: id,
                from: until.plus_months(-1),
                until,
                usage,
            }
        }
        _ => {
            let value = AttributeValue::Integer(i64::try_from(number).unwrap());
            Fact::Customer {
                at: when,
                attributes: vec![("n".into(), value)],
            }
        }
    }
}

proptest! {
    #[test]
    fn the_future_cannot_be_seen_from_the_past(
        days in proptest::collection::vec((0..700_i64, 0..5_usize), 0..40),
        day in 0..700_i64,
    ) {
        let start = at("2022-01-01");
        let instant = start + Span::from_days(day);
        let (mut all, mut known) = (CustomerState::default(), CustomerState::default());
        let mut attribute_changes = 0;
        for (number, (fact_day, kind)) in days.into_iter().enumerate() {
            // Of one attribute only the latest few values are kept.
            attribute_changes += usize::from(kind == 4);
            if kind == 4 && attribute_changes > 4 {
                continue;
            }
            let when = start + Span::from_days(fact_day);
            let fact = fact(kind, number, when);
            all.apply(&fact);
            if fact.span().1 <= instant {
                known.apply(&fact);
            }
        }

        let (with, without) = (derive(&all, instant), derive(&known, instant));

        prop_assert_eq!(format!("{with:?}"), format!("{without:?}"));
    }

    #[test]
    fn the_end_of_a_subscription_and_a_payment_cannot_be_foreseen(months in 1..24_i32) {
        let end = at("2022-01-01").plus_months(months);
        let ending = subscription("s", "2022-01-01", Some(&end.to_string()[..10]));
        let paid = bill("b", 100, "2022-01-01", "2022-01-02", Some(&end.to_string()[..10]));
        let instant = end - Span::from_seconds(1);

        let foreseen = derive(&state([ending, paid]), instant);
        let open = bill("b", 100, "2022-01-01", "2022-01-02", None);
        let unknown = derive(&state([subscription("s", "2022-01-01", None), open]), instant);

        prop_assert_eq!(format!("{foreseen:?}"), format!("{unknown:?}"));
    }
}
