//! A policy: on what customers are recognised as one, and whose values stand for all.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tenure_core::Timestamp;
use tenure_core::violation::Mismatch;

use super::form::Form;
use super::{MEMBERS_MAX, Survivorship};
use crate::domain::{AttributeName, AttributeValue, Customer, ExternalId, Msisdn};

/// The most keys of a policy: each is a bit of what a pair agrees on.
pub const KEYS_MAX: usize = 16;
/// The most parts of a key.
pub const PARTS_MAX: usize = 4;
/// The most fields of a part.
pub const FIELDS_MAX: usize = 4;
/// The most that weights say.
pub const WEIGHT_MAX: i32 = 1_000;
/// The most customers who may share a value: each pair of them is looked at.
pub const SHARED_MAX: i32 = 10;
/// The size of a record above which nothing is merged without a person, where a policy says none.
pub const RECORD_MEMBERS_DEFAULT: i32 = 8;
/// The most values of one customer for one key: parts with several values multiply.
const VALUES_MAX: usize = 16;
/// The bytes of a fingerprint: with a thousand million of them two are the same by chance once in
/// 10^20.
const FINGERPRINT_BYTES: usize = 16;

/// Where values come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// An attribute.
    Attribute(String),
    /// The name in another system.
    ExternalId(String),
    /// The name to address the customer by.
    DisplayName,
    /// The numbers that running subscriptions hold.
    Msisdn,
}

impl Source {
    /// Parses the name of a field.
    ///
    /// # Errors
    /// When it is none of those that values come from.
    pub fn parse(text: &str) -> Result<Self, Mismatch> {
        if let Some(name) = text.strip_prefix("attributes.") {
            return AttributeName::parse(name).map(|_| Self::Attribute(name.to_owned()));
        }
        if let Some(system) = text.strip_prefix("external_ids.") {
            return ExternalId::parse_system(system).map(|()| Self::ExternalId(system.to_owned()));
        }
        match text {
            "display_name" => Ok(Self::DisplayName),
            "msisdn" => Ok(Self::Msisdn),
            _ => {
                let wanted = "attributes.NAME, external_ids.SYSTEM, display_name or msisdn";
                Err(Mismatch::new(
                    wanted,
                    format!("{} bytes that are none", text.len()),
                ))
            }
        }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Attribute(name) => write!(f, "attributes.{name}"),
            Self::ExternalId(system) => write!(f, "external_ids.{system}"),
            Self::DisplayName => f.write_str("display_name"),
            Self::Msisdn => f.write_str("msisdn"),
        }
    }
}

/// One part of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Where values come from: each counts.
    pub sources: Vec<Source>,
    /// How they are written before they are compared.
    pub form: Form,
}

/// What two customers of one person have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchKey {
    /// The operator's name for it.
    pub name: String,
    /// All of which have to agree.
    pub parts: Vec<Part>,
    /// How much it says.
    pub weight: i32,
    /// The most customers who may share a value of it.
    pub customers_max: i32,
    /// The flag without which the values do not count.
    pub verified: Option<String>,
    /// Fingerprints of values that say nothing.
    pub blocked: BTreeSet<String>,
}

/// The rules of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rules {
    /// What it is for.
    pub description: String,
    /// On what customers are recognised.
    pub keys: Vec<MatchKey>,
    /// From what weight on a pair is proposed.
    pub propose_weight: i32,
    /// From what weight on a pair is merged; 0 for never.
    pub merge_weight: i32,
    /// A record with more members is never merged without a person.
    pub record_members_max: i32,
    /// Whose values stand for all.
    pub survivorship: Survivorship,
}

impl Rules {
    /// Returns the most members of a record that is merged without a person.
    #[must_use]
    pub fn members_max(&self) -> usize {
        usize::try_from(self.record_members_max).map_or(MEMBERS_MAX, |max| max.min(MEMBERS_MAX))
    }

    /// Returns true when numbers of subscriptions are asked for.
    #[must_use]
    pub fn needs_numbers(&self) -> bool {
        let parts = self.keys.iter().flat_map(|key| &key.parts);
        parts
            .flat_map(|part| &part.sources)
            .any(|it| *it == Source::Msisdn)
    }

    /// Returns the keys on which two customers agree, as bits, and what they agree on for the first of
    /// them; nothing when they agree on none.
    #[must_use]
    pub fn agreement(
        &self,
        one: Evidence<'_>,
        other: Evidence<'_>,
        salt: &Salt,
    ) -> Option<(u16, Fingerprint)> {
        let mut agreed = None;
        for (at, key) in self.keys.iter().enumerate() {
            let others = key.fingerprints(other, salt);
            let common = key
                .fingerprints(one, salt)
                .into_iter()
                .find(|it| others.contains(it));
            if let Some(common) = common {
                let (keys, _) = agreed.get_or_insert((0, common));
                *keys |= 1 << at;
            }
        }
        agreed
    }

    /// Returns the sum of the weights of some keys, given as bits.
    #[must_use]
    pub fn weight(&self, keys: u16) -> i32 {
        let agreed = self.keys.iter().enumerate();
        agreed
            .filter(|(at, _)| keys >> at & 1 == 1)
            .map(|(_, key)| key.weight)
            .sum()
    }

    /// Returns the first of some keys, given as bits.
    #[must_use]
    pub fn first_key(&self, keys: u16) -> Option<&MatchKey> {
        self.keys.get(keys.trailing_zeros() as usize)
    }
}

/// A version of the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Counts from 1.
    pub version: i64,
    /// The rules.
    pub rules: Rules,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last activated.
    pub activated_at: Option<Timestamp>,
    /// Whether it is in force.
    pub is_active: bool,
}

/// What customers agree on, in place of it. Values with few possibilities can be found by trying:
/// fingerprints hide them from who reads a log or a feed, not from who has the database.
pub type Fingerprint = [u8; FINGERPRINT_BYTES];

/// Returns a fingerprint as it is shown.
#[must_use]
pub fn show(fingerprint: &Fingerprint) -> String {
    fingerprint
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Makes the fingerprints of one database: another one has others for the same values.
#[derive(Debug, Clone, Copy)]
pub struct Salt(pub [u8; 16]);

impl Salt {
    fn of(&self, name: &str, values: &[&str]) -> Fingerprint {
        let mut hash = Sha256::new();
        hash.update(self.0);
        for text in std::iter::once(&name).chain(values) {
            let length = u64::try_from(text.len()).expect("a length fits");
            hash.update(length.to_le_bytes());
            hash.update(text.as_bytes());
        }
        let mut fingerprint = Fingerprint::default();
        fingerprint.copy_from_slice(&hash.finalize()[..FINGERPRINT_BYTES]);
        fingerprint
    }

    /// Returns the fingerprints of a value that says nothing, in the form of each part; empty when it
    /// is a value of none.
    #[must_use]
    pub fn blocked(&self, parts: &[Part], value: &str) -> BTreeSet<String> {
        let values = parts.iter().filter_map(|part| part.form.text(value));
        values.map(|value| show(&self.of("", &[&value]))).collect()
    }
}

/// What is known of a customer that keys may be made of.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The customer's own record.
    pub customer: &'a Customer,
    /// The numbers that running subscriptions hold.
    pub numbers: &'a [Msisdn],
}

impl MatchKey {
    /// Returns the fingerprints of what a customer says for this key, each once.
    #[must_use]
    pub fn fingerprints(&self, evidence: Evidence<'_>, salt: &Salt) -> BTreeSet<Fingerprint> {
        if !self.is_verified(evidence.customer) {
            return BTreeSet::new();
        }
        let mut values: Vec<Vec<String>> = vec![Vec::new()];
        for part in &self.parts {
            let found = self.values(part, evidence, salt);
            let longer = values.iter().flat_map(|before| {
                found.iter().map(move |value| {
                    let mut longer = before.clone();
                    longer.push(value.clone());
                    longer
                })
            });
            values = longer.take(VALUES_MAX).collect();
        }
        let of = |values: &Vec<String>| {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            salt.of(&self.name, &values)
        };
        values.iter().map(of).collect()
    }

    fn is_verified(&self, customer: &Customer) -> bool {
        let Some(flag) = &self.verified else {
            return true;
        };
        attribute(customer, flag) == Some(&AttributeValue::Flag(true))
    }

    fn values(&self, part: &Part, evidence: Evidence<'_>, salt: &Salt) -> BTreeSet<String> {
        let mut values = BTreeSet::new();
        let customer = evidence.customer;
        for source in &part.sources {
            match source {
                Source::Attribute(name) => {
                    let value = attribute(customer, name);
                    values.extend(value.and_then(|value| part.form.value(value)));
                }
                Source::ExternalId(system) => {
                    let ids = customer.external_ids.iter();
                    let ids = ids.filter(|id| id.system() == system);
                    values.extend(ids.filter_map(|id| part.form.text(id.id())));
                }
                Source::DisplayName => values.extend(part.form.text(&customer.display_name)),
                Source::Msisdn => {
                    let numbers = evidence.numbers.iter();
                    values.extend(numbers.filter_map(|number| part.form.text(number.as_str())));
                }
            }
        }
        values.retain(|value| !self.blocked.contains(&show(&salt.of("", &[value]))));
        values
    }
}

fn attribute<'a>(customer: &'a Customer, name: &str) -> Option<&'a AttributeValue> {
    customer.attributes.get(&AttributeName::parse(name).ok()?)
}
