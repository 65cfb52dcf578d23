//! Which customers a policy takes for one, over a whole base: numbers and fingerprints alone, so that
//! memory is bounded by what [`Census`] and [`ENTRIES_MAX`] say.

use std::collections::{BTreeMap, BTreeSet};

use tenure_core::{CustomerId, Lane};

use super::policy::Fingerprint;
use super::{Components, Rules};

/// The most fingerprints that are held at once, 24 bytes each: a base with more is walked several
/// times, each time for a share of them.
pub const ENTRIES_MAX: usize = 4_000_000;
/// The most pairs that a policy may find: one that finds more says nothing of persons.
pub const PAIRS_MAX: usize = 2_000_000;
/// The most members of a component in quarantine that are named.
pub const NAMED_MAX: usize = 1_000;

/// All ids of a base as numbers in the order of lanes and ids: their bytes and 4 more for each.
#[derive(Debug, Default)]
pub struct Census {
    bytes: String,
    ends: Vec<u32>,
    /// From which number on a lane's are.
    lanes: Vec<(Lane, u32)>,
}

impl Census {
    /// Adds the next id. Lanes and the ids of each come in ascending order. Nothing when there are
    /// more than can be counted.
    pub fn push(&mut self, lane: Lane, id: &CustomerId) -> Option<u32> {
        let number = u32::try_from(self.ends.len()).ok()?;
        if self.lanes.last().is_none_or(|(last, _)| *last != lane) {
            self.lanes.push((lane, number));
        }
        self.bytes.push_str(id.as_str());
        self.ends.push(u32::try_from(self.bytes.len()).ok()?);
        Some(number)
    }

    /// Returns how many there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        u32::try_from(self.ends.len()).expect("counted when added")
    }

    /// Returns the id of a number.
    #[must_use]
    pub fn id(&self, number: u32) -> &str {
        let at = number as usize;
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start as usize..self.ends[at] as usize]
    }

    /// Returns the number of an id; nothing when it was not there.
    #[must_use]
    pub fn find(&self, lane: Lane, id: &CustomerId) -> Option<u32> {
        let at = self
            .lanes
            .binary_search_by_key(&lane, |(lane, _)| *lane)
            .ok()?;
        let mut low = self.lanes[at].1;
        let mut high = self
            .lanes
            .get(at + 1)
            .map_or(self.count(), |(_, start)| *start);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.id(middle).cmp(id.as_str()) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Some(middle),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }
}

/// That a customer says something for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The place of the key in the policy.
    pub key: u8,
    /// What is said.
    pub fingerprint: Fingerprint,
    /// Who says it.
    pub customer: u32,
}

/// Returns in how many walks a base is taken, so that each holds [`ENTRIES_MAX`] at most when no
/// customer says two things for one key.
#[must_use]
pub fn walks(customers: i64, keys: usize) -> u8 {
    let entries = usize::try_from(customers).unwrap_or(0).saturating_mul(keys);
    u8::try_from(entries.div_ceil(ENTRIES_MAX).clamp(1, 255)).expect("clamped")
}

/// Returns true when a fingerprint is looked at in a walk.
#[must_use]
pub fn is_of_walk(fingerprint: &Fingerprint, walk: u8, walks: u8) -> bool {
    fingerprint[0] % walks == walk
}

/// Pairs that agree on anything, the lower number first, with the keys as bits.
#[derive(Debug, Default)]
pub struct Pairs {
    /// The pairs.
    pub agreed: BTreeMap<(u32, u32), u16>,
    /// Values that more customers share than the key allows: they say nothing of a person.
    pub shared_values: u64,
}

impl Pairs {
    /// Adds what the entries of one walk say. Returns false when there are more than [`PAIRS_MAX`].
    pub fn take(&mut self, mut entries: Vec<Entry>, rules: &Rules) -> bool {
        entries.sort_unstable();
        entries.dedup();
        for group in entries.chunk_by(|a, b| (a.key, a.fingerprint) == (b.key, b.fingerprint)) {
            let key = group[0].key;
            let most = usize::try_from(rules.keys[usize::from(key)].customers_max).unwrap_or(0);
            if group.len() > most {
                self.shared_values += 1;
                continue;
            }
            for (at, one) in group.iter().enumerate() {
                for other in &group[at + 1..] {
                    *self
                        .agreed
                        .entry((one.customer, other.customer))
                        .or_default() |= 1 << key;
                }
            }
            if self.agreed.len() > PAIRS_MAX {
                return false;
            }
        }
        true
    }
}

/// A link in force, as far as matching is concerned.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// One end.
    pub one: u32,
    /// The other end.
    pub other: u32,
    /// Whether a policy made it.
    pub by_policy: bool,
}

/// Two customers, and the keys on which they agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// The lower number.
    pub one: u32,
    /// The higher number.
    pub other: u32,
    /// The keys as bits.
    pub keys: u16,
}

/// Records that hang together and would be too large as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantine {
    /// How many customers there are.
    pub size: u32,
    /// Who they are, at most [`NAMED_MAX`] in ascending order.
    pub members: Vec<u32>,
    /// The keys on which any two agree, as bits.
    pub keys: u16,
}

/// What would change under the rules.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Pairs to link, strongest first: one less than records in each new one.
    pub merges: Vec<Pair>,
    /// Pairs for a person to look at.
    pub proposals: Vec<Pair>,
    /// What is never linked without a person.
    pub quarantines: Vec<Quarantine>,
    /// Links of policies that these rules would not make: their places among those known.
    pub splits: Vec<usize>,
}

/// Decides what the rules make of pairs, given the links in force.
#[must_use]
pub fn decide(count: u32, known: &[Known], pairs: &Pairs, rules: &Rules) -> Decision {
    let mut records = Components::new(count);
    for link in known {
        records.join(link.one, link.other);
    }
    let is_strong = |keys: u16| rules.merge_weight > 0 && rules.weight(keys) >= rules.merge_weight;
    let mut strong: Vec<Pair> = Vec::new();
    let mut weak: Vec<Pair> = Vec::new();
    let mut whole = records.clone();
    for ((one, other), keys) in &pairs.agreed {
        let (one, other, keys) = (*one, *other, *keys);
        if is_strong(keys) {
            whole.join(one, other);
            strong.push(Pair { one, other, keys });
        } else if rules.weight(keys) >= rules.propose_weight {
            weak.push(Pair { one, other, keys });
        }
    }
    let quarantines = quarantines(&mut records, &mut whole, known, &strong, rules);
    let members_max = u32::try_from(rules.members_max()).unwrap_or(u32::MAX);
    strong.sort_by_key(|pair| (-rules.weight(pair.keys), pair.one, pair.other));
    let mut merges = Vec::new();
    for pair in strong {
        let fits = whole.size(pair.one) <= members_max;
        if fits && records.join(pair.one, pair.other).is_some() {
            merges.push(pair);
        }
    }
    // Who is one already, or will be, needs no proposal.
    weak.retain(|pair| whole.root(pair.one) != whole.root(pair.other));
    let would = |link: &Known| {
        let pair = (link.one.min(link.other), link.one.max(link.other));
        pairs.agreed.get(&pair).is_some_and(|keys| is_strong(*keys))
    };
    let splits = known.iter().enumerate();
    let splits = splits.filter(|(_, link)| link.by_policy && !would(link));
    Decision {
        merges,
        proposals: weak,
        quarantines,
        splits: splits.map(|(at, _)| at).collect(),
    }
}

/// Returns what is too large, where it would be new.
fn quarantines(
    records: &mut Components,
    whole: &mut Components,
    known: &[Known],
    strong: &[Pair],
    rules: &Rules,
) -> Vec<Quarantine> {
    let members_max = u32::try_from(rules.members_max()).unwrap_or(u32::MAX);
    let mut found: BTreeMap<u32, (BTreeSet<u32>, u16)> = BTreeMap::new();
    for pair in strong {
        let is_new = records.root(pair.one) != records.root(pair.other);
        if is_new && whole.size(pair.one) > members_max {
            found.entry(whole.root(pair.one)).or_default();
        }
    }
    let links = known.iter().map(|link| (link.one, link.other, 0));
    let pairs = strong.iter().map(|pair| (pair.one, pair.other, pair.keys));
    for (one, other, keys) in links.chain(pairs) {
        if let Some((members, all)) = found.get_mut(&whole.root(one)) {
            members.extend([one, other]);
            *all |= keys;
            while members.len() > NAMED_MAX {
                members.pop_last();
            }
        }
    }
    let quarantine = |(root, (members, keys)): (u32, (BTreeSet<u32>, u16))| Quarantine {
        size: whole.size(root),
        members: members.into_iter().collect(),
        keys,
    };
    found.into_iter().map(quarantine).collect()
}

#[cfg(test)]
mod tests;
