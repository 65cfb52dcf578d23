//! One account under test, stored between batches as the database would store it.

use std::collections::BTreeMap;
use std::sync::Arc;

use tenure_core::{AccountId, CustomerId, Lanes, ProgrammeId, RequestId, Span, Timestamp};
use uuid::Uuid;

use super::naive::{Ask, Second};
use crate::domain::{
    Account, Answer, Columns, Command, Decision, Earn, Entry, EntryId, EntryKind, Expiry, Ledger,
    Method, Order, Policies, Programme, Record, Request, Target, decode_record, decode_state,
    encode_record, encode_state,
};

/// What the rows of one account hold.
#[derive(Debug, Default)]
pub(super) struct Bench {
    head: i64,
    account: Option<(Account, Vec<u8>)>,
    records: BTreeMap<i64, (Columns, Vec<u8>)>,
    pub(super) answered: Vec<(Request, Answer)>,
    /// The entries that answered, by their number.
    pub(super) answers: Vec<EntryId>,
    pub(super) entries: Vec<Entry>,
}

pub(super) fn at(second: Second) -> Timestamp {
    Timestamp::parse("2024-01-01").unwrap() + Span::from_seconds(second)
}

pub(super) fn account() -> AccountId {
    AccountId::parse("ada").unwrap()
}

pub(super) fn programme() -> Programme {
    let id = ProgrammeId::parse("default").unwrap();
    let (points_per_unit, minor_per_unit) = (1, 100);
    Programme {
        id,
        version: "1".into(),
        points_per_unit,
        minor_per_unit,
        expiry: Expiry::Never,
        policies: Policies::default(),
    }
}

pub(super) fn order(command: Command, request: u128) -> Order {
    let id = RequestId(Uuid::from_u128(request));
    let fingerprint = format!("{command:?}").into_bytes().into();
    let request = Some(Arc::new(Request {
        id,
        method: Method::EarnPoints,
        fingerprint,
    }));
    Order {
        lane: Lanes::DEFAULT.of("ada"),
        account: account(),
        request,
        command,
    }
}

impl Bench {
    /// Opens the account.
    pub(super) fn open() -> Self {
        let mut bench = Self::default();
        let customer = CustomerId::parse("ada").unwrap();
        let open = Command::Open {
            customer,
            programme: programme().id,
            joined_at: None,
        };
        bench.run(&[order(open, 1)], 0);
        bench
    }

    fn id(&self, number: usize) -> EntryId {
        let unknown = EntryId::new(at(0), 1, 1_000_000);
        self.answers.get(number).copied().unwrap_or(unknown)
    }

    /// Returns the command that asks for the same.
    pub(super) fn command(&self, ask: Ask, now: Second) -> Command {
        let source = Arc::<str>::from("order");
        match ask {
            Ask::Earn {
                points,
                source,
                lasts,
            } => Command::Earn(Earn {
                expires_at: lasts.map(|lasts| at(now + lasts)),
                ..Earn::new(points, format!("source/{source}").into())
            }),
            Ask::Redeem(points) => Command::Redeem { points, source },
            Ask::Hold(points, lasts) => Command::Hold {
                points,
                source,
                lasts: Span::from_seconds(lasts),
            },
            Ask::Confirm(hold, points) => Command::Confirm {
                hold: self.id(hold),
                points,
                tops_up: false,
            },
            Ask::Release(hold) => Command::Release {
                hold: self.id(hold),
            },
            Ask::Reverse(entry) => Command::Reverse {
                entry: self.id(entry),
                points: None,
                source,
            },
        }
    }

    /// Decides orders in one transaction and stores what it writes.
    pub(super) fn run(&mut self, orders: &[Order], now: Second) -> Vec<Decision> {
        let mut ledger = self.load();
        let decided: Vec<Decision> = orders
            .iter()
            .map(|order| ledger.decide(order, at(now), &programme()))
            .collect();
        let writes = ledger.finish();
        for (_, head) in &writes.heads {
            self.head = *head;
        }
        for account in writes.changed.iter().chain(&writes.opened) {
            self.account = Some((account.clone(), encode_state(account)));
        }
        for (record, request) in &writes.records {
            self.store(record, request.as_deref());
        }
        for (order, decision) in orders.iter().zip(&decided) {
            let (Some(request), Decision::New(answer)) = (&order.request, decision) else {
                continue;
            };
            self.answered.push(((**request).clone(), answer.clone()));
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
        let seq = columns.id.seq();
        assert!(
            self.records.insert(seq, (columns, body)).is_none(),
            "{seq} stands twice"
        );
    }

    /// Loads everything back from its stored form.
    fn load(&self) -> Ledger {
        let mut ledger = Ledger::default();
        let lane = Lanes::DEFAULT.of("ada");
        ledger.load_head(lane, self.head);
        ledger.load_head(1, 0);
        if let Some((account, state)) = &self.account {
            ledger.load_account(self.read_account(account, state));
        }
        for (request, answer) in &self.answered {
            ledger.load_answer(lane, request.clone(), answer.clone());
        }
        for entry in self.read_entries() {
            if entry.kind == EntryKind::Earn {
                ledger.load_source(account(), &entry.source, entry.id);
            }
            let ends = |other: &&Entry| other.ends() == Some(entry.id);
            let enders = self.entries.iter().filter(ends);
            ledger.load_target(Target {
                ended_by: enders.clone().next_back().map(|by| (by.id, by.kind)),
                reversed: enders.map(|by| by.takes_back().0).sum(),
                entry,
            });
        }
        ledger
    }

    fn read_account(&self, account: &Account, state: &[u8]) -> Account {
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

    fn read_entries(&self) -> Vec<Entry> {
        let read = |(columns, body): (&Columns, &Vec<u8>)| {
            let (record, _) = decode_record(columns.clone(), body).unwrap();
            match record {
                Record::Entry(entry) => Some(entry),
                Record::Opened(_) | Record::Refused(_) => None,
            }
        };
        let entries: Vec<Entry> = self
            .records
            .values()
            .filter_map(|(columns, body)| read((columns, body)))
            .collect();
        assert_eq!(entries, self.entries);
        entries
    }

    pub(super) fn state(&self) -> &Account {
        &self.account.as_ref().unwrap().0
    }
}
