//! The record of who was shown what: queued by answers, written in batches by one task.
//!
//! No answer leaves before its record is queued, and none when the queue is full. A process that ends
//! in order writes what is queued; after it has begun to end, answers write their own records. A
//! process that is killed loses what was queued for less than `access_log_flush_ms` and not committed,
//! unless answers wait for the commit.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use crate::config::AccessLogMode;
use crate::domain::Access;
use crate::{Deps, Error, store};

/// The most records of one transaction.
const BATCH_MAX: usize = 2_000;
/// How long to wait when the database does not take them.
const RETRY: Duration = Duration::from_millis(500);

/// What is put into the queue. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct AccessLog {
    queue: mpsc::Sender<Entry>,
    deps: Arc<Deps>,
}

#[derive(Debug)]
enum Entry {
    Access(Access),
    /// Somebody waits until all that stands before is committed.
    Mark(oneshot::Sender<()>),
}

impl AccessLog {
    /// Starts the task that writes. It ends with the process, or when nobody can ask for more.
    pub(crate) fn start(deps: &Arc<Deps>) -> Self {
        let (queue, entries) = mpsc::channel(deps.config.privacy.access_log_queue);
        let writer = write(deps.clone(), entries);
        deps.lifecycle.spawn("customer-data access log", writer);
        Self {
            queue,
            deps: deps.clone(),
        }
    }

    /// Queues records, and waits for their commit where that is configured.
    pub(crate) async fn record(&self, accesses: Vec<Access>) -> Result<(), Error> {
        if accesses.is_empty() {
            return Ok(());
        }
        let places = match self.queue.try_reserve_many(accesses.len()) {
            Ok(places) => places,
            Err(TrySendError::Full(())) => return Err(Error::AccessLogFull),
            Err(TrySendError::Closed(())) => {
                return Ok(store::access::add(&self.deps.db, &accesses).await?);
            }
        };
        for (place, access) in places.zip(accesses) {
            place.send(Entry::Access(access));
        }
        match self.deps.config.privacy.access_log {
            AccessLogMode::Queued => Ok(()),
            AccessLogMode::Committed => self.committed().await,
        }
    }

    /// Waits until all that was queued so far is committed.
    pub(crate) async fn committed(&self) -> Result<(), Error> {
        let (mark, reached) = oneshot::channel();
        if self.queue.send(Entry::Mark(mark)).await.is_err() {
            // The task writes the last of it: whoever asks again soon finds it.
            return Err(Error::AccessLogFull);
        }
        reached.await.map_err(|_| Error::AccessLogFull)
    }
}

async fn write(deps: Arc<Deps>, mut entries: mpsc::Receiver<Entry>) {
    let mut batch = Vec::new();
    loop {
        let taken = tokio::select! {
            biased;
            taken = entries.recv_many(&mut batch, BATCH_MAX) => taken,
            () = deps.lifecycle.draining(), if !entries.is_closed() => {
                entries.close();
                continue;
            }
        };
        if taken == 0 {
            return;
        }
        if !entries.is_closed() {
            gather(&deps, &mut entries, &mut batch).await;
        }
        commit(&deps, &mut batch).await;
    }
}

/// Waits a little for more, unless somebody waits for these.
async fn gather(deps: &Deps, entries: &mut mpsc::Receiver<Entry>, batch: &mut Vec<Entry>) {
    let pause = Duration::from_millis(deps.config.privacy.access_log_flush_ms);
    let mut pause = std::pin::pin!(tokio::time::sleep(pause));
    let is_awaited = |batch: &[Entry]| batch.iter().any(|it| matches!(it, Entry::Mark(_)));
    while batch.len() < BATCH_MAX && !is_awaited(batch) {
        let room = BATCH_MAX - batch.len();
        tokio::select! {
            () = &mut pause => return,
            () = deps.lifecycle.draining() => return,
            taken = entries.recv_many(batch, room) => if taken == 0 { return },
        }
    }
}

/// Writes a batch, however often that takes, and tells those who wait for it.
async fn commit(deps: &Deps, batch: &mut Vec<Entry>) {
    let mut accesses = Vec::with_capacity(batch.len());
    let mut marks = Vec::new();
    for entry in batch.drain(..) {
        match entry {
            Entry::Access(access) => accesses.push(access),
            Entry::Mark(mark) => marks.push(mark),
        }
    }
    while let Err(error) = store::access::add(&deps.db, &accesses).await {
        tracing::warn!(error = %error, "cannot record accesses, and will try again: {error}");
        tokio::time::sleep(RETRY).await;
    }
    for mark in marks {
        // Nobody may wait any longer.
        let _ = mark.send(());
    }
}
