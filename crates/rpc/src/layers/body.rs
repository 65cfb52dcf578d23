//! The body of a response: the same deadline, drain, panic and size rules as its handler.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as _, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::coop::poll_proceed;
use tokio::time::Instant;
use tonic::body::Body;
use tonic::{Code, Status};
use tracing::Span;

use super::handled::{Alarm, within};
use super::limit::Prefix;
use super::methods::Seen;
use super::{deadline_exceeded, foreign, trace};
use crate::call::{CURRENT, Call};
use crate::status;

type Draining = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A body with more frames than this is a stream: a single message, then trailers, has two.
const FRAMES_OF_UNARY: u32 = 2;

/// A response body under guard. It ends with trailers whatever happens, so that the client always
/// learns a status.
pub(crate) struct Guarded {
    inner: Body,
    seen: Seen,
    call: Call,
    span: Span,
    _permit: Option<OwnedSemaphorePermit>,
    draining: Option<Draining>,
    alarm: Alarm,
    limit: usize,
    frames: u32,
    ended: bool,
}

impl Guarded {
    #[expect(
        clippy::too_many_arguments,
        reason = "one caller; it is what a call consists of"
    )]
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
        Self {
            inner,
            seen,
            call,
            span,
            _permit: permit,
            draining,
            alarm: Alarm::default(),
            limit,
            frames: 0,
            ended: false,
        }
    }

    /// Makes a status in the name of the call.
    fn told<T>(&self, make: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self.call.clone(), make)
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
        let inner = Pin::new(&mut self.inner);
        within(&self.call, &self.span, || inner.poll_frame(cx))
            .unwrap_or_else(|status| Poll::Ready(Some(Err(status))))
    }

    /// Looks at a frame on its way out.
    fn pass(&mut self, frame: Frame<Bytes>) -> Frame<Bytes> {
        if let Some(trailers) = frame.trailers_ref() {
            if foreign::is_foreign(trailers)
                && let Some(status) = self.told(|| foreign::replaced(trailers))
            {
                return self.end(&status);
            }
            self.ended = true;
            self.seen.ended(code_of(trailers).unwrap_or(Code::Unknown));
        } else if let Some(data) = frame.data_ref()
            && data.len() > self.limit
            && let Err(status) = self.told(|| Prefix::default().check(data, self.limit))
        {
            return self.end(&status);
        }
        frame
    }

    /// Returns why a body that has nothing to send must end now.
    fn overdue(&mut self, cx: &mut Context<'_>) -> Option<Status> {
        if self.alarm.rings(&self.call, cx) {
            return Some(self.told(deadline_exceeded));
        }
        self.drained(cx)
    }

    /// Returns why a body that always has something to send must end now. It would never come to
    /// wait, so the clock is asked instead of a timer.
    fn overdue_while_busy(&mut self, cx: &mut Context<'_>) -> Option<Status> {
        if self
            .call
            .deadline()
            .is_some_and(|deadline| deadline <= Instant::now())
        {
            return Some(self.told(deadline_exceeded));
        }
        self.drained(cx)
    }

    fn drained(&mut self, cx: &mut Context<'_>) -> Option<Status> {
        let draining = self.draining.as_mut()?;
        let ready = draining.as_mut().poll(cx).is_ready();
        ready.then(|| self.told(status::draining))
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
        self.frames = self.frames.saturating_add(1);
        if self.frames > FRAMES_OF_UNARY {
            // In one process the client polls this itself; others must have their turn.
            ready!(poll_proceed(cx)).made_progress();
            if let Some(status) = self.overdue_while_busy(cx) {
                return Poll::Ready(Some(Ok(self.end(&status))));
            }
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
    headers
        .get("grpc-status")
        .map(|code| Code::from_bytes(code.as_bytes()))
}
