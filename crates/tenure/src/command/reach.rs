//! How a command reaches the services: a running server, or the databases themselves.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use tenure_core::{Clock as _, Ids, SystemClock};
use tenure_rpc::{Lifecycle, Transport, connect};

use uuid::Uuid;

use crate::cli::Reach;
use crate::clients::Clients;
use crate::compose::{Parts, Suite};
use crate::config::Config;
use crate::service::ServiceName;

/// Services that a command talks to, for as long as it holds this.
pub(super) struct Reached {
    /// The way to them.
    pub(super) clients: Clients,
    /// The way to customer-data alone, for its own client of imports.
    pub(super) customer_data: Transport,
    /// Where request ids come from.
    pub(super) ids: Ids,
    lifecycle: Lifecycle,
    /// Keeps the services of this process alive.
    suite: Option<Suite>,
}

impl Reached {
    /// Returns a new request id.
    pub(super) fn request_id(&self) -> Uuid {
        self.ids.uuid(SystemClock.now())
    }

    /// Lets what is under way in this process end.
    pub(super) async fn leave(self) {
        self.lifecycle.stop();
        self.lifecycle
            .finish(std::time::Duration::from_secs(5))
            .await;
        drop(self.suite);
    }
}

/// Reaches the services as `reach` says.
pub(super) async fn reach(config: &Config, reach: &Reach) -> Result<Reached> {
    let lifecycle = Lifecycle::new();
    let ids = Ids::system();
    if let Some(url) = &reach.server {
        let transport = connect(url, &config.peers.client).context("cannot reach the server")?;
        return Ok(Reached {
            clients: Clients::of_one(&transport),
            customer_data: transport,
            ids,
            lifecycle,
            suite: None,
        });
    }
    let parts = Parts {
        config: config.clone(),
        clock: Arc::new(SystemClock),
        ids: ids.clone(),
        lifecycle: lifecycle.clone(),
    };
    let suite = Suite::open(&parts, &ServiceName::ALL).await?;
    Ok(Reached {
        clients: suite.clients()?,
        customer_data: suite.transport(ServiceName::CustomerData)?,
        ids,
        lifecycle,
        suite: Some(suite),
    })
}
