//! Calls and answers that go past somebody: who calls, what is asked, what is answered, as messages.
//!
//! One inspector stands around all methods of a service, so that what it promises (nobody without a
//! right is shown a name, every look is recorded) holds for a method that is added tomorrow.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response};
use http_body::{Body as _, Frame};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::BoxFuture as Answering;

use crate::principal::Principal;

/// In front of each message: a byte that says whether it is compressed, and four that say its length.
const PREFIX_BYTES: usize = 5;

/// A call as an inspector sees it.
#[derive(Debug)]
pub struct Inspected {
    /// The method, `/package.Service/Method`.
    pub path: String,
    /// Who calls.
    pub principal: Principal,
    /// What came along.
    pub headers: HeaderMap,
    /// The request, encoded, where [`Inspector::admit`] asked for it.
    pub request: Bytes,
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It is answered, and nobody looks at the answer.
    Unseen,
    /// It is answered by one message, which is looked at.
    Message {
        /// Whether the request has to be known.
        needs_request: bool,
    },
    /// It is answered by a stream, which is looked at when it begins, and then message by message.
    Stream,
}

/// What a check answers, sometime.
pub type Checked<'a, T> = BoxFuture<'a, Result<T, Status>>;

/// Looks at calls and answers.
pub trait Inspector: Send + Sync + 'static {
    /// Decides what becomes of a call.
    ///
    /// # Errors
    /// When the call is refused.
    fn admit(&self, call: &Inspected) -> Result<Admission, Status>;

    /// Looks at the one message of an answer, or at the beginning of a stream (an empty message), and
    /// returns what the caller gets; or what refuses the answer, though the handler has run.
    fn answered<'a>(&'a self, call: &'a Inspected, message: Bytes) -> Checked<'a, Bytes>;

    /// Returns what turns each message of a stream into the one that the caller gets; nothing where they
    /// stay as they are.
    fn stream(&self, call: &Inspected) -> Option<Arc<Convert>>;
}

/// Turns a message of a stream into another.
pub type Convert = dyn Fn(&[u8]) -> Result<Vec<u8>, Status> + Send + Sync;

/// Has a call answered by `handler`, under the eyes of an inspector.
pub(crate) async fn answer<H>(
    inspector: &dyn Inspector,
    request: Request<Body>,
    handler: &H,
) -> Result<Response<Body>, Status>
where
    H: Fn(Request<Body>) -> Answering<Response<Body>, std::convert::Infallible> + ?Sized,
{
    let principal = request.extensions().get::<Principal>().cloned();
    let mut call = Inspected {
        path: request.uri().path().to_owned(),
        principal: principal.unwrap_or(Principal::Anonymous),
        headers: request.headers().clone(),
        request: Bytes::new(),
    };
    let admission = inspector.admit(&call)?;
    let needs_request = match admission {
        Admission::Unseen => false,
        Admission::Message { needs_request } => needs_request,
        Admission::Stream => true,
    };
    let request = match needs_request {
        false => request,
        true => known(&mut call, request).await?,
    };
    let Ok(response) = handler(request).await;
    // An error is told in the headers alone.
    if admission == Admission::Unseen || response.headers().contains_key("grpc-status") {
        return Ok(response);
    }
    match admission {
        Admission::Stream => {
            inspector.answered(&call, Bytes::new()).await?;
            Ok(match inspector.stream(&call) {
                None => response,
                Some(convert) => response.map(|body| Body::new(Converted::new(body, convert))),
            })
        }
        _ => one(inspector, &call, response).await,
    }
}

/// Reads the request, which is then given on as it came.
async fn known(call: &mut Inspected, request: Request<Body>) -> Result<Request<Body>, Status> {
    let (head, body) = request.into_parts();
    let (data, trailers) = gather(body).await?;
    call.request = data.slice(PREFIX_BYTES.min(data.len())..);
    let body = Body::new(Ready::new(data, trailers));
    Ok(Request::from_parts(head, body))
}

async fn one(
    inspector: &dyn Inspector,
    call: &Inspected,
    response: Response<Body>,
) -> Result<Response<Body>, Status> {
    let (head, body) = response.into_parts();
    let (data, trailers) = gather(body).await?;
    let message = match data.is_empty() {
        // The handler failed after the headers: the trailers say why.
        true => {
            return Ok(Response::from_parts(
                head,
                Body::new(Ready::new(data, trailers)),
            ));
        }
        false => data.slice(PREFIX_BYTES.min(data.len())..),
    };
    let checked = inspector.answered(call, message.clone()).await?;
    let data = match checked == message {
        true => data,
        false => framed(&checked),
    };
    Ok(Response::from_parts(
        head,
        Body::new(Ready::new(data, trailers)),
    ))
}

fn framed(message: &[u8]) -> Bytes {
    let mut framed = BytesMut::with_capacity(PREFIX_BYTES + message.len());
    push(&mut framed, message);
    framed.freeze()
}

fn push(buffer: &mut BytesMut, message: &[u8]) {
    buffer.put_u8(0);
    buffer.put_u32(u32::try_from(message.len()).expect("messages have at most 4 MiB"));
    buffer.put_slice(message);
}

/// Reads a body to its end. Its size was limited before.
async fn gather(mut body: Body) -> Result<(Bytes, Option<HeaderMap>), Status> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    let mut trailers = None;
    while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        match frame?.into_data() {
            Ok(data) if first.is_empty() => first = data,
            Ok(data) => {
                if rest.is_empty() {
                    rest.extend_from_slice(&first);
                }
                rest.extend_from_slice(&data);
            }
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
    }
    let data = if rest.is_empty() {
        first
    } else {
        rest.freeze()
    };
    Ok((data, trailers))
}

/// A body that is there already.
struct Ready(VecDeque<Frame<Bytes>>);

impl Ready {
    fn new(data: Bytes, trailers: Option<HeaderMap>) -> Self {
        let data = (!data.is_empty()).then(|| Frame::data(data));
        Self(
            data.into_iter()
                .chain(trailers.map(Frame::trailers))
                .collect(),
        )
    }
}

impl http_body::Body for Ready {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Poll::Ready(self.0.pop_front().map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }
}

/// A stream of messages, each of which is turned into another.
struct Converted {
    body: Body,
    convert: Arc<Convert>,
    /// Bytes that are no whole message yet.
    rest: BytesMut,
}

impl Converted {
    fn new(body: Body, convert: Arc<Convert>) -> Self {
        Self {
            body,
            convert,
            rest: BytesMut::new(),
        }
    }

    /// Returns the whole messages that there are now, converted.
    fn take(&mut self, data: &Bytes) -> Result<Bytes, Status> {
        self.rest.extend_from_slice(data);
        let mut converted = BytesMut::with_capacity(self.rest.len());
        while let Some(prefix) = self.rest.first_chunk::<PREFIX_BYTES>() {
            let [_, length @ ..] = *prefix;
            let end = PREFIX_BYTES + u32::from_be_bytes(length) as usize;
            if self.rest.len() < end {
                break;
            }
            let message = self.rest.split_to(end);
            push(&mut converted, &(self.convert)(&message[PREFIX_BYTES..])?);
        }
        Ok(converted.freeze())
    }
}

impl http_body::Body for Converted {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(cx));
        Poll::Ready(match frame {
            Some(Ok(frame)) => Some(match frame.into_data() {
                Ok(data) => self.take(&data).map(Frame::data),
                Err(frame) => Ok(frame),
            }),
            other => other,
        })
    }
}
