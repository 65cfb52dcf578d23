//! A few thousand random commands through the RPCs, against the naive model.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tenure_core::{Clock, Span, Timestamp};
use tenure_proto::loyalty::v1::earn_points_request::Activation;
use tenure_proto::loyalty::v1::{
    AccountState, BlockKind, EarnPointsRequest, Entry, EntryKind as Kind, GetBooksRequest, Hold,
    Lot,
};
use tenure_rpc::{fields, status};
use tonic::Status;

use crate::domain::{Block, EntryKind, Policies, ReversalPolicy, RevokePolicy, TransferLimits};
use crate::naive::{Ask, Earning, Model, Movement, Name, Rules, Said, Second};
use crate::suite::{Suite, day, each, each_with, new_id};

const COMMANDS: usize = 1_500;
/// The last two are opened by splits only.
const ACCOUNTS: usize = 8;
const OPENED: usize = 6;

/// The service and the model, side by side.
struct Pair {
    loyalty: Suite,
    model: Model,
    /// The entries that answered, by their number.
    entries: Vec<Entry>,
}

fn name(number: usize) -> String {
    format!("A{number}")
}

impl Pair {
    async fn open(loyalty: Suite) -> Self {
        let lanes = loyalty.db.lanes();
        let lanes: Vec<_> = (0..ACCOUNTS)
            .map(|number| lanes.of(&name(number)))
            .collect();
        let rules = Rules {
            policies: policies(),
            start: day("2025-01-01"),
            expiry,
        };
        let mut model = Model::new(rules, &lanes);
        for number in 0..OPENED {
            let months = i32::try_from(number).unwrap();
            loyalty.create_member(&name(number), months).await;
            let joined = loyalty.clock.now().plus_months(-months);
            model.open(number, second(joined));
        }
        Self {
            loyalty,
            model,
            entries: Vec::new(),
        }
    }

    /// Returns the name of a lot in the model: the place among the lots of its entry stands in the
    /// last bits of its id.
    fn lot(&self, lot: &str) -> Name {
        let (head, tail) = lot.split_at(lot.len() - 3);
        let bits = u32::from_str_radix(tail, 16).unwrap();
        let entry = format!("{head}{:03x}", bits & !0x3ff);
        let known = self
            .entries
            .iter()
            .position(|known| known.entry_id == entry);
        (known.unwrap(), usize::try_from(bits & 0x3ff).unwrap())
    }

    fn id(&self, number: usize) -> String {
        let found = self.entries.get(number);
        found.map_or_else(new_id, |entry| entry.entry_id.clone())
    }

    /// Notes an answer and says it in the words of the model.
    fn said(&mut self, answer: Result<(Entry, i64), Status>) -> Said {
        let (entry, available) = match answer {
            Ok(answer) => answer,
            Err(refused) => return Said::No(leak(status::reason(&refused).unwrap())),
        };
        self.entries.push(entry.clone());
        let parts = entry.allocations.iter();
        let mut lots: Vec<_> = parts
            .map(|a| (self.lot(&a.lot_id), a.points_delta))
            .collect();
        lots.sort_unstable();
        Said::Moved(Movement {
            kind: EntryKind::from_number(i16::try_from(entry.kind).unwrap()).unwrap(),
            points: entry.points_delta,
            held: entry.held_points_delta,
            pending: entry.pending_points_delta,
            debt: entry.debt_points_delta,
            available,
            lots,
        })
    }

    /// Asks the service for the same.
    async fn call(&self, number: usize, ask: Ask) -> Result<(Entry, i64), Status> {
        let (loyalty, id) = (&self.loyalty, name(number));
        let id = id.as_str();
        let hold = |number| Hold {
            account_id: id.into(),
            hold_id: self.id(number),
            ..Default::default()
        };
        /// Entry and available points of a response.
        macro_rules! said {
            ($response:expr) => {{
                let response = $response.await?;
                Ok((response.entry.unwrap(), response.available_points))
            }};
        }
        match ask {
            Ask::Earn(asked) => said!(loyalty.earn_with(earning(loyalty, id, asked))),
            Ask::Redeem(points) => said!(loyalty.redeem(id, points)),
            Ask::Hold(points, lasts) => {
                let hold = loyalty.hold(id, points, lasts).await?;
                let entry = loyalty.entries(id).await.remove(0);
                assert_eq!(entry.hold_id, hold.hold_id);
                Ok((entry, loyalty.balance(id).await.0))
            }
            Ask::Confirm(number, points, true) => {
                said!(loyalty.top_up(&hold(number), points.unwrap_or(0)))
            }
            Ask::Confirm(number, points, false) => {
                said!(loyalty.confirm(&hold(number), points.unwrap_or(0)))
            }
            Ask::Release(number) => {
                let answer = loyalty.release(&hold(number)).await?;
                let entries = loyalty.entries(id).await;
                let released = entries.into_iter().find(|e| e.kind() == Kind::Release);
                Ok((released.unwrap(), answer.available_points))
            }
            Ask::Reverse(number, points) => {
                said!(loyalty.reverse_part(&self.entry(id, number), points.unwrap_or(0)))
            }
            Ask::Activate(number) => said!(loyalty.activate(id, &self.id(number))),
            Ask::Adjust(points, approver) => {
                let approver = ["", "CLERK-7", "boss"][usize::from(approver)];
                said!(loyalty.adjust(id, points, approver))
            }
            Ask::Expire(lot) => {
                let lot = lot.map(|lot| self.id(lot)).unwrap_or_default();
                said!(loyalty.expire(id, &lot))
            }
            Ask::Reinstate(number) => said!(loyalty.reinstate(&self.entry(id, number))),
            Ask::Block(block) => said!(loyalty.freeze(id, kind_of(block))),
            Ask::Unblock(block) => said!(loyalty.unfreeze(id, kind_of(block))),
            Ask::Close => said!(loyalty.close(id)),
            Ask::Register(recipient, replaces) => {
                let replaced = replaces.map(name).unwrap_or_default();
                said!(loyalty.register(id, &name(recipient), &replaced))
            }
            Ask::Give(to, points) => said!(loyalty.give(id, &name(to), points)),
            Ask::Merge(to) => said!(loyalty.merge(id, &name(to))),
            Ask::Split(to, points) => said!(loyalty.split(id, &name(to), points)),
        }
    }

    fn entry(&self, account: &str, number: usize) -> Entry {
        Entry {
            account_id: account.into(),
            entry_id: self.id(number),
            ..Default::default()
        }
    }
}

fn earning(loyalty: &Suite, id: &str, asked: Earning) -> EarnPointsRequest {
    let at = |lasts| fields::time(loyalty.clock.now() + Span::from_seconds(lasts));
    let waits = |waits: Option<Second>| match waits {
        Some(waits) => Activation::ActivateTime(at(waits)),
        None => Activation::UntilActivated(true),
    };
    EarnPointsRequest {
        open_account: false,
        expire_time: asked.lasts.map(at),
        activation: asked.waits.map(waits),
        points_type: if asked.special { "promotion" } else { "" }.into(),
        ..loyalty.earning(id, asked.points, &format!("source/{}", asked.source))
    }
}

fn kind_of(block: Block) -> BlockKind {
    BlockKind::try_from(i32::from(block.number())).unwrap()
}

/// The model's reasons are constants.
fn leak(reason: String) -> &'static str {
    reason.leak()
}

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

fn ask(random: &mut SmallRng) -> Ask {
    let answer = random.random_range(0..1_000);
    let part = random.random_bool(0.5).then(|| random.random_range(1..20));
    let other = random.random_range(0..OPENED);
    let block = Block::ALL[random.random_range(0..Block::ALL.len())];
    match random.random_range(0..400) {
        0..90 => {
            let waits = match random.random_range(0..10) {
                0 => Some(None),
                1..3 => Some(Some(random.random_range(1..20))),
                _ => None,
            };
            Ask::Earn(Earning {
                points: random.random_range(1..80),
                source: random.random(),
                lasts: random.random_bool(0.8).then(|| random.random_range(1..60)),
                waits,
                special: random.random_bool(0.3),
            })
        }
        90..160 => Ask::Redeem(random.random_range(1..30)),
        160..210 => Ask::Hold(random.random_range(1..25), random.random_range(1..60)),
        210..240 => Ask::Confirm(answer, part, random.random()),
        240..255 => Ask::Release(answer),
        255..315 => Ask::Reverse(answer, part),
        315..325 => Ask::Activate(answer),
        325..335 => {
            let points = random.random_range(1..50) * if random.random() { 1 } else { -1 };
            Ask::Adjust(points, random.random_range(0..3))
        }
        335..343 => Ask::Expire(random.random_bool(0.8).then_some(answer)),
        343..353 => Ask::Reinstate(answer),
        353 => Ask::Block(block),
        354..360 => Ask::Unblock(block),
        360 if random.random_bool(0.3) => Ask::Close,
        361 if random.random_bool(0.3) => Ask::Merge(other),
        362 => Ask::Split(
            random.random_range(OPENED..ACCOUNTS),
            random.random_range(1..20),
        ),
        363..375 => Ask::Register(
            other,
            random.random_bool(0.3).then_some((other + 1) % OPENED),
        ),
        _ => Ask::Give(other, random.random_range(1..20)),
    }
}

/// The default programme: points are good to the end of the 36th month.
fn expiry(earned: Second) -> Second {
    let earned = day("2025-01-01") + Span::from_seconds(earned);
    second(earned.month_start().plus_months(36))
}

fn second(at: Timestamp) -> Second {
    at.since(day("2025-01-01")).as_micros() / 1_000_000
}

fn now(clock: &dyn Clock) -> Second {
    second(clock.now())
}

#[tokio::test]
async fn the_service_and_the_model_agree_on_random_commands() {
    each_with(policies(), async |loyalty| {
        let mut random = SmallRng::seed_from_u64(20_250_101);
        let mut pair = Pair::open(loyalty).await;
        for number in 0..COMMANDS {
            step(&mut pair, &mut random, number).await;
            if number % 150 == 0 {
                pair.loyalty.catch_up().await;
                agree(&mut pair).await;
            }
            if number == COMMANDS / 2 {
                assert!(pair.loyalty.seal().await > 0);
            }
        }
        agree(&mut pair).await;
        pair.loyalty.assert_verifies().await;
    })
    .await;
}

/// Does one random command on both and compares their answers.
async fn step(pair: &mut Pair, random: &mut SmallRng, number: usize) {
    let pause = match random.random_range(0..300) {
        0 => 86_400,
        1 => 20 * 86_400,
        _ => random.random_range(0..3),
    };
    pair.loyalty.advance(Span::from_seconds(pause));
    let account = random.random_range(0..ACCOUNTS);
    let ask = pair.model.aim(account, ask(random));
    let is_own = match ask {
        Ask::Register(to, _) | Ask::Give(to, _) | Ask::Merge(to) | Ask::Split(to, _) => {
            to == account
        }
        _ => false,
    };
    if is_own {
        return;
    }
    let wanted = pair.model.ask(account, ask, now(&pair.loyalty.clock));
    let answer = pair.call(account, ask).await;
    let said = pair.said(answer);
    assert_eq!(said, wanted, "command {number}: {ask:?} of A{account}");
}

/// Does random commands on a service of its own, with [`policies`]; `after` is called now and then.
pub(crate) async fn play(
    loyalty: Suite,
    seed: u64,
    commands: usize,
    mut after: impl AsyncFnMut(&Suite),
) {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut pair = Pair::open(loyalty).await;
    for number in 0..commands {
        step(&mut pair, &mut random, number).await;
        if number % 70 == 0 {
            after(&pair.loyalty).await;
        }
    }
}

/// The ids of all accounts there may be.
pub(crate) fn accounts() -> impl Iterator<Item = String> {
    (0..ACCOUNTS).map(name)
}

/// Accounts, lots and books say what the model says.
async fn agree(pair: &mut Pair) {
    let mut outstanding = 0;
    pair.model.pass(now(&pair.loyalty.clock));
    let (loyalty, model) = (&pair.loyalty, &pair.model);
    for number in (0..ACCOUNTS).filter(|number| model.exists(*number)) {
        let account = loyalty.account(&name(number)).await;
        let found = (
            account.available_points,
            account.held_points,
            account.pending_points,
            account.debt_points,
            account.state() == AccountState::Closed,
        );
        let wanted = (
            model.available(number),
            model.held(number),
            model.pending(number),
            model.debt(number),
            model.is_closed(number),
        );
        assert_eq!(found, wanted, "A{number}");
        let lots = loyalty.lots(&name(number)).await;
        let lot = |lot: &Lot| (pair.lot(&lot.lot_id), lot.remaining_points, lot.held_points);
        let lots: Vec<_> = lots.iter().map(lot).collect();
        assert_eq!(lots, model.lots(number), "A{number}");
        outstanding += found.0 + found.1 + found.2;
    }
    assert_eq!(pair.entries.len(), model.answers());
    loyalty.catch_up().await;
    loyalty.assert_books_tie().await;
    let books = loyalty.books().await;
    assert_eq!(books.lot_points, outstanding);
    assert_eq!(books.expired_points, model.expired());
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
