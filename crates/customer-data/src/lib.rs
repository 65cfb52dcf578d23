//! The one record of a customer: who this is, what they have, what happened.
//!
//! This service owns customers, subscriptions, phone numbers, bills, usage and interactions. It
//! promises that a write happens once and wholly, that no two customers share a number at one time,
//! an external id or a key of the operator's, and that every change of a fact can be followed in
//! the order of each customer's commits.
//!
//! [`import`] is the client that takes in files.

mod api;
mod bus;
mod config;
pub mod domain;
mod error;
pub mod import;
mod job;
pub mod store;
mod vault;

use std::sync::Arc;

use tenure_core::{Clock, Ids};
use tenure_proto::customer::v1::account_service_server::AccountServiceServer;
use tenure_proto::customer::v1::briefing_service_server::BriefingServiceServer;
use tenure_proto::customer::v1::complaint_service_server::ComplaintServiceServer;
use tenure_proto::customer::v1::consent_service_server::ConsentServiceServer;
use tenure_proto::customer::v1::customer_service_server::CustomerServiceServer;
use tenure_proto::customer::v1::group_service_server::GroupServiceServer;
use tenure_proto::customer::v1::identity_service_server::IdentityServiceServer;
use tenure_proto::customer::v1::import_reversal_service_server::ImportReversalServiceServer;
use tenure_proto::customer::v1::import_service_server::ImportServiceServer;
use tenure_proto::customer::v1::lead_service_server::LeadServiceServer;
use tenure_proto::customer::v1::party_service_server::PartyServiceServer;
use tenure_proto::customer::v1::privacy_service_server::PrivacyServiceServer;
use tenure_proto::customer::v1::profile_service_server::ProfileServiceServer;
use tenure_proto::customer::v1::quality_service_server::QualityServiceServer;
use tenure_proto::customer::v1::resource_service_server::ResourceServiceServer;
use tenure_proto::customer::v1::subscription_terms_service_server::SubscriptionTermsServiceServer;
use tenure_proto::customer::v1::survey_service_server::SurveyServiceServer;
use tenure_rpc::encoded::WithEncoded;
use tenure_rpc::{Lifecycle, Routes, Transport};
use tenure_sql::Migrations;

pub use api::watch::{fact_of, open_changes, seal_changes};
pub use bus::BusConfig;
pub use config::{AccessLogMode, BriefingConfig, Config, Grant, PrivacyConfig, RetentionConfig};
pub use domain::Right;
pub use error::Error;
pub use store::Db;

/// The name of the service, as in `tenure serve customer-data`.
pub const NAME: &str = "customer-data";
/// The domain of every `ErrorInfo`.
pub const DOMAIN: &str = "customer.tenure";
/// The schema.
pub const MIGRATIONS: Migrations = tenure_sql::migrations!(
    "0101_customer",
    "0110_standing",
    "0120_complaint",
    "0121_promise",
    "0122_interaction_phase",
    "0123_survey",
    "0130_party",
    "0131_account",
    "0132_group",
    "0133_usage",
    "0134_terms",
    "0135_lead",
    "0136_sim",
    "0140_consent",
    "0141_privacy",
    "0150_identity",
    "0151_matching",
    "0160_quality",
    "0165_import_undo",
    "0170_profile",
    "0180_access",
    "0190_customer_key",
);

/// What the service needs.
#[derive(Debug)]
pub struct Deps {
    /// Its own database, migrated, with the keys of personal data.
    pub db: Db,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where new ids come from.
    pub ids: Ids,
    /// Its settings.
    pub config: Config,
    /// The life of the process: streams end with it.
    pub lifecycle: Lifecycle,
    /// The ways to the services that briefings ask.
    pub peers: Peers,
}

/// The services that briefings ask, as far as they are configured. All of them call this one, so they
/// may come up later, go down and be slow: a briefing then does without.
#[derive(Debug, Clone, Default)]
pub struct Peers {
    /// Stage, risk and value.
    pub lifecycle_scoring: Option<Transport>,
    /// Points and tiers.
    pub loyalty_points: Option<Transport>,
    /// What to do next.
    pub campaign: Option<Transport>,
}

/// The service.
#[derive(Debug)]
pub struct Service(Arc<Deps>, Arc<job::peers::Asked>, job::access::AccessLog);

impl Service {
    /// Creates the service.
    ///
    /// # Errors
    /// Never today; the signature is that of every service.
    pub fn new(deps: Deps) -> Result<Self, Error> {
        let asked = job::peers::Asked::new(&deps.peers, &deps.config.briefing);
        let deps = Arc::new(deps);
        let log = job::access::AccessLog::start(&deps);
        Ok(Self(deps, Arc::new(asked), log))
    }

    /// Returns the gRPC services. Every call goes past the guard of personal data.
    #[must_use]
    pub fn routes(&self) -> Routes {
        let desk = api::briefing::Desk {
            deps: self.0.clone(),
            asked: self.1.clone(),
        };
        let privacy = api::PrivacyApi(self.0.clone(), self.2.clone());
        let guard = api::guard::Guard::new(self.0.clone(), self.2.clone());
        let guard: Arc<dyn tenure_rpc::inspect::Inspector> = Arc::new(guard);
        let deps = self.0.clone();
        let api = api::Api(self.0.clone(), api::Turns::default());
        let customers = CustomerServiceServer::new(api.clone());
        let customers = WithEncoded::new(customers, api::watch::PATH, move |request| {
            Ok(api::watch::encoded(&deps, request.into_inner())?)
        });
        Routes::default()
            .add_service(customers)
            .add_service(PartyServiceServer::new(api.clone()))
            .add_service(AccountServiceServer::new(api.clone()))
            .add_service(GroupServiceServer::new(api.clone()))
            .add_service(SubscriptionTermsServiceServer::new(api.clone()))
            .add_service(LeadServiceServer::new(api.clone()))
            .add_service(ResourceServiceServer::new(api.clone()))
            .add_service(ProfileServiceServer::new(api.clone()))
            .add_service(ConsentServiceServer::new(api::ConsentApi(self.0.clone())))
            .add_service(BriefingServiceServer::new(desk))
            .add_service(PrivacyServiceServer::new(privacy))
            .add_service(ComplaintServiceServer::new(api.clone()))
            .add_service(IdentityServiceServer::new(api.clone()))
            .add_service(ImportServiceServer::new(api.clone()))
            .add_service(ImportReversalServiceServer::new(api.clone()))
            .add_service(QualityServiceServer::new(api.clone()))
            .add_service(SurveyServiceServer::new(api))
            .through(&guard)
    }

    /// Starts the sweeps, the clock of what was promised, and what goes over the bus.
    pub fn spawn_jobs(&self, lifecycle: &Lifecycle) {
        let sweep = job::sweep(self.0.clone(), lifecycle.clone());
        lifecycle.spawn("customer-data sweep", sweep);
        let clock = job::watch_due(self.0.clone(), lifecycle.clone());
        lifecycle.spawn("customer-data promised times", clock);
        bus::spawn(&self.0, lifecycle);
        let erase = job::erase::follow(self.0.clone(), lifecycle.clone());
        lifecycle.spawn("customer-data erasures", erase);
        let retain = job::retention::follow(self.0.clone(), lifecycle.clone());
        lifecycle.spawn("customer-data retention", retain);
        let reverse = job::reversal::follow(self.0.clone(), lifecycle.clone());
        lifecycle.spawn("customer-data reversals", reverse);
    }
}
