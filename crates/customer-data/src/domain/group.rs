//! Groups of customers, and who belongs to them when.

use tenure_core::{CustomerId, GroupId, Timestamp};

use super::Interval;
use super::refusal::{Reason, Refusal};
use super::words::numbered;

/// The longest name of a group, in bytes.
pub const NAME_LENGTH_MAX: usize = 100;
/// The longest code of a place, in bytes.
pub const PLACE_CODE_LENGTH_MAX: usize = 64;
/// The most members of a group at one instant: its pulse is counted while the caller waits.
pub const MEMBERS_MAX: i64 = 10_000;

numbered! {
    /// What holds a group together.
    GroupKind {
        /// Its members call each other.
        Calling = 1,
        /// Its members live together.
        Household = 2,
        /// Its members are served by one exchange or cell.
        Place = 3,
        /// A corporate account.
        Corporate = 4,
        /// Any other community.
        Community = 5,
    }
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The operator's own key.
    pub id: GroupId,
    /// What holds it together.
    pub kind: GroupKind,
    /// For people.
    pub name: String,
    /// The customer that it belongs to.
    pub customer: Option<CustomerId>,
    /// Exchange or cell; may be empty.
    pub place_code: String,
    /// The most members at one instant.
    pub member_count_max: i64,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// That a customer belongs to a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The group.
    pub group: GroupId,
    /// What holds it together.
    pub kind: GroupKind,
    /// Who.
    pub customer: CustomerId,
    /// When.
    pub valid: Interval,
}

impl Group {
    /// Returns the group as `self` says over what is known; nothing when it says the same.
    ///
    /// # Errors
    /// When it has another kind.
    pub fn replace(mut self, known: &Self) -> Result<Option<Self>, Refusal> {
        let updated_at = self.updated_at;
        self.created_at = known.created_at;
        self.updated_at = known.updated_at;
        if self == *known {
            return Ok(None);
        }
        if self.kind != known.kind {
            let (field, wanted) = ("group.kind", "the one it has");
            return Err(Refusal::new(
                Reason::InvalidFields,
                field,
                wanted,
                "another",
            ));
        }
        self.updated_at = updated_at;
        Ok(Some(self))
    }

    /// Refuses new members who are members in that time, or are too many at any instant; `known` are
    /// all memberships that do not end before the first new one begins.
    ///
    /// # Errors
    /// See above, each with its index among the new ones.
    pub fn admit(
        &self,
        known: &[(CustomerId, Interval)],
        new: &[(CustomerId, Interval)],
    ) -> Result<(), (usize, Refusal)> {
        let mut sorted: Vec<_> = known.iter().collect();
        sorted.sort();
        for (at, (customer, valid)) in new.iter().enumerate() {
            let first = sorted.partition_point(|(known, _)| known < customer);
            let own = sorted[first..]
                .iter()
                .take_while(|(known, _)| known == customer);
            if own.into_iter().any(|(_, known)| known.overlaps(*valid)) {
                let wanted = "a time in which the customer is no member";
                let reason = Reason::GroupMemberExists;
                let refusal = Refusal::new(reason, "from_time", wanted, "one that overlaps");
                return Err((at, refusal.with("customer_id", customer.as_str())));
            }
        }
        let all = known.iter().chain(new).map(|(_, valid)| *valid);
        let first = new.iter().map(|(_, valid)| valid.from()).min();
        let most = first.map_or(0, |first| peak(all, first));
        if most > self.member_count_max {
            let wanted = format!("at most {} members at one instant", self.member_count_max);
            let found = most.to_string();
            let refusal = Refusal::new(Reason::GroupFull, "customer_id", wanted, found);
            return Err((new.len() - 1, refusal.with("group_id", self.id.as_str())));
        }
        Ok(())
    }
}

/// Returns how many intervals have one instant in common at most, from an instant on.
fn peak(intervals: impl Iterator<Item = Interval>, first: Timestamp) -> i64 {
    let mut steps: Vec<(Timestamp, i64)> = Vec::new();
    for interval in intervals {
        steps.push((interval.from().max(first), 1));
        steps.push((interval.until().max(first), -1));
    }
    // An end makes room for a beginning at the same instant.
    steps.sort_unstable();
    let mut most = 0;
    let mut present = 0;
    for (_, step) in steps {
        present += step;
        most = most.max(present);
    }
    most
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INSTANTS: i64 = 8;

    fn group(member_count_max: i64) -> Group {
        Group {
            id: GroupId::parse("G1").unwrap(),
            kind: GroupKind::Calling,
            name: String::new(),
            customer: None,
            place_code: String::new(),
            member_count_max,
            created_at: Timestamp::MIN,
            updated_at: Timestamp::MIN,
        }
    }

    fn member((customer, from, length): (u8, i64, i64)) -> (CustomerId, Interval) {
        let customer = CustomerId::parse(&format!("C{customer}")).unwrap();
        let until = Timestamp::from_micros(from + length);
        (
            customer,
            Interval::new(Timestamp::from_micros(from), Some(until)).unwrap(),
        )
    }

    proptest! {
        #[test]
        fn at_no_instant_a_group_has_a_member_twice_or_too_many(
            steps in prop::collection::vec((0..6_u8, 0..INSTANTS, 1..INSTANTS), 1..20),
            max in 1..4_i64,
        ) {
            let mut known = Vec::new();
            for step in steps {
                let new = member(step);
                let present = |n: i64, all: &[(CustomerId, Interval)]| -> Vec<CustomerId> {
                    let at = Timestamp::from_micros(n);
                    let now = all.iter().filter(|(_, valid)| valid.contains(at));
                    now.map(|(customer, _)| customer.clone()).collect()
                };
                let mut all = known.clone();
                all.push(new.clone());
                let instants = || (0..2 * INSTANTS).map(|n| present(n, &all));
                let is_twice = instants().any(|now| {
                    now.iter().filter(|customer| **customer == new.0).count() > 1
                });
                let is_full = instants().any(|now| now.len() as i64 > max);
                let expected = match (is_twice, is_full) {
                    (true, _) => Err(Reason::GroupMemberExists),
                    (_, true) => Err(Reason::GroupFull),
                    _ => Ok(()),
                };

                let found = group(max).admit(&known, std::slice::from_ref(&new));

                prop_assert_eq!(found.map_err(|(_, refusal)| refusal.reason), expected);
                if expected.is_ok() {
                    known = all;
                }
            }
        }
    }
}
