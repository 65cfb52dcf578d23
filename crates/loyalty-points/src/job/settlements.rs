//! Ends settlements whose callers are gone.

use std::sync::Arc;

use tenure_rpc::Lifecycle;

use crate::Shared;
use crate::store::settlements;

/// Goes on with what runs, until the process drains. A settlement that its caller is still at is no
/// worse for it: each slice is taken under a lock of its header, by one at a time, and whoever takes
/// the last one ends it.
pub(super) async fn run(shared: Arc<Shared>, lifecycle: Lifecycle) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(shared.config.sweep_interval()) => {}
            () = lifecycle.draining() => return,
        }
        let resumed = tokio::select! {
            resumed = settlements::resume(&shared.db, &*shared.clock) => resumed,
            () = lifecycle.draining() => return,
        };
        match resumed {
            Ok(0) => {}
            Ok(ended) => tracing::info!(ended, "{ended} settlements were ended for their callers"),
            Err(error) => tracing::warn!(%error, "a settlement could not be ended: {error}"),
        }
    }
}
