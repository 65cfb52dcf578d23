//! Messages that are too large, refused by their length before they are read.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tonic::Status;

use super::message_too_large;

/// A frame of gRPC starts with one byte of flags and four of length.
const PREFIX: usize = 5;

/// The body of a request, watched for the length of its messages.
pub(crate) struct Limited<B> {
    inner: B,
    limit: usize,
    prefix: Prefix,
}

impl<B> Limited<B> {
    pub(crate) fn new(inner: B, limit: usize) -> Self {
        Self {
            inner,
            limit,
            prefix: Prefix::default(),
        }
    }
}

impl<B> Body for Limited<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<tonic::codegen::StdError>,
{
    type Data = Bytes;
    type Error = tonic::codegen::StdError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = match ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
            None => return Poll::Ready(None),
        };
        let limit = self.limit;
        if let Some(data) = frame.data_ref()
            && let Err(status) = self.prefix.check(data, limit)
        {
            return Poll::Ready(Some(Err(status.into())));
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Where in the sequence of messages the body stands; chunks may be cut anywhere.
#[derive(Debug, Default)]
pub(crate) struct Prefix {
    bytes: [u8; PREFIX],
    known: usize,
    /// How much of the current message has not come yet.
    left: usize,
}

impl Prefix {
    /// Looks at the next chunk, which is refused when a message that begins in it is too large.
    pub(crate) fn check(&mut self, mut data: &[u8], limit: usize) -> Result<(), Status> {
        while !data.is_empty() {
            let skipped = self.left.min(data.len());
            self.left -= skipped;
            data = &data[skipped..];
            let taken = (PREFIX - self.known).min(data.len());
            self.bytes[self.known..self.known + taken].copy_from_slice(&data[..taken]);
            self.known += taken;
            data = &data[taken..];
            if self.known == PREFIX {
                let [_, length @ ..] = self.bytes;
                self.left = u32::from_be_bytes(length) as usize;
                self.known = 0;
                if self.left > limit {
                    return Err(message_too_large(self.left, limit));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(length: u32) -> Vec<u8> {
        let mut bytes = vec![0];
        bytes.extend(length.to_be_bytes());
        bytes.extend(vec![b'x'; length as usize]);
        bytes
    }

    #[test]
    fn a_large_message_is_found_wherever_the_body_is_cut() {
        let body = [message(3), message(0), message(9)].concat();
        for size in 1..=body.len() {
            let mut prefix = Prefix::default();
            let all: Result<(), Status> = body
                .chunks(size)
                .try_for_each(|chunk| prefix.check(chunk, 9));
            assert!(all.is_ok(), "in chunks of {size}");

            let mut prefix = Prefix::default();
            let refused = body
                .chunks(size)
                .try_for_each(|chunk| prefix.check(chunk, 8))
                .unwrap_err();
            assert_eq!(
                refused.code(),
                tonic::Code::ResourceExhausted,
                "in chunks of {size}"
            );
        }
    }
}
