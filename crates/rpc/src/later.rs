//! A way to a service that does not exist yet: for services of one process that call each other in
//! a circle.

use std::sync::{Arc, OnceLock, Weak};

use tenure_core::ErrorCode;
use tonic::Status;
use tower::ServiceExt as _;
use tower::util::BoxCloneSyncService;

use crate::status;
use crate::transport::Transport;

/// Keeps the way to a service that is built later. Whoever joins the services keeps it as long as
/// they serve: transports made from it do not, so that a circle of services is freed with it.
#[derive(Clone, Default)]
pub struct Later(Arc<OnceLock<Transport>>);

impl std::fmt::Debug for Later {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Later")
            .field(&self.0.get().is_some())
            .finish()
    }
}

impl Later {
    /// Returns a transport whose calls are answered `UNAVAILABLE` until [`Self::fill`] was called, and
    /// after the last clone of this was dropped.
    #[must_use]
    pub fn transport(&self) -> Transport {
        let there: Weak<_> = Arc::downgrade(&self.0);
        BoxCloneSyncService::new(tower::service_fn(move |request| {
            let transport = there.upgrade().and_then(|there| there.get().cloned());
            async move {
                match transport {
                    Some(transport) => transport.oneshot(request).await,
                    None => Err(nobody()),
                }
            }
        }))
    }

    /// Says where the service is. Only the first call counts.
    pub fn fill(&self, transport: Transport) {
        let _ = self.0.set(transport);
    }
}

fn nobody() -> Status {
    let message = "the service is not there yet, or not any longer";
    status::of_the_edge(ErrorCode::Unavailable, "SERVER_DRAINING", message)
}
