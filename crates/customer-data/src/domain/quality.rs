//! Rules for the data of a source: what a policy says, and what becomes of a value under it.

mod check;
mod stability;
mod tally;

use serde::{Deserialize, Serialize};
use tenure_core::Timestamp;

pub use check::{Found, Value};
pub use stability::{Drift, LAG_HOURS, drift, lag_hours, stability_index};
pub use tally::{RuleTally, SAMPLES_MAX, Tally};

use super::words::numbered;

/// The most rules of a policy: each is looked at for each row.
pub const RULES_MAX: usize = 32;
/// The most sources with policies.
pub const SOURCES_MAX: i64 = 200;
/// The longest name of a source or a rule, in bytes.
pub const NAME_LENGTH_MAX: usize = 64;
/// The most words of a reference.
pub const WORDS_MAX: usize = 256;
/// The longest word, in bytes.
pub const WORD_LENGTH_MAX: usize = 128;
/// The most limits or categories of a rule for drift.
pub const BINS_MAX: usize = 32;

numbered! {
    /// What becomes of a row that breaks a rule.
    Action {
        /// It is taken in and counted.
        Report = 1,
        /// It is refused.
        Reject = 2,
    }
}

numbered! {
    /// The type of a value.
    ValueType {
        /// A whole number.
        Integer = 1,
        /// A finite number.
        Decimal = 2,
        /// An instant or a day.
        Date = 3,
        /// Yes or no.
        Boolean = 4,
        /// An address of mail.
        Email = 5,
        /// A phone number.
        Msisdn = 6,
    }
}

/// What a rule checks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Check {
    /// There is a value.
    Required,
    /// The value has the type of this number.
    Type(i32),
    /// The value is a number in a range.
    Range {
        /// The least.
        min: Option<f64>,
        /// The greatest.
        max: Option<f64>,
    },
    /// The value is one of these.
    Reference(Vec<String>),
    /// The value is an instant at most so many days old, and not ahead.
    Freshness(u32),
    /// The values are spread as before.
    Drift {
        /// How they are put into bins.
        bins: Bins,
        /// Days of the reference period.
        reference_days: u32,
    },
}

/// How values are put into bins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Bins {
    /// Between ascending limits; one bin more than there are.
    Limits(Vec<f64>),
    /// One for each text and one for all others.
    Categories(Vec<String>),
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Unique in the policy.
    pub id: String,
    /// The path of the field.
    pub field: String,
    /// Whether a row that breaks it is refused.
    pub is_reject: bool,
    /// What is checked.
    pub check: Check,
}

/// A version of a source's rules.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// The source.
    pub source: String,
    /// From 1 on.
    pub version: i64,
    /// The rules.
    pub rules: Vec<Rule>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Returns true when a file of this name is of a source: it begins with the source's name, which ends
/// there.
#[must_use]
pub fn is_of_source(file: &str, source: &str) -> bool {
    let rest = file.strip_prefix(source);
    rest.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_of_the_source_whose_whole_name_it_begins_with() {
        assert!(is_of_source("crm-2025-01-01.csv", "crm"));
        assert!(is_of_source("crm", "crm"));
        assert!(!is_of_source("crmold.csv", "crm"));
        assert!(!is_of_source("my-crm.csv", "crm"));
    }
}
