//! Which changes a reader wants: by kind, by key, by a share of all keys.

use tenure_core::hash::{fnv1a64, mix64};
use tenure_core::{Lane, Lanes};

/// What a reader wants; the default is everything.
///
/// A position tells how far the feed was looked through with a filter, so it means nothing to
/// another one: [`super::Token`] carries the fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// These kinds; none means all.
    pub kinds: Vec<String>,
    /// These keys; none means all. Only their lanes are looked through.
    pub keys: Vec<String>,
    /// One of several readers who share all keys: which one, of how many. Each key is always the
    /// same reader's.
    pub share: Option<(u32, u32)>,
}

impl Filter {
    /// Returns whether everything is wanted.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self == &Self::default()
    }

    /// Returns what tells this filter from others, whatever the order of its words; 0 for all.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        if self.is_all() {
            return 0;
        }
        let mut text = String::new();
        for words in [&self.kinds, &self.keys] {
            let mut words = words.clone();
            words.sort_unstable();
            words.dedup();
            for word in words {
                text.push_str(&word);
                text.push('\n');
            }
            text.push('\0');
        }
        if let Some((index, count)) = self.share {
            text.push_str(&format!("{index}/{count}"));
        }
        mix64(fnv1a64(text.as_bytes())).max(1)
    }

    /// Returns whether a lane can hold anything that is wanted.
    #[must_use]
    pub fn wants_lane(&self, lanes: Lanes, lane: Lane) -> bool {
        let is_shared = self.share.is_none_or(|(index, count)| {
            u32::try_from(lane).is_ok_and(|lane| lane % count.max(1) == index)
        });
        is_shared && (self.keys.is_empty() || self.keys.iter().any(|key| lanes.of(key) == lane))
    }

    /// Returns whether changes of a kind are wanted.
    #[must_use]
    pub fn wants_kind(&self, kind: &str) -> bool {
        self.kinds.is_empty() || self.kinds.iter().any(|wanted| wanted == kind)
    }

    /// Returns whether changes of a key are wanted.
    #[must_use]
    pub fn wants_key(&self, key: &str) -> bool {
        self.keys.is_empty() || self.keys.iter().any(|wanted| wanted == key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kinds: &[&str], keys: &[&str], share: Option<(u32, u32)>) -> Filter {
        Filter {
            kinds: kinds.iter().map(|it| (*it).to_owned()).collect(),
            keys: keys.iter().map(|it| (*it).to_owned()).collect(),
            share,
        }
    }

    #[test]
    fn filters_that_want_the_same_have_the_same_fingerprint_and_others_another() {
        let one = of(&["a", "b"], &["x"], None).fingerprint();
        assert_eq!(one, of(&["b", "a", "a"], &["x"], None).fingerprint());
        let others = [
            of(&["a"], &["x"], None),
            of(&["a", "b", "x"], &[], None),
            of(&["a", "b"], &["x"], Some((0, 2))),
            of(&["a", "b"], &["x"], Some((1, 2))),
            Filter::default(),
        ];
        assert!(others.iter().all(|other| other.fingerprint() != one));
        assert_eq!(Filter::default().fingerprint(), 0);
    }

    #[test]
    fn the_readers_of_all_shares_read_each_lane_once() {
        let lanes = Lanes::DEFAULT;
        for count in 1..=5 {
            for lane in lanes.all() {
                let readers = (0..count)
                    .filter(|index| of(&[], &[], Some((*index, count))).wants_lane(lanes, lane));
                assert_eq!(readers.count(), 1, "lane {lane} of {count} readers");
            }
        }
    }

    #[test]
    fn only_the_lanes_of_the_keys_are_wanted() {
        let lanes = Lanes::DEFAULT;
        let wanted = of(&[], &["ada", "bob"], None);
        for lane in lanes.all() {
            let is_one = lane == lanes.of("ada") || lane == lanes.of("bob");
            assert_eq!(wanted.wants_lane(lanes, lane), is_one);
        }
    }
}
