//! Books the expiry of lots and holds, and voids the points of those who left, in slices that let writers through.

use std::sync::Arc;

use tenure_rpc::Lifecycle;
use tenure_sql::SqlError;

use crate::{Shared, store};

/// Books everything that is due by now and returns how many points expired.
pub(crate) async fn sweep(shared: &Shared) -> Result<i64, SqlError> {
    let (db, slice) = (&shared.db, shared.config.sweep_slice);
    let mut expired = 0;
    for lane in db.lanes().all() {
        while store::void_due(db, &*shared.clock, &shared.rules, lane, slice).await? == slice {}
        loop {
            let settled = store::settle_due(db, &*shared.clock, &shared.rules, lane, slice).await?;
            expired += settled.expired_points;
            if settled.accounts < slice {
                break;
            }
        }
    }
    Ok(expired)
}

/// Sweeps until the process drains.
pub(super) async fn run(shared: Arc<Shared>, lifecycle: Lifecycle) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(shared.config.sweep_interval()) => {}
            () = lifecycle.draining() => return,
        }
        match sweep(&shared).await {
            Ok(0) => {}
            Ok(points) => tracing::info!(points, "{points} points expired"),
            Err(error) => tracing::warn!(%error, "the sweep of expiries stopped: {error}"),
        }
    }
}
