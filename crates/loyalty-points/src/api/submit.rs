//! The way of every write: to its committer and back, once per request id.

use std::sync::Arc;

use tenure_core::{Violation, Violations};
use tenure_proto::loyalty::v1 as pb;
use tenure_rpc::{Fingerprint, RequestError, call};

use super::operations::Operation;
use super::reward::Met;
use super::{convert, parse, reward};
use crate::Shared;
use crate::domain::{Catalogue, Decision, Method, Order, Record, Request};
use crate::error::Error;

/// What a request is read with, and what was found wrong with it.
pub(super) struct Reading<'r> {
    pub(super) shared: &'r Shared,
    pub(super) catalogue: &'r Catalogue,
    /// What was read before, for orders of rewards.
    pub(super) met: &'r Met,
    pub(super) violations: Violations,
}

/// What an answer depends on beside the decision.
pub(super) struct Asked {
    method: Method,
    fingerprint: Fingerprint,
    /// The full name of the message.
    name: &'static str,
}

/// What a write did, and whether it was done for an earlier call.
pub(super) struct Done {
    record: Arc<Record>,
    pub(super) replayed: bool,
}

impl Done {
    /// Returns the account that was opened.
    pub(super) fn account(&self) -> Option<pb::Account> {
        match &*self.record {
            Record::Opened(opened) => Some(convert::opened(opened)),
            Record::Entry(_) | Record::Refused(_) | Record::Notice(_) | Record::Stock(_) => None,
        }
    }

    /// Returns the entry that was written.
    pub(super) fn entry(&self) -> Option<pb::Entry> {
        self.record.entry().map(convert::entry)
    }

    /// Returns the hold as the entry left it.
    pub(super) fn hold(&self) -> Option<pb::Hold> {
        self.record.entry().and_then(convert::hold_after)
    }

    /// Returns the order of a reward as the entry left it.
    pub(super) fn order(&self) -> Option<pb::RewardOrder> {
        self.record.entry().and_then(reward::order_after)
    }

    /// Returns the points that were available then.
    pub(super) fn available_points(&self) -> i64 {
        self.record.entry().map_or(0, |entry| entry.available)
    }
}

/// Does one write.
pub(super) async fn submit<O: Operation>(shared: &Shared, message: O) -> Result<O::Answer, Error> {
    let known = shared.rules.known(&shared.db, shared.clock.now()).await?;
    submit_under(shared, &known, message).await
}

/// Does one write under rules that the caller chose.
pub(super) async fn submit_under<O: Operation>(
    shared: &Shared,
    catalogue: &Catalogue,
    message: O,
) -> Result<O::Answer, Error> {
    let (order, asked) = prepare(shared, catalogue, &message, &Met::default())?;
    let decision = shared.committers.commit(order, call::deadline()).await?;
    answer(&asked, decision).map(|done| O::answer(&done))
}

/// Does one write about an order of a reward.
pub(super) async fn submit_with<O: Operation>(
    shared: &Shared,
    met: &Met,
    message: O,
) -> Result<O::Answer, Error> {
    let known = shared.rules.known(&shared.db, shared.clock.now()).await?;
    let (order, asked) = prepare(shared, &known, &message, met)?;
    let decision = shared.committers.commit(order, call::deadline()).await?;
    answer(&asked, decision).map(|done| O::answer(&done))
}

/// Makes an order of a message; its answer is read with what comes along.
pub(super) fn prepare<O: Operation>(
    shared: &Shared,
    catalogue: &Catalogue,
    message: &O,
    met: &Met,
) -> Result<(Order, Asked), Error> {
    let mut violations = Violations::new();
    let request = parse::request_id(&mut violations, message.request_id());
    let account = parse::account(&mut violations, message.account_id());
    let mut reading = Reading {
        shared,
        catalogue,
        met,
        violations,
    };
    let command = message.command(&mut reading);
    let parsed = || Some((request?, account?, command?));
    let (id, account, command) = parse::all(reading.violations, parsed())?;
    let asked = Asked {
        method: O::METHOD,
        fingerprint: Fingerprint::of(message),
        name: O::MESSAGE_NAME,
    };
    let request = Request {
        id,
        method: O::METHOD,
        fingerprint: asked.fingerprint.as_bytes().into(),
    };
    let order = Order {
        lane: shared.lane(account.as_str()),
        account,
        request: Some(Arc::new(request)),
        command,
    };
    Ok((order, asked))
}

/// Reads the answer to a write from its decision.
pub(super) fn answer(asked: &Asked, decision: Decision) -> Result<Done, Error> {
    let (answer, replayed) = match decision {
        Decision::New(answer) => (answer, false),
        Decision::Repeated(answer) => (answer, true),
        Decision::Reused { first } => return Err(reused(&first, asked)),
        Decision::ExpiresInThePast => {
            return Err(Error::from(vec![Violation {
                field: "expire_time".to_owned(),
                wanted: "an instant in the future".to_owned(),
                found: "one that has passed".to_owned(),
            }]));
        }
    };
    let record = answer?;
    Ok(Done { record, replayed })
}

fn reused(first: &Request, asked: &Asked) -> Error {
    if first.method != asked.method {
        return RequestError::RequestIdReused(vec!["method".to_owned()]).into();
    }
    let first = Fingerprint::from_bytes(&first.fingerprint);
    match first.check(&asked.fingerprint, asked.name) {
        Err(error) => error.into(),
        Ok(()) => Error::Internal("a request id was called reused that was not"),
    }
}
