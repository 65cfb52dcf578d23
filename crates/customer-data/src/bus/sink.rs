//! Out: every change of the feed becomes a message, and the token moves when the bus has it.
//!
//! At least once by the token, once by the id of the message: what is sent again after something was
//! killed, the bus knows already.

use std::sync::Arc;
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::Context;
use async_nats::jetstream::stream::Config;
use tenure_sql::feed::{self, Change, FeedError, Positions, consumer};

use super::{BusError, event};
use crate::Deps;
use crate::api::watch::open_changes;

/// The name under which the token stands in the database.
const NAME: &str = "bus";
/// The most messages that wait for their acknowledgement.
const BATCH: usize = 500;

pub(super) async fn run(deps: &Arc<Deps>, bus: &Context) -> Result<(), BusError> {
    let config = &deps.config.bus;
    let stream = Config {
        name: config.publish_stream.clone(),
        subjects: vec![format!("{}.*", config.publish_subject)],
        duplicate_window: Duration::from_secs(config.dedupe_window_s),
        ..Config::default()
    };
    bus.get_or_create_stream(stream)
        .await
        .map_err(BusError::bus)?;
    let mut signal = deps.db.feed_signal();
    let poll = Duration::from_millis(deps.config.feed_poll_ms);
    loop {
        if !step(deps, bus).await? {
            signal.wait(poll).await;
        }
    }
}

/// Publishes the next changes; false when there are none.
async fn step(deps: &Deps, bus: &Context) -> Result<bool, BusError> {
    let from = consumer::position(&deps.db, NAME).await?;
    let after = match &from {
        Some(token) => Positions::from_token(&deps.db, token)?,
        None => Positions::start(),
    };
    let next = match feed::read(&deps.db, &after, &[], BATCH).await {
        Ok((changes, next)) => {
            if next == after {
                return Ok(false);
            }
            let changes = open_changes(&deps.db, changes).await?;
            publish(deps, bus, &changes).await?;
            next.to_token()
        }
        Err(FeedError::TokenExpired { earliest }) => {
            // Nobody can publish what was deleted; to stand still for ever helps nobody.
            tracing::error!("changes were deleted before the bus had them");
            earliest
        }
        Err(error) => return Err(error.into()),
    };
    let mut tx = deps.db.begin().await?;
    // Another replica that was faster published the same messages.
    let now = deps.clock.now();
    if consumer::advance(&mut tx, NAME, from.as_deref(), &next, now).await? {
        tx.commit().await?;
    } else {
        tx.rollback().await?;
    }
    Ok(true)
}

/// Sends all, then waits until the bus has acknowledged each.
async fn publish(deps: &Deps, bus: &Context, changes: &[Change]) -> Result<(), BusError> {
    let mut acknowledgements = Vec::with_capacity(changes.len());
    for change in changes {
        let payload = event::encode(change, deps.db.id()).map_err(BusError::Bus)?;
        let mut headers = HeaderMap::new();
        let id = format!("{}/{}", deps.db.id(), event::id(change));
        headers.insert("Nats-Msg-Id", id.as_str());
        headers.insert("Content-Type", event::MEDIA_TYPE);
        let subject = format!("{}.{}", deps.config.bus.publish_subject, change.kind);
        let sent = bus.publish_with_headers(subject, headers, payload.into());
        acknowledgements.push(sent.await.map_err(BusError::bus)?);
    }
    for acknowledgement in acknowledgements {
        acknowledgement.await.map_err(BusError::bus)?;
    }
    Ok(())
}
