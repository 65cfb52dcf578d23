//! What customers are to each other, and that nobody stands above or below oneself.

use std::collections::BTreeMap;

use tenure_core::{CustomerId, RelationshipId, Timestamp};

use super::Interval;
use super::refusal::{Reason, Refusal};
use super::words::{CustomerKind, numbered};

/// The longest role, in bytes.
pub const ROLE_LENGTH_MAX: usize = 64;
/// How many customers are looked at for a cycle: beyond that a hierarchy is refused.
pub const HIERARCHY_MAX: usize = 1_000;

numbered! {
    /// What the first customer is to the second.
    RelationshipKind {
        /// Pays what the second has.
        Payer = 1,
        /// Uses what the second has.
        User = 2,
        /// Is the head of the household of the second.
        HouseholdHead = 3,
        /// Lives in one household with the second.
        HouseholdMember = 4,
        /// Speaks for the second, an organisation.
        CompanyContact = 5,
        /// Belongs to the second, an organisation.
        OrganisationMember = 6,
        /// Decides for the second.
        Guardian = 7,
        /// May act for the second.
        Representative = 8,
    }
}

impl RelationshipKind {
    /// Returns true when nobody may stand above or below oneself by it.
    #[must_use]
    pub fn is_hierarchical(self) -> bool {
        matches!(
            self,
            Self::HouseholdHead | Self::OrganisationMember | Self::Guardian
        )
    }
}

/// That one customer is something to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relationship {
    /// Made here.
    pub id: RelationshipId,
    /// What the first is to the second.
    pub kind: RelationshipKind,
    /// The first.
    pub first: CustomerId,
    /// The second.
    pub second: CustomerId,
    /// In the operator's words; may be empty.
    pub role: String,
    /// When.
    pub valid: Interval,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Who is first to whom by one kind of relationship, and when.
pub type Edges = BTreeMap<CustomerId, Vec<(CustomerId, Interval)>>;

impl Relationship {
    /// Refuses what cannot be: the wrong kinds of customer, one that overlaps `others` between the
    /// same two, a cycle of a hierarchical kind, where `edges` are the relationships of that kind
    /// that can be reached from the second customer: nothing when they are too many.
    ///
    /// # Errors
    /// See above.
    pub fn check(
        &self,
        kinds: (CustomerKind, CustomerKind),
        others: &[Interval],
        edges: Option<&Edges>,
    ) -> Result<(), Refusal> {
        self.check_kinds(kinds)?;
        if others.iter().any(|other| other.overlaps(self.valid)) {
            let wanted = "a time in which both are not related so already";
            let reason = Reason::RelationshipOverlaps;
            return Err(Refusal::new(
                reason,
                "from_time",
                wanted,
                "one that overlaps",
            ));
        }
        let found = match edges {
            _ if !self.kind.is_hierarchical() => return Ok(()),
            Some(edges) if !self.closes_cycle(edges) => return Ok(()),
            Some(_) => "a cycle",
            None => "more",
        };
        let wanted = format!("no cycle, and at most {HIERARCHY_MAX} beyond the second");
        let reason = Reason::RelationshipCycle;
        Err(Refusal::new(reason, "to_customer_id", wanted, found))
    }

    fn check_kinds(&self, kinds: (CustomerKind, CustomerKind)) -> Result<(), Refusal> {
        use CustomerKind::{Individual, Organisation};
        use RelationshipKind::{CompanyContact, Guardian, OrganisationMember};
        let refuse = |field: &str, wanted: &str| {
            Err(Refusal::new(
                Reason::InvalidFields,
                field,
                wanted,
                "another kind of customer",
            ))
        };
        match (self.kind, kinds) {
            (CompanyContact | OrganisationMember, (_, Individual)) => {
                refuse("to_customer_id", "an organisation")
            }
            (Guardian, (Organisation, _)) => refuse("from_customer_id", "a person"),
            (Guardian, (_, Organisation)) => refuse("to_customer_id", "a person"),
            _ => Ok(()),
        }
    }

    /// Whether at any instant of this relationship a way leads from the second back to the first.
    fn closes_cycle(&self, edges: &Edges) -> bool {
        let mut seen: BTreeMap<&CustomerId, Vec<Interval>> = BTreeMap::new();
        let mut ways = vec![(&self.second, self.valid)];
        while let Some((customer, during)) = ways.pop() {
            if *customer == self.first {
                return true;
            }
            let known = seen.entry(customer).or_default();
            if known.iter().any(|known| known.covers(during)) {
                continue;
            }
            known.push(during);
            for (next, valid) in edges.get(customer).into_iter().flatten() {
                ways.extend(valid.intersection(during).map(|both| (next, both)));
            }
        }
        false
    }

    /// Ends it at an instant.
    ///
    /// # Errors
    /// When it would end before it begins, or later than it is known to.
    pub fn end(&mut self, at: Timestamp, now: Timestamp) -> Result<bool, Refusal> {
        let Some(valid) = self.valid.cut(at) else {
            let wanted = "after it began, and not after its end";
            let reason = Reason::InvalidFields;
            return Err(Refusal::new(
                reason,
                "until_time",
                wanted,
                "an instant outside of it",
            ));
        };
        let is_changed = valid != self.valid;
        if is_changed {
            self.valid = valid;
            self.updated_at = now;
        }
        Ok(is_changed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const CUSTOMERS: usize = 5;
    const INSTANTS: i64 = 6;

    fn name(number: usize) -> CustomerId {
        CustomerId::parse(&format!("C{number}")).unwrap()
    }

    fn interval(from: i64, until: i64) -> Interval {
        let until = Timestamp::from_micros(until);
        Interval::new(Timestamp::from_micros(from), Some(until)).unwrap()
    }

    fn member(first: usize, second: usize, valid: Interval) -> Relationship {
        Relationship {
            id: RelationshipId(Uuid::from_u128(1)),
            kind: RelationshipKind::OrganisationMember,
            first: name(first),
            second: name(second),
            role: String::new(),
            valid,
            created_at: Timestamp::MIN,
            updated_at: Timestamp::MIN,
        }
    }

    const COMPANIES: (CustomerKind, CustomerKind) =
        (CustomerKind::Organisation, CustomerKind::Organisation);

    /// Whether the graph of one instant has a cycle: whoever is left when all who lead nowhere are
    /// taken away stands on one.
    fn has_cycle(pairs: &[(usize, usize, Interval)], at: i64) -> bool {
        let at = Timestamp::from_micros(at);
        let mut now: Vec<(usize, usize)> = pairs
            .iter()
            .filter(|(_, _, valid)| valid.contains(at))
            .map(|(first, second, _)| (*first, *second))
            .collect();
        loop {
            let before = now.len();
            let froms: Vec<usize> = now.iter().map(|(first, _)| *first).collect();
            now.retain(|(_, second)| froms.contains(second));
            if now.len() == before {
                return before > 0;
            }
        }
    }

    type Step = (usize, usize, i64, i64);

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = (0..CUSTOMERS, 0..CUSTOMERS, 0..INSTANTS, 1..INSTANTS);
        prop::collection::vec(step, 0..25)
    }

    proptest! {
        #[test]
        fn no_instant_ever_has_a_cycle_and_nothing_else_is_refused(steps in steps()) {
            let mut pairs: Vec<(usize, usize, Interval)> = Vec::new();
            let mut edges = Edges::new();
            for (first, second, from, length) in steps {
                if first == second { continue; }
                let valid = interval(from, from + length);
                let same = |(a, b, _): &&(usize, usize, Interval)| {
                    (*a, *b) == (first, second) || (*a, *b) == (second, first)
                };
                let others: Vec<Interval> = pairs.iter().filter(same).map(|pair| pair.2).collect();
                let mut all = pairs.clone();
                all.push((first, second, valid));
                let instants = 0..2 * INSTANTS;
                let overlaps = instants.clone().any(|n| {
                    let at = Timestamp::from_micros(n);
                    valid.contains(at) && others.iter().any(|other| other.contains(at))
                });
                let expected = if overlaps {
                    Err(Reason::RelationshipOverlaps)
                } else if instants.clone().any(|at| has_cycle(&all, at)) {
                    Err(Reason::RelationshipCycle)
                } else {
                    Ok(())
                };

                let found = member(first, second, valid).check(COMPANIES, &others, Some(&edges));

                prop_assert_eq!(found.map_err(|refusal| refusal.reason), expected);
                if expected.is_ok() {
                    pairs = all;
                    edges.entry(name(first)).or_default().push((name(second), valid));
                }
            }
        }
    }

    #[test]
    fn kinds_of_relationships_want_kinds_of_customers() {
        use CustomerKind::{Individual, Organisation};
        let check = |kind, kinds| {
            let relationship = Relationship {
                kind,
                ..member(1, 2, interval(0, 1))
            };
            let checked = relationship.check(kinds, &[], None);
            checked.map_err(|refusal| refusal.field)
        };
        let to = Err("to_customer_id".to_owned());
        assert_eq!(
            check(RelationshipKind::CompanyContact, (Individual, Individual)),
            to
        );
        assert_eq!(
            check(RelationshipKind::Guardian, (Individual, Organisation)),
            to
        );
        let from = Err("from_customer_id".to_owned());
        assert_eq!(
            check(RelationshipKind::Guardian, (Organisation, Individual)),
            from
        );
        assert_eq!(
            check(RelationshipKind::Payer, (Organisation, Individual)),
            Ok(())
        );
    }

    #[test]
    fn an_end_lies_within_the_relationship() {
        let now = Timestamp::from_micros(9);
        let mut known = member(1, 2, interval(3, 8));
        assert!(!known.end(Timestamp::from_micros(8), now).unwrap());
        assert!(known.end(Timestamp::from_micros(9), now).is_err());
        assert!(known.end(Timestamp::from_micros(3), now).is_err());
        assert!(known.end(Timestamp::from_micros(5), now).unwrap());
        assert_eq!((known.valid, known.updated_at), (interval(3, 5), now));
    }
}
