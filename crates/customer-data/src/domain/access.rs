//! Who may see personal data, and the record of who did.

use serde::{Deserialize, Serialize};
use tenure_core::Timestamp;

use super::words::numbered;

/// What a caller may see of customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// Personal values are masked. Each look is recorded.
    Masked,
    /// Everything. Each look is recorded.
    Full,
    /// Everything, unrecorded: the platform's own services, which act and do not look.
    System,
}

numbered! {
    /// What was shown.
    View {
        /// Everything.
        Full = 1,
        /// Masked values.
        Masked = 2,
    }
}

/// The longest purpose, in bytes.
const PURPOSE_LENGTH_MAX: usize = 64;

/// Returns true for a purpose that can be recorded: a code, in which no personal data fits.
#[must_use]
pub fn is_purpose(text: &str) -> bool {
    let is_sign = |c: u8| c.is_ascii_alphanumeric() || b"_-.".contains(&c);
    (1..=PURPOSE_LENGTH_MAX).contains(&text.len()) && text.bytes().all(is_sign)
}

/// One look at one customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Tells it from all others; those of a later millisecond are greater.
    pub id: String,
    /// At whom; empty where everybody was shown.
    pub customer: String,
    /// When.
    pub at: Timestamp,
    /// Who looked.
    pub principal: String,
    /// By which method.
    pub method: String,
    /// What was shown.
    pub view: View,
    /// What for, if it was said.
    pub purpose: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purpose_is_a_code() {
        for purpose in ["billing", "HOTLINE", "a.b-c_1", &"x".repeat(64)] {
            assert!(is_purpose(purpose), "{purpose}");
        }
        for text in ["", "Ada rang", "ada@x", "é", &"x".repeat(65)] {
            assert!(!is_purpose(text), "{text}");
        }
    }
}
