//! Phone numbers, and who holds one when.

use smol_str::SmolStr;
use tenure_core::violation::Mismatch;
use tenure_core::{CustomerId, SubscriptionId, Timestamp};

/// A phone number in E.164 form: `+` and 6 to 15 digits. Personal data: never shown by `Debug`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Msisdn(SmolStr);

impl Msisdn {
    /// Parses a number.
    ///
    /// # Errors
    /// When it is not `+` and 6 to 15 digits.
    pub fn parse(text: &str) -> Result<Self, Mismatch> {
        let digits = text.strip_prefix('+').unwrap_or_default();
        if (6..=15).contains(&digits.len()) && digits.bytes().all(|c| c.is_ascii_digit()) {
            return Ok(Self(text.into()));
        }
        let found = match text.len() {
            0 => "nothing".to_owned(),
            length => format!("{length} bytes that are none"),
        };
        Err(Mismatch::new("a phone number, + and 6 to 15 digits", found))
    }

    /// Returns the number as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Msisdn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Msisdn(..)")
    }
}

/// That a subscription holds or held a number: from an instant until another, which is not part
/// of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// Until when; [`Timestamp::MAX`] while it is held.
    pub until: Timestamp,
    /// Whose subscription.
    pub customer: CustomerId,
    /// Which.
    pub subscription: SubscriptionId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_a_plus_and_six_to_fifteen_digits() {
        assert!(Msisdn::parse("+123456").is_ok());
        assert!(Msisdn::parse("+123456789012345").is_ok());
        for text in [
            "",
            "123456",
            "+12345",
            "+1234567890123456",
            "+12 3456",
            "+１２３４５６",
        ] {
            assert!(Msisdn::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_number_is_not_shown() {
        assert_eq!(
            format!("{:?}", Msisdn::parse("+123456").unwrap()),
            "Msisdn(..)"
        );
    }
}
