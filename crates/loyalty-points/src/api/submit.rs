//! The way of every write: to its committer and back, once per request id.

use std::sync::Arc;

use prost::Message;
use tenure_core::{AccountId, RequestId, Violation};
use tenure_rpc::{Fingerprint, RequestError, call};

use crate::Shared;
use crate::domain::{Command, Decision, Entry, Method, Order, Record, Request};
use crate::error::Error;

/// The number of `request_id` in every request that writes.
const REQUEST_ID_FIELD: u32 = 1;

/// What was parsed of a write.
pub(super) struct Write {
    pub(super) request: RequestId,
    pub(super) account: AccountId,
    pub(super) method: Method,
    pub(super) command: Command,
}

/// Has a write decided and made durable; returns what it wrote down, and whether that was done for
/// an earlier call. `name` is the name of the message in the package.
pub(super) async fn submit<M: Message>(
    shared: &Shared,
    message: &M,
    name: &str,
    write: Write,
) -> Result<(Arc<Record>, bool), Error> {
    let fingerprint = Fingerprint::of(message, REQUEST_ID_FIELD);
    let request = Request {
        id: write.request,
        method: write.method,
        fingerprint: fingerprint.as_bytes().into(),
    };
    let order = Order {
        lane: shared.lane(write.account.as_str()),
        account: write.account,
        request: Some(Arc::new(request)),
        command: write.command,
    };
    match shared.committers.commit(order, call::deadline()).await? {
        Decision::New(answer) => Ok((answer?, false)),
        Decision::Repeated(answer) => Ok((answer?, true)),
        Decision::Reused { first } => Err(reused(&first, write.method, &fingerprint, name)),
        Decision::ExpiresInThePast => Err(Error::from(vec![Violation {
            field: "expire_time".to_owned(),
            wanted: "an instant in the future".to_owned(),
            found: "one that has passed".to_owned(),
        }])),
    }
}

fn reused(first: &Request, method: Method, fingerprint: &Fingerprint, name: &str) -> Error {
    if first.method != method {
        return RequestError::RequestIdReused(vec!["method".to_owned()]).into();
    }
    let first = Fingerprint::from_bytes(&first.fingerprint);
    match first.check(fingerprint, &format!("tenure.loyalty.v1.{name}")) {
        Err(error) => error.into(),
        Ok(()) => Error::Internal("a request id was called reused that was not"),
    }
}

/// Returns the entry in the answer to a write that moves points.
pub(super) fn entry(record: &Record) -> Result<&Entry, Error> {
    match record {
        Record::Entry(entry) => Ok(entry),
        Record::Opened(_) | Record::Refused(_) => {
            Err(Error::Internal("points moved without an entry"))
        }
    }
}
