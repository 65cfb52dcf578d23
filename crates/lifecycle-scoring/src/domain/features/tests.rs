//! Tests of features against hand-made customers.

use proptest::prelude::*;
use tenure_core::Timestamp;

use super::super::fact::{AttributeValue, Change, ChurnKind, Fact, Usage};
use super::super::state::CustomerState;
use super::{Core, derive, is_hazardous_tenure, joined_at, left_at, words};

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn state(changes: impl IntoIterator<Item = (&'static str, Fact)>) -> CustomerState {
    let mut state = CustomerState::default();
    for (when, fact) in changes {
        state.apply(&Change { at: at(when), fact });
    }
    state
}

fn started(id: &str) -> Fact {
    Fact::SubscriptionStarted { subscription: id.into(), contract_ends_at: None }
}

fn ended(id: &str) -> Fact {
    Fact::SubscriptionEnded { subscription: id.into(), kind: ChurnKind::Competitor }
}

fn issued(id: &str, amount_minor: i64, due: &str) -> Fact {
    Fact::BillIssued { bill: id.into(), amount_minor, due_at: at(due) }
}

fn settled(id: &str) -> Fact {
    Fact::BillSettled { bill: id.into() }
}

/// A customer since 2023-01-01 with one usage summary per month from then on.
fn caller(minutes: &[u64]) -> CustomerState {
    let mut state = state([("2023-01-01", started("s"))]);
    for (months, minutes) in (0..).zip(minutes) {
        let from = at("2023-01-01").plus_months(months);
        let usage = Usage { voice_seconds: minutes * 60, ..Usage::default() };
        let fact = Fact::UsageSummed { subscription: "s".into(), from, usage };
        state.apply(&Change { at: from.plus_months(1), fact });
    }
    state
}

#[test]
fn the_hazard_bands_are_months_1_to_11_and_from_61_on() {
    let flags = [1, 11, 12, 60, 61].map(is_hazardous_tenure);

    assert_eq!(flags, [true, true, false, false, true]);
}

#[test]
fn tenure_runs_over_overlapping_subscriptions_and_starts_anew_after_a_gap() {
    let state = state([
        ("2020-01-01", started("a")),
        ("2021-06-01", started("b")),
        ("2022-01-01", ended("a")),
        ("2023-01-01", ended("b")),
        ("2023-05-01", started("c")),
    ]);

    assert_eq!(joined_at(&state, at("2022-06-01")), Some(at("2020-01-01")));
    assert_eq!(left_at(&state, at("2023-02-01")), Some(at("2023-01-01")));
    assert_eq!(joined_at(&state, at("2023-02-01")), Some(at("2020-01-01")));
    let now = derive(&state, at("2023-11-01"));
    assert_eq!(now.get(Core::TenureMonths), Some(6.0));
    assert_eq!(now.get(Core::Rejoined), Some(1.0));
    assert_eq!(derive(&state, at("2023-02-01")).get(Core::TenureMonths), Some(36.0));
}

#[test]
fn usage_is_seen_from_complete_months_only() {
    let state = caller(&[100, 100, 100, 90, 80, 70]);

    let row = derive(&state, at("2023-07-01"));

    assert_eq!(row.get(Core::VoiceMinutes), Some(80.0));
    assert!((row.get(Core::UsageTrend3m).unwrap() - -10.0 / 80.0).abs() < 1e-12);
    // One instant earlier the sixth month was not known.
    let before = derive(&state, Timestamp::from_micros(at("2023-07-01").as_micros() - 1));
    assert_eq!(before.get(Core::VoiceMinutes), Some(90.0));
    assert_eq!(before.get(Core::UsageTrend6m), None);
}

#[test]
fn silence_is_counted_in_complete_months() {
    let state = caller(&[100, 50, 0, 0]);

    assert_eq!(derive(&state, at("2023-03-15")).get(Core::MonthsIdle), Some(0.0));
    assert_eq!(derive(&state, at("2023-05-15")).get(Core::MonthsIdle), Some(2.0));
}

#[test]
fn payment_sees_what_was_late_and_what_is_open_at_the_instant() {
    let state = state([
        ("2024-01-01", issued("1", 1_000, "2024-01-15")),
        ("2024-01-10", settled("1")),
        ("2024-02-01", issued("2", 2_000, "2024-02-15")),
        ("2024-02-20", settled("2")),
        ("2024-03-01", issued("3", 3_000, "2024-03-15")),
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
    let complaint = || Fact::Contacted { is_complaint: true };
    let state = state([
        ("2024-01-10", complaint()),
        ("2024-07-10", complaint()),
        ("2024-11-10", complaint()),
        ("2024-12-01", Fact::Contacted { is_complaint: false }),
    ]);

    let row = derive(&state, at("2024-12-10"));

    let complaints = [Core::Complaints3m, Core::Complaints6m, Core::Complaints12m];
    assert_eq!(complaints.map(|c| row.get(c)), [Some(1.0), Some(2.0), Some(3.0)]);
    assert_eq!(row.get(Core::Contacts3m), Some(2.0));
    assert_eq!(row.get(Core::DaysSinceContact), Some(9.0));
}

#[test]
fn a_contract_counts_down_and_attributes_have_the_value_of_then() {
    let contract_ends_at = Some(at("2025-01-01"));
    let plan = |text: &str| Fact::AttributeSet {
        name: "plan".into(),
        value: Some(AttributeValue::Text(text.into())),
    };
    let state = state([
        ("2024-01-01", Fact::SubscriptionStarted { subscription: "s".into(), contract_ends_at }),
        ("2024-01-01", plan("basic")),
        ("2024-08-01", plan("gold")),
    ]);

    let row = derive(&state, at("2024-07-01"));

    assert_eq!(row.get(Core::ContractMonthsLeft), Some(6.0));
    assert_eq!(words(&row, "plan"), "plan is basic");
    assert_eq!(words(&row, "tenure_months"), "tenure in the first year");
    assert_eq!(words(&derive(&state, at("2025-03-01")), "plan"), "plan is gold");
}

fn any_fact() -> impl Strategy<Value = Fact> {
    let instant = (0..24_i32).prop_map(|m| at("2022-01-01").plus_months(m));
    prop_oneof![
        "[a-b]".prop_map(|id| started(&id)),
        "[a-b]".prop_map(|id| ended(&id)),
        ("[a-c]", 1..10_000_i64, instant.clone()).prop_map(|(bill, amount_minor, due_at)| {
            Fact::BillIssued { bill, amount_minor, due_at }
        }),
        "[a-c]".prop_map(|bill| Fact::BillSettled { bill }),
        any::<bool>().prop_map(|is_complaint| Fact::Contacted { is_complaint }),
        any::<i64>().prop_map(|n| Fact::AttributeSet {
            name: "n".into(),
            value: Some(AttributeValue::Integer(n))
        }),
    ]
}

proptest! {
    /// Distinct ids per fact, so that a later fact never rewrites an earlier one: then a past
    /// instant must look the same whether or not the future is known.
    #[test]
    fn the_future_cannot_be_seen_from_the_past(
        facts in proptest::collection::vec((0..700_i64, any_fact()), 0..40),
        day in 0..700_i64,
    ) {
        let start = at("2022-01-01");
        let instant = start + tenure_core::Span::from_days(day);
        let (mut all, mut known) = (CustomerState::default(), CustomerState::default());
        for (number, (fact_day, fact)) in facts.into_iter().enumerate() {
            let fact = match fact {
                Fact::SubscriptionStarted { contract_ends_at, .. } => {
                    Fact::SubscriptionStarted { subscription: format!("s{number}"), contract_ends_at }
                }
                Fact::BillIssued { amount_minor, due_at, .. } => {
                    Fact::BillIssued { bill: format!("b{number}"), amount_minor, due_at }
                }
                Fact::AttributeSet { name, value } if number % 2 == 0 && number > 3 => {
                    Fact::AttributeSet { name: format!("{name}{number}"), value }
                }
                Fact::AttributeSet { .. } => Fact::CustomerKnown,
                other => other,
            };
            let change = Change { at: start + tenure_core::Span::from_days(fact_day), fact };
            all.apply(&change);
            if change.at <= instant {
                known.apply(&change);
            }
        }

        let (with, without) = (derive(&all, instant), derive(&known, instant));

        prop_assert_eq!(format!("{with:?}"), format!("{without:?}"));
    }
}
