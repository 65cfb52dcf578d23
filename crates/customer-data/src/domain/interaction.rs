//! Contacts with a customer.

use tenure_core::{ComplaintId, CustomerId, InteractionId, Timestamp};

use super::words::{Channel, Direction, InteractionKind, InteractionPhase};

/// The longest code of a reason or a resolution, in bytes.
pub const CODE_LENGTH_MAX: usize = 128;

/// One contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interaction {
    /// The operator's own key.
    pub id: InteractionId,
    /// With whom.
    pub customer: CustomerId,
    /// When it happened.
    pub happened_at: Timestamp,
    /// Where.
    pub channel: Channel,
    /// Who began it.
    pub direction: Direction,
    /// What it was.
    pub kind: InteractionKind,
    /// What it was about.
    pub reason: String,
    /// How it ended; empty while it is open.
    pub resolution: String,
    /// Before, during or after a sale.
    pub phase: Option<InteractionPhase>,
    /// The complaint it is about.
    pub complaint: Option<ComplaintId>,
}
