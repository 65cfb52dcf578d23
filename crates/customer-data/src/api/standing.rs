//! Subscriptions that are suspended, resumed or given to another customer.

use tenure_core::{CustomerId, RequestId, SubscriptionId, Timestamp, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields;
use tonic::Status;

use super::once::{Begun, Write, begin};
use super::{parse, show};
use crate::domain::{Book, Refusal, Subscription, Touched, limits};
use crate::{Deps, Error};

/// Which subscription, and since when.
struct Which {
    request: RequestId,
    customer: CustomerId,
    subscription: SubscriptionId,
    at: Timestamp,
}

impl Which {
    fn parse(
        violations: &mut Violations,
        deps: &Deps,
        (request_id, customer, subscription): (&str, &str, &str),
        (field, at): (&str, Option<&prost_types::Timestamp>),
    ) -> Option<Self> {
        let request = fields::request_id(violations, request_id);
        let customer = violations.take("customer_id", CustomerId::parse(customer));
        let subscription = SubscriptionId::parse(subscription);
        let subscription = violations.take("subscription_id", subscription);
        let at = fields::optional_time(violations, field, at);
        let now = deps.clock.now();
        limits::check_happened(violations, field, at, now);
        Some(Self {
            request: request?,
            customer: customer?,
            subscription: subscription?,
            at: at.unwrap_or(now),
        })
    }

    /// Changes the subscription in the book of the write; `to` is a further customer of it.
    async fn change(
        &self,
        write: &mut Write,
        to: Option<&CustomerId>,
        change: impl FnOnce(&mut Book) -> Result<Subscription, Refusal>,
    ) -> Result<Option<wire::Subscription>, Error> {
        let mut touched = Touched::default();
        for customer in std::iter::once(&self.customer).chain(to) {
            touched.customers.insert(customer.clone());
            let key = (customer.clone(), self.subscription.clone());
            touched.subscriptions.insert(key);
        }
        let mut book = write.open(&touched).await?;
        let changed = change(&mut book).map_err(|refusal| Error::refused(refusal, ""))?;
        write.save(book).await?;
        Ok(Some(show::subscription(&changed)))
    }
}

pub(super) async fn suspend(
    deps: &Deps,
    request: &wire::SuspendSubscriptionRequest,
) -> Result<wire::SuspendSubscriptionResponse, Status> {
    let mut violations = Violations::new();
    let which = (
        &*request.request_id,
        &*request.customer_id,
        &*request.subscription_id,
    );
    let at = ("suspend_time", request.suspend_time.as_ref());
    let which = Which::parse(&mut violations, deps, which, at);
    let suspension = parse::suspension(&mut violations, request);
    violations.into_result().map_err(Error::from)?;
    let (which, suspension) = which
        .zip(suspension)
        .expect("what is missing is a violation");
    let mut write = match begin(deps, which.request, request).await? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let (customer, id) = (&which.customer, &which.subscription);
    let suspended = which.change(&mut write, None, |book| {
        book.suspend_subscription(customer, id, suspension, which.at)
    });
    let answer = suspended
        .await
        .map(|subscription| wire::SuspendSubscriptionResponse {
            subscription,
            replayed: false,
        });
    write.finish(answer).await
}

pub(super) async fn resume(
    deps: &Deps,
    request: &wire::ResumeSubscriptionRequest,
) -> Result<wire::ResumeSubscriptionResponse, Status> {
    let mut violations = Violations::new();
    let which = (
        &*request.request_id,
        &*request.customer_id,
        &*request.subscription_id,
    );
    let at = ("resume_time", request.resume_time.as_ref());
    let which = Which::parse(&mut violations, deps, which, at);
    violations.into_result().map_err(Error::from)?;
    let which = which.expect("what is missing is a violation");
    let mut write = match begin(deps, which.request, request).await? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let (customer, id) = (&which.customer, &which.subscription);
    let resumed = which.change(&mut write, None, |book| {
        book.resume_subscription(customer, id, which.at)
    });
    let answer = resumed
        .await
        .map(|subscription| wire::ResumeSubscriptionResponse {
            subscription,
            replayed: false,
        });
    write.finish(answer).await
}

pub(super) async fn transfer(
    deps: &Deps,
    request: &wire::TransferSubscriptionRequest,
) -> Result<wire::TransferSubscriptionResponse, Status> {
    let mut violations = Violations::new();
    let which = (
        &*request.request_id,
        &*request.customer_id,
        &*request.subscription_id,
    );
    let at = ("transfer_time", request.transfer_time.as_ref());
    let which = Which::parse(&mut violations, deps, which, at);
    let to = CustomerId::parse(&request.to_customer_id);
    let to = violations.take("to_customer_id", to);
    violations.into_result().map_err(Error::from)?;
    let (which, to) = which.zip(to).expect("what is missing is a violation");
    let mut write = match begin(deps, which.request, request).await? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let (customer, id) = (&which.customer, &which.subscription);
    let transferred = which.change(&mut write, Some(&to), |book| {
        book.transfer_subscription(customer, id, &to, which.at)
    });
    let answer = transferred
        .await
        .map(|subscription| wire::TransferSubscriptionResponse {
            subscription,
            replayed: false,
        });
    write.finish(answer).await
}
