//! Change feeds over gRPC: the server's stream of batches, and the consumer's loop.
//!
//! A feed is read in batches, each with the opaque token at which the next one starts. The server
//! reads one batch ahead of the one that the client is taking, so a slow client holds two and no more.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::{self, Stream};
use metrics::counter;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tonic::{Status, Streaming};

use crate::lifecycle::Lifecycle;
use crate::retry::backoff;
use crate::status;

/// A stream that a handler answers.
pub type ResponseStream<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send + 'static>>;

/// How long a quiet feed stays silent before it sends a message without changes, which tells the
/// client that the connection lives and how far the feed was read.
pub const PROGRESS_INTERVAL: Duration = Duration::from_secs(5);

/// Changes that follow each other, and where to read on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch<C> {
    /// The changes; none at the head of the feed.
    pub changes: Vec<C>,
    /// The token after the last of them.
    pub resume_token: String,
}

/// What a client asked for.
#[derive(Debug, Clone)]
pub struct Watch {
    /// Where to start.
    pub resume_token: String,
    /// Stay at the head and send what comes, instead of ending there.
    pub follow: bool,
}

/// A message of the stream, and where to read on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<M> {
    /// The message.
    pub message: M,
    /// The token after it.
    pub resume_token: String,
    /// Whether there was nothing more to read: the end, or where to wait for more.
    pub is_head: bool,
}

/// Returns the stream of a `WatchChanges` call.
///
/// `read` reads the next batch after a token, and an empty one at the head; `wake` waits until there
/// may be something new (or just for the poll interval; it is dropped and called anew at will);
/// `respond` makes the message of a batch. Without `follow` the stream ends at the head; its last
/// message has no changes and the token of the head. With it, the stream lives until the client
/// leaves or the server drains, which is `UNAVAILABLE` with the reason `SERVER_DRAINING`.
pub fn watch<C, R, ReadFuture, WakeFuture>(
    lifecycle: &Lifecycle,
    watch: Watch,
    mut read: impl FnMut(String) -> ReadFuture + Send + 'static,
    wake: impl FnMut() -> WakeFuture + Send + 'static,
    mut respond: impl FnMut(Batch<C>) -> R + Send + 'static,
) -> ResponseStream<R>
where
    C: Send + 'static,
    R: Send + 'static,
    ReadFuture: Future<Output = Result<Batch<C>, Status>> + Send + 'static,
    WakeFuture: Future<Output = ()> + Send + 'static,
{
    let read = move |token| {
        let batch = read(token);
        async move {
            let message = batch.await?;
            Ok(Page {
                resume_token: message.resume_token.clone(),
                is_head: message.changes.is_empty(),
                message,
            })
        }
    };
    let pages = pages(lifecycle, watch, read, wake);
    Box::pin(pages.map(move |batch| batch.map(&mut respond)))
}

/// Returns the stream of a `WatchChanges` call whose messages are read whole, as [`watch`] does: a
/// page that is not at the head is sent at once, whatever it holds. While one is sent the next one
/// is read, so that database and connection work at the same time; never more than that one.
pub fn pages<M, ReadFuture, WakeFuture>(
    lifecycle: &Lifecycle,
    watch: Watch,
    read: impl FnMut(String) -> ReadFuture + Send + 'static,
    wake: impl FnMut() -> WakeFuture + Send + 'static,
) -> ResponseStream<M>
where
    M: Send + 'static,
    ReadFuture: Future<Output = Result<Page<M>, Status>> + Send + 'static,
    WakeFuture: Future<Output = ()> + Send + 'static,
{
    let lifecycle = lifecycle.clone();
    let reader = Reader {
        watch,
        read,
        wake,
        lifecycle,
        ahead: None,
        quiet_since: None,
        ended: false,
    };
    Box::pin(stream::unfold(reader, |mut reader| async {
        let message = reader.next().await?;
        reader.ended |= message.is_err();
        Some((message, reader))
    }))
}

struct Reader<M, Read, Wake> {
    watch: Watch,
    read: Read,
    wake: Wake,
    lifecycle: Lifecycle,
    /// The page that is read while the one before is sent.
    ahead: Option<oneshot::Receiver<Result<Page<M>, Status>>>,
    /// When the last message went out, once the head was reached.
    quiet_since: Option<Instant>,
    ended: bool,
}

impl<M, Read, Wake, ReadFuture, WakeFuture> Reader<M, Read, Wake>
where
    M: Send + 'static,
    Read: FnMut(String) -> ReadFuture,
    ReadFuture: Future<Output = Result<Page<M>, Status>> + Send + 'static,
    Wake: FnMut() -> WakeFuture,
    WakeFuture: Future<Output = ()>,
{
    async fn next(&mut self) -> Option<Result<M, Status>> {
        if self.ended {
            return None;
        }
        loop {
            if self.lifecycle.is_draining() {
                return Some(Err(status::draining()));
            }
            let page = match self.page().await {
                Ok(page) => page,
                Err(status) => return Some(Err(status)),
            };
            self.watch.resume_token.clone_from(&page.resume_token);
            if !page.is_head {
                self.quiet_since = None;
                self.read_ahead();
                return Some(Ok(page.message));
            }
            self.ended = !self.watch.follow;
            let first_at_head = self.quiet_since.is_none();
            let since = *self.quiet_since.get_or_insert_with(Instant::now);
            if first_at_head || since.elapsed() >= PROGRESS_INTERVAL {
                self.quiet_since = Some(Instant::now());
                return Some(Ok(page.message));
            }
            tokio::select! {
                () = (self.wake)() => {}
                () = tokio::time::sleep_until(since + PROGRESS_INTERVAL) => {}
                () = self.lifecycle.draining() => {}
            }
        }
    }

    async fn page(&mut self) -> Result<Page<M>, Status> {
        match self.ahead.take() {
            // Nothing comes when the reading task was dropped at the hard stop.
            Some(ahead) => ahead.await.unwrap_or_else(|_| Err(status::draining())),
            None => (self.read)(self.watch.resume_token.clone()).await,
        }
    }

    fn read_ahead(&mut self) {
        let page = (self.read)(self.watch.resume_token.clone());
        let (sender, receiver) = oneshot::channel();
        self.lifecycle.spawn("feed page", async move {
            // Nobody waits when the client left meanwhile.
            let _ = sender.send(page.await);
        });
        self.ahead = Some(receiver);
    }
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Its effects are committed, and the token with them.
    Applied,
    /// Somebody else moved the token meanwhile; nothing was done. The loop reads the token again.
    Lost,
}

/// One reader of another service's feed.
///
/// It keeps its token in its own database and moves it by compare-and-swap in the transaction of its
/// effects, so that each change has its effect exactly once, with any number of replicas.
pub trait Consumer: Send + 'static {
    /// The message of the feed's stream.
    type Response: Send + 'static;

    /// Returns a name for logs and metrics, for example `loyalty-points<customer-data`.
    fn name(&self) -> &'static str;

    /// Reads the token at which this consumer stands.
    fn token(&mut self) -> impl Future<Output = Result<String, Status>> + Send;

    /// Opens the feed after `resume_token`.
    fn open(
        &mut self,
        resume_token: String,
        follow: bool,
    ) -> impl Future<Output = Result<Streaming<Self::Response>, Status>> + Send;

    /// Applies one message and moves the token, in one transaction. Messages without changes may
    /// move the token too, or be ignored.
    fn apply(
        &mut self,
        response: Self::Response,
    ) -> impl Future<Output = Result<Outcome, Status>> + Send;
}

const RECONNECT_FIRST: Duration = Duration::from_millis(100);
const RECONNECT_MAX: Duration = Duration::from_secs(10);

/// Follows a feed until the process drains: reconnects with growing pauses when the stream breaks or
/// a batch cannot be applied.
pub async fn follow(mut consumer: impl Consumer, lifecycle: Lifecycle) {
    let name = consumer.name();
    let mut failures = 0;
    loop {
        let mut applied = 0;
        let session = session(&mut consumer, true, &mut applied);
        let ended = tokio::select! {
            ended = session => ended,
            () = lifecycle.draining() => return,
        };
        failures = if applied > 0 { 1 } else { failures + 1 };
        let pause = backoff(failures, RECONNECT_FIRST, RECONNECT_MAX);
        if let Err(status) = ended {
            let (code, message) = (status.code(), status.message());
            tracing::warn!(
                feed = name,
                ?code,
                pause_ms = pause.as_millis(),
                "lost the feed {name}: {message}"
            );
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = lifecycle.draining() => return,
        }
    }
}

/// How often [`catch_up`] starts again because another replica was faster. Each time it lost, the
/// other one made progress.
const CATCH_UP_LOST_MAX: u32 = 1_000;

/// Applies everything that the feed holds at the time of the call and returns the number of
/// messages applied.
///
/// # Errors
/// The first error of the feed or of a batch; what was applied before stays.
pub async fn catch_up(consumer: &mut impl Consumer) -> Result<u64, Status> {
    let mut applied = 0;
    for _ in 0..CATCH_UP_LOST_MAX {
        if session(consumer, false, &mut applied).await? == Outcome::Applied {
            return Ok(applied);
        }
    }
    Err(Status::aborted("other replicas were faster all the time"))
}

/// Reads one stream to its end, or until a batch is lost to another replica.
async fn session(
    consumer: &mut impl Consumer,
    follow: bool,
    applied: &mut u64,
) -> Result<Outcome, Status> {
    let messages = counter!("tenure_feed_messages_total", "feed" => consumer.name());
    let token = consumer.token().await?;
    let mut stream = consumer.open(token, follow).await?;
    while let Some(response) = stream.message().await? {
        // On the heap: what a consumer does with a batch goes deep, and an async stack that goes too
        // deep is one that an optimising compiler refuses.
        if Box::pin(consumer.apply(response)).await? == Outcome::Lost {
            return Ok(Outcome::Lost);
        }
        *applied += 1;
        messages.increment(1);
    }
    Ok(Outcome::Applied)
}
