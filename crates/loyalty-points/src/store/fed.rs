//! What customer-data tells: bills earn, and what happens to customers has effects on their accounts;
//! all of a batch in one transaction with the position of the consumer.

mod desk;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use tenure_core::{AccountId, Clock, CustomerId, Lane};
use tenure_sql::{Db, SqlError, Tx};

use super::circumstances;
use super::earning::{self, Happened, Outcome};
use super::leavers;
use super::memory::Memory;
use super::rules::Rules;
use super::transact::{self, Move};
use super::{accounts, lanes, merges};
use crate::domain::{Command, Effect, News, Place, effects, order_of_news};
use desk::Desk;

/// How many merges in a row are followed from the account of a bill to the one that remains.
const MERGES_MAX: usize = 16;

/// Something that the feed told.
#[derive(Debug, Clone)]
pub(crate) enum Told {
    /// A bill was settled.
    Bill(Box<Happened>),
    /// Something happened to a customer.
    News(Heard),
}

/// Something that happened to a customer.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    pub(crate) customer: CustomerId,
    pub(crate) news: News,
    /// What the entries name as their source.
    pub(crate) source: String,
}

/// What became of a batch of the feed.
#[derive(Debug)]
pub(crate) enum Fed {
    /// Another replica was faster: nothing was done.
    Lost,
    /// These accounts are still to be opened: nothing was done.
    Strangers(Vec<AccountId>),
    /// It is done; what became of the bills, in their sequence.
    Done(Vec<Outcome>),
}

/// Whether events may open accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strangers {
    /// The caller asks who they are first.
    Named,
    /// They are opened.
    Opened,
}

/// Moves the consumer and does what its batch asks for, in one transaction.
pub(crate) async fn take_in(
    db: &Db,
    clock: &dyn Clock,
    rules: &Rules,
    step: Move<'_>,
    (told, strangers): (&mut [Told], Strangers),
) -> Result<Fed, SqlError> {
    rules.known(db, clock.now()).await?;
    let mut tx = db.begin_by_key().await?;
    if !step.advance(&mut tx, clock.now()).await? {
        return Ok(Fed::Lost);
    }
    let mut outcomes = Vec::new();
    if !told.is_empty() {
        forward(&mut tx, db, told).await?;
        let Some(mut intake) = Intake::open(&mut tx, db, told).await? else {
            return Ok(Fed::Lost);
        };
        if forward(&mut tx, db, told).await? {
            // One of the accounts was merged while its lane was awaited: from the beginning.
            return Ok(Fed::Lost);
        }
        let told = &*told;
        let unknown = intake.strangers(&mut tx, told).await?;
        if strangers == Strangers::Named && !unknown.is_empty() {
            return Ok(Fed::Strangers(unknown));
        }
        // On the heap, for the same reason as a batch of `tenure_rpc::feed` is.
        outcomes = Box::pin(intake.take(&mut tx, clock, rules, told)).await?;
    }
    tx.commit().await?;
    Ok(Fed::Done(outcomes))
}

/// Sends bills of accounts that were merged to those that remain; returns whether there were any.
async fn forward(tx: &mut Tx, db: &Db, told: &mut [Told]) -> Result<bool, SqlError> {
    let lane = |id: &AccountId| db.lanes().of(id.as_str());
    let mut any = false;
    for _ in 0..MERGES_MAX {
        let bills = told.iter().filter_map(Told::bill);
        let wanted: BTreeSet<(Lane, &str)> =
            bills.map(|it| (it.lane, it.account.as_str())).collect();
        let wanted: Vec<(Lane, &str)> = wanted.into_iter().collect();
        let links = merges::links(tx, &wanted).await?;
        if links.is_empty() {
            break;
        }
        any = true;
        for bill in told.iter_mut().filter_map(Told::bill_mut) {
            if let Some(into) = links.get(bill.account.as_str()) {
                let former = std::mem::replace(&mut bill.account, into.clone());
                bill.formerly.push((bill.lane, former));
                bill.lane = lane(into);
            }
        }
    }
    Ok(any)
}

/// A batch on its way in, whose lanes are locked.
struct Intake<'i> {
    db: &'i Db,
    lanes: BTreeSet<Lane>,
    /// The accounts of the customers of whom there are news.
    accounts: HashMap<String, Vec<(Lane, AccountId)>>,
}

impl<'i> Intake<'i> {
    /// Locks the lanes of everything that the batch may touch, at once and in order; nothing when an
    /// account was opened meanwhile in another one.
    async fn open(tx: &mut Tx, db: &'i Db, told: &[Told]) -> Result<Option<Self>, SqlError> {
        let heard = || told.iter().filter_map(Told::news);
        let customers: BTreeSet<&str> = heard().map(|it| it.customer.as_str()).collect();
        let customers: Vec<&str> = customers.into_iter().collect();
        let found = circumstances::accounts_of(tx, &customers).await?;
        let mut wanted: BTreeSet<Lane> = found.iter().map(|(_, lane, _)| *lane).collect();
        wanted.extend(told.iter().filter_map(Told::bill).map(|bill| bill.lane));
        for heard in heard() {
            wanted.insert(db.lanes().of(heard.customer.as_str()));
            wanted.extend(heard.new_owner().map(|to| db.lanes().of(to.as_str())));
        }
        let lanes: Vec<Lane> = wanted.iter().copied().collect();
        lanes::lock(tx, &lanes).await?;
        // Again: others may have been opened while the lanes were awaited.
        let mut accounts: HashMap<String, Vec<(Lane, AccountId)>> = HashMap::new();
        for (customer, lane, id) in circumstances::accounts_of(tx, &customers).await? {
            if !wanted.contains(&lane) {
                return Ok(None);
            }
            accounts.entry(customer).or_default().push((lane, id));
        }
        for heard in heard() {
            // One that a bill of this batch opens is not there yet.
            let own = account_of(&heard.customer);
            let known = accounts.entry(heard.customer.to_string()).or_default();
            if !known.iter().any(|(_, id)| *id == own) {
                known.push((db.lanes().of(own.as_str()), own));
            }
        }
        Ok(Some(Self {
            db,
            lanes: wanted,
            accounts,
        }))
    }

    /// Returns the accounts of bills that are still to be opened.
    async fn strangers(&self, tx: &mut Tx, told: &[Told]) -> Result<Vec<AccountId>, SqlError> {
        let bills = told.iter().filter_map(Told::bill);
        let wanted: BTreeMap<&str, (Lane, &AccountId)> = bills
            .map(|bill| (bill.account.as_str(), (bill.lane, &bill.account)))
            .collect();
        let wanted: Vec<(Lane, &AccountId)> = wanted.into_values().collect();
        let known: HashSet<String> = accounts::existing(tx, &wanted).await?;
        let unknown = wanted.into_iter().map(|(_, id)| id);
        let unknown = unknown.filter(|id| !known.contains(id.as_str()));
        Ok(unknown.cloned().collect())
    }

    /// Does what is told, that of each customer in its sequence.
    async fn take(
        &mut self,
        tx: &mut Tx,
        clock: &dyn Clock,
        rules: &Rules,
        told: &[Told],
    ) -> Result<Vec<Outcome>, SqlError> {
        let mut outcomes: Vec<Option<Outcome>> = told.iter().map(|_| None).collect();
        for (turn, places) in turns(told).into_iter().enumerate() {
            let here = || places.iter().map(|place| &told[*place]);
            if turn % 2 == 0 {
                let heard: Vec<&Heard> = here().filter_map(Told::news).collect();
                self.hear(tx, clock, rules, &heard).await?;
            } else {
                let bills: Vec<Happened> = here().filter_map(Told::bill).cloned().collect();
                let earned = earning::earn(tx, self.db, clock, rules, &bills).await?;
                for (place, outcome) in places.iter().zip(earned) {
                    outcomes[*place] = Some(outcome);
                }
            }
        }
        Ok(outcomes.into_iter().flatten().collect())
    }

    /// Learns news, and does with the accounts of their customers what follows.
    async fn hear(
        &mut self,
        tx: &mut Tx,
        clock: &dyn Clock,
        rules: &Rules,
        heard: &[&Heard],
    ) -> Result<(), SqlError> {
        if heard.is_empty() {
            return Ok(());
        }
        let customers = heard.iter().map(|it| &it.customer);
        let owners = heard.iter().filter_map(|it| it.new_owner());
        let customers = customers.chain(owners.clone());
        let mut desk = self.desk(tx, clock, rules, customers).await?;
        desk.load(tx, owners.map(|to| self.place(to)).collect())
            .await?;
        for heard in heard {
            let known = desk.known.entry(heard.customer.to_string()).or_default();
            let before = known.clone();
            if !known.learn(&heard.news) {
                continue;
            }
            let after = known.clone();
            desk.learnt(heard);
            for (_, id) in &self.accounts[heard.customer.as_str()] {
                let Some((account, rules)) = desk.account(id, &heard.customer) else {
                    continue;
                };
                let policies = &rules.programme.policies;
                let effects = effects((&before, &after), &heard.news, account, policies);
                for effect in effects {
                    self.act(tx, &mut desk, (id, &heard.source), effect).await?;
                }
            }
        }
        desk.close(tx, self.db).await
    }

    fn place(&self, customer: &CustomerId) -> Place {
        let account = account_of(customer);
        let lane = self.db.lanes().of(account.as_str());
        Place { lane, account }
    }

    async fn desk(
        &self,
        tx: &mut Tx,
        clock: &dyn Clock,
        rules: &Rules,
        customers: impl Iterator<Item = &CustomerId>,
    ) -> Result<Desk, SqlError> {
        let customers: BTreeSet<&CustomerId> = customers.collect();
        let (ledger, epoch) = transact::lock(tx, &self.lanes, &mut Memory::none()).await?;
        let lane = |customer: &CustomerId| self.db.lanes().of(customer.as_str());
        let wanted: Vec<(Lane, &CustomerId)> = customers.iter().map(|it| (lane(it), *it)).collect();
        let mut desk = Desk {
            catalogue: rules.under_lock(tx, epoch).await?,
            ledger,
            now: clock.now(),
            known: circumstances::load(tx, &wanted).await?,
            learnt: BTreeMap::new(),
        };
        let accounts = customers
            .iter()
            .filter_map(|it| self.accounts.get(it.as_str()));
        let accounts = accounts.flatten().cloned();
        let places = accounts.map(|(lane, account)| Place { lane, account });
        desk.load(tx, places.collect()).await?;
        Ok(desk)
    }

    async fn act(
        &self,
        tx: &mut Tx,
        desk: &mut Desk,
        (id, source): (&AccountId, &str),
        effect: Effect,
    ) -> Result<(), SqlError> {
        let order = order_of_news(source);
        let lane = self.db.lanes().of(id.as_str());
        match effect {
            Effect::Block(block) => desk.decide(lane, id, Command::Block { block, order }),
            Effect::Unblock(block) => desk.decide(lane, id, Command::Unblock { block, order }),
            Effect::Void if desk.has_something(id) => {
                desk.decide(lane, id, Command::Void { order });
            }
            Effect::Void => {}
            Effect::VoidFrom(at) => leavers::note(tx, (lane, id), at, source).await?,
            Effect::Stay => leavers::forget(tx, (lane, id)).await?,
            Effect::HandOver(to) => desk.hand_over(lane, id, (&to, self.place(&to)), order),
        }
        Ok(())
    }
}

impl Told {
    fn bill(&self) -> Option<&Happened> {
        match self {
            Self::Bill(bill) => Some(bill),
            Self::News(_) => None,
        }
    }

    fn bill_mut(&mut self) -> Option<&mut Happened> {
        match self {
            Self::Bill(bill) => Some(bill),
            Self::News(_) => None,
        }
    }

    fn news(&self) -> Option<&Heard> {
        match self {
            Self::Bill(_) => None,
            Self::News(heard) => Some(heard),
        }
    }

    /// Returns of whom it is told.
    pub(crate) fn customer(&self) -> &str {
        match self {
            Self::Bill(bill) => {
                let first = bill.formerly.first().map(|(_, account)| account);
                first.unwrap_or(&bill.account).as_str()
            }
            Self::News(heard) => heard.customer.as_str(),
        }
    }
}

impl Heard {
    fn new_owner(&self) -> Option<&CustomerId> {
        match &self.news {
            News::Subscription { transferred_to, .. } => transferred_to.as_ref(),
            News::Payment { .. } => None,
        }
    }
}

/// Returns the account that bills of a customer earn for.
fn account_of(customer: &CustomerId) -> AccountId {
    let id = AccountId::parse(customer.as_str());
    id.expect("keys of accounts and customers have one form")
}

/// Sorts what is told into turns, of news and bills by turns, each to be done as sets: what is told of
/// one customer keeps its sequence.
fn turns(told: &[Told]) -> Vec<Vec<usize>> {
    let mut turns: Vec<Vec<usize>> = Vec::new();
    let mut reached: HashMap<&str, usize> = HashMap::new();
    for (place, told) in told.iter().enumerate() {
        let at = reached.entry(told.customer()).or_insert(0);
        let is_bill = usize::from(told.bill().is_some());
        if *at % 2 != is_bill {
            *at += 1;
        }
        if turns.len() <= *at {
            turns.resize(*at + 1, Vec::new());
        }
        turns[*at].push(place);
    }
    turns
}

#[cfg(test)]
mod tests {
    use tenure_core::Timestamp;

    use super::*;
    use crate::domain::{Event, EventKind, Facts};

    fn bill(customer: &str) -> Told {
        let event = Event {
            kind: EventKind::Bill,
            id: "B".into(),
            at: 0,
            paid: 0,
            parts: Vec::new(),
            code: String::new(),
            referred: String::new(),
        };
        Told::Bill(Box::new(Happened {
            lane: 0,
            account: AccountId::parse(customer).unwrap(),
            event,
            facts: Facts::default(),
            open: true,
            joined_at: None,
            formerly: Vec::new(),
        }))
    }

    fn news(customer: &str) -> Told {
        Told::News(Heard {
            customer: CustomerId::parse(customer).unwrap(),
            news: News::Payment {
                in_arrears: true,
                since: Timestamp::MIN,
            },
            source: String::new(),
        })
    }

    #[test]
    fn what_is_told_of_one_customer_keeps_its_sequence() {
        let told = [
            bill("a"),
            news("b"),
            news("a"),
            bill("b"),
            bill("a"),
            bill("a"),
        ];
        let wanted: [&[usize]; 4] = [&[1], &[0, 3], &[2], &[4, 5]];
        assert_eq!(turns(&told), wanted);
    }
}
