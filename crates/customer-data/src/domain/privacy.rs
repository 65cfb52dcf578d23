//! Erasures, and by what an erased person is recognised.

use tenure_core::{CustomerId, Timestamp};
use uuid::Uuid;

use super::words::ErasureState;
use super::{AttributeValue, ExternalId, Msisdn};

/// This service, in receipts.
pub const SERVICE: &str = "customer-data";
/// The longest name of a service, a step or a person who asks, in bytes.
pub const LABEL_LENGTH_MAX: usize = 64;
/// The longest reason, in bytes.
pub const REASON_LENGTH_MAX: usize = 128;

/// The erasure of one customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// Made by the service.
    pub id: Uuid,
    /// Who is erased.
    pub customer: CustomerId,
    /// Why.
    pub reason: String,
    /// Who asked for it.
    pub requested_by: String,
    /// How far it is.
    pub state: ErasureState,
    /// Behind this number of the customer's lane the feed tells nothing of the customer.
    pub feed_seq: i64,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When the last receipt came.
    pub completed_at: Option<Timestamp>,
    /// What was done, in the order of time.
    pub receipts: Vec<ErasureReceipt>,
}

/// That a step of an erasure is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureReceipt {
    /// By which service.
    pub service: String,
    /// What.
    pub step: String,
    /// How many rows were deleted or emptied.
    pub rows: i64,
    /// When.
    pub done_at: Timestamp,
}

/// The steps of this service, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Rows in the customer's lane are deleted.
    Records,
    /// Fingerprints are kept by which the person is recognised.
    Suppression,
    /// Rows in the lanes of values, and of other customers, are deleted.
    Values,
    /// What the feed told of the customer is emptied.
    Feed,
    /// Answers that name the customer are emptied.
    Answers,
    /// The files of the database hold nothing of it any more.
    Files,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 6] = [
        Self::Records,
        Self::Suppression,
        Self::Values,
        Self::Feed,
        Self::Answers,
        Self::Files,
    ];

    /// Returns the word for it in receipts.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Records => "records",
            Self::Suppression => "suppression",
            Self::Values => "values",
            Self::Feed => "feed",
            Self::Answers => "answers",
            Self::Files => "files",
        }
    }
}

impl Erasure {
    /// Returns the first step of this service that is not done.
    #[must_use]
    pub fn next_step(&self) -> Option<Step> {
        let done = |step: &Step| {
            let mut receipts = self.receipts.iter();
            receipts.any(|it| it.service == SERVICE && it.step == step.as_str())
        };
        Step::ALL.into_iter().find(|step| !done(step))
    }

    /// Returns those of the wanted services that gave no receipt.
    #[must_use]
    pub fn awaited(&self, services: &[String]) -> Vec<String> {
        let gave = |service: &&String| self.receipts.iter().any(|it| it.service == **service);
        services.iter().filter(|it| !gave(it)).cloned().collect()
    }

    /// Completes it when every step and every service is done.
    pub fn settle(&mut self, services: &[String], now: Timestamp) {
        let is_done = self.next_step().is_none() && self.awaited(services).is_empty();
        if is_done && self.state == ErasureState::Running {
            self.state = ErasureState::Completed;
            self.completed_at = Some(now);
        }
    }
}

/// By what a person is recognised. A number alone is not among them: it goes to somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdentifierKind {
    /// The operator's own key.
    CustomerId,
    /// The name in another system.
    ExternalId,
    /// Name and date of birth.
    NameAndBirth,
    /// Name and phone number.
    NameAndNumber,
}

impl IdentifierKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [
        Self::CustomerId,
        Self::ExternalId,
        Self::NameAndBirth,
        Self::NameAndNumber,
    ];

    /// Returns the word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CustomerId => "CUSTOMER_ID",
            Self::ExternalId => "EXTERNAL_ID",
            Self::NameAndBirth => "NAME_AND_BIRTH",
            Self::NameAndNumber => "NAME_AND_NUMBER",
        }
    }

    /// Returns its number in the database.
    #[must_use]
    pub fn number(self) -> i32 {
        self as i32 + 1
    }
}

/// One thing by which a person is recognised, in the form in which it is compared. Personal data:
/// never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Identifier {
    /// What it is.
    pub kind: IdentifierKind,
    /// Its parts, normalised; no part holds the control character that joins them.
    pub text: String,
}

impl std::fmt::Debug for Identifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identifier({:?}, ..)", self.kind)
    }
}

/// Who somebody is, as far as it is told.
#[derive(Clone, Copy)]
pub struct Person<'a> {
    /// The operator's own key.
    pub customer: &'a CustomerId,
    /// The name.
    pub name: &'a str,
    /// The date of birth.
    pub birth: Option<&'a AttributeValue>,
    /// The names in other systems.
    pub external_ids: &'a [ExternalId],
    /// The phone numbers.
    pub numbers: &'a [&'a Msisdn],
}

/// Returns everything by which a person is recognised.
#[must_use]
pub fn identifiers(person: Person<'_>) -> Vec<Identifier> {
    use IdentifierKind as Kind;
    let joined = |kind, parts: [&str; 2]| Identifier {
        kind,
        text: parts.join("\u{1f}"),
    };
    let mut found = vec![joined(Kind::CustomerId, [person.customer.as_str(), ""])];
    let ids = person.external_ids.iter();
    found.extend(ids.map(|id| {
        let name = id.id().trim().to_lowercase();
        joined(Kind::ExternalId, [id.system(), &name])
    }));
    let name = normal_name(person.name);
    if name.is_empty() {
        return found;
    }
    if let Some(birth) = person.birth.map(normal_birth).filter(|it| !it.is_empty()) {
        found.push(joined(Kind::NameAndBirth, [&name, &birth]));
    }
    let numbers = person.numbers.iter();
    found.extend(numbers.map(|number| joined(Kind::NameAndNumber, [&name, number.as_str()])));
    found
}

/// A name is the same in another order of its words, in capitals, and with other signs between.
fn normal_name(name: &str) -> String {
    let lower = name.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric());
    let mut words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.sort_unstable();
    words.join(" ")
}

/// A date is the same with other signs between its digits.
fn normal_birth(birth: &AttributeValue) -> String {
    match birth {
        AttributeValue::Text(text) => text.chars().filter(char::is_ascii_digit).collect(),
        AttributeValue::Integer(number) => number.to_string(),
        AttributeValue::Instant(instant) => {
            let (year, month, day) = instant.date();
            format!("{year:04}{month:02}{day:02}")
        }
        AttributeValue::Number(_) | AttributeValue::Flag(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(name: &str, birth: &AttributeValue, number: &str) -> Vec<(IdentifierKind, String)> {
        let customer = CustomerId::parse("C1").unwrap();
        let number = Msisdn::parse(number).unwrap();
        let found = identifiers(Person {
            customer: &customer,
            name,
            birth: Some(birth),
            external_ids: &[ExternalId::parse("crm", "Ab 1").unwrap()],
            numbers: &[&number],
        });
        found.into_iter().map(|it| (it.kind, it.text)).collect()
    }

    #[test]
    fn a_person_is_the_same_in_other_writing() {
        let instant = AttributeValue::Instant(Timestamp::parse("1815-12-10").unwrap());
        let text = |text: &str| AttributeValue::Text(text.into());

        let one = texts("Ada  LOVELACE", &text("1815-12-10"), "+999123456");

        assert_eq!(texts("Lovelace, Ada", &instant, "+999123456"), one);
        assert_eq!(
            texts("ada lovelace", &text("1815.12.10"), "+999123456"),
            one
        );
        let birth = &one[2];
        let wanted = (
            IdentifierKind::NameAndBirth,
            "ada lovelace\u{1f}18151210".to_owned(),
        );
        assert_eq!(*birth, wanted);
        assert_ne!(texts("Ada King", &instant, "+999123456")[2], *birth);
    }

    #[test]
    fn without_a_name_neither_birth_nor_number_says_who_it_is() {
        let birth = AttributeValue::Text("1815-12-10".into());
        let kinds: Vec<_> = texts(" - ", &birth, "+999123456")
            .into_iter()
            .map(|it| it.0)
            .collect();
        assert_eq!(
            kinds,
            [IdentifierKind::CustomerId, IdentifierKind::ExternalId]
        );
    }
}
