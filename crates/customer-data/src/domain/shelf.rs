//! The part of a table that a transaction touches: what was loaded, what became of it, and the way
//! back.

use std::collections::BTreeMap;
use std::ops::RangeBounds;

/// Rows by key, with a journal since the last [`Shelf::keep`].
#[derive(Debug, Clone)]
pub struct Shelf<K, V> {
    slots: BTreeMap<K, Slot<V>>,
    journal: Vec<(K, Slot<V>)>,
}

#[derive(Debug, Clone)]
struct Slot<V> {
    now: Option<V>,
    /// Whether the database has the row.
    is_stored: bool,
    /// Whether the database has another value.
    is_changed: bool,
}

impl<K, V> Default for Shelf<K, V> {
    fn default() -> Self {
        Self {
            slots: BTreeMap::new(),
            journal: Vec::new(),
        }
    }
}

impl<K: Ord + Clone, V> Shelf<K, V> {
    /// Puts a row there as the database has it.
    pub fn load(&mut self, key: K, value: V) {
        let slot = Slot {
            now: Some(value),
            is_stored: true,
            is_changed: false,
        };
        self.slots.insert(key, slot);
    }

    /// Returns a row as it is now.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<&V> {
        self.slots.get(key)?.now.as_ref()
    }

    /// Returns the rows of a range of keys as they are now.
    pub fn range(&self, range: impl RangeBounds<K>) -> impl Iterator<Item = (&K, &V)> {
        self.slots
            .range(range)
            .filter_map(|(key, slot)| Some((key, slot.now.as_ref()?)))
    }

    /// Sets a row.
    pub fn put(&mut self, key: K, value: V) {
        self.replace(key, Some(value));
    }

    /// Removes a row.
    pub fn remove(&mut self, key: K) {
        self.replace(key, None);
    }

    fn replace(&mut self, key: K, now: Option<V>) {
        let absent = Slot {
            now: None,
            is_stored: false,
            is_changed: false,
        };
        let slot = self.slots.entry(key.clone()).or_insert(absent);
        let next = Slot {
            now,
            is_stored: slot.is_stored,
            is_changed: true,
        };
        self.journal.push((key, std::mem::replace(slot, next)));
    }

    /// Makes what happened since the last call final.
    pub fn keep(&mut self) {
        self.journal.clear();
    }

    /// Undoes what happened since the last [`Self::keep`].
    pub fn undo(&mut self) {
        while let Some((key, slot)) = self.journal.pop() {
            self.slots.insert(key, slot);
        }
    }

    /// Returns the rows that the database has to take in.
    pub fn written(&self) -> impl Iterator<Item = (&K, &V)> {
        let changed = self.slots.iter().filter(|(_, slot)| slot.is_changed);
        changed.filter_map(|(key, slot)| Some((key, slot.now.as_ref()?)))
    }

    /// Returns the rows that the database has to take in: those that it does not have, and those that it
    /// has otherwise, each as `row` shows it.
    pub fn saved<'a, R>(&'a self, row: impl Fn(&'a K, &'a V) -> R) -> (Vec<R>, Vec<R>) {
        let (mut created, mut changed) = (Vec::new(), Vec::new());
        for (key, slot) in self.slots.iter().filter(|(_, slot)| slot.is_changed) {
            if let Some(now) = &slot.now {
                let rows = if slot.is_stored {
                    &mut changed
                } else {
                    &mut created
                };
                rows.push(row(key, now));
            }
        }
        (created, changed)
    }

    /// Returns the keys of the rows that the database has to delete.
    pub fn removed(&self) -> impl Iterator<Item = &K> {
        let gone = |slot: &Slot<V>| slot.is_changed && slot.is_stored && slot.now.is_none();
        self.slots
            .iter()
            .filter(move |(_, slot)| gone(slot))
            .map(|(key, _)| key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(shelf: &Shelf<&'static str, i32>) -> Vec<(&'static str, i32)> {
        shelf.written().map(|(key, value)| (*key, *value)).collect()
    }

    #[test]
    fn what_is_undone_is_as_it_was() {
        let mut shelf = Shelf::default();
        shelf.load("a", 1);
        shelf.put("a", 2);
        shelf.keep();

        shelf.put("a", 3);
        shelf.remove("a");
        shelf.put("b", 4);
        shelf.undo();

        assert_eq!(shelf.get(&"a"), Some(&2));
        assert_eq!(written(&shelf), [("a", 2)]);
        assert_eq!(shelf.removed().count(), 0);
    }

    #[test]
    fn only_rows_that_the_database_has_are_deleted() {
        let mut shelf = Shelf::default();
        shelf.load("a", 1);

        shelf.remove("a");
        shelf.put("b", 2);
        shelf.remove("b");

        assert!(written(&shelf).is_empty());
        assert_eq!(shelf.removed().copied().collect::<Vec<_>>(), ["a"]);
    }
}
