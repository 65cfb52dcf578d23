//! A naive model of accounts.
//!
//! The model knows no sums: every single point is a thing of its own that is free, pending, held or
//! gone. It is written from the API's words, not from the rules' code, and shares with it only names:
//! of policies, of kinds of entries.

use std::collections::{BTreeMap, BTreeSet};

use tenure_core::{Lane, Timestamp};

use crate::domain::{Block, EntryKind, Operation, OrderOfUse, Policies};

#[path = "aim.rs"]
mod aim;
#[path = "deeds.rs"]
mod deeds;
#[path = "gifts.rs"]
mod gifts;
#[path = "pools.rs"]
mod pools;
#[path = "refused.rs"]
mod refused;
#[path = "shown.rs"]
pub(crate) mod shown;

pub(crate) use refused::{Fact, No};

/// Microseconds since the model's start, or a span of them.
pub(crate) type Micros = i64;
/// One second.
pub(crate) const SECOND: Micros = 1_000_000;
const DAY: Micros = 86_400 * SECOND;
/// A lot by the number of the answer that made it, and its place there.
pub(crate) type Name = (usize, usize);

/// What a point is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Free,
    Pending,
    Held(usize),
    Gone,
}

#[derive(Debug, Clone, Copy)]
struct Point {
    owner: usize,
    lot: usize,
    doing: Doing,
}

#[derive(Debug, Clone, Copy)]
struct ModelLot {
    name: Name,
    /// In which millisecond and where it was made: lots that are alike in all else are spent in this
    /// order.
    made: (i64, Lane),
    earned: Micros,
    until: Micros,
    active: Micros,
    special: bool,
}

#[derive(Debug, Clone)]
struct ModelHold {
    number: usize,
    owner: usize,
    until: Micros,
    which: Vec<usize>,
    end: Option<&'static str>,
    confirmed: usize,
}

/// An answer that moved points.
#[derive(Debug, Clone)]
struct Moved {
    owner: usize,
    kind: EntryKind,
    at: Micros,
    /// Which points, by index, in the order in which they were taken.
    which: Vec<usize>,
    reversed: usize,
    /// The last answer that took it back.
    reversed_by: Option<usize>,
}

#[derive(Debug, Clone)]
struct ModelAccount {
    exists: bool,
    is_closed: bool,
    lane: Lane,
    joined: Micros,
    debt: i64,
    /// The answer to the earning from each.
    sources: BTreeMap<u8, usize>,
    /// In the order in which they were set.
    blocks: Vec<Block>,
    recipients: Vec<(usize, Micros)>,
    /// What was given and received, when.
    gifts: Vec<(Micros, i64, i64)>,
    /// The day on which points expired last, and how many then.
    expired: (i64, i64),
}

/// What is asked; earlier answers are named by their number, accounts by theirs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ask {
    Earn(Earning),
    Redeem(i64),
    Hold(i64, Micros),
    Confirm(usize, Option<i64>, bool),
    Release(usize),
    Reverse(usize, Option<i64>),
    Activate(usize),
    /// How many, and who approved: nobody, the author, somebody else.
    Adjust(i64, u8),
    Expire(Option<usize>),
    Reinstate(usize),
    Block(Block),
    Unblock(Block),
    Close,
    Register(usize, Option<usize>),
    Give(usize, i64),
    Merge(usize),
    Split(usize, i64),
    /// Makes an account a member of this one's pool.
    Join(usize),
    /// Puts points into a pool.
    Contribute(usize, i64),
    /// Spends points of this pool for a member.
    RedeemFor(usize, i64),
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Earning {
    pub(crate) points: i64,
    pub(crate) source: u8,
    pub(crate) lasts: Option<Micros>,
    /// How long they are pending; `Some(None)`: until they are activated.
    pub(crate) waits: Option<Option<Micros>>,
    pub(crate) special: bool,
}

/// What is said: what moved and what can be spent then, or why not.
pub(crate) type Said = Result<Movement, No>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Movement {
    pub(crate) kind: EntryKind,
    pub(crate) points: i64,
    pub(crate) held: i64,
    pub(crate) pending: i64,
    pub(crate) debt: i64,
    pub(crate) available: i64,
    pub(crate) lots: Vec<(Name, i64)>,
}

/// What holds for the model beside the policies.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub(crate) policies: Policies,
    pub(crate) start: Timestamp,
    /// When points expire that are earned at an instant.
    pub(crate) expiry: fn(Timestamp) -> Timestamp,
}

const NEVER: Micros = i64::MAX;

#[derive(Debug, Clone)]
pub(crate) struct Model {
    rules: Rules,
    points: Vec<Point>,
    lots: Vec<ModelLot>,
    holds: Vec<ModelHold>,
    answers: Vec<Moved>,
    accounts: Vec<ModelAccount>,
    /// Pools, each with a member.
    members: Vec<(usize, usize)>,
    pool_moves: Vec<pools::PoolMove>,
    expired: i64,
    now: Micros,
}

type Done = Result<(EntryKind, Vec<usize>), No>;

impl Model {
    /// Returns a model of accounts in these lanes, none of which exists.
    pub(crate) fn new(rules: Rules, lanes: &[Lane]) -> Self {
        let account = |lane: &Lane| ModelAccount {
            exists: false,
            is_closed: false,
            lane: *lane,
            joined: 0,
            debt: 0,
            sources: BTreeMap::new(),
            blocks: Vec::new(),
            recipients: Vec::new(),
            gifts: Vec::new(),
            expired: (0, 0),
        };
        Self {
            rules,
            points: Vec::new(),
            lots: Vec::new(),
            holds: Vec::new(),
            answers: Vec::new(),
            accounts: lanes.iter().map(account).collect(),
            members: Vec::new(),
            pool_moves: Vec::new(),
            expired: 0,
            now: Micros::MIN,
        }
    }

    /// Opens an account of a customer who joined then.
    pub(crate) fn open(&mut self, account: usize, joined: Micros) {
        self.accounts[account].exists = true;
        self.accounts[account].joined = joined;
    }

    pub(crate) fn exists(&self, account: usize) -> bool {
        self.accounts[account].exists
    }

    pub(crate) fn available(&self, account: usize) -> i64 {
        self.count(|p| p.owner == account && p.doing == Doing::Free)
    }

    pub(crate) fn held(&self, account: usize) -> i64 {
        self.count(|p| p.owner == account && matches!(p.doing, Doing::Held(_)))
    }

    pub(crate) fn pending(&self, account: usize) -> i64 {
        self.count(|p| p.owner == account && p.doing == Doing::Pending)
    }

    pub(crate) fn debt(&self, account: usize) -> i64 {
        self.accounts[account].debt
    }

    /// When points expire that are earned now.
    fn end(&self, now: Micros) -> Micros {
        let end = (self.rules.expiry)(self.at(now));
        end.since(self.rules.start).as_micros()
    }

    /// How many points expired in all.
    pub(crate) fn expired(&self) -> i64 {
        self.expired
    }

    fn count(&self, is: impl Fn(&Point) -> bool) -> i64 {
        self.points.iter().filter(|point| is(point)).count() as i64
    }

    pub(crate) fn answers(&self) -> usize {
        self.answers.len()
    }

    fn place(&self, lot: usize, order: OrderOfUse) -> impl Ord + use<> {
        let lot = &self.lots[lot];
        let (first, second) = match order {
            OrderOfUse::ExpiryFirst => (lot.until, lot.earned),
            OrderOfUse::EarnedFirst => (lot.earned, lot.until),
        };
        (first, second, lot.made, lot.name)
    }

    /// Finds points in the order of use.
    fn find(&self, which: impl Fn(&Point) -> bool) -> Vec<usize> {
        let mut found: Vec<usize> = (0..self.points.len())
            .filter(|index| which(&self.points[*index]))
            .collect();
        let order = self.rules.policies.order_of_use;
        found.sort_by_key(|index| self.place(self.points[*index].lot, order));
        found
    }

    /// Takes up to `most` free points of an account for something else, and tells which.
    fn take(&mut self, account: usize, most: i64, to: Doing) -> Vec<usize> {
        let mut taken = self.find(|p| p.owner == account && p.doing == Doing::Free);
        taken.truncate(usize::try_from(most).unwrap());
        self.set(&taken, to);
        taken
    }

    fn set(&mut self, which: &[usize], to: Doing) {
        for index in which {
            self.points[*index].doing = to;
        }
    }

    /// What happens by itself until `now`, instant by instant.
    pub(crate) fn pass(&mut self, now: Micros) {
        let holds = self.holds.iter().filter(|hold| hold.end.is_none());
        let mut instants: BTreeSet<Micros> = holds.map(|hold| hold.until).collect();
        for point in self.points.iter().filter(|p| p.doing != Doing::Gone) {
            instants.extend([self.lots[point.lot].until, self.lots[point.lot].active]);
        }
        instants.insert(now);
        for instant in instants.into_iter().filter(|instant| *instant <= now) {
            // What was due before came late: back from a hold, or from a reversal.
            let instant = instant.max(self.now);
            self.now = instant;
            for hold in 0..self.holds.len() {
                let ending = &mut self.holds[hold];
                if ending.end.is_none() && ending.until <= instant {
                    ending.end = Some("HOLD_EXPIRED");
                    let (back, owner) = (ending.which.clone(), ending.owner);
                    self.set(&back, Doing::Free);
                    self.repay(owner, instant);
                }
            }
            self.expire_due(instant);
            for point in &mut self.points {
                if point.doing == Doing::Pending && self.lots[point.lot].active <= instant {
                    point.doing = Doing::Free;
                }
            }
            (0..self.accounts.len()).for_each(|account| self.repay(account, instant));
        }
    }

    fn expire_due(&mut self, now: Micros) {
        let mut gone = Vec::new();
        for point in &mut self.points {
            let waits = matches!(point.doing, Doing::Free | Doing::Pending);
            if waits && self.lots[point.lot].until <= now {
                point.doing = Doing::Gone;
                gone.push(point.owner);
            }
        }
        gone.into_iter()
            .for_each(|owner| self.note_expired(owner, now));
    }

    /// Notes that a point expired.
    fn note_expired(&mut self, account: usize, now: Micros) {
        let day = self.day(now);
        let expired = &mut self.accounts[account].expired;
        if expired.0 != day {
            *expired = (day, 0);
        }
        expired.1 += 1;
        self.expired += 1;
    }

    fn repay(&mut self, account: usize, now: Micros) {
        let debt = self.accounts[account].debt;
        if debt == 0 {
            return;
        }
        let mut paid = self.find(|p| p.owner == account && p.doing == Doing::Free);
        paid.retain(|index| self.lots[self.points[*index].lot].until > now);
        paid.truncate(usize::try_from(debt).unwrap());
        self.set(&paid, Doing::Gone);
        self.accounts[account].debt -= paid.len() as i64;
    }

    pub(crate) fn ask(&mut self, account: usize, ask: Ask, now: Micros) -> Said {
        self.pass(now);
        if matches!(ask, Ask::Close) && !self.is_in_pool(account) {
            self.release_all(account);
            self.pass(now);
        }
        let before = self.sums(account);
        match self.decide(account, ask, now) {
            Ok((kind, which)) => self.say(account, kind, which, before, now),
            Err(no) => Err(no),
        }
    }

    /// Free, held, pending, debt.
    fn sums(&self, account: usize) -> [i64; 4] {
        [
            self.available(account),
            self.held(account),
            self.pending(account),
            self.debt(account),
        ]
    }

    fn say(
        &mut self,
        account: usize,
        kind: EntryKind,
        which: Vec<usize>,
        before: [i64; 4],
        now: Micros,
    ) -> Said {
        let after = self.sums(account);
        let [free, held, pending, debt] = [0, 1, 2, 3].map(|at| after[at] - before[at]);
        let points = free + held + pending;
        // Which way the points of the entry went.
        let one = match kind {
            EntryKind::Release | EntryKind::Activate => 1,
            EntryKind::Hold => -1,
            _ => points.signum(),
        };
        let mut lots: Vec<(Name, i64)> = Vec::new();
        for index in &which {
            let name = self.lots[self.points[*index].lot].name;
            match lots.iter_mut().find(|(known, _)| *known == name) {
                Some((_, points)) => *points += one,
                None => lots.push((name, one)),
            }
        }
        lots.sort_unstable();
        self.answers.push(Moved {
            owner: account,
            kind,
            at: now,
            which,
            reversed: 0,
            reversed_by: None,
        });
        self.pass(now);
        Ok(Movement {
            kind,
            points,
            held,
            pending,
            debt,
            available: self.available(account),
            lots,
        })
    }

    fn decide(&mut self, account: usize, ask: Ask, now: Micros) -> Done {
        self.require_there(account, ask)?;
        match ask {
            Ask::Earn(asked) => self.earn(account, asked, now),
            Ask::Redeem(points) => {
                self.require_free(account, Operation::Redeem)?;
                self.require_enough(account, points)?;
                Ok((EntryKind::Redeem, self.take(account, points, Doing::Gone)))
            }
            Ask::Hold(points, lasts) => self.hold(account, points, now + lasts),
            Ask::Confirm(hold, points, tops_up) => self.confirm(account, hold, points, tops_up),
            Ask::Release(hold) => {
                let place = self.open_hold(account, hold)?;
                self.holds[place].end = Some("HOLD_ALREADY_RELEASED");
                let back = self.holds[place].which.clone();
                self.set(&back, Doing::Free);
                Ok((EntryKind::Release, back))
            }
            Ask::Reverse(entry, points) => self.reverse(account, entry, points, now),
            Ask::Activate(number) => self.activate(account, number),
            Ask::Adjust(points, approver) => self.adjust(account, points, approver, now),
            Ask::Expire(lot) => self.expire(account, lot, now),
            Ask::Reinstate(entry) => self.reinstate(account, entry, now),
            _ => self.decide_standing(account, ask, now),
        }
    }

    fn decide_standing(&mut self, account: usize, ask: Ask, now: Micros) -> Done {
        match ask {
            Ask::Block(block) => self.block(account, block),
            Ask::Unblock(block) => self.unblock(account, block),
            Ask::Close => {
                self.require_no_pool(account)?;
                Ok((EntryKind::Close, self.close(account)))
            }
            Ask::Join(member) => self.join(account, member),
            Ask::Contribute(pool, points) => self.contribute(account, pool, points, now),
            Ask::RedeemFor(member, points) => self.redeem_for(account, member, points, now),
            Ask::Register(recipient, replaces) => self.register(account, recipient, replaces, now),
            Ask::Give(to, points) => {
                self.require_gift(account, to, points, now)?;
                let given = self.give(account, to, points);
                self.accounts[account].gifts.push((now, points, 0));
                self.accounts[to].gifts.push((now, 0, points));
                Ok((EntryKind::TransferOut, given))
            }
            Ask::Merge(to) => self.merge(account, to),
            Ask::Split(to, points) => {
                self.require_enough(account, points)?;
                self.open(to, now);
                Ok((EntryKind::TransferOut, self.give(account, to, points)))
            }
            _ => unreachable!("the others are decided before"),
        }
    }
}
