//! The one record of a customer: who this is, what they have, what happened.
//!
//! This service owns customers, subscriptions, phone numbers, bills, usage and interactions. It
//! promises that a write happens once and wholly, that no two customers share a number at one time,
//! an external id or a key of the operator's, and that every change of a fact can be followed in
//! the order of each customer's commits.
//!
//! [`import`] is the client that takes in files.

mod api;
mod config;
pub mod domain;
mod error;
pub mod import;
mod job;
pub mod store;

use std::sync::Arc;

use tenure_core::{Clock, Ids};
use tenure_proto::customer::v1::consent_service_server::ConsentServiceServer;
use tenure_proto::customer::v1::customer_service_server::CustomerServiceServer;
use tenure_rpc::encoded::WithEncoded;
use tenure_rpc::{Lifecycle, Routes};
use tenure_sql::{Db, Migrations};

pub use config::Config;
pub use error::Error;

/// The name of the service, as in `tenure serve customer-data`.
pub const NAME: &str = "customer-data";
/// The domain of every `ErrorInfo`.
pub const DOMAIN: &str = "customer.tenure";
/// The schema.
pub const MIGRATIONS: Migrations =
    tenure_sql::migrations!("0101_customer", "0110_standing", "0140_consent");

/// What the service needs.
#[derive(Debug)]
pub struct Deps {
    /// Its own database, migrated.
    pub db: Db,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where new ids come from; this service makes none at random today.
    pub ids: Ids,
    /// Its settings.
    pub config: Config,
    /// The life of the process: streams end with it.
    pub lifecycle: Lifecycle,
}

/// The service.
#[derive(Debug)]
pub struct Service(Arc<Deps>);

impl Service {
    /// Creates the service.
    ///
    /// # Errors
    /// Never today; the signature is that of every service.
    pub fn new(deps: Deps) -> Result<Self, Error> {
        Ok(Self(Arc::new(deps)))
    }

    /// Returns the gRPC service.
    #[must_use]
    pub fn routes(&self) -> Routes {
        let deps = self.0.clone();
        let customers = CustomerServiceServer::new(api::Api(self.0.clone()));
        let customers = WithEncoded::new(customers, api::watch::PATH, move |request| {
            Ok(api::watch::encoded(&deps, request.into_inner())?)
        });
        Routes::default()
            .add_service(customers)
            .add_service(ConsentServiceServer::new(api::ConsentApi(self.0.clone())))
    }

    /// Starts the sweeps.
    pub fn spawn_jobs(&self, lifecycle: &Lifecycle) {
        let sweep = job::sweep(self.0.clone(), lifecycle.clone());
        lifecycle.spawn("customer-data sweep", sweep);
    }
}
