//! `grpc.health.v1.Health`: each service by its name, and the server as a whole by the empty one.

use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

use crate::lifecycle::Lifecycle;
use crate::readiness::Readiness;

#[derive(Debug)]
pub(crate) struct Health {
    services: Vec<(Vec<&'static str>, Readiness)>,
}

impl Health {
    pub(crate) fn new() -> Self {
        Self {
            services: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, names: impl Iterator<Item = &'static str>, readiness: &Readiness) {
        self.services.push((names.collect(), readiness.clone()));
    }

    /// Returns the service and keeps its answers up to date until the lifecycle has drained.
    pub(crate) fn service(self, lifecycle: &Lifecycle) -> HealthServer<HealthService> {
        let reporter = HealthReporter::new();
        let service = HealthService::from_health_reporter(reporter.clone());
        let task = self.keep(reporter, lifecycle.clone());
        lifecycle.spawn("health", task);
        HealthServer::new(service)
    }

    async fn keep(self, reporter: HealthReporter, lifecycle: Lifecycle) {
        let mut changes: Vec<_> = self
            .services
            .iter()
            .map(|(_, ready)| ready.watch())
            .collect();
        loop {
            self.report(&reporter, false).await;
            if lifecycle.is_draining() {
                break;
            }
            let changed = changes.iter_mut().map(|change| Box::pin(change.changed()));
            tokio::select! {
                () = lifecycle.draining() => break,
                () = any(changed.collect()) => {}
            }
        }
        self.report(&reporter, true).await;
    }

    async fn report(&self, reporter: &HealthReporter, draining: bool) {
        let status = |ready| {
            if ready && !draining {
                ServingStatus::Serving
            } else {
                ServingStatus::NotServing
            }
        };
        for (names, readiness) in &self.services {
            for name in names {
                reporter
                    .set_service_status(name, status(readiness.is_ready()))
                    .await;
            }
        }
        let all = self
            .services
            .iter()
            .all(|(_, readiness)| readiness.is_ready());
        reporter.set_service_status("", status(all)).await;
    }
}

/// Waits until one of `futures` is ready; for ever when there is none.
async fn any<F: Future + Unpin>(futures: Vec<F>) {
    if futures.is_empty() {
        std::future::pending::<()>().await;
    }
    futures_util::future::select_all(futures).await;
}
