//! What is believed of customers: claims of sources, and which of them is shown.
//!
//! A claim takes the place of another one of the same source by when it was observed, never by when it came:
//! claims that come in any order leave the same behind.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use tenure_core::{CustomerId, Timestamp};

use super::identity::{Criterion, Survivorship, Why};
use super::{AttributeName, AttributeValue};

/// The most claims of one customer.
pub const CLAIMS_MAX: usize = 200;
/// The most that a claim, or a policy for its source, is trusted.
pub const TRUST_MAX: i32 = 100;

/// What one source says of a customer under one name.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileClaim {
    /// About whom.
    pub customer: CustomerId,
    /// Under which name.
    pub name: AttributeName,
    /// Who says so.
    pub source: String,
    /// What; nothing when the source withdraws what it said.
    pub value: Option<AttributeValue>,
    /// When the source saw it.
    pub observed_at: Timestamp,
    /// How sure the source is, 1 to 100; 0 where it does not say.
    pub trust: i32,
    /// From then on it is not shown.
    pub expires_at: Option<Timestamp>,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}

/// Of which claims one is kept.
pub type ClaimKey = (CustomerId, AttributeName, String);

impl ProfileClaim {
    /// Returns of which claims it is one.
    #[must_use]
    pub fn key(&self) -> ClaimKey {
        (
            self.customer.clone(),
            self.name.clone(),
            self.source.clone(),
        )
    }

    /// Returns true when it takes the place of `other`, of the same key: it was observed later. Of two that
    /// were observed at one instant one wins whichever came first; that they say the same is no news.
    #[must_use]
    pub fn replaces(&self, other: &Self) -> bool {
        let order = self.observed_at.cmp(&other.observed_at);
        let order = order.then(self.trust.cmp(&other.trust));
        let order = order.then(self.expires_at.cmp(&other.expires_at));
        let values = (self.value.as_ref(), other.value.as_ref());
        order.then_with(|| compare(values.0, values.1)) == Ordering::Greater
    }

    /// Returns true when it can be shown at an instant.
    #[must_use]
    pub fn is_shown_at(&self, at: Timestamp) -> bool {
        self.value.is_some() && self.expires_at.is_none_or(|until| until > at)
    }

    /// Returns how far it is trusted.
    #[must_use]
    pub fn trust_by(&self, rules: &Survivorship) -> i32 {
        if self.trust > 0 {
            return self.trust;
        }
        rules.trust.get(&self.source).copied().unwrap_or(0)
    }
}

/// Any order does, as long as it is always the same one.
fn compare(one: Option<&AttributeValue>, other: Option<&AttributeValue>) -> Ordering {
    let rank = |value: Option<&AttributeValue>| match value {
        None => (0, String::new()),
        Some(AttributeValue::Text(text)) => (1, text.clone()),
        Some(AttributeValue::Integer(integer)) => (2, integer.to_string()),
        Some(AttributeValue::Number(number)) => (3, number.to_bits().to_string()),
        Some(AttributeValue::Flag(flag)) => (4, flag.to_string()),
        Some(AttributeValue::Instant(instant)) => (5, instant.as_micros().to_string()),
    };
    rank(one).cmp(&rank(other))
}

/// Takes a claim in among those that are known. Returns whether it is news.
pub fn take_in(known: &mut BTreeMap<ClaimKey, ProfileClaim>, new: ProfileClaim) -> bool {
    let key = new.key();
    if known.get(&key).is_some_and(|other| !new.replaces(other)) {
        return false;
    }
    known.insert(key, new);
    true
}

/// The claim that is shown under a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown<'c> {
    /// The claim.
    pub claim: &'c ProfileClaim,
    /// How far it is trusted.
    pub trust: i32,
    /// Why this one.
    pub why: Why,
    /// How many could be shown.
    pub count: usize,
}

/// Returns what is shown at an instant of claims about one customer or one record, by name.
#[must_use]
pub fn shown<'c>(
    claims: &'c [ProfileClaim],
    at: Timestamp,
    rules: &Survivorship,
) -> Vec<Shown<'c>> {
    let mut by_name: BTreeMap<&AttributeName, Vec<&ProfileClaim>> = BTreeMap::new();
    for claim in claims.iter().filter(|claim| claim.is_shown_at(at)) {
        by_name.entry(&claim.name).or_default().push(claim);
    }
    let best = by_name.into_iter();
    best.filter_map(|(name, claims)| survivor(name, claims, rules))
        .collect()
}

/// The rules are those by which members of a merged record survive; what is known of a member besides is no
/// reason to believe a claim.
fn survivor<'c>(
    name: &AttributeName,
    mut claims: Vec<&'c ProfileClaim>,
    rules: &Survivorship,
) -> Option<Shown<'c>> {
    let count = claims.len();
    let all_agree = claims.windows(2).all(|pair| pair[0].value == pair[1].value);
    let mut why = if count == 1 {
        Why::OnlyValue
    } else {
        Why::LowestId
    };
    for criterion in rules.criteria(&format!("profile.{}", name.as_str())) {
        let (rank, reason): (fn(&ProfileClaim, &Survivorship) -> i64, Why) = match criterion {
            Criterion::SourceTrust => (|it, rules| it.trust_by(rules).into(), Why::SourceTrust),
            Criterion::Recency => (|it, _| it.observed_at.as_micros(), Why::Recency),
            Criterion::Completeness => continue,
        };
        let before = claims.len();
        let best = claims.iter().map(|it| rank(it, rules)).max()?;
        claims.retain(|it| rank(it, rules) == best);
        if claims.len() < before && claims.len() == 1 {
            why = reason;
        }
    }
    if all_agree && count > 1 {
        why = Why::Agreement;
    }
    let claim = claims
        .into_iter()
        .min_by_key(|it| (&it.source, &it.customer))?;
    Some(Shown {
        claim,
        trust: claim.trust_by(rules),
        why,
        count,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(second * 1_000_000)
    }

    fn claim(source: &str, value: &str, observed: i64) -> ProfileClaim {
        ProfileClaim {
            customer: CustomerId::parse("ada").unwrap(),
            name: AttributeName::parse("hobby").unwrap(),
            source: source.to_owned(),
            value: Some(AttributeValue::Text(value.to_owned())),
            observed_at: at(observed),
            trust: 0,
            expires_at: None,
            recorded_at: at(1_000),
        }
    }

    fn trusted(trust: i32, claim: ProfileClaim) -> ProfileClaim {
        ProfileClaim { trust, ..claim }
    }

    fn one(claims: &[ProfileClaim], second: i64, rules: &Survivorship) -> Option<(String, Why)> {
        let shown = shown(claims, at(second), rules);
        assert!(shown.len() <= 1);
        let found = shown.first()?;
        let Some(AttributeValue::Text(text)) = &found.claim.value else {
            panic!("it is a text");
        };
        Some((text.clone(), found.why))
    }

    fn is(value: &str, why: Why) -> Option<(String, Why)> {
        Some((value.to_owned(), why))
    }

    #[test]
    fn trust_decides_before_recency_and_a_policy_may_say_otherwise() {
        let claims = [
            trusted(60, claim("survey", "chess", 10)),
            trusted(40, claim("model", "golf", 20)),
        ];
        let mut rules = Survivorship::default();
        assert_eq!(one(&claims, 30, &rules), is("chess", Why::SourceTrust));

        let recency = vec![Criterion::Recency];
        rules.rules.insert("profile.hobby".into(), recency.clone());
        assert_eq!(one(&claims, 30, &rules), is("golf", Why::Recency));
        rules.rules.clear();
        rules.rules.insert("*".into(), recency);
        assert_eq!(one(&claims, 30, &rules), is("golf", Why::Recency));
        let trust = vec![Criterion::SourceTrust];
        rules.rules.insert("profile.hobby".into(), trust);
        assert_eq!(one(&claims, 30, &rules), is("chess", Why::SourceTrust));
    }

    #[test]
    fn a_claim_that_does_not_say_is_trusted_as_its_source_is() {
        let claims = [claim("crm", "chess", 10), claim("web", "golf", 20)];
        let mut rules = Survivorship::default();
        assert_eq!(one(&claims, 30, &rules), is("golf", Why::Recency));
        rules.trust.insert("crm".into(), 80);
        assert_eq!(one(&claims, 30, &rules), is("chess", Why::SourceTrust));
        let sure = [claims[0].clone(), trusted(90, claims[1].clone())];
        assert_eq!(one(&sure, 30, &rules), is("golf", Why::SourceTrust));
    }

    #[test]
    fn what_expired_or_was_withdrawn_is_not_shown_and_does_not_come_back() {
        let rules = Survivorship::default();
        let mut short = trusted(90, claim("survey", "chess", 10));
        short.expires_at = Some(at(50));
        let mut known = BTreeMap::new();
        assert!(take_in(&mut known, claim("survey", "go", 5)));
        assert!(take_in(&mut known, short));
        assert!(take_in(&mut known, claim("model", "golf", 1)));
        let claims: Vec<_> = known.values().cloned().collect();
        assert_eq!(one(&claims, 49, &rules), is("chess", Why::SourceTrust));
        assert_eq!(one(&claims, 50, &rules), is("golf", Why::OnlyValue));

        let mut withdrawn = claim("model", "", 60);
        withdrawn.value = None;
        assert!(take_in(&mut known, withdrawn));
        assert!(!take_in(&mut known, claim("model", "late", 59)));
        let claims: Vec<_> = known.values().cloned().collect();
        assert_eq!(one(&claims, 70, &rules), None);
    }

    #[test]
    fn those_that_agree_are_said_to_and_the_first_source_by_name_is_left() {
        let rules = Survivorship::default();
        let claims = [claim("b", "chess", 1), claim("a", "chess", 2)];
        assert_eq!(one(&claims, 9, &rules), is("chess", Why::Agreement));
        let claims = [claim("b", "golf", 1), claim("a", "chess", 1)];
        assert_eq!(one(&claims, 9, &rules), is("chess", Why::LowestId));
    }

    /// Few instants, sources and values, so that claims meet.
    fn claims() -> impl Strategy<Value = Vec<ProfileClaim>> {
        let expires = prop::option::of(3..9_i64);
        let one = (0..3_usize, 0..4_u8, 0..4_i64, 0..3_i32, expires, 0..2_usize);
        let claim = one.prop_map(|(source, value, observed, trust, expires, customer)| {
            let mut made = claim(["crm", "model", "survey"][source], "", observed);
            made.customer = CustomerId::parse(["ada", "ada-web"][customer]).unwrap();
            made.value = match value {
                0 => None,
                1 => Some(AttributeValue::Flag(true)),
                2 => Some(AttributeValue::Number(0.5)),
                _ => Some(AttributeValue::Text("chess".into())),
            };
            (made.trust, made.expires_at) = (trust * 40, expires.map(at));
            made
        });
        prop::collection::vec(claim, 0..12)
    }

    proptest! {
        #[test]
        fn claims_that_come_in_any_order_and_again_show_the_same(
            (came, otherwise) in claims().prop_flat_map(|it| (Just(it.clone()), Just(it).prop_shuffle())),
            instant in 0..10_i64,
        ) {
            let mut rules = Survivorship::default();
            rules.trust.insert("crm".into(), 50);
            let take = |claims: &[ProfileClaim]| {
                let mut known = BTreeMap::new();
                for claim in claims {
                    take_in(&mut known, claim.clone());
                }
                known
            };
            let (one, mut other) = (take(&came), take(&otherwise));
            for claim in &came {
                prop_assert!(!take_in(&mut other, claim.clone()));
            }
            prop_assert_eq!(&one, &other);

            // The model: of each key the latest, of these the best; nobody better is left out.
            let kept: Vec<ProfileClaim> = one.into_values().collect();
            let shown = shown(&kept, at(instant), &rules);
            let could: Vec<_> = kept.iter().filter(|it| {
                let ended = it.expires_at.is_some_and(|until| until <= at(instant));
                it.value.is_some() && !ended
            }).collect();
            prop_assert_eq!(shown.len(), usize::from(!could.is_empty()));
            for found in &shown {
                let rank = |it: &ProfileClaim| {
                    let trust = if it.trust > 0 { it.trust } else if it.source == "crm" { 50 } else { 0 };
                    (trust, it.observed_at)
                };
                prop_assert!(could.iter().all(|it| rank(it) <= rank(found.claim)));
                prop_assert_eq!(found.count, could.len());
            }
            for claim in &kept {
                let same = came.iter().filter(|it| it.key() == claim.key());
                prop_assert_eq!(same.map(|it| it.observed_at).max(), Some(claim.observed_at));
            }
        }
    }
}
