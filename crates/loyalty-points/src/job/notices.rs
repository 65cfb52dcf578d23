//! Tells in the feed of points that will expire, once a day, in slices that let writers through.

use std::sync::Arc;

use tenure_rpc::Lifecycle;
use tenure_sql::SqlError;

use crate::{Shared, store};

/// Tells what is to be told today and was not yet; returns how many notices there were.
pub(crate) async fn notice(shared: &Shared) -> Result<i64, SqlError> {
    let (db, slice) = (&shared.db, shared.config.sweep_slice);
    let mut notices = 0;
    let done = store::lanes_noticed(db, shared.clock.now()).await?;
    for lane in db.lanes().all().filter(|lane| !done.contains(lane)) {
        loop {
            let told = store::notice_slice(db, &*shared.clock, &shared.rules, lane, slice).await?;
            notices += told.notices;
            if told.is_done {
                break;
            }
        }
    }
    Ok(notices)
}

/// Tells until the process drains; most turns find the day done.
pub(super) async fn run(shared: Arc<Shared>, lifecycle: Lifecycle) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(shared.config.sweep_interval()) => {}
            () = lifecycle.draining() => return,
        }
        match notice(&shared).await {
            Ok(0) => {}
            Ok(notices) => tracing::info!(notices, "{notices} expiries told"),
            Err(error) => tracing::warn!(%error, "the notices of expiries stopped: {error}"),
        }
    }
}
