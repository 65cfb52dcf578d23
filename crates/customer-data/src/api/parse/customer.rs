//! Customers from the wire.

use std::collections::BTreeSet;

use tenure_core::{CustomerId, Timestamp, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_proto::r#type::v1::attribute_value::Kind;
use tenure_proto::r#type::v1::{Attribute, ExternalId as WireExternalId};
use tenure_rpc::fields;

use super::optional_word;
use crate::domain::attribute::ATTRIBUTES_MAX;
use crate::domain::customer::{DISPLAY_NAME_LENGTH_MAX, EXTERNAL_IDS_MAX};
use crate::domain::words::{CustomerKind, PaymentStatus};
use crate::domain::{AttributeName, AttributeValue, CustomerPatch, Etag, ExternalId, Msisdn, text};

/// Parses what a call says about a customer.
pub(in crate::api) fn customer(
    violations: &mut Violations,
    customer: &wire::Customer,
) -> Option<CustomerPatch> {
    let id = violations.take("customer_id", CustomerId::parse(&customer.customer_id));
    if Msisdn::parse(&customer.customer_id).is_ok() {
        violations.add(
            "customer_id",
            "a key that is no phone number",
            "a phone number",
        );
    }
    let kind = optional_word(violations, "kind", customer.kind, CustomerKind::from_number);
    let payment = optional_word(
        violations,
        "payment_status",
        customer.payment_status,
        PaymentStatus::from_number,
    );
    let name = text::parse(&customer.display_name, DISPLAY_NAME_LENGTH_MAX);
    let name = violations.take("display_name", name);
    let joined_at = fields::optional_time(violations, "join_time", customer.join_time.as_ref());
    let etag = Some(customer.etag.as_str())
        .filter(|etag| !etag.is_empty())
        .map(Etag::read);
    let external_ids = external_ids(violations, &customer.external_ids);
    let attributes = attributes(violations, &customer.attributes);
    Some(CustomerPatch {
        id: id?,
        kind,
        display_name: name.filter(|name| !name.is_empty()),
        external_ids,
        attributes,
        joined_at,
        payment,
        etag,
    })
}

fn external_ids(violations: &mut Violations, ids: &[WireExternalId]) -> Vec<ExternalId> {
    if !fields::at_most(violations, "external_ids", ids, EXTERNAL_IDS_MAX) {
        return Vec::new();
    }
    let mut parsed = Vec::with_capacity(ids.len());
    for (at, id) in ids.iter().enumerate() {
        let prefix = format!("external_ids[{at}].");
        parsed.extend(violations.within(&prefix, |inner| external_id(inner, id)));
    }
    parsed
}

/// Parses a name in another system.
pub(in crate::api) fn external_id(
    violations: &mut Violations,
    id: &WireExternalId,
) -> Option<ExternalId> {
    let system = violations.take("system", ExternalId::parse_system(&id.system));
    violations
        .take("id", ExternalId::parse_id(&id.id))
        .and(system)?;
    ExternalId::parse(&id.system, &id.id).ok()
}

type Named = (AttributeName, Option<AttributeValue>);

fn attributes(violations: &mut Violations, attributes: &[Attribute]) -> Vec<Named> {
    if !fields::at_most(violations, "attributes", attributes, ATTRIBUTES_MAX) {
        return Vec::new();
    }
    let mut parsed = Vec::with_capacity(attributes.len());
    let mut names = BTreeSet::new();
    for (at, attribute) in attributes.iter().enumerate() {
        let field = |name: &str| format!("attributes[{at}].{name}");
        let name = violations.take(&field("name"), AttributeName::parse(&attribute.name));
        let kind = attribute
            .value
            .as_ref()
            .and_then(|value| value.kind.as_ref());
        let value = kind.map(|kind| value(violations, &field("value"), kind));
        let Some(name) = name else { continue };
        if !names.insert(name.clone()) {
            violations.add(
                &field("name"),
                "each name once",
                "a name that stands there already",
            );
        }
        match value {
            None => parsed.push((name, None)),
            Some(Some(value)) => parsed.push((name, Some(value))),
            Some(None) => {}
        }
    }
    parsed
}

pub(in crate::api) fn value(
    violations: &mut Violations,
    field: &str,
    kind: &Kind,
) -> Option<AttributeValue> {
    match kind {
        Kind::Text(text) => violations.take(field, AttributeValue::text(text)),
        Kind::Integer(integer) => Some(AttributeValue::Integer(*integer)),
        Kind::Number(number) => violations.take(field, AttributeValue::number(*number)),
        Kind::Flag(flag) => Some(AttributeValue::Flag(*flag)),
        Kind::Instant(instant) => {
            let instant: Option<Timestamp> = violations.take(field, fields::parse_time(instant));
            instant.map(AttributeValue::Instant)
        }
    }
}
