//! Tests of placements against hand-made lives.

use proptest::prelude::*;
use tenure_core::{Currency, Span, Timestamp};

use super::super::fact::{ChurnKind, Fact, Usage};
use super::super::features::derive;
use super::super::state::CustomerState;
use super::{Placement, Stage, StagePolicy, place};

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn subscription(id: &str, from: Timestamp, until: Option<Timestamp>) -> Fact {
    Fact::Subscription {
        id: id.into(),
        started_at: from,
        contract_ends_at: None,
        fee: None,
        ended: until.map(|until| (until, ChurnKind::Competitor)),
    }
}

/// A customer since `start` with these minutes in the months from then on.
fn caller(start: &str, minutes: impl IntoIterator<Item = u64>) -> CustomerState {
    let mut state = CustomerState::default();
    state.apply(&subscription("s", at(start), None));
    for (months, minutes) in (0..).zip(minutes) {
        let from = at(start).plus_months(months);
        let usage = Usage {
            voice_seconds: minutes * 60,
            ..Usage::default()
        };
        let until = from.plus_months(1);
        state.apply(&Fact::Usage {
            subscription: "s".into(),
            from,
            until,
            usage,
        });
    }
    state
}

fn evaluate(state: &CustomerState, previous: Option<&Placement>, when: Timestamp) -> Placement {
    place(
        &StagePolicy::default(),
        previous,
        state,
        &derive(state, when),
    )
}

/// Evaluates on the first of every month from `from` on and returns the stages.
fn monthly(state: &CustomerState, from: &str, months: i32) -> Vec<Stage> {
    let mut placement: Option<Placement> = None;
    let mut stages = Vec::new();
    for month in 0..months {
        let next = evaluate(state, placement.as_ref(), at(from).plus_months(month));
        stages.push(next.stage);
        placement = Some(next);
    }
    stages
}

#[test]
fn a_prospect_becomes_a_growing_customer_on_the_day_of_activation() {
    let mut state = CustomerState::default();
    state.apply(&Fact::Customer {
        at: at("2024-01-01"),
        attributes: Vec::new(),
    });
    let prospect = evaluate(&state, None, at("2024-02-01"));

    state.apply(&subscription("s", at("2024-02-10"), None));
    let customer = evaluate(&state, Some(&prospect), at("2024-03-01"));

    assert_eq!(
        (prospect.stage, prospect.since),
        (Stage::Acquisition, at("2024-01-01"))
    );
    assert_eq!(
        (customer.stage, customer.since),
        (Stage::Growth, at("2024-02-10"))
    );
}

#[test]
fn a_steady_customer_matures_after_a_year_and_a_second_look() {
    let state = caller("2023-01-01", [100; 18]);

    let stages = monthly(&state, "2023-11-01", 5);

    use Stage::{Growth, Maturity};
    assert_eq!(stages, [Growth, Growth, Growth, Maturity, Maturity]);
}

#[test]
fn a_lasting_fall_is_decline_with_its_evidence() {
    let minutes = std::iter::repeat_n(100, 14).chain([90, 80, 70, 60, 50, 40]);
    let state = caller("2022-01-01", minutes);
    let before = evaluate(&state, None, at("2023-03-01"));

    let first = evaluate(&state, Some(&before), at("2023-08-01"));
    let second = evaluate(&state, Some(&first), at("2023-09-01"));

    assert_eq!(first.stage, Stage::Maturity);
    assert_eq!(
        (second.stage, second.since),
        (Stage::Decline, at("2023-09-01"))
    );
    let names: Vec<_> = second.evidence.iter().map(|e| e.name.as_str()).collect();
    assert_eq!(names, ["usage_trend_3m", "usage_trend_6m"]);
    assert!(second.evidence.iter().all(|e| e.value <= e.threshold));
}

#[test]
fn one_bad_month_moves_nobody() {
    let minutes = std::iter::repeat_n(100, 20)
        .chain([20])
        .chain(std::iter::repeat_n(100, 6));
    let state = caller("2022-01-01", minutes);

    let stages = monthly(&state, "2023-06-01", 9);

    assert_eq!(stages, [Stage::Maturity; 9]);
}

#[test]
fn evaluations_close_together_count_as_one() {
    let minutes = std::iter::repeat_n(100, 14).chain([90, 80, 70, 60, 50, 40]);
    let state = caller("2022-01-01", minutes);
    let mut placement = evaluate(&state, None, at("2023-03-01"));

    for hour in 0..48 {
        let when = at("2023-09-01") + Span::from_seconds(3_600 * hour);
        placement = evaluate(&state, Some(&placement), when);
    }

    assert_eq!(placement.stage, Stage::Maturity);
    assert_eq!(
        placement.candidate.as_ref().map(|c| (c.stage, c.seen)),
        Some((Stage::Decline, 1))
    );
}

#[test]
fn silence_is_decline() {
    let state = caller("2022-01-01", std::iter::repeat_n(100, 14).chain([0; 6]));

    assert_eq!(
        monthly(&state, "2023-02-01", 8).last(),
        Some(&Stage::Decline)
    );
}

#[test]
fn the_end_of_everything_is_seen_at_once_and_a_return_too() {
    let mut state = caller("2022-01-01", [100; 20]);
    let active = evaluate(&state, None, at("2023-09-01"));
    state.apply(&subscription("s", at("2022-01-01"), Some(at("2023-09-05"))));

    let gone = evaluate(&state, Some(&active), at("2023-10-01"));
    state.apply(&subscription("t", at("2023-12-24"), None));
    let back = evaluate(&state, Some(&gone), at("2024-01-01"));

    assert_eq!((gone.stage, gone.since), (Stage::Churned, at("2023-09-05")));
    assert_eq!((back.stage, back.since), (Stage::Growth, at("2023-12-24")));
}

#[test]
fn one_of_two_subscriptions_ending_is_not_the_end() {
    let mut state = caller("2022-01-01", [100; 20]);
    state.apply(&subscription("t", at("2022-06-01"), Some(at("2023-09-05"))));

    assert_ne!(
        evaluate(&state, None, at("2023-10-01")).stage,
        Stage::Churned
    );
}

#[test]
fn a_cheaper_bill_alone_is_no_decline_while_usage_rises() {
    let mut state = caller("2022-01-01", (0..20).map(|m| 100 + 5 * m));
    for month in 0..20 {
        let issued_at = at("2022-02-01").plus_months(month);
        let amount = (
            4_000 - 190 * i64::from(month),
            Currency::parse("EUR").unwrap(),
        );
        let due_at = issued_at.plus_months(1);
        let id = format!("b{month}");
        state.apply(&Fact::Bill {
            id,
            issued_at,
            due_at,
            amount,
            settled_at: None,
        });
    }

    let stages = monthly(&state, "2022-08-01", 14);

    assert!(!stages.contains(&Stage::Decline), "{stages:?}");
}

proptest! {
    #[test]
    fn rising_usage_is_never_decline(
        start in 1..500_u64, steps in proptest::collection::vec(0..50_u64, 18)
    ) {
        let rising = steps.iter().scan(start, |sum, step| { *sum += step; Some(*sum) });
        let state = caller("2022-01-01", rising);

        let stages = monthly(&state, "2022-01-15", 19);

        prop_assert!(!stages.contains(&Stage::Decline), "{:?}", stages);
    }

    #[test]
    fn everybody_is_somewhere_and_never_in_the_future(
        spans in proptest::collection::vec((0..900_i64, 0..4_usize, 0..900_i64), 0..30)
    ) {
        let mut state = CustomerState::default();
        for (day, id, length) in spans {
            let from = at("2022-01-01") + Span::from_days(day);
            let until = (length > 0).then(|| from + Span::from_days(length));
            state.apply(&subscription(&format!("s{id}"), from, until));
        }
        let mut placement: Option<Placement> = None;
        for month in 0..36 {
            let when = at("2022-01-01").plus_months(month);
            let next = evaluate(&state, placement.as_ref(), when);
            prop_assert!(next.since <= when && next.evaluated_at == when);
            placement = Some(next);
        }
    }
}
