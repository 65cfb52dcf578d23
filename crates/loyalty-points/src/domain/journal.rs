//! Where decisions are written down as they are made: numbers, balances and the chain of an account.

use std::sync::{Arc, LazyLock};

use tenure_core::{AccountId, Lane, RequestId, Timestamp};

use super::account::Account;
use super::entry::{Allocation, Entry, EntryKind, HoldFacts, Note, Peer, Reversal};
use super::entry_id::EntryId;
use super::partner::PartnerNote;
use super::programme::Programme;

/// The records of one lane that one transaction adds, in order.
#[derive(Debug)]
pub struct Journal<'j> {
    lane: Lane,
    head: i64,
    now: Timestamp,
    programme: &'j Programme,
    entries: Vec<Entry>,
}

/// What an entry says beyond the state of its account.
#[derive(Debug)]
pub(super) struct Movement {
    pub(super) kind: EntryKind,
    pub(super) points: i64,
    pub(super) held: i64,
    pub(super) allocations: Vec<Allocation>,
    pub(super) source: Arc<str>,
    pub(super) hold: Option<HoldFacts>,
    pub(super) pending: i64,
    pub(super) debt: i64,
    pub(super) reversal: Option<Box<Reversal>>,
    pub(super) peer: Option<Box<Peer>>,
    pub(super) note: Option<Box<Note>>,
}

impl Movement {
    pub(super) fn new(kind: EntryKind, points: i64, held: i64) -> Self {
        static NOTHING: LazyLock<Arc<str>> = LazyLock::new(|| "".into());
        let (allocations, source) = (Vec::new(), NOTHING.clone());
        Self {
            kind,
            points,
            held,
            allocations,
            source,
            hold: None,
            pending: 0,
            debt: 0,
            reversal: None,
            peer: None,
            note: None,
        }
    }
}

impl<'j> Journal<'j> {
    /// Creates a journal that goes on after the number `head` of `lane`.
    #[must_use]
    pub fn new(lane: Lane, head: i64, now: Timestamp, programme: &'j Programme) -> Self {
        Self {
            lane,
            head,
            now,
            programme,
            entries: Vec::new(),
        }
    }

    /// Returns the rules under which the entries are written.
    #[must_use]
    pub fn programme(&self) -> &'j Programme {
        self.programme
    }

    /// Returns the id that the next entry will have: that of the lot or hold it makes, too.
    #[must_use]
    pub fn next_id(&self) -> EntryId {
        EntryId::new(self.now, self.lane, self.head + 1)
    }

    /// Returns the entries written so far.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns an entry that was written here, to say more in it.
    pub(super) fn entry_mut(&mut self, index: usize) -> &mut Entry {
        &mut self.entries[index]
    }

    /// Returns the entry that was written last, of which there is one.
    pub(super) fn last_mut(&mut self) -> &mut Entry {
        self.entries.last_mut().expect("an entry was written")
    }

    /// Returns the last number so far.
    #[must_use]
    pub fn head(&self) -> i64 {
        self.head
    }

    /// Ends the journal: its entries and its last number.
    #[must_use]
    pub fn finish(self) -> (Vec<Entry>, i64) {
        (self.entries, self.head)
    }

    /// Writes a movement down that `account` has made already, at `at`.
    pub(super) fn write(&mut self, account: &mut Account, at: Timestamp, movement: Movement) {
        let id = self.next_id();
        self.head += 1;
        account.entries += 1;
        account.updated_at = at;
        let (available, balance) = (account.available(), account.balance());
        self.entries.push(Entry {
            id,
            account: account.id.clone(),
            number: account.entries,
            kind: movement.kind,
            points: movement.points,
            held: movement.held,
            balance,
            available,
            allocations: movement.allocations,
            request: None,
            source: movement.source,
            hold: movement.hold,
            pending: movement.pending,
            debt: movement.debt,
            reversal: movement.reversal,
            peer: movement.peer,
            note: movement.note,
            partner: None,
            stock: None,
            reward: None,
            decided_at: at,
            recorded_at: self.now,
            version: self.programme.version.clone(),
            previous: account.last_seq,
        });
        account.last_seq = self.head;
    }

    /// Names the member of a pool for whom the last entry was written.
    pub(super) fn name_member(&mut self, member: &AccountId) {
        if let Some(entry) = self.entries.last_mut() {
            entry.peer = Some(Box::new(Peer {
                account: member.clone(),
                entry: None,
            }));
        }
    }

    /// Notes which partner the entry at `index` touches.
    pub(super) fn note_partner(&mut self, index: usize, partner: Option<PartnerNote>) {
        self.entries[index].partner = partner.map(Box::new);
    }

    /// Makes the entry at `index` the answer to `request`, with what can be spent when all is done.
    pub(super) fn answer(&mut self, index: usize, request: Option<RequestId>, account: &Account) {
        self.entries[index].request = request;
        self.entries[index].available = account.available();
    }
}
