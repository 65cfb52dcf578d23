//! Matching against a model that compares everybody with everybody.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tenure_core::Timestamp;

use super::*;
use crate::domain::identity::policy::{Evidence, MatchKey, Part, Source};
use crate::domain::identity::{Form, Salt};
use crate::domain::words::CustomerKind;
use crate::domain::{AttributeName, AttributeValue, Customer};

fn key(name: &str, weight: i32, customers_max: i32) -> MatchKey {
    MatchKey {
        name: name.to_owned(),
        parts: vec![Part {
            sources: vec![Source::Attribute(name.to_owned())],
            form: Form::Words,
        }],
        weight,
        customers_max,
        verified: None,
        blocked: BTreeSet::new(),
    }
}

fn rules(keys: Vec<MatchKey>, propose: i32, merge: i32, members_max: i32) -> Rules {
    Rules {
        keys,
        propose_weight: propose,
        merge_weight: merge,
        record_members_max: members_max,
        ..Rules::default()
    }
}

fn saying(attributes: &[(&str, &str)]) -> Customer {
    let at = Timestamp::from_micros(0);
    let attributes = attributes.iter().map(|(name, value)| {
        let value = AttributeValue::Text((*value).to_owned());
        (AttributeName::parse(name).unwrap(), value)
    });
    Customer {
        id: CustomerId::parse("A").unwrap(),
        kind: CustomerKind::Individual,
        display_name: String::new(),
        external_ids: Vec::new(),
        attributes: attributes.collect(),
        joined_at: at,
        created_at: at,
        updated_at: at,
        payment: None,
        version: 1,
        import: None,
    }
}

const SALT: Salt = Salt([7; 16]);

fn prints(key: &MatchKey, customer: &Customer) -> BTreeSet<Fingerprint> {
    let numbers = &[];
    key.fingerprints(Evidence { customer, numbers }, &SALT)
}

#[test]
fn a_key_of_two_parts_needs_both_and_a_flag_where_it_asks_for_one() {
    let mut both = key("mail", 1, 2);
    both.parts.push(Part {
        sources: vec![Source::Attribute("born".into())],
        form: Form::Date,
    });
    let whole = saying(&[("mail", "A b"), ("born", "2000-01-02")]);
    let same = saying(&[("mail", "a  B"), ("born", "02.01.2000")]);
    let half = saying(&[("mail", "a b")]);
    let other = saying(&[("mail", "a b"), ("born", "2000-01-03")]);
    assert_eq!(prints(&both, &whole), prints(&both, &same));
    assert_ne!(prints(&both, &whole), prints(&both, &other));
    assert!(prints(&both, &half).is_empty());

    both.verified = Some("sure".into());
    assert!(prints(&both, &whole).is_empty());
    let mut sure = whole;
    let flag = AttributeName::parse("sure").unwrap();
    sure.attributes
        .insert(flag.clone(), AttributeValue::Flag(false));
    assert!(prints(&both, &sure).is_empty());
    sure.attributes.insert(flag, AttributeValue::Flag(true));
    assert_eq!(prints(&both, &sure).len(), 1);
}

#[test]
fn a_blocked_value_says_nothing_however_it_is_written() {
    let mut mail = key("mail", 1, 2);
    mail.blocked = SALT.blocked(&mail.parts, "Nobody AT home");
    assert!(prints(&mail, &saying(&[("mail", " nobody at  HOME")])).is_empty());
    assert_eq!(prints(&mail, &saying(&[("mail", "somebody")])).len(), 1);
}

#[test]
fn ids_are_found_by_lane_and_name() {
    let mut census = Census::default();
    let ids = [(0, "b"), (0, "d"), (3, "a"), (3, "c"), (4, "x")];
    let id = |text: &str| CustomerId::parse(text).unwrap();
    for (number, (lane, text)) in (0..).zip(ids) {
        assert_eq!(census.push(lane, &id(text)), Some(number));
    }
    for (number, (lane, text)) in (0..).zip(ids) {
        assert_eq!(census.find(lane, &id(text)), Some(number));
        assert_eq!(census.id(number), text);
    }
    for (lane, text) in [(0, "a"), (0, "c"), (0, "e"), (1, "b"), (3, "x"), (4, "a")] {
        assert_eq!(census.find(lane, &id(text)), None);
    }
}

#[test]
fn a_large_base_is_walked_in_shares_that_miss_nothing() {
    assert_eq!(
        [walks(0, 3), walks(1_000_000, 4), walks(1_000_001, 4)],
        [1, 1, 2]
    );
    for first in 0..=u8::MAX {
        let mut fingerprint = Fingerprint::default();
        fingerprint[0] = first;
        let of = (0..7).filter(|walk| is_of_walk(&fingerprint, *walk, 7));
        assert_eq!(of.count(), 1);
    }
}

/// A chain of strong pairs is too large, whatever each of them says.
#[test]
fn what_is_too_large_is_quarantined_and_nothing_of_it_is_merged() {
    let rules = rules(vec![key("mail", 10, 2)], 5, 10, 3);
    let mut pairs = Pairs::default();
    for one in 0..3 {
        pairs.agreed.insert((one, one + 1), 1);
    }
    pairs.agreed.insert((5, 6), 1);
    let decision = decide(8, &[], &pairs, &rules);
    let expected = Quarantine {
        size: 4,
        members: vec![0, 1, 2, 3],
        keys: 1,
    };
    assert_eq!(decision.quarantines, [expected]);
    assert_eq!(
        decision.merges,
        [Pair {
            one: 5,
            other: 6,
            keys: 1
        }]
    );
}

#[test]
fn a_link_of_a_policy_that_the_rules_would_not_make_is_a_split() {
    let rules = rules(vec![key("mail", 10, 2)], 5, 10, 8);
    let link = |one, other, by_policy| Known {
        one,
        other,
        by_policy,
    };
    let known = [link(0, 1, true), link(3, 2, true), link(4, 5, false)];
    let mut pairs = Pairs::default();
    pairs.agreed.insert((2, 3), 1);
    let decision = decide(6, &known, &pairs, &rules);
    assert_eq!(decision.splits, [0]);
    assert!(decision.merges.is_empty() && decision.quarantines.is_empty());
}

/// Returns the colour of each: the lowest number that it hangs together with.
fn paint(count: u32, edges: &[(u32, u32)]) -> Vec<u32> {
    let mut colours: Vec<u32> = (0..count).collect();
    for _ in 0..count {
        for (one, other) in edges {
            let least = colours[*one as usize].min(colours[*other as usize]);
            colours[*one as usize] = least;
            colours[*other as usize] = least;
        }
    }
    colours
}

proptest! {
    #[test]
    fn a_base_is_decided_as_comparing_everybody_with_everybody_does(
        base in prop::collection::vec((0..12_u8, 0..12_u8, 0..6_u8), 1..14),
        links in prop::collection::vec((0..14_u32, 0..14_u32), 0..3),
        members_max in 2..5_i32,
        walks in 1..4_u8,
    ) {
        let keys = vec![key("mail", 10, 3), key("phone", 6, 4), key("card", 5, 2)];
        let rules = rules(keys, 6, 10, members_max);
        let count = u32::try_from(base.len()).unwrap();
        let links: Vec<(u32, u32)> = links
            .into_iter()
            .filter(|(one, other)| one != other && one.max(other) < &count)
            .collect();
        let said: Vec<[String; 3]> = base
            .iter()
            .map(|(mail, phone, card)| [mail, phone, card].map(ToString::to_string))
            .collect();

        let mut pairs = Pairs::default();
        for walk in 0..walks {
            let mut entries = Vec::new();
            for (customer, said) in (0..).zip(&said) {
                let names = [("mail", &*said[0]), ("phone", &*said[1]), ("card", &*said[2])];
                let person = saying(&names);
                for (at, key) in (0..).zip(&rules.keys) {
                    for fingerprint in prints(key, &person) {
                        if is_of_walk(&fingerprint, walk, walks) {
                            entries.push(Entry { key: at, fingerprint, customer });
                        }
                    }
                }
            }
            prop_assert!(pairs.take(entries, &rules));
        }
        let known: Vec<Known> = links
            .iter()
            .map(|(one, other)| Known { one: *one, other: *other, by_policy: false })
            .collect();
        let decision = decide(count, &known, &pairs, &rules);

        // The model: weights of all pairs by hand.
        let mut weights: BTreeMap<(u32, u32), i32> = BTreeMap::new();
        for one in 0..count {
            for other in one + 1..count {
                let mut weight = 0;
                for (at, key) in rules.keys.iter().enumerate() {
                    let value = &said[one as usize][at];
                    let sharing = said.iter().filter(|it| it[at] == *value).count();
                    let is_same = said[other as usize][at] == *value;
                    if is_same && sharing <= usize::try_from(key.customers_max).unwrap() {
                        weight += key.weight;
                    }
                }
                weights.insert((one, other), weight);
            }
        }
        let of = |least: i32, most: i32| -> Vec<(u32, u32)> {
            let weights = weights.iter().filter(|(_, weight)| (least..most).contains(*weight));
            weights.map(|(pair, _)| *pair).collect()
        };
        let before = paint(count, &links);
        let strong = of(10, i32::MAX);
        let whole = paint(count, &[links.clone(), strong.clone()].concat());
        let size = |colour: u32| whole.iter().filter(|it| **it == colour).count();
        let most = usize::try_from(members_max).unwrap();
        let too_large: BTreeSet<u32> = strong
            .iter()
            .filter(|(one, other)| before[*one as usize] != before[*other as usize])
            .map(|(one, _)| whole[*one as usize])
            .filter(|colour| size(*colour) > most)
            .collect();
        prop_assert_eq!(decision.quarantines.len(), too_large.len());
        for quarantine in &decision.quarantines {
            let colour = whole[quarantine.members[0] as usize];
            prop_assert!(too_large.contains(&colour));
            prop_assert_eq!(quarantine.members.len(), size(colour));
            prop_assert_eq!(quarantine.size as usize, size(colour));
        }
        let fitting: Vec<(u32, u32)> = strong
            .iter()
            .copied()
            .filter(|(one, _)| size(whole[*one as usize]) <= most)
            .collect();
        let made: Vec<(u32, u32)> =
            decision.merges.iter().map(|pair| (pair.one, pair.other)).collect();
        let all = |pairs: &[(u32, u32)]| paint(count, &[links.clone(), pairs.to_vec()].concat());
        prop_assert_eq!(all(&made), all(&fitting));
        // No link too many: each joins two records.
        let colours = |of: &[u32]| of.iter().collect::<BTreeSet<_>>().len();
        prop_assert_eq!(made.len(), colours(&before) - colours(&all(&fitting)));
        let mut proposed: Vec<(u32, u32)> =
            decision.proposals.iter().map(|pair| (pair.one, pair.other)).collect();
        proposed.sort_unstable();
        let mut expected = of(6, 10);
        expected.retain(|(one, other)| whole[*one as usize] != whole[*other as usize]);
        prop_assert_eq!(proposed, expected);
    }
}
