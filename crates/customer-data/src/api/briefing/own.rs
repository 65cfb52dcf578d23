//! The parts of a briefing that the own records tell.

use std::cmp::Reverse;

use tenure_core::{SubscriptionId, Timestamp};
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields::time;

use super::care;
use crate::api::{identity, show};
use crate::config::BriefingConfig;
use crate::domain::briefing::{Trend, overdue, revenue, sort, special};
use crate::domain::identity::Record;
use crate::domain::{Bill, Complaint, Customer, Interaction, Promise, Subscription};
use crate::{Deps, Error, store};

/// Subscriptions, bills, open complaints and unkept promises that are looked at: enough for what is said of nearly
/// every customer, and a limit for the others.
const LOOKED_AT_MAX: i64 = 100;
const SUBSCRIPTIONS_SHOWN: usize = 20;
const CONTACTS_SHOWN: i64 = 5;

/// What the tables hold of a customer.
pub(super) struct Records {
    customer: Customer,
    subscriptions: Vec<Subscription>,
    bills: Vec<Bill>,
    complaints: Vec<Complaint>,
    promises: Vec<Promise>,
    contacts: Vec<Interaction>,
}

/// Reads what the tables hold; nothing when there is no such customer.
pub(super) async fn read(
    deps: &Deps,
    record: Record,
    line: Option<&SubscriptionId>,
    now: Timestamp,
) -> Result<Option<Records>, Error> {
    let db = &deps.db;
    let Some(found) = identity::whole(deps, record).await? else {
        return Ok(None);
    };
    let first = (i64::MAX, "");
    let (mut subscriptions, mut bills) = (Vec::new(), Vec::new());
    let (mut complaints, mut promises) = (Vec::new(), Vec::new());
    let mut contacts = Vec::new();
    for id in &found.record.members {
        let most = LOOKED_AT_MAX;
        subscriptions.extend(store::subscription::running(db, id, line, now, most).await?);
        bills.extend(store::bill::list(db, id, first, most).await?);
        complaints.extend(store::complaint::open(db, id, most).await?);
        promises.extend(store::promise::unkept(db, id, most).await?);
        contacts.extend(store::interaction::list(db, id, first, CONTACTS_SHOWN).await?);
    }
    let is_other = |it: &Subscription| Some(&it.id) != line;
    let order = |it: &Subscription| (is_other(it), it.id.clone(), it.customer.clone());
    Ok(Some(Records {
        customer: found.customer,
        subscriptions: store::identity::page_of_all(subscriptions, LOOKED_AT_MAX, order),
        bills: store::identity::page_of_all(bills, LOOKED_AT_MAX, |it| {
            (Reverse(it.issued_at), it.id.clone())
        }),
        complaints: store::identity::page_of_all(complaints, LOOKED_AT_MAX, |it| {
            (
                it.step.promised_until.unwrap_or(Timestamp::MAX),
                it.id.clone(),
            )
        }),
        promises: store::identity::page_of_all(promises, LOOKED_AT_MAX, |it| {
            let due_at = it.due_at.as_micros();
            let order = match it.state.is_unsettled() {
                true => (0, due_at),
                false => (1, -due_at),
            };
            (order, it.id.clone())
        }),
        contacts: store::identity::page_of_all(contacts, CONTACTS_SHOWN, |it| {
            (Reverse(it.happened_at), it.id.clone())
        }),
    }))
}

/// Returns a briefing of the own parts alone.
pub(super) fn parts(
    records: Records,
    line: Option<&SubscriptionId>,
    now: Timestamp,
    config: &BriefingConfig,
) -> wire::Briefing {
    let Records {
        customer,
        mut subscriptions,
        bills,
        complaints,
        promises,
        contacts,
    } = records;
    sort(&mut subscriptions, line);
    let state = || {
        Some(wire::PartState {
            as_of_time: Some(time(now)),
            missing_reason: wire::MissingReason::Unspecified.into(),
        })
    };
    wire::Briefing {
        brief_time: Some(time(now)),
        status: Some(wire::StatusPart {
            state: state(),
            ..status(&customer, &subscriptions, &bills, now, config)
        }),
        caller: Some(wire::CallerPart {
            state: state(),
            customer_id: customer.id.to_string(),
            kind: customer.kind.number(),
            display_name: customer.display_name,
            join_time: Some(time(customer.joined_at)),
            update_time: Some(time(customer.updated_at)),
            subscription_id: line.map(ToString::to_string).unwrap_or_default(),
        }),
        revenue: Some(wire::RevenuePart {
            state: state(),
            ..billed(&bills, now)
        }),
        subscriptions: Some(wire::SubscriptionsPart {
            state: state(),
            subscriptions: subscriptions
                .iter()
                .take(SUBSCRIPTIONS_SHOWN)
                .map(brief)
                .collect(),
            more: subscriptions.len() > SUBSCRIPTIONS_SHOWN,
        }),
        complaints: Some(wire::ComplaintsPart {
            state: state(),
            ..care::complaints(complaints, now)
        }),
        promises: Some(wire::PromisesPart {
            state: state(),
            ..care::promises(promises, now)
        }),
        contacts: Some(wire::ContactsPart {
            state: state(),
            interactions: contacts.iter().map(show::interaction).collect(),
        }),
        ..wire::Briefing::default()
    }
}

pub(super) fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn status(
    customer: &Customer,
    subscriptions: &[Subscription],
    bills: &[Bill],
    now: Timestamp,
    config: &BriefingConfig,
) -> wire::StatusPart {
    let (overdue_bills, overdue_since) = overdue(bills, now);
    let is_suspended = |it: &&Subscription| it.standing.suspension.is_some();
    wire::StatusPart {
        state: None,
        payment_status: customer.payment.map_or(0, |(status, _)| status.number()),
        payment_status_time: customer.payment.map(|(_, since)| time(since)),
        special_attributes: special(customer, &config.special())
            .into_iter()
            .map(|(name, value)| show::attribute(name, value))
            .collect(),
        suspended_count: count(subscriptions.iter().filter(is_suspended).count()),
        overdue_bill_count: count(overdue_bills),
        overdue_since_time: overdue_since.map(time),
    }
}

fn billed(bills: &[Bill], now: Timestamp) -> wire::RevenuePart {
    let may_be_more = i64::try_from(bills.len()).is_ok_and(|read| read >= LOOKED_AT_MAX);
    let revenue = revenue(bills, may_be_more, now);
    let trend = match revenue.trend {
        None => wire::RevenueTrend::Unspecified,
        Some(Trend::Falling) => wire::RevenueTrend::Falling,
        Some(Trend::Steady) => wire::RevenueTrend::Steady,
        Some(Trend::Rising) => wire::RevenueTrend::Rising,
    };
    wire::RevenuePart {
        state: None,
        recent_amount: revenue.recent.map(show::money),
        earlier_amount: revenue.earlier.map(show::money),
        trend: trend.into(),
    }
}

fn brief(subscription: &Subscription) -> wire::BriefSubscription {
    let shown = show::subscription(subscription);
    wire::BriefSubscription {
        subscription_state: shown.state,
        subscription_id: shown.subscription_id,
        service: shown.service,
        product_code: shown.product_code,
        msisdn: shown.msisdn,
        suspension_kind: shown.suspension_kind,
        start_time: shown.start_time,
        contract_end_time: shown.contract_end_time,
        monthly_fee: shown.monthly_fee,
    }
}
