//! A service written by hand whose methods misbehave on demand, and a client for it.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BufMut as _;
use http::uri::PathAndQuery;
use tenure_rpc::feed::ResponseStream;
use tenure_rpc::{
    ClientOptions, EdgeConfig, Lifecycle, Readiness, Routes, Server, ServerConfig, Transport,
    connect, transport,
};
use tokio::sync::Notify;
use tokio_stream::StreamExt;
use tonic::body::Body;
use tonic::codec::EncodeBuf;
use tonic::server::{Grpc, NamedService, ServerStreamingService, UnaryService};
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;
use tower::Service;

pub(crate) const NAME: &str = "test.Probe";
/// A service of ours, which the probe stands in for as well.
pub(crate) const OURS: &str = "tenure.customer.v1.CustomerService";

type Codec = ProstCodec<String, String>;
type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The service. `Gated` waits for the gate; the others need no explanation.
#[derive(Clone, Default)]
pub(crate) struct Probe {
    pub(crate) gate: Arc<Notify>,
    /// Tells that a gated call has begun.
    pub(crate) begun: Arc<Notify>,
    /// Tells that a gated call has ended, also by being dropped.
    pub(crate) ended: Arc<Notify>,
    pub(crate) inner: Option<Transport>,
}

struct Told(Arc<Notify>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl Probe {
    async fn unary(
        self,
        method: &str,
        text: String,
        trace: &str,
    ) -> Result<Response<String>, Status> {
        match method {
            "Echo" => Ok(Response::new(text)),
            "Hang" | "BatchGetCustomers" => std::future::pending().await,
            "Internal" => Err(Status::internal(text)),
            "Panic" => panic!("the secret is {text}"),
            "Gated" => {
                let _told = Told(self.ended);
                self.begun.notify_one();
                self.gate.notified().await;
                Ok(Response::new(text))
            }
            "Long" => Ok(Response::new("x".repeat(text.parse().unwrap()))),
            // Asks the inner service; the innermost one tells the time that it has left.
            "Relay" => match self.inner {
                Some(inner) => Client::new(inner)
                    .call("Relay", &text)
                    .await
                    .map(Response::new),
                None => {
                    let left = tenure_rpc::call::remaining().unwrap_or(Duration::MAX);
                    let id = tenure_rpc::call::correlation_id();
                    Ok(Response::new(format!("{} {id} {trace}", left.as_millis())))
                }
            },
            _ => Err(Status::unimplemented("")),
        }
    }

    fn stream(method: &str, text: String) -> ResponseStream<String> {
        let first = tokio_stream::once(Ok(text.clone()));
        match method {
            // The pause lets the first message go out by itself.
            "WatchPanic" => Box::pin(first.chain(Box::pin(futures_util::stream::once(async {
                tokio::task::yield_now().await;
                panic!("late secret")
            })))),
            "WatchInternal" => Box::pin(tokio_stream::iter([
                Ok(String::new()),
                Err(Status::internal(text)),
            ])),
            "WatchBusy" => Box::pin(tokio_stream::iter(std::iter::repeat_with(|| {
                Ok("more".to_owned())
            }))),
            _ => Box::pin(first.chain(tokio_stream::pending())),
        }
    }
}

struct Unary(Probe, String);

impl UnaryService<String> for Unary {
    type Response = String;
    type Future = BoxFuture<Result<Response<String>, Status>>;

    fn call(&mut self, request: Request<String>) -> Self::Future {
        let (probe, method) = (self.0.clone(), self.1.clone());
        Box::pin(async move {
            let trace = request.metadata().get("traceparent");
            let trace = trace
                .map(|trace| trace.to_str().unwrap().to_owned())
                .unwrap_or_default();
            probe.unary(&method, request.into_inner(), &trace).await
        })
    }
}

struct Stream(String);

impl ServerStreamingService<String> for Stream {
    type Response = String;
    type ResponseStream = ResponseStream<String>;
    type Future = BoxFuture<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<String>) -> Self::Future {
        let stream = Probe::stream(&self.0, request.into_inner());
        Box::pin(async move { Ok(Response::new(stream)) })
    }
}

impl NamedService for Probe {
    const NAME: &'static str = NAME;
}

/// The probe under the name of a service of ours.
#[derive(Clone)]
struct Ours(Probe);

impl NamedService for Ours {
    const NAME: &'static str = OURS;
}

impl Service<http::Request<Body>> for Ours {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Result<http::Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        self.0.call(request)
    }
}

fn routes(probe: &Probe) -> Routes {
    Routes::default()
        .add_service(probe.clone())
        .add_service(Ours(probe.clone()))
}

impl Service<http::Request<Body>> for Probe {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Result<http::Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let method = request
            .uri()
            .path()
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_owned();
        let probe = self.clone();
        Box::pin(async move {
            let mut grpc = Grpc::new(Codec::default());
            if method.starts_with("Watch") || method.starts_with("Stream") {
                Ok(grpc.server_streaming(Stream(method), request).await)
            } else {
                Ok(grpc.unary(Unary(probe, method), request).await)
            }
        })
    }
}

/// Sends bytes as they are.
struct Raw;

impl tonic::codec::Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = String;
    type Encoder = Self;
    type Decoder = <Codec as tonic::codec::Codec>::Decoder;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self::Decoder {
        Codec::default().decoder()
    }
}

impl tonic::codec::Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(&item);
        Ok(())
    }
}

/// A client of the service.
#[derive(Clone)]
pub(crate) struct Client {
    grpc: tonic::client::Grpc<Transport>,
    timeout: Option<Duration>,
    request_id: Option<&'static str>,
    trace: Option<String>,
}

impl Client {
    pub(crate) fn new(transport: Transport) -> Self {
        let grpc = tonic::client::Grpc::new(transport).max_decoding_message_size(usize::MAX);
        Self {
            grpc,
            timeout: None,
            request_id: None,
            trace: None,
        }
    }

    pub(crate) fn with_timeout(&self, timeout: Duration) -> Self {
        Self {
            timeout: Some(timeout),
            ..self.clone()
        }
    }

    pub(crate) fn with_request_id(&self, id: &'static str) -> Self {
        Self {
            request_id: Some(id),
            ..self.clone()
        }
    }

    pub(crate) fn with_trace(&self, traceparent: String) -> Self {
        Self {
            trace: Some(traceparent),
            ..self.clone()
        }
    }

    fn request(&self, text: &str) -> Request<String> {
        let mut request = Request::new(text.to_owned());
        if let Some(timeout) = self.timeout {
            request.set_timeout(timeout);
        }
        if let Some(id) = self.request_id {
            request
                .metadata_mut()
                .insert("x-request-id", id.parse().unwrap());
        }
        if let Some(trace) = &self.trace {
            request
                .metadata_mut()
                .insert("traceparent", trace.parse().unwrap());
        }
        request
    }

    pub(crate) async fn call(&mut self, method: &str, text: &str) -> Result<String, Status> {
        self.respond(method, text).await.map(Response::into_inner)
    }

    pub(crate) async fn respond(
        &mut self,
        method: &str,
        text: &str,
    ) -> Result<Response<String>, Status> {
        let path = PathAndQuery::try_from(format!("/{NAME}/{method}")).unwrap();
        self.grpc.ready().await?;
        self.grpc
            .unary(self.request(text), path, Codec::default())
            .await
    }

    /// Calls with bytes instead of a message: their beginning `0a` and length are part of `bytes`.
    pub(crate) async fn raw(
        &mut self,
        service: &str,
        method: &str,
        bytes: &[u8],
    ) -> Result<(), Status> {
        let path = PathAndQuery::try_from(format!("/{service}/{method}")).unwrap();
        self.grpc.ready().await?;
        let request = Request::new(bytes.to_vec());
        self.grpc.unary(request, path, Raw).await.map(|_| ())
    }

    pub(crate) async fn stream(
        &mut self,
        method: &str,
        text: &str,
    ) -> Result<Streaming<String>, Status> {
        let path = PathAndQuery::try_from(format!("/{NAME}/{method}")).unwrap();
        self.grpc.ready().await?;
        let answer = self
            .grpc
            .server_streaming(self.request(text), path, Codec::default())
            .await?;
        Ok(answer.into_inner())
    }
}

/// A server with the probe, and a transport to it.
pub(crate) struct Served {
    pub(crate) probe: Probe,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) transport: Transport,
    pub(crate) readiness: Readiness,
    /// Where it listens, over a socket.
    pub(crate) address: Option<std::net::SocketAddr>,
}

impl Served {
    pub(crate) fn client(&self) -> Client {
        Client::new(self.transport.clone())
    }
}

pub(crate) async fn over_a_socket(probe: Probe, config: ServerConfig) -> Served {
    let (lifecycle, readiness) = (Lifecycle::new(), Readiness::ready());
    let listen = "127.0.0.1:0".parse().unwrap();
    let serving = Server::new(ServerConfig { listen, ..config })
        .add(routes(&probe), &readiness)
        .serve(&lifecycle)
        .await
        .unwrap();
    let transport = connect(
        &format!("http://{}", serving.address),
        &ClientOptions::default(),
    )
    .unwrap();
    Served {
        probe,
        lifecycle,
        transport,
        readiness,
        address: Some(serving.address),
    }
}

pub(crate) fn in_one_process(probe: Probe, limits: EdgeConfig) -> Served {
    let lifecycle = Lifecycle::new();
    let routes = routes(&probe);
    let transport = transport::in_process_with(routes, limits, &lifecycle);
    Served {
        probe,
        lifecycle,
        transport,
        readiness: Readiness::ready(),
        address: None,
    }
}

/// Runs a case over a socket and in one process, with the same limits.
pub(crate) async fn each_transport<F: Future<Output = ()>>(
    limits: EdgeConfig,
    case: impl Fn(Served) -> F,
) {
    let config = ServerConfig {
        limits: limits.clone(),
        ..ServerConfig::default()
    };
    eprintln!("over a socket");
    case(over_a_socket(Probe::default(), config).await).await;
    eprintln!("in one process");
    case(in_one_process(Probe::default(), limits)).await;
}
