//! Wakes those who follow the change feed inside this process, so that nobody polls hot.

use std::time::Duration;

use tokio::sync::watch;

/// The ringing end, one per [`crate::Db`].
#[derive(Debug, Clone)]
pub(crate) struct FeedBell(watch::Sender<()>);

impl FeedBell {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(()))
    }

    pub(crate) fn ring(&self) {
        self.0.send_replace(());
    }

    pub(crate) fn listen(&self) -> FeedSignal {
        FeedSignal(self.0.subscribe())
    }
}

/// Tells a follower of the change feed that a transaction of this process appended to it.
///
/// Take the signal before the first read: what is appended between a read and the next wait is then
/// never missed. Other processes on the same database do not ring here, hence the poll interval.
#[derive(Debug, Clone)]
pub struct FeedSignal(watch::Receiver<()>);

impl FeedSignal {
    /// Waits until something was appended since the last wait, but not longer than `poll`.
    pub async fn wait(&mut self, poll: Duration) {
        let wait = async {
            if self.0.changed().await.is_err() {
                // The database was closed: nobody will ring any more.
                std::future::pending::<()>().await;
            }
        };
        // Running into the interval is a way to wake up like the other.
        let _ = tokio::time::timeout(poll, wait).await;
    }
}
