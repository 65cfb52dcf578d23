//! Points: lots, holds, entries; spent exactly once.
//!
//! The service owns the accounts of the loyalty programme. It promises that a point is never spent
//! twice, that a request has its effect once however often it is repeated, and that the books tie to
//! the lots at every instant. Hot writes are committed in groups; entries are the ledger, the memory
//! of requests and the change feed at once.

mod api;
mod committer;
mod config;
pub mod domain;
mod error;
mod job;
mod store;
mod verify;

use std::sync::Arc;

use tenure_core::{Clock, Ids, Lane};
use tenure_proto::loyalty::v1::books_service_server::BooksServiceServer;
use tenure_proto::loyalty::v1::loyalty_service_server::LoyaltyServiceServer;
use tenure_proto::loyalty::v1::partner_service_server::PartnerServiceServer;
use tenure_proto::loyalty::v1::programme_service_server::ProgrammeServiceServer;
use tenure_proto::loyalty::v1::reward_service_server::RewardServiceServer;
use tenure_rpc::{Lifecycle, Routes, Transport};
use tenure_sql::{Db, Migrations};

pub use config::{Config, ExpiryRule, ProgrammeConfig};
pub use error::Error;

use committer::Committers;
use store::Rules;

/// The name of the service, as in `tenure serve loyalty-points`.
pub const NAME: &str = "loyalty-points";
/// The domain of its errors.
pub const DOMAIN: &str = "loyalty.tenure";
/// Its schema.
pub const MIGRATIONS: Migrations = tenure_sql::migrations!(
    "0101_ledger",
    "0110_programme",
    "0120_seal",
    "0130_vintage",
    "0140_stock",
    "0141_reward",
    "0150_partner",
    "0160_standing",
    "0161_merge",
    "0162_notice",
    "0163_running"
);

/// What the service needs.
#[derive(Debug, Clone)]
pub struct Deps {
    /// Its database, migrated.
    pub db: Db,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where ids come from. Entries are numbered by their lane, so that none is needed on the hot
    /// path.
    pub ids: Ids,
    /// What may be set.
    pub config: Config,
    /// For the committers, and to end streams at drain.
    pub lifecycle: Lifecycle,
    /// customer-data, whose settled bills earn points.
    pub customer_data: Transport,
}

/// The service. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Service(Arc<Shared>);

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) db: Db,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Ids,
    pub(crate) config: Config,
    pub(crate) rules: Arc<Rules>,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) committers: Arc<Committers>,
    pub(crate) customer_data: Transport,
}

impl Shared {
    pub(crate) fn lane(&self, account: &str) -> Lane {
        store::lane_of(&self.db, account)
    }
}

impl Service {
    /// Creates the service and starts its committers.
    ///
    /// # Errors
    /// When the programme of the configuration is none.
    pub fn new(deps: Deps) -> Result<Self, Error> {
        let Deps {
            db,
            clock,
            ids,
            config,
            lifecycle,
            customer_data,
        } = deps;
        let rules = Arc::new(Rules::new(config.programme.seed().ok_or(Error::Config)?));
        let committers = Committers::start(&db, &clock, &rules, &config, &lifecycle);
        let shared = Shared {
            db,
            clock,
            ids,
            config,
            rules,
            lifecycle,
            committers,
            customer_data,
        };
        Ok(Self(Arc::new(shared)))
    }

    /// Returns the gRPC services.
    #[must_use]
    pub fn routes(&self) -> Routes {
        let ledger = LoyaltyServiceServer::new(api::Api(self.0.clone()));
        let books = BooksServiceServer::new(api::BooksApi(self.0.clone()));
        let programmes = ProgrammeServiceServer::new(api::ProgrammeApi(self.0.clone()));
        let rewards = RewardServiceServer::new(api::RewardApi(self.0.clone()));
        let routes = Routes::default().add_service(ledger);
        let partners = PartnerServiceServer::new(api::PartnerApi(self.0.clone()));
        routes
            .add_service(books)
            .add_service(programmes)
            .add_service(partners)
            .add_service(rewards)
    }

    /// Starts what runs by itself: the reader of bills and the sweep of expiries.
    pub fn spawn_jobs(&self, lifecycle: &Lifecycle) {
        job::spawn(&self.0, lifecycle);
    }
}
