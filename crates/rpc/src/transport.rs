//! How a client reaches a service: in the same process, or over a connection. One type for both.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tenure_core::{ErrorCode, Violations};
use tokio::task::JoinHandle;
use tonic::Status;
use tonic::body::Body;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt};

use crate::call::{CURRENT, REQUEST_ID, TRACEPARENT};
use crate::config::Validate;
use crate::layers::{Edge, EdgeConfig, GRPC_TIMEOUT, grpc_timeout, parse_grpc_timeout, trace};
use crate::lifecycle::{Lifecycle, detached};
use crate::principal::Principal;
use crate::routes::Routes;
use crate::status;

/// Any error.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What a generated client talks to: `LoyaltyServiceClient::new(transport)`. Cheap to clone.
///
/// Its error is a status and not any error, because the compiler cannot see that a handler which
/// calls through a boxed error is `Send`.
pub type Transport = BoxCloneSyncService<http::Request<Body>, http::Response<Body>, Status>;

/// How a client behaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClientOptions {
    /// The deadline of a call that has none of its own and is not part of a call with one, in
    /// milliseconds; the server's default when absent. Streams that follow a feed have none.
    pub deadline_ms: Option<u64>,
    /// How long a connection may take to open, in milliseconds.
    pub connect_timeout_ms: u64,
    /// File with the certificates of the authorities that sign servers, in PEM; for `https` URLs.
    pub server_ca_file: Option<PathBuf>,
    /// File with this client's certificate, in PEM.
    pub cert_file: Option<PathBuf>,
    /// File with the key of this client's certificate, in PEM.
    pub key_file: Option<PathBuf>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            deadline_ms: None,
            connect_timeout_ms: 2_000,
            server_ca_file: None,
            cert_file: None,
            key_file: None,
        }
    }
}

impl Validate for ClientOptions {
    fn validate(&self, violations: &mut Violations) {
        let connect = self.connect_timeout_ms;
        if !(1..=60_000).contains(&connect) {
            violations.add("connect_timeout_ms", "1 to 60000", connect.to_string());
        }
        if let Some(deadline) = self.deadline_ms
            && !(1..=3_600_000).contains(&deadline)
        {
            violations.add("deadline_ms", "1 to 3600000", deadline.to_string());
        }
        let missing = match (&self.cert_file, &self.key_file) {
            (Some(_), None) => Some("key_file"),
            (None, Some(_)) => Some("cert_file"),
            _ => None,
        };
        if let Some(key) = missing {
            violations.add(
                key,
                "a file: a certificate and its key go together",
                "nothing",
            );
        }
    }
}

/// Why a transport could not be made. Connecting itself happens at the first call.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL is none, or TLS cannot be configured.
    #[error("cannot use {url} as a server")]
    Endpoint {
        /// The URL.
        url: String,
        /// What tonic says.
        #[source]
        source: tonic::transport::Error,
    },
    /// A certificate or key cannot be read.
    #[error("cannot read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: std::io::Error,
    },
}

/// A server on a quiet connection is asked every minute whether it lives; gRPC servers refuse to be
/// asked much more often.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(60);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// A call made on behalf of another one must end this much earlier, so that its answer still
/// counts.
const DEADLINE_MARGIN: Duration = Duration::from_millis(5);

/// Returns a transport to the server at `url`, which is connected at the first call and whenever the
/// connection was lost.
///
/// # Errors
/// When the URL is none, or the files of `options` cannot be used.
pub fn connect(url: &str, options: &ClientOptions) -> Result<Transport, ConnectError> {
    let refused = |source| ConnectError::Endpoint {
        url: url.to_owned(),
        source,
    };
    let mut endpoint = Endpoint::from_shared(url.to_owned())
        .map_err(refused)?
        .connect_timeout(Duration::from_millis(options.connect_timeout_ms))
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT);
    if url.starts_with("https:") {
        endpoint = endpoint.tls_config(client_tls(options)?).map_err(refused)?;
    }
    let channel = endpoint.connect_lazy();
    Ok(outgoing(
        channel,
        options.deadline_ms.map(Duration::from_millis),
    ))
}

fn client_tls(options: &ClientOptions) -> Result<ClientTlsConfig, ConnectError> {
    let read = |path: &PathBuf| {
        std::fs::read(path).map_err(|source| ConnectError::File {
            path: path.clone(),
            source,
        })
    };
    let mut tls = ClientTlsConfig::new();
    if let Some(path) = &options.server_ca_file {
        tls = tls.ca_certificate(Certificate::from_pem(read(path)?));
    }
    if let (Some(cert), Some(key)) = (&options.cert_file, &options.key_file) {
        tls = tls.identity(Identity::from_pem(read(cert)?, read(key)?));
    }
    Ok(tls)
}

/// Returns a transport to services in the same process, which behaves as a connection to them does:
/// the same deadlines, limits and statuses, but no socket.
///
/// Each call runs as a task of its own, so that services may call each other however deeply without
/// using up the caller's stack; it ends when its caller does.
#[must_use]
pub fn in_process(routes: Routes) -> Transport {
    in_process_with(routes, EdgeConfig::default(), &Lifecycle::new())
}

/// Returns a transport to services in the same process with given limits; streams that follow a feed
/// end when `lifecycle` drains.
#[must_use]
pub fn in_process_with(routes: Routes, config: EdgeConfig, lifecycle: &Lifecycle) -> Transport {
    let edge = Arc::new(Edge::new(routes, config, lifecycle));
    outgoing(Local(edge, Principal::anonymous()), None)
}

/// Returns a transport as [`in_process`] does, whose calls come from somebody who is known: the
/// services of one process call each other so.
#[must_use]
pub fn in_process_as(routes: Routes, principal: Principal) -> Transport {
    let edge = Edge::new(routes, EdgeConfig::default(), &Lifecycle::new());
    outgoing(Local(Arc::new(edge), principal), None)
}

/// A server in the same process, and who calls it.
#[derive(Clone)]
struct Local(Arc<Edge>, Principal);

impl Service<http::Request<Body>> for Local {
    type Response = http::Response<Body>;
    type Error = BoxError;
    type Future = LocalCall;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: http::Request<Body>) -> LocalCall {
        let edge = self.0.clone();
        request.extensions_mut().insert(self.1.clone());
        LocalCall(detached(async move {
            let Ok(response) = edge.serve(request).await;
            response.map(Body::new)
        }))
    }
}

/// A call in the same process; dropping it cancels the call, as a reset stream does.
struct LocalCall(JoinHandle<http::Response<Body>>);

impl Future for LocalCall {
    type Output = Result<http::Response<Body>, BoxError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map_err(Into::into)
    }
}

impl Drop for LocalCall {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Wraps what carries requests, so that each call takes along the deadline, the name and the trace
/// of the call it is made for.
fn outgoing<S>(inner: S, default_deadline: Option<Duration>) -> Transport
where
    S: Service<http::Request<Body>, Response = http::Response<Body>>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Error: Into<BoxError> + 'static,
    S::Future: Send + 'static,
{
    let prepare = move |mut request: http::Request<Body>| {
        take_along(&mut request, default_deadline);
        request
    };
    let service = inner
        .map_request(prepare)
        .map_err(|error: S::Error| explain(error.into()));
    BoxCloneSyncService::new(service)
}

fn take_along(request: &mut http::Request<Body>, default_deadline: Option<Duration>) {
    let follows = crate::layers::is_watch(request.uri().path());
    let headers = request.headers_mut();
    let asked = headers.get(GRPC_TIMEOUT).and_then(parse_grpc_timeout);
    let inherited = crate::call::remaining().map(|left| left.saturating_sub(DEADLINE_MARGIN));
    let default = if follows { None } else { default_deadline };
    let timeout = [asked, inherited].into_iter().flatten().min().or(default);
    if timeout != asked
        && let Some(timeout) = timeout
    {
        headers.insert(GRPC_TIMEOUT, grpc_timeout(timeout));
    }
    let _ = CURRENT.try_with(|call| {
        headers.insert(REQUEST_ID, call.request_id_header());
        if let Some(traceparent) =
            trace::current_traceparent().or_else(|| call.traceparent().cloned())
        {
            headers.insert(TRACEPARENT, traceparent);
        }
    });
}

/// Gives an expired deadline the status that it has everywhere else; tonic's client would call it
/// cancelled.
fn explain(error: BoxError) -> Status {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error.as_ref());
    while let Some(error) = cause {
        if error.is::<tonic::TimeoutExpired>() {
            let message = "the deadline passed before the answer came";
            return status::of_the_edge(ErrorCode::DeadlineExceeded, "DEADLINE_EXCEEDED", message);
        }
        cause = error.source();
    }
    Status::from_error(error)
}

/// Asserts that the channel of tonic stays usable as part of a transport.
const _: fn() = || {
    fn transportable<T: Clone + Send + Sync>() {}
    transportable::<Channel>();
};
