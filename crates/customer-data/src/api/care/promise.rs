//! Promises that are recorded, kept, broken and withdrawn.

use tenure_core::{CustomerId, PromiseId, RequestId, Timestamp, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields;
use tonic::Status;

use crate::api::once::{Begun, Write, begin};
use crate::api::{parse, show};
use crate::domain::book::Owned;
use crate::domain::complaint::REASON_LENGTH_MAX;
use crate::domain::{Promise, Refusal, Touched, limits, text};
use crate::{Deps, Error};

/// Which promise.
struct Which {
    request: RequestId,
    customer: CustomerId,
    promise: PromiseId,
}

impl Which {
    fn parse(
        violations: &mut Violations,
        (request_id, customer, promise): (&str, &str, &str),
    ) -> Option<Self> {
        let request = fields::request_id(violations, request_id);
        let customer = violations.take("customer_id", CustomerId::parse(customer));
        let promise = violations.take("promise_id", PromiseId::parse(promise));
        Some(Self {
            request: request?,
            customer: customer?,
            promise: promise?,
        })
    }

    /// Settles the promise in a book of its own; `kept_at` is when it was kept, if it was.
    async fn settle(
        &self,
        write: &mut Write,
        kept_at: Option<Timestamp>,
        settle: impl FnOnce(&mut Promise, Timestamp) -> Result<(), Refusal>,
    ) -> Result<Option<wire::Promise>, Error> {
        let mut touched = Touched::default();
        touched.customers.insert(self.customer.clone());
        let key = (self.customer.clone(), self.promise.clone());
        touched.promises.insert(key);
        let mut book = write.open(&touched).await?;
        let settled = book.settle_promise(&self.customer, &self.promise, kept_at, settle);
        let settled = settled.map_err(|refusal| Error::refused(refusal, ""))?;
        write.save(book).await?;
        Ok(Some(show::promise(&settled)))
    }
}

pub(super) async fn record(
    deps: &Deps,
    request: &wire::RecordPromiseRequest,
) -> Result<wire::RecordPromiseResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let wire = fields::required(&mut violations, "promise", request.promise.as_ref());
    let now = deps.clock.now();
    let promise = violations.within("promise.", |inner| parse::promise(inner, wire?, now));
    violations.into_result().map_err(Error::from)?;
    let (id, promise) = id.zip(promise).expect("what is missing is a violation");
    let mut write = match begin(deps, id, request).await? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let recorded = record_in(&mut write, promise).await;
    let recorded = recorded.map(|promise| wire::RecordPromiseResponse {
        promise,
        replayed: false,
    });
    write.finish(recorded).await
}

async fn record_in(write: &mut Write, promise: Promise) -> Result<Option<wire::Promise>, Error> {
    let mut touched = Touched::default();
    touched.customers.insert(promise.customer.clone());
    touched.complaint_of(&promise.customer, promise.complaint.as_ref());
    touched
        .claimed
        .insert((Owned::Promise, promise.id.as_str().into()));
    let mut book = write.open(&touched).await?;
    let recorded = book.record_promise(promise);
    let recorded = recorded.map_err(|refusal| Error::refused(refusal, "promise."))?;
    write.save(book).await?;
    Ok(Some(show::promise(&recorded)))
}

pub(super) async fn keep(
    deps: &Deps,
    request: &wire::KeepPromiseRequest,
) -> Result<wire::KeepPromiseResponse, Status> {
    let mut violations = Violations::new();
    let which = (
        &*request.request_id,
        &*request.customer_id,
        &*request.promise_id,
    );
    let which = Which::parse(&mut violations, which);
    let at = request.keep_time.as_ref();
    let at = fields::optional_time(&mut violations, "keep_time", at);
    limits::check_happened(&mut violations, "keep_time", at, deps.clock.now());
    violations.into_result().map_err(Error::from)?;
    let which = which.expect("what is missing is a violation");
    let mut write = match begin(deps, which.request, request).await? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let at = at.unwrap_or(write.now);
    let kept = which.settle(&mut write, Some(at), |promise, now| promise.keep(at, now));
    let answer = kept.await.map(|promise| wire::KeepPromiseResponse {
        promise,
        replayed: false,
    });
    write.finish(answer).await
}

pub(super) async fn break_off(
    deps: &Deps,
    request: &wire::BreakPromiseRequest,
) -> Result<wire::BreakPromiseResponse, Status> {
    let mut violations = Violations::new();
    let which = (
        &*request.request_id,
        &*request.customer_id,
        &*request.promise_id,
    );
    let which = Which::parse(&mut violations, which);
    let reason = text::parse(&request.reason_code, REASON_LENGTH_MAX);
    let reason = violations.take("reason_code", reason);
    violations.into_result().map_err(Error::from)?;
    let (which, reason) = which.zip(reason).expect("what is missing is a violation");
    let mut write = match begin(deps, which.request, request).await? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let broken = which.settle(&mut write, None, |promise, now| {
        promise.break_off(reason, now)
    });
    let answer = broken.await.map(|promise| wire::BreakPromiseResponse {
        promise,
        replayed: false,
    });
    write.finish(answer).await
}

pub(super) async fn withdraw(
    deps: &Deps,
    request: &wire::WithdrawPromiseRequest,
) -> Result<wire::WithdrawPromiseResponse, Status> {
    let mut violations = Violations::new();
    let which = (
        &*request.request_id,
        &*request.customer_id,
        &*request.promise_id,
    );
    let which = Which::parse(&mut violations, which);
    let reason = text::parse(&request.reason_code, REASON_LENGTH_MAX);
    let reason = violations.take("reason_code", reason);
    violations.into_result().map_err(Error::from)?;
    let (which, reason) = which.zip(reason).expect("what is missing is a violation");
    let mut write = match begin(deps, which.request, request).await? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let withdrawn = which.settle(&mut write, None, |promise, now| {
        promise.withdraw(reason, now)
    });
    let answer = withdrawn
        .await
        .map(|promise| wire::WithdrawPromiseResponse {
            promise,
            replayed: false,
        });
    write.finish(answer).await
}
