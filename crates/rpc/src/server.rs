//! One port for all services: health, reflection, limits, TLS, and an orderly end.

mod accept;
mod health;
mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tenure_core::Violations;
use tokio::net::TcpListener;

use crate::config::Validate;
use crate::descriptors;
use crate::layers::{Edge, EdgeConfig};
use crate::lifecycle::Lifecycle;
use crate::readiness::Readiness;
use crate::routes::Routes;
use health::Health;

/// Where and how to serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// The address to listen on; port 0 means any free one. Addresses other than loopback need
    /// `tls`.
    pub listen: SocketAddr,
    /// Certificates; without them only loopback addresses are served.
    pub tls: Option<TlsConfig>,
    /// Answer reflection, which lets tools call without our files.
    pub reflection: bool,
    /// How long calls are still accepted after the signal to stop, in seconds: as long as load
    /// balancers need to see that health checks say no.
    pub drain_notice_seconds: u64,
    /// How long calls may go on after that, in seconds.
    pub drain_seconds: u64,
    /// How many streams one connection may have open at once.
    pub streams_per_connection: u32,
    /// How many connections may be open at once.
    pub connections: usize,
    /// After about this long a connection is asked to go, so that clients spread over new replicas,
    /// in seconds.
    pub connection_age_seconds: u64,
    /// The limits of every call.
    pub limits: EdgeConfig,
}

/// Files for TLS with client certificates, all in PEM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// The server's certificate and those between it and its authority.
    pub cert_file: PathBuf,
    /// The key of the certificate.
    pub key_file: PathBuf,
    /// The authorities that sign clients. A client without a certificate is not served.
    pub client_ca_file: PathBuf,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7_100)),
            tls: None,
            reflection: true,
            drain_notice_seconds: 0,
            drain_seconds: 25,
            streams_per_connection: 256,
            connections: 10_000,
            connection_age_seconds: 1_800,
            limits: EdgeConfig::default(),
        }
    }
}

impl Validate for ServerConfig {
    fn validate(&self, violations: &mut Violations) {
        if self.tls.is_none() && !self.listen.ip().is_loopback() {
            let found = format!("{} without tls", self.listen);
            violations.add(
                "listen",
                "a loopback address, or tls with client certificates",
                found,
            );
        }
        if self.drain_notice_seconds > 60 {
            violations.add(
                "drain_notice_seconds",
                "0 to 60",
                self.drain_notice_seconds.to_string(),
            );
        }
        if !(1..=600).contains(&self.drain_seconds) {
            violations.add("drain_seconds", "1 to 600", self.drain_seconds.to_string());
        }
        if self.streams_per_connection == 0 {
            violations.add("streams_per_connection", "1 or more", "0");
        }
        if self.connections == 0 {
            violations.add("connections", "1 or more", "0");
        }
        if self.connection_age_seconds < 60 {
            let found = self.connection_age_seconds.to_string();
            violations.add("connection_age_seconds", "60 or more", found);
        }
        violations.within("limits.", |violations| self.limits.validate(violations));
    }
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The configuration must not be served.
    #[error("cannot serve: {}", crate::status::describe(.0))]
    Refused(Vec<tenure_core::Violation>),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        #[source]
        source: std::io::Error,
    },
    /// TLS cannot be configured.
    #[error("cannot use {}: {problem}", path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

/// A server before it serves.
#[derive(Debug)]
pub struct Server {
    config: ServerConfig,
    routes: Routes,
    health: Health,
}

/// A server that serves; it ends with the lifecycle it was given.
#[derive(Debug, Clone, Copy)]
pub struct Serving {
    /// The address that is really listened on.
    pub address: SocketAddr,
}

impl Server {
    /// Creates a server without services.
    #[must_use]
    pub fn new(config: ServerConfig) -> Self {
        Self {
            config,
            routes: Routes::default(),
            health: Health::new(),
        }
    }

    /// Adds services. Health checks for each of them, and for the server as a whole, follow
    /// `readiness`.
    #[must_use]
    pub fn add(mut self, routes: Routes, readiness: &Readiness) -> Self {
        self.health.add(routes.names(), readiness);
        self.routes = self.routes.merge(routes);
        self
    }

    /// Returns the routes of all services added, for [`crate::transport::in_process_with`].
    #[must_use]
    pub fn routes(&self) -> Routes {
        self.routes.clone()
    }

    /// Binds the address and serves until `lifecycle` has drained.
    ///
    /// # Errors
    /// When the configuration is refused, the address taken, or a certificate unusable.
    pub async fn serve(self, lifecycle: &Lifecycle) -> Result<Serving, ServerError> {
        let mut violations = Violations::new();
        self.config.validate(&mut violations);
        violations.into_result().map_err(ServerError::Refused)?;

        let tls = self.config.tls.as_ref().map(tls::acceptor).transpose()?;
        let address = self.config.listen;
        let listening = |source| ServerError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listening)?;
        let address = listener.local_addr().map_err(listening)?;

        let mut routes = self.routes.add_service(self.health.service(lifecycle));
        if self.config.reflection {
            routes = with_reflection(routes);
        }
        let edge = Arc::new(Edge::new(routes, self.config.limits.clone(), lifecycle));
        let acceptor = accept::Acceptor::new(&self.config, tls, edge, lifecycle.clone());
        lifecycle.spawn("server", acceptor.run(listener));
        tracing::info!(server.address = %address, "serving on {address}");
        Ok(Serving { address })
    }
}

impl ServerConfig {
    /// Returns the grace to give to [`Lifecycle::run_until_signal`]: the time to drain, and a little
    /// to end.
    #[must_use]
    pub fn grace(&self) -> Duration {
        Duration::from_secs(self.drain_notice_seconds + self.drain_seconds + 1)
    }
}

fn with_reflection(routes: Routes) -> Routes {
    let builder = || {
        let start =
            tonic_reflection::server::Builder::configure().include_reflection_service(false);
        descriptors::SETS.into_iter().fold(start, |builder, set| {
            builder.register_encoded_file_descriptor_set(set)
        })
    };
    let agree = "descriptor sets are made by a compiler and agree with each other";
    routes
        .add_service(builder().build_v1().expect(agree))
        .add_service(builder().build_v1alpha().expect(agree))
}
