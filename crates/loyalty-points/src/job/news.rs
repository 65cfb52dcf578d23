//! What the feed of customer-data tells of subscriptions and payments.

use tenure_core::{CustomerId, Timestamp};
use tenure_proto::customer::v1::{
    Change, Customer, PaymentStatus, Subscription, SubscriptionState,
};
use tenure_rpc::fields;

use crate::domain::{News, SubscriptionState as State};
use crate::store::{Heard, Told};

fn instant(time: Option<&prost_types::Timestamp>) -> Option<Timestamp> {
    fields::parse_time(time?).ok()
}

/// Since when something is as it is; a source that does not say so says it now.
fn since(said: Option<&prost_types::Timestamp>, change: &Change, now: Timestamp) -> Timestamp {
    let recorded = || instant(change.record_time.as_ref());
    instant(said).or_else(recorded).unwrap_or(now)
}

fn heard(customer: &str, news: News, source: String) -> Option<Told> {
    let Ok(customer) = CustomerId::parse(customer) else {
        tracing::error!("a change names no customer");
        return None;
    };
    Some(Told::News(Heard {
        customer,
        news,
        source,
    }))
}

/// Returns what a change of a subscription tells.
pub(super) fn subscription(it: &Subscription, change: &Change, now: Timestamp) -> Option<Told> {
    let state = match it.state() {
        SubscriptionState::Active => State::Active,
        SubscriptionState::Suspended => State::Suspended,
        SubscriptionState::Terminated => State::Terminated,
        SubscriptionState::Unspecified => return None,
    };
    let transferred_to = CustomerId::parse(&it.transferred_to_customer_id).ok();
    let what = match state {
        State::Active => "active",
        State::Suspended => "suspended",
        State::Terminated if it.ported_out => "ported_out",
        State::Terminated if transferred_to.is_some() => "transferred",
        State::Terminated => "terminated",
    };
    let source = format!("subscription/{}/{what}", it.subscription_id);
    let news = News::Subscription {
        id: it.subscription_id.clone(),
        state,
        since: since(it.state_time.as_ref(), change, now),
        is_ported_out: it.ported_out,
        transferred_to,
    };
    heard(&it.customer_id, news, source)
}

/// Returns what a change of a customer tells, if it is about payments.
pub(super) fn payment(it: &Customer, change: &Change, now: Timestamp) -> Option<Told> {
    let (in_arrears, source) = match it.payment_status() {
        PaymentStatus::Unspecified => return None,
        PaymentStatus::InArrears => (true, "payment/in_arrears"),
        PaymentStatus::Due => (false, "payment/due"),
        PaymentStatus::Paid => (false, "payment/paid"),
    };
    let since = since(it.payment_status_time.as_ref(), change, now);
    let news = News::Payment { in_arrears, since };
    heard(&it.customer_id, news, source.to_owned())
}
