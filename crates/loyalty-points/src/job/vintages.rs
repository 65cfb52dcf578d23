//! Sums entries into vintages, so that the books need not read years of them.

use std::sync::Arc;

use tenure_rpc::Lifecycle;

use crate::{Shared, store};

/// Sums until the process drains. Reports sum what is left themselves, so nothing depends on how
/// often this runs: as often as expiries are booked.
pub(super) async fn run(shared: Arc<Shared>, lifecycle: Lifecycle) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(shared.config.sweep_interval()) => {}
            () = lifecycle.draining() => return,
        }
        let summed = tokio::select! {
            summed = store::sum_vintages(&shared.db) => summed,
            () = lifecycle.draining() => return,
        };
        match summed {
            Ok(entries) => tracing::debug!(entries, "{entries} entries summed into vintages"),
            Err(error) => tracing::warn!(%error, "the sums of vintages stopped: {error}"),
        }
    }
}
