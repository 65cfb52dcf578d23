//! Puts services together: opens their databases, builds them, and joins them by transports.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use tenure_core::{Clock, Ids};
use tenure_rpc::transport::in_process_as;
use tenure_rpc::{Later, Lifecycle, Principal, Readiness, Routes, Server, Transport, connect};
use tenure_sql::Db;

use crate::clients::Clients;
use crate::config::Config;
use crate::service::ServiceName;

/// What a suite is built from.
#[derive(Clone)]
pub struct Parts {
    /// The configuration.
    pub config: Config,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where ids come from.
    pub ids: Ids,
    /// When to stop.
    pub lifecycle: Lifecycle,
}

/// Services that run in this process, and the way to all that they call.
pub struct Suite {
    services: BTreeMap<ServiceName, Running>,
    transports: BTreeMap<ServiceName, Transport>,
    /// The ways back from customer-data to those that call it, in this process.
    back: BTreeMap<ServiceName, Later>,
    readiness: Readiness,
    lifecycle: Lifecycle,
}

/// One service of a suite.
enum Running {
    CustomerData(tenure_customer_data::Service),
    LifecycleScoring(tenure_lifecycle_scoring::Service),
    Campaign(tenure_campaign::Service),
    LoyaltyPoints(tenure_loyalty_points::Service),
}

impl Running {
    fn routes(&self) -> Routes {
        match self {
            Self::CustomerData(service) => service.routes(),
            Self::LifecycleScoring(service) => service.routes(),
            Self::Campaign(service) => service.routes(),
            Self::LoyaltyPoints(service) => service.routes(),
        }
    }

    fn spawn_jobs(&self, lifecycle: &Lifecycle) {
        match self {
            Self::CustomerData(service) => service.spawn_jobs(lifecycle),
            Self::LifecycleScoring(service) => service.spawn_jobs(lifecycle),
            Self::Campaign(service) => service.spawn_jobs(lifecycle),
            Self::LoyaltyPoints(service) => service.spawn_jobs(lifecycle),
        }
    }
}

impl Suite {
    /// Opens (and, where needed, migrates) the databases of `wanted` and builds the services.
    ///
    /// # Errors
    /// When a database cannot be opened, or a service that one of them calls is neither wanted nor
    /// configured as a peer.
    pub async fn open(parts: &Parts, wanted: &[ServiceName]) -> Result<Self> {
        let mut suite = Self {
            services: BTreeMap::new(),
            transports: BTreeMap::new(),
            back: wanted.iter().map(|it| (*it, Later::default())).collect(),
            readiness: Readiness::starting(),
            lifecycle: parts.lifecycle.clone(),
        };
        for service in ServiceName::ALL {
            if wanted.contains(&service) {
                let running = suite.build(parts, service).await?;
                // The services of one process are one system: none of them looks at customers.
                let transport = in_process_as(running.routes(), Principal::Service("tenure"));
                if let Some(back) = suite.back.get(&service) {
                    back.fill(transport.clone());
                }
                suite.transports.insert(service, transport);
                suite.services.insert(service, running);
            } else if let Some(transport) = peer(parts, service)? {
                suite.transports.insert(service, transport);
            } else if let Some(caller) = wanted
                .iter()
                .find(|caller| caller.calls().contains(&service))
            {
                let key = service.as_str().replace('-', "_");
                bail!(
                    "{caller} calls {service}: serve it as well, or set peers.{key} to its address"
                );
            }
        }
        suite.readiness.set(true);
        Ok(suite)
    }

    async fn build(&self, parts: &Parts, service: ServiceName) -> Result<Running> {
        let url = parts.config.database_url(service);
        let db = Db::open(&url, &parts.config.db_options(&url), service.migrations())
            .await
            .with_context(|| format!("cannot open the database of {service}"))?;
        self.join(parts, service, db)
            .with_context(|| format!("cannot start {service}"))
    }

    fn join(&self, parts: &Parts, service: ServiceName, db: Db) -> Result<Running> {
        let Parts {
            config,
            clock,
            ids,
            lifecycle,
        } = parts.clone();
        Ok(match service {
            ServiceName::CustomerData => {
                let peers = self.briefed_by(parts)?;
                let config = config.customer_data;
                let db = tenure_customer_data::Db::new(db, &config.privacy);
                let deps = tenure_customer_data::Deps {
                    db,
                    clock,
                    ids,
                    config,
                    lifecycle,
                    peers,
                };
                Running::CustomerData(tenure_customer_data::Service::new(deps)?)
            }
            ServiceName::LifecycleScoring => {
                let (config, customer_data) = (
                    config.lifecycle_scoring,
                    self.transport(ServiceName::CustomerData)?,
                );
                let deps = tenure_lifecycle_scoring::Deps {
                    db,
                    clock,
                    ids,
                    config,
                    lifecycle,
                    customer_data,
                };
                Running::LifecycleScoring(tenure_lifecycle_scoring::Service::new(deps)?)
            }
            ServiceName::LoyaltyPoints => {
                let (config, customer_data) = (
                    config.loyalty_points,
                    self.transport(ServiceName::CustomerData)?,
                );
                let deps = tenure_loyalty_points::Deps {
                    db,
                    clock,
                    ids,
                    config,
                    lifecycle,
                    customer_data,
                };
                Running::LoyaltyPoints(tenure_loyalty_points::Service::new(deps)?)
            }
            ServiceName::Campaign => {
                Running::Campaign(tenure_campaign::Service::new(tenure_campaign::Deps {
                    db,
                    clock,
                    ids,
                    config: config.campaign,
                    lifecycle,
                    customer_data: self.transport(ServiceName::CustomerData)?,
                    lifecycle_scoring: self.transport(ServiceName::LifecycleScoring)?,
                    loyalty_points: self.transport(ServiceName::LoyaltyPoints)?,
                })?)
            }
        })
    }

    /// Returns the ways to the services that customer-data asks for briefings: all of them call it,
    /// so that none is there yet, and it does without those that are not configured.
    fn briefed_by(&self, parts: &Parts) -> Result<tenure_customer_data::Peers> {
        let way = |service: ServiceName| match self.back.get(&service) {
            Some(back) => Ok(Some(back.transport())),
            None => peer(parts, service),
        };
        Ok(tenure_customer_data::Peers {
            lifecycle_scoring: way(ServiceName::LifecycleScoring)?,
            loyalty_points: way(ServiceName::LoyaltyPoints)?,
            campaign: way(ServiceName::Campaign)?,
        })
    }

    /// Returns the way to a service.
    ///
    /// # Errors
    /// When it is neither in this process nor a configured peer.
    pub fn transport(&self, service: ServiceName) -> Result<Transport> {
        let transport = self.transports.get(&service).cloned();
        transport.with_context(|| format!("{service} is not reachable from this process"))
    }

    /// Returns clients of the four services.
    ///
    /// # Errors
    /// When one is neither in this process nor a configured peer.
    pub fn clients(&self) -> Result<Clients> {
        let customer_data = Clients::of_one(&self.transport(ServiceName::CustomerData)?);
        Ok(Clients {
            customer: customer_data.customer,
            desks: customer_data.desks,
            scoring: Clients::of_one(&self.transport(ServiceName::LifecycleScoring)?).scoring,
            campaign: Clients::of_one(&self.transport(ServiceName::Campaign)?).campaign,
            ..Clients::of_one(&self.transport(ServiceName::LoyaltyPoints)?)
        })
    }

    /// Starts the background work of every service: feed consumers and sweeps.
    pub fn spawn_jobs(&self) {
        for service in self.services.values() {
            service.spawn_jobs(&self.lifecycle);
        }
    }

    /// Returns a server of every service in this process on one port.
    #[must_use]
    pub fn server(&self, config: &Config) -> Server {
        self.services
            .values()
            .fold(Server::new(config.server.clone()), |server, service| {
                server.add(service.routes(), &self.readiness)
            })
    }

    /// Returns whether the services can answer.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }
}

/// Returns the way to a service in another process, when one is configured.
fn peer(parts: &Parts, service: ServiceName) -> Result<Option<Transport>> {
    let connected = |url| connect(url, &parts.config.peers.client);
    let transport = parts.config.peer(service).map(connected).transpose();
    transport.with_context(|| format!("cannot call {service}"))
}
