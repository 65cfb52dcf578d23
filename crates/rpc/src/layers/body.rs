//! The body of a response: the same deadline, drain, panic and size rules as its handler.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as _, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Sleep;
use tonic::body::Body;
use tonic::{Code, Status};
use tracing::Span;

use super::methods::Seen;
use super::{deadline_exceeded, message_too_large, panicked, trace};
use crate::call::{CURRENT, Call};
use crate::status;

type Draining = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How many bytes tonic puts into one frame of a stream before it sends it, beyond one message.
const FRAME_SLACK: usize = 64 * 1024;

/// A response body under guard. It ends with trailers whatever happens, so that the client always
/// learns a status.
pub(crate) struct Guarded {
    inner: Body,
    seen: Seen,
    call: Call,
    span: Span,
    _permit: Option<OwnedSemaphorePermit>,
    draining: Option<Draining>,
    /// Made when the body has to wait for the first time; most never do.
    sleep: Option<Pin<Box<Sleep>>>,
    limit: usize,
    ended: bool,
}

impl Guarded {
    #[expect(clippy::too_many_arguments, reason = "one caller; it is what a call consists of")]
    pub(crate) fn new(
        inner: Body,
        headers: &HeaderMap,
        mut seen: Seen,
        call: Call,
        permit: Option<OwnedSemaphorePermit>,
        draining: Option<impl Future<Output = ()> + Send + 'static>,
        limit: usize,
        span: Span,
    ) -> Self {
        if let Some(code) = code_of(headers) {
            seen.ended(code);
        }
        let draining = draining.map(|draining| Box::pin(draining) as Draining);
        Self { inner, seen, call, span, _permit: permit, draining, sleep: None, limit, ended: false }
    }

    /// Ends the body with the trailers of `status`.
    fn end(&mut self, status: &Status) -> Frame<Bytes> {
        self.ended = true;
        self.inner = Body::empty();
        self.seen.ended(status.code());
        let mut trailers = HeaderMap::new();
        if status.add_header(&mut trailers).is_err() {
            trailers.insert("grpc-status", 13.into());
        }
        Frame::trailers(trailers)
    }

    fn poll_inner(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let inner = &mut self.inner;
        let poll = AssertUnwindSafe(|| Pin::new(inner).poll_frame(cx));
        let caught = CURRENT.sync_scope(self.call.clone(), || {
            let _entered = self.span.enter();
            std::panic::catch_unwind(poll).map_err(|panic| panicked(&*panic))
        });
        match caught {
            Ok(poll) => poll,
            Err(status) => Poll::Ready(Some(Err(status))),
        }
    }

    /// Looks at a frame on its way out.
    fn pass(&mut self, frame: Frame<Bytes>) -> Frame<Bytes> {
        if let Some(trailers) = frame.trailers_ref() {
            self.ended = true;
            self.seen.ended(code_of(trailers).unwrap_or(Code::Unknown));
        } else if let Some(data) = frame.data_ref()
            && data.len() > self.limit + FRAME_SLACK
        {
            let status = message_too_large(data.len(), self.limit);
            return self.end(&status);
        }
        frame
    }

    /// Returns why a body that has nothing to send must end now.
    fn overdue(&mut self, cx: &mut Context<'_>) -> Option<Status> {
        if let Some(deadline) = self.call.deadline() {
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
            if sleep.as_mut().poll(cx).is_ready() {
                return Some(deadline_exceeded());
            }
        }
        let draining = self.draining.as_mut()?;
        draining.as_mut().poll(cx).is_ready().then(status::draining)
    }
}

impl http_body::Body for Guarded {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        match self.poll_inner(cx) {
            Poll::Ready(Some(Ok(frame))) => Poll::Ready(Some(Ok(self.pass(frame)))),
            Poll::Ready(Some(Err(status))) => Poll::Ready(Some(Ok(self.end(&status)))),
            Poll::Ready(None) => {
                self.ended = true;
                Poll::Ready(None)
            }
            Poll::Pending => match self.overdue(cx) {
                Some(status) => Poll::Ready(Some(Ok(self.end(&status)))),
                None => Poll::Pending,
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        trace::ended(&self.span, self.seen.code());
    }
}

fn code_of(headers: &HeaderMap) -> Option<Code> {
    headers.get("grpc-status").map(|code| Code::from_bytes(code.as_bytes()))
}
