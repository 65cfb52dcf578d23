//! Statuses that the framework made and not a service: they say nothing that a program can act on.

use http::{HeaderMap, HeaderName};
use tenure_core::ErrorCode;
use tonic::Status;

use crate::{call, status};

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");

/// How the messages of a request begin that tonic could not read, so that no handler saw it.
const UNREADABLE: [&str; 3] = [
    "failed to decode Protobuf message",
    "Missing request message",
    "Unexpected EOF decoding stream",
];

/// Returns true for an `INTERNAL` without details. Those of services have details.
pub(crate) fn is_foreign(headers: &HeaderMap) -> bool {
    headers.get(STATUS).is_some_and(|code| code == "13") && !headers.contains_key(DETAILS)
}

/// Returns what to answer instead of the status in `headers`, when it is foreign: bytes that are not
/// a message are the caller's mistake, everything else is ours. What was in the bytes is not told.
pub(crate) fn replaced(headers: &HeaderMap) -> Option<Status> {
    if !is_foreign(headers) {
        return None;
    }
    let found = Status::from_header_map(headers)?;
    let unreadable = UNREADABLE
        .iter()
        .any(|beginning| found.message().starts_with(beginning));
    Some(if unreadable {
        let message = "the request cannot be decoded as the message of this method";
        status::of_the_edge(ErrorCode::InvalidArgument, "INVALID_FIELDS", message)
    } else {
        status::internal(&call::domain(), found.message())
    })
}
