//! The port for operators: is it alive, is it ready, what does it measure, what is it.

use std::net::SocketAddr;

use axum::Router;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::lifecycle::Lifecycle;
use crate::readiness::Readiness;
use crate::telemetry::Metrics;

/// What the port answers from.
#[derive(Debug, Clone)]
pub struct Admin {
    /// The lifecycle whose tasks must be well for the process to be alive.
    pub lifecycle: Lifecycle,
    /// All of them must be ready.
    pub readiness: Vec<Readiness>,
    /// What is measured.
    pub metrics: Metrics,
    /// The version to show.
    pub version: &'static str,
}

impl Admin {
    /// Serves on `address` (port 0 means any free one) until the lifecycle has drained, and returns
    /// the address that is really listened on.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn serve(self, address: SocketAddr) -> std::io::Result<SocketAddr> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let lifecycle = self.lifecycle.clone();
        let router = self.router();
        // Until the end: whoever watches wants to see the draining, too.
        lifecycle.spawn_daemon("admin", async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the admin port ended");
            }
        });
        Ok(address)
    }

    fn router(self) -> Router {
        let version = self.version;
        let metrics = self.metrics.clone();
        let alive = self.clone();
        Router::new()
            .route("/livez", get(move || async move { alive.live() }))
            .route("/readyz", get(move || async move { self.ready() }))
            .route("/metrics", get(move || async move { metrics.render() }))
            .route("/version", get(move || async move { version }))
    }

    fn live(&self) -> impl IntoResponse + use<> {
        if self.lifecycle.is_healthy() {
            (StatusCode::OK, "alive")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "a task has panicked")
        }
    }

    fn ready(&self) -> impl IntoResponse + use<> {
        if self.lifecycle.is_draining() {
            (StatusCode::SERVICE_UNAVAILABLE, "draining")
        } else if self.readiness.iter().all(Readiness::is_ready) {
            (StatusCode::OK, "ready")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "not ready")
        }
    }
}
