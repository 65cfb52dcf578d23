//! The rules and the model agree; what was promised of entries holds.

use proptest::prelude::*;
use tenure_core::{Coded, Timestamp};

use super::bench::{Bench, account, at, order, programme};
use super::naive::{Ask, Model, Said, Second};
use crate::domain::{Command, Decision, Earn, EntryId, EntryKind, Journal, Order, Record, settle};

/// The second after all others.
fn forever() -> Second {
    Timestamp::MAX.since(at(0)).as_micros() / 1_000_000
}

fn asks() -> impl Strategy<Value = Ask> {
    let answer = || 0..40_usize;
    prop_oneof![
        4 => (1..40_i64, 0..30_u8, prop::option::weighted(0.8, 1..15_i64))
            .prop_map(|(points, source, lasts)| Ask::Earn { points, source, lasts }),
        4 => (1..30_i64).prop_map(Ask::Redeem),
        4 => (1..25_i64, 1..10_i64).prop_map(|(points, lasts)| Ask::Hold(points, lasts)),
        3 => (answer(), prop::option::of(1..20_i64)).prop_map(|(hold, n)| Ask::Confirm(hold, n)),
        2 => answer().prop_map(Ask::Release),
        4 => answer().prop_map(Ask::Reverse),
    ]
}

/// Commands with the seconds that pass before each, and how many of the last ones are repeated.
fn stories() -> impl Strategy<Value = Vec<(Ask, Second, bool)>> {
    let step = (
        asks(),
        prop_oneof![3 => Just(0), 3 => 1..3_i64, 1 => 3..12_i64],
        any::<bool>(),
    );
    prop::collection::vec(step, 1..80)
}

fn said(decision: &Decision, bench: &Bench) -> Said {
    let Decision::New(answer) = decision else {
        panic!("wanted an answer, found {decision:?}")
    };
    let number = |lot: EntryId| bench.answers.iter().position(|id| *id == lot).unwrap();
    match answer {
        Ok(record) => {
            let Record::Entry(entry) = &**record else {
                panic!("wanted an entry")
            };
            let mut lots: Vec<(usize, i64)> = entry
                .allocations
                .iter()
                .map(|a| (number(a.lot), a.points))
                .collect();
            lots.sort_unstable();
            Said::Moved {
                kind: entry.kind,
                points: entry.points,
                available: entry.available,
                lots,
            }
        }
        Err(refusal) => Said::No(refusal.reason()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_rules_and_the_model_agree_on_every_answer_and_every_state(story in stories()) {
        let (mut bench, mut model, mut now) = (Bench::open(), Model::default(), 0);
        let mut orders: Vec<Order> = Vec::new();
        for (number, (ask, pause, repeat)) in story.into_iter().enumerate() {
            now += pause;
            // Ids of answers to come are of no use to anybody.
            let wanted = model.ask(ask, now, forever());
            let order = order(bench.command(ask, now), 100 + number as u128);
            let decided = bench.run(std::slice::from_ref(&order), now);
            prop_assert_eq!(said(&decided[0], &bench), wanted, "{:?} at {}", ask, now);
            prop_assert_eq!(bench.answers.len(), model.answers());
            let before = bench.entries.len();
            orders.push(order);
            if repeat {
                // A later repeat, together with another one in the same transaction.
                let again = [orders[number / 2].clone(), orders[number].clone()];
                for decision in bench.run(&again, now + 1) {
                    prop_assert!(matches!(decision, Decision::Repeated(_)));
                }
                prop_assert_eq!(bench.entries.len(), before);
            }
            check_state(&bench, &model, now)?;
        }
        check_entries(&bench)?;
    }

    #[test]
    fn commands_of_one_transaction_do_as_they_do_one_by_one(story in stories()) {
        let (mut together, mut apart) = (Bench::open(), Bench::open());
        let mut now = 0;
        for chunk in story.chunks(6) {
            now += chunk[0].1;
            let batch: Vec<Order> = chunk.iter().enumerate().map(|(number, (ask, _, _))| {
                order(apart.command(*ask, now), (together.answered.len() + 10 + number) as u128)
            }).collect();
            let whole = together.run(&batch, now);
            for (decided, order) in whole.into_iter().zip(&batch) {
                let single = apart.run(std::slice::from_ref(order), now).remove(0);
                // Ids that are reused differ in nothing here: both are numbered alike.
                prop_assert_eq!(decided, single);
            }
            prop_assert_eq!(together.state(), apart.state());
        }
    }
}

fn check_state(bench: &Bench, model: &Model, now: Second) -> Result<(), TestCaseError> {
    let mut account = bench.state().clone();
    let rules = programme();
    let mut journal = Journal::new(account.lane, account.last_seq, at(now), &rules);
    settle(&mut account, at(now), &mut journal);
    prop_assert_eq!(account.available(), model.available());
    prop_assert_eq!(account.held(), model.held());
    let number = |lot: EntryId| bench.answers.iter().position(|id| *id == lot).unwrap();
    let lots: Vec<(usize, i64, i64)> = account
        .lots
        .iter()
        .map(|lot| (number(lot.id), lot.remaining, lot.held))
        .collect();
    prop_assert_eq!(lots, model.lots());
    let booked = bench.entries.iter().chain(journal.entries());
    let expired: i64 = booked
        .filter(|e| e.kind == EntryKind::Expire)
        .map(|e| -e.points)
        .sum();
    prop_assert_eq!(expired, model.expired());
    prop_assert!(account.next_due() > at(now));
    Ok(())
}

/// What loyalty ledgers promise of their entries, checked over the whole history.
fn check_entries(bench: &Bench) -> Result<(), TestCaseError> {
    let (mut balance, mut held) = (0, 0);
    let mut last = at(0);
    for (index, entry) in bench.entries.iter().enumerate() {
        prop_assert_eq!(entry.number, index as i64 + 1);
        prop_assert_eq!(&entry.account, &account());
        balance += entry.points;
        held += entry.held;
        prop_assert_eq!(entry.balance, balance);
        prop_assert!(balance >= held && held >= 0 && entry.available >= 0);
        let moved: i64 = entry
            .allocations
            .iter()
            .map(|allocation| allocation.points)
            .sum();
        let wanted = match entry.kind {
            EntryKind::Hold | EntryKind::Release | EntryKind::HoldTimeout => -entry.held,
            _ => entry.points,
        };
        prop_assert_eq!(moved, wanted, "{:?}", entry);
        prop_assert!(entry.decided_at >= last);
        last = entry.decided_at;
        let spends = matches!(entry.kind, EntryKind::Redeem | EntryKind::Hold);
        prop_assert!(
            !spends
                || entry
                    .allocations
                    .iter()
                    .all(|a| a.expires_at > entry.decided_at)
        );
        let ends = entry.ends();
        let enders = bench
            .entries
            .iter()
            .filter(|other| ends.is_some() && other.ends() == ends);
        prop_assert!(enders.count() <= 1);
    }
    Ok(())
}

/// The balance collapse (FloCafe 78): a lot that was spent expires, and is deducted again.
#[test]
fn a_spent_lot_does_not_expire_again() {
    let mut bench = Bench::open();
    let run = |bench: &mut Bench, ask, now, id| {
        let order = order(bench.command(ask, now), id);
        bench.run(&[order], now)
    };
    run(
        &mut bench,
        Ask::Earn {
            points: 30,
            source: 1,
            lasts: Some(10),
        },
        0,
        11,
    );
    run(
        &mut bench,
        Ask::Earn {
            points: 20,
            source: 2,
            lasts: None,
        },
        0,
        12,
    );
    run(&mut bench, Ask::Redeem(30), 5, 13);

    run(&mut bench, Ask::Redeem(1), 11, 14);

    assert_eq!(bench.state().available(), 19);
    assert!(
        bench
            .entries
            .iter()
            .all(|entry| entry.kind != EntryKind::Expire)
    );
}

/// Clocks of replicas differ: an account's time does not run backwards.
#[test]
fn a_clock_that_went_back_decides_for_the_instant_of_the_last_entry() {
    let mut bench = Bench::open();
    let earn = bench.command(
        Ask::Earn {
            points: 30,
            source: 1,
            lasts: Some(100),
        },
        50,
    );
    bench.run(&[order(earn, 11)], 50);

    let redeem = bench.command(Ask::Redeem(1), 40);
    bench.run(&[order(redeem, 12)], 40);

    assert_eq!(bench.entries[1].decided_at, at(50));
}

#[test]
fn an_account_holds_no_more_lots_and_points_than_its_limits() {
    let mut bench = Bench::open();
    let earn = |points, n: usize| {
        let source = format!("source/{n}");
        Command::Earn(Earn::new(points, source.into()))
    };
    for n in 0..crate::domain::LOTS_MAX {
        bench.run(&[order(earn(1, n), 100 + n as u128)], 0);
    }

    let refused = bench.run(&[order(earn(1, 9_999), 10)], 0);

    assert!(
        matches!(&refused[0], Decision::New(Err(refusal)) if refusal.reason() == "BALANCE_LIMIT")
    );
}
