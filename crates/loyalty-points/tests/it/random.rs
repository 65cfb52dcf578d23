//! Random commands of many clients through the RPCs, against the naive model.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tenure_core::{Clock, Span};
use tenure_loyalty_points::{Config, MIGRATIONS};
use tenure_proto::loyalty::v1::{Entry, EntryKind as Kind, GetBooksRequest};
use tenure_rpc::fields;
use tenure_sql::Db;
use tenure_sql::db::Pools;

use crate::domain::{Policies, ReversalPolicy, RevokePolicy, TransferLimits};
use crate::model::ask::{self, ACCOUNTS};
use crate::model::play::{self, Plan};
use crate::model::story::{Scene, Story};
use crate::suite::{Suite, day, each};

/// Plays a seed on a fresh database: with one service on SQLite, with two replicas on PostgreSQL.
async fn agree(db: &Db, seed: u64) {
    let mut config = Config::default();
    config.programme.policies = ask::policies(&mut SmallRng::seed_from_u64(seed));
    let policies = config.programme.policies.clone();
    let one = Suite::new(db, config.clone());
    let mut replicas = vec![one.client.clone()];
    if let Pools::Postgres(_) = db.pools() {
        let (clock, customers) = (one.clock.clone(), one.customers.clone());
        replicas.push(Suite::with(db, config, clock, customers).client);
    }
    let scene = Scene {
        db: db.clone(),
        start: one.clock.now(),
        policies,
        replicas,
    };
    let plan = Plan {
        commands: 1_000,
        clients: 16,
        steps: 60,
        seed,
    };

    let played = play::play(plan, scene, one.clock.clone(), &|_| ()).await;

    let tally = played.unwrap_or_else(|failure| panic!("{}\n{}", failure.place, failure.what));
    assert!(tally.commands() >= plan.commands, "{tally:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_clients_at_once_and_the_model_agree_on_every_answer_and_every_state() {
    for seed in [1, 2] {
        tenure_testkit::each_backend(&MIGRATIONS, async |db| agree(&db, seed).await).await;
    }
}

/// Policies of the books that are compared with the entries after random commands.
pub(crate) fn policies() -> Policies {
    Policies {
        revoke: RevokePolicy::BelowZero,
        reversal: ReversalPolicy::GraceDays(1),
        debt_limit: 60,
        approval_above: 30,
        transfer: TransferLimits {
            recipients_max: 3,
            tenure_months: 1,
            ..TransferLimits::default()
        },
        ..Policies::default()
    }
}

/// Does random commands on a service of its own, with [`policies`]; `after` is called now and then.
pub(crate) async fn play(
    loyalty: Suite,
    seed: u64,
    steps: usize,
    mut after: impl AsyncFnMut(&Suite),
) {
    let scene = Scene {
        db: loyalty.db.clone(),
        start: loyalty.clock.now(),
        policies: policies(),
        replicas: vec![loyalty.client.clone()],
    };
    let mut random = SmallRng::seed_from_u64(seed);
    let story = Story::open(&scene, "A".to_owned(), seed, scene.start).await;
    let mut story = story.unwrap();
    for number in 0..steps {
        let pause = match random.random_range(0..300) {
            0 => 86_400,
            1 => 20 * 86_400,
            _ => random.random_range(0..3),
        };
        loyalty.advance(Span::from_seconds(pause));
        let now = loyalty.clock.now();
        Box::pin(story.step(&scene.replicas, now)).await.unwrap();
        if number % 70 == 0 {
            after(&loyalty).await;
        }
    }
}

/// The ids of all accounts there may be.
pub(crate) fn accounts() -> impl Iterator<Item = String> {
    (0..ACCOUNTS).map(|number| format!("A/{number}"))
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
        let last = loyalty.clock.now().since(day("2025-01-01")).as_micros() / 1_000_000;
        for _ in 0..60 {
            let whole = |second: i64| second - second % 86_400;
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
            let sum = |from: i64, to: i64, kinds: &[Kind]| -> i64 {
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
