//! For which subscriptions an account pays when.

use tenure_core::{BillingAccountId, CustomerId, SubscriptionId, Timestamp, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields;
use tenure_sql::feed;
use tonic::Status;

use super::payment;
use crate::api::customer::require_known;
use crate::api::once::{Write, once};
use crate::api::page::Page;
use crate::api::party::interval;
use crate::domain::refusal::Reason;
use crate::domain::{Change, Fact, Payment, Refusal};
use crate::{Deps, Error, store};

pub(super) async fn add(
    deps: &Deps,
    request: &wire::AddAccountSubscriptionRequest,
) -> Result<wire::AddAccountSubscriptionResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let new = parse(&mut violations, request, deps.clock.now());
    violations.into_result().map_err(Error::from)?;
    let (id, new) = id.zip(new).expect("what is missing is a violation");
    once!(deps, id, request, write => add_in(&mut write, &new))
}

pub(in crate::api) fn parse(
    violations: &mut Violations,
    wire: &wire::AddAccountSubscriptionRequest,
    now: Timestamp,
) -> Option<Payment> {
    let payer = CustomerId::parse(&wire.payer_customer_id);
    let payer = violations.take("payer_customer_id", payer);
    let account = violations.take("account_id", BillingAccountId::parse(&wire.account_id));
    let user = violations.take("customer_id", CustomerId::parse(&wire.customer_id));
    let subscription = SubscriptionId::parse(&wire.subscription_id);
    let subscription = violations.take("subscription_id", subscription);
    let (from, until) = (wire.from_time.as_ref(), wire.until_time.as_ref());
    let valid = interval(violations, from, until, now);
    Some(Payment {
        account: account?,
        payer: payer?,
        user: user?,
        subscription: subscription?,
        valid: valid?,
    })
}

async fn add_in(
    write: &mut Write,
    new: &Payment,
) -> Result<wire::AddAccountSubscriptionResponse, Error> {
    let lanes = write.lanes;
    let wanted = [&new.payer, &new.user].map(|it| lanes.of(it.as_str()));
    feed::lock_lanes(&mut write.tx, &wanted).await?;
    require_customer(write, "payer_customer_id", &new.payer).await?;
    require_customer(write, "customer_id", &new.user).await?;
    let refuse = |refusal: Refusal| Error::refused(refusal, "");
    let account = store::account::get(&mut write.tx, lanes, &new.payer, &new.account).await?;
    account
        .ok_or_else(|| refuse(no_account(&new.account)))?
        .require_open()
        .map_err(refuse)?;
    let (user, id) = (&new.user, &new.subscription);
    if !store::account::has_subscription(&mut write.tx, lanes, user, id).await? {
        let (reason, wanted) = (
            Reason::SubscriptionNotFound,
            "a subscription of this customer",
        );
        let refusal = Refusal::new(reason, "subscription_id", wanted, "another");
        return Err(refuse(refusal.with("subscription_id", id.as_str())));
    }
    let others = store::account::payers(&mut write.tx, lanes, user, id).await?;
    new.check(&others).map_err(refuse)?;
    save(write, new, new.valid.from()).await?;
    Ok(wire::AddAccountSubscriptionResponse {
        account_subscription: Some(payment(new)),
        replayed: false,
    })
}

fn no_account(id: &BillingAccountId) -> Refusal {
    let (reason, wanted) = (Reason::BillingAccountNotFound, "an account of the payer");
    Refusal::new(reason, "account_id", wanted, "another").with("account_id", id.as_str())
}

/// Refuses when there is no such customer, whose lane is locked.
pub(in crate::api) async fn require_customer(
    write: &mut Write,
    field: &str,
    customer: &CustomerId,
) -> Result<(), Error> {
    let known = store::party::kinds(&mut write.tx, write.lanes, &[customer]).await?;
    if !known.is_empty() {
        return Ok(());
    }
    let reason = Reason::CustomerNotFound;
    let refusal = Refusal::new(reason, field, "a known customer", "another");
    Err(Error::refused(
        refusal.with("customer_id", customer.as_str()),
        "",
    ))
}

/// Saves a payment and tells who pays and who has the subscription.
async fn save(write: &mut Write, it: &Payment, event_at: Timestamp) -> Result<(), Error> {
    store::account::save_payment(&mut write.tx, write.lanes, it).await?;
    let mut told = vec![&it.payer, &it.user];
    told.dedup();
    let changes: Vec<_> = told
        .into_iter()
        .map(|customer| Change {
            event_at,
            fact: Fact::Payment(customer.clone(), it.clone()),
        })
        .collect();
    Ok(write.tell(&changes).await?)
}

pub(super) async fn end(
    deps: &Deps,
    request: &wire::EndAccountSubscriptionRequest,
) -> Result<wire::EndAccountSubscriptionResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let user = violations.take("customer_id", CustomerId::parse(&request.customer_id));
    let subscription = SubscriptionId::parse(&request.subscription_id);
    let subscription = violations.take("subscription_id", subscription);
    let at = fields::optional_time(&mut violations, "until_time", request.until_time.as_ref());
    violations.into_result().map_err(Error::from)?;
    let given = id.zip(user.zip(subscription));
    let (id, (user, subscription)) = given.expect("what is missing is a violation");
    let at = at.unwrap_or_else(|| deps.clock.now());
    once!(deps, id, request, write => end_in(&mut write, &user, &subscription, at))
}

async fn end_in(
    write: &mut Write,
    user: &CustomerId,
    subscription: &SubscriptionId,
    at: Timestamp,
) -> Result<wire::EndAccountSubscriptionResponse, Error> {
    let lanes = write.lanes;
    let not_paid = || {
        let (reason, wanted) = (
            Reason::SubscriptionNotPaid,
            "an instant until which one pays",
        );
        let refusal = Refusal::new(reason, "until_time", wanted, "another");
        Error::refused(refusal.with("subscription_id", subscription.as_str()), "")
    };
    // Who pays is known only when it is read, and lanes are locked once: whoever pays by then is locked,
    // and read again.
    let seen = store::account::payers(&mut write.tx, lanes, user, subscription).await?;
    let mut wanted = vec![lanes.of(user.as_str())];
    wanted.extend(seen.iter().map(|it| lanes.of(it.payer.as_str())));
    feed::lock_lanes(&mut write.tx, &wanted).await?;
    let known = store::account::payers(&mut write.tx, lanes, user, subscription).await?;
    let known = known
        .into_iter()
        .filter(|it| wanted.contains(&lanes.of(it.payer.as_str())));
    let ended = Payment::ended(known.collect(), at);
    let (ended, is_changed) = ended.ok_or_else(not_paid)?;
    if is_changed {
        save(write, &ended, at).await?;
    }
    Ok(wire::EndAccountSubscriptionResponse {
        account_subscription: Some(payment(&ended)),
        replayed: false,
    })
}

pub(super) async fn list(
    deps: &Deps,
    request: &wire::ListAccountSubscriptionsRequest,
) -> Result<wire::ListAccountSubscriptionsResponse, Error> {
    let mut violations = Violations::new();
    let payer = CustomerId::parse(&request.payer_customer_id);
    let payer = violations.take("payer_customer_id", payer);
    let account = violations.take("account_id", BillingAccountId::parse(&request.account_id));
    let at = fields::optional_time(&mut violations, "at_time", request.at_time.as_ref());
    let asked = at.map_or(0, Timestamp::as_micros);
    let (payer_id, account_id) = (&request.payer_customer_id, &request.account_id);
    let arguments = format!("paid/{payer_id}/{account_id}/{asked}");
    let (size, token) = (request.page_size, &request.page_token);
    let page = Page::parse(violations, size, token, arguments)?;
    let which = payer.zip(account).expect("what is missing is a violation");
    let after = page.text(0)?.unwrap_or_default();
    require_known(deps, &which.0).await?;
    let at = at.unwrap_or_else(|| deps.clock.now());
    let which = (&which.0, &which.1);
    let rows = store::account::paid(&deps.db, which, at, after, page.size.probe()).await?;
    let (rows, next_page_token) = page.cut(rows, |row| vec![row.subscription.to_string()]);
    Ok(wire::ListAccountSubscriptionsResponse {
        account_subscriptions: rows.iter().map(payment).collect(),
        next_page_token,
    })
}

pub(super) async fn payer(
    deps: &Deps,
    request: &wire::GetSubscriptionPayerRequest,
) -> Result<wire::GetSubscriptionPayerResponse, Error> {
    let mut violations = Violations::new();
    let user = violations.take("customer_id", CustomerId::parse(&request.customer_id));
    let subscription = SubscriptionId::parse(&request.subscription_id);
    let subscription = violations.take("subscription_id", subscription);
    let at = fields::optional_time(&mut violations, "at_time", request.at_time.as_ref());
    violations.into_result()?;
    let (user, subscription) = user
        .zip(subscription)
        .expect("what is missing is a violation");
    require_known(deps, &user).await?;
    let at = at.unwrap_or_else(|| deps.clock.now());
    let found = store::account::payer_at(&deps.db, &user, &subscription, at).await?;
    Ok(wire::GetSubscriptionPayerResponse {
        account_subscription: found.as_ref().map(payment),
    })
}
