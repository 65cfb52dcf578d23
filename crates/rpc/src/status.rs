//! Errors on the wire: one canonical code, one `google.rpc.ErrorInfo`, and what else helps.

use std::collections::HashMap;
use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;

use tenure_core::{Coded, ErrorCode, Violation};
use tenure_proto::r#type::v1::ItemError;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use crate::call;

/// The domain of what this crate answers itself (deadlines, overload, panics) where it does not
/// answer in the name of a service of ours.
pub const DOMAIN: &str = "rpc.tenure";

/// How many violations one status lists. Details travel in trailers, and header lists have a limit
/// of some kilobytes on the way.
pub const VIOLATIONS_MAX: usize = 50;

/// How long a caller waits before it tries again what was `UNAVAILABLE`.
pub const RETRY_DELAY: Duration = Duration::from_millis(RETRY_DELAY_MS);
pub(crate) const RETRY_DELAY_MS: u64 = 200;

/// The longest text of one metadata value, violation or message, in bytes.
const TEXT_LENGTH_MAX: usize = 400;

/// Turns errors of a service into statuses.
pub trait IntoStatus {
    /// Returns the status of this error in the domain of a service, for example
    /// `loyalty.tenure`.
    fn into_status(self, domain: &str) -> Status;
}

impl<E: Coded> IntoStatus for E {
    fn into_status(self, domain: &str) -> Status {
        to_status(&self, domain)
    }
}

/// Returns the status of `error` in the domain of a service, for example `loyalty.tenure`.
///
/// What is `INTERNAL` is logged here, once, with all its causes; the caller learns a correlation id
/// and nothing else.
#[must_use]
pub fn to_status(error: &dyn Coded, domain: &str) -> Status {
    let code = error.code();
    if code == ErrorCode::Internal {
        return internal(domain, &chain(error));
    }
    let metadata: HashMap<String, String> = error
        .metadata()
        .into_iter()
        .map(|(key, value)| (key.to_owned(), short(&value)))
        .collect();
    let message = short(&error.to_string());
    build(
        code,
        &message,
        domain,
        error.reason(),
        metadata,
        error.violations(),
    )
}

/// Returns what [`to_status`] says, for one item of a batch.
#[must_use]
pub fn to_item_error(error: &dyn Coded, domain: &str) -> ItemError {
    let status = to_status(error, domain);
    let info = status.get_error_details().error_info().cloned();
    let (reason, metadata) = info.map(|it| (it.reason, it.metadata)).unwrap_or_default();
    ItemError {
        code: error.code().number(),
        reason,
        message: status.message().to_owned(),
        metadata,
    }
}

/// Returns the status of a request whose fields are wrong.
#[must_use]
pub fn violations_status(domain: &str, violations: &[Violation]) -> Status {
    let message = describe(violations);
    let code = ErrorCode::InvalidArgument;
    build(
        code,
        &message,
        domain,
        "INVALID_FIELDS",
        HashMap::new(),
        violations,
    )
}

/// Returns a status with an `ErrorInfo` for what this crate answers itself, in the domain of the
/// service being called.
pub(crate) fn of_the_edge(code: ErrorCode, reason: &str, message: &str) -> Status {
    build(code, message, &call::domain(), reason, HashMap::new(), &[])
}

/// Returns the status that ends a stream when the server goes away. The client reconnects with the
/// last resume token it saw.
#[must_use]
pub fn draining() -> Status {
    of_the_edge(
        ErrorCode::Unavailable,
        "SERVER_DRAINING",
        "the server is draining, reconnect",
    )
}

/// Logs `cause` under a correlation id and returns the status that names only the id.
pub(crate) fn internal(domain: &str, cause: &str) -> Status {
    let id = call::correlation_id();
    tracing::error!(correlation_id = %id, error = %cause, "internal error {id}");
    let metadata = HashMap::from([("correlation_id".to_owned(), id.clone())]);
    let message = format!("internal error {id}");
    build(
        ErrorCode::Internal,
        &message,
        domain,
        "INTERNAL_ERROR",
        metadata,
        &[],
    )
}

fn build(
    code: ErrorCode,
    message: &str,
    domain: &str,
    reason: &str,
    metadata: HashMap<String, String>,
    violations: &[Violation],
) -> Status {
    let mut details = ErrorDetails::with_error_info(reason, domain, metadata);
    if !violations.is_empty() {
        details.set_bad_request(
            violations
                .iter()
                .take(VIOLATIONS_MAX)
                .map(field_violation)
                .collect::<Vec<_>>(),
        );
    }
    if code == ErrorCode::Unavailable {
        details.set_retry_info(Some(RETRY_DELAY));
    }
    Status::with_error_details(Code::from(code.number()), message, details)
}

fn field_violation(violation: &Violation) -> FieldViolation {
    let description = format!("wanted {}, found {}", violation.wanted, violation.found);
    FieldViolation::new(short(&violation.field), short(&description))
}

/// Returns one line about `violations`: the first ones, and how many more there are.
#[must_use]
pub fn describe(violations: &[Violation]) -> String {
    let shown = 3;
    let mut text = String::new();
    for violation in violations.iter().take(shown) {
        let separator = if text.is_empty() { "" } else { "; " };
        let _ = write!(text, "{separator}{violation}");
    }
    let mut text = short(&text);
    if violations.len() > shown {
        let _ = write!(text, "; and {} more", violations.len() - shown);
    }
    if violations.len() > VIOLATIONS_MAX {
        let _ = write!(text, " (the first {VIOLATIONS_MAX} are listed)");
    }
    text
}

/// Returns `error` and all its causes in one line.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

fn short(text: &str) -> String {
    if text.len() <= TEXT_LENGTH_MAX {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(TEXT_LENGTH_MAX);
    format!("{}...", &text[..end])
}

/// Returns the reason of a status that a service of ours answered.
#[must_use]
pub fn reason(status: &Status) -> Option<String> {
    status.get_details_error_info().map(|info| info.reason)
}

/// Returns the value of one metadata key of the `ErrorInfo` of `status`.
#[must_use]
pub fn metadata(status: &Status, key: &str) -> Option<String> {
    status
        .get_details_error_info()
        .and_then(|mut info| info.metadata.remove(key))
}
