//! One client: accounts of its own, a model of them, and one command after the other.
//!
//! Nobody else touches these accounts, so the model knows every answer, however many clients there
//! are and whichever replica is asked.

use std::collections::BTreeMap;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tenure_core::{Span, Timestamp};
use tenure_proto::loyalty::v1::*;
use tenure_rpc::fields;
use tenure_sql::Db;
use uuid::Uuid;

use super::ask::{self, ACCOUNTS, JOINED_MONTHS};
use super::call::{Answer, Call, Client, Done, Refused, insist};
use super::request::Asker;
use super::tally::Tally;
use crate::domain::{EntryKind, Policies};
use crate::naive::{Ask, Fact, Micros, Model, Movement, Name, No, Rules, Said};

/// How many calls are remembered, to be repeated.
const PAST_MAX: usize = 60;
/// Numbers of answers that there will never be.
const UNKNOWN: usize = 1_000_000;

/// What differs from the model, in words.
pub(crate) type Disagreement = String;

/// A client's accounts and what was asked of them.
#[derive(Debug)]
pub(crate) struct Story {
    pub(super) name: String,
    pub(super) model: Model,
    pub(super) random: SmallRng,
    pub(super) start: Timestamp,
    /// The entries that answered, by their number.
    pub(super) entries: Vec<Entry>,
    numbers: BTreeMap<String, usize>,
    past: Vec<(Call, Answer)>,
    pub(crate) steps: usize,
    pub(crate) tally: Tally,
}

/// What all stories of a run have in common.
#[derive(Debug, Clone)]
pub(crate) struct Scene {
    pub(crate) db: Db,
    pub(crate) start: Timestamp,
    pub(crate) policies: Policies,
    pub(crate) replicas: Vec<Client>,
}

fn since(start: Timestamp, at: Timestamp) -> Micros {
    at.since(start).as_micros()
}

/// The default programme: points are good to the end of the 36th month.
fn expiry(earned: Timestamp) -> Timestamp {
    earned.month_start().plus_months(36)
}

impl Story {
    /// Opens the first accounts of a client.
    pub(crate) async fn open(
        scene: &Scene,
        name: String,
        seed: u64,
        now: Timestamp,
    ) -> Result<Self, Disagreement> {
        let lanes = scene.db.lanes();
        let id = |number: usize| format!("{name}/{number}");
        let lanes: Vec<_> = (0..ACCOUNTS).map(|number| lanes.of(&id(number))).collect();
        let rules = Rules {
            policies: scene.policies.clone(),
            start: scene.start,
            expiry,
        };
        let mut model = Model::new(rules, &lanes);
        let mut random = SmallRng::seed_from_u64(seed);
        for (number, months) in JOINED_MONTHS.into_iter().enumerate() {
            let joined = now.plus_months(-months);
            let request = CreateAccountRequest {
                request_id: new_id(&mut random),
                account_id: id(number),
                customer_id: format!("customer/{}", id(number)),
                join_time: Some(fields::time(joined)),
                ..CreateAccountRequest::default()
            };
            let client = &scene.replicas[number % scene.replicas.len()];
            let opened = insist!(client, create_account, request).0;
            opened.map_err(|status| format!("{} is not opened: {status:?}", id(number)))?;
            model.open(number, since(scene.start, joined));
        }
        Ok(Self {
            name,
            model,
            random,
            start: scene.start,
            entries: Vec::new(),
            numbers: BTreeMap::new(),
            past: Vec::new(),
            steps: 0,
            tally: Tally::default(),
        })
    }

    pub(super) fn account(&self, number: usize) -> String {
        format!("{}/{number}", self.name)
    }

    pub(super) fn micros(&self, at: Timestamp) -> Micros {
        since(self.start, at)
    }

    /// The id of an answer's entry; one that nobody has for answers that there will never be.
    pub(super) fn id(&self, number: usize) -> String {
        let unknown = || format!("01900000-0000-7000-8000-{number:012x}");
        let known = self.entries.get(number);
        known.map_or_else(unknown, |entry| entry.entry_id.clone())
    }

    /// Returns the name of a lot in the model: the place among the lots of its entry stands in the
    /// last bits of its id.
    pub(super) fn lot(&self, lot: &str) -> Result<Name, Disagreement> {
        let id = Uuid::parse_str(lot).map_err(|_| format!("lot {lot} has no UUID"))?;
        let place = id.as_u128() & 0x3ff;
        let entry = Uuid::from_u128(id.as_u128() - place).to_string();
        let number = self.numbers.get(&entry);
        let number = number.ok_or_else(|| format!("nothing answered made lot {lot}"))?;
        Ok((*number, usize::try_from(place).expect("10 bits")))
    }

    /// Does the next step: a command, some at once, or something that was done before.
    pub(crate) async fn step(
        &mut self,
        replicas: &[Client],
        now: Timestamp,
    ) -> Result<(), Disagreement> {
        self.steps += 1;
        let is_known = !self.past.is_empty();
        match self.random.random_range(0..100) {
            0..10 if is_known => self.repeat(replicas).await,
            10..14 if is_known => self.reuse(replicas).await,
            14..18 => self.independent(replicas, now).await,
            18..22 => self.together(replicas, now).await,
            22..27 => self.twice_at_once(replicas, now).await,
            _ => self.single(replicas, now).await,
        }
    }

    pub(super) fn replica(&mut self, replicas: &[Client]) -> Client {
        replicas[self.random.random_range(0..replicas.len())].clone()
    }

    /// Draws a command, which is not yet asked of the model.
    pub(super) fn draw(&mut self, now: Timestamp) -> (usize, Ask, Call) {
        let account = ask::account(&mut self.random);
        let asked = ask::ask(&mut self.random, account);
        let (account, asked) = match self.random.random_range(0..4) {
            0 => (account, self.model.aim(account, asked)),
            _ => self.aim(account, asked),
        };
        let known = self.entries.len();
        let unknown = |number| {
            if number < known {
                number
            } else {
                UNKNOWN + number
            }
        };
        let ask = match asked {
            Ask::Confirm(n, points, more) => Ask::Confirm(unknown(n), points, more),
            Ask::Release(n) => Ask::Release(unknown(n)),
            Ask::Reverse(n, points) => Ask::Reverse(unknown(n), points),
            Ask::Activate(n) => Ask::Activate(unknown(n)),
            Ask::Expire(n) => Ask::Expire(n.map(unknown)),
            Ask::Reinstate(n) => Ask::Reinstate(unknown(n)),
            other => other,
        };
        let request_id = new_id(&mut self.random);
        let asker = Asker { story: self, now };
        let call = asker.call(account, ask, request_id);
        (account, ask, call)
    }

    /// Aims a command at what there is, if there is anything: an open hold, a recipient, a block.
    fn aim(&mut self, account: usize, asked: Ask) -> (usize, Ask) {
        let shown = self.model.show(account);
        let holds = self.model.show_holds();
        let open: Vec<_> = holds.filter(|hold| hold.end.is_none()).collect();
        match asked {
            Ask::Confirm(_, points, more) if !open.is_empty() => {
                let hold = &open[self.random.random_range(0..open.len())];
                (hold.owner, Ask::Confirm(hold.number, points, more))
            }
            Ask::Release(_) if !open.is_empty() => {
                let hold = &open[self.random.random_range(0..open.len())];
                (hold.owner, Ask::Release(hold.number))
            }
            Ask::Give(_, points) if !shown.recipients.is_empty() => {
                let known = self.random.random_range(0..shown.recipients.len());
                (account, Ask::Give(shown.recipients[known].0, points))
            }
            Ask::Contribute(_, points) if !self.model.pools().is_empty() => {
                let (pool, member) = self.pool();
                (member, Ask::Contribute(pool, points))
            }
            Ask::RedeemFor(_, points) if !self.model.pools().is_empty() => {
                let (pool, member) = self.pool();
                (pool, Ask::RedeemFor(member, points))
            }
            Ask::Unblock(_) if !shown.blocks.is_empty() => (account, Ask::Unblock(shown.blocks[0])),
            asked => (account, self.model.aim(account, asked)),
        }
    }

    /// Draws a pool that there is, and a member.
    fn pool(&mut self) -> (usize, usize) {
        let count = self.model.pools().len();
        self.model.pools()[self.random.random_range(0..count)]
    }

    async fn single(&mut self, replicas: &[Client], now: Timestamp) -> Result<(), Disagreement> {
        let (account, ask, call) = self.draw(now);
        let wanted = self.model.ask(account, ask, self.micros(now));
        let client = self.replica(replicas);
        let answer = call.send(&client).await;
        self.hear(&client, call, answer, &wanted, now).await
    }

    /// Sends one request twice at the same time: one effect, and both are told of it.
    async fn twice_at_once(
        &mut self,
        replicas: &[Client],
        now: Timestamp,
    ) -> Result<(), Disagreement> {
        let (account, ask, call) = self.draw(now);
        let wanted = self.model.ask(account, ask, self.micros(now));
        let (one, other) = (self.replica(replicas), self.replica(replicas));
        let answers = futures_util::join!(call.send(&one), call.send(&other));
        self.tally.at_once += 1;
        let first = match &answers {
            (Ok(one), Ok(_)) if one.replayed => (answers.1, answers.0),
            _ => answers,
        };
        same(&call, &first.0, &first.1)?;
        self.hear(&one, call, first.0, &wanted, now).await
    }

    /// Compares an answer with the model's and remembers it.
    async fn hear(
        &mut self,
        client: &Client,
        call: Call,
        answer: Answer,
        wanted: &Said,
        now: Timestamp,
    ) -> Result<(), Disagreement> {
        let entry = match &answer {
            Ok(done) => Some(find_entry(client, &call, done).await?),
            Err(_) => None,
        };
        self.compare(call, answer, entry, wanted, now)
    }

    /// Compares an answer, of which the entry is known, with the model's and remembers it.
    pub(super) fn compare(
        &mut self,
        call: Call,
        answer: Answer,
        entry: Option<Entry>,
        wanted: &Said,
        now: Timestamp,
    ) -> Result<(), Disagreement> {
        self.tally.command(call.kind(), &answer);
        let found = match (&answer, entry) {
            (Ok(done), Some(entry)) => {
                if done.replayed {
                    return Err(format!("{call:?} is new, and answered as a repeat"));
                }
                self.check_entry(&call, &entry, now)?;
                self.numbers
                    .insert(entry.entry_id.clone(), self.entries.len());
                self.entries.push(entry.clone());
                Ok(self.movement(&entry, done.available)?)
            }
            (Ok(_), None) => return Err(format!("{call:?} was done without an entry")),
            (Err(refused), _) => Err(refused),
        };
        let wanted = wanted.as_ref().map_err(|no| self.told(no));
        let agreed = match (&found, &wanted) {
            (Ok(found), Ok(wanted)) => &found == wanted,
            (Err(found), Err(wanted)) => (&found.reason, &found.facts) == (&wanted.0, &wanted.1),
            _ => false,
        };
        if !agreed {
            return Err(format!("{call:?}\n  found  {found:?}\n  wanted {wanted:?}"));
        }
        if self.past.len() == PAST_MAX {
            let oldest = self.random.random_range(0..PAST_MAX);
            drop(self.past.swap_remove(oldest));
        }
        self.past.push((call, answer));
        Ok(())
    }

    fn check_entry(&self, call: &Call, entry: &Entry, now: Timestamp) -> Result<(), Disagreement> {
        let found = (
            entry.account_id.as_str(),
            entry.request_id.as_str(),
            entry.entry_time,
        );
        let wanted = (
            call.account_id(),
            call.request_id(),
            Some(fields::time(now)),
        );
        if found != wanted {
            return Err(format!(
                "{call:?} is answered for {found:?} instead of {wanted:?}"
            ));
        }
        Ok(())
    }

    /// Says an entry in the words of the model.
    fn movement(&self, entry: &Entry, available: i64) -> Result<Movement, Disagreement> {
        let mut lots = Vec::new();
        for part in &entry.allocations {
            lots.push((self.lot(&part.lot_id)?, part.points_delta));
        }
        lots.sort_unstable();
        let kind = i16::try_from(entry.kind)
            .ok()
            .and_then(EntryKind::from_number);
        Ok(Movement {
            kind: kind.ok_or_else(|| format!("{} has no kind", entry.entry_id))?,
            points: entry.points_delta,
            held: entry.held_points_delta,
            pending: entry.pending_points_delta,
            debt: entry.debt_points_delta,
            available,
            lots,
        })
    }

    /// Says a refusal as the service does.
    fn told(&self, no: &No) -> (String, BTreeMap<String, String>) {
        let facts = no.facts.iter();
        let facts = facts.map(|(name, fact)| ((*name).to_owned(), self.text(fact)));
        (no.reason.to_owned(), facts.collect())
    }

    /// Says a fact as the service does.
    fn text(&self, fact: &Fact) -> String {
        match fact {
            Fact::Account(number) => self.account(*number),
            Fact::Answer(number) => self.id(*number),
            Fact::Source(source) => format!("source/{source}"),
            Fact::Number(number) => number.to_string(),
            Fact::Instant(at) => (self.start + Span::from_micros(*at)).to_string(),
            Fact::Word(word) => word.clone(),
        }
    }

    /// Sends again what was answered before.
    async fn repeat(&mut self, replicas: &[Client]) -> Result<(), Disagreement> {
        let (call, first) = self.past[self.random.random_range(0..self.past.len())].clone();
        let again = call.send(&self.replica(replicas)).await;
        self.tally.repeated += 1;
        same(&call, &first, &again)
    }

    /// Sends something else under a request id that was used.
    async fn reuse(&mut self, replicas: &[Client]) -> Result<(), Disagreement> {
        let (call, _) = self.past[self.random.random_range(0..self.past.len())].clone();
        let (other, field) = call.altered(&mut self.random);
        let answer = other.send(&self.replica(replicas)).await;
        self.tally.reused += 1;
        let wanted = Refused {
            code: tonic::Code::InvalidArgument.into(),
            reason: "REQUEST_ID_REUSED".to_owned(),
            facts: BTreeMap::from([("fields".to_owned(), field.to_owned())]),
        };
        if answer != Err(wanted) {
            return Err(format!(
                "{call:?}\n  was used for {other:?}\n  and answered {answer:?}"
            ));
        }
        Ok(())
    }
}

/// Returns the entry of a call that was done; holds and releases are answered without.
async fn find_entry(client: &Client, call: &Call, done: &Done) -> Result<Entry, Disagreement> {
    if let Some(entry) = &done.entry {
        return Ok(entry.clone());
    }
    let hold = done.hold.as_ref();
    let hold_id = hold.map(|hold| hold.hold_id.clone()).unwrap_or_default();
    let account_id = call.account_id().to_owned();
    let unknown = |status| format!("the entry of {call:?} is not found: {status:?}");
    if let Call::Hold(_) = call {
        let request = GetEntryRequest {
            account_id,
            entry_id: hold_id,
        };
        let found = insist!(client, get_entry, request).0.map_err(unknown)?;
        return found.entry.ok_or_else(|| "no entry".to_owned());
    }
    // Only entries of what is due may be newer.
    let request = ListEntriesRequest {
        account_id,
        page_size: 100,
        ..ListEntriesRequest::default()
    };
    let newest = insist!(client, list_entries, request).0.map_err(unknown)?;
    let mut newest = newest.entries.into_iter();
    let released = newest.find(|entry| entry.request_id == call.request_id());
    released.ok_or_else(|| format!("the entry of {call:?} is not among the newest"))
}

/// Requires the second answer to be the first one, told again. Answers of a batch have more parts.
fn same(call: &Call, first: &Answer, again: &Answer) -> Result<(), Disagreement> {
    let is_same = match (first, again) {
        (Ok(first), Ok(again)) => {
            let same_entry =
                first.entry.is_none() || again.entry.is_none() || first.entry == again.entry;
            let same_hold =
                first.hold.is_none() || again.hold.is_none() || first.hold == again.hold;
            again.replayed && first.available == again.available && same_entry && same_hold
        }
        (first, again) => first == again,
    };
    if is_same {
        return Ok(());
    }
    Err(format!(
        "{call:?}\n  was answered {first:?}\n  and then     {again:?}"
    ))
}

pub(super) fn new_id(random: &mut SmallRng) -> String {
    uuid::Builder::from_random_bytes(random.random())
        .into_uuid()
        .to_string()
}
