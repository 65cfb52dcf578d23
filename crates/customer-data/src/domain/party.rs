//! What is known of a customer as a party: status, name, where to reach it.

use tenure_core::violation::Mismatch;
use tenure_core::{CustomerId, MediumId, Timestamp};

use super::refusal::{Reason, Refusal};
use super::words::{CustomerKind, numbered};
use super::{Interval, Msisdn};

/// The longest part of a name or an address, in bytes.
pub const PART_LENGTH_MAX: usize = 100;
/// The longest registered name of an organisation, in bytes.
pub const LEGAL_NAME_LENGTH_MAX: usize = 200;
/// The longest reason of a status, in bytes.
pub const STATUS_REASON_LENGTH_MAX: usize = 128;
/// The most ways to reach one customer: more are a mistake of the source.
pub const MEDIA_MAX: usize = 32;
/// The longest e-mail address that can be delivered to (RFC 5321).
const EMAIL_LENGTH_MAX: usize = 254;

numbered! {
    /// How a customer stands.
    CustomerStatus {
        /// The record was made, nothing was checked.
        Initialized = 1,
        /// Identity was checked.
        Validated = 2,
        /// The customer has what was bought.
        Active = 3,
        /// The customer left, or the organisation is no more.
        Closed = 4,
        /// The person died.
        Deceased = 5,
    }
}
numbered! {
    /// By what means a customer is reached.
    MediumKind {
        /// By phone.
        Phone = 1,
        /// By e-mail.
        Email = 2,
        /// By letter.
        Post = 3,
    }
}

/// How a customer stands since an instant; until the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The word.
    pub status: CustomerStatus,
    /// The operator's reason.
    pub reason: String,
    /// Since when, and until when.
    pub valid: Interval,
}

/// Parts of a name. Personal data: never shown by `Debug`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct PartyName {
    /// Form of address.
    pub title: String,
    /// Given name.
    pub given_name: String,
    /// Further given names.
    pub middle_name: String,
    /// Family name.
    pub family_name: String,
    /// Registered name of an organisation.
    pub legal_name: String,
}

impl PartyName {
    /// Returns true when nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl std::fmt::Debug for PartyName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PartyName(..)")
    }
}

/// An e-mail address. Personal data: never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailAddress(Box<str>);

impl EmailAddress {
    /// Parses an address: what a mail server will say of it nobody knows before.
    ///
    /// # Errors
    /// When it is not one `@` between two parts without spaces, 3 to 254 bytes.
    pub fn parse(text: &str) -> Result<Self, Mismatch> {
        let fits = (3..=EMAIL_LENGTH_MAX).contains(&text.len());
        let plain = !text.chars().any(|c| c.is_control() || c.is_whitespace());
        let parts = text.split_once('@');
        let whole = parts.is_some_and(|(name, host)| {
            !name.is_empty() && !host.is_empty() && !host.contains('@')
        });
        if fits && plain && whole {
            return Ok(Self(text.into()));
        }
        let wanted = "an e-mail address of 3 to 254 bytes with one @ between two parts";
        Err(Mismatch::new(
            wanted,
            format!("{} bytes that are none", text.len()),
        ))
    }

    /// Returns the address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EmailAddress(..)")
    }
}

/// A postal address. Personal data: never shown by `Debug`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct PostalAddress {
    /// Street and number.
    pub street: String,
    /// Postal code.
    pub postal_code: String,
    /// Town.
    pub city: String,
    /// State or province.
    pub region: String,
    /// ISO 3166-1 code of two capital letters, or empty.
    pub country_code: String,
}

impl std::fmt::Debug for PostalAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PostalAddress(..)")
    }
}

/// Where a customer is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// By phone.
    Phone(Msisdn),
    /// By e-mail.
    Email(EmailAddress),
    /// By letter.
    Post(PostalAddress),
}

impl Reach {
    /// Returns by what means.
    #[must_use]
    pub fn kind(&self) -> MediumKind {
        match self {
            Self::Phone(_) => MediumKind::Phone,
            Self::Email(_) => MediumKind::Email,
            Self::Post(_) => MediumKind::Post,
        }
    }
}

/// One way to reach a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactMedium {
    /// The operator's own key, unique for the customer.
    pub id: MediumId,
    /// Where.
    pub reach: Reach,
    /// The customer prefers it among those of its kind.
    pub is_preferred: bool,
    /// When it is valid.
    pub valid: Interval,
}

/// What is known of a customer as a party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// The customer.
    pub customer: CustomerId,
    /// How the customer stands last.
    pub status: Option<Status>,
    /// The name; empty while nobody said.
    pub name: PartyName,
    /// All ways to reach the customer, by id.
    pub media: Vec<ContactMedium>,
}

impl Party {
    /// Leaves out what does not reach the customer at an instant.
    #[must_use]
    pub fn at(mut self, at: Timestamp) -> Self {
        self.media.retain(|medium| medium.valid.contains(at));
        self.status = self.status.filter(|status| status.valid.contains(at));
        self
    }

    /// Changes how the customer stands, and returns both rows that say so: the one that ends and the
    /// one that begins. Nothing when the customer stands so already.
    ///
    /// # Errors
    /// When the step is none, the status is not one of such a customer, or it would begin before the
    /// present one.
    pub fn change_status(
        &mut self,
        kind: CustomerKind,
        status: CustomerStatus,
        reason: String,
        at: Timestamp,
    ) -> Result<Option<(Option<Status>, Status)>, Refusal> {
        if status == CustomerStatus::Deceased && kind != CustomerKind::Individual {
            let (reason, wanted) = (Reason::InvalidFields, "a status of an organisation");
            return Err(Refusal::new(reason, "status", wanted, "one of persons"));
        }
        let before = self.status.take();
        if let Some(before) = &before {
            if before.status == status && before.reason == reason {
                self.status = Some(before.clone());
                return Ok(None);
            }
            if before.status != status && !leads(before.status, status) {
                let wanted = "a status that the present one leads to";
                let found = format!("{status:?} after {:?}", before.status);
                return Err(Refusal::new(
                    Reason::StatusChangeRefused,
                    "status",
                    wanted,
                    found,
                ));
            }
        }
        let ended = before.map(|before| match before.valid.cut(at) {
            Some(valid) => Ok(Status { valid, ..before }),
            None => {
                let (reason, wanted) = (Reason::InvalidFields, "after the present status began");
                Err(Refusal::new(
                    reason,
                    "from_time",
                    wanted,
                    "an earlier instant",
                ))
            }
        });
        let ended = ended.transpose()?;
        let valid = Interval::new(at, None).expect("nothing happens at the end of time");
        let begun = Status {
            status,
            reason,
            valid,
        };
        self.status = Some(begun.clone());
        Ok(Some((ended, begun)))
    }

    /// Adds or replaces a way to reach the customer, and returns all rows that changed.
    ///
    /// # Errors
    /// When there are too many.
    pub fn put_medium(&mut self, medium: ContactMedium) -> Result<Vec<ContactMedium>, Refusal> {
        let known = self.media.iter().position(|known| known.id == medium.id);
        if known.is_none() && self.media.len() >= MEDIA_MAX {
            let wanted = format!("at most {MEDIA_MAX} of one customer");
            let (reason, found) = (Reason::InvalidFields, "one more");
            return Err(Refusal::new(reason, "contact_medium", wanted, found));
        }
        if known.is_some_and(|at| self.media[at] == medium) {
            return Ok(Vec::new());
        }
        let mut changed = Vec::new();
        if medium.is_preferred {
            let kind = medium.reach.kind();
            for other in &mut self.media {
                if other.id != medium.id && other.is_preferred && other.reach.kind() == kind {
                    other.is_preferred = false;
                    changed.push(other.clone());
                }
            }
        }
        changed.push(medium.clone());
        match known {
            Some(at) => self.media[at] = medium,
            None => self.media.push(medium),
        }
        self.media.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(changed)
    }
}

/// Whether a customer who stands one way may stand another way next.
fn leads(from: CustomerStatus, to: CustomerStatus) -> bool {
    use CustomerStatus::{Active, Closed, Deceased, Initialized, Validated};
    match (from, to) {
        (Deceased, to) => to == Validated,
        (_, Deceased) | (Closed, Active) => true,
        (_, Initialized) | (Closed, _) => false,
        (from, to) => from < to,
    }
}

#[cfg(test)]
mod tests;
