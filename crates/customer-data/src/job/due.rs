//! Notes promised times that have passed: of complaints and of promises to customers.
//!
//! Several replicas may look at once. What to note is found without a lock, but decided anew on the
//! rows behind the lock of their lane, in the transaction that notes it and tells it in the feed: so
//! each passing is noted once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tenure_core::{Lane, Timestamp};
use tenure_rpc::Lifecycle;
use tenure_sql::SqlError;

use crate::domain::Touched;
use crate::{Deps, api, store};

/// How much was noted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Noted {
    /// Promised times of complaints.
    pub(crate) breaches: i64,
    /// Promises to customers.
    pub(crate) overdue: i64,
}

/// Looks at every interval until the process drains.
pub(crate) async fn watch(deps: Arc<Deps>, lifecycle: Lifecycle) {
    let interval = Duration::from_secs(deps.config.complaints.due_interval_s);
    loop {
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            () = lifecycle.draining() => return,
        }
        match note_due(&deps).await {
            Ok(noted) if noted == Noted::default() => {}
            Ok(Noted { breaches, overdue }) => tracing::info!(
                breaches,
                overdue,
                "{breaches} promised times of complaints passed, {overdue} promises are overdue"
            ),
            Err(error) => {
                tracing::warn!(%error, "cannot note what is overdue: {error}");
            }
        }
    }
}

/// Notes everything that has passed by now.
pub(crate) async fn note_due(deps: &Deps) -> Result<Noted, SqlError> {
    let (mut noted, now) = (Noted::default(), deps.clock.now());
    loop {
        let found = find(deps, now).await?;
        if found.is_empty() {
            return Ok(noted);
        }
        for touched in found.values() {
            let more = note(deps, touched, now).await?;
            noted.breaches += more.breaches;
            noted.overdue += more.overdue;
        }
    }
}

/// Returns a slice of what has passed, lane by lane: a transaction holds one lane only.
async fn find(deps: &Deps, now: Timestamp) -> Result<BTreeMap<Lane, Touched>, SqlError> {
    let (db, slice) = (&deps.db, i64::from(deps.config.complaints.due_slice));
    let mut found: BTreeMap<Lane, Touched> = BTreeMap::new();
    for key in store::complaint::due(db, now, slice).await? {
        let lane = db.lanes().of(key.0.as_str());
        found.entry(lane).or_default().complaints.insert(key);
    }
    for key in store::promise::due(db, now, slice).await? {
        let lane = db.lanes().of(key.0.as_str());
        found.entry(lane).or_default().promises.insert(key);
    }
    Ok(found)
}

async fn note(deps: &Deps, touched: &Touched, now: Timestamp) -> Result<Noted, SqlError> {
    let lanes = deps.db.lanes();
    let mut tx = deps.db.begin().await?;
    let mut book = store::open_book(&mut tx, lanes, touched, &[], now).await?;
    let mut noted = Noted::default();
    for key in &touched.complaints {
        noted.breaches += book.note_breaches(key);
    }
    for key in &touched.promises {
        noted.overdue += i64::from(book.note_overdue(key));
    }
    api::save(&mut tx, lanes, book).await?;
    tx.commit().await?;
    Ok(noted)
}
