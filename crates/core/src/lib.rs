//! Words every service shares: ids, instants, points, money, pages, error codes. No IO.
//!
//! What two services say about the same thing they say with a type from here. The crate depends on
//! none of ours, knows no database and no wire format, and reads the clock and the operating
//! system's randomness in exactly one place each ([`clock`] and [`ids`]).

pub mod clock;
pub mod code;
pub mod hash;
pub mod id;
pub mod ids;
pub mod money;
pub mod page;
pub mod points;
pub mod time;
pub mod violation;

pub use clock::{Clock, ManualClock, SystemClock};
pub use code::{Coded, ErrorCode};
pub use hash::{Lane, Lanes};
pub use id::{
    AccountId, BillId, BillingAccountId, CampaignId, ComplaintId, CustomerId, DepartmentCode,
    GroupId, InteractionId, LeadId, MediumId, OfferId, PersonCode, ProgrammeId, PromiseId,
    RelationshipId, RequestId, SubscriptionId, SurveyId,
};
pub use ids::Ids;
pub use money::{Currency, Money};
pub use page::{PageError, PageSize, PageToken};
pub use points::Points;
pub use time::{Span, Timestamp};
pub use violation::{Violation, Violations};
