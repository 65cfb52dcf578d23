//! How many calls are worked on at once, in the whole process: a limit, a short queue, and shedding.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use metrics::counter;
use tenure_core::ErrorCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;

use super::EdgeConfig;
use super::methods::Kind;
use crate::status;

pub(crate) struct Admission {
    work: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    waiting: AtomicUsize,
    waiting_max: usize,
    wait_max: Duration,
}

impl Admission {
    pub(crate) fn new(config: &EdgeConfig) -> Self {
        Self {
            work: Arc::new(Semaphore::new(config.concurrency)),
            streams: Arc::new(Semaphore::new(config.watch_streams)),
            waiting: AtomicUsize::new(0),
            waiting_max: config.queue,
            wait_max: Duration::from_millis(config.queue_wait_ms),
        }
    }

    /// Waits for the right to be worked on. Health checks need none: an overloaded server is alive.
    /// Streams that follow a feed are counted by themselves, because they mostly sleep.
    pub(crate) async fn enter(&self, kind: Kind) -> Result<Option<OwnedSemaphorePermit>, Status> {
        match kind {
            Kind::Health => Ok(None),
            Kind::Watch => match self.streams.clone().try_acquire_owned() {
                Ok(permit) => Ok(Some(permit)),
                Err(_) => Err(shed("too many streams follow feeds here")),
            },
            Kind::Plain | Kind::Slow => match self.work.clone().try_acquire_owned() {
                Ok(permit) => Ok(Some(permit)),
                Err(_) => self.wait().await.map(Some),
            },
        }
    }

    async fn wait(&self) -> Result<OwnedSemaphorePermit, Status> {
        let place = Place(&self.waiting);
        if place.0.fetch_add(1, Ordering::Relaxed) >= self.waiting_max {
            return Err(shed("the server is overloaded and its queue is full"));
        }
        match tokio::time::timeout(self.wait_max, self.work.clone().acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(shed("the server is overloaded")),
        }
    }
}

/// A place in the queue, given back also when the caller goes away.
struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn shed(message: &str) -> Status {
    counter!("tenure_server_shed_requests_total", "reason" => "OVERLOADED").increment(1);
    let mut status = status::of_the_edge(ErrorCode::Unavailable, "OVERLOADED", message);
    // What clients that retry by themselves look at (gRFC A6).
    status
        .metadata_mut()
        .insert("grpc-retry-pushback-ms", status::RETRY_DELAY_MS.into());
    status
}
