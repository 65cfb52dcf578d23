//! What a campaign has for a customer who is there now.

use tenure_core::{CampaignId, OfferId, Timestamp};

use super::contact::ContactId;
use super::words::{Channel, OfferKind};

/// Something to do for a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NextAction {
    /// The campaign.
    pub(crate) campaign: CampaignId,
    /// The contact.
    pub(crate) contact: ContactId,
    /// The offer.
    pub(crate) offer: OfferId,
    /// Its name for people.
    pub(crate) offer_name: String,
    /// What it says.
    pub(crate) offer_description: String,
    /// Its kind.
    pub(crate) offer_kind: OfferKind,
    /// Points for accepting it.
    pub(crate) bonus_points: i64,
    /// The channel of the campaign.
    pub(crate) channel: Channel,
    /// When it was delivered; nothing while it waits to be made.
    pub(crate) delivered_at: Option<Timestamp>,
}
