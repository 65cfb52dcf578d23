//! Follows the records of one account, from its opening on.

use std::collections::{BTreeMap, HashMap};

use tenure_core::{AccountId, CustomerId, ProgrammeId, Timestamp};

use super::finding::{Breach, Finding, Invariant, holds, same};
use super::lots::Lots;
use super::orders::{OrderRow, Orders as RewardOrders};
use crate::domain::account::Hold;
use crate::domain::entry::{Entry, EntryKind, Opened, Record};
use crate::domain::entry_id::EntryId;
use crate::domain::policy::OrderOfUse;
use crate::domain::standing::Standing;
use crate::domain::total::day_of;

/// Which order of use a version of a programme had; nothing when nobody knows any more, and both
/// orders pass.
pub type Orders<'o> = &'o (dyn Fn(&ProgrammeId, &str) -> Option<OrderOfUse> + Send + Sync);

/// An account as its records tell it.
#[derive(Debug)]
pub struct Replay {
    pub(super) opened: Option<Opened>,
    pub(super) number: i64,
    pub(super) last_seq: i64,
    pub(super) updated_at: Timestamp,
    pub(super) lots: Lots,
    pub(super) holds: Vec<Hold>,
    pub(super) debt: i64,
    pub(super) expired: (i64, i64),
    pub(super) standing: Standing,
    /// When recipients were registered last.
    pub(super) registered: BTreeMap<AccountId, Timestamp>,
    orders: RewardOrders,
    /// How many points of entries came back so far, by their numbers.
    pub(super) returned: HashMap<i64, i64>,
    account: AccountId,
    /// An entry that tells its available points when all of its transaction is done.
    promise: Option<Promise>,
    /// An entry after which there was debt beside available points: it must be repaid at once.
    in_debt: Option<Finding>,
    last_recorded: Timestamp,
}

#[derive(Debug)]
struct Promise {
    available: i64,
    finding: Finding,
}

impl Replay {
    /// Starts before the first record of an account.
    #[must_use]
    pub fn new(account: AccountId) -> Self {
        Self {
            opened: None,
            number: 0,
            last_seq: 0,
            updated_at: Timestamp::MIN,
            lots: Lots::default(),
            holds: Vec::new(),
            debt: 0,
            expired: (0, 0),
            standing: Standing::default(),
            registered: BTreeMap::new(),
            returned: HashMap::new(),
            orders: RewardOrders::default(),
            account,
            promise: None,
            in_debt: None,
            last_recorded: Timestamp::MIN,
        }
    }

    /// Returns the programme, once the opening was seen.
    #[must_use]
    pub fn programme(&self) -> Option<&ProgrammeId> {
        self.opened.as_ref().map(|opened| &opened.programme)
    }

    /// Returns the customer, once the opening was seen.
    #[must_use]
    pub fn customer(&self) -> Option<&CustomerId> {
        self.opened.as_ref().map(|opened| &opened.customer)
    }

    /// Takes the next record in; `target` is the entry that it takes back, if it names one.
    ///
    /// # Errors
    /// The first thing that is wrong with it, or that an earlier entry promised and it breaks.
    pub fn feed(
        &mut self,
        record: &Record,
        target: Option<&Entry>,
        orders: Orders<'_>,
    ) -> Result<(), Finding> {
        match record {
            Record::Opened(opened) => {
                let (lane, seq) = (opened.id.lane(), opened.id.seq());
                let id = Some(opened.id);
                self.open(opened)
                    .map_err(|breach| breach.at(lane, seq, id, self.account.as_str()))
            }
            Record::Entry(entry) => {
                self.keep_promises(Some(entry))?;
                self.enter(entry, target, orders)
                    .map_err(|breach| at(breach, entry))?;
                self.note_promises(entry)
            }
            Record::Refused(refused) => Err(self.unchained(refused.id, "a refusal")),
            Record::Notice(notice) => Err(self.unchained(notice.id, "a notice")),
            Record::Stock(moved) => Err(self.unchained(moved.id, "one of a stock")),
        }
    }

    fn unchained(&self, id: EntryId, found: &str) -> Finding {
        let what = "a record of the account's chain";
        let breach = Breach::new(Invariant::Sequence, what, "an entry", found);
        breach.at(id.lane(), id.seq(), Some(id), self.account.as_str())
    }

    /// Ends the chain: what was promised must be kept by now.
    ///
    /// # Errors
    /// The entry whose promise is not kept.
    pub fn finish(&mut self) -> Result<(), Finding> {
        self.keep_promises(None)
    }

    /// Compares the rows that repeat where the orders of the account stand, in their order.
    ///
    /// # Errors
    /// When they say something else.
    pub fn compare_orders(&self, rows: &[OrderRow]) -> Result<(), Breach> {
        self.orders.compare(rows)
    }

    fn open(&mut self, opened: &Opened) -> Result<(), Breach> {
        holds(
            self.opened.is_none(),
            Invariant::Sequence,
            "the opening of the account",
            "one, at the beginning of its records",
            "a second one",
        )?;
        same(
            Invariant::Sequence,
            "the account of a record",
            &self.account,
            &opened.account,
        )?;
        self.opened = Some(opened.clone());
        self.standing.joined_at = opened.joined_at;
        self.updated_at = opened.at;
        self.last_seq = opened.id.seq();
        self.last_recorded = opened.at;
        Ok(())
    }

    fn enter(
        &mut self,
        entry: &Entry,
        target: Option<&Entry>,
        orders: Orders<'_>,
    ) -> Result<(), Breach> {
        self.follows(entry)?;
        let Some(opened) = self.opened.clone() else {
            let what = "the account's first record";
            return Err(Breach::new(
                Invariant::Sequence,
                what,
                "its opening",
                entry.kind.name(),
            ));
        };
        let orders: Vec<OrderOfUse> = match orders(&opened.programme, &entry.version) {
            Some(order) => vec![order],
            None => vec![OrderOfUse::ExpiryFirst, OrderOfUse::EarnedFirst],
        };
        let before = (self.lots.sums(), self.debt);
        self.add_up(entry)?;
        self.apply(entry, target, &orders)?;
        self.orders.feed(entry)?;
        self.debt += entry.debt;
        self.lots.settle()?;
        self.balances(entry, before)?;
        if entry.kind == EntryKind::Expire {
            let day = day_of(entry.decided_at);
            let sum = if self.expired.0 == day {
                self.expired.1
            } else {
                0
            };
            self.expired = (day, sum - entry.points);
        }
        self.number += 1;
        self.last_seq = entry.id.seq();
        self.updated_at = entry.decided_at;
        self.last_recorded = entry.recorded_at;
        Ok(())
    }

    /// The entry stands where it says: behind the account's record before, in number and in time.
    fn follows(&self, entry: &Entry) -> Result<(), Breach> {
        use Invariant::Sequence;
        same(
            Sequence,
            "the account of a record",
            &self.account,
            &entry.account,
        )?;
        same(
            Sequence,
            "the number in the account",
            &(self.number + 1),
            &entry.number,
        )?;
        same(
            Sequence,
            "the account's record before",
            &self.last_seq,
            &entry.previous,
        )?;
        holds(
            entry.decided_at >= self.updated_at,
            Sequence,
            "the instant of the decision",
            &format!("not before {}", self.updated_at),
            entry.decided_at,
        )?;
        holds(
            !self.standing.is_closed,
            Sequence,
            "an entry of a closed account",
            "none",
            entry.kind.name(),
        )
    }

    /// The lots of the entry add up to what it says.
    fn add_up(&self, entry: &Entry) -> Result<(), Breach> {
        let wanted = match entry.kind {
            EntryKind::Hold | EntryKind::Release | EntryKind::HoldTimeout => -entry.held,
            EntryKind::Activate => -entry.pending,
            _ => entry.points,
        };
        let found: i64 = entry.allocations.iter().map(|part| part.points).sum();
        same(
            Invariant::Allocation,
            "the sum of the entry's lots",
            &wanted,
            &found,
        )
    }

    /// The balances of the account moved as the entry says, and are what it says.
    fn balances(
        &self,
        entry: &Entry,
        (before, debt): (super::lots::Sums, i64),
    ) -> Result<(), Breach> {
        use Invariant::Account;
        let after = self.lots.sums();
        let moved = [
            ("points", entry.points, after.balance - before.balance),
            ("held points", entry.held, after.held - before.held),
            (
                "pending points",
                entry.pending,
                after.pending - before.pending,
            ),
            ("debt", entry.debt, self.debt - debt),
        ];
        for (what, said, found) in moved {
            let what = format!("the change of {what}, by the lots");
            same(Account, &what, &found, &said)?;
        }
        same(
            Account,
            "the balance afterwards",
            &after.balance,
            &entry.balance,
        )?;
        let held: i64 = self.holds.iter().map(|hold| hold.points).sum();
        same(
            Account,
            "held points, by the open holds",
            &held,
            &after.held,
        )?;
        holds(
            self.debt >= 0,
            Invariant::Debt,
            "the debt",
            "not negative",
            self.debt,
        )
    }

    /// Notes what must be true when all of the entry's transaction is done.
    fn note_promises(&mut self, entry: &Entry) -> Result<(), Finding> {
        let sums = self.lots.sums();
        if sums.available != entry.available {
            let what = "available points afterwards";
            let (wanted, found) = (sums.available.to_string(), entry.available.to_string());
            let finding = at(Breach::new(Invariant::Account, what, wanted, found), entry);
            if self.promise.is_some() {
                return Err(finding);
            }
            self.promise = Some(Promise {
                available: entry.available,
                finding,
            });
        }
        let is_kept = |promise: &Promise| promise.available == sums.available;
        if self.promise.as_ref().is_some_and(is_kept) {
            self.promise = None;
        }
        if self.debt == 0 || sums.available == 0 {
            self.in_debt = None;
        } else if self.in_debt.is_none() {
            let found = format!("{} owed, {} available", self.debt, sums.available);
            let what = "debt beside available points";
            let breach = Breach::new(Invariant::Debt, what, "none", found);
            self.in_debt = Some(at(breach, entry));
        }
        Ok(())
    }

    /// What an entry promised is kept by those that follow it in its transaction, which book what was
    /// due: `next` is the one that comes now.
    fn keep_promises(&mut self, next: Option<&Entry>) -> Result<(), Finding> {
        let goes_on = next.filter(|next| next.recorded_at == self.last_recorded);
        if goes_on.is_none()
            && let Some(finding) = self.in_debt.take()
        {
            return Err(finding);
        }
        match self.promise.take() {
            Some(promise) if !goes_on.is_some_and(books_itself) => Err(promise.finding),
            promise => {
                self.promise = promise;
                Ok(())
            }
        }
    }
}

/// Expiries and repayments that follow what was asked for.
fn books_itself(entry: &Entry) -> bool {
    entry.request.is_none()
        && entry.note.is_none()
        && matches!(entry.kind, EntryKind::Expire | EntryKind::RepayDebt)
}

fn at(breach: Breach, entry: &Entry) -> Finding {
    let (lane, seq) = (entry.id.lane(), entry.id.seq());
    breach.at(lane, seq, Some(entry.id), entry.account.as_str())
}
