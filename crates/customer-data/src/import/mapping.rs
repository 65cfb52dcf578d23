//! What the columns of a file mean, as an operator writes it down in TOML.

use std::collections::BTreeMap;

use serde::Deserialize;
use sha2::{Digest, Sha256};

/// A mapping. `docs/import.md` describes every key.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// How rows are written; CSV unless said otherwise.
    #[serde(default)]
    pub(super) rows: Rows,
    /// One byte between cells; a comma unless said otherwise.
    #[serde(default = "comma")]
    pub(super) delimiter: char,
    /// The mark before fractions in amounts and numbers; a point unless said otherwise.
    #[serde(default = "point")]
    pub(super) decimal_mark: char,
    /// The longest row in bytes; 1 MiB unless said otherwise.
    #[serde(default = "row_bytes_max")]
    pub(super) row_bytes_max: usize,
    /// The day of which the file tells, for times relative to it.
    pub(super) snapshot: Option<String>,
    /// The currency of amounts that do not say theirs.
    pub(super) currency: Option<String>,
    /// Columns that mean nothing; `*` for all that are not mentioned.
    #[serde(default)]
    pub(super) skip: Vec<String>,
    pub(super) customer: CustomerMap,
    #[serde(default)]
    pub(super) attributes: BTreeMap<String, AttributeMap>,
    #[serde(default)]
    pub(super) subscriptions: Vec<SubscriptionMap>,
    #[serde(default)]
    pub(super) bills: Vec<BillMap>,
    #[serde(default)]
    pub(super) usage_summaries: Vec<UsageMap>,
    #[serde(default)]
    pub(super) interactions: Vec<InteractionMap>,
}

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Rows {
    /// A header and cells between delimiters.
    #[default]
    Csv,
    /// A JSON object on each line; its keys are the columns.
    JsonLines,
    /// A file of typed columns by Apache Parquet.
    Parquet,
}

fn comma() -> char {
    ','
}

fn point() -> char {
    '.'
}

fn row_bytes_max() -> usize {
    1024 * 1024
}

/// Where a value comes from.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ValueMap {
    /// The cell of a column.
    pub(super) column: Option<String>,
    /// A text with `{row}`, `{line}` and names of columns in braces.
    pub(super) template: Option<String>,
    /// Always the same.
    pub(super) constant: Option<toml::Value>,
    /// What is meant by what is found. Other texts are wrong, unless `other` is given.
    pub(super) values: BTreeMap<String, toml::Value>,
    /// What is meant by texts that `values` does not hold.
    pub(super) other: Option<toml::Value>,
    /// What is meant by an empty cell; without it, nothing.
    pub(super) blank: Option<toml::Value>,
    /// The form of a date, as `strptime` has it.
    pub(super) format: Option<String>,
    /// The value is a number of these before the snapshot.
    pub(super) before_snapshot: Option<Unit>,
    /// The value is a number of these after the snapshot.
    pub(super) after_snapshot: Option<Unit>,
    /// The currency of an amount.
    pub(super) currency: Option<String>,
}

/// A length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Unit {
    Days,
    Months,
}

/// The type of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Type {
    #[default]
    Text,
    Integer,
    Number,
    Flag,
    Instant,
}

/// An attribute: a type, and where its value comes from.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct AttributeMap {
    #[serde(default)]
    pub(super) r#type: Type,
    /// Unknown keys are found here, because serde cannot deny them beside a flattened part.
    #[serde(flatten)]
    pub(super) value: toml::Table,
}

/// When something applies.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct When {
    pub(super) column: String,
    /// Texts with which it applies; without them, any that is not blank.
    #[serde(default)]
    pub(super) is: Vec<String>,
    /// Texts with which it does not; when given, any further text is wrong.
    #[serde(default)]
    pub(super) otherwise: Option<Vec<String>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CustomerMap {
    pub(super) customer_id: ValueMap,
    pub(super) kind: ValueMap,
    pub(super) display_name: Option<ValueMap>,
    pub(super) join_time: Option<ValueMap>,
    /// By the name of the other system.
    #[serde(default)]
    pub(super) external_ids: BTreeMap<String, ValueMap>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SubscriptionMap {
    pub(super) when: Option<When>,
    pub(super) subscription_id: ValueMap,
    pub(super) service: ValueMap,
    pub(super) product_code: ValueMap,
    pub(super) msisdn: Option<ValueMap>,
    pub(super) start_time: ValueMap,
    pub(super) contract_end_time: Option<ValueMap>,
    pub(super) monthly_fee: Option<ValueMap>,
    pub(super) termination: Option<TerminationMap>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TerminationMap {
    pub(super) when: Option<When>,
    pub(super) terminate_time: ValueMap,
    pub(super) churn_kind: ValueMap,
    pub(super) churn_reason: Option<ValueMap>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BillMap {
    pub(super) when: Option<When>,
    pub(super) bill_id: ValueMap,
    pub(super) issue_time: ValueMap,
    pub(super) due_time: ValueMap,
    pub(super) amount: ValueMap,
    pub(super) state: ValueMap,
    pub(super) settle_time: Option<ValueMap>,
    pub(super) paid_amount: Option<ValueMap>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UsageMap {
    pub(super) when: Option<When>,
    pub(super) subscription_id: Option<ValueMap>,
    pub(super) period: ValueMap,
    pub(super) start_time: ValueMap,
    pub(super) voice_seconds: Option<ValueMap>,
    pub(super) in_group_voice_seconds: Option<ValueMap>,
    pub(super) data_megabytes: Option<ValueMap>,
    pub(super) sms_count: Option<ValueMap>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InteractionMap {
    pub(super) when: Option<When>,
    pub(super) interaction_id: ValueMap,
    pub(super) event_time: ValueMap,
    pub(super) channel: ValueMap,
    pub(super) direction: ValueMap,
    pub(super) kind: ValueMap,
    pub(super) reason: Option<ValueMap>,
    pub(super) resolution: Option<ValueMap>,
}

/// Why a text is no mapping.
#[derive(Debug, thiserror::Error)]
#[error("the mapping cannot be read")]
pub struct MappingError(#[from] toml::de::Error);

impl Mapping {
    /// Reads a mapping.
    ///
    /// # Errors
    /// When the text is not TOML, lacks a key or has one that means nothing.
    pub fn parse(text: &str) -> Result<Self, MappingError> {
        Ok(toml::from_str(text)?)
    }

    /// Returns the digest of a mapping's text, by which an import is found again.
    #[must_use]
    pub fn digest(text: &str) -> String {
        hex(&Sha256::digest(text.as_bytes()))
    }
}

/// Returns bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a text takes everything");
            text
        })
}
