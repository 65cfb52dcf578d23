//! Changes of customer-data as facts of scoring.

use tenure_core::{Currency, Span, Timestamp};
use tenure_proto::customer::v1 as customer;
use tenure_proto::r#type::v1::{Money, attribute_value};
use tenure_rpc::fields::parse_time;

use crate::domain::fact::{AttributeValue, ChurnKind, ContactKind, Fact, Usage};

/// Returns a change as a fact; nothing for one that says nothing to scoring, or that a later
/// version of customer-data says in a way unknown here.
pub(crate) fn fact(change: &customer::Change) -> Option<Fact> {
    use customer::change::Fact as Wire;
    let event = change.event_time.as_ref().and_then(instant);
    match change.fact.as_ref()? {
        Wire::Customer(record) => attributes(record, event?),
        Wire::Subscription(record) => subscription(record),
        Wire::Bill(record) => bill(record),
        Wire::UsageSummary(record) => usage(record),
        Wire::Interaction(record) => Some(Fact::Contact {
            id: record.interaction_id.clone(),
            at: record.event_time.as_ref().and_then(instant)?,
            kind: contact(record.kind()),
        }),
        Wire::Removal(gone) => Some(removal(gone, event?)),
        // What else customer-data tells, today and later, says nothing to scoring.
        _ => None,
    }
}

/// Facts that are gone with an import; the customer stays.
fn removal(gone: &customer::Removal, at: Timestamp) -> Fact {
    let period = |it: &customer::RemovedUsage| {
        let from = it.start_time.as_ref().and_then(instant)?;
        Some((it.subscription_id.clone(), from, until(from, it.period())?))
    };
    Fact::Removal {
        at,
        subscriptions: gone.subscription_ids.clone(),
        bills: gone.bill_ids.clone(),
        contacts: gone.interaction_ids.clone(),
        usage: gone.usage_summaries.iter().filter_map(period).collect(),
    }
}

fn instant(time: &prost_types::Timestamp) -> Option<Timestamp> {
    parse_time(time).ok()
}

fn money(money: &Money) -> Option<(i64, Currency)> {
    Some((
        money.amount_minor,
        Currency::parse(&money.currency_code).ok()?,
    ))
}

fn attributes(record: &customer::Customer, event: Timestamp) -> Option<Fact> {
    let value = |kind: &attribute_value::Kind| {
        use attribute_value::Kind;
        Some(match kind {
            Kind::Text(text) => AttributeValue::Text(text.clone()),
            Kind::Integer(n) => AttributeValue::Integer(*n),
            Kind::Number(n) => AttributeValue::Number(*n),
            Kind::Flag(flag) => AttributeValue::Flag(*flag),
            Kind::Instant(time) => AttributeValue::Instant(instant(time)?.as_micros()),
        })
    };
    let attributes = record.attributes.iter().filter_map(|attribute| {
        let kind = attribute.value.as_ref()?.kind.as_ref()?;
        Some((attribute.name.clone(), value(kind)?))
    });
    Some(Fact::Customer {
        at: event,
        attributes: attributes.collect(),
    })
}

fn subscription(record: &customer::Subscription) -> Option<Fact> {
    let ended_at = record.terminate_time.as_ref().and_then(instant);
    Some(Fact::Subscription {
        id: record.subscription_id.clone(),
        started_at: record.start_time.as_ref().and_then(instant)?,
        contract_ends_at: record.contract_end_time.as_ref().and_then(instant),
        fee: record.monthly_fee.as_ref().and_then(money),
        ended: ended_at.map(|at| (at, churn(record.churn_kind()))),
    })
}

fn churn(kind: customer::ChurnKind) -> ChurnKind {
    match kind {
        customer::ChurnKind::Competitor => ChurnKind::Competitor,
        customer::ChurnKind::MarketExit => ChurnKind::MarketExit,
        customer::ChurnKind::InternalMigration => ChurnKind::InternalMigration,
        customer::ChurnKind::Arrears => ChurnKind::Arrears,
        customer::ChurnKind::Fraud => ChurnKind::Fraud,
        customer::ChurnKind::Unspecified | customer::ChurnKind::Unstated => ChurnKind::Unstated,
    }
}

fn bill(record: &customer::Bill) -> Option<Fact> {
    Some(Fact::Bill {
        id: record.bill_id.clone(),
        issued_at: record.issue_time.as_ref().and_then(instant)?,
        due_at: record.due_time.as_ref().and_then(instant)?,
        amount: record.amount.as_ref().and_then(money)?,
        settled_at: record.settle_time.as_ref().and_then(instant),
    })
}

fn usage(record: &customer::UsageSummary) -> Option<Fact> {
    let from = record.start_time.as_ref().and_then(instant)?;
    let until = until(from, record.period())?;
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    Some(Fact::Usage {
        subscription: record.subscription_id.clone(),
        from,
        until,
        usage: Usage {
            voice_seconds: count(record.voice_seconds),
            in_group_seconds: count(record.in_group_voice_seconds),
            data_megabytes: count(record.data_megabytes),
            messages: count(record.sms_count),
        },
    })
}

fn until(from: Timestamp, period: customer::UsagePeriod) -> Option<Timestamp> {
    match period {
        customer::UsagePeriod::Day => Some(from + Span::from_days(1)),
        customer::UsagePeriod::Month => Some(from.plus_months(1)),
        customer::UsagePeriod::Unspecified => None,
    }
}

fn contact(kind: customer::InteractionKind) -> ContactKind {
    match kind {
        customer::InteractionKind::Complaint => ContactKind::Complaint,
        customer::InteractionKind::Leaving => ContactKind::Leaving,
        customer::InteractionKind::Campaign => ContactKind::Campaign,
        _ => ContactKind::Other,
    }
}
