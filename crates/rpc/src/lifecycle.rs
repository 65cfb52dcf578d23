//! The life of the process: tasks, the soft stop, the hard stop.
//!
//! The soft stop says "finish what you have and take no more": servers drain, streams end, loops
//! leave at their next pause. The hard stop says that the time for that is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Shared by everything that lives as long as the process. Clones are the same lifecycle.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    soft: CancellationToken,
    hard: CancellationToken,
    tasks: TaskTracker,
    broken: AtomicBool,
}

/// How the process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Everything finished in time.
    Clean,
    /// Some task had to be left behind.
    Forced,
}

impl Lifecycle {
    /// Creates a lifecycle that has just begun.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `task` until it ends by itself, which it does soon after [`Self::draining`]. A task that
    /// panics is logged by its name and makes the process unhealthy, because nobody does its work
    /// any longer. After the hard stop the task is dropped where it stands.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let watched = self.0.tasks.track_future(self.watched(name, task));
        drop(detached(watched));
    }

    /// Runs `task` until the hard stop, without waiting for it: for what serves until the very end
    /// and has nothing to finish.
    pub fn spawn_daemon(
        &self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        drop(detached(self.watched(name, task)));
    }

    fn watched(
        &self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> impl Future<Output = ()> + Send + 'static {
        let this = self.clone();
        let hard = self.0.hard.clone();
        async move {
            let ended = std::panic::AssertUnwindSafe(task).catch_unwind();
            let Some(Err(panic)) = hard.run_until_cancelled(ended).await else {
                return;
            };
            this.0.broken.store(true, Ordering::Relaxed);
            let message = panic_message(panic.as_ref());
            tracing::error!(task = name, panic = message, "the task {name} panicked");
        }
    }

    /// Waits for the soft stop.
    pub fn draining(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.0.soft.clone().cancelled_owned()
    }

    /// Returns true from the soft stop on.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.0.soft.is_cancelled()
    }

    /// Waits for the hard stop.
    pub fn killed(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.0.hard.clone().cancelled_owned()
    }

    /// Returns true while no task has panicked.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        !self.0.broken.load(Ordering::Relaxed)
    }

    /// Stops softly.
    pub fn stop(&self) {
        self.0.soft.cancel();
    }

    /// Stops hard, and softly if that has not happened yet.
    pub fn kill(&self) {
        self.0.soft.cancel();
        self.0.hard.cancel();
    }

    /// Waits for SIGTERM or SIGINT (or for somebody to call [`Self::stop`]), then stops softly and
    /// gives the tasks `grace` to finish. A second signal, or the end of the grace, stops hard.
    ///
    /// # Errors
    /// When the operating system does not let us listen to signals.
    pub async fn run_until_signal(&self, grace: Duration) -> std::io::Result<Ending> {
        let mut signals = Signals::listen()?;
        tokio::select! {
            name = signals.next() => tracing::info!(signal = name, "draining after {name}"),
            () = self.draining() => tracing::info!("draining"),
        }
        tokio::select! {
            ending = self.finish(grace) => Ok(ending),
            name = signals.next() => {
                tracing::warn!(signal = name, "stopping at once after a second {name}");
                Ok(self.finish(Duration::ZERO).await)
            }
        }
    }

    /// Stops softly, waits up to `grace` for all tasks, then stops hard.
    pub async fn finish(&self, grace: Duration) -> Ending {
        self.stop();
        self.0.tasks.close();
        let ending = match tokio::time::timeout(grace, self.0.tasks.wait()).await {
            Ok(()) => Ending::Clean,
            Err(_) => Ending::Forced,
        };
        if ending == Ending::Forced {
            tracing::warn!(tasks = self.0.tasks.len(), "stopping with work unfinished");
        }
        self.0.hard.cancel();
        self.0.tasks.wait().await;
        ending
    }
}

/// SIGTERM and SIGINT.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
        })
    }

    #[cfg(unix)]
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = tokio::signal::ctrl_c() => "SIGINT",
        }
    }

    #[cfg(not(unix))]
    #[expect(
        clippy::unnecessary_wraps,
        reason = "the same signature on every system"
    )]
    fn listen() -> std::io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn next(&mut self) -> &'static str {
        let _ = tokio::signal::ctrl_c().await;
        "Ctrl-C"
    }
}

/// Returns what a panic said.
pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&'static str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

/// Starts a task that nobody here waits for: one that is tracked already, or one call that ends
/// with its caller.
pub(crate) fn detached<T: Send + 'static>(
    task: impl Future<Output = T> + Send + 'static,
) -> JoinHandle<T> {
    #[expect(clippy::disallowed_methods, reason = "the one place that starts tasks")]
    tokio::spawn(task)
}
