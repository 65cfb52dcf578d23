//! Interactions from the wire.

use tenure_core::{ComplaintId, CustomerId, InteractionId, Timestamp, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields;

use super::{optional_id, optional_word, required_word};
use crate::domain::interaction::CODE_LENGTH_MAX;
use crate::domain::words::{Channel, Direction, InteractionKind, InteractionPhase};
use crate::domain::{Interaction, limits, text};

/// Parses an interaction that arrives now.
pub(in crate::api) fn interaction(
    violations: &mut Violations,
    wire: &wire::Interaction,
    now: Timestamp,
) -> Option<Interaction> {
    let id = violations.take("interaction_id", InteractionId::parse(&wire.interaction_id));
    let customer = violations.take("customer_id", CustomerId::parse(&wire.customer_id));
    let happened_at = fields::required_time(violations, "event_time", wire.event_time.as_ref());
    limits::check_happened(violations, "event_time", happened_at, now);
    let channel = required_word(violations, "channel", wire.channel, Channel::from_number);
    let direction = required_word(
        violations,
        "direction",
        wire.direction,
        Direction::from_number,
    );
    let kind = required_word(violations, "kind", wire.kind, InteractionKind::from_number);
    let reason = violations.take("reason", text::parse(&wire.reason, CODE_LENGTH_MAX));
    let resolution = violations.take("resolution", text::parse(&wire.resolution, CODE_LENGTH_MAX));
    let phase = optional_word(
        violations,
        "phase",
        wire.phase,
        InteractionPhase::from_number,
    );
    let complaint = ("complaint_id", wire.complaint_id.as_str());
    let complaint = optional_id(violations, complaint, ComplaintId::parse);
    Some(Interaction {
        id: id?,
        customer: customer?,
        happened_at: happened_at?,
        channel: channel?,
        direction: direction?,
        kind: kind?,
        reason: reason?,
        resolution: resolution?,
        phase,
        complaint,
    })
}
