//! NATS JetStream as the bus to other systems: the feed goes out as CloudEvents, batches come in.
//!
//! Both directions live on what the service promises anyway. Out is a reader of the feed that moves
//! its token after the bus has acknowledged; in is a caller whose request ids follow from the ids of
//! events. So each event has its effect once, whatever is killed in the middle.

mod event;
mod settings;
mod sink;
mod source;

use std::sync::Arc;
use std::time::Duration;

use async_nats::ConnectOptions;
use async_nats::jetstream::{self, Context};
use tenure_rpc::Lifecycle;
use tenure_sql::SqlError;
use tenure_sql::feed::FeedError;

use crate::Deps;

pub(crate) use event::descriptor;
pub use settings::BusConfig;

/// How long the bus may take to answer one request.
const ANSWER: Duration = Duration::from_secs(5);
/// Pauses after a failure grow between these.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));

/// Why one of the directions stopped; it begins anew after a pause.
#[derive(Debug, thiserror::Error)]
enum BusError {
    /// The bus did not do what was asked.
    #[error("the bus: {0}")]
    Bus(String),
    /// The feed could not be read.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// The database failed.
    #[error(transparent)]
    Sql(#[from] SqlError),
}

impl BusError {
    fn bus(error: impl std::fmt::Display) -> Self {
        Self::Bus(error.to_string())
    }
}

/// Which way events go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Out,
    In,
}

impl Direction {
    fn name(self) -> &'static str {
        match self {
            Self::Out => "customer-data>bus",
            Self::In => "customer-data<bus",
        }
    }
}

/// Starts what is configured: nothing without a URL.
pub(crate) fn spawn(deps: &Arc<Deps>, lifecycle: &Lifecycle) {
    let bus = &deps.config.bus;
    if bus.url.is_empty() {
        return;
    }
    let directions = [(Direction::Out, bus.publish), (Direction::In, bus.consume)];
    for (direction, is_wanted) in directions {
        if is_wanted {
            let work = keep(Arc::clone(deps), lifecycle.clone(), direction);
            lifecycle.spawn(direction.name(), work);
        }
    }
}

/// Works until the process drains; begins anew whenever something fails.
async fn keep(deps: Arc<Deps>, lifecycle: Lifecycle, direction: Direction) {
    let (name, mut pause) = (direction.name(), PAUSES.0);
    loop {
        let begun = tokio::time::Instant::now();
        let ended = tokio::select! {
            ended = Box::pin(run(&deps, direction)) => ended,
            () = lifecycle.draining() => return,
        };
        if begun.elapsed() > PAUSES.1 {
            pause = PAUSES.0;
        }
        if let Err(error) = ended {
            let pause_ms = pause.as_millis();
            tracing::warn!(bus = name, pause_ms, "{name} stopped: {error}");
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = lifecycle.draining() => return,
        }
        pause = (pause * 2).min(PAUSES.1);
    }
}

async fn run(deps: &Arc<Deps>, direction: Direction) -> Result<(), BusError> {
    let bus = connect(&deps.config.bus).await?;
    match direction {
        Direction::Out => sink::run(deps, &bus).await,
        Direction::In => source::run(deps, &bus).await,
    }
}

async fn connect(config: &BusConfig) -> Result<Context, BusError> {
    let mut options = ConnectOptions::new()
        .name("tenure customer-data")
        .connection_timeout(ANSWER)
        .request_timeout(Some(ANSWER));
    if let Some(file) = &config.ca_file {
        options = options.add_root_certificates(file.clone());
    }
    // The address may hold a password: what went wrong is told without it.
    let client = options.connect(config.url.as_str()).await;
    let client =
        client.map_err(|error| BusError::Bus(format!("no connection: {}", error.kind())))?;
    let mut context = jetstream::new(client);
    context.set_timeout(ANSWER);
    Ok(context)
}
