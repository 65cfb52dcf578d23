//! Names of things, each a type of its own so that two cannot be swapped.

use std::fmt;

use smol_str::SmolStr;
use uuid::Uuid;

use crate::violation::Mismatch;

/// The longest key that an operator may give to a customer, an account or an offer.
pub const KEY_LENGTH_MAX: usize = 64;

/// Returns `text` as a key: 1 to 64 printable ASCII characters without spaces.
fn parse_key(text: &str) -> Result<SmolStr, Mismatch> {
    let wanted = "1 to 64 printable ASCII characters without spaces";
    if text.is_empty() {
        return Err(Mismatch::new(wanted, "nothing"));
    }
    if text.len() > KEY_LENGTH_MAX {
        return Err(Mismatch::new(wanted, format!("{} bytes", text.len())));
    }
    match text.char_indices().find(|(_, c)| !c.is_ascii_graphic()) {
        Some((at, c)) => {
            let number = u32::from(c);
            Err(Mismatch::new(
                wanted,
                format!("the character U+{number:04X} at byte {at}"),
            ))
        }
        None => Ok(text.into()),
    }
}

macro_rules! key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// A key of the operator's own: 1 to 64 printable ASCII characters, case-sensitive.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(SmolStr);

        impl $name {
            /// Parses a key.
            ///
            /// # Errors
            /// When it is empty, longer than 64 bytes, or holds anything but printable ASCII.
            pub fn parse(text: &str) -> Result<Self, Mismatch> {
                parse_key(text).map(Self)
            }

            /// Returns the key as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

macro_rules! made_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// A UUID; where Tenure makes it, version 7, so that ids sort by the time of creation.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl $name {
            /// Parses the hyphenated form of a UUID; the nil UUID is refused.
            ///
            /// # Errors
            /// When `text` is not a UUID, or is the nil UUID.
            pub fn parse(text: &str) -> Result<Self, Mismatch> {
                match Uuid::try_parse(text) {
                    Ok(id) if !id.is_nil() => Ok(Self(id)),
                    Ok(_) => Err(Mismatch::new("a UUID", "the nil UUID")),
                    Err(_) if text.is_empty() => Err(Mismatch::new("a UUID", "nothing")),
                    Err(_) => {
                        Err(Mismatch::new("a UUID", format!("{} bytes that are none", text.len())))
                    }
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }
    };
}

key! {
    /// A customer: a person or an organisation that has, had or may have a relationship with the
    /// operator. Never a phone number: numbers are ported and recycled.
    CustomerId
}
key! {
    /// A subscription of a customer.
    SubscriptionId
}
key! {
    /// A bill of a customer.
    BillId
}
key! {
    /// A billing account of a customer, who pays by it. Not a loyalty account.
    BillingAccountId
}
key! {
    /// A group of customers.
    GroupId
}
key! {
    /// A lead: that somebody may want something.
    LeadId
}
key! {
    /// A way to reach a customer; unique for that customer alone.
    MediumId
}
key! {
    /// An interaction with a customer.
    InteractionId
}
key! {
    /// A complaint of a customer.
    ComplaintId
}
key! {
    /// A promise to a customer.
    PromiseId
}
key! {
    /// A survey that a customer answered.
    SurveyId
}
key! {
    /// A department of the operator.
    DepartmentCode
}
key! {
    /// A person who works for the operator, by a code and never by name.
    PersonCode
}
key! {
    /// A loyalty account.
    AccountId
}
key! {
    /// A loyalty programme.
    ProgrammeId
}
key! {
    /// An offer of the catalogue.
    OfferId
}
key! {
    /// A campaign.
    CampaignId
}
made_id! {
    /// A relationship between two customers.
    RelationshipId
}
made_id! {
    /// What makes a write happen once: chosen by the caller before the first try, repeated with
    /// every further try.
    RequestId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_be_anything_printable_up_to_its_limit() {
        assert_eq!(
            CustomerId::parse("C-0001/a~").unwrap().as_str(),
            "C-0001/a~"
        );
        assert!(CustomerId::parse(&"x".repeat(64)).is_ok());
    }

    #[test]
    fn a_key_is_refused_with_what_was_found_but_never_its_text() {
        let found = |text: &str| CustomerId::parse(text).unwrap_err().found;

        assert_eq!(found(""), "nothing");
        assert_eq!(found(&"x".repeat(65)), "65 bytes");
        assert_eq!(found("a b"), "the character U+0020 at byte 1");
        assert_eq!(found("aé"), "the character U+00E9 at byte 1");
    }

    #[test]
    fn a_request_id_must_be_a_uuid_and_not_the_nil_one() {
        assert!(RequestId::parse("0198c0de-0000-7000-8000-000000000001").is_ok());
        assert!(RequestId::parse("").is_err());
        assert!(RequestId::parse("00000000-0000-0000-0000-000000000000").is_err());
        assert!(RequestId::parse("one").is_err());
    }
}
