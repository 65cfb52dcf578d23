//! Background work: enrolment, news from customer-data, owed points, and what is kept no longer.

pub(crate) mod client;
pub(crate) mod departures;
pub(crate) mod enrol;
mod erase;
pub(crate) mod grant;
pub(crate) mod prune;
pub(crate) mod select;

use std::sync::Arc;
use std::time::Duration;

use tenure_core::Timestamp;
use tenure_rpc::{Lifecycle, feed};

use crate::Inner;
use crate::error::Error;

/// Starts everything.
pub(crate) fn spawn(inner: &Arc<Inner>, lifecycle: &Lifecycle) {
    let departures = departures::Departures::new(inner.clone());
    lifecycle.spawn(
        "campaign<customer-data",
        feed::follow(departures, lifecycle.clone()),
    );
    lifecycle.spawn(
        "campaign enrolment",
        enrol::sweep(inner.clone(), lifecycle.clone()),
    );
    lifecycle.spawn(
        "campaign grants",
        grant::run(inner.clone(), lifecycle.clone()),
    );
    lifecycle.spawn(
        "campaign pruning",
        prune::run(inner.clone(), lifecycle.clone()),
    );
}

/// Applies what customer-data had committed, ends enrolments that are under way, grants all owed
/// points, and returns how many changes were applied.
pub(crate) async fn catch_up(inner: &Arc<Inner>) -> Result<i64, Error> {
    let mut departures = departures::Departures::new(inner.clone());
    let caught_up = feed::catch_up(&mut departures).await;
    caught_up.map_err(|status| client::feed_failed(&status))?;
    enrol::all(inner).await?;
    let failure = grant::sweep(inner, Timestamp::MAX).await?.failure;
    match failure {
        Some(status) if client::is_passing(&status) => Err(client::points_failed(&status)),
        // A refusal will not go away by waiting; it was logged, and is tried again later.
        Some(_) | None => Ok(departures.applied()),
    }
}

/// Waits until the next round of a loop; false when the process drains.
async fn rest(lifecycle: &Lifecycle, pause: Duration) -> bool {
    tokio::select! {
        () = tokio::time::sleep(pause) => true,
        () = lifecycle.draining() => false,
    }
}

/// Returns how long loops rest between two looks.
fn sweep_interval(inner: &Inner) -> Duration {
    Duration::from_millis(inner.config.sweep_interval_ms)
}
