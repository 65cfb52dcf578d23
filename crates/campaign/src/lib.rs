//! Offers, audiences, campaigns, contacts, experiments: what to do now, and did it work.
//!
//! The service owns campaigns from the draft to the measured effect. It reads the audience from
//! lifecycle-scoring and customer-data at launch, decides by a hash who is treated, hands contacts
//! to channels under a lease, has loyalty-points book the bonus of those who accept, and learns from
//! the feed of customer-data who left.
//!
//! It promises that a customer is enrolled once and never changes the arm, that two senders never
//! hold one contact at the same time, and that owed points are booked exactly once; all of it
//! through the database, so that any number of replicas may run.

mod api;
mod config;
mod domain;
mod error;
mod job;
mod store;

use std::sync::Arc;

use tenure_core::{Clock, Ids};
use tenure_proto::campaign::v1::action_service_server::ActionServiceServer;
use tenure_proto::campaign::v1::campaign_service_server::CampaignServiceServer;
use tenure_rpc::{Lifecycle, Routes, Transport};
use tenure_sql::{Db, Migrations};
use tokio::sync::{Mutex, Notify};

pub use config::Config;
pub use error::Error;

/// The name of the service, as in `tenure serve campaign`.
pub const NAME: &str = "campaign";

/// The domain of every `google.rpc.ErrorInfo` of the service.
pub const DOMAIN: &str = "campaign.tenure";

/// The schema.
pub const MIGRATIONS: Migrations = tenure_sql::migrations!("0101_campaign", "0102_enrolment");

/// What the service needs.
#[derive(Debug)]
pub struct Deps {
    /// Its own database, migrated already.
    pub db: Db,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where new ids come from.
    pub ids: Ids,
    /// What the operator set.
    pub config: Config,
    /// For tasks, and for ending watch streams at drain.
    pub lifecycle: Lifecycle,
    /// The way to customer-data.
    pub customer_data: Transport,
    /// The way to lifecycle-scoring.
    pub lifecycle_scoring: Transport,
    /// The way to loyalty-points.
    pub loyalty_points: Transport,
}

/// The service.
#[derive(Debug, Clone)]
pub struct Service(Arc<Inner>);

/// What every use case needs.
#[derive(Debug)]
struct Inner {
    db: Db,
    clock: Arc<dyn Clock>,
    ids: Ids,
    config: Config,
    lifecycle: Lifecycle,
    clients: job::client::Clients,
    /// Held for one page of an enrolment: tasks of this process take turns instead of racing.
    enrolling: Mutex<()>,
    /// Rung when points became owed.
    owed: Notify,
}

impl Service {
    /// Creates the service.
    ///
    /// # Errors
    /// None today; the signature is that of all services.
    pub fn new(deps: Deps) -> Result<Self, Error> {
        let clients = job::client::Clients::new(
            deps.customer_data,
            deps.lifecycle_scoring,
            deps.loyalty_points,
        );
        Ok(Self(Arc::new(Inner {
            db: deps.db,
            clock: deps.clock,
            ids: deps.ids,
            config: deps.config,
            lifecycle: deps.lifecycle,
            clients,
            enrolling: Mutex::new(()),
            owed: Notify::new(),
        })))
    }

    /// Returns the gRPC services.
    #[must_use]
    pub fn routes(&self) -> Routes {
        let api = api::Api::new(self.0.clone());
        Routes::default()
            .add_service(CampaignServiceServer::new(api.clone()))
            .add_service(ActionServiceServer::new(api))
    }

    /// Starts what runs in the background: the reader of customer-data's feed, the enrolment of
    /// campaigns that nobody goes on with, the granting of owed points, and the deletion of what is
    /// kept no longer.
    pub fn spawn_jobs(&self, lifecycle: &Lifecycle) {
        job::spawn(&self.0, lifecycle);
    }
}
