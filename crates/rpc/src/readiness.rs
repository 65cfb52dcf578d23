//! Whether a service can answer: what health checks and `/readyz` tell.

use tokio::sync::watch;

/// Tells whether a service is ready. Clones share the same answer.
#[derive(Debug, Clone)]
pub struct Readiness(watch::Sender<bool>);

impl Readiness {
    /// Creates a readiness that is not ready yet.
    #[must_use]
    pub fn starting() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Creates a readiness that is ready from the start.
    #[must_use]
    pub fn ready() -> Self {
        Self(watch::Sender::new(true))
    }

    /// Says that the service can answer now (`true`), or no longer (`false`).
    pub fn set(&self, ready: bool) {
        self.0
            .send_if_modified(|now| std::mem::replace(now, ready) != ready);
    }

    /// Returns true while the service can answer.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        *self.0.borrow()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<bool> {
        self.0.subscribe()
    }
}
