//! The consent ledger: what was said, and what follows from all of it at an instant.

use smol_str::SmolStr;
use tenure_core::violation::Mismatch;
use tenure_core::{CustomerId, Timestamp};
use uuid::Uuid;

use super::text;
use super::words::{Channel, ConsentPurpose, ConsentStatus, LegalBasis};

/// The longest contact point, in bytes: the longest address of electronic mail (RFC 5321).
pub const CONTACT_POINT_LENGTH_MAX: usize = 254;
/// The longest name of a source, an actor or a version of a text, in bytes.
pub const LABEL_LENGTH_MAX: usize = 64;

/// A number or an address, as it is compared. Personal data: never shown by `Debug`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContactPoint(SmolStr);

impl ContactPoint {
    /// Parses a contact point; nothing when the text is blank.
    ///
    /// # Errors
    /// When it is longer than 254 bytes or holds control characters.
    pub fn parse(given: &str) -> Result<Option<Self>, Mismatch> {
        let text = text::parse(given, CONTACT_POINT_LENGTH_MAX)?;
        let text = text.trim().to_ascii_lowercase();
        Ok((!text.is_empty()).then(|| Self(text.into())))
    }

    /// Returns the contact point as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for ContactPoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ContactPoint(..)")
    }
}

/// By which channel and where: nothing means every one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Scope {
    /// The channel.
    pub channel: Option<Channel>,
    /// The number or address.
    pub contact_point: Option<ContactPoint>,
}

impl Scope {
    /// Returns true when what is said for `self` is said for `other` as well.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        (self.channel.is_none() || self.channel == other.channel)
            && (self.contact_point.is_none() || self.contact_point == other.contact_point)
    }

    /// Returns how narrow it is: a contact point is narrower than a channel.
    fn narrowness(&self) -> u8 {
        2 * u8::from(self.contact_point.is_some()) + u8::from(self.channel.is_some())
    }
}

/// One record of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// Made by the service.
    pub id: Uuid,
    /// Whose.
    pub customer: CustomerId,
    /// For what.
    pub purpose: ConsentPurpose,
    /// By which channel and where.
    pub scope: Scope,
    /// What was said.
    pub status: ConsentStatus,
    /// What makes the use lawful.
    pub legal_basis: Option<LegalBasis>,
    /// The version of the text that was shown.
    pub text_version: String,
    /// The system that took it.
    pub source: String,
    /// Who recorded it.
    pub actor: String,
    /// From when it holds: when it was said.
    pub valid_from: Timestamp,
    /// Until when; that instant is not part of it.
    pub valid_until: Timestamp,
    /// When it was recorded: later with every record of the customer.
    pub recorded_at: Timestamp,
}

impl Consent {
    /// What was said later has the greater one; what was said at the same time and recorded later
    /// corrects it. Two members of one record may have said both at once: no is no then.
    fn order(&self) -> (Timestamp, Timestamp, bool) {
        let is_no = self.status != ConsentStatus::Granted;
        (self.valid_from, self.recorded_at, is_no)
    }
}

/// What is asked of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// For what.
    pub purpose: ConsentPurpose,
    /// By which channel and where.
    pub scope: Scope,
    /// At which instant.
    pub at: Timestamp,
    /// By what was recorded up to when.
    pub known_at: Timestamp,
}

impl Question {
    /// Returns true when a record was known, had begun, and is about what is asked.
    fn concerns(&self, record: &Consent) -> bool {
        record.purpose == self.purpose
            && record.scope.covers(&self.scope)
            && record.valid_from <= self.at
            && record.recorded_at <= self.known_at
    }
}

/// What follows from the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision<'a> {
    /// The record says what is allowed or not.
    Said(&'a Consent),
    /// The record would have said it, and its time is over.
    Expired(&'a Consent),
    /// There is no record.
    Silent,
}

impl Decision<'_> {
    /// Returns true when the use is allowed. Silence is no consent.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Said(record) if record.status == ConsentStatus::Granted)
    }
}

/// Decides a question on records of one customer, in any order.
///
/// 1. Only records count that were known, had begun, and cover what is asked.
/// 2. Of each scope only the latest counts: by `valid_from`, then by the time of recording. When it
///    has expired the scope says nothing; what it replaced does not come back.
/// 3. The narrowest scope that says something decides: contact point and channel, contact point,
///    channel, neither.
/// 4. But when it says yes, and a wider scope said no later, that no decides: who withdraws
///    everything withdraws every part.
#[must_use]
pub fn decide<'a>(
    records: impl IntoIterator<Item = &'a Consent>,
    question: &Question,
) -> Decision<'a> {
    let mut latest: [Option<&Consent>; 4] = [None; 4];
    for record in records.into_iter().filter(|it| question.concerns(it)) {
        let place = &mut latest[usize::from(record.scope.narrowness())];
        if place.is_none_or(|known| known.order() < record.order()) {
            *place = Some(record);
        }
    }
    let expired = |record: &&Consent| record.valid_until <= question.at;
    let narrowest_first = || latest.iter().rev().flatten().copied();
    let mut speaking = narrowest_first().filter(|record| !expired(record));
    let Some(narrowest) = speaking.next() else {
        let over = narrowest_first().find(expired);
        return over.map_or(Decision::Silent, Decision::Expired);
    };
    let is_no = |record: &&Consent| record.status != ConsentStatus::Granted;
    if is_no(&narrowest) {
        return Decision::Said(narrowest);
    }
    let later_no = speaking.filter(|wider| is_no(wider) && wider.order() > narrowest.order());
    Decision::Said(later_no.max_by_key(|no| no.order()).unwrap_or(narrowest))
}

#[cfg(test)]
mod tests;
