//! The stored answer of a write: what a repeat with the same request id gets.

use bytes::Bytes;
use prost::Message;
use tenure_core::{Coded, ErrorCode};
use tenure_proto::WriteRequest;
use tonic::{Code, Status};

use crate::Fingerprint;
use crate::status::{internal, to_status};

/// The first byte of the stored form says what follows.
const ANSWER: u8 = 0;
const REFUSAL: u8 = 1;

/// The first answer to a request: the response, or why the service refused.
#[derive(Debug, Clone)]
pub struct StoredAnswer(Result<Vec<u8>, Status>);

/// A stored answer that cannot be read: written by a newer version, or damaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the stored answer cannot be read: {0}")]
pub struct UnreadableAnswer(String);

impl StoredAnswer {
    /// Creates what is stored of an answer in the domain of a service: nothing of a refusal that
    /// [`Self::refusal`] does not store.
    #[must_use]
    pub fn of<M: Message, E: Coded>(answered: &Result<M, E>, domain: &str) -> Option<Self> {
        match answered {
            Ok(response) => Some(Self::response(response)),
            Err(error) => Self::refusal(error, domain),
        }
    }

    /// Creates the answer `response`.
    #[must_use]
    pub fn response<M: Message>(response: &M) -> Self {
        Self(Ok(response.encode_to_vec()))
    }

    /// Creates the answer of a refusal in the domain of a service, or nothing when it is not one to
    /// store: a request that is wrong, overload, deadlines and our own mistakes may be answered
    /// otherwise the next time.
    #[must_use]
    pub fn refusal(error: &dyn Coded, domain: &str) -> Option<Self> {
        is_final(error.code()).then(|| Self(Err(to_status(error, domain))))
    }

    /// Returns the stored form.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match &self.0 {
            Ok(response) => tagged(ANSWER, response),
            Err(status) => {
                let refusal = tonic_types::pb::Status {
                    code: i32::from(status.code()),
                    message: status.message().to_owned(),
                    details: details(status),
                };
                tagged(REFUSAL, &refusal.encode_to_vec())
            }
        }
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// When `bytes` are not the stored form of an answer.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, UnreadableAnswer> {
        match bytes.split_first() {
            Some((&ANSWER, response)) => Ok(Self(Ok(response.to_vec()))),
            Some((&REFUSAL, refusal)) => {
                let refusal = tonic_types::pb::Status::decode(refusal)
                    .map_err(|error| UnreadableAnswer(error.to_string()))?;
                let details = Bytes::from(refusal.encode_to_vec());
                let code = Code::from(refusal.code);
                Ok(Self(Err(Status::with_details(
                    code,
                    refusal.message,
                    details,
                ))))
            }
            Some((kind, _)) => Err(UnreadableAnswer(format!("unknown kind {kind}"))),
            None => Err(UnreadableAnswer("it is empty".to_owned())),
        }
    }

    /// Returns the answer as the method answered it.
    ///
    /// # Errors
    /// The refusal, when the first answer was one; `INTERNAL` when the response cannot be read.
    pub fn to_result<M: Message + Default>(&self) -> Result<M, Status> {
        let response = self.0.as_ref().map_err(Clone::clone)?;
        M::decode(response.as_slice())
            .map_err(|error| internal(&crate::call::domain(), &format!("stored answer: {error}")))
    }

    /// Returns the answer to a repeated request in the domain of a service: the one that is stored for the
    /// request with its request id, marked as replayed. `repeated` and `first` are the fingerprints of the
    /// two.
    ///
    /// # Errors
    /// `REQUEST_ID_REUSED` when the two requests differ; the refusal, when the first answer was one;
    /// `INTERNAL` when it cannot be read.
    pub fn repeat<W: WriteRequest>(
        repeated: &Fingerprint,
        first: &Fingerprint,
        stored: &[u8],
        domain: &str,
    ) -> Result<W::Answer, Status> {
        first
            .check(repeated, W::MESSAGE_NAME)
            .map_err(|reused| to_status(&reused, domain))?;
        let stored = Self::from_bytes(stored)
            .map_err(|unreadable| internal(domain, &unreadable.to_string()))?;
        let mut answer = stored.to_result()?;
        W::mark_replayed(&mut answer);
        Ok(answer)
    }
}

/// Returns true for the codes of business refusals, which are facts about the state that the
/// request met.
#[must_use]
pub fn is_final(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::FailedPrecondition | ErrorCode::NotFound | ErrorCode::AlreadyExists
    )
}

fn details(status: &Status) -> Vec<prost_types::Any> {
    tonic_types::pb::Status::decode(status.details())
        .map(|status| status.details)
        .unwrap_or_default()
}

fn tagged(tag: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + payload.len());
    bytes.push(tag);
    bytes.extend_from_slice(payload);
    bytes
}
