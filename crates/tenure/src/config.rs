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
    /// How many lanes a database gets when it is created: 16, or 256 where it will be distributed. 0
    /// means 16 on PostgreSQL and 4 on SQLite, whose writers stand in one queue anyway and which
    /// writes a page for every lane that a commit touches.
    pub lanes: u32,
}

/// The lanes of a new SQLite database.
const SQLITE_LANES: u32 = 4;

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
            lanes: 0,
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

    /// Returns how the database of this URL is opened.
    #[must_use]
    pub fn db_options(&self, url: &str) -> DbOptions {
        let lanes = match self.databases.lanes {
            0 if url.starts_with("sqlite:") => SQLITE_LANES,
            some => some,
        };
        DbOptions {
            connections_max: self.databases.connections_max,
            lanes: Lanes::new(lanes).unwrap_or(Lanes::DEFAULT),
            ..DbOptions::default()
        }
    }
}

impl Config {
    /// Notes services whose database is that of another one: each has tables of its own, and
    /// migrations of its own.
    fn validate_databases_differ(&self, violations: &mut Violations) {
        let services = [
            (ServiceName::CustomerData, "customer_data"),
            (ServiceName::LifecycleScoring, "lifecycle_scoring"),
            (ServiceName::Campaign, "campaign"),
            (ServiceName::LoyaltyPoints, "loyalty_points"),
        ];
        for (index, (service, key)) in services.into_iter().enumerate() {
            let url = self.database_url(service);
            let same = services[..index]
                .iter()
                .find(|(other, _)| self.database_url(*other) == url);
            if let Some((_, other)) = same {
                violations.add(
                    &format!("databases.{key}"),
                    "a database of its own",
                    format!("that of {other}"),
                );
            }
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
        violations.within("peers.", |violations| self.peers.validate(violations));
        if self.data_dir.as_os_str().is_empty() {
            violations.add("data_dir", "a folder", "nothing");
        }
        self.validate_databases_differ(violations);
        let (admin, server) = (self.admin.listen, self.server.listen);
        if admin == server && admin.port() != 0 {
            violations.add(
                "admin.listen",
                "another address than server.listen",
                admin.to_string(),
            );
        }
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

impl Validate for Peers {
    fn validate(&self, violations: &mut Violations) {
        let urls = [
            ("customer_data", &self.customer_data),
            ("lifecycle_scoring", &self.lifecycle_scoring),
            ("campaign", &self.campaign),
            ("loyalty_points", &self.loyalty_points),
        ];
        for (key, url) in urls {
            if let Some(url) = url
                && !is_http(url)
            {
                // What is there instead may hold a password, so it is not told.
                violations.add(
                    key,
                    "a URL with http:// or https:// and a host",
                    "another text",
                );
            }
        }
        violations.within("client.", |violations| self.client.validate(violations));
    }
}

fn is_http(url: &str) -> bool {
    url.parse::<tonic::codegen::http::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
    })
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
        if self.lanes != 0 && Lanes::new(self.lanes).is_none() {
            violations.add("lanes", "0 to 1024", self.lanes.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(text: &str) -> Vec<String> {
        match config::load_text::<Config>("test.toml", text, []) {
            Ok(_) => Vec::new(),
            Err(mistakes) => {
                assert!(!mistakes.to_string().contains("hunter2"), "{mistakes}");
                let found = mistakes.as_slice().iter();
                found.map(|mistake| mistake.key.clone()).collect()
            }
        }
    }

    #[test]
    fn the_defaults_and_addresses_of_peers_are_accepted() {
        assert!(mistakes("").is_empty());
        let peers = "[peers]
            customer_data = 'http://customer-data:7100'
            campaign = 'https://[::1]:7100'";
        assert!(mistakes(peers).is_empty());
    }

    #[test]
    fn an_address_of_a_peer_that_cannot_be_called_is_named_without_what_it_holds() {
        let text = "[peers]
            customer_data = 'ftp://ada:hunter2@host'
            lifecycle_scoring = 'customer-data:7100'
            campaign = ''
            loyalty_points = 'http:///hunter2'
            client = { connect_timeout_ms = 0 }";
        let expected = [
            "peers.customer_data",
            "peers.lifecycle_scoring",
            "peers.campaign",
            "peers.loyalty_points",
            "peers.client.connect_timeout_ms",
        ];
        assert_eq!(mistakes(text), expected);
    }

    #[test]
    fn services_do_not_share_a_database() {
        let text = "data_dir = 'data'
            [databases]
            customer_data = 'postgres://ada:hunter2@db/tenure'
            lifecycle_scoring = 'postgres://ada:hunter2@db/tenure'
            campaign = 'sqlite:data/loyalty-points.db'";
        let expected = ["databases.lifecycle_scoring", "databases.loyalty_points"];
        assert_eq!(mistakes(text), expected);
    }

    #[test]
    fn the_two_addresses_to_listen_on_differ_and_files_have_a_folder() {
        let same = "data_dir = ''
            server.listen = '127.0.0.1:7000'
            admin.listen = '127.0.0.1:7000'";
        let free = "server.listen = '127.0.0.1:0'
            admin.listen = '127.0.0.1:0'";
        assert_eq!(mistakes(same), ["data_dir", "admin.listen"]);
        assert!(mistakes(free).is_empty());
    }
}
