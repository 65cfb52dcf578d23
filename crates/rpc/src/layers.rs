//! What happens around every handler, in which order.
//!
//! This wraps each call and is measured against a call that does nothing, so it is one service
//! written by hand instead of ten boxed layers, with metric handles made once per method.

mod admission;
mod body;
mod foreign;
mod handled;
mod limit;
mod methods;
pub(crate) mod trace;

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use serde::{Deserialize, Serialize};
use tenure_core::{ErrorCode, Violations};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tonic::Status;
use tonic::body::Body;

use crate::call::{CURRENT, Call, REQUEST_ID};
use crate::config::Validate;
use crate::lifecycle::{Lifecycle, panic_message};
use crate::routes::Routes;
use crate::status;
use admission::Admission;
use body::Guarded;
use handled::Handled;
use limit::Limited;
use methods::{Kind, Methods, Seen};

pub(crate) use methods::is_watch;

/// The header of a call's deadline.
pub(crate) const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// The largest message that tonic decodes; ours may be smaller, never larger.
const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The limits of every call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EdgeConfig {
    /// The deadline of a call that brings none, in milliseconds.
    pub deadline_default_ms: u64,
    /// The deadline of a call that brings none, where the method's name starts with one of
    /// `slow_methods`, in milliseconds.
    pub deadline_slow_ms: u64,
    /// Beginnings of the names of methods that work on many things at once.
    pub slow_methods: Vec<String>,
    /// No call may take longer, whatever it asks for, in milliseconds. Streams that follow a feed
    /// are excepted: they live until their own deadline, if they have one.
    pub deadline_cap_ms: u64,
    /// How many calls may be worked on at once.
    pub concurrency: usize,
    /// How many calls may wait for their turn beyond that; more are shed.
    pub queue: usize,
    /// How long a call may wait for its turn before it is shed, in milliseconds.
    pub queue_wait_ms: u64,
    /// How many streams may follow a feed at once.
    pub watch_streams: usize,
    /// The largest message, in bytes, in both directions.
    pub message_bytes: usize,
}

impl Default for EdgeConfig {
    fn default() -> Self {
        let slow = [
            "Batch", "CatchUp", "Evaluate", "Export", "Import", "Launch", "Run", "Train",
        ];
        Self {
            deadline_default_ms: 5_000,
            deadline_slow_ms: 30_000,
            slow_methods: slow.map(str::to_owned).to_vec(),
            deadline_cap_ms: 60_000,
            concurrency: 1_024,
            queue: 1_024,
            queue_wait_ms: 500,
            watch_streams: 256,
            message_bytes: MESSAGE_BYTES_MAX,
        }
    }
}

impl Validate for EdgeConfig {
    fn validate(&self, violations: &mut Violations) {
        let mut between = |field: &str, value: u64, min: u64, max: u64| {
            if !(min..=max).contains(&value) {
                violations.add(field, format!("{min} to {max}"), value.to_string());
            }
        };
        between(
            "deadline_default_ms",
            self.deadline_default_ms,
            1,
            self.deadline_cap_ms,
        );
        between(
            "deadline_slow_ms",
            self.deadline_slow_ms,
            1,
            self.deadline_cap_ms,
        );
        between("deadline_cap_ms", self.deadline_cap_ms, 1, 3_600_000);
        between("concurrency", self.concurrency as u64, 1, 1_000_000);
        between("queue", self.queue as u64, 0, 1_000_000);
        between("queue_wait_ms", self.queue_wait_ms, 0, 60_000);
        between("watch_streams", self.watch_streams as u64, 1, 1_000_000);
        between(
            "message_bytes",
            self.message_bytes as u64,
            1_024,
            MESSAGE_BYTES_MAX as u64,
        );
    }
}

/// Routes with everything around them.
pub(crate) struct Edge {
    routes: Routes,
    config: EdgeConfig,
    methods: Methods,
    admission: Admission,
    lifecycle: Lifecycle,
}

/// What a handler answered, and the right to be worked on that it holds.
type Answer = Result<(Response<Body>, Option<OwnedSemaphorePermit>), Status>;

impl Edge {
    pub(crate) fn new(routes: Routes, config: EdgeConfig, lifecycle: &Lifecycle) -> Self {
        Self {
            routes,
            methods: Methods::of_all_services(&config.slow_methods),
            admission: Admission::new(&config),
            config,
            lifecycle: lifecycle.clone(),
        }
    }

    /// Answers one call. Read the wrapping from the outside in: that is the order.
    pub(crate) async fn serve<B>(
        &self,
        request: Request<B>,
    ) -> Result<Response<Guarded>, Infallible>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<tonic::codegen::StdError>,
    {
        let method = self.methods.of(request.uri().path());
        let seen = method.begin();
        let deadline = self.deadline(method.kind, request.headers(), seen.since);
        let call = Call::read(request.headers(), deadline, method.domain());
        let span = trace::span(method.name(), &call);

        let answer = Handled::new(self.work(method.kind, request), &call, &span).await;
        Ok(self.respond(answer, seen, call, method.kind, span))
    }

    /// Lets the handler work when it is its turn.
    async fn work<B>(&self, kind: Kind, request: Request<B>) -> Answer
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<tonic::codegen::StdError>,
    {
        let permit = self.admission.enter(kind).await?;
        let limit = self.config.message_bytes;
        let request = request.map(|body| Body::new(Limited::new(body, limit)));
        Ok((self.routes.answer(request).await, permit))
    }

    /// Returns when a call has to be answered, if it ever has to.
    fn deadline(&self, kind: Kind, headers: &HeaderMap, since: Instant) -> Option<Instant> {
        let asked = headers.get(GRPC_TIMEOUT).and_then(parse_grpc_timeout);
        let cap = Duration::from_millis(self.config.deadline_cap_ms);
        let timeout = match kind {
            Kind::Watch => asked,
            Kind::Slow => Some(
                asked
                    .unwrap_or(Duration::from_millis(self.config.deadline_slow_ms))
                    .min(cap),
            ),
            Kind::Plain | Kind::Health => Some(
                asked
                    .unwrap_or(Duration::from_millis(self.config.deadline_default_ms))
                    .min(cap),
            ),
        };
        timeout.and_then(|timeout| since.checked_add(timeout))
    }

    /// Turns an answer into a response whose body keeps the same promises.
    fn respond(
        &self,
        answer: Answer,
        seen: Seen,
        call: Call,
        kind: Kind,
        span: tracing::Span,
    ) -> Response<Guarded> {
        let (response, permit) = match answer {
            Ok(answer) => answer,
            Err(status) => (status.into_http(), None),
        };
        let replaced = CURRENT.sync_scope(call.clone(), || foreign::replaced(response.headers()));
        let response = replaced.map_or(response, Status::into_http);
        let (mut head, body) = response.into_parts();
        if let Some(id) = call.request_id() {
            head.headers.insert(REQUEST_ID, id.clone());
        }
        let draining = (kind == Kind::Watch).then(|| self.lifecycle.draining());
        let limit = self.config.message_bytes;
        let guarded = Guarded::new(
            body,
            &head.headers,
            seen,
            call,
            permit,
            draining,
            limit,
            span,
        );
        Response::from_parts(head, guarded)
    }
}

pub(crate) fn panicked(panic: &(dyn std::any::Any + Send)) -> Status {
    status::internal(
        &crate::call::domain(),
        &format!("a handler panicked: {}", panic_message(panic)),
    )
}

pub(crate) fn deadline_exceeded() -> Status {
    let message = "the deadline passed before the answer was ready";
    status::of_the_edge(ErrorCode::DeadlineExceeded, "DEADLINE_EXCEEDED", message)
}

pub(crate) fn message_too_large(found: usize, limit: usize) -> Status {
    let message = format!("a message has {found} bytes, at most {limit} are allowed");
    status::of_the_edge(ErrorCode::ResourceExhausted, "MESSAGE_TOO_LARGE", &message)
}

/// Reads a deadline of at most 8 digits and a unit (gRPC over HTTP/2).
pub(crate) fn parse_grpc_timeout(value: &HeaderValue) -> Option<Duration> {
    let (digits, unit) = value
        .to_str()
        .ok()?
        .split_at_checked(value.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit())
    {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3_600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

/// Returns a deadline for the wire, in the finest unit of which 8 digits are enough.
pub(crate) fn grpc_timeout(timeout: Duration) -> HeaderValue {
    const LIMIT: u128 = 100_000_000;
    let micros = timeout.as_micros();
    let text = if micros < LIMIT {
        format!("{micros}u")
    } else if micros / 1_000 < LIMIT {
        format!("{}m", micros / 1_000)
    } else {
        format!("{}S", (micros / 1_000_000).min(LIMIT - 1))
    };
    HeaderValue::try_from(text).expect("digits and a letter")
}
