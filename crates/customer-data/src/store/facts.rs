//! Attributes and external ids of a customer as one column: they are always read together, and no
//! statement asks for one of them.

use std::collections::BTreeMap;

use prost::Message;
use tenure_core::Timestamp;
use tenure_sql::SqlError;

use super::rows::read;
use crate::domain::words::PaymentStatus;
use crate::domain::{AttributeName, AttributeValue, Customer, ExternalId};

#[derive(Clone, PartialEq, Message)]
struct Facts {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<StoredAttribute>,
    #[prost(message, repeated, tag = "2")]
    external_ids: Vec<StoredExternalId>,
    /// The condition of the customer's bills; 0 while nobody told.
    #[prost(int32, tag = "3")]
    payment_status: i32,
    /// Microseconds since 1970.
    #[prost(sint64, tag = "4")]
    payment_since: i64,
}

#[derive(Clone, PartialEq, Message)]
struct StoredAttribute {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(oneof = "StoredValue", tags = "2, 3, 4, 5, 6")]
    value: Option<StoredValue>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum StoredValue {
    #[prost(string, tag = "2")]
    Text(String),
    #[prost(sint64, tag = "3")]
    Integer(i64),
    #[prost(double, tag = "4")]
    Number(f64),
    #[prost(bool, tag = "5")]
    Flag(bool),
    /// Microseconds since 1970.
    #[prost(sint64, tag = "6")]
    Instant(i64),
}

#[derive(Clone, PartialEq, Message)]
struct StoredExternalId {
    #[prost(string, tag = "1")]
    system: String,
    #[prost(string, tag = "2")]
    id: String,
}

/// Returns what the column holds of a customer.
pub(super) fn encode(customer: &Customer) -> Vec<u8> {
    let attributes = customer
        .attributes
        .iter()
        .map(|(name, value)| StoredAttribute {
            name: name.as_str().to_owned(),
            value: Some(stored(value)),
        });
    let external_ids = customer.external_ids.iter().map(|id| StoredExternalId {
        system: id.system().to_owned(),
        id: id.id().to_owned(),
    });
    let facts = Facts {
        attributes: attributes.collect(),
        external_ids: external_ids.collect(),
        payment_status: customer.payment.map_or(0, |(status, _)| status.number()),
        payment_since: customer.payment.map_or(0, |(_, since)| since.as_micros()),
    };
    facts.encode_to_vec()
}

/// What the column holds.
pub(super) type Decoded = (
    BTreeMap<AttributeName, AttributeValue>,
    Vec<ExternalId>,
    Option<(PaymentStatus, Timestamp)>,
);

/// Reads the column.
pub(super) fn decode(bytes: &[u8]) -> Result<Decoded, SqlError> {
    let facts = read("facts", Facts::decode(bytes).ok())?;
    let mut attributes = BTreeMap::new();
    for attribute in facts.attributes {
        let name = read("facts", AttributeName::parse(&attribute.name).ok())?;
        attributes.insert(name, known(read("facts", attribute.value)?));
    }
    let mut external_ids = Vec::with_capacity(facts.external_ids.len());
    for id in facts.external_ids {
        external_ids.push(read("facts", ExternalId::parse(&id.system, &id.id).ok())?);
    }
    let payment = match facts.payment_status {
        0 => None,
        status => {
            let status = read("facts", PaymentStatus::from_number(status))?;
            Some((status, Timestamp::from_micros(facts.payment_since)))
        }
    };
    Ok((attributes, external_ids, payment))
}

fn stored(value: &AttributeValue) -> StoredValue {
    match value {
        AttributeValue::Text(text) => StoredValue::Text(text.clone()),
        AttributeValue::Integer(integer) => StoredValue::Integer(*integer),
        AttributeValue::Number(number) => StoredValue::Number(*number),
        AttributeValue::Flag(flag) => StoredValue::Flag(*flag),
        AttributeValue::Instant(instant) => StoredValue::Instant(instant.as_micros()),
    }
}

fn known(value: StoredValue) -> AttributeValue {
    match value {
        StoredValue::Text(text) => AttributeValue::Text(text),
        StoredValue::Integer(integer) => AttributeValue::Integer(integer),
        StoredValue::Number(number) => AttributeValue::Number(number),
        StoredValue::Flag(flag) => AttributeValue::Flag(flag),
        StoredValue::Instant(micros) => AttributeValue::Instant(Timestamp::from_micros(micros)),
    }
}
