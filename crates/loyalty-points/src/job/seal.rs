//! Seals the records of each lane in blocks, beside the writers.

use std::sync::Arc;

use tenure_core::Lane;
use tenure_rpc::Lifecycle;
use tenure_sql::SqlError;

use crate::{Shared, store};

/// Seals all records of a lane that are committed by now, and returns how many. Replicas may do so at
/// once: the key of the blocks lets one of them.
async fn seal_lane(shared: &Shared, lane: Lane) -> Result<i64, SqlError> {
    let mut sealed = 0;
    loop {
        let more = store::seal_next(&shared.db, lane, shared.clock.now()).await?;
        if more == 0 {
            return Ok(sealed);
        }
        sealed += more;
        // Less than a block is what came meanwhile: the next turn's.
        if more < store::BLOCK_MAX {
            return Ok(sealed);
        }
    }
}

/// Seals all records that are committed by now, and returns how many.
pub(crate) async fn seal(shared: &Shared) -> Result<i64, SqlError> {
    let mut sealed = 0;
    for lane in shared.db.lanes().all() {
        sealed += seal_lane(shared, lane).await?;
    }
    Ok(sealed)
}

/// Seals until the process drains.
pub(super) async fn run(shared: Arc<Shared>, lifecycle: Lifecycle) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(shared.config.seal_interval()) => {}
            () = lifecycle.draining() => return,
        }
        if let Err(error) = seal(&shared).await {
            tracing::warn!(%error, "the sealing of records stopped: {error}");
        }
    }
}
