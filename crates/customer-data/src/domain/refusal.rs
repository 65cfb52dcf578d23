//! Why one item is refused because of what is known already.

use tenure_core::{ErrorCode, Violation};

/// A reason of `error_reason.proto` that depends on the state of the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// A field is wrong, given what is known.
    InvalidFields,
    /// There is no such customer.
    CustomerNotFound,
    /// The customer has no such subscription.
    SubscriptionNotFound,
    /// The customer exists.
    CustomerExists,
    /// The external id names another customer.
    ExternalIdTaken,
    /// The subscription is another customer's.
    SubscriptionExists,
    /// The bill is another customer's.
    BillExists,
    /// The interaction is another customer's.
    InteractionExists,
    /// The customer has no such relationship.
    RelationshipNotFound,
    /// Both customers are related so already in that time.
    RelationshipOverlaps,
    /// Somebody would stand above oneself.
    RelationshipCycle,
    /// The present status does not lead to the new one.
    StatusChangeRefused,
    /// The billing account is another customer's.
    BillingAccountExists,
    /// The customer has no such billing account.
    BillingAccountNotFound,
    /// The billing account is closed.
    BillingAccountClosed,
    /// An account pays for the subscription in that time.
    SubscriptionPaid,
    /// No account pays for the subscription until then.
    SubscriptionNotPaid,
    /// There is no such group.
    GroupNotFound,
    /// The group would have too many members.
    GroupFull,
    /// The customer is a member in that time.
    GroupMemberExists,
    /// The customer is no member until then.
    GroupMemberNotFound,
    /// Notice was given and not withdrawn.
    NoticeStands,
    /// No notice stands.
    NoticeNotGiven,
    /// The lead is another's.
    LeadExists,
    /// The customer has no such lead.
    LeadNotFound,
    /// The lead is won or lost.
    LeadClosed,
    /// A prospect without a name cannot become a customer.
    ProspectNameless,
    /// Another subscription holds the SIM.
    SimTaken,
    /// Nobody holds the number or SIM then.
    ResourceNotFound,
    /// Another subscription holds the number.
    MsisdnTaken,
    /// The subscription ended.
    SubscriptionTerminated,
    /// The bill is settled.
    BillSettled,
    /// The record changed since it was read.
    EtagMismatch,
    /// The person was erased.
    CustomerErased,
    /// The customer has no such complaint.
    ComplaintNotFound,
    /// The complaint exists.
    ComplaintExists,
    /// The complaint stands where this cannot follow.
    ComplaintStateForbids,
    /// The complaint has all it may have of something.
    ComplaintFull,
    /// The complaint has no such resolution.
    ResolutionNotFound,
    /// The resolution was answered otherwise.
    ResolutionAnswered,
    /// Nothing like it was promised to the customer.
    PromiseNotFound,
    /// The promise exists.
    PromiseExists,
    /// It is settled what became of the promise.
    PromiseSettled,
    /// The survey is another customer's.
    SurveyExists,
    /// The customer would have too many claims.
    ProfileFull,
}

impl Reason {
    /// Returns the reason as `ErrorInfo` names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidFields => "INVALID_FIELDS",
            Self::CustomerNotFound => "CUSTOMER_NOT_FOUND",
            Self::SubscriptionNotFound => "SUBSCRIPTION_NOT_FOUND",
            Self::CustomerExists => "CUSTOMER_EXISTS",
            Self::ExternalIdTaken => "EXTERNAL_ID_TAKEN",
            Self::SubscriptionExists => "SUBSCRIPTION_EXISTS",
            Self::BillExists => "BILL_EXISTS",
            Self::InteractionExists => "INTERACTION_EXISTS",
            Self::RelationshipNotFound => "RELATIONSHIP_NOT_FOUND",
            Self::RelationshipOverlaps => "RELATIONSHIP_OVERLAPS",
            Self::RelationshipCycle => "RELATIONSHIP_CYCLE",
            Self::StatusChangeRefused => "STATUS_CHANGE_REFUSED",
            Self::BillingAccountExists => "BILLING_ACCOUNT_EXISTS",
            Self::BillingAccountNotFound => "BILLING_ACCOUNT_NOT_FOUND",
            Self::BillingAccountClosed => "BILLING_ACCOUNT_CLOSED",
            Self::SubscriptionPaid => "SUBSCRIPTION_PAID",
            Self::SubscriptionNotPaid => "SUBSCRIPTION_NOT_PAID",
            Self::GroupNotFound => "GROUP_NOT_FOUND",
            Self::GroupFull => "GROUP_FULL",
            Self::GroupMemberExists => "GROUP_MEMBER_EXISTS",
            Self::GroupMemberNotFound => "GROUP_MEMBER_NOT_FOUND",
            Self::NoticeStands => "NOTICE_STANDS",
            Self::NoticeNotGiven => "NOTICE_NOT_GIVEN",
            Self::LeadExists => "LEAD_EXISTS",
            Self::LeadNotFound => "LEAD_NOT_FOUND",
            Self::LeadClosed => "LEAD_CLOSED",
            Self::ProspectNameless => "PROSPECT_NAMELESS",
            Self::SimTaken => "SIM_TAKEN",
            Self::ResourceNotFound => "RESOURCE_NOT_FOUND",
            Self::MsisdnTaken => "MSISDN_TAKEN",
            Self::SubscriptionTerminated => "SUBSCRIPTION_TERMINATED",
            Self::BillSettled => "BILL_SETTLED",
            Self::EtagMismatch => "ETAG_MISMATCH",
            Self::CustomerErased => "CUSTOMER_ERASED",
            Self::ComplaintNotFound => "COMPLAINT_NOT_FOUND",
            Self::ComplaintExists => "COMPLAINT_EXISTS",
            Self::ComplaintStateForbids => "COMPLAINT_STATE_FORBIDS",
            Self::ComplaintFull => "COMPLAINT_FULL",
            Self::ResolutionNotFound => "RESOLUTION_NOT_FOUND",
            Self::ResolutionAnswered => "RESOLUTION_ANSWERED",
            Self::PromiseNotFound => "PROMISE_NOT_FOUND",
            Self::PromiseExists => "PROMISE_EXISTS",
            Self::PromiseSettled => "PROMISE_SETTLED",
            Self::SurveyExists => "SURVEY_EXISTS",
            Self::ProfileFull => "PROFILE_FULL",
        }
    }

    /// Returns the canonical code.
    #[must_use]
    pub fn code(self) -> ErrorCode {
        match self {
            Self::InvalidFields => ErrorCode::InvalidArgument,
            Self::CustomerNotFound
            | Self::SubscriptionNotFound
            | Self::ComplaintNotFound
            | Self::ResolutionNotFound
            | Self::PromiseNotFound
            | Self::RelationshipNotFound
            | Self::BillingAccountNotFound
            | Self::SubscriptionNotPaid
            | Self::GroupNotFound
            | Self::GroupMemberNotFound
            | Self::LeadNotFound
            | Self::ResourceNotFound => ErrorCode::NotFound,
            Self::CustomerExists
            | Self::ExternalIdTaken
            | Self::SubscriptionExists
            | Self::BillExists
            | Self::InteractionExists
            | Self::ComplaintExists
            | Self::PromiseExists
            | Self::SurveyExists
            | Self::RelationshipOverlaps
            | Self::BillingAccountExists
            | Self::SubscriptionPaid
            | Self::GroupMemberExists
            | Self::LeadExists
            | Self::SimTaken
            | Self::MsisdnTaken => ErrorCode::AlreadyExists,
            Self::SubscriptionTerminated
            | Self::BillSettled
            | Self::ComplaintStateForbids
            | Self::ComplaintFull
            | Self::ResolutionAnswered
            | Self::PromiseSettled
            | Self::CustomerErased
            | Self::RelationshipCycle
            | Self::StatusChangeRefused
            | Self::BillingAccountClosed
            | Self::GroupFull
            | Self::NoticeStands
            | Self::NoticeNotGiven
            | Self::LeadClosed
            | Self::ProfileFull
            | Self::ProspectNameless => ErrorCode::FailedPrecondition,
            Self::EtagMismatch => ErrorCode::Aborted,
        }
    }
}

/// Why one item is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The reason.
    pub reason: Reason,
    /// The field of the item that is to blame, for example `msisdn`.
    pub field: String,
    /// What is allowed.
    pub wanted: String,
    /// What was found, without personal data.
    pub found: String,
    /// What varies, as the reason documents it.
    pub metadata: Vec<(&'static str, String)>,
}

impl Refusal {
    /// Creates a refusal.
    pub fn new(
        reason: Reason,
        field: impl Into<String>,
        wanted: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        let (field, wanted, found) = (field.into(), wanted.into(), found.into());
        Self {
            reason,
            field,
            wanted,
            found,
            metadata: Vec::new(),
        }
    }

    /// Adds what varies.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: &str) -> Self {
        self.metadata.push((key, value.to_owned()));
        self
    }

    /// Returns the refusal as a violation of a field below `prefix`, for example `bills[3].`.
    #[must_use]
    pub fn violation(&self, prefix: &str) -> Violation {
        let field = format!("{prefix}{}", self.field);
        Violation {
            field,
            wanted: self.wanted.clone(),
            found: self.found.clone(),
        }
    }
}
