//! A handler at work: as part of its call, until its deadline, and whatever it does.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::Sleep;
use tonic::Status;
use tracing::Span;

use super::{Answer, deadline_exceeded, panicked};
use crate::call::{CURRENT, Call};

/// A handler, which stands on the heap: hyper and tokio move what they run about ten times, and a
/// thousand calls that wait should fit into the caches (measured: 50 KB were moved for a call).
pub(super) struct Handled<'h> {
    work: Pin<Box<dyn Future<Output = Answer> + Send + 'h>>,
    call: Call,
    span: Span,
    alarm: Alarm,
}

impl<'h> Handled<'h> {
    pub(super) fn new(
        work: impl Future<Output = Answer> + Send + 'h,
        call: &Call,
        span: &Span,
    ) -> Self {
        Self {
            work: Box::pin(work),
            call: call.clone(),
            span: span.clone(),
            alarm: Alarm::default(),
        }
    }
}

impl Future for Handled<'_> {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        let this = &mut *self;
        let work = this.work.as_mut();
        match within(&this.call, &this.span, || work.poll(cx)) {
            Ok(Poll::Pending) if this.alarm.rings(&this.call, cx) => {
                let overdue = CURRENT.sync_scope(this.call.clone(), deadline_exceeded);
                Poll::Ready(Err(overdue))
            }
            Ok(poll) => poll,
            Err(status) => Poll::Ready(Err(status)),
        }
    }
}

/// Tells somebody who waits that the deadline has passed. Its timer is made when it is first asked:
/// many never have to wait.
#[derive(Default)]
pub(super) struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Returns true once the deadline of `call` has passed; wakes whoever asks until then.
    pub(super) fn rings(&mut self, call: &Call, cx: &mut Context<'_>) -> bool {
        let Some(deadline) = call.deadline() else {
            return false;
        };
        let sleep = || Box::pin(tokio::time::sleep_until(deadline));
        self.0
            .get_or_insert_with(sleep)
            .as_mut()
            .poll(cx)
            .is_ready()
    }
}

/// Does something in the name of a call; a panic becomes `INTERNAL`.
pub(super) fn within<T>(call: &Call, span: &Span, work: impl FnOnce() -> T) -> Result<T, Status> {
    CURRENT.sync_scope(call.clone(), || {
        let _entered = span.enter();
        let caught = std::panic::catch_unwind(AssertUnwindSafe(work));
        caught.map_err(|panic| panicked(&*panic))
    })
}
