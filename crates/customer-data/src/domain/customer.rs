//! A customer's own record, and how an upsert changes it.

use std::collections::BTreeMap;

use smol_str::SmolStr;
use tenure_core::violation::Mismatch;
use tenure_core::{CustomerId, Span, Timestamp};
use uuid::Uuid;

use super::attribute::{ATTRIBUTES_MAX, AttributeName, AttributeValue};
use super::refusal::{Reason, Refusal};
use super::text;
use super::words::{CustomerKind, PaymentStatus};

/// The longest name to address a customer by, in bytes.
pub const DISPLAY_NAME_LENGTH_MAX: usize = 200;
/// The most names of one customer in other systems.
pub const EXTERNAL_IDS_MAX: usize = 16;

/// The name that another system gives to a customer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExternalId {
    system: SmolStr,
    id: SmolStr,
}

impl ExternalId {
    /// Parses the name of the system.
    ///
    /// # Errors
    /// When it is not 1 to 64 printable ASCII characters.
    pub fn parse_system(system: &str) -> Result<(), Mismatch> {
        let printable = system.bytes().all(|c| (b' '..=b'~').contains(&c));
        if (1..=64).contains(&system.len()) && printable {
            return Ok(());
        }
        let found = if printable {
            format!("{} bytes", system.len())
        } else {
            "others".into()
        };
        Err(Mismatch::new("1 to 64 printable ASCII characters", found))
    }

    /// Parses the id in that system.
    ///
    /// # Errors
    /// When it is not 1 to 128 bytes of text.
    pub fn parse_id(id: &str) -> Result<(), Mismatch> {
        text::parse_required(id, 128).map(drop)
    }

    /// Parses both parts.
    ///
    /// # Errors
    /// When either is wrong.
    pub fn parse(system: &str, id: &str) -> Result<Self, Mismatch> {
        Self::parse_system(system)?;
        Self::parse_id(id)?;
        Ok(Self {
            system: system.into(),
            id: id.into(),
        })
    }

    /// Returns the system.
    #[must_use]
    pub fn system(&self) -> &str {
        &self.system
    }

    /// Returns the id in that system.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns system and id as one key, for the lane of the value.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}\u{1f}{}", self.system, self.id)
    }
}

/// What tells two states of a record apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Etag(i64);

impl Etag {
    /// Returns the etag of a version.
    #[must_use]
    pub fn of(version: i64) -> Self {
        Self(version)
    }

    /// Reads an etag; whatever is none of ours equals no version.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let version = text
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'));
        Self(
            version
                .and_then(|version| version.parse().ok())
                .unwrap_or(-1),
        )
    }
}

impl std::fmt::Display for Etag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

/// Where in which import a customer was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportMark {
    /// The import.
    pub import_id: Uuid,
    /// The line of its file.
    pub line: i64,
}

/// A customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Customer {
    /// The operator's own key.
    pub id: CustomerId,
    /// Person or organisation.
    pub kind: CustomerKind,
    /// Name to address the customer by; may be empty.
    pub display_name: String,
    /// Names in other systems, in order.
    pub external_ids: Vec<ExternalId>,
    /// Facts of the operator's choice.
    pub attributes: BTreeMap<AttributeName, AttributeValue>,
    /// When the customer became one.
    pub joined_at: Timestamp,
    /// When the record was created.
    pub created_at: Timestamp,
    /// When the record was last changed.
    pub updated_at: Timestamp,
    /// The condition of the customer's bills, and since when: later with every change of it.
    pub payment: Option<(PaymentStatus, Timestamp)>,
    /// Counts the changes.
    pub version: i64,
    /// The import that took the customer in last.
    pub import: Option<ImportMark>,
}

/// What a call says about a customer; what it does not say stays as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomerPatch {
    /// Whom.
    pub id: CustomerId,
    /// Required for a new customer.
    pub kind: Option<CustomerKind>,
    /// A new name.
    pub display_name: Option<String>,
    /// Replace all names of the same systems.
    pub external_ids: Vec<ExternalId>,
    /// Replace the values of the same names; nothing removes the attribute.
    pub attributes: Vec<(AttributeName, Option<AttributeValue>)>,
    /// When the customer became one.
    pub joined_at: Option<Timestamp>,
    /// The condition of the customer's bills.
    pub payment: Option<PaymentStatus>,
    /// The version that the caller read.
    pub etag: Option<Etag>,
}

impl CustomerPatch {
    /// Returns the value that it gives to an attribute.
    #[must_use]
    pub fn attribute(&self, name: &AttributeName) -> Option<&AttributeValue> {
        let mut given = self.attributes.iter().filter(|(given, _)| given == name);
        given.next()?.1.as_ref()
    }
}

impl Customer {
    /// Creates the customer that `patch` describes.
    ///
    /// # Errors
    /// When the kind is missing, or an etag was given for what did not exist.
    pub fn create(patch: &CustomerPatch, now: Timestamp) -> Result<Self, Refusal> {
        if patch.etag.is_some() {
            return Err(Refusal::new(
                Reason::EtagMismatch,
                "etag",
                "none",
                "an etag",
            ));
        }
        let Some(kind) = patch.kind else {
            let wanted = "the kind of a new customer";
            return Err(Refusal::new(
                Reason::InvalidFields,
                "kind",
                wanted,
                "nothing",
            ));
        };
        let new = Self {
            id: patch.id.clone(),
            kind,
            display_name: String::new(),
            external_ids: Vec::new(),
            attributes: BTreeMap::new(),
            joined_at: patch.joined_at.unwrap_or(now),
            created_at: now,
            updated_at: now,
            payment: None,
            version: 1,
            import: None,
        };
        new.merged(patch, now)
    }

    /// Returns the customer as `patch` changes it; equal to `self` when nothing differs.
    ///
    /// # Errors
    /// When the etag is another, or a limit would be passed.
    pub fn update(&self, patch: &CustomerPatch, now: Timestamp) -> Result<Self, Refusal> {
        if patch
            .etag
            .is_some_and(|etag| etag != Etag::of(self.version))
        {
            let wanted = "the current etag";
            return Err(Refusal::new(
                Reason::EtagMismatch,
                "etag",
                wanted,
                "another",
            ));
        }
        let mut merged = self.clone().merged(patch, now)?;
        if merged != *self {
            merged.version += 1;
            merged.updated_at = now;
        }
        Ok(merged)
    }

    fn merged(mut self, patch: &CustomerPatch, now: Timestamp) -> Result<Self, Refusal> {
        let before = self.payment;
        if let Some(status) = patch.payment
            && before.is_none_or(|(known, _)| known != status)
        {
            let least = before.map_or(now, |(_, since)| since + Span::from_micros(1));
            self.payment = Some((status, now.max(least)));
        }
        self.kind = patch.kind.unwrap_or(self.kind);
        self.joined_at = patch.joined_at.unwrap_or(self.joined_at);
        if let Some(name) = &patch.display_name {
            self.display_name.clone_from(name);
        }
        let given = |known: &ExternalId| {
            patch
                .external_ids
                .iter()
                .any(|given| given.system == known.system)
        };
        self.external_ids.retain(|known| !given(known));
        self.external_ids.extend_from_slice(&patch.external_ids);
        self.external_ids.sort();
        self.external_ids.dedup();
        for (name, value) in &patch.attributes {
            match value {
                Some(value) => drop(self.attributes.insert(name.clone(), value.clone())),
                None => drop(self.attributes.remove(name)),
            }
        }
        at_most("external_ids", self.external_ids.len(), EXTERNAL_IDS_MAX)?;
        at_most("attributes", self.attributes.len(), ATTRIBUTES_MAX)?;
        Ok(self)
    }
}

fn at_most(field: &str, count: usize, max: usize) -> Result<(), Refusal> {
    if count <= max {
        return Ok(());
    }
    let wanted = format!("at most {max} together with those known");
    Err(Refusal::new(
        Reason::InvalidFields,
        field,
        wanted,
        format!("{count}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000);
    const LATER: Timestamp = Timestamp::from_micros(2_000_000);

    fn patch() -> CustomerPatch {
        CustomerPatch {
            id: CustomerId::parse("C1").unwrap(),
            kind: None,
            display_name: None,
            external_ids: Vec::new(),
            attributes: Vec::new(),
            joined_at: None,
            payment: None,
            etag: None,
        }
    }

    fn known() -> Customer {
        let new = CustomerPatch {
            kind: Some(CustomerKind::Individual),
            display_name: Some("Ada".into()),
            external_ids: vec![
                ExternalId::parse("crm", "1").unwrap(),
                ExternalId::parse("billing", "9").unwrap(),
            ],
            attributes: vec![flag("a", Some(true)), flag("b", Some(true))],
            ..patch()
        };
        Customer::create(&new, NOW).unwrap()
    }

    fn flag(name: &str, value: Option<bool>) -> (AttributeName, Option<AttributeValue>) {
        (
            AttributeName::parse(name).unwrap(),
            value.map(AttributeValue::Flag),
        )
    }

    #[test]
    fn what_a_patch_does_not_say_stays_and_an_equal_one_changes_nothing() {
        assert_eq!(known().update(&patch(), LATER).unwrap(), known());

        let same = CustomerPatch {
            attributes: vec![flag("a", Some(true))],
            ..patch()
        };
        assert_eq!(known().update(&same, LATER).unwrap().version, 1);
    }

    #[test]
    fn attributes_are_merged_by_name_and_removed_by_an_empty_value() {
        let attributes = vec![flag("a", None), flag("c", Some(false))];
        let changed = known()
            .update(
                &CustomerPatch {
                    attributes,
                    ..patch()
                },
                LATER,
            )
            .unwrap();

        let names: Vec<_> = changed
            .attributes
            .keys()
            .map(AttributeName::as_str)
            .collect();
        assert_eq!(names, ["b", "c"]);
        assert_eq!(
            (changed.version, changed.updated_at, changed.created_at),
            (2, LATER, NOW)
        );
    }

    #[test]
    fn external_ids_replace_those_of_their_system_only() {
        let external_ids = vec![ExternalId::parse("crm", "2").unwrap()];
        let changed = known()
            .update(
                &CustomerPatch {
                    external_ids,
                    ..patch()
                },
                LATER,
            )
            .unwrap();

        let keys: Vec<_> = changed
            .external_ids
            .iter()
            .map(|id| (id.system(), id.id()))
            .collect();
        assert_eq!(keys, [("billing", "9"), ("crm", "2")]);
    }

    #[test]
    fn an_etag_must_be_the_current_one() {
        let stale = CustomerPatch {
            etag: Some(Etag::read("\"0\"")),
            ..patch()
        };
        let current = CustomerPatch {
            etag: Some(Etag::read("\"1\"")),
            ..patch()
        };

        assert_eq!(
            known().update(&stale, LATER).unwrap_err().reason,
            Reason::EtagMismatch
        );
        assert!(known().update(&current, LATER).is_ok());
        assert_eq!(Etag::read("1"), Etag::read("anything"));
        assert_eq!(
            Customer::create(&current, NOW).unwrap_err().reason,
            Reason::EtagMismatch
        );
    }

    #[test]
    fn a_new_customer_needs_a_kind_and_limits_hold_after_merging() {
        assert_eq!(Customer::create(&patch(), NOW).unwrap_err().field, "kind");

        let many = (0..199)
            .map(|n| flag(&format!("x{n}"), Some(true)))
            .collect();
        let refused = known().update(
            &CustomerPatch {
                attributes: many,
                ..patch()
            },
            LATER,
        );
        assert_eq!(refused.unwrap_err().field, "attributes");
    }
}
