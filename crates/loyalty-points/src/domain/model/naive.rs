//! A naive model of accounts.
//!
//! The model knows no sums: every single point is a thing of its own that is free, pending, held or
//! gone. It is written from the API's words, not from the rules' code, and shares with it only names:
//! of policies, of kinds of entries.

use std::collections::BTreeSet;

use tenure_core::{Lane, Timestamp};

use crate::domain::{Block, EntryKind, Operation, OrderOfUse, Policies};

#[path = "aim.rs"]
mod aim;
#[path = "deeds.rs"]
mod deeds;
#[path = "gifts.rs"]
mod gifts;

/// Seconds; the tests' clock knows nothing finer.
pub(crate) type Second = i64;
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
    /// When and where it was made: lots that are alike in all else are spent in this order.
    made: (Second, Lane),
    earned: Second,
    until: Second,
    active: Second,
    special: bool,
}

#[derive(Debug, Clone)]
struct ModelHold {
    number: usize,
    owner: usize,
    until: Second,
    which: Vec<usize>,
    end: Option<&'static str>,
}

/// An answer that moved points.
#[derive(Debug, Clone)]
struct Moved {
    owner: usize,
    kind: EntryKind,
    at: Second,
    /// Which points, by index, in the order in which they were taken.
    which: Vec<usize>,
    reversed: usize,
}

#[derive(Debug, Clone)]
struct ModelAccount {
    exists: bool,
    is_closed: bool,
    lane: Lane,
    joined: Second,
    debt: i64,
    sources: BTreeSet<u8>,
    blocks: BTreeSet<Block>,
    recipients: Vec<(usize, Second)>,
    /// What was given and received, when.
    gifts: Vec<(Second, i64, i64)>,
}

/// What is asked; earlier answers are named by their number, accounts by theirs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ask {
    Earn(Earning),
    Redeem(i64),
    Hold(i64, Second),
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
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Earning {
    pub(crate) points: i64,
    pub(crate) source: u8,
    pub(crate) lasts: Option<Second>,
    /// How long they are pending; `Some(None)`: until they are activated.
    pub(crate) waits: Option<Option<Second>>,
    pub(crate) special: bool,
}

/// What is said: what moved and what can be spent then, or the reason of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    Moved(Movement),
    No(&'static str),
}

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
    /// When points expire that are earned at a second.
    pub(crate) expiry: fn(Second) -> Second,
}

const NEVER: Second = i64::MAX;

#[derive(Debug)]
pub(crate) struct Model {
    rules: Rules,
    points: Vec<Point>,
    lots: Vec<ModelLot>,
    holds: Vec<ModelHold>,
    answers: Vec<Moved>,
    accounts: Vec<ModelAccount>,
    expired: i64,
    now: Second,
}

type Done = Result<(EntryKind, Vec<usize>), &'static str>;

impl Model {
    /// Returns a model of accounts in these lanes, none of which exists.
    pub(crate) fn new(rules: Rules, lanes: &[Lane]) -> Self {
        let account = |lane: &Lane| ModelAccount {
            exists: false,
            is_closed: false,
            lane: *lane,
            joined: 0,
            debt: 0,
            sources: BTreeSet::new(),
            blocks: BTreeSet::new(),
            recipients: Vec::new(),
            gifts: Vec::new(),
        };
        Self {
            rules,
            points: Vec::new(),
            lots: Vec::new(),
            holds: Vec::new(),
            answers: Vec::new(),
            accounts: lanes.iter().map(account).collect(),
            expired: 0,
            now: Second::MIN,
        }
    }

    /// Opens an account of a customer who joined then.
    pub(crate) fn open(&mut self, account: usize, joined: Second) {
        self.accounts[account].exists = true;
        self.accounts[account].joined = joined;
    }

    pub(crate) fn exists(&self, account: usize) -> bool {
        self.accounts[account].exists
    }

    pub(crate) fn is_closed(&self, account: usize) -> bool {
        self.accounts[account].is_closed
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

    /// Points that are not held, and held ones, of each lot of an account that has any, in the order
    /// of their expiry.
    pub(crate) fn lots(&self, account: usize) -> Vec<(Name, i64, i64)> {
        let mut lots: Vec<usize> = (0..self.lots.len()).collect();
        lots.sort_by_key(|lot| self.place(*lot, OrderOfUse::ExpiryFirst));
        let count = |lot: usize| {
            let of = |p: &Point| p.lot == lot && p.owner == account;
            let held = self.count(|p| of(p) && matches!(p.doing, Doing::Held(_)));
            let all = self.count(|p| of(p) && p.doing != Doing::Gone);
            (self.lots[lot].name, all - held, held)
        };
        let lots = lots.into_iter().map(count);
        lots.filter(|(_, rest, held)| rest + held > 0).collect()
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
    pub(crate) fn pass(&mut self, now: Second) {
        let holds = self.holds.iter().filter(|hold| hold.end.is_none());
        let mut instants: BTreeSet<Second> = holds.map(|hold| hold.until).collect();
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

    fn expire_due(&mut self, now: Second) {
        for point in &mut self.points {
            let waits = matches!(point.doing, Doing::Free | Doing::Pending);
            if waits && self.lots[point.lot].until <= now {
                point.doing = Doing::Gone;
                self.expired += 1;
            }
        }
    }

    fn repay(&mut self, account: usize, now: Second) {
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

    pub(crate) fn ask(&mut self, account: usize, ask: Ask, now: Second) -> Said {
        self.pass(now);
        if let Ask::Close = ask {
            self.release_all(account);
            self.pass(now);
        }
        let before = self.sums(account);
        match self.decide(account, ask, now) {
            Ok((kind, which)) => self.say(account, kind, which, before, now),
            Err(reason) => Said::No(reason),
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
        now: Second,
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
        });
        self.pass(now);
        Said::Moved(Movement {
            kind,
            points,
            held,
            pending,
            debt,
            available: self.available(account),
            lots,
        })
    }

    fn require_enough(&self, account: usize, points: i64) -> Result<(), &'static str> {
        if self.available(account) < points {
            return Err("INSUFFICIENT_POINTS");
        }
        Ok(())
    }

    fn require_free(&self, account: usize, operation: Operation) -> Result<(), &'static str> {
        let hinders = &self.rules.policies.hinders;
        let mut blocks = self.accounts[account].blocks.iter();
        if blocks.any(|block| hinders.contains(&(*block, operation))) {
            return Err("ACCOUNT_BLOCKED");
        }
        Ok(())
    }

    fn decide(&mut self, account: usize, ask: Ask, now: Second) -> Done {
        if !self.accounts[account].exists {
            return Err("ACCOUNT_NOT_FOUND");
        }
        match ask {
            Ask::Earn(asked) if self.accounts[account].sources.contains(&asked.source) => {
                return Err("EVENT_ALREADY_EARNED");
            }
            Ask::Give(to, _) | Ask::Merge(to) if !self.accounts[to].exists => {
                return Err("ACCOUNT_NOT_FOUND");
            }
            Ask::Split(to, _) if self.accounts[to].exists => return Err("ACCOUNT_EXISTS"),
            _ => {}
        }
        if self.accounts[account].is_closed {
            return Err("ACCOUNT_CLOSED");
        }
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
            Ask::Expire(lot) => self.expire(account, lot),
            Ask::Reinstate(entry) => self.reinstate(account, entry, now),
            _ => self.decide_standing(account, ask, now),
        }
    }

    fn decide_standing(&mut self, account: usize, ask: Ask, now: Second) -> Done {
        match ask {
            Ask::Block(block) if !self.accounts[account].blocks.insert(block) => {
                Err("BLOCK_EXISTS")
            }
            Ask::Block(_) => Ok((EntryKind::Block, Vec::new())),
            Ask::Unblock(block) if !self.accounts[account].blocks.remove(&block) => {
                Err("BLOCK_NOT_FOUND")
            }
            Ask::Unblock(_) => Ok((EntryKind::Unblock, Vec::new())),
            Ask::Close => Ok((EntryKind::Close, self.close(account))),
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
