//! Tests of what is remembered, and of its stored form.

use proptest::prelude::*;
use tenure_core::{Currency, Timestamp};

use super::super::fact::{AttributeValue, ChurnKind, ContactKind, Fact, Usage};
use super::{BILLS_MAX, CONTACTS_MAX, CustomerState, MONTHS_MAX, SUBSCRIPTIONS_MAX};

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn eur() -> Currency {
    Currency::parse("EUR").unwrap()
}

fn attributes(when: &str, value: &str) -> Fact {
    let value = AttributeValue::Text(value.into());
    Fact::Customer {
        at: at(when),
        attributes: vec![("plan".into(), value)],
    }
}

#[test]
fn a_repeated_usage_summary_replaces_the_earlier_one() {
    let mut state = CustomerState::default();
    let summed = |subscription: &str, seconds| Fact::Usage {
        subscription: subscription.into(),
        from: at("2024-01-01"),
        until: at("2024-02-01"),
        usage: Usage {
            voice_seconds: seconds,
            ..Usage::default()
        },
    };

    for fact in [summed("a", 60), summed("b", 30), summed("a", 90)] {
        state.apply(&fact);
    }

    let sum: u64 = state.months[0]
        .periods
        .iter()
        .map(|p| p.usage.voice_seconds)
        .sum();
    assert_eq!(sum, 120);
}

#[test]
fn what_is_taken_back_leaves_nothing_but_its_neighbours() {
    let (from, until) = (at("2024-01-01"), at("2024-02-01"));
    let used = |subscription: &str| Fact::Usage {
        subscription: subscription.into(),
        from,
        until,
        usage: Usage::default(),
    };
    let contact = |id: &str| Fact::Contact {
        id: id.into(),
        at: from,
        kind: ContactKind::Other,
    };
    let bill = |id: &str| Fact::Bill {
        id: id.into(),
        issued_at: from,
        due_at: until,
        amount: (990, eur()),
        settled_at: None,
    };
    let mut stays = CustomerState::default();
    let mut state = CustomerState::default();
    for fact in [used("a"), contact("a"), bill("a")] {
        stays.apply(&fact);
        state.apply(&fact);
    }

    for fact in [used("b"), contact("b"), bill("b")] {
        state.apply(&fact);
    }
    let ids = vec!["b".to_owned()];
    state.apply(&Fact::Removal {
        at: until,
        subscriptions: ids.clone(),
        bills: ids.clone(),
        contacts: ids,
        usage: vec![("b".to_owned(), from, until)],
    });

    assert_eq!(state, stays);
}

#[test]
fn a_record_that_comes_again_replaces_itself() {
    let mut state = CustomerState::default();
    let contact = |kind| Fact::Contact {
        id: "i".into(),
        at: at("2024-01-05"),
        kind,
    };
    let bill = |settled_at| Fact::Bill {
        id: "b".into(),
        issued_at: at("2024-01-01"),
        due_at: at("2024-01-15"),
        amount: (990, eur()),
        settled_at,
    };

    for fact in [
        contact(ContactKind::Other),
        bill(None),
        contact(ContactKind::Complaint),
    ] {
        state.apply(&fact);
    }
    state.apply(&bill(Some(at("2024-01-20"))));

    assert_eq!((state.contacts.len(), state.bills.len()), (1, 1));
    assert_eq!(state.contacts[0].kind, ContactKind::Complaint);
    assert_eq!(state.bills[0].settled_at, Some(at("2024-01-20")));
}

#[test]
fn memory_has_limits_and_forgets_the_oldest() {
    let mut state = CustomerState::default();
    for number in 0..200_i32 {
        let from = at("2000-01-01").plus_months(number);
        let until = from.plus_months(1);
        state.apply(&Fact::Subscription {
            id: format!("s{number}"),
            started_at: from,
            contract_ends_at: None,
            fee: None,
            ended: Some((until, ChurnKind::InternalMigration)),
        });
        state.apply(&Fact::Bill {
            id: format!("b{number}"),
            issued_at: from,
            due_at: until,
            amount: (1, eur()),
            settled_at: None,
        });
        let (subscription, usage) = (format!("s{number}"), Usage::default());
        state.apply(&Fact::Usage {
            subscription,
            from,
            until,
            usage,
        });
        state.apply(&Fact::Contact {
            id: format!("i{number}"),
            at: from,
            kind: ContactKind::Other,
        });
    }

    assert_eq!(state.subscriptions.len(), SUBSCRIPTIONS_MAX);
    assert_eq!(state.bills.len(), BILLS_MAX);
    assert_eq!(state.contacts.len(), CONTACTS_MAX);
    assert_eq!(state.months.len(), usize::try_from(MONTHS_MAX).unwrap());
    assert_eq!(
        state.bills.last().unwrap().issued_at,
        at("2000-01-01").plus_months(199)
    );
}

#[test]
fn an_attribute_keeps_what_it_was_and_that_it_was_removed() {
    let mut state = CustomerState::default();

    state.apply(&attributes("2024-03-01", "gold"));
    state.apply(&attributes("2024-01-01", "basic"));
    state.apply(&attributes("2024-04-01", "gold"));
    state.apply(&Fact::Customer {
        at: at("2024-05-01"),
        attributes: Vec::new(),
    });

    let versions: Vec<_> = state.attributes[0]
        .versions
        .iter()
        .map(|(at, value)| (*at, value.is_some()))
        .collect();
    let expected = [
        ("2024-01-01", true),
        ("2024-03-01", true),
        ("2024-05-01", false),
    ];
    assert_eq!(versions, expected.map(|(when, is_set)| (at(when), is_set)));
}

fn any_value() -> impl Strategy<Value = AttributeValue> {
    prop_oneof![
        "\\PC{0,8}".prop_map(AttributeValue::Text),
        any::<i64>().prop_map(AttributeValue::Integer),
        (-1e9..1e9).prop_map(AttributeValue::Number),
        any::<bool>().prop_map(AttributeValue::Flag),
        any::<i64>().prop_map(AttributeValue::Instant),
    ]
}

fn any_fact() -> impl Strategy<Value = Fact> {
    let id = "[a-c]";
    let instant = || (0..2_000_000_000_000_000_i64).prop_map(Timestamp::from_micros);
    let maybe = move || proptest::option::of(instant());
    prop_oneof![
        (
            instant(),
            proptest::collection::vec((id, any_value()), 0..4)
        )
            .prop_map(|(at, attributes)| Fact::Customer { at, attributes }),
        (
            id,
            instant(),
            maybe(),
            any::<i64>(),
            proptest::option::of((instant(), 0..6_usize))
        )
            .prop_map(|(id, started_at, contract_ends_at, fee, ended)| {
                Fact::Subscription {
                    id,
                    started_at,
                    contract_ends_at,
                    fee: (fee > 0).then(|| (fee, eur())),
                    ended: ended.map(|(at, kind)| (at, ChurnKind::ALL[kind])),
                }
            }),
        (id, instant(), instant(), any::<i64>(), maybe()).prop_map(
            |(id, issued_at, due_at, minor, settled_at)| Fact::Bill {
                id,
                issued_at,
                due_at,
                amount: (minor, eur()),
                settled_at
            }
        ),
        (id, instant(), instant(), any::<[u64; 4]>()).prop_map(|(id, from, until, n)| {
            let usage = Usage {
                voice_seconds: n[0],
                in_group_seconds: n[1],
                data_megabytes: n[2],
                messages: n[3],
            };
            Fact::Usage {
                subscription: id,
                from,
                until,
                usage,
            }
        }),
        (id, instant(), 0..4_usize).prop_map(|(id, at, kind)| Fact::Contact {
            id,
            at,
            kind: ContactKind::ALL[kind]
        }),
    ]
}

proptest! {
    #[test]
    fn the_stored_form_gives_back_the_same_state(
        facts in proptest::collection::vec(any_fact(), 0..60)
    ) {
        let mut state = CustomerState::default();
        for fact in &facts {
            state.apply(fact);
        }

        let stored = state.encode();

        prop_assert_eq!(CustomerState::decode(&stored).unwrap(), state);
        // A form that was cut short is refused, never misread.
        prop_assert!(CustomerState::decode(&stored[..stored.len() - 1]).is_err());
    }
}
