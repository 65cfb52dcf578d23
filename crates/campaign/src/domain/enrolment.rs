//! A customer's part in a campaign.

use tenure_core::{CampaignId, CustomerId, Lane, Timestamp};

use super::assignment::Arm;
use super::contact::Contact;

/// A customer's part in a campaign.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Enrolment {
    /// The lane of the customer.
    pub(crate) lane: Lane,
    /// The campaign.
    pub(crate) campaign: CampaignId,
    /// The customer.
    pub(crate) customer: CustomerId,
    /// Treated or left alone.
    pub(crate) arm: Arm,
    /// The launch of the campaign.
    pub(crate) enrolled_at: Timestamp,
    /// How likely the customer was to leave.
    pub(crate) churn_probability: f64,
    /// When the customer left of its own will.
    pub(crate) churned_at: Option<Timestamp>,
    /// The contact of a treated customer.
    pub(crate) contact: Option<Contact>,
}
