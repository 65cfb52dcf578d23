//! A stream of messages that are encoded already, in the place of a generated method: what stands
//! encoded in the database is copied, not taken apart and put together again.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::BufMut as _;
use http::{Request, Response};
use prost::Message;
use tonic::Status;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::BoxFuture;
use tonic::server::{Grpc, NamedService};
use tower::Service;

use crate::feed::ResponseStream;

/// A message as it goes over the wire, without the five bytes in front that say its length.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Encoded(pub Vec<u8>);

/// A generated server, one method of which is answered with encoded messages. All else is its own.
#[derive(Clone)]
pub struct WithEncoded<S, R> {
    server: S,
    path: &'static str,
    answer: Arc<Answer<R>>,
}

/// What answers the method.
type Answer<R> = dyn Fn(tonic::Request<R>) -> Result<ResponseStream<Encoded>, Status> + Send + Sync;

impl<S, R> WithEncoded<S, R> {
    /// Has `answer` answer the server-streaming method at `path` (`/package.Service/Method`).
    pub fn new(
        server: S,
        path: &'static str,
        answer: impl Fn(tonic::Request<R>) -> Result<ResponseStream<Encoded>, Status>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        let answer = Arc::new(answer);
        Self {
            server,
            path,
            answer,
        }
    }
}

impl<S: NamedService, R> NamedService for WithEncoded<S, R> {
    const NAME: &'static str = S::NAME;
}

impl<S, R> Service<Request<Body>> for WithEncoded<S, R>
where
    S: Service<
            Request<Body>,
            Response = Response<Body>,
            Error = Infallible,
            Future = BoxFuture<Response<Body>, Infallible>,
        >,
    R: Message + Default + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Response<Body>, Infallible>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.server.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if request.uri().path() != self.path {
            return self.server.call(request);
        }
        let answer = Arc::clone(&self.answer);
        Box::pin(async move {
            let method = tower::service_fn(move |request| {
                std::future::ready(answer(request).map(tonic::Response::new))
            });
            let mut grpc = Grpc::new(EncodedCodec(PhantomData));
            Ok(grpc.server_streaming(method, request).await)
        })
    }
}

/// Reads requests as protobuf and writes messages as they are.
struct EncodedCodec<R>(PhantomData<fn() -> R>);

impl<R: Message + Default + 'static> Codec for EncodedCodec<R> {
    type Encode = Encoded;
    type Decode = R;
    type Encoder = Copying;
    type Decoder = Parsing<R>;

    fn encoder(&mut self) -> Copying {
        Copying
    }

    fn decoder(&mut self) -> Parsing<R> {
        Parsing(PhantomData)
    }
}

struct Copying;

impl Encoder for Copying {
    type Item = Encoded;
    type Error = Status;

    fn encode(&mut self, item: Encoded, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.reserve(item.0.len());
        buffer.put_slice(&item.0);
        Ok(())
    }
}

struct Parsing<R>(PhantomData<fn() -> R>);

impl<R: Message + Default> Decoder for Parsing<R> {
    type Item = R;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<R>, Status> {
        let request = R::decode(buffer);
        request
            .map(Some)
            .map_err(|error| Status::internal(error.to_string()))
    }
}
