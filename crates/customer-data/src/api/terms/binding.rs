//! What binds a customer to a subscription: the penalty, and the notice that ends it.

use tenure_core::{Timestamp, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields;
use tonic::Status;

use super::{Which, no_subscription, notice, open, which};
use crate::api::customer::require_known;
use crate::api::once::{Write, once};
use crate::api::page::Page;
use crate::api::parse::{required_money, required_word};
use crate::domain::book::require_running;
use crate::domain::terms::{Notice, Penalty, PenaltyShape, REASON_LENGTH_MAX, Terms};
use crate::domain::{Change, Fact, Refusal, Subscription, limits, text};
use crate::{Deps, Error, store};

pub(super) async fn set_penalty(
    deps: &Deps,
    request: &wire::SetContractPenaltyRequest,
) -> Result<wire::SetContractPenaltyResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let which = which(
        &mut violations,
        &request.customer_id,
        &request.subscription_id,
    );
    let given = request.penalty.as_ref();
    let new = given.map(|given| violations.within("penalty.", |inner| penalty(inner, given)));
    violations.into_result().map_err(Error::from)?;
    let (id, which) = id.zip(which).expect("what is missing is a violation");
    once!(deps, id, request, write => set_penalty_in(&mut write, &which, new.flatten()))
}

pub(in crate::api) fn penalty(
    violations: &mut Violations,
    wire: &wire::ContractPenalty,
) -> Option<Penalty> {
    let amount = required_money(violations, "amount", wire.amount.as_ref());
    if amount.is_some_and(|amount| amount.minor <= 0) {
        violations.add("amount.amount_minor", "more than 0", "not more");
    }
    let shape = required_word(violations, "shape", wire.shape, PenaltyShape::from_number);
    let falls_from = wire.falls_from_time.as_ref();
    if shape == Some(PenaltyShape::Fixed) && falls_from.is_some() {
        violations.add("falls_from_time", "nothing with FIXED", "an instant");
    }
    let falls_from = fields::optional_time(violations, "falls_from_time", falls_from);
    Some(Penalty {
        amount: amount?,
        shape: shape?,
        falls_from,
    })
}

/// Loads a subscription that runs, and its terms.
async fn running(write: &mut Write, which: &Which) -> Result<(Subscription, Terms), Error> {
    let subscription = open(write, which).await?;
    require_running(&subscription, "subscription_id").map_err(refused)?;
    let terms = store::terms::load(&mut write.tx, write.lanes, &which.0, &which.1).await?;
    Ok((subscription, terms))
}

fn refused(refusal: Refusal) -> Error {
    Error::refused(refusal, "")
}

/// Tells terms that changed, and shows them.
async fn tell(
    write: &mut Write,
    terms: Terms,
    event_at: Timestamp,
) -> Result<Option<wire::SubscriptionTerms>, Error> {
    let shown = super::terms(&terms);
    let fact = Fact::Terms(Terms { due: None, ..terms });
    write.tell(&[Change { event_at, fact }]).await?;
    Ok(Some(shown))
}

async fn set_penalty_in(
    write: &mut Write,
    which: &Which,
    penalty: Option<Penalty>,
) -> Result<wire::SetContractPenaltyResponse, Error> {
    let (subscription, mut known) = running(write, which).await?;
    let is_changed = known.set_penalty(&subscription, penalty).map_err(refused)?;
    let now = write.now;
    let known = known.at(&subscription, now);
    let terms = if is_changed {
        store::terms::save_penalty(&mut write.tx, write.lanes, &known).await?;
        tell(write, known, now).await?
    } else {
        Some(super::terms(&known))
    };
    Ok(wire::SetContractPenaltyResponse {
        terms,
        replayed: false,
    })
}

pub(super) async fn give(
    deps: &Deps,
    request: &wire::GiveTerminationNoticeRequest,
) -> Result<wire::GiveTerminationNoticeResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let which = which(
        &mut violations,
        &request.customer_id,
        &request.subscription_id,
    );
    let given = fields::optional_time(&mut violations, "notice_time", request.notice_time.as_ref());
    let now = deps.clock.now();
    limits::check_happened(&mut violations, "notice_time", given, now);
    let given_at = given.unwrap_or(now);
    let effective = request.effective_time.as_ref();
    let effective = fields::required_time(&mut violations, "effective_time", effective);
    if effective.is_some_and(|effective| effective < given_at) {
        violations.add(
            "effective_time",
            "not before notice_time",
            "an earlier instant",
        );
    }
    let reason = violations.take("reason", text::parse(&request.reason, REASON_LENGTH_MAX));
    violations.into_result().map_err(Error::from)?;
    let parsed = id.zip(which).zip(effective.zip(reason));
    let ((id, which), (effective_at, reason)) = parsed.expect("what is missing is a violation");
    let new = Notice {
        given_at,
        effective_at,
        reason,
        withdrawn_at: None,
    };
    once!(deps, id, request, write => give_in(&mut write, &which, new))
}

async fn give_in(
    write: &mut Write,
    which: &Which,
    new: Notice,
) -> Result<wire::GiveTerminationNoticeResponse, Error> {
    let (subscription, mut known) = running(write, which).await?;
    let at = new.given_at;
    known.give_notice(new).map_err(refused)?;
    store::terms::save_notice(&mut write.tx, write.lanes, &known).await?;
    let known = known.at(&subscription, write.now);
    Ok(wire::GiveTerminationNoticeResponse {
        terms: tell(write, known, at).await?,
        replayed: false,
    })
}

pub(super) async fn withdraw(
    deps: &Deps,
    request: &wire::WithdrawTerminationNoticeRequest,
) -> Result<wire::WithdrawTerminationNoticeResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let which = which(
        &mut violations,
        &request.customer_id,
        &request.subscription_id,
    );
    let at = request.withdraw_time.as_ref();
    let at = fields::optional_time(&mut violations, "withdraw_time", at);
    let now = deps.clock.now();
    limits::check_happened(&mut violations, "withdraw_time", at, now);
    violations.into_result().map_err(Error::from)?;
    let (id, which) = id.zip(which).expect("what is missing is a violation");
    let at = at.unwrap_or(now);
    once!(deps, id, request, write => withdraw_in(&mut write, &which, at))
}

async fn withdraw_in(
    write: &mut Write,
    which: &Which,
    at: Timestamp,
) -> Result<wire::WithdrawTerminationNoticeResponse, Error> {
    let (subscription, mut known) = running(write, which).await?;
    known.withdraw_notice(at).map_err(refused)?;
    store::terms::save_notice(&mut write.tx, write.lanes, &known).await?;
    let known = known.at(&subscription, write.now);
    Ok(wire::WithdrawTerminationNoticeResponse {
        terms: tell(write, known, at).await?,
        replayed: false,
    })
}

pub(super) async fn get(
    deps: &Deps,
    request: &wire::GetSubscriptionTermsRequest,
) -> Result<wire::GetSubscriptionTermsResponse, Error> {
    let mut violations = Violations::new();
    let which = which(
        &mut violations,
        &request.customer_id,
        &request.subscription_id,
    );
    let at = fields::optional_time(&mut violations, "at_time", request.at_time.as_ref());
    violations.into_result()?;
    let which = which.expect("what is missing is a violation");
    let subscription = find(deps, &which).await?;
    let terms = store::terms::get(&deps.db, &which.0, &which.1).await?;
    let at = at.unwrap_or_else(|| deps.clock.now());
    Ok(wire::GetSubscriptionTermsResponse {
        terms: Some(super::terms(&terms.at(&subscription, at))),
    })
}

/// Returns a subscription, or refuses because the customer has none of that id.
async fn find(deps: &Deps, (customer, id): &Which) -> Result<Subscription, Error> {
    require_known(deps, customer).await?;
    let found = store::subscription::get(&deps.db, customer, id).await?;
    found.ok_or_else(|| no_subscription(id))
}

pub(super) async fn list(
    deps: &Deps,
    request: &wire::ListTerminationNoticesRequest,
) -> Result<wire::ListTerminationNoticesResponse, Error> {
    let mut violations = Violations::new();
    let (customer, subscription) = (&request.customer_id, &request.subscription_id);
    let which = which(&mut violations, customer, subscription);
    let arguments = format!("notices/{customer}/{subscription}");
    let (size, token) = (request.page_size, &request.page_token);
    let page = Page::parse(violations, size, token, arguments)?;
    let which = which.expect("what is missing is a violation");
    let before = page.number(0)?.unwrap_or(i64::MAX);
    find(deps, &which).await?;
    let which = (&which.0, &which.1);
    let limit = page.size.probe();
    let rows = store::terms::list_notices(&deps.db, which, before, limit).await?;
    let (rows, next_page_token) = page.cut(rows, |row| vec![row.given_at.as_micros().to_string()]);
    Ok(wire::ListTerminationNoticesResponse {
        notices: rows.iter().map(notice).collect(),
        next_page_token,
    })
}
