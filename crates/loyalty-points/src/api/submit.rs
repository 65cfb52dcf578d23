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

/// What an answer depends on beside the decision.
pub(super) struct Asked {
    method: Method,
    fingerprint: Fingerprint,
    /// The name of the message in the package.
    message: &'static str,
}

/// Makes an order of a write that was parsed of `message`, which is called `name` in the package;
/// its answer is read with what comes along.
pub(super) fn prepare<M: Message>(
    shared: &Shared,
    message: &M,
    name: &'static str,
    write: Write,
) -> (Order, Asked) {
    let fingerprint = Fingerprint::of(message, REQUEST_ID_FIELD);
    let request = Request {
        id: write.request,
        method: write.method,
        fingerprint: fingerprint.as_bytes().into(),
    };
    let asked = Asked {
        method: write.method,
        fingerprint,
        message: name,
    };
    let order = Order {
        lane: shared.lane(write.account.as_str()),
        account: write.account,
        request: Some(Arc::new(request)),
        command: write.command,
    };
    (order, asked)
}

/// Has a write decided and made durable; returns what it wrote down, and whether that was done for
/// an earlier call.
pub(super) async fn submit<M: Message>(
    shared: &Shared,
    message: &M,
    name: &'static str,
    write: Write,
) -> Result<(Arc<Record>, bool), Error> {
    let (order, asked) = prepare(shared, message, name, write);
    answer(
        &asked,
        shared.committers.commit(order, call::deadline()).await?,
    )
}

/// Reads the answer to a write from its decision.
pub(super) fn answer(asked: &Asked, decision: Decision) -> Result<(Arc<Record>, bool), Error> {
    match decision {
        Decision::New(answer) => Ok((answer?, false)),
        Decision::Repeated(answer) => Ok((answer?, true)),
        Decision::Reused { first } => Err(reused(&first, asked)),
        Decision::ExpiresInThePast => Err(Error::from(vec![Violation {
            field: "expire_time".to_owned(),
            wanted: "an instant in the future".to_owned(),
            found: "one that has passed".to_owned(),
        }])),
    }
}

fn reused(first: &Request, asked: &Asked) -> Error {
    if first.method != asked.method {
        return RequestError::RequestIdReused(vec!["method".to_owned()]).into();
    }
    let first = Fingerprint::from_bytes(&first.fingerprint);
    match first.check(
        &asked.fingerprint,
        &format!("tenure.loyalty.v1.{}", asked.message),
    ) {
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
