//! Records of the consent ledger from the wire.

use tenure_core::{CustomerId, Timestamp, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields;
use uuid::Uuid;

use super::{optional_word, required_word};
use crate::domain::consent::{Consent, ContactPoint, LABEL_LENGTH_MAX, Scope};
use crate::domain::text;
use crate::domain::words::{Channel, ConsentPurpose, ConsentStatus, LegalBasis};

/// Parses a record that arrives now; its id and its place in the ledger come later.
pub(in crate::api) fn consent(
    violations: &mut Violations,
    wire: &wire::Consent,
    now: Timestamp,
) -> Option<Consent> {
    let customer = violations.take("customer_id", CustomerId::parse(&wire.customer_id));
    let purpose = purpose(violations, wire.purpose);
    let scope = scope(violations, wire.channel, &wire.contact_point);
    let status = ConsentStatus::from_number;
    let status = required_word(violations, "status", wire.status, status);
    let legal_basis = LegalBasis::from_number;
    let legal_basis = optional_word(violations, "legal_basis", wire.legal_basis, legal_basis);
    if status == Some(ConsentStatus::Granted) && wire.legal_basis == 0 {
        let wanted = "what makes it lawful, with CONSENT_STATUS_GRANTED";
        violations.add("legal_basis", wanted, "nothing");
    }
    let text_version = text::parse(&wire.text_version, LABEL_LENGTH_MAX);
    let text_version = violations.take("text_version", text_version);
    let source = text::parse_required(&wire.source, LABEL_LENGTH_MAX);
    let source = violations.take("source", source);
    let actor = violations.take("actor", text::parse(&wire.actor, LABEL_LENGTH_MAX));
    let from = fields::optional_time(violations, "valid_from", wire.valid_from.as_ref());
    let until = fields::optional_time(violations, "valid_until", wire.valid_until.as_ref());
    let (from, until) = (from.unwrap_or(now), until.unwrap_or(Timestamp::MAX));
    if until <= from {
        let wanted = "later than valid_from";
        violations.add("valid_until", wanted, "the same instant or an earlier one");
    }
    Some(Consent {
        id: Uuid::nil(),
        customer: customer?,
        purpose: purpose?,
        scope: scope?,
        status: status?,
        legal_basis,
        text_version: text_version?,
        source: source?,
        actor: actor?,
        valid_from: from,
        valid_until: until,
        recorded_at: now,
    })
}

/// Parses a required purpose.
pub(in crate::api) fn purpose(violations: &mut Violations, number: i32) -> Option<ConsentPurpose> {
    required_word(violations, "purpose", number, ConsentPurpose::from_number)
}

/// Parses a channel and a contact point, each of which may be left open.
pub(in crate::api) fn scope(
    violations: &mut Violations,
    channel: i32,
    contact_point: &str,
) -> Option<Scope> {
    let contact_point = ContactPoint::parse(contact_point);
    let contact_point = violations.take("contact_point", contact_point);
    let channel = optional_word(violations, "channel", channel, Channel::from_number);
    Some(Scope {
        channel,
        contact_point: contact_point?,
    })
}
