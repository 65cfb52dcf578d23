//! Takes tiers away whose time is up, in slices that let writers through.

use std::sync::Arc;

use tenure_rpc::Lifecycle;
use tenure_sql::SqlError;

use crate::Shared;
use crate::store::tiers::{self, Which};

/// Evaluates the tiers of accounts and returns how many there were and how many changed.
pub(crate) async fn evaluate_tiers(shared: &Shared, which: Which) -> Result<(i64, i64), SqlError> {
    let (db, slice) = (&shared.db, shared.config.sweep_slice);
    let (mut accounts, mut changed) = (0, 0);
    for lane in db.lanes().all() {
        let mut after = String::new();
        loop {
            let clock = &*shared.clock;
            let from = (after.as_str(), slice);
            let done = tiers::evaluate_slice(db, clock, &shared.rules, (lane, which), from).await?;
            accounts += done.accounts;
            changed += done.changed;
            match done.next {
                Some(next) => after = next,
                None => break,
            }
        }
    }
    Ok((accounts, changed))
}

/// Evaluates what is due until the process drains.
pub(super) async fn run(shared: Arc<Shared>, lifecycle: Lifecycle) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(shared.config.sweep_interval()) => {}
            () = lifecycle.draining() => return,
        }
        match evaluate_tiers(&shared, Which::Due).await {
            Ok((_, 0)) => {}
            Ok((_, changed)) => tracing::info!(changed, "{changed} tiers changed"),
            Err(error) => tracing::warn!(%error, "the evaluation of tiers stopped: {error}"),
        }
    }
}
