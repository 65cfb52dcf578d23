//! Reads the reason out of a refused call.

use tonic::{Code, Status};
use tonic_types::{ErrorInfo, StatusExt};

/// Returns the `google.rpc.ErrorInfo` of a status; every error of ours has exactly one.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn error_info(status: &Status) -> ErrorInfo {
    match status.get_details_error_info() {
        Some(info) => info,
        None => panic!(
            "wanted an ErrorInfo, found {:?}: {}",
            status.code(),
            status.message()
        ),
    }
}

/// Asserts why a call was refused, for example `assert_reason(&refused, "INSUFFICIENT_POINTS")`.
///
/// # Panics
/// When the reason is another.
#[track_caller]
pub fn assert_reason(status: &Status, reason: &str) {
    let found = error_info(status).reason;
    assert_eq!(found, reason, "{:?}: {}", status.code(), status.message());
}

/// Asserts code and reason of a refused call.
///
/// # Panics
/// When either is another.
#[track_caller]
pub fn assert_code(status: &Status, code: Code, reason: &str) {
    assert_reason(status, reason);
    assert_eq!(status.code(), code, "{}", status.message());
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn the_reason_is_read_out_of_the_details() {
        let metadata = [("needed".to_owned(), "5".to_owned())];
        let details = ErrorDetails::with_error_info("TOO_FEW", "loyalty.tenure", metadata);
        let status = Status::with_error_details(Code::FailedPrecondition, "too few", details);

        assert_code(&status, Code::FailedPrecondition, "TOO_FEW");
        assert_eq!(error_info(&status).metadata["needed"], "5");
    }

    #[test]
    #[should_panic(expected = "wanted an ErrorInfo")]
    fn a_status_without_a_reason_is_a_mistake() {
        assert_reason(&Status::internal("no details"), "ANY");
    }
}
