//! Deletes changes and answers that are kept no longer.

use std::sync::Arc;
use std::time::Duration;

use tenure_rpc::Lifecycle;
use tenure_sql::{SqlError, answers, feed};

use crate::Inner;

/// Retention is counted in days; an hour more or less is nothing.
const INTERVAL: Duration = Duration::from_secs(3_600);

/// Prunes every hour.
pub(super) async fn run(inner: Arc<Inner>, lifecycle: Lifecycle) {
    while super::rest(&lifecycle, INTERVAL).await {
        match prune(&inner).await {
            Ok(pruned) => tracing::debug!(rows = pruned, "pruned changes and answers"),
            Err(error) => tracing::warn!(%error, "changes and answers cannot be pruned"),
        }
    }
}

async fn prune(inner: &Inner) -> Result<u64, SqlError> {
    let now = inner.clock.now();
    let changes = feed::prune(&inner.db, now - inner.config.change_retention()).await?;
    let answers = answers::prune(&inner.db, now - inner.config.answer_retention()).await?;
    Ok(changes + answers)
}
