//! Change feeds: batches to the head, then silence with signs of life, then the end.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tenure_rpc::feed::{self, Batch, Consumer, Outcome, PROGRESS_INTERVAL, ResponseStream, Watch};
use tenure_rpc::lifecycle::Ending;
use tenure_rpc::{EdgeConfig, Lifecycle, Routes, Transport, status, transport};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_stream::StreamExt;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, ServerStreamingService};
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

/// A feed of numbers; the token is how many were read. Batches have two changes at most.
#[derive(Clone)]
struct Numbers(watch::Sender<u64>);

impl Numbers {
    fn up_to(count: u64) -> Self {
        Self(watch::Sender::new(count))
    }

    fn read(&self, token: &str) -> Result<Batch<u64>, Status> {
        let from: u64 = token
            .parse()
            .map_err(|_| Status::invalid_argument("no token"))?;
        let to = (from + 2).min(*self.0.borrow());
        Ok(Batch {
            changes: (from..to).collect(),
            resume_token: to.to_string(),
        })
    }

    fn watch(&self, lifecycle: &Lifecycle, token: &str, follow: bool) -> ResponseStream<String> {
        let watch = Watch {
            resume_token: token.to_owned(),
            follow,
        };
        let (numbers, head) = (self.clone(), self.0.clone());
        feed::watch(
            lifecycle,
            watch,
            move |token| {
                let numbers = numbers.clone();
                async move { numbers.read(&token) }
            },
            move || {
                let mut changed = head.subscribe();
                async move {
                    let _ = changed.changed().await;
                }
            },
            |batch: Batch<u64>| format!("{:?}>{}", batch.changes, batch.resume_token),
        )
    }
}

async fn all(stream: ResponseStream<String>) -> Vec<String> {
    stream.map(Result::unwrap).collect().await
}

#[tokio::test]
async fn a_feed_is_read_to_its_head_and_ends_there() {
    let numbers = Numbers::up_to(5);

    let read = all(numbers.watch(&Lifecycle::new(), "0", false)).await;
    let nothing = all(numbers.watch(&Lifecycle::new(), "5", false)).await;

    assert_eq!(read, ["[0, 1]>2", "[2, 3]>4", "[4]>5", "[]>5"]);
    assert_eq!(nothing, ["[]>5"]);
}

#[tokio::test(start_paused = true)]
async fn a_follower_gets_what_comes_and_a_sign_of_life_in_between() {
    let numbers = Numbers::up_to(1);
    let mut stream = numbers.watch(&Lifecycle::new(), "0", true);
    let mut next = async || stream.next().await.unwrap().unwrap();
    assert_eq!(next().await, "[0]>1");
    assert_eq!(next().await, "[]>1");

    let quiet = Instant::now();
    assert_eq!(next().await, "[]>1");
    assert!(quiet.elapsed() >= PROGRESS_INTERVAL);

    numbers.0.send_replace(2);
    let woken = Instant::now();
    assert_eq!(next().await, "[1]>2");
    assert!(woken.elapsed() < PROGRESS_INTERVAL);
}

#[tokio::test]
async fn a_feed_ends_when_the_server_drains_and_after_an_error() {
    let lifecycle = Lifecycle::new();
    let mut stream = Numbers::up_to(0).watch(&lifecycle, "0", true);
    assert!(stream.next().await.unwrap().is_ok());
    lifecycle.stop();

    let ended = stream.next().await.unwrap().unwrap_err();

    assert_eq!(ended.code(), Code::Unavailable);
    assert_eq!(status::reason(&ended).as_deref(), Some("SERVER_DRAINING"));
    assert!(stream.next().await.is_none());

    let mut broken = Numbers::up_to(0).watch(&Lifecycle::new(), "nonsense", true);
    assert_eq!(
        broken.next().await.unwrap().unwrap_err().code(),
        Code::InvalidArgument
    );
    assert!(broken.next().await.is_none());
}

/// Serves the feed; the request is the token, or `token+` to follow.
#[derive(Clone)]
struct Service(Numbers, Lifecycle);

impl ServerStreamingService<String> for Service {
    type Response = String;
    type ResponseStream = ResponseStream<String>;
    type Future = std::future::Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<String>) -> Self::Future {
        let text = request.into_inner();
        let stream = self
            .0
            .watch(&self.1, text.trim_end_matches('+'), text.ends_with('+'));
        std::future::ready(Ok(Response::new(stream)))
    }
}

impl NamedService for Service {
    const NAME: &'static str = "test.Feed";
}

impl tower::Service<http::Request<Body>> for Service {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move {
            let mut grpc = Grpc::new(ProstCodec::<String, String>::default());
            Ok(grpc.server_streaming(service, request).await)
        })
    }
}

/// What a consumer keeps in its database, and what to do to it before a batch is applied.
#[derive(Clone, Default)]
struct Kept {
    state: Arc<Mutex<(String, Vec<String>)>>,
    trouble: Arc<Mutex<VecDeque<Trouble>>>,
}

enum Trouble {
    /// Another replica applies the batch first.
    Overtaken,
    /// The database is away.
    Failure,
}

struct Reader {
    kept: Kept,
    transport: Transport,
    applied: watch::Sender<usize>,
}

impl Consumer for Reader {
    type Response = String;

    fn name(&self) -> &'static str {
        "test<feed"
    }

    async fn token(&mut self) -> Result<String, Status> {
        Ok(self.kept.state.lock().unwrap().0.clone())
    }

    async fn open(&mut self, token: String, follow: bool) -> Result<Streaming<String>, Status> {
        let mut grpc = tonic::client::Grpc::new(self.transport.clone());
        grpc.ready().await?;
        let request = if follow { format!("{token}+") } else { token };
        let path = http::uri::PathAndQuery::from_static("/test.Feed/WatchChanges");
        let codec = ProstCodec::<String, String>::default();
        Ok(grpc
            .server_streaming(Request::new(request), path, codec)
            .await?
            .into_inner())
    }

    async fn apply(&mut self, message: String) -> Result<Outcome, Status> {
        let trouble = self.kept.trouble.lock().unwrap().pop_front();
        if matches!(trouble, Some(Trouble::Failure)) {
            return Err(Status::unavailable("the database is away"));
        }
        let (changes, token) = message.split_once('>').unwrap();
        let mut state = self.kept.state.lock().unwrap();
        state.0 = token.to_owned();
        if changes != "[]" {
            state.1.push(changes.to_owned());
        }
        if matches!(trouble, Some(Trouble::Overtaken)) {
            return Ok(Outcome::Lost);
        }
        self.applied.send_modify(|applied| *applied += 1);
        Ok(Outcome::Applied)
    }
}

fn reader(numbers: &Numbers, trouble: impl IntoIterator<Item = Trouble>) -> (Reader, Lifecycle) {
    let lifecycle = Lifecycle::new();
    let routes = Routes::default().add_service(Service(numbers.clone(), lifecycle.clone()));
    let transport = transport::in_process_with(routes, EdgeConfig::default(), &lifecycle);
    let kept = Kept::default();
    kept.state.lock().unwrap().0 = "0".to_owned();
    kept.trouble.lock().unwrap().extend(trouble);
    (
        Reader {
            kept,
            transport,
            applied: watch::Sender::new(0),
        },
        lifecycle,
    )
}

#[tokio::test]
async fn catching_up_applies_every_change_once_and_ends() {
    let (mut reader, _) = reader(&Numbers::up_to(5), []);

    assert_eq!(feed::catch_up(&mut reader).await.unwrap(), 4);
    assert_eq!(feed::catch_up(&mut reader).await.unwrap(), 1);

    let state = reader.kept.state.lock().unwrap();
    assert_eq!(state.1, ["[0, 1]", "[2, 3]", "[4]"]);
}

#[tokio::test]
async fn a_batch_lost_to_another_replica_is_not_applied_again() {
    let (mut reader, _) = reader(&Numbers::up_to(5), [Trouble::Overtaken, Trouble::Overtaken]);

    feed::catch_up(&mut reader).await.unwrap();

    let state = reader.kept.state.lock().unwrap();
    assert_eq!(state.1, ["[0, 1]", "[2, 3]", "[4]"]);
}

#[tokio::test]
async fn catching_up_tells_the_error_and_keeps_what_was_applied() {
    let (mut reader, _) = reader(&Numbers::up_to(3), [Trouble::Failure]);

    let failed = feed::catch_up(&mut reader).await.unwrap_err();

    assert_eq!(failed.code(), Code::Unavailable);
    assert_eq!(feed::catch_up(&mut reader).await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_follower_survives_failures_and_leaves_when_the_process_drains() {
    let numbers = Numbers::up_to(2);
    let (reader, lifecycle) = reader(&numbers, [Trouble::Failure, Trouble::Failure]);
    let (kept, mut applied) = (reader.kept.clone(), reader.applied.subscribe());
    lifecycle.spawn("follower", feed::follow(reader, lifecycle.clone()));

    applied.wait_for(|applied| *applied >= 2).await.unwrap();
    numbers.0.send_replace(3);
    applied.wait_for(|applied| *applied >= 3).await.unwrap();

    assert_eq!(kept.state.lock().unwrap().1, ["[0, 1]", "[2]"]);
    assert_eq!(lifecycle.finish(PROGRESS_INTERVAL).await, Ending::Clean);
}
