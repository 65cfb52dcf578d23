//! Records as a fold over the merges in force: a pure function of which merges are in force and in
//! what order they were made, so that taking one out leaves what would be there without it.

use std::collections::{BTreeMap, BTreeSet};

use tenure_core::CustomerId;
use uuid::Uuid;

use super::{Components, IdentityRefusal};

/// The most members of one record: every read of a record reads each of them.
pub const MEMBERS_MAX: usize = 64;

/// Whom a merge names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Who is to survive.
    pub survivor: CustomerId,
    /// Who is to be merged into it.
    pub losers: Vec<CustomerId>,
}

impl Named {
    /// Returns all whom it names.
    pub fn all(&self) -> impl Iterator<Item = &CustomerId> {
        std::iter::once(&self.survivor).chain(&self.losers)
    }
}

/// One link of a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The merge that made it.
    pub merge: Uuid,
    /// Its place in the order of all links that it hangs together with: above all that were there
    /// when it was made.
    pub ordinal: i64,
    /// Who was named to survive.
    pub survivor: CustomerId,
    /// Who was named to be merged.
    pub loser: CustomerId,
    /// Whether the survivor had a name when the link was made.
    pub survivor_has_name: bool,
    /// Whether the loser had a name when the link was made.
    pub loser_has_name: bool,
}

/// The ids of one customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Who stands for all.
    pub survivor: CustomerId,
    /// All of them, the survivor too.
    pub members: BTreeSet<CustomerId>,
}

impl Record {
    /// Returns the record of a customer that was never merged.
    #[must_use]
    pub fn alone(customer: CustomerId) -> Self {
        Self {
            survivor: customer.clone(),
            members: BTreeSet::from([customer]),
        }
    }

    /// Returns true when there is one member alone.
    #[must_use]
    pub fn is_single(&self) -> bool {
        self.members.len() == 1
    }
}

/// Some customers, and all links in force that name any of them.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    /// The customers: with each all members of its record.
    pub members: BTreeSet<CustomerId>,
    /// The links in force between them.
    pub links: Vec<Link>,
}

impl Graph {
    /// Returns the records that the links make of the members, by survivor.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        let mut fold = Fold::new(&self.members, &self.links);
        let mut links: Vec<&Link> = self.links.iter().collect();
        links.sort_by_key(|link| (link.ordinal, link.merge));
        for link in links {
            fold.join(link);
        }
        fold.records()
    }

    /// Returns the record of a member.
    #[must_use]
    pub fn record_of(&self, customer: &CustomerId) -> Option<Record> {
        let mut records = self.records().into_iter();
        records.find(|record| record.members.contains(customer))
    }

    /// Adds the links of a new merge. `with_name` are those of whom it names that have a name.
    ///
    /// # Errors
    /// When two of whom it names are one record already, or the record would be too large.
    pub fn merge(
        &mut self,
        merge: Uuid,
        named: &Named,
        with_name: &BTreeSet<CustomerId>,
    ) -> Result<Vec<Link>, IdentityRefusal> {
        let records = self.records();
        let mut taken: BTreeSet<&CustomerId> = BTreeSet::new();
        let mut size = 0;
        for customer in named.all() {
            let record = records.iter().find(|it| it.members.contains(customer));
            let survivor = record.map_or(customer, |record| &record.survivor);
            size += record.map_or(1, |record| record.members.len());
            if !taken.insert(survivor) {
                return Err(IdentityRefusal::AlreadyOneRecord(customer.clone()));
            }
        }
        if size > MEMBERS_MAX {
            return Err(IdentityRefusal::RecordTooLarge);
        }
        let first = self.links.iter().map(|link| link.ordinal).max();
        let made: Vec<Link> = (first.unwrap_or(0) + 1..)
            .zip(&named.losers)
            .map(|(ordinal, loser)| Link {
                merge,
                ordinal,
                survivor: named.survivor.clone(),
                loser: loser.clone(),
                survivor_has_name: with_name.contains(&named.survivor),
                loser_has_name: with_name.contains(loser),
            })
            .collect();
        self.members.extend(named.all().cloned());
        self.links.extend_from_slice(&made);
        Ok(made)
    }

    /// Takes the links of a merge out.
    ///
    /// # Errors
    /// When none is in force.
    pub fn unmerge(&mut self, merge: Uuid) -> Result<Vec<Link>, IdentityRefusal> {
        let (out, kept) = std::mem::take(&mut self.links)
            .into_iter()
            .partition(|link| link.merge == merge);
        self.links = kept;
        let out: Vec<Link> = out;
        if out.is_empty() {
            return Err(IdentityRefusal::MergeUndone(merge));
        }
        Ok(out)
    }
}

/// Sets of members, with who stands for each and whether any member of it has a name.
struct Fold<'a> {
    numbers: BTreeMap<&'a CustomerId, u32>,
    sets: Components,
    heads: Vec<&'a CustomerId>,
    has_name: Vec<bool>,
}

impl<'a> Fold<'a> {
    fn new(members: &'a BTreeSet<CustomerId>, links: &[Link]) -> Self {
        let numbers: BTreeMap<&CustomerId, u32> = members.iter().zip(0..).collect();
        let count = u32::try_from(numbers.len()).expect("records are small");
        let mut has_name = vec![false; numbers.len()];
        for link in links {
            has_name[numbers[&link.survivor] as usize] |= link.survivor_has_name;
            has_name[numbers[&link.loser] as usize] |= link.loser_has_name;
        }
        Self {
            sets: Components::new(count),
            heads: members.iter().collect(),
            has_name,
            numbers,
        }
    }

    fn join(&mut self, link: &Link) {
        let survivor = self.sets.root(self.numbers[&link.survivor]) as usize;
        let loser = self.sets.root(self.numbers[&link.loser]) as usize;
        // Links in force make a forest, so the two are never one already.
        let Some(both) = self.sets.join(survivor as u32, loser as u32) else {
            return;
        };
        let nameless_wins = !self.has_name[survivor] && self.has_name[loser];
        let head = self.heads[if nameless_wins { loser } else { survivor }];
        let has_name = self.has_name[survivor] || self.has_name[loser];
        self.heads[both as usize] = head;
        self.has_name[both as usize] = has_name;
    }

    fn records(mut self) -> Vec<Record> {
        let mut records: BTreeMap<&CustomerId, BTreeSet<CustomerId>> = BTreeMap::new();
        for (member, number) in &self.numbers {
            let head = self.heads[self.sets.root(*number) as usize];
            records.entry(head).or_default().insert((*member).clone());
        }
        let record = |(survivor, members): (&CustomerId, _)| Record {
            survivor: survivor.clone(),
            members,
        };
        records.into_iter().map(record).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(text: &str) -> CustomerId {
        CustomerId::parse(text).unwrap()
    }

    fn named(survivor: &str, losers: &[&str]) -> Named {
        Named {
            survivor: id(survivor),
            losers: losers.iter().map(|loser| id(loser)).collect(),
        }
    }

    fn all_have_names(names: &[&str]) -> BTreeSet<CustomerId> {
        names.iter().map(|name| id(name)).collect()
    }

    #[test]
    fn a_merge_into_a_member_of_itself_is_refused() {
        let with_name = all_have_names(&["A", "B", "C"]);
        let mut graph = Graph::default();
        let merge = Uuid::from_u128;
        graph
            .merge(merge(1), &named("A", &["B"]), &with_name)
            .unwrap();
        graph
            .merge(merge(2), &named("B", &["C"]), &with_name)
            .unwrap();
        assert_eq!(graph.record_of(&id("C")).unwrap().survivor, id("A"));

        for wrong in [
            named("C", &["A"]),
            named("B", &["C"]),
            named("A", &["A"]),
            named("D", &["E", "E"]),
            named("D", &["A", "C"]),
        ] {
            let refused = graph.clone().merge(merge(3), &wrong, &with_name);
            assert!(matches!(refused, Err(IdentityRefusal::AlreadyOneRecord(_))));
        }
    }

    #[test]
    fn the_nameless_never_survives_the_named_even_when_what_stood_between_is_undone() {
        let with_name = all_have_names(&["A", "N"]);
        let mut graph = Graph::default();
        let merge = Uuid::from_u128;
        graph
            .merge(merge(1), &named("A", &["x"]), &with_name)
            .unwrap();
        graph
            .merge(merge(2), &named("x", &["N"]), &with_name)
            .unwrap();
        assert_eq!(graph.record_of(&id("N")).unwrap().survivor, id("A"));

        graph.unmerge(merge(1)).unwrap();

        assert_eq!(graph.record_of(&id("x")).unwrap().survivor, id("N"));
        assert!(matches!(
            graph.unmerge(merge(1)),
            Err(IdentityRefusal::MergeUndone(_))
        ));
    }

    #[test]
    fn a_record_has_at_most_sixty_four_members() {
        let mut graph = Graph::default();
        for n in 1..64_u128 {
            let one = named("A", &[&format!("B{n}")]);
            graph
                .merge(Uuid::from_u128(n), &one, &BTreeSet::new())
                .unwrap();
        }
        let one_more = graph.merge(Uuid::nil(), &named("A", &["C"]), &BTreeSet::new());
        assert_eq!(one_more, Err(IdentityRefusal::RecordTooLarge));
    }

    /// The model: a list of merges in force, done again from nothing after each step on plain lists.
    fn model(merges: &[(u128, Named, BTreeSet<CustomerId>)]) -> BTreeMap<CustomerId, Record> {
        let everybody: BTreeSet<CustomerId> = (0..8).map(|n| id(&format!("C{n}"))).collect();
        let mut has_name = BTreeSet::new();
        for (_, named, with_name) in merges {
            has_name.extend(named.all().filter(|it| with_name.contains(it)).cloned());
        }
        let mut lists: Vec<(CustomerId, Vec<CustomerId>)> = everybody
            .iter()
            .map(|it| (it.clone(), vec![it.clone()]))
            .collect();
        for (_, named, _) in merges {
            for loser in &named.losers {
                let of = |whom: &CustomerId, lists: &[(CustomerId, Vec<CustomerId>)]| {
                    lists.iter().position(|(_, list)| list.contains(whom))
                };
                let at = of(loser, &lists).unwrap();
                let (loser_head, losers) = lists.remove(at);
                let at = of(&named.survivor, &lists).unwrap();
                let (head, list) = &mut lists[at];
                let is_named = |list: &[CustomerId]| list.iter().any(|it| has_name.contains(it));
                if !is_named(list) && is_named(&losers) {
                    *head = loser_head;
                }
                list.extend(losers);
            }
        }
        let mut records = BTreeMap::new();
        for (survivor, list) in lists {
            let members: BTreeSet<CustomerId> = list.into_iter().collect();
            for member in members.clone() {
                let survivor = survivor.clone();
                let members = members.clone();
                records.insert(member, Record { survivor, members });
            }
        }
        records
    }

    proptest! {
        #[test]
        fn records_are_what_the_merges_in_force_make_of_them_one_after_the_other(
            steps in prop::collection::vec(
                (any::<bool>(), 0..8, prop::collection::vec(0..8, 1..3), any::<u8>()),
                0..24,
            ),
        ) {
            let customer = |n: i32| id(&format!("C{n}"));
            let mut graph = Graph::default();
            graph.members.extend((0..8).map(customer));
            let mut in_force: Vec<(u128, Named, BTreeSet<CustomerId>)> = Vec::new();
            for (at, (undo, survivor, losers, names)) in (1_u128..).zip(steps) {
                if undo && !in_force.is_empty() {
                    let (out, _, _) = in_force.remove(usize::from(names) % in_force.len());
                    prop_assert!(graph.unmerge(Uuid::from_u128(out)).is_ok());
                } else {
                    let with_name = (0..8).filter(|n| names >> n & 1 == 1).map(customer).collect();
                    let survivor = customer(survivor);
                    let named = Named { survivor, losers: losers.into_iter().map(customer).collect() };
                    let before = graph.records();
                    match graph.merge(Uuid::from_u128(at), &named, &with_name) {
                        Ok(_) => in_force.push((at, named, with_name)),
                        Err(_) => prop_assert_eq!(graph.records(), before),
                    }
                }
                for (member, record) in model(&in_force) {
                    prop_assert_eq!(graph.record_of(&member), Some(record));
                }
            }
        }
    }
}
