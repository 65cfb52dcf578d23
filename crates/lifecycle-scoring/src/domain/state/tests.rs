//! Tests of what is remembered, and of its stored form.

use proptest::prelude::*;

use super::super::fact::{AttributeValue, Change, ChurnKind, Fact, Usage};
use super::{BILLS_MAX, CustomerState, MONTHS_MAX, SUBSCRIPTIONS_MAX};
use tenure_core::Timestamp;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn apply(state: &mut CustomerState, when: &str, fact: Fact) {
    state.apply(&Change { at: at(when), fact });
}

fn started(id: &str) -> Fact {
    Fact::SubscriptionStarted { subscription: id.into(), contract_ends_at: None }
}

#[test]
fn an_end_that_comes_before_the_start_is_not_lost() {
    let mut state = CustomerState::default();

    let ended = Fact::SubscriptionEnded { subscription: "s".into(), kind: ChurnKind::Competitor };
    apply(&mut state, "2024-05-01", ended);
    apply(&mut state, "2023-01-01", started("s"));

    let subscription = &state.subscriptions[0];
    assert_eq!(subscription.ended, Some((at("2024-05-01"), ChurnKind::Competitor)));
    assert!(subscription.is_active(at("2024-04-30")));
    assert!(!subscription.is_active(at("2024-05-01")));
}

#[test]
fn a_repeated_usage_summary_replaces_the_earlier_one() {
    let mut state = CustomerState::default();
    let summed = |subscription: &str, seconds| Fact::UsageSummed {
        subscription: subscription.into(),
        from: at("2024-01-01"),
        usage: Usage { voice_seconds: seconds, ..Usage::default() },
    };

    apply(&mut state, "2024-02-01", summed("a", 60));
    apply(&mut state, "2024-02-01", summed("b", 30));
    apply(&mut state, "2024-02-01", summed("a", 90));

    let sum: u64 = state.months[0].periods.iter().map(|p| p.usage.voice_seconds).sum();
    assert_eq!(sum, 120);
}

#[test]
fn memory_has_limits_and_forgets_the_oldest() {
    let mut state = CustomerState::default();
    for number in 0..200_i32 {
        let from = at("2000-01-01").plus_months(number);
        let end = from.plus_months(1);
        state.apply(&Change { at: from, fact: started(&format!("s{number}")) });
        let subscription = format!("s{number}");
        let kind = ChurnKind::Internal;
        state.apply(&Change { at: end, fact: Fact::SubscriptionEnded { subscription, kind } });
        let bill = format!("b{number}");
        let issued = Fact::BillIssued { bill, amount_minor: 1, due_at: end };
        state.apply(&Change { at: from, fact: issued });
        let subscription = format!("s{number}");
        let usage = Usage::default();
        state.apply(&Change { at: end, fact: Fact::UsageSummed { subscription, from, usage } });
        state.apply(&Change { at: end, fact: Fact::Contacted { is_complaint: true } });
    }

    assert_eq!(state.subscriptions.len(), SUBSCRIPTIONS_MAX);
    assert_eq!(state.bills.len(), BILLS_MAX);
    assert_eq!(state.months.len(), usize::try_from(MONTHS_MAX).unwrap());
    assert_eq!(state.bills.last().unwrap().issued_at, at("2000-01-01").plus_months(199));
}

#[test]
fn an_attribute_keeps_what_it_was() {
    let mut state = CustomerState::default();
    let plan = |value: &str| Fact::AttributeSet {
        name: "plan".into(),
        value: Some(AttributeValue::Text(value.into())),
    };

    apply(&mut state, "2024-03-01", plan("gold"));
    apply(&mut state, "2024-01-01", plan("basic"));
    apply(&mut state, "2024-04-01", plan("gold"));

    let versions: Vec<_> = state.attributes[0].versions.iter().map(|(at, _)| *at).collect();
    assert_eq!(versions, [at("2024-01-01"), at("2024-03-01")]);
}

fn any_fact() -> impl Strategy<Value = Fact> {
    let id = "[a-c]";
    let value = prop_oneof![
        Just(None),
        "\\PC{0,8}".prop_map(|t| Some(AttributeValue::Text(t))),
        any::<i64>().prop_map(|n| Some(AttributeValue::Integer(n))),
        (-1e9..1e9).prop_map(|n| Some(AttributeValue::Number(n))),
        any::<bool>().prop_map(|b| Some(AttributeValue::Flag(b))),
    ];
    let instant = (0..2_000_000_000_000_000_i64).prop_map(Timestamp::from_micros);
    prop_oneof![
        (id, value).prop_map(|(name, value)| Fact::AttributeSet { name, value }),
        (id, proptest::option::of(instant.clone())).prop_map(|(subscription, end)| {
            Fact::SubscriptionStarted { subscription, contract_ends_at: end }
        }),
        (id, 0..5_usize).prop_map(|(subscription, kind)| Fact::SubscriptionEnded {
            subscription,
            kind: ChurnKind::ALL[kind]
        }),
        (id, any::<i64>(), instant.clone()).prop_map(|(bill, amount_minor, due_at)| {
            Fact::BillIssued { bill, amount_minor, due_at }
        }),
        id.prop_map(|bill| Fact::BillSettled { bill }),
        (id, instant, any::<[u64; 3]>()).prop_map(|(subscription, from, [v, d, m])| {
            let usage = Usage { voice_seconds: v, data_bytes: d, messages: m };
            Fact::UsageSummed { subscription, from, usage }
        }),
        any::<bool>().prop_map(|is_complaint| Fact::Contacted { is_complaint }),
    ]
}

proptest! {
    #[test]
    fn the_stored_form_gives_back_the_same_state(
        facts in proptest::collection::vec((0..2_000_000_000_000_000_i64, any_fact()), 0..60)
    ) {
        let mut state = CustomerState::default();
        for (micros, fact) in facts {
            state.apply(&Change { at: Timestamp::from_micros(micros), fact });
        }

        let stored = state.encode();

        prop_assert_eq!(CustomerState::decode(&stored).unwrap(), state);
        // A form that was cut short is refused, never misread.
        prop_assert!(CustomerState::decode(&stored[..stored.len() - 1]).is_err());
    }
}
