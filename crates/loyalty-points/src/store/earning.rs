//! Earning by rules: lock, find what is known of the account, evaluate, book, note, promote.

mod facts;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use tenure_core::{AccountId, Clock, Lane, ProgrammeId, Timestamp};
use tenure_sql::{Db, SqlError, SqlErrorKind, Tx};

use super::earned::{self, Body, EarnedEvent};
use super::memory::Memory;
use super::openings::Openings;
use super::rules::Rules;
use super::tiers::{Candidate, Standing, StoredTier};
use super::transact;
use super::{accounts, blocks, entries, tiers};
use crate::domain::{
    Account, BALANCE_MAX, Catalogue, Command, Decision, Direction, Earn, Earning, EntryId, Event,
    EventKind, Facts, Group, InForce, LOTS_MAX, Ledger, Line, Order, ProgrammeRefusal, Record,
    Refusal, WHOLE, customer_of, evaluate,
};

pub(crate) use facts::{add_standing, knowledge};

/// An event of an account.
#[derive(Debug, Clone)]
pub(crate) struct Happened {
    pub(crate) lane: Lane,
    pub(crate) account: AccountId,
    pub(crate) event: Event,
    pub(crate) facts: Facts,
    /// Opens the account when there is none.
    pub(crate) open: bool,
    /// Since when the customer of an account that it opens is there, if that is known.
    pub(crate) joined_at: Option<Timestamp>,
    /// The accounts for which it came, when these were merged into the one that earns: what earned for
    /// them earns no more.
    pub(crate) formerly: Vec<(Lane, AccountId)>,
}

/// What an event earned.
#[derive(Debug, Clone)]
pub(crate) struct Booked {
    pub(crate) programme: ProgrammeId,
    pub(crate) number: i64,
    pub(crate) earning: Earning,
    pub(crate) entries: Vec<Arc<Record>>,
    pub(crate) available: i64,
    pub(crate) tier: String,
}

/// Why an event earned nothing.
#[derive(Debug, Clone)]
pub(crate) enum NotBooked {
    /// The ledger refused.
    Ledger(Refusal),
    /// The programme refused.
    Programme(ProgrammeRefusal),
}

/// What became of an event.
pub(crate) type Outcome = Result<Box<Booked>, NotBooked>;

/// What a batch of events knows and has decided so far.
struct Batch {
    catalogue: Arc<Catalogue>,
    ledger: Ledger,
    now: Timestamp,
    /// The tiers that accounts had before.
    tiers: HashMap<String, StoredTier>,
    known: HashMap<(String, String), Option<EntryId>>,
    /// What rules gave in this batch.
    given: Vec<(AccountId, Timestamp, Line)>,
    noted: Vec<EarnedEvent>,
}

/// Books what events earn, in their sequence, each once.
pub(crate) async fn earn(
    tx: &mut Tx,
    db: &Db,
    clock: &dyn Clock,
    rules: &Rules,
    events: &[Happened],
) -> Result<Vec<Outcome>, SqlError> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let batch = open(tx, db, clock, rules, events).await?;
    book_all(tx, db, batch, events).await
}

async fn book_all(
    tx: &mut Tx,
    db: &Db,
    mut batch: Batch,
    events: &[Happened],
) -> Result<Vec<Outcome>, SqlError> {
    let mut outcomes = Vec::with_capacity(events.len());
    for happened in events {
        let lane_of = |id: &str| db.lanes().of(id);
        outcomes.push(one(tx, &mut batch, happened, lane_of).await?);
    }
    let Batch {
        catalogue,
        ledger,
        now,
        tiers,
        noted,
        ..
    } = batch;
    transact::write(tx, ledger).await?;
    earned::add(tx, &noted).await?;
    promote(tx, (&catalogue, &tiers), now, &noted, &mut outcomes).await?;
    Ok(outcomes)
}

/// Returns the lanes that events may touch: of their accounts, of whom they name as referred, and of
/// the partners whose blocks the rules have points come from.
fn lanes_of(db: &Db, events: &[Happened], known: &Catalogue) -> BTreeSet<Lane> {
    let own = events.iter().map(|event| event.lane);
    let referred = events.iter().map(|event| event.event.referred.as_str());
    let funders = known.funders().map(|partner| db.lanes().of(partner));
    let referred = referred.filter(|id| !id.is_empty());
    own.chain(referred.map(|id| db.lanes().of(id)))
        .chain(funders)
        .collect()
}

async fn open(
    tx: &mut Tx,
    db: &Db,
    clock: &dyn Clock,
    rules: &Rules,
    events: &[Happened],
) -> Result<Batch, SqlError> {
    let known = rules.as_found(tx).await?;
    let wanted = lanes_of(db, events, &known);
    let (mut ledger, epoch) = transact::lock(tx, &wanted, &mut Memory::none()).await?;
    let catalogue = rules.under_lock(tx, epoch).await?;
    let places = blocks::of_partners(&catalogue.partners, catalogue.funders());
    if !places.iter().all(|place| wanted.contains(&place.lane)) {
        // Rules came meanwhile that have points come from blocks: the next attempt knows them.
        let why = "rules of a programme are new";
        return Err(SqlError::new(SqlErrorKind::Busy, why));
    }
    transact::load_blocks(tx, &places, clock.now(), &mut ledger).await?;
    ledger.load_partners(catalogue.partners.clone());
    let ids: BTreeSet<(Lane, &str)> = events
        .iter()
        .map(|event| (event.lane, event.account.as_str()))
        .collect();
    let ids: Vec<(Lane, AccountId)> = ids
        .into_iter()
        .map(|(lane, id)| (lane, AccountId::parse(id).expect("it was one")))
        .collect();
    let ids: Vec<(Lane, &AccountId)> = ids.iter().map(|(lane, id)| (*lane, id)).collect();
    for account in accounts::load(tx, &ids).await? {
        ledger.load_account(account);
    }
    let mut keys: Vec<(Lane, &AccountId, String)> = Vec::with_capacity(events.len());
    let mut remains: HashMap<&str, &AccountId> = HashMap::new();
    for happened in events {
        let (id, account) = (happened.event.business_id(), &happened.account);
        for (lane, former) in &happened.formerly {
            keys.push((*lane, former, id.clone()));
            remains.insert(former.as_str(), account);
        }
        keys.push((happened.lane, account, id));
    }
    let known = earned::known(tx, &keys).await?;
    let known = known.into_iter().map(|(account, event, entry)| {
        let remains = remains.get(account.as_str());
        let account = remains.map_or(account, ToString::to_string);
        ((account, event), entry)
    });
    let known = known.collect();
    welcome(tx, db, events, &mut ledger).await?;
    // What was earned for the same source without rules, too.
    let sources: Vec<(Lane, &AccountId, &str)> = keys
        .iter()
        .map(|(lane, account, source)| (*lane, *account, source.as_str()))
        .collect();
    for (account, source, entry) in entries::sources(tx, &sources).await? {
        let account = remains
            .get(account.as_str())
            .map_or(account, |it| (*it).clone());
        ledger.load_source(account, &source, entry);
    }
    let tiers = if catalogue.has_tiers() {
        tiers::find(tx, &ids).await?
    } else {
        HashMap::new()
    };
    Ok(Batch {
        tiers,
        catalogue,
        ledger,
        now: clock.now(),
        known,
        given: Vec::new(),
        noted: Vec::new(),
    })
}

/// Notes what is known of the customers of accounts that events may open.
async fn welcome(
    tx: &mut Tx,
    db: &Db,
    events: &[Happened],
    ledger: &mut Ledger,
) -> Result<(), SqlError> {
    let openings = events.iter().filter(|event| event.open);
    let openings = openings.map(|event| event.account.clone());
    Openings::own(db.lanes(), openings).load(tx, ledger).await
}

async fn one(
    tx: &mut Tx,
    batch: &mut Batch,
    happened: &Happened,
    lane_of: impl Fn(&str) -> Lane,
) -> Result<Outcome, SqlError> {
    let (event, account) = (&happened.event, &happened.account);
    let source = event.business_id();
    let key = (account.to_string(), source.clone());
    if let Some(entry) = batch.known.get(&key) {
        return Ok(Err(already(&source, *entry)));
    }
    let found = batch.ledger.account(account);
    if found.is_none() && !happened.open {
        let account = account.to_string();
        return Ok(Err(NotBooked::Ledger(Refusal::AccountNotFound { account })));
    }
    let programme = found.map(|account| account.programme.clone());
    let catalogue = batch.catalogue.clone();
    let Some(rules) = catalogue.of_account(programme.as_ref(), batch.now) else {
        return Err(SqlError::corrupt("the default programme has no rules"));
    };
    let facts = facts::facts(tx, batch, happened, rules).await?;
    let earning = evaluate(&rules.version, event, &facts);
    let groups = earning.groups();
    if !groups.is_empty()
        && let Err(refused) = unwelcome(&batch.ledger, happened, rules)
    {
        return Ok(Err(NotBooked::Ledger(refused)));
    }
    if let Some(refused) = room(batch.ledger.account(account), &groups, account) {
        return Ok(Err(NotBooked::Ledger(refused)));
    }
    if let Some(refused) = unfunded(&batch.ledger, &groups, batch.now) {
        return Ok(Err(NotBooked::Ledger(refused)));
    }
    let referral = event.kind == EventKind::Referral && !groups.is_empty();
    let (referred, id) = (event.referred.as_str(), &rules.programme.id);
    if referral && earned::was_referred(tx, lane_of(referred), id, referred).await? {
        let customer = referred.to_owned();
        let refusal = ProgrammeRefusal::AlreadyReferred { customer };
        return Ok(Err(NotBooked::Programme(refusal)));
    }
    let booked = match book(batch, happened, rules, groups) {
        Ok(booked) => booked,
        Err(refusal) => return Ok(Err(NotBooked::Ledger(refusal))),
    };
    // Only now: a refusal must leave no trace.
    if referral {
        let pair = (referred, account);
        earned::refer(tx, lane_of(referred), id, pair, batch.now).await?;
    }
    note(batch, happened, rules, &earning, (&booked, facts));
    let entries = booked.into_iter().map(|(record, _)| record).collect();
    let available = batch.ledger.account(account).map_or(0, Account::available);
    Ok(Ok(Box::new(Booked {
        programme: rules.programme.id.clone(),
        number: rules.number,
        earning,
        entries,
        available,
        tier: String::new(),
    })))
}

fn already(source: &str, entry: Option<EntryId>) -> NotBooked {
    NotBooked::Ledger(Refusal::EventAlreadyEarned {
        source_event: source.to_owned(),
        entry: entry.map(|id| id.to_string()).unwrap_or_default(),
    })
}

/// Refuses before anything is booked what the account could not hold as a whole.
fn room(account: Option<&Account>, groups: &[Group], id: &AccountId) -> Option<Refusal> {
    let points: i64 = groups.iter().map(|group| group.points).sum();
    let (lots, balance) = account.map_or((0, 0), |it| (it.lots.len(), it.balance()));
    let fits = lots + groups.len() <= LOTS_MAX && balance <= BALANCE_MAX - points;
    (!fits).then(|| Refusal::BalanceLimit {
        account: id.to_string(),
    })
}

/// Refuses before anything is booked what a partner does not fund.
fn unfunded(ledger: &Ledger, groups: &[Group], now: Timestamp) -> Option<Refusal> {
    // What a partner funds of one event must be in one of its blocks, so that all of it is booked.
    let mut funded: BTreeMap<&str, i64> = BTreeMap::new();
    for group in groups {
        if let Some((id, _)) = &group.partner {
            *funded.entry(id).or_default() += group.points;
        }
    }
    funded.into_iter().find_map(|(id, points)| {
        let partner = ledger.partners().require(id, Direction::Accrual);
        partner
            .and_then(|partner| ledger.block_for(partner, points, now))
            .err()
    })
}

/// Books one entry for each group under the business id of the event.
fn book(
    batch: &mut Batch,
    happened: &Happened,
    rules: &InForce,
    groups: Vec<Group>,
) -> Result<Vec<(Arc<Record>, Group)>, Refusal> {
    let id = happened.event.business_id();
    if !groups.is_empty() {
        introduce(batch, happened, rules);
    }
    let mut entries = Vec::with_capacity(groups.len());
    for (at, group) in groups.into_iter().enumerate() {
        let source = if at == 0 {
            id.clone()
        } else {
            format!("{id}#{}", at + 1)
        };
        let order = Order {
            lane: happened.lane,
            account: happened.account.clone(),
            request: None,
            command: earning(happened, rules, &group, source),
        };
        match batch.ledger.decide(&order, batch.now, &rules.programme) {
            Decision::New(Ok(record)) => entries.push((record, group)),
            Decision::New(Err(refusal)) => return Err(refusal),
            // They expired before anybody heard of the event: there is nothing to book.
            Decision::ExpiresInThePast => {}
            Decision::Repeated(_) | Decision::Reused { .. } => {
                unreachable!("no request asks for it")
            }
        }
    }
    Ok(entries)
}

/// Refuses to open an account on which nothing may be earned.
fn unwelcome(ledger: &Ledger, happened: &Happened, rules: &InForce) -> Result<(), Refusal> {
    let id = happened.account.clone();
    if ledger.account(&id).is_some() {
        return Ok(());
    }
    let (customer, programme) = (customer_of(&id), rules.programme.id.clone());
    let account = Account::new(happened.lane, id, customer, programme);
    ledger.require_welcome(&account, &rules.programme)
}

/// Opens an account that is not there yet with what is known of its customer.
fn introduce(batch: &mut Batch, happened: &Happened, rules: &InForce) {
    let account = &happened.account;
    if happened.joined_at.is_none() || batch.ledger.account(account).is_some() {
        return;
    }
    let order = Order {
        lane: happened.lane,
        account: account.clone(),
        request: None,
        command: Command::Open {
            customer: customer_of(account),
            programme: rules.programme.id.clone(),
            joined_at: happened.joined_at,
        },
    };
    batch.ledger.decide(&order, batch.now, &rules.programme);
}

/// Returns the command for one group of points.
fn earning(happened: &Happened, rules: &InForce, group: &Group, source: String) -> Command {
    let earned_at = happened.event.at();
    // The programme's own expiry is left to the ledger, which also books what has expired already.
    let usual = rules.programme.expiry.of(earned_at);
    let partner = group.partner.as_ref();
    let (partner, share) = partner.map_or(("", WHOLE), |(id, share)| (id.as_str(), *share));
    Command::Earn(Earn {
        earned_at: Some(earned_at),
        expires_at: Some(group.expires_at).filter(|at| *at != usual),
        active_from: Some(group.active_from),
        points_type: group.points_type.as_str().into(),
        partner: partner.into(),
        share,
        open: happened.open,
        ..Earn::new(group.points, source.into())
    })
}

fn note(
    batch: &mut Batch,
    happened: &Happened,
    rules: &InForce,
    earning: &Earning,
    (booked, facts): (&[(Arc<Record>, Group)], Facts),
) {
    let entry = |(record, group): &(Arc<Record>, Group)| match &**record {
        Record::Entry(entry) => Some((entry.id, group.clone())),
        Record::Opened(_) | Record::Refused(_) | Record::Notice(_) | Record::Stock(_) => None,
    };
    let entries: Vec<(EntryId, Group)> = booked.iter().filter_map(entry).collect();
    let event_id = happened.event.business_id();
    let key = (happened.account.to_string(), event_id.clone());
    batch.known.insert(key, entries.first().map(|(id, _)| *id));
    for line in &earning.lines {
        let at = happened.event.at();
        batch
            .given
            .push((happened.account.clone(), at, line.clone()));
    }
    batch.noted.push(EarnedEvent {
        lane: happened.lane,
        account: happened.account.clone(),
        event_id,
        programme: rules.programme.id.clone(),
        number: rules.number,
        recorded_at: batch.now,
        points: earning.points(),
        qualifying: earning.qualifying(),
        entries,
        body: Body {
            event: happened.event.clone(),
            // What the day had earned before stands in its other events.
            facts: Facts {
                earned_today: Vec::new(),
                ..facts
            },
            lines: earning.lines.clone(),
        },
    });
}

/// Gives tiers that were reached, at once.
async fn promote(
    tx: &mut Tx,
    (catalogue, had): (&Catalogue, &HashMap<String, StoredTier>),
    now: Timestamp,
    noted: &[EarnedEvent],
    outcomes: &mut [Outcome],
) -> Result<(), SqlError> {
    let mut candidates: BTreeMap<&str, Candidate<'_>> = BTreeMap::new();
    for event in noted {
        let rules = catalogue.in_force(&event.programme, now);
        if let Some(rules) = rules
            && let Some(policy) = &rules.version.tiers
        {
            let candidate = Candidate {
                lane: event.lane,
                account: &event.account,
                policy,
                rules,
            };
            candidates.insert(event.account.as_str(), candidate);
        }
    }
    let (ids, candidates): (Vec<&str>, Vec<Candidate<'_>>) = candidates.into_iter().unzip();
    let standings = tiers::evaluate(tx, &candidates, had, now).await?;
    let tier = |standing: Standing| standing.state.map(|state| state.tier).unwrap_or_default();
    let found: HashMap<&str, String> = ids
        .into_iter()
        .zip(standings.into_iter().map(tier))
        .collect();
    let booked = outcomes
        .iter_mut()
        .filter_map(|outcome| outcome.as_mut().ok());
    for (event, booked) in noted.iter().zip(booked) {
        if let Some(tier) = found.get(event.account.as_str()) {
            booked.tier.clone_from(tier);
        }
    }
    Ok(())
}
