//! A few thousand random commands through the RPCs, against the naive model.

use std::collections::BTreeMap;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tenure_core::{Clock, Span, Timestamp};
use tenure_proto::loyalty::v1::{Entry, EntryKind as Kind, GetBooksRequest, Hold};
use tenure_rpc::{fields, status};
use tonic::Status;

use crate::domain::EntryKind;
use crate::naive::{Ask, Model, Said, Second};
use crate::suite::{Suite, day, each, new_id};

const COMMANDS: usize = 1_500;
const ACCOUNTS: usize = 9;

/// One account on both sides, and the entries that answered, by their number.
#[derive(Default)]
struct Account {
    model: Model,
    entries: Vec<Entry>,
}

impl Account {
    fn number(&self, lot: &str) -> usize {
        self.entries
            .iter()
            .position(|entry| entry.entry_id == lot)
            .unwrap()
    }

    fn id(&self, number: usize) -> String {
        self.entries
            .get(number)
            .map_or_else(new_id, |entry| entry.entry_id.clone())
    }

    /// Notes an answer and says it in the words of the model.
    fn said(&mut self, answer: Result<(Entry, i64), Status>) -> Said {
        let (entry, available) = match answer {
            Ok(answer) => answer,
            Err(refused) => return Said::No(leak(status::reason(&refused).unwrap())),
        };
        self.entries.push(entry.clone());
        let mut lots: Vec<(usize, i64)> = entry
            .allocations
            .iter()
            .map(|a| (self.number(&a.lot_id), a.points_delta))
            .collect();
        lots.sort_unstable();
        Said::Moved {
            kind: kind(entry.kind()),
            points: entry.points_delta,
            available,
            lots,
        }
    }
}

/// The model's reasons are constants.
fn leak(reason: String) -> &'static str {
    reason.leak()
}

fn kind(kind: Kind) -> EntryKind {
    EntryKind::from_number(i16::try_from(kind as i32).unwrap()).unwrap()
}

fn ask(random: &mut SmallRng) -> Ask {
    let answer = random.random_range(0..60);
    match random.random_range(0..20) {
        0..5 => {
            let lasts = random.random_bool(0.8).then(|| random.random_range(1..40));
            let (points, source) = (random.random_range(1..50), random.random_range(0..200));
            Ask::Earn {
                points,
                source,
                lasts,
            }
        }
        5..9 => Ask::Redeem(random.random_range(1..30)),
        9..12 => Ask::Hold(random.random_range(1..25), random.random_range(1..15)),
        12..15 => {
            let points = random.random_bool(0.5).then(|| random.random_range(1..20));
            Ask::Confirm(answer, points)
        }
        15..17 => Ask::Release(answer),
        _ => Ask::Reverse(answer),
    }
}

/// Asks the service for the same.
async fn call(
    loyalty: &Suite,
    id: &str,
    account: &Account,
    ask: Ask,
) -> Result<(Entry, i64), Status> {
    let hold = |number| Hold {
        account_id: id.into(),
        hold_id: account.id(number),
        ..Default::default()
    };
    match ask {
        Ask::Earn {
            points,
            source,
            lasts,
        } => {
            let mut request = loyalty.earning(id, points, &format!("source/{source}"));
            let at = |lasts| fields::time(loyalty.clock.now() + Span::from_seconds(lasts));
            request.expire_time = lasts.map(at);
            let answer = loyalty.earn_with(request).await?;
            Ok((answer.entry.unwrap(), answer.available_points))
        }
        Ask::Redeem(points) => {
            let answer = loyalty.redeem(id, points).await?;
            Ok((answer.entry.unwrap(), answer.available_points))
        }
        Ask::Hold(points, lasts) => {
            let hold = loyalty.hold(id, points, lasts).await?;
            let entry = loyalty.entries(id).await.remove(0);
            assert_eq!(entry.hold_id, hold.hold_id);
            Ok((entry, loyalty.balance(id).await.0))
        }
        Ask::Confirm(number, points) => {
            let answer = loyalty.confirm(&hold(number), points.unwrap_or(0)).await?;
            Ok((answer.entry.unwrap(), answer.available_points))
        }
        Ask::Release(number) => {
            let answer = loyalty.release(&hold(number)).await?;
            let entries = loyalty.entries(id).await;
            let released = entries
                .into_iter()
                .find(|entry| entry.kind() == Kind::Release);
            Ok((released.unwrap(), answer.available_points))
        }
        Ask::Reverse(number) => {
            let answer = loyalty.reverse_id(id, &account.id(number)).await?;
            Ok((answer.entry.unwrap(), answer.available_points))
        }
    }
}

fn forever() -> Second {
    // The default programme's 36th month from January 2025, in seconds from its first instant.
    day("2028-01-01").since(day("2025-01-01")).as_micros() / 1_000_000
}

fn now(clock: &dyn Clock) -> Second {
    let start: Timestamp = day("2025-01-01");
    clock.now().since(start).as_micros() / 1_000_000
}

#[tokio::test]
async fn the_service_and_the_model_agree_on_random_commands() {
    each(async |loyalty| {
        let mut random = SmallRng::seed_from_u64(20_250_101);
        let mut accounts = BTreeMap::<String, Account>::new();
        for number in 0..ACCOUNTS {
            let id = format!("A{number}");
            loyalty.create(&id).await.unwrap();
            accounts.insert(id, Account::default());
        }
        for number in 0..COMMANDS {
            loyalty.advance(Span::from_seconds(random.random_range(0..3)));
            let id = format!("A{}", random.random_range(0..ACCOUNTS));
            let account = accounts.get_mut(&id).unwrap();
            let ask = ask(&mut random);
            let wanted = account.model.ask(ask, now(&loyalty.clock), forever());
            let answer = call(&loyalty, &id, account, ask).await;
            assert_eq!(
                account.said(answer),
                wanted,
                "command {number}: {ask:?} of {id}"
            );
            if number % 100 == 0 {
                loyalty.catch_up().await;
                agree(&loyalty, &mut accounts).await;
            }
        }
        agree(&loyalty, &mut accounts).await;
    })
    .await;
}

/// Accounts, lots and books say what the model says.
async fn agree(loyalty: &Suite, accounts: &mut BTreeMap<String, Account>) {
    let mut outstanding = 0;
    for (id, account) in accounts.iter_mut() {
        account.model.pass(now(&loyalty.clock));
        let (available, held) = loyalty.balance(id).await;
        assert_eq!(
            (available, held),
            (account.model.available(), account.model.held()),
            "{id}"
        );
        let lots = loyalty.lots(id).await;
        let lots: Vec<(usize, i64, i64)> = lots
            .iter()
            .map(|lot| {
                (
                    account.number(&lot.lot_id),
                    lot.remaining_points,
                    lot.held_points,
                )
            })
            .collect();
        assert_eq!(lots, account.model.lots(), "{id}");
        assert_eq!(account.entries.len(), account.model.answers());
        outstanding += available + held;
    }
    loyalty.catch_up().await;
    loyalty.assert_books_tie().await;
    let books = loyalty.books().await;
    assert_eq!(books.lot_points, outstanding);
    let expired: i64 = accounts
        .values()
        .map(|account| account.model.expired())
        .sum();
    assert_eq!(books.expired_points, expired);
}

/// The books of any period, also one that begins and ends within a day, are the sums of the entries.
#[tokio::test]
async fn the_books_of_any_period_are_the_sums_of_its_entries() {
    each(async |loyalty| {
        let mut random = SmallRng::seed_from_u64(7);
        for number in 0..120 {
            loyalty.advance(Span::from_seconds(random.random_range(0..40_000)));
            let id = format!("A{}", random.random_range(0..ACCOUNTS));
            loyalty
                .earn_for(&id, random.random_range(1..50), random.random_range(1..30))
                .await;
            let redeemed = loyalty.redeem(&id, random.random_range(1..30)).await;
            if let (Ok(redeemed), 0) = (redeemed, number % 3) {
                loyalty.reverse(&redeemed.entry.unwrap()).await.unwrap();
            }
        }
        loyalty.catch_up().await;
        let mut entries = Vec::new();
        for number in 0..ACCOUNTS {
            entries.extend(loyalty.entries(&format!("A{number}")).await);
        }
        let last = now(&loyalty.clock);
        for _ in 0..60 {
            let whole = |second: Second| second - second % 86_400;
            let mut bound = || match random.random_range(0..3) {
                0 => whole(random.random_range(0..last)),
                _ => random.random_range(0..last),
            };
            let (one, other) = (bound(), bound());
            let period = (one.min(other), one.max(other));
            let instant = |second| fields::time(day("2025-01-01") + Span::from_seconds(second));
            let request = GetBooksRequest {
                programme_id: String::new(),
                start_time: Some(instant(period.0)),
                end_time: Some(instant(period.1)),
            };
            let books = loyalty
                .client
                .clone()
                .get_books(request)
                .await
                .unwrap()
                .into_inner();
            let books = books.books.unwrap();
            let second = |entry: &&Entry| entry.entry_time.unwrap().seconds - instant(0).seconds;
            let sum = |from: Second, to: Second, kinds: &[Kind]| -> i64 {
                let within = |e: &&Entry| (from..to).contains(&second(e));
                let wanted = |e: &&Entry| kinds.is_empty() || kinds.contains(&e.kind());
                entries
                    .iter()
                    .filter(within)
                    .filter(wanted)
                    .map(|e| e.points_delta)
                    .sum()
            };
            let (start, end) = period;
            assert_eq!(books.opening_points, sum(0, start, &[]), "{period:?}");
            assert_eq!(books.earned_points, sum(start, end, &[Kind::Earn]));
            assert_eq!(books.redeemed_points, -sum(start, end, &[Kind::Redeem]));
            assert_eq!(books.expired_points, -sum(start, end, &[Kind::Expire]));
            assert_eq!(
                books.reversed_redeemed_points,
                sum(start, end, &[Kind::ReverseRedeem])
            );
            assert_eq!(books.closing_points, sum(0, end, &[]));
        }
    })
    .await;
}
