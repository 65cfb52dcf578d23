//! What a committer remembers from one transaction to the next: accounts as it left them.
//!
//! Every writer moves a lane's number on under the lane's lock, with whatever it changes in it. So
//! what is remembered of a lane is true as long as the lane still has the number it had then; under
//! another number somebody else wrote, and all of the lane is forgotten. Replicas and jobs need not
//! know of each other.
//!
//! Rules, tiers and the events that earned change without a lane's number, and so none of them may
//! ever be part of what is remembered here: rules have an epoch, the others are read under the lock.

use std::collections::{BTreeMap, HashMap, HashSet};

use tenure_core::{AccountId, Lane};

use crate::domain::Account;

/// For how many batches requests are looked up after one of them was a repeat: repeats come
/// together, after a restart or a broken connection.
const SUSPICIOUS_BATCHES: u32 = 16;

/// What one committer remembers. Dropping all of it costs nothing but time.
#[derive(Debug)]
pub(crate) struct Memory {
    lanes: BTreeMap<Lane, Remembered>,
    /// The most accounts of a generation of one lane.
    generation_max: usize,
    suspicious_for: u32,
}

/// Accounts as they are while their lanes have these numbers.
pub(super) struct Remembrance {
    pub(super) accounts: Vec<Account>,
    pub(super) heads: BTreeMap<Lane, i64>,
}

/// Two generations of accounts: what is used moves into the younger one; when that is full, the
/// older one is dropped and the younger takes its place.
#[derive(Debug, Default)]
struct Remembered {
    head: i64,
    younger: HashMap<AccountId, Account>,
    older: HashMap<AccountId, Account>,
}

impl Memory {
    /// Remembers up to about `accounts_max` accounts of `lanes` lanes.
    pub(crate) fn new(accounts_max: usize, lanes: usize) -> Self {
        Self {
            lanes: BTreeMap::new(),
            generation_max: accounts_max / lanes.max(1) / 2,
            suspicious_for: 0,
        }
    }

    /// Remembers nothing: for writers that come rarely.
    pub(crate) fn none() -> Self {
        Self::new(0, 1)
    }

    /// Tells what number a lane has, under its lock.
    pub(super) fn meet(&mut self, lane: Lane, head: i64) {
        let remembered = self.lanes.entry(lane).or_default();
        if remembered.head != head {
            *remembered = Remembered {
                head,
                ..Remembered::default()
            };
        }
    }

    /// Takes all of these accounts out, with the numbers of their lanes, if it remembers every one.
    pub(super) fn take_all(&mut self, wanted: &HashSet<(Lane, &AccountId)>) -> Option<Remembrance> {
        let knows = |(lane, id): &(Lane, &AccountId)| {
            let remembered = self.lanes.get(lane)?;
            (remembered.younger.contains_key(*id) || remembered.older.contains_key(*id))
                .then_some((*lane, remembered.head))
        };
        let heads: BTreeMap<Lane, i64> = wanted.iter().map(knows).collect::<Option<_>>()?;
        let taken = wanted.iter().filter_map(|(lane, id)| self.take(*lane, id));
        Some(Remembrance {
            accounts: taken.collect(),
            heads,
        })
    }

    /// Takes an account out; whoever commits gives it back.
    pub(super) fn take(&mut self, lane: Lane, id: &AccountId) -> Option<Account> {
        let remembered = self.lanes.get_mut(&lane)?;
        let younger = remembered.younger.remove(id);
        younger.or_else(|| remembered.older.remove(id))
    }

    /// Keeps accounts as a commit left them, under the numbers that their lanes have now.
    pub(super) fn keep(&mut self, heads: &[(Lane, i64)], accounts: Vec<Account>) {
        for (lane, head) in heads {
            self.lanes.entry(*lane).or_default().head = *head;
        }
        for account in accounts {
            let remembered = self.lanes.entry(account.lane).or_default();
            if remembered.younger.len() >= self.generation_max {
                remembered.older = std::mem::take(&mut remembered.younger);
            }
            if self.generation_max > 0 {
                remembered.younger.insert(account.id.clone(), account);
            }
        }
    }

    /// Returns true while every request may be taken for a new one.
    pub(super) fn trusts(&mut self) -> bool {
        let trusts = self.suspicious_for == 0;
        self.suspicious_for = self.suspicious_for.saturating_sub(1);
        trusts
    }

    /// Notes that a request came again.
    pub(super) fn distrust(&mut self) {
        self.suspicious_for = SUSPICIOUS_BATCHES;
    }
}

#[cfg(test)]
mod tests {
    use tenure_core::{CustomerId, ProgrammeId};

    use super::*;

    fn account(id: &str) -> Account {
        let key = "operator";
        Account::new(
            3,
            AccountId::parse(id).unwrap(),
            CustomerId::parse(key).unwrap(),
            ProgrammeId::parse(key).unwrap(),
        )
    }

    fn knows(memory: &mut Memory, id: &str) -> bool {
        memory.take(3, &AccountId::parse(id).unwrap()).is_some()
    }

    #[test]
    fn a_lane_that_somebody_else_moved_on_is_forgotten() {
        let mut memory = Memory::new(100, 1);
        memory.keep(&[(3, 7)], vec![account("ada"), account("bob")]);

        memory.meet(3, 7);
        assert!(knows(&mut memory, "ada"));
        memory.meet(3, 8);
        assert!(!knows(&mut memory, "bob"));
    }

    #[test]
    fn an_account_that_was_taken_is_unknown_until_it_is_given_back() {
        let mut memory = Memory::new(100, 1);
        memory.keep(&[(3, 7)], vec![account("ada")]);

        assert!(knows(&mut memory, "ada"));
        assert!(!knows(&mut memory, "ada"));
    }

    #[test]
    fn what_was_used_longest_ago_is_forgotten_first() {
        let mut memory = Memory::new(8, 1);
        for n in 0..8 {
            memory.keep(&[(3, n)], vec![account(&format!("A{n}"))]);
        }
        // The first generation is full of A0 to A3; using A0 moves it into the next one.
        let used = memory.take(3, &AccountId::parse("A0").unwrap()).unwrap();
        memory.keep(&[(3, 9)], vec![used]);

        assert!(!knows(&mut memory, "A1"));
        assert!(knows(&mut memory, "A0"));
        assert!(knows(&mut memory, "A7"));
    }

    #[test]
    fn after_a_repeat_some_batches_are_looked_up() {
        let mut memory = Memory::none();
        assert!(memory.trusts());
        memory.distrust();
        let doubted = (0..100).filter(|_| !memory.trusts()).count();
        assert_eq!(doubted, 16);
    }
}
