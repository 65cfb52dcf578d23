//! Why a call was refused, one variant for each reason that a caller can act on.

use tenure_core::{CampaignId, Coded, ErrorCode, OfferId, Violation};
use tenure_rpc::RequestError;
use tenure_sql::SqlError;
use tenure_sql::feed::FeedError;

use crate::domain::campaign::StepRefusal;
use crate::domain::contact::{ContactId, ContactRefusal};

/// Why a call was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The request itself is wrong.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// There is no such offer.
    #[error("there is no offer {0}")]
    OfferNotFound(OfferId),
    /// There is no such campaign.
    #[error("there is no campaign {0}")]
    CampaignNotFound(CampaignId),
    /// There is no such contact.
    #[error("there is no contact {0}")]
    ContactNotFound(String),
    /// The id of the offer is taken.
    #[error("an offer {0} exists")]
    OfferExists(OfferId),
    /// The id of the campaign is taken.
    #[error("a campaign {0} exists")]
    CampaignExists(CampaignId),
    /// The state of the campaign forbids it.
    #[error("the campaign {campaign} is {state}, which forbids this")]
    InvalidStateTransition {
        /// The campaign.
        campaign: CampaignId,
        /// Its state.
        state: &'static str,
    },
    /// Who wrote a campaign may not approve it.
    #[error("the author of the campaign {0} may not approve it")]
    ApproverIsAuthor(CampaignId),
    /// The lease ran out or belongs to somebody else.
    #[error("the lease of the contact {0} ran out or belongs to somebody else")]
    LeaseLost(String),
    /// The contact was acknowledged with another outcome.
    #[error("the contact {0} was acknowledged with another outcome")]
    ContactAlreadyAcknowledged(String),
    /// A response needs a contact that was delivered.
    #[error("the contact {0} was not delivered")]
    ContactNotDelivered(String),
    /// The campaign changed since it was read.
    #[error("the campaign {0} changed since its etag was read")]
    EtagMismatch(CampaignId),
    /// Another service does not answer.
    #[error("{service} does not answer: {message}")]
    DependencyUnavailable {
        /// The service.
        service: &'static str,
        /// What the call ended with.
        message: String,
    },
    /// Another service refused what it should not refuse.
    #[error("{service} refused a call: {message}")]
    DependencyRefused {
        /// The service.
        service: &'static str,
        /// What it said.
        message: String,
    },
    /// The feed could not be read from where the caller wanted.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// The database failed.
    #[error(transparent)]
    Sql(#[from] SqlError),
}

impl Error {
    /// Returns the error for a step that the campaign refused.
    pub(crate) fn step(campaign: &CampaignId, refusal: StepRefusal) -> Self {
        match refusal {
            StepRefusal::State(state) => Self::InvalidStateTransition {
                campaign: campaign.clone(),
                state: state.name(),
            },
            StepRefusal::ApproverIsAuthor => Self::ApproverIsAuthor(campaign.clone()),
        }
    }

    /// Returns the error for something that a contact refused.
    pub(crate) fn contact(contact: ContactId, refusal: ContactRefusal) -> Self {
        let contact = contact.to_string();
        match refusal {
            ContactRefusal::LeaseLost => Self::LeaseLost(contact),
            ContactRefusal::AlreadyAcknowledged => Self::ContactAlreadyAcknowledged(contact),
            ContactRefusal::NotDelivered => Self::ContactNotDelivered(contact),
        }
    }
}

impl Coded for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Request(error) => error.code(),
            Self::Feed(error) => error.code(),
            Self::Sql(error) => error.code(),
            Self::OfferNotFound(_) | Self::CampaignNotFound(_) | Self::ContactNotFound(_) => {
                ErrorCode::NotFound
            }
            Self::OfferExists(_) | Self::CampaignExists(_) => ErrorCode::AlreadyExists,
            Self::InvalidStateTransition { .. }
            | Self::ApproverIsAuthor(_)
            | Self::LeaseLost(_)
            | Self::ContactAlreadyAcknowledged(_)
            | Self::ContactNotDelivered(_) => ErrorCode::FailedPrecondition,
            Self::EtagMismatch(_) => ErrorCode::Aborted,
            Self::DependencyUnavailable { .. } => ErrorCode::Unavailable,
            Self::DependencyRefused { .. } => ErrorCode::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Request(error) => error.reason(),
            Self::Feed(error) => error.reason(),
            Self::Sql(error) => error.reason(),
            Self::OfferNotFound(_) => "OFFER_NOT_FOUND",
            Self::CampaignNotFound(_) => "CAMPAIGN_NOT_FOUND",
            Self::ContactNotFound(_) => "CONTACT_NOT_FOUND",
            Self::OfferExists(_) => "OFFER_EXISTS",
            Self::CampaignExists(_) => "CAMPAIGN_EXISTS",
            Self::InvalidStateTransition { .. } => "INVALID_STATE_TRANSITION",
            Self::ApproverIsAuthor(_) => "APPROVER_IS_AUTHOR",
            Self::LeaseLost(_) => "LEASE_LOST",
            Self::ContactAlreadyAcknowledged(_) => "CONTACT_ALREADY_ACKNOWLEDGED",
            Self::ContactNotDelivered(_) => "CONTACT_NOT_DELIVERED",
            Self::EtagMismatch(_) => "ETAG_MISMATCH",
            Self::DependencyUnavailable { .. } => "DEPENDENCY_UNAVAILABLE",
            Self::DependencyRefused { .. } => "INTERNAL_ERROR",
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Request(error) => error.metadata(),
            Self::Feed(error) => error.metadata(),
            Self::Sql(error) => error.metadata(),
            Self::OfferNotFound(offer) | Self::OfferExists(offer) => {
                vec![("offer_id", offer.to_string())]
            }
            Self::CampaignNotFound(campaign)
            | Self::CampaignExists(campaign)
            | Self::ApproverIsAuthor(campaign)
            | Self::EtagMismatch(campaign) => vec![("campaign_id", campaign.to_string())],
            Self::InvalidStateTransition { campaign, state } => {
                vec![
                    ("campaign_id", campaign.to_string()),
                    ("state", (*state).to_owned()),
                ]
            }
            Self::ContactNotFound(contact)
            | Self::LeaseLost(contact)
            | Self::ContactAlreadyAcknowledged(contact)
            | Self::ContactNotDelivered(contact) => vec![("contact_id", contact.clone())],
            Self::DependencyUnavailable { service, .. } => vec![("service", (*service).to_owned())],
            Self::DependencyRefused { .. } => Vec::new(),
        }
    }

    fn violations(&self) -> &[Violation] {
        match self {
            Self::Request(error) => error.violations(),
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use tenure_core::PageError;
    use tenure_proto::campaign::v1::ErrorReason;
    use tenure_sql::SqlErrorKind;
    use uuid::Uuid;

    use super::*;
    use crate::domain::state::State;

    /// What the layers around every service answer, whatever the method.
    const OF_THE_EDGE: [&str; 4] = [
        "MESSAGE_TOO_LARGE",
        "OVERLOADED",
        "SERVER_DRAINING",
        "DEADLINE_EXCEEDED",
    ];

    fn every_error() -> Vec<Error> {
        let offer = || OfferId::parse("bonus").unwrap();
        let campaign = || CampaignId::parse("spring").unwrap();
        let contact = ContactId::new(Uuid::from_u128(1), 0);
        let (service, message) = ("loyalty-points", String::new());
        vec![
            RequestError::Fields(Vec::new()).into(),
            RequestError::Page(PageError::Invalid).into(),
            RequestError::Page(PageError::Mismatch).into(),
            RequestError::RequestIdReused(Vec::new()).into(),
            Error::OfferNotFound(offer()),
            Error::OfferExists(offer()),
            Error::CampaignNotFound(campaign()),
            Error::CampaignExists(campaign()),
            Error::ContactNotFound(contact.to_string()),
            Error::step(&campaign(), StepRefusal::State(State::Draft)),
            Error::step(&campaign(), StepRefusal::ApproverIsAuthor),
            Error::contact(contact, ContactRefusal::LeaseLost),
            Error::contact(contact, ContactRefusal::AlreadyAcknowledged),
            Error::contact(contact, ContactRefusal::NotDelivered),
            Error::EtagMismatch(campaign()),
            Error::DependencyUnavailable {
                service,
                message: message.clone(),
            },
            Error::DependencyRefused { service, message },
            FeedError::TokenExpired {
                earliest: String::new(),
            }
            .into(),
            FeedError::InvalidToken { why: "" }.into(),
            SqlError::new(SqlErrorKind::Busy, "").into(),
        ]
    }

    #[test]
    fn every_reason_of_the_proto_is_given_and_no_other() {
        let promised: BTreeSet<String> = (1..100)
            .filter_map(|number| ErrorReason::try_from(number).ok())
            .map(|reason| reason.as_str_name().replace("ERROR_REASON_", ""))
            .collect();

        let given = every_error()
            .into_iter()
            .map(|error| error.reason().to_owned());
        let given: BTreeSet<String> = given.chain(OF_THE_EDGE.map(str::to_owned)).collect();

        assert_eq!(given, promised);
    }
}
