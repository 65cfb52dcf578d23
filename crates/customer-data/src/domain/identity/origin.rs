//! Survivorship: whose value of each field stands for all members of a record, and why.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tenure_core::{CustomerId, Timestamp};

use crate::domain::words::PaymentStatus;
use crate::domain::{AttributeName, AttributeValue, Customer, ExternalId};

/// What makes one member's value better than another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Criterion {
    /// The most trusted of the systems that name the member.
    SourceTrust,
    /// When the member's own record was last changed.
    Recency,
    /// How much is known of the member.
    Completeness,
}

/// A field that members may differ in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// A fact of the operator's choice.
    Attribute(AttributeName),
    /// The name to address the customer by.
    DisplayName,
    /// When the customer became one.
    JoinTime,
    /// Person or organisation.
    Kind,
    /// The condition of the bills.
    PaymentStatus,
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Attribute(name) => write!(f, "attributes.{}", name.as_str()),
            Self::DisplayName => f.write_str("display_name"),
            Self::JoinTime => f.write_str("join_time"),
            Self::Kind => f.write_str("kind"),
            Self::PaymentStatus => f.write_str("payment_status"),
        }
    }
}

/// Why a member's value stands for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// No other member has a value.
    OnlyValue = 1,
    /// All that have a value have the same.
    Agreement = 2,
    /// The others have no name.
    Named = 3,
    /// Its sources are trusted most.
    SourceTrust = 4,
    /// It was changed last.
    Recency = 5,
    /// Most is known of it.
    Completeness = 6,
    /// It is the earliest.
    Earliest = 7,
    /// It is the most severe.
    MostSevere = 8,
    /// Nothing else decided, and it is the survivor's.
    Survivor = 9,
    /// Nothing else decided, and its id is the lowest.
    LowestId = 10,
}

/// Where a field of a record comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Which field.
    pub field: Field,
    /// The member whose value it is.
    pub member: CustomerId,
    /// Why this one.
    pub why: Why,
}

/// The rules of survivorship.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Survivorship {
    /// How far systems are trusted; others not at all.
    pub trust: BTreeMap<String, i32>,
    /// What decides, by the name of the field; `*` for fields without a rule of their own.
    pub rules: BTreeMap<String, Vec<Criterion>>,
}

/// What decides where no rule says so.
const DEFAULT_CRITERIA: [Criterion; 3] = [
    Criterion::SourceTrust,
    Criterion::Recency,
    Criterion::Completeness,
];

impl Survivorship {
    /// Returns what decides about a field, by its name.
    #[must_use]
    pub fn criteria(&self, field: &str) -> &[Criterion] {
        let rule = self.rules.get(field);
        let rule = rule.or_else(|| self.rules.get("*"));
        rule.map_or(&DEFAULT_CRITERIA, Vec::as_slice)
    }

    fn rank(&self, criterion: Criterion, member: &Customer) -> i64 {
        match criterion {
            Criterion::SourceTrust => {
                let systems = member.external_ids.iter().map(ExternalId::system);
                let trust = systems.filter_map(|system| self.trust.get(system)).max();
                i64::from(trust.copied().unwrap_or(0))
            }
            Criterion::Recency => member.updated_at.as_micros(),
            Criterion::Completeness => {
                let known = member.attributes.len() + member.external_ids.len();
                let said = [has_name(member), member.payment.is_some()];
                let said = said.into_iter().filter(|said| *said).count();
                i64::try_from(known + said).expect("hundreds at most")
            }
        }
    }
}

fn has_name(member: &Customer) -> bool {
    !member.display_name.is_empty()
}

/// Returns the record that members make together, under the survivor's id and version, and where each
/// of its fields comes from, by field. Names in other systems are those of all members. Nothing when
/// the survivor is not among the members.
#[must_use]
pub fn golden(
    survivor: &CustomerId,
    members: &[Customer],
    rules: &Survivorship,
) -> Option<(Customer, Vec<Origin>)> {
    let own = members.iter().find(|member| member.id == *survivor)?;
    let mut choice = Choice {
        survivor,
        rules,
        origins: Vec::new(),
    };
    let mut golden = own.clone();
    let names: BTreeSet<&AttributeName> =
        members.iter().flat_map(|it| it.attributes.keys()).collect();
    golden.attributes = BTreeMap::new();
    for name in names {
        let values = with(members, |it| it.attributes.get(name));
        let field = Field::Attribute(name.clone());
        if let Some(value) = choice.best(field, values, same_value) {
            golden.attributes.insert(name.clone(), value.clone());
        }
    }
    let named = with(members, |it| {
        Some(&it.display_name).filter(|name| !name.is_empty())
    });
    if let Some(name) = choice.best(Field::DisplayName, named, PartialEq::eq) {
        golden.display_name.clone_from(name);
    }
    golden.joined_at = choice.earliest(members);
    let kinds = with(members, |it| Some(&it.kind));
    golden.kind = *choice.best(Field::Kind, kinds, PartialEq::eq)?;
    golden.payment = choice.most_severe(members);
    let ids: BTreeSet<_> = members.iter().flat_map(|it| &it.external_ids).collect();
    golden.external_ids = ids.into_iter().cloned().collect();
    let created = members.iter().map(|it| it.created_at).min();
    golden.created_at = created.unwrap_or(golden.created_at);
    let updated = members.iter().map(|it| it.updated_at).max();
    golden.updated_at = updated.unwrap_or(golden.updated_at);
    Some((golden, choice.origins))
}

/// Members that have a value, with it.
type Having<'a, T> = Vec<(&'a Customer, T)>;

fn with<'a, T>(
    members: &'a [Customer],
    value: impl Fn(&'a Customer) -> Option<T>,
) -> Having<'a, T> {
    let having = members.iter().filter_map(|it| Some((it, value(it)?)));
    having.collect()
}

/// Numbers are the same by their bits: none of them is not a number, and 0.0 is not -0.0.
fn same_value(one: &&AttributeValue, other: &&AttributeValue) -> bool {
    one == other
}

/// Chooses values and notes why.
struct Choice<'a> {
    survivor: &'a CustomerId,
    rules: &'a Survivorship,
    origins: Vec<Origin>,
}

impl Choice<'_> {
    fn note<T>(&mut self, field: Field, why: Why, (member, value): (&Customer, T)) -> T {
        let member = member.id.clone();
        self.origins.push(Origin { field, member, why });
        value
    }

    /// Returns the value that stands for all: of the named before the nameless, then by the rule.
    fn best<T>(
        &mut self,
        field: Field,
        mut having: Having<'_, T>,
        same: impl Fn(&T, &T) -> bool,
    ) -> Option<T> {
        let mut why = Why::OnlyValue;
        if let [(_, first), others @ ..] = having.as_slice()
            && !others.is_empty()
            && others.iter().all(|(_, value)| same(first, value))
        {
            why = Why::Agreement;
        }
        if why == Why::OnlyValue && having.len() > 1 {
            if narrow(&mut having, |it| i64::from(has_name(it))) {
                why = Why::Named;
            }
            for criterion in self.rules.criteria(&field.to_string()) {
                if having.len() > 1 && narrow(&mut having, |it| self.rules.rank(*criterion, it)) {
                    why = match criterion {
                        Criterion::SourceTrust => Why::SourceTrust,
                        Criterion::Recency => Why::Recency,
                        Criterion::Completeness => Why::Completeness,
                    };
                }
            }
            if having.len() > 1 {
                let is_survivors = having.iter().any(|(it, _)| it.id == *self.survivor);
                why = if is_survivors {
                    Why::Survivor
                } else {
                    Why::LowestId
                };
            }
        }
        let survivor = self.survivor;
        let best = having
            .into_iter()
            .min_by_key(|(it, _)| (it.id != *survivor, it.id.clone()))?;
        Some(self.note(field, why, best))
    }

    /// The first of those that have a name, or of all where none has.
    fn earliest(&mut self, members: &[Customer]) -> Timestamp {
        let mut having = with(members, |it| Some(it.joined_at));
        narrow(&mut having, |it| i64::from(has_name(it)));
        having.sort_by_key(|(it, at)| (*at, it.id != *self.survivor, it.id.clone()));
        let why = match having.as_slice() {
            [_] if members.len() == 1 => Why::OnlyValue,
            [(_, first), .., (_, last)] if first == last => Why::Agreement,
            _ => Why::Earliest,
        };
        self.note(Field::JoinTime, why, having.swap_remove(0))
    }

    /// Who owes under one id owes: arrears before what is due, what is due before what is paid.
    fn most_severe(&mut self, members: &[Customer]) -> Option<(PaymentStatus, Timestamp)> {
        let severity = |status: PaymentStatus| match status {
            PaymentStatus::InArrears => 2,
            PaymentStatus::Due => 1,
            PaymentStatus::Paid => 0,
        };
        let mut having = with(members, |it| it.payment);
        having.sort_by_key(|(it, (status, since))| {
            let is_other = it.id != *self.survivor;
            (Reverse(severity(*status)), *since, is_other, it.id.clone())
        });
        let why = match having.as_slice() {
            [] => return None,
            [_] => Why::OnlyValue,
            [(_, first), others @ ..] if others.iter().all(|(_, it)| it == first) => Why::Agreement,
            _ => Why::MostSevere,
        };
        Some(self.note(Field::PaymentStatus, why, having.swap_remove(0)))
    }
}

/// Keeps the members of the highest rank, and returns true when others went.
fn narrow<T>(having: &mut Having<'_, T>, rank: impl Fn(&Customer) -> i64) -> bool {
    let Some(best) = having.iter().map(|(it, _)| rank(it)).max() else {
        return false;
    };
    let before = having.len();
    having.retain(|(it, _)| rank(it) == best);
    having.len() < before
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ExternalId;
    use crate::domain::words::CustomerKind;

    fn member(id: &str, name: &str, day: i8) -> Customer {
        let at = Timestamp::from_date(2024, 1, day).unwrap();
        Customer {
            id: CustomerId::parse(id).unwrap(),
            kind: CustomerKind::Individual,
            display_name: name.to_owned(),
            external_ids: Vec::new(),
            attributes: BTreeMap::new(),
            joined_at: at,
            created_at: at,
            updated_at: at,
            payment: None,
            version: 1,
            import: None,
        }
    }

    fn saying(mut member: Customer, attributes: &[(&str, &str)]) -> Customer {
        for (name, value) in attributes {
            let value = AttributeValue::Text((*value).to_owned());
            let name = AttributeName::parse(name).unwrap();
            member.attributes.insert(name, value);
        }
        member
    }

    fn known_to(mut member: Customer, system: &str) -> Customer {
        let id = ExternalId::parse(system, member.id.as_str()).unwrap();
        member.external_ids.push(id);
        member
    }

    fn trusting(trust: &[(&str, i32)]) -> Survivorship {
        let trust = trust.iter().map(|(it, trust)| ((*it).to_owned(), *trust));
        Survivorship {
            trust: trust.collect(),
            ..Survivorship::default()
        }
    }

    /// Returns value, member and reason of a text attribute.
    fn chosen(found: &(Customer, Vec<Origin>), name: &str) -> (String, String, Why) {
        let name = AttributeName::parse(name).unwrap();
        let value = match &found.0.attributes[&name] {
            AttributeValue::Text(text) => text.clone(),
            other => panic!("{other:?} is no text"),
        };
        let field = Field::Attribute(name);
        let origin = found.1.iter().find(|it| it.field == field).unwrap();
        (value, origin.member.to_string(), origin.why)
    }

    fn of(members: &[Customer], rules: &Survivorship) -> (Customer, Vec<Origin>) {
        golden(&members[0].id, members, rules).unwrap()
    }

    fn is(value: &str, member: &str, why: Why) -> (String, String, Why) {
        (value.to_owned(), member.to_owned(), why)
    }

    #[test]
    fn the_nameless_never_win_whatever_they_are_trusted_and_however_new_they_are() {
        let nameless = saying(
            known_to(member("x", "", 9), "crm"),
            &[("city", "Bern"), ("tag", "t")],
        );
        let ada = saying(member("A", "Ada", 1), &[("city", "Basel")]);
        for members in [[nameless.clone(), ada.clone()], [ada, nameless]] {
            let found = of(&members, &trusting(&[("crm", 100)]));

            assert_eq!(chosen(&found, "city"), is("Basel", "A", Why::Named));
            assert_eq!(chosen(&found, "tag"), is("t", "x", Why::OnlyValue));
            assert_eq!(found.0.display_name, "Ada");
            assert_eq!(found.0.id, members[0].id);
        }
    }

    #[test]
    fn trust_decides_before_recency_unless_the_rule_of_the_field_says_otherwise() {
        let old = saying(
            known_to(member("A", "Ada", 1), "crm"),
            &[("city", "Basel"), ("mail", "a")],
        );
        let new = saying(
            known_to(member("B", "Ida", 2), "web"),
            &[("city", "Bern"), ("mail", "b")],
        );
        let mut rules = trusting(&[("crm", 80), ("web", 20)]);
        let by_recency = vec![Criterion::Recency];
        rules
            .rules
            .insert("attributes.mail".into(), by_recency.clone());

        let found = of(&[new.clone(), old.clone()], &rules);
        assert_eq!(chosen(&found, "city"), is("Basel", "A", Why::SourceTrust));
        assert_eq!(chosen(&found, "mail"), is("b", "B", Why::Recency));
        assert_eq!(found.0.display_name, "Ada");

        rules.rules.insert("*".into(), by_recency);
        assert_eq!(of(&[old, new], &rules).0.display_name, "Ida");
    }

    #[test]
    fn completeness_the_survivor_and_the_lowest_id_decide_what_is_left() {
        let thin = saying(member("A", "Ada", 1), &[("city", "Basel")]);
        let full = saying(member("B", "Ida", 1), &[("city", "Bern"), ("mail", "b")]);
        let none = Survivorship::default();
        let found = of(&[thin.clone(), full.clone()], &none);
        assert_eq!(chosen(&found, "city"), is("Bern", "B", Why::Completeness));

        let level = saying(thin, &[("mail", "a")]);
        let found = of(&[full.clone(), level.clone()], &none);
        assert_eq!(chosen(&found, "mail"), is("b", "B", Why::Survivor));
        let found = of(&[member("C", "Eve", 1), full, level], &none);
        assert_eq!(chosen(&found, "mail"), is("a", "A", Why::LowestId));
    }

    #[test]
    fn one_joined_when_the_first_did_owes_what_any_owes_and_has_the_names_of_all() {
        let at = |day| Timestamp::from_date(2024, 2, day).unwrap();
        let mut one = known_to(member("A", "Ada", 5), "crm");
        let mut two = known_to(member("B", "Ada", 3), "web");
        let nameless = member("x", "", 1);
        one.payment = Some((PaymentStatus::Paid, at(9)));
        two.payment = Some((PaymentStatus::InArrears, at(1)));

        let (golden, origins) = of(
            &[one.clone(), two.clone(), nameless],
            &Survivorship::default(),
        );

        assert_eq!(golden.joined_at, two.joined_at);
        assert_eq!(golden.payment, two.payment);
        let systems: Vec<_> = golden.external_ids.iter().map(ExternalId::system).collect();
        assert_eq!(systems, ["crm", "web"]);
        let whys: Vec<_> = origins
            .iter()
            .map(|it| (it.field.to_string(), it.why))
            .collect();
        let fields = ["display_name", "join_time", "kind", "payment_status"].map(str::to_owned);
        let reasons = [
            Why::Agreement,
            Why::Earliest,
            Why::Agreement,
            Why::MostSevere,
        ];
        assert_eq!(whys, fields.into_iter().zip(reasons).collect::<Vec<_>>());
    }

    #[test]
    fn a_record_of_one_is_that_one() {
        let alone = saying(known_to(member("A", "Ada", 5), "crm"), &[("city", "Bern")]);
        let (golden, origins) = of(std::slice::from_ref(&alone), &Survivorship::default());
        assert_eq!(golden, alone);
        assert!(origins.iter().all(|it| it.why == Why::OnlyValue));
        assert_eq!(
            super::golden(
                &CustomerId::parse("B").unwrap(),
                &[alone],
                &Survivorship::default()
            ),
            None
        );
    }
}
