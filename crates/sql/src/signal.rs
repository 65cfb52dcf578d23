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
    /// Waits until something was appended since the wait before, but not longer than `poll`.
    ///
    /// The future owns all it needs, so that a stream may hold it; dropping it loses nothing.
    pub fn wait(&mut self, poll: Duration) -> impl Future<Output = ()> + Send + use<> {
        // The copy still remembers what was seen before; what comes from now on wakes the next wait.
        let mut receiver = self.0.clone();
        self.0.mark_unchanged();
        async move {
            let rung = async {
                if receiver.changed().await.is_err() {
                    // The database was closed: nobody will ring any more.
                    std::future::pending::<()>().await;
                }
            };
            // Running into the interval is a way to wake up like the other.
            let _ = tokio::time::timeout(poll, rung).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOREVER: Duration = Duration::from_secs(3_600);

    #[tokio::test(start_paused = true)]
    async fn a_ring_between_two_waits_wakes_the_second_one_once() {
        let bell = FeedBell::new();
        let mut signal = bell.listen();
        let start = tokio::time::Instant::now();

        bell.ring();
        signal.wait(FOREVER).await;
        assert_eq!(start.elapsed(), Duration::ZERO);

        signal.wait(FOREVER).await;
        assert!(start.elapsed() >= FOREVER, "an old ring woke a second wait");
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_is_dropped_loses_no_ring() {
        let bell = FeedBell::new();
        let mut signal = bell.listen();
        let start = tokio::time::Instant::now();

        let dropped = signal.wait(FOREVER);
        bell.ring();
        drop(dropped);
        signal.wait(FOREVER).await;

        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
