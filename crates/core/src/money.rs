//! Money in whole minor units of one currency.

use std::fmt;

use crate::violation::Mismatch;

/// A currency by its ISO 4217 code, three capital letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// Parses a code such as `EUR`.
    ///
    /// # Errors
    /// When `text` is not three capital ASCII letters.
    pub fn parse(text: &str) -> Result<Self, Mismatch> {
        match <[u8; 3]>::try_from(text.as_bytes()) {
            Ok(code) if code.iter().all(u8::is_ascii_uppercase) => Ok(Self(code)),
            _ => Err(Mismatch::new(
                "an ISO 4217 code of three capital letters",
                if text.is_empty() {
                    "nothing".into()
                } else {
                    format!("{} bytes", text.len())
                },
            )),
        }
    }

    /// Returns the code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("three ASCII letters")
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An amount in minor units (cents, fen) of a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    /// The currency.
    pub currency: Currency,
    /// Minor units; negative for a credit.
    pub minor: i64,
}
