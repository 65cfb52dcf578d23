//! The configuration of the whole: one file for every service, each reads its part.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tenure_core::{Lanes, Violations};
use tenure_rpc::config::{self, Mistakes, Validate};
use tenure_rpc::telemetry::TelemetryConfig;
use tenure_rpc::{ClientOptions, ServerConfig};
use tenure_sql::DbOptions;

use crate::service::ServiceName;

/// Everything that can be set, with its default.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the databases lie that have no URL of their own: one SQLite file for each service.
    pub data_dir: PathBuf,
    /// Where to answer gRPC.
    pub server: ServerConfig,
    /// Where to answer the questions of operations.
    pub admin: AdminConfig,
    /// Logs, metrics, traces.
    pub telemetry: TelemetryConfig,
    /// How to reach the database of each service.
    pub databases: Databases,
    /// Where the services are that do not run in this process.
    pub peers: Peers,
    /// The rules of customer-data.
    pub customer_data: tenure_customer_data::Config,
    /// The rules of lifecycle-scoring.
    pub lifecycle_scoring: tenure_lifecycle_scoring::Config,
    /// The rules of campaign.
    pub campaign: tenure_campaign::Config,
    /// The rules of loyalty-points.
    pub loyalty_points: tenure_loyalty_points::Config,
}

/// The admin port: health, metrics, version over plain HTTP.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdminConfig {
    /// The address to listen on; port 0 means any free one.
    pub listen: std::net::SocketAddr,
}

/// The database of each service: `postgres://user@host/name`, several hosts separated by commas, or
/// `sqlite:path`. Absent: a SQLite file in `data_dir`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Databases {
    /// Of customer-data.
    pub customer_data: Option<String>,
    /// Of lifecycle-scoring.
    pub lifecycle_scoring: Option<String>,
    /// Of campaign.
    pub campaign: Option<String>,
    /// Of loyalty-points.
    pub loyalty_points: Option<String>,
    /// How many connections each service may open.
    pub connections_max: u32,
    /// How many lanes a database gets when it is created: 16, or 256 where it will be distributed.
    pub lanes: u32,
}

/// The addresses of other processes, for example `http://customer-data:7100`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Peers {
    /// Of customer-data.
    pub customer_data: Option<String>,
    /// Of lifecycle-scoring.
    pub lifecycle_scoring: Option<String>,
    /// Of campaign.
    pub campaign: Option<String>,
    /// Of loyalty-points.
    pub loyalty_points: Option<String>,
    /// How to call them.
    pub client: ClientOptions,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: "tenure-data".into(),
            server: ServerConfig::default(),
            admin: AdminConfig::default(),
            telemetry: TelemetryConfig::default(),
            databases: Databases::default(),
            peers: Peers::default(),
            customer_data: Default::default(),
            lifecycle_scoring: Default::default(),
            campaign: Default::default(),
            loyalty_points: Default::default(),
        }
    }
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self {
            listen: ([127, 0, 0, 1], 7_101).into(),
        }
    }
}

impl Default for Databases {
    fn default() -> Self {
        let options = DbOptions::default();
        Self {
            customer_data: None,
            lifecycle_scoring: None,
            campaign: None,
            loyalty_points: None,
            connections_max: options.connections_max,
            lanes: Lanes::DEFAULT.count(),
        }
    }
}

impl Config {
    /// Reads the configuration from `file`, if there is one, and from the environment
    /// (`TENURE_SERVER__LISTEN` sets `server.listen`).
    ///
    /// # Errors
    /// Every mistake in it at once.
    pub fn load(file: Option<&Path>) -> Result<Self, Mistakes> {
        config::load(file, config::environment())
    }

    /// Returns the URL of a service's database.
    #[must_use]
    pub fn database_url(&self, service: ServiceName) -> String {
        let given = match service {
            ServiceName::CustomerData => &self.databases.customer_data,
            ServiceName::LifecycleScoring => &self.databases.lifecycle_scoring,
            ServiceName::Campaign => &self.databases.campaign,
            ServiceName::LoyaltyPoints => &self.databases.loyalty_points,
        };
        given.clone().unwrap_or_else(|| {
            let file = self.data_dir.join(format!("{service}.db"));
            format!("sqlite:{}", file.display())
        })
    }

    /// Returns the address of a service in another process, when one is configured.
    #[must_use]
    pub fn peer(&self, service: ServiceName) -> Option<&str> {
        match service {
            ServiceName::CustomerData => self.peers.customer_data.as_deref(),
            ServiceName::LifecycleScoring => self.peers.lifecycle_scoring.as_deref(),
            ServiceName::Campaign => self.peers.campaign.as_deref(),
            ServiceName::LoyaltyPoints => self.peers.loyalty_points.as_deref(),
        }
    }

    /// Returns how databases are opened.
    #[must_use]
    pub fn db_options(&self) -> DbOptions {
        DbOptions {
            connections_max: self.databases.connections_max,
            lanes: Lanes::new(self.databases.lanes).unwrap_or(Lanes::DEFAULT),
            ..DbOptions::default()
        }
    }
}

impl Validate for Config {
    fn validate(&self, violations: &mut Violations) {
        violations.within("server.", |violations| self.server.validate(violations));
        violations.within("telemetry.", |violations| {
            self.telemetry.validate(violations);
        });
        violations.within("databases.", |violations| {
            self.databases.validate(violations);
        });
        violations.within("customer_data.", |v| self.customer_data.validate(v));
        violations.within("lifecycle_scoring.", |v| self.lifecycle_scoring.validate(v));
        violations.within("campaign.", |v| self.campaign.validate(v));
        violations.within("loyalty_points.", |v| self.loyalty_points.validate(v));
        if !self.admin.listen.ip().is_loopback() && self.server.listen.ip().is_loopback() {
            let found = self.admin.listen.to_string();
            violations.add(
                "admin.listen",
                "a loopback address, as of server.listen",
                found,
            );
        }
    }
}

impl Validate for Databases {
    fn validate(&self, violations: &mut Violations) {
        let urls = [
            ("customer_data", &self.customer_data),
            ("lifecycle_scoring", &self.lifecycle_scoring),
            ("campaign", &self.campaign),
            ("loyalty_points", &self.loyalty_points),
        ];
        for (key, url) in urls {
            let known = ["sqlite:", "postgres://", "postgresql://"];
            if let Some(url) = url
                && !known.iter().any(|scheme| url.starts_with(scheme))
            {
                violations.add(key, "a URL with sqlite: or postgres://", "another scheme");
            }
        }
        if !(2..=1_000).contains(&self.connections_max) {
            violations.add(
                "connections_max",
                "2 to 1000",
                self.connections_max.to_string(),
            );
        }
        if Lanes::new(self.lanes).is_none() {
            violations.add("lanes", "1 to 1024", self.lanes.to_string());
        }
    }
}
