//! Features, models, scores: where each customer stands in the lifecycle, and why.
//!
//! The service reads the feed of customer-data and keeps a compact memory of each customer, from
//! which it can tell what the customer looked like at any instant. It promises: everybody is in
//! exactly one stage at any instant; a score was made from nothing that was not known by then; the
//! reasons of a score add up to it; equal model versions answer equally.

mod api;
mod app;
pub mod config;
pub mod domain;
pub mod error;
mod job;
mod store;

use std::sync::Arc;

use tenure_core::{Clock, Ids};
use tenure_proto::scoring::v1::scoring_service_server::ScoringServiceServer;
use tenure_rpc::{Lifecycle, Routes, Transport};
use tenure_sql::{Db, Migrations};

pub use config::Config;
pub use error::Error;

/// As in `tenure serve lifecycle-scoring`.
pub const NAME: &str = "lifecycle-scoring";
/// The domain of every `ErrorInfo`.
pub const DOMAIN: &str = "scoring.tenure";
/// The tables.
pub const MIGRATIONS: Migrations = tenure_sql::migrations!("0101_scoring");

/// What the service needs from outside.
#[derive(Debug)]
pub struct Deps {
    /// Its database, migrated.
    pub db: Db,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where ids come from.
    pub ids: Ids,
    /// Its configuration.
    pub config: Config,
    /// Where tasks are started, and what ends them.
    pub lifecycle: Lifecycle,
    /// The way to customer-data.
    pub customer_data: Transport,
}

/// The service.
#[derive(Debug, Clone)]
pub struct Service(Arc<app::App>);

impl Service {
    /// Creates the service and goes on with what was begun before a restart.
    ///
    /// # Errors
    /// None today; what a service needs to start may grow.
    pub fn new(deps: Deps) -> Result<Self, Error> {
        let app = Arc::new(app::App::new(deps));
        let lifecycle = app.lifecycle.clone();
        lifecycle.spawn("scoring: resume", job::resume(Arc::clone(&app)));
        Ok(Self(app))
    }

    /// Returns the routes of the service's gRPC services.
    #[must_use]
    pub fn routes(&self) -> Routes {
        Routes::default().add_service(ScoringServiceServer::new(api::Api(Arc::clone(&self.0))))
    }

    /// Starts to follow the feed of customer-data.
    pub fn spawn_jobs(&self, lifecycle: &Lifecycle) {
        let consumer = job::feed::CustomerFeed::new(Arc::clone(&self.0));
        let follow = tenure_rpc::feed::follow(consumer, lifecycle.clone());
        lifecycle.spawn("lifecycle-scoring<customer-data", follow);
    }
}
