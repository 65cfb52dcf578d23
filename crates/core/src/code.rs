//! Why a call was refused, in words a machine can act on.

use crate::violation::Violation;

/// The canonical codes we use, each with one meaning; `rpc` maps them to gRPC status codes one to
/// one. The set is small on purpose: what varies is said by the reason, not by the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The request itself is wrong; sending it again will not help.
    InvalidArgument,
    /// The thing named does not exist.
    NotFound,
    /// What was to be created is there already, or its unique name is taken.
    AlreadyExists,
    /// The request is fine, but the state of the thing forbids it.
    FailedPrecondition,
    /// Somebody else was faster: read again, then try the whole again.
    Aborted,
    /// A position that was valid once lies outside what is kept.
    OutOfRange,
    /// A quota or size limit is used up.
    ResourceExhausted,
    /// Nobody proved who is calling.
    Unauthenticated,
    /// The caller may not do this.
    PermissionDenied,
    /// Not now: overloaded, draining, or a dependency is down. The only code to retry blindly.
    Unavailable,
    /// The deadline passed; the outcome of a write is unknown. Repeat it with the same request id.
    DeadlineExceeded,
    /// Our mistake. The message names a correlation id and nothing else.
    Internal,
}

impl ErrorCode {
    /// Returns the number of the equal gRPC status code.
    #[must_use]
    pub fn number(self) -> i32 {
        match self {
            Self::InvalidArgument => 3,
            Self::DeadlineExceeded => 4,
            Self::NotFound => 5,
            Self::AlreadyExists => 6,
            Self::PermissionDenied => 7,
            Self::ResourceExhausted => 8,
            Self::FailedPrecondition => 9,
            Self::Aborted => 10,
            Self::OutOfRange => 11,
            Self::Internal => 13,
            Self::Unavailable => 14,
            Self::Unauthenticated => 16,
        }
    }
}

/// An error that knows how it is answered. Each service's `Error` implements it; `rpc` turns any
/// implementation into a status with `google.rpc.ErrorInfo`, in one place.
pub trait Coded: std::error::Error + Send + Sync + 'static {
    /// Returns the canonical code.
    fn code(&self) -> ErrorCode;

    /// Returns the value of the package's `ErrorReason` enum, for example `INSUFFICIENT_POINTS`.
    fn reason(&self) -> &'static str;

    /// Returns what varies in the message, as key and value. Keys, once shown, never vanish. No
    /// personal data.
    fn metadata(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Returns the fields that are wrong, when the request itself is.
    fn violations(&self) -> &[Violation] {
        &[]
    }
}
