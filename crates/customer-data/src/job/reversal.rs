//! Taking imports back, step by step: each step is one transaction, done once, whoever takes it.
//!
//! First go the customers whom the import had made and nobody touched since. Then those who were known
//! before get back what they had; who cannot, because somebody else has it, is looked at again in a further
//! walk, for that one may have it from the same import. A customer is looked at whole, in one step.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tenure_core::{CustomerId, Lane, SubscriptionId};
use tenure_rpc::Lifecycle;
use tenure_sql::{SqlError, feed};
use uuid::Uuid;

use crate::domain::reversal::{Conflict, ConflictReason, Phase, Reversal, Undo, UndoKey};
use crate::domain::{Book, Fact, ImportState, Touched};
use crate::store::Tx;
use crate::store::import_undo::{self, digest};
use crate::{Deps, Error, api, store};

/// How many customers one step looks at: writers wait as long as that takes.
const CUSTOMERS_MAX: i64 = 500;
/// How many imports are taken back at a time.
const REVERSALS_MAX: i64 = 100;
/// Who asked for a reversal goes on with it: this is for those who stopped.
const INTERVAL: Duration = Duration::from_secs(5);

/// Goes on with reversals at every interval until the process drains.
pub(crate) async fn follow(deps: Arc<Deps>, lifecycle: Lifecycle) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            () = lifecycle.draining() => return,
        }
        if let Err(error) = run_all(&deps, &lifecycle).await {
            tracing::warn!(error = %error, "cannot revert imports: {error}");
        }
    }
}

async fn run_all(deps: &Deps, lifecycle: &Lifecycle) -> Result<(), Error> {
    for id in store::reversal::undone(&deps.db, REVERSALS_MAX).await? {
        while !lifecycle.is_draining() {
            if step(deps, id).await?.phase == Phase::Done {
                break;
            }
        }
    }
    Ok(())
}

/// Takes the next step of a reversal and returns how far it is then.
pub(crate) async fn step(deps: &Deps, id: Uuid) -> Result<Reversal, Error> {
    let (lanes, now) = (deps.db.lanes(), deps.clock.now());
    let mut tx = deps.db.begin().await?;
    // What customers have stands in any lane.
    let all: Vec<Lane> = lanes.all().collect();
    feed::lock_lanes(&mut tx, &all).await?;
    let reversal = store::reversal::load(&mut tx, lanes, id).await?;
    let mut reversal = reversal.ok_or_else(|| Error::ImportReversalNotFound(id.to_string()))?;
    if reversal.phase == Phase::Done {
        return Ok(reversal);
    }
    let mut step = Step {
        deps,
        import_id: id,
        lane: reversal.at.0,
        book: Book::open(now),
        conflicts: Vec::new(),
    };
    let last = match reversal.phase {
        Phase::Made => step.take_away(&mut tx, &mut reversal).await?,
        Phase::Later => step.tell_later(&mut tx, &reversal).await?,
        _ => step.give_back(&mut tx, &mut reversal).await?,
    };
    let Step {
        book, conflicts, ..
    } = step;
    store::reversal::note(&mut tx, lanes, id, &conflicts).await?;
    reversal.conflicts += i64::try_from(conflicts.len()).unwrap_or(i64::MAX);
    reversal.advance(last, lanes.count(), now);
    store::reversal::save(&mut tx, lanes, &reversal).await?;
    if reversal.phase == Phase::Done {
        end(&mut tx, deps, id).await?;
    }
    store::removed::delete(&mut tx, lanes, &book).await?;
    api::save(&mut tx, lanes, book).await?;
    tx.commit().await?;
    Ok(reversal)
}

async fn end(tx: &mut Tx, deps: &Deps, id: Uuid) -> Result<(), SqlError> {
    let (lanes, now) = (deps.db.lanes(), deps.clock.now());
    if let Some(mut import) = store::import::load(tx, lanes, id).await? {
        import.state = ImportState::Reverted;
        import.updated_at = now;
        store::import::update(tx, lanes, &import).await?;
    }
    Ok(())
}

/// Some customers of one lane, looked at in one transaction.
struct Step<'a> {
    deps: &'a Deps,
    import_id: Uuid,
    lane: Lane,
    book: Book,
    conflicts: Vec<Conflict>,
}

impl Step<'_> {
    /// Takes away customers whom the import made, and returns the last one it looked at.
    async fn take_away(
        &mut self,
        tx: &mut Tx,
        reversal: &mut Reversal,
    ) -> Result<Option<String>, Error> {
        let from = (self.lane, reversal.at.1.as_str());
        let marked = store::unmade::made(tx, from, self.import_id, CUSTOMERS_MAX).await?;
        let Some(last) = marked.last().map(ToString::to_string) else {
            return Ok(None);
        };
        let mut customers: BTreeSet<CustomerId> = marked.into_iter().collect();
        let undo = import_undo::of_customers(tx, self.lane, &customers, self.import_id).await?;
        let is_known = |undo: &Vec<Undo>| undo.iter().any(|it| it.key == UndoKey::Customer);
        customers.retain(|id| !undo.get(id).is_some_and(is_known));
        let touched = store::unmade::touched(tx, self.lane, &customers).await?;
        self.open(tx, &touched).await?;
        let in_use = store::unmade::in_use(tx, self.lane, &customers).await?;
        let mut facts = self.book.facts_by_customer();
        for customer in &customers {
            let facts = facts.remove(customer).unwrap_or_default();
            let made = undo.get(customer).and_then(|undo| undo.first());
            let reason = if in_use.contains(customer) {
                Some(ConflictReason::InUse)
            } else if self.is_as_made(customer, &facts, made) {
                None
            } else {
                Some(ConflictReason::Changed)
            };
            if let Some(reason) = reason {
                self.conflict(customer, UndoKey::Customer, reason);
                continue;
            }
            self.book.take_away(customer, &facts, self.import_id);
            reversal.removed_customers += 1;
        }
        import_undo::forget(tx, self.lane, &customers, self.import_id).await?;
        Ok(Some(last))
    }

    /// Whether nobody has changed anything of a customer since the import made all of it.
    fn is_as_made(
        &self,
        customer: &CustomerId,
        facts: &[(UndoKey, Fact)],
        made: Option<&Undo>,
    ) -> bool {
        let Some(known) = self.book.customers.get(customer) else {
            return false;
        };
        let made_at = known.created_at;
        let is_of_then = |fact: &Fact| match fact {
            Fact::Subscription(it) => it.updated_at == made_at,
            Fact::Bill(it) => it.updated_at == made_at,
            _ => true,
        };
        known.updated_at == made_at
            && facts.iter().all(|(_, fact)| is_of_then(fact))
            && import_undo::made(facts) == made.map(|made| made.left_as)
    }

    /// Tells of customers whom the import made that they stay because of a later one, and returns the last
    /// of them.
    async fn tell_later(
        &mut self,
        tx: &mut Tx,
        reversal: &Reversal,
    ) -> Result<Option<String>, Error> {
        let from = (self.lane, reversal.at.1.as_str());
        let later = import_undo::taken_in_later(tx, from, self.import_id, CUSTOMERS_MAX).await?;
        for customer in &later {
            self.conflict(customer, UndoKey::Customer, ConflictReason::LaterImport);
        }
        Ok(later.last().map(ToString::to_string))
    }

    /// Gives back to customers what they had before the import, and returns the last one it looked at.
    async fn give_back(
        &mut self,
        tx: &mut Tx,
        reversal: &mut Reversal,
    ) -> Result<Option<String>, Error> {
        let from = (self.lane, reversal.at.1.as_str());
        let customers = import_undo::customers(tx, from, self.import_id, CUSTOMERS_MAX).await?;
        let Some(last) = customers.last().map(ToString::to_string) else {
            return Ok(None);
        };
        let mut customers: BTreeSet<CustomerId> = customers.into_iter().collect();
        let undo = import_undo::of_customers(tx, self.lane, &customers, self.import_id).await?;
        self.open(tx, &touched(&undo)).await?;
        let lanes = self.deps.db.lanes();
        let made = made(&undo);
        let in_use = store::unmade::subscriptions_in_use(tx, lanes, self.import_id, &made).await?;
        let is_last = reversal.phase == Phase::Rest;
        for customer in customers.clone() {
            // Of whom the import made, all is said by now.
            let undo = undo.get(&customer).map_or(&[][..], Vec::as_slice);
            if undo.iter().all(|it| it.key == UndoKey::Made) {
                continue;
            }
            let left = self.give_back_to(&customer, undo, &in_use, is_last, reversal);
            if left {
                reversal.walk_left += 1;
                customers.remove(&customer);
            } else {
                reversal.walk_done += 1;
            }
        }
        import_undo::forget(tx, self.lane, &customers, self.import_id).await?;
        Ok(Some(last))
    }

    /// Gives back to one customer; true when somebody else has something of it still, and this customer is
    /// left as it is for now.
    fn give_back_to(
        &mut self,
        customer: &CustomerId,
        undo: &[Undo],
        in_use: &BTreeSet<(CustomerId, SubscriptionId)>,
        is_last: bool,
        reversal: &mut Reversal,
    ) -> bool {
        let verdicts: Vec<_> = undo.iter().map(|it| self.verdict(it, in_use)).collect();
        if !is_last && verdicts.contains(&Some(ConflictReason::Taken)) {
            return true;
        }
        let mut gone = Vec::new();
        let mut restored = 0;
        for (it, verdict) in undo.iter().zip(verdicts) {
            match verdict {
                Some(reason) => self.conflict(customer, it.key.clone(), reason),
                None => {
                    match it.before {
                        Some(_) => restored += 1,
                        None => gone.push(it.key.clone()),
                    }
                    self.book.give_back(customer, &it.key, it.before.clone());
                }
            }
        }
        reversal.restored_facts += restored;
        reversal.restored_customers += i64::from(restored > 0 || !gone.is_empty());
        reversal.removed_facts += i64::try_from(gone.len()).unwrap_or(i64::MAX);
        if !gone.is_empty() {
            self.book.tell_removal(customer, self.import_id, Some(gone));
        }
        false
    }

    /// Returns why a fact cannot be as it was.
    fn verdict(
        &self,
        undo: &Undo,
        in_use: &BTreeSet<(CustomerId, SubscriptionId)>,
    ) -> Option<ConflictReason> {
        let now_is = self.book.fact(&undo.customer, &undo.key);
        if let (UndoKey::Customer, Some(Fact::Customer(it))) = (&undo.key, &now_is)
            && it
                .import
                .is_none_or(|mark| mark.import_id != self.import_id)
        {
            return Some(ConflictReason::LaterImport);
        }
        if now_is.as_ref().map(digest) != Some(undo.left_as) {
            return Some(ConflictReason::Changed);
        }
        let Some(before) = &undo.before else {
            let UndoKey::Subscription(id) = &undo.key else {
                return None;
            };
            let key = (undo.customer.clone(), id.clone());
            return in_use.contains(&key).then_some(ConflictReason::InUse);
        };
        self.book.is_taken(before).then_some(ConflictReason::Taken)
    }

    async fn open(&mut self, tx: &mut Tx, touched: &Touched) -> Result<(), SqlError> {
        let lanes = self.deps.db.lanes();
        self.book = store::open_book(tx, lanes, touched, &[], self.book.now()).await?;
        Ok(())
    }

    fn conflict(&mut self, customer: &CustomerId, key: UndoKey, reason: ConflictReason) {
        self.conflicts.push(Conflict {
            customer: customer.clone(),
            key,
            reason,
        });
    }
}

/// Returns the keys of all that customers have and had.
fn touched(undo: &BTreeMap<CustomerId, Vec<Undo>>) -> Touched {
    let mut touched = Touched::default();
    for it in undo.values().flatten() {
        let of = it.customer.clone();
        touched.customers.insert(of.clone());
        match &it.key {
            UndoKey::Subscription(id) => drop(touched.subscriptions.insert((of, id.clone()))),
            UndoKey::Bill(id) => drop(touched.bills.insert((of, id.clone()))),
            UndoKey::Interaction(id) => drop(touched.interactions.insert((of, id.clone()))),
            UndoKey::Usage(key) => drop(touched.usage.insert(key.clone())),
            UndoKey::Customer | UndoKey::Made => {}
        }
        match &it.before {
            Some(Fact::Customer(before)) => {
                touched
                    .external_ids
                    .extend(before.external_ids.iter().cloned());
            }
            Some(Fact::Subscription(before)) => touched.numbers.extend(before.msisdn.clone()),
            _ => {}
        }
    }
    touched
}

/// Returns the subscriptions that the import made of customers who were known.
fn made(undo: &BTreeMap<CustomerId, Vec<Undo>>) -> BTreeSet<(CustomerId, SubscriptionId)> {
    let made = undo.values().flatten().filter(|it| it.before.is_none());
    let key = |it: &Undo| match &it.key {
        UndoKey::Subscription(id) => Some((it.customer.clone(), id.clone())),
        _ => None,
    };
    made.filter_map(key).collect()
}
