//! Typed facts about a customer under names of the operator's choice.

use smol_str::SmolStr;
use tenure_core::Timestamp;
use tenure_core::violation::Mismatch;

/// The most attributes of one customer.
pub const ATTRIBUTES_MAX: usize = 200;
const NAME_LENGTH_MAX: usize = 64;
const TEXT_LENGTH_MAX: usize = 256;

/// The name of an attribute: 1 to 64 of `a-z`, `0-9` and `_`, beginning with a letter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributeName(SmolStr);

impl AttributeName {
    /// Parses a name.
    ///
    /// # Errors
    /// When it is empty, too long, or holds anything else.
    pub fn parse(text: &str) -> Result<Self, Mismatch> {
        let first = text.bytes().next().is_some_and(|c| c.is_ascii_lowercase());
        let rest = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
        if first && text.len() <= NAME_LENGTH_MAX && text.bytes().all(rest) {
            return Ok(Self(text.into()));
        }
        let found = match text.len() {
            0 => "nothing".to_owned(),
            length if length > NAME_LENGTH_MAX => format!("{length} bytes"),
            _ => "other characters".to_owned(),
        };
        Err(Mismatch::new(
            "1 to 64 of a-z, 0-9 and _, beginning with a letter",
            found,
        ))
    }

    /// Returns the name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum AttributeValue {
    /// Text of at most 256 bytes.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A finite number with a fraction.
    Number(f64),
    /// Yes or no.
    Flag(bool),
    /// An instant.
    Instant(Timestamp),
}

impl AttributeValue {
    /// Parses a text.
    ///
    /// # Errors
    /// When it is longer than 256 bytes.
    pub fn text(text: &str) -> Result<Self, Mismatch> {
        if text.len() > TEXT_LENGTH_MAX {
            let found = format!("{} bytes", text.len());
            return Err(Mismatch::new("at most 256 bytes of text", found));
        }
        Ok(Self::Text(text.to_owned()))
    }

    /// Parses a number.
    ///
    /// # Errors
    /// When it is infinite or none.
    pub fn number(number: f64) -> Result<Self, Mismatch> {
        if number.is_finite() {
            return Ok(Self::Number(number));
        }
        Err(Mismatch::new("a finite number", "one that is not"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_small_letters_digits_and_underscores() {
        assert!(AttributeName::parse("payment_method2").is_ok());
        assert!(AttributeName::parse(&"x".repeat(64)).is_ok());
        for text in ["", "2nd", "_x", "Payment", "a b", "é", &"x".repeat(65)] {
            assert!(AttributeName::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn values_have_limits() {
        assert!(AttributeValue::text(&"x".repeat(256)).is_ok());
        assert!(AttributeValue::text(&"x".repeat(257)).is_err());
        assert!(AttributeValue::number(f64::NAN).is_err());
    }
}
