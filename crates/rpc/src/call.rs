//! The call being served: its deadline, its correlation id, its trace.
//!
//! [`crate::layers`] sets it around every handler and [`crate::transport`] passes it on to the
//! services that the handler calls, so that neither has to carry it in arguments.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tenure_core::hash::mix64;
use tokio::time::Instant;

/// The header that carries the caller's own name of a call.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The header of W3C trace context.
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The longest `x-request-id` that is echoed; longer ones are ignored.
const REQUEST_ID_LENGTH_MAX: usize = 64;

/// The longest `traceparent` that is handed on: version 0 has 55 bytes, later ones may have more.
const TRACEPARENT_LENGTH_MAX: usize = 128;

tokio::task_local! {
    pub(crate) static CURRENT: Call;
}

/// What is known of one call. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Call(Arc<Facts>);

#[derive(Debug)]
struct Facts {
    deadline: Option<Instant>,
    number: u64,
    domain: Arc<str>,
    request_id: Option<HeaderValue>,
    traceparent: Option<HeaderValue>,
}

impl Call {
    pub(crate) fn read(headers: &HeaderMap, deadline: Option<Instant>, domain: Arc<str>) -> Self {
        let request_id = headers
            .get(REQUEST_ID)
            .filter(|id| id.len() <= REQUEST_ID_LENGTH_MAX);
        Self(Arc::new(Facts {
            deadline,
            number: COUNT.fetch_add(1, Ordering::Relaxed),
            domain,
            request_id: request_id.cloned(),
            traceparent: headers
                .get(TRACEPARENT)
                .filter(|context| context.len() <= TRACEPARENT_LENGTH_MAX)
                .cloned(),
        }))
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.0.deadline
    }

    pub(crate) fn request_id(&self) -> Option<&HeaderValue> {
        self.0.request_id.as_ref()
    }

    /// Returns the name of this call for the services it calls: the same everywhere.
    pub(crate) fn request_id_header(&self) -> HeaderValue {
        let fresh = || HeaderValue::try_from(correlation(self.0.number));
        self.request_id()
            .cloned()
            .unwrap_or_else(|| fresh().expect("hexadecimal digits"))
    }

    pub(crate) fn traceparent(&self) -> Option<&HeaderValue> {
        self.0.traceparent.as_ref()
    }

    pub(crate) fn correlation_id(&self) -> String {
        match self.0.request_id.as_ref().map(HeaderValue::to_str) {
            Some(Ok(id)) if !id.is_empty() => id.to_owned(),
            _ => correlation(self.0.number),
        }
    }
}

/// Returns the instant at which the call being served has to be answered, or nothing outside of
/// one.
#[must_use]
pub fn deadline() -> Option<Instant> {
    CURRENT.try_with(Call::deadline).ok().flatten()
}

/// Returns how much time is left for the call being served, or nothing outside of one.
#[must_use]
pub fn remaining() -> Option<Duration> {
    deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()))
}

/// Returns the name under which the call being served is found in the log: the caller's
/// `x-request-id` if it sent one, or one of our own.
#[must_use]
pub fn correlation_id() -> String {
    let fresh = || correlation(COUNT.fetch_add(1, Ordering::Relaxed));
    CURRENT
        .try_with(Call::correlation_id)
        .unwrap_or_else(|_| fresh())
}

/// Returns the domain of the service being called, for errors that are told in its name.
pub(crate) fn domain() -> Arc<str> {
    CURRENT
        .try_with(|call| call.0.domain.clone())
        .unwrap_or_else(|_| Arc::from(crate::status::DOMAIN))
}

static COUNT: AtomicU64 = AtomicU64::new(0);

fn correlation(number: u64) -> String {
    format!("{:016x}", mix64(process_seed().wrapping_add(number)))
}

/// Returns a number that differs between processes, for correlation ids and for the jitter of
/// retries. The standard library's hasher is seeded by the operating system; nothing that is stored
/// or decided depends on it.
pub(crate) fn process_seed() -> u64 {
    static SEED: OnceLock<u64> = OnceLock::new();
    *SEED.get_or_init(|| RandomState::new().hash_one(0_u8))
}
