//! Everything around a tonic service, once: transport, status, layers, server, lifecycle, telemetry, configuration.
//!
//! A service crate gives [`Routes`]; this crate serves them over a socket
//! ([`server::Server`]) or in the same process ([`transport::in_process`]), with the same behaviour:
//! deadlines, bounded concurrency, panics that become `INTERNAL`, traces and metrics. The order of
//! all that stands in one function of [`layers`].

pub mod admin;
pub mod answer;
pub mod call;
pub mod config;
mod descriptors;
pub mod encoded;
pub mod erasure;
pub mod feed;
pub mod fields;
pub mod fingerprint;
pub mod inspect;
pub mod later;
pub mod layers;
pub mod lifecycle;
pub mod principal;
pub mod readiness;
pub mod request;
pub mod retry;
mod routes;
pub mod server;
pub mod status;
pub mod telemetry;
pub mod transport;

pub use answer::StoredAnswer;
pub use fingerprint::Fingerprint;
pub use later::Later;
pub use layers::EdgeConfig;
pub use lifecycle::Lifecycle;
pub use principal::Principal;
pub use readiness::Readiness;
pub use request::RequestError;
pub use retry::retry_unavailable;
pub use routes::Routes;
pub use server::{Server, ServerConfig};
pub use status::{IntoStatus, to_item_error, to_status};
pub use transport::{ClientOptions, Transport, connect, in_process};
