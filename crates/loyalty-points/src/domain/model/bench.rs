//! A few accounts under test, stored between batches as the database would store them.

use std::collections::BTreeMap;
use std::sync::Arc;

use tenure_core::{AccountId, CustomerId, Lane, ProgrammeId, RequestId, Span, Timestamp};
use uuid::Uuid;

use super::naive::{Ask, Earning, Fact, Micros, Name, No, Rules};
use crate::domain::{
    Account, Answer, Columns, Command, Decision, Earn, Entry, EntryId, EntryKind, Expiry, Ledger,
    Method, Order, Place, Policies, Programme, Record, Request, StaffOrder, Target, decode_record,
    decode_state, encode_record, encode_state,
};

/// How many accounts there may be: the last ones only by splits.
pub(super) const ACCOUNTS: usize = 5;
/// The lane of each: some in one, some in another.
pub(super) const LANES: [Lane; ACCOUNTS] = [3, 3, 5, 5, 3];
/// For how many months the customers of the first accounts are with the operator.
const JOINED_MONTHS: [Option<i32>; 3] = [Some(7), None, Some(1)];

/// What the rows of the accounts hold.
#[derive(Debug, Default)]
pub(super) struct Bench {
    programme: Option<Programme>,
    heads: BTreeMap<Lane, i64>,
    accounts: BTreeMap<usize, (Account, Vec<u8>)>,
    records: BTreeMap<(Lane, i64), (Columns, Vec<u8>)>,
    pub(super) answered: Vec<(Lane, Request, Answer)>,
    /// The entries that answered, by their number.
    pub(super) answers: Vec<EntryId>,
    pub(super) entries: Vec<Entry>,
}

pub(super) fn at(instant: Micros) -> Timestamp {
    Timestamp::parse("2024-01-01").unwrap() + Span::from_micros(instant)
}

pub(super) fn account(number: usize) -> AccountId {
    AccountId::parse(&format!("A{number}")).unwrap()
}

pub(super) fn number_of(account: &AccountId) -> usize {
    account.as_str()[1..].parse().unwrap()
}

pub(super) fn rules(policies: Policies) -> Rules {
    Rules {
        policies,
        start: at(0),
        expiry: |_| Timestamp::MAX,
    }
}

/// Returns when customers of the accounts that are opened first joined.
pub(super) fn joined() -> impl Iterator<Item = (usize, Option<Timestamp>)> {
    let joined = JOINED_MONTHS.map(|months| months.map(|months| at(0).plus_months(-months)));
    joined.into_iter().enumerate()
}

fn programme(policies: Policies) -> Programme {
    let id = ProgrammeId::parse("default").unwrap();
    Programme {
        id,
        version: "1".into(),
        expiry: Expiry::NEVER,
        policies,
    }
}

pub(super) fn order(number: usize, command: Command, request: u128) -> Order {
    let id = RequestId(Uuid::from_u128(request));
    let fingerprint = format!("{command:?}").into_bytes().into();
    let request = Some(Arc::new(Request {
        id,
        method: Method::EarnPoints,
        fingerprint,
    }));
    Order {
        lane: LANES[number],
        account: account(number),
        request,
        command,
    }
}

fn staff(approver: u8) -> StaffOrder {
    StaffOrder {
        reason: "reason".into(),
        author: "clerk".into(),
        approver: ["", "CLERK", "boss"][usize::from(approver)].into(),
    }
}

fn place(number: usize) -> Place {
    Place {
        lane: LANES[number],
        account: account(number),
    }
}

impl Bench {
    /// Opens the first accounts.
    pub(super) fn open(policies: Policies) -> Self {
        let mut bench = Self {
            programme: Some(programme(policies)),
            ..Self::default()
        };
        for (number, joined_at) in joined() {
            let open = Command::Open {
                customer: CustomerId::parse("ada").unwrap(),
                programme: ProgrammeId::parse("default").unwrap(),
                joined_at,
            };
            bench.run(&[order(number, open, 1 + number as u128)], 0);
        }
        bench
    }

    pub(super) fn programme(&self) -> &Programme {
        self.programme.as_ref().unwrap()
    }

    fn id(&self, number: usize) -> EntryId {
        let unknown = EntryId::new(at(0), 1, 1_000_000);
        self.answers.get(number).copied().unwrap_or(unknown)
    }

    /// Returns the name of a lot in the model.
    pub(super) fn name(&self, lot: EntryId) -> Name {
        let made_by = |id: &EntryId| *id == lot.of_entry();
        let number = self.answers.iter().position(made_by).unwrap();
        let index = (0..64).find(|index| lot.of_entry().of_lot(*index) == lot);
        (number, index.unwrap())
    }

    /// Says a refusal of the model as the rules do.
    pub(super) fn told(&self, no: &No) -> (String, Vec<(String, String)>) {
        let text = |fact: &Fact| match fact {
            Fact::Account(number) => account(*number).to_string(),
            Fact::Answer(number) => self.id(*number).to_string(),
            Fact::Source(source) => format!("source/{source}"),
            Fact::Number(number) => number.to_string(),
            Fact::Instant(instant) => at(*instant).to_string(),
            Fact::Word(word) => word.clone(),
        };
        let facts = no.facts.iter();
        let told = facts.map(|(name, fact)| ((*name).to_owned(), text(fact)));
        (no.reason.to_owned(), told.collect())
    }

    /// Aims at one of the answers so far.
    pub(super) fn aim(&self, ask: Ask) -> Ask {
        let at = |number: usize| number % (self.answers.len() + 1);
        match ask {
            Ask::Confirm(n, points, more) => Ask::Confirm(at(n), points, more),
            Ask::Release(n) => Ask::Release(at(n)),
            Ask::Reverse(n, points) => Ask::Reverse(at(n), points),
            Ask::Activate(n) => Ask::Activate(at(n)),
            Ask::Expire(n) => Ask::Expire(n.map(at)),
            Ask::Reinstate(n) => Ask::Reinstate(at(n)),
            other => other,
        }
    }

    /// Returns the command that asks for the same.
    pub(super) fn command(&self, ask: Ask, now: Micros) -> Command {
        let source = Arc::<str>::from("order");
        let order = staff(0);
        match ask {
            Ask::Earn(asked) => Command::Earn(earn(asked, now)),
            Ask::Redeem(points) => Command::Redeem {
                points,
                source,
                partner: None,
            },
            Ask::Hold(points, lasts) => Command::Hold {
                points,
                source,
                lasts: Span::from_micros(lasts),
                partner: None,
            },
            Ask::Confirm(hold, points, tops_up) => Command::Confirm {
                hold: self.id(hold),
                points,
                tops_up,
                partner: None,
            },
            Ask::Release(hold) => Command::Release {
                hold: self.id(hold),
            },
            Ask::Reverse(entry, points) => Command::Reverse {
                entry: self.id(entry),
                points,
                source,
            },
            Ask::Activate(lot) => Command::Activate { lot: self.id(lot) },
            Ask::Adjust(points, approver) => Command::Adjust {
                points,
                expires_at: None,
                order: staff(approver),
            },
            Ask::Expire(lot) => Command::Expire {
                lot: lot.map(|lot| self.id(lot)),
                order,
            },
            Ask::Reinstate(entry) => Command::Reinstate {
                entry: self.id(entry),
                expires_at: None,
                order,
            },
            Ask::Block(block) => Command::Block { block, order },
            Ask::Unblock(block) => Command::Unblock { block, order },
            Ask::Close => Command::Close { order },
            Ask::Register(recipient, replaces) => Command::Register {
                recipient: account(recipient),
                replaces: replaces.map(account),
            },
            Ask::Give(to, points) => Command::Transfer {
                to: place(to),
                points,
                source,
            },
            Ask::Merge(to) => Command::Merge {
                to: place(to),
                order,
            },
            Ask::Split(to, points) => Command::Split {
                to: place(to),
                customer: None,
                points,
                order,
            },
            ask => self.command_of_pool(ask, now),
        }
    }

    fn command_of_pool(&self, ask: Ask, now: Micros) -> Command {
        match ask {
            Ask::Join(member) => Command::AddMember {
                member: place(member),
            },
            Ask::Contribute(pool, points) => Command::Contribute {
                pool: place(pool),
                points,
                source: "for all of us".into(),
            },
            Ask::RedeemFor(member, points) => Command::ForMember {
                member: account(member),
                command: Box::new(self.command(Ask::Redeem(points), now)),
            },
            _ => unreachable!("the others have nothing to do with pools"),
        }
    }

    /// Decides orders in one transaction and stores what it writes.
    pub(super) fn run(&mut self, orders: &[Order], now: Micros) -> Vec<Decision> {
        let mut ledger = self.load();
        let decided: Vec<Decision> = orders
            .iter()
            .map(|order| ledger.decide(order, at(now), self.programme()))
            .collect();
        let writes = ledger.finish();
        self.heads.extend(writes.heads);
        for account in writes.changed.iter().chain(&writes.opened) {
            let row = (account.clone(), encode_state(account));
            self.accounts.insert(number_of(&account.id), row);
        }
        for (record, request) in &writes.records {
            self.store(record, request.as_deref());
        }
        for (order, decision) in orders.iter().zip(&decided) {
            let (Some(request), Decision::New(answer)) = (&order.request, decision) else {
                continue;
            };
            let answered = (order.lane, (**request).clone(), answer.clone());
            self.answered.push(answered);
            if let Ok(record) = answer
                && let Record::Entry(entry) = &**record
            {
                self.answers.push(entry.id);
            }
        }
        decided
    }

    fn store(&mut self, record: &Record, request: Option<&Request>) {
        let body = encode_record(record, request);
        if let Record::Entry(entry) = record {
            self.entries.push(entry.clone());
        }
        let columns = Columns::of(record);
        let place = (columns.id.lane(), columns.id.seq());
        let stands = self.records.insert(place, (columns, body)).is_some();
        assert!(!stands, "{place:?} stands twice");
    }

    /// Loads everything back from its stored form.
    fn load(&self) -> Ledger {
        let mut ledger = Ledger::default();
        for lane in LANES {
            let head = self.heads.get(&lane).copied();
            ledger.load_head(lane, head.unwrap_or(0));
        }
        for (account, state) in self.accounts.values() {
            ledger.load_account(read_account(account, state));
        }
        for (lane, request, answer) in &self.answered {
            ledger.load_answer(*lane, request.clone(), answer.clone());
        }
        let mut enders: BTreeMap<EntryId, Vec<&Entry>> = BTreeMap::new();
        for entry in &self.entries {
            if let Some(ended) = entry.ends() {
                enders.entry(ended).or_default().push(entry);
            }
        }
        for entry in self.read_entries() {
            if entry.kind == EntryKind::Earn {
                ledger.load_source(entry.account.clone(), &entry.source, entry.id);
            }
            let enders = enders.remove(&entry.id).unwrap_or_default();
            ledger.load_target(Target {
                ended_by: enders.last().map(|by| (by.id, by.kind)),
                reversed: enders.iter().map(|by| by.takes_back().0).sum(),
                entry,
            });
        }
        ledger
    }

    fn read_entries(&self) -> Vec<Entry> {
        let read = |(columns, body): &(Columns, Vec<u8>)| {
            let (record, _) = decode_record(columns.clone(), body).unwrap();
            match record {
                Record::Entry(entry) => Some(entry),
                Record::Opened(_) | Record::Refused(_) | Record::Notice(_) | Record::Stock(_) => {
                    None
                }
            }
        };
        let entries: Vec<Entry> = self.records.values().filter_map(read).collect();
        let mut written: Vec<&Entry> = self.entries.iter().collect();
        written.sort_by_key(|entry| (entry.id.lane(), entry.id.seq()));
        assert_eq!(entries.iter().collect::<Vec<_>>(), written);
        entries
    }

    pub(super) fn state(&self, number: usize) -> Option<&Account> {
        self.accounts.get(&number).map(|(account, _)| account)
    }
}

fn earn(asked: Earning, now: Micros) -> Earn {
    let waits = |waits: Option<Micros>| waits.map_or(Timestamp::MAX, |waits| at(now + waits));
    Earn {
        expires_at: asked.lasts.map(|lasts| at(now + lasts)),
        active_from: asked.waits.map(waits),
        points_type: if asked.special { "promotion" } else { "" }.into(),
        ..Earn::new(asked.points, format!("source/{}", asked.source).into())
    }
}

fn read_account(account: &Account, state: &[u8]) -> Account {
    let mut read = Account {
        created_at: account.created_at,
        updated_at: account.updated_at,
        ..Account::new(
            account.lane,
            account.id.clone(),
            account.customer.clone(),
            account.programme.clone(),
        )
    };
    decode_state(&mut read, state).unwrap();
    assert_eq!(&read, account);
    read
}
