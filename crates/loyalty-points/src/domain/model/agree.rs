//! The rules and the model agree; what was promised of entries holds.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tenure_core::{Coded, Timestamp};

use super::bench::{ACCOUNTS, Bench, LANES, account, at, joined, number_of, order, rules};
use super::naive::{Ask, Earning, Micros, Model, Movement, SECOND, shown::ShownAccount};
use crate::domain::{
    Account, Block, Book, Command, Decision, Earn, Entry, EntryKind, HoldExpiry, Journal, Order,
    OrderOfUse, Policies, PoolLimits, Record, ReversalPolicy, RevokePolicy, TransferLimits,
    postings, settle,
};

fn earnings() -> impl Strategy<Value = Ask> {
    let waits = prop_oneof![8 => Just(None), 2 => (1..10_i64).prop_map(|w| Some(Some(w))), 1 => Just(Some(None))];
    let lasts =
        prop::option::weighted(0.8, prop_oneof![4 => 1..15_i64, 1 => 80_000..4_000_000_i64]);
    let seconds = |seconds: i64| seconds * SECOND;
    (1..80_i64, 0..60_u8, lasts, waits, prop::bool::weighted(0.3)).prop_map(
        move |(points, source, lasts, waits, special)| {
            let (lasts, waits) = (
                lasts.map(seconds),
                waits.map(|w: Option<i64>| w.map(seconds)),
            );
            Ask::Earn(Earning {
                points,
                source,
                lasts,
                waits,
                special,
            })
        },
    )
}

fn blocks() -> impl Strategy<Value = Block> {
    prop::sample::select(Block::ALL.to_vec())
}

fn asks() -> impl Strategy<Value = Ask> {
    // Aimed at an answer that fits, mostly.
    let answer = || 0..1_000_usize;
    let other = || prop_oneof![8 => 0..3_usize, 1 => 3..ACCOUNTS];
    let part = || prop::option::of(1..20_i64);
    prop_oneof![
        240 => earnings(),
        160 => (1..30_i64).prop_map(Ask::Redeem),
        160 => (1..25_i64, 1..40_i64).prop_map(|(points, lasts)| Ask::Hold(points, lasts * SECOND)),
        120 => (answer(), part(), any::<bool>())
            .prop_map(|(hold, n, more)| Ask::Confirm(hold, n, more)),
        80 => answer().prop_map(Ask::Release),
        240 => (answer(), part()).prop_map(|(entry, points)| Ask::Reverse(entry, points)),
        60 => answer().prop_map(Ask::Activate),
        60 => (1..40_i64, any::<bool>(), 0..3_u8).prop_map(|(points, adds, approver)| {
            Ask::Adjust(if adds { points } else { -points }, approver)
        }),
        40 => prop::option::weighted(0.7, answer()).prop_map(Ask::Expire),
        60 => answer().prop_map(Ask::Reinstate),
        15 => blocks().prop_map(Ask::Block),
        60 => blocks().prop_map(Ask::Unblock),
        2 => Just(Ask::Close),
        160 => (other(), prop::option::weighted(0.2, other()))
            .prop_map(|(recipient, replaces)| Ask::Register(recipient, replaces)),
        160 => (other(), 1..30_i64).prop_map(|(to, points)| Ask::Give(to, points)),
        40 => other().prop_map(Ask::Join),
        80 => (other(), 1..20_i64).prop_map(|(pool, points)| Ask::Contribute(pool, points)),
        80 => (other(), 1..10_i64).prop_map(|(member, points)| Ask::RedeemFor(member, points)),
        4 => other().prop_map(Ask::Merge),
        10 => (other(), 1..20_i64).prop_map(|(to, points)| Ask::Split(to, points)),
    ]
}

fn policies() -> impl Strategy<Value = Policies> {
    let order = prop::sample::select(vec![OrderOfUse::ExpiryFirst, OrderOfUse::EarnedFirst]);
    let holds = prop::sample::select(vec![HoldExpiry::HonourHold, HoldExpiry::ExpireHold]);
    let reversals = vec![
        ReversalPolicy::OriginalExpiry,
        ReversalPolicy::GraceDays(1),
        ReversalPolicy::NewLot,
    ];
    let revokes = vec![
        RevokePolicy::PendingOnly,
        RevokePolicy::ToZero,
        RevokePolicy::BelowZero,
        RevokePolicy::BelowZero,
    ];
    let choices = (
        order,
        holds,
        prop::sample::select(reversals),
        prop::sample::select(revokes),
    );
    choices.prop_map(|(order_of_use, hold_expiry, reversal, revoke)| Policies {
        order_of_use,
        hold_expiry,
        reversal,
        revoke,
        debt_limit: 50,
        reinstate_days: 1,
        approval_above: 20,
        transfer: TransferLimits {
            recipients_max: 2,
            recipient_change_days: 1,
            out_month_max: 60,
            in_month_max: 70,
            tenure_months: 1,
        },
        pool: PoolLimits {
            contribute_month_max: 50,
            spend_month_max: 30,
            ..PoolLimits::default()
        },
        ..Policies::default()
    })
}

/// How much later it is.
#[derive(Debug, Clone, Copy)]
enum Pause {
    For(Micros),
    /// Until one of the instants at which something happens by itself, or a little off it.
    Until(usize, Micros),
}

impl Pause {
    fn after(self, now: Micros, model: &Model) -> Micros {
        match self {
            Self::For(pause) => now + pause,
            Self::Until(which, off) => {
                let month = now + 30 * 86_400 * SECOND;
                let soon = model.instants().into_iter().filter(|at| *at < month);
                let at = soon.take(4).nth(which);
                at.map_or(now, |at| (at + off).max(now))
            }
        }
    }
}

/// What is asked of which account, after which pause, and whether it is asked again.
type Step = (usize, Ask, Pause, bool);

fn stories() -> impl Strategy<Value = Vec<Step>> {
    let seconds = |seconds: i64| Pause::For(seconds * SECOND);
    let pauses = prop_oneof![
        12 => Just(Pause::For(0)),
        12 => (1..3_i64).prop_map(seconds),
        4 => (3..12_i64).prop_map(seconds),
        1 => prop::sample::select(vec![86_399_i64, 86_400, 86_401, 20 * 86_400]).prop_map(seconds),
        3 => (0..4_usize, -1..2_i64).prop_map(|(which, off)| Pause::Until(which, off)),
    ];
    let accounts = prop_oneof![12 => Just(0_usize), 3 => Just(1), 10 => Just(2), 1 => 3..ACCOUNTS];
    let step = (accounts, asks(), pauses, any::<bool>());
    let sensible = |(account, ask, ..): &Step| match ask {
        Ask::Register(to, _) | Ask::Give(to, _) | Ask::Merge(to) | Ask::Split(to, _) => {
            to != account
        }
        Ask::Join(to) | Ask::Contribute(to, _) => to != account,
        _ => true,
    };
    prop::collection::vec(step.prop_filter("to itself", sensible), 1..100)
}

/// What is said: what moved, or the reason and the facts of a refusal.
type Said = Result<Movement, (String, Vec<(String, String)>)>;

fn said(decision: &Decision, bench: &Bench) -> Said {
    let Decision::New(answer) = decision else {
        panic!("wanted an answer, found {decision:?}")
    };
    match answer {
        Ok(record) => {
            let Record::Entry(entry) = &**record else {
                panic!("wanted an entry")
            };
            let parts = entry.allocations.iter();
            let mut lots: Vec<_> = parts.map(|a| (bench.name(a.lot), a.points)).collect();
            lots.sort_unstable();
            Ok(Movement {
                kind: entry.kind,
                points: entry.points,
                held: entry.held,
                pending: entry.pending,
                debt: entry.debt,
                available: entry.available,
                lots,
            })
        }
        Err(refusal) => {
            let facts = refusal.metadata().into_iter();
            let facts = facts.map(|(name, fact)| (name.to_owned(), fact));
            Err((refusal.reason().to_owned(), facts.collect()))
        }
    }
}

fn model(policies: Policies) -> Model {
    let mut model = Model::new(rules(policies), &LANES);
    for (number, joined_at) in joined() {
        let joined = joined_at.map_or(0, |joined| joined.since(at(0)).as_micros());
        model.open(number, joined);
    }
    model
}

proptest! {
    // As many stories as PROPTEST_CASES says, always the same ones by PROPTEST_RNG_SEED.
    #![proptest_config(ProptestConfig::default())]

    #[test]
    fn the_rules_and_the_model_agree_on_every_answer_and_every_state(
        (policies, story) in (policies(), stories())
    ) {
        let (mut bench, mut model) = (Bench::open(policies.clone()), model(policies));
        let mut now = 0;
        let mut orders: Vec<Order> = Vec::new();
        for (step, (number, ask, pause, repeat)) in story.into_iter().enumerate() {
            now = pause.after(now, &model);
            let ask = model.aim(number, ask);
            let wanted = model.ask(number, ask, now);
            let order = order(number, bench.command(ask, now), 100 + step as u128);
            let decided = bench.run(std::slice::from_ref(&order), now);
            let wanted = wanted.map_err(|no| bench.told(&no));
            prop_assert_eq!(said(&decided[0], &bench), wanted, "{}: {:?} at {}", number, ask, now);
            prop_assert_eq!(bench.answers.len(), model.answers());
            let before = bench.entries.len();
            orders.push(order);
            if repeat {
                // A later repeat, together with another one in the same transaction.
                let again = [orders[step / 2].clone(), orders[step].clone()];
                for decision in bench.run(&again, now + 1) {
                    prop_assert!(matches!(decision, Decision::Repeated(_)));
                }
                // The same id with another body.
                let other = Order { command: Command::Redeem { points: 999, source: "x".into(), partner: None }, ..orders[step].clone() };
                let request = other.request.as_ref().map(|request| {
                    let mut request = (**request).clone();
                    request.fingerprint = b"other".as_slice().into();
                    std::sync::Arc::new(request)
                });
                let other = Order { request, ..other };
                for decision in bench.run(&[other], now + 1) {
                    prop_assert!(matches!(decision, Decision::Reused { .. }), "a reuse");
                }
                prop_assert_eq!(bench.entries.len(), before);
            }
            check_state(&bench, &model, now)?;
        }
        let of_kind = |entry: &&Entry| entry.kind == EntryKind::Expire;
        let booked: i64 = bench.entries.iter().filter(of_kind).map(|entry| -entry.points).sum();
        prop_assert!(booked <= model.expired());
        check_entries(&bench)?;
    }

    #[test]
    fn commands_of_one_transaction_do_as_they_do_one_by_one(
        (policies, story) in (policies(), stories())
    ) {
        let (mut together, mut apart) = (Bench::open(policies.clone()), Bench::open(policies));
        let mut now = 0;
        for chunk in story.chunks(6) {
            now = match chunk[0].2 {
                Pause::For(pause) => now + pause,
                Pause::Until(..) => now + SECOND,
            };
            let first = together.answered.len() + 10;
            let batch: Vec<Order> = chunk.iter().enumerate().map(|(step, (number, ask, ..))| {
                let ask = apart.aim(*ask);
                order(*number, apart.command(ask, now), (first + step) as u128)
            }).collect();
            let whole = together.run(&batch, now);
            for (decided, order) in whole.into_iter().zip(&batch) {
                let single = apart.run(std::slice::from_ref(order), now).remove(0);
                // Ids that are reused differ in nothing here: both are numbered alike.
                prop_assert_eq!(decided, single);
            }
            for number in 0..ACCOUNTS {
                prop_assert_eq!(together.state(number), apart.state(number));
            }
        }
    }
}

fn check_state(bench: &Bench, model: &Model, now: Micros) -> Result<(), TestCaseError> {
    for number in 0..ACCOUNTS {
        let Some(stored) = bench.state(number) else {
            prop_assert!(!model.exists(number));
            continue;
        };
        let mut account = stored.clone();
        let (lane, seq) = (account.lane, account.last_seq);
        let mut journal = Journal::new(lane, seq, at(now), bench.programme());
        settle(&mut account, at(now), &mut journal);
        prop_assert_eq!(shown(&account, &model.show(number)), model.show(number));
        prop_assert!(account.debt == 0 || account.available() == 0);
        let lots = account.lots.iter();
        let mut lots: Vec<_> = lots
            .map(|lot| (bench.name(lot.id), lot.remaining, lot.held))
            .collect();
        // The state keeps them in the order of their expiry, whatever the order of use is.
        lots.sort_unstable();
        let wanted = model.show_lots(number).into_iter();
        let mut wanted: Vec<_> = wanted.map(|lot| (lot.name, lot.rest, lot.held)).collect();
        wanted.sort_unstable();
        prop_assert_eq!(lots, wanted);
        let open = model
            .show_holds()
            .filter(|hold| hold.owner == number && hold.end.is_none());
        let open: Vec<_> = open.map(|hold| (hold.points, at(hold.until))).collect();
        let holds = account.holds.iter();
        let holds: Vec<_> = holds.map(|hold| (hold.points, hold.expires_at)).collect();
        prop_assert_eq!(holds, open);
        prop_assert!(account.next_due() > at(now));
        check_books(bench, number, stored.balance(), journal.entries())?;
    }
    Ok(())
}

/// An account of the rules as the model shows it; what the rules do not tell is taken from `like`.
fn shown(account: &Account, like: &ShownAccount) -> ShownAccount {
    let since = |instant: Timestamp| instant.since(at(0)).as_micros();
    let standing = account.standing.as_ref();
    let blocks = standing.map(|it| it.blocks.iter().map(|set| set.block).collect());
    let recipients = standing.map(|it| {
        let known = it.recipients.iter();
        let known = known.map(|one| (number_of(&one.account), since(one.effective_at)));
        known.collect()
    });
    ShownAccount {
        available: account.available(),
        held: account.held(),
        pending: account.pending(),
        debt: account.debt,
        is_closed: account.is_closed(),
        blocks: blocks.unwrap_or_default(),
        recipients: recipients.unwrap_or_default(),
        next_activation: account.next_activation().map(since),
        ..like.clone()
    }
}

/// The books of an account are what its state says, and each entry's postings cancel.
fn check_books(
    bench: &Bench,
    number: usize,
    balance: i64,
    due: &[Entry],
) -> Result<(), TestCaseError> {
    let mut books: BTreeMap<Book, i64> = BTreeMap::new();
    let own = |entry: &&Entry| entry.account == account(number);
    for entry in bench.entries.iter().filter(own).chain(due) {
        let posted = postings(entry);
        prop_assert_eq!(posted.iter().map(|(_, points)| points).sum::<i64>(), 0);
        for (book, points) in posted {
            *books.entry(book).or_default() += points;
        }
    }
    let book = |book: Book| books.get(&book).copied().unwrap_or(0);
    let mut settled = bench.state(number).unwrap().clone();
    let expired: i64 = due.iter().map(|entry| entry.points).sum();
    let (lane, seq) = (settled.lane, settled.last_seq);
    let last = due
        .last()
        .map_or(settled.updated_at, |entry| entry.decided_at);
    settle(
        &mut settled,
        last,
        &mut Journal::new(lane, seq, last, bench.programme()),
    );
    prop_assert_eq!(book(Book::Available), settled.available());
    prop_assert_eq!(book(Book::Pending), settled.pending());
    prop_assert_eq!(book(Book::Held), settled.held());
    prop_assert_eq!(book(Book::Debt), -settled.debt);
    prop_assert_eq!(settled.balance(), balance + expired);
    Ok(())
}

/// What loyalty ledgers promise of their entries, checked over the whole history.
fn check_entries(bench: &Bench) -> Result<(), TestCaseError> {
    let mut sums: BTreeMap<usize, [i64; 4]> = BTreeMap::new();
    let mut taken_back: BTreeMap<_, i64> = BTreeMap::new();
    let mut last: BTreeMap<usize, Timestamp> = BTreeMap::new();
    let mut between = 0;
    for entry in &bench.entries {
        let number = number_of(&entry.account);
        let [count, balance, held, debt] = sums.entry(number).or_default();
        *count += 1;
        *balance += entry.points;
        *held += entry.held;
        *debt += entry.debt;
        prop_assert_eq!((entry.number, entry.balance), (*count, *balance));
        prop_assert!(*balance >= *held && *held >= 0 && entry.available >= 0 && *debt >= 0);
        let moved: i64 = entry.allocations.iter().map(|part| part.points).sum();
        let wanted = match entry.kind {
            EntryKind::Hold | EntryKind::Release | EntryKind::HoldTimeout => -entry.held,
            EntryKind::Activate => -entry.pending,
            _ => entry.points,
        };
        prop_assert_eq!(moved, wanted, "{:?}", entry);
        let before = last.insert(number, entry.decided_at);
        prop_assert!(before.is_none_or(|before| before <= entry.decided_at));
        let spends = matches!(entry.kind, EntryKind::Redeem | EntryKind::Hold);
        let is_live = |part: &crate::domain::Allocation| part.expires_at > entry.decided_at;
        prop_assert!(!spends || entry.allocations.iter().all(is_live));
        let (points, before) = entry.takes_back();
        if let Some(ended) = entry.ends() {
            let whole = taken_back.entry(ended).or_default();
            prop_assert_eq!(*whole, before);
            // What ends a hold ends it at once.
            *whole += if points == 0 { i64::MAX } else { points };
        }
        if matches!(entry.kind, EntryKind::TransferOut | EntryKind::TransferIn) {
            between += entry.points;
            let peer = entry.peer.as_ref().unwrap().entry.unwrap();
            let other = bench.entries.iter().find(|other| other.id == peer).unwrap();
            prop_assert_eq!(other.points, -entry.points);
            prop_assert_eq!(other.peer.as_ref().unwrap().entry, Some(entry.id));
        }
    }
    prop_assert_eq!(between, 0);
    for (ended, points) in taken_back {
        let whole = bench
            .entries
            .iter()
            .find(|entry| entry.id == ended)
            .unwrap();
        prop_assert!(points == i64::MAX || points <= whole.points.abs());
    }
    Ok(())
}

fn run(bench: &mut Bench, ask: Ask, now: Micros, id: u128) -> Vec<Decision> {
    let order = order(0, bench.command(ask, now), id);
    bench.run(&[order], now)
}

fn earning(points: i64, source: u8, lasts: Option<Micros>) -> Ask {
    Ask::Earn(Earning {
        points,
        source,
        lasts,
        waits: None,
        special: false,
    })
}

/// Clocks of replicas differ: an account's time does not run backwards.
#[test]
fn a_clock_that_went_back_decides_for_the_instant_of_the_last_entry() {
    let mut bench = Bench::open(Policies::default());
    run(&mut bench, earning(30, 1, Some(100)), 50, 11);

    run(&mut bench, Ask::Redeem(1), 40, 12);

    assert_eq!(bench.entries[1].decided_at, at(50));
}

#[test]
fn an_account_holds_no_more_lots_and_points_than_its_limits() {
    let mut bench = Bench::open(Policies::default());
    let earn = |points, n: usize| {
        let source = format!("source/{n}");
        Command::Earn(Earn::new(points, source.into()))
    };
    for n in 0..crate::domain::LOTS_MAX {
        bench.run(&[order(0, earn(1, n), 100 + n as u128)], 0);
    }

    let refused = bench.run(&[order(0, earn(1, 9_999), 10)], 0);

    assert!(
        matches!(&refused[0], Decision::New(Err(refusal)) if refusal.reason() == "BALANCE_LIMIT")
    );
}
