//! The fields of a row that rules may name, and their values.

use tenure_proto::customer::v1 as wire;
use tenure_proto::r#type::v1::attribute_value::Kind;
use tenure_proto::r#type::v1::{Attribute, Money};
use tenure_rpc::fields;

use crate::domain::quality::Value;
use crate::domain::{AttributeName, ExternalId};

/// Where attributes and names in other systems stand.
const ATTRIBUTES: &str = "customer.attributes.";
const EXTERNAL_IDS: &str = "customer.external_ids.";

/// Returns true when a rule may name the field.
pub(super) fn is_field(field: &str) -> bool {
    if let Some(name) = field.strip_prefix(ATTRIBUTES) {
        return AttributeName::parse(name).is_ok();
    }
    if let Some(system) = field.strip_prefix(EXTERNAL_IDS) {
        return ExternalId::parse_system(system).is_ok();
    }
    // A row with one of everything has values for each field that is known.
    let row = wire::ImportRecord {
        customer: Some(wire::Customer::default()),
        subscriptions: vec![wire::Subscription::default()],
        bills: vec![wire::Bill::default()],
        usage_summaries: vec![wire::UsageSummary::default()],
        interactions: vec![wire::Interaction::default()],
        ..wire::ImportRecord::default()
    };
    !values(&row, field).is_empty()
}

/// Returns the values of a field: one for the customer or each part, nothing where it has none.
pub(super) fn values<'a>(row: &'a wire::ImportRecord, field: &str) -> Vec<Option<Value<'a>>> {
    let (list, name) = field.split_once('.').unwrap_or_default();
    let found: Option<Vec<_>> = match list {
        "customer" => row.customer.iter().map(|it| customer(it, name)).collect(),
        "subscriptions" => {
            let parts = row.subscriptions.iter();
            parts.map(|it| subscription(it, name)).collect()
        }
        "bills" => row.bills.iter().map(|it| bill(it, name)).collect(),
        "usage_summaries" => row
            .usage_summaries
            .iter()
            .map(|it| usage(it, name))
            .collect(),
        "interactions" => row
            .interactions
            .iter()
            .map(|it| interaction(it, name))
            .collect(),
        _ => None,
    };
    found.unwrap_or_default()
}

/// The outer nothing is a field that is not known, the inner one a value that is not there.
type Found<'a> = Option<Option<Value<'a>>>;

fn customer<'a>(it: &'a wire::Customer, name: &str) -> Found<'a> {
    if let Some(attribute) = name.strip_prefix("attributes.") {
        let found = it.attributes.iter().find(|it| it.name == attribute);
        return Some(found.and_then(of_attribute));
    }
    if let Some(system) = name.strip_prefix("external_ids.") {
        let found = it.external_ids.iter().find(|it| it.system == system);
        return Some(found.and_then(|it| text(&it.id)));
    }
    Some(match name {
        "customer_id" => text(&it.customer_id),
        "display_name" => text(&it.display_name),
        "join_time" => instant(it.join_time.as_ref()),
        "payment_status_time" => instant(it.payment_status_time.as_ref()),
        _ => return None,
    })
}

fn subscription<'a>(it: &'a wire::Subscription, name: &str) -> Found<'a> {
    Some(match name {
        "subscription_id" => text(&it.subscription_id),
        "product_code" => text(&it.product_code),
        "msisdn" => text(&it.msisdn),
        "start_time" => instant(it.start_time.as_ref()),
        "contract_end_time" => instant(it.contract_end_time.as_ref()),
        "terminate_time" => instant(it.terminate_time.as_ref()),
        "monthly_fee" => money(it.monthly_fee.as_ref()),
        "churn_reason" => text(&it.churn_reason),
        _ => return None,
    })
}

fn bill<'a>(it: &'a wire::Bill, name: &str) -> Found<'a> {
    Some(match name {
        "bill_id" => text(&it.bill_id),
        "issue_time" => instant(it.issue_time.as_ref()),
        "due_time" => instant(it.due_time.as_ref()),
        "settle_time" => instant(it.settle_time.as_ref()),
        "amount" => money(it.amount.as_ref()),
        "paid_amount" => money(it.paid_amount.as_ref()),
        _ => return None,
    })
}

fn usage<'a>(it: &'a wire::UsageSummary, name: &str) -> Found<'a> {
    let number = match name {
        "start_time" => return Some(instant(it.start_time.as_ref())),
        "voice_seconds" => it.voice_seconds,
        "in_group_voice_seconds" => it.in_group_voice_seconds,
        "data_megabytes" => it.data_megabytes,
        "sms_count" => it.sms_count,
        "roaming_seconds" => it.roaming_seconds,
        "roaming_megabytes" => it.roaming_megabytes,
        "forwarded_offnet_seconds" => it.forwarded_offnet_seconds,
        "forwarded_offnet_count" => it.forwarded_offnet_count,
        "voice_count" => it.voice_count,
        _ => return None,
    };
    Some(Some(Value::Integer(number)))
}

fn interaction<'a>(it: &'a wire::Interaction, name: &str) -> Found<'a> {
    Some(match name {
        "interaction_id" => text(&it.interaction_id),
        "event_time" => instant(it.event_time.as_ref()),
        "reason" => text(&it.reason),
        "resolution" => text(&it.resolution),
        _ => return None,
    })
}

fn text(text: &str) -> Option<Value<'_>> {
    (!text.is_empty()).then_some(Value::Text(text))
}

fn instant<'a>(time: Option<&prost_types::Timestamp>) -> Option<Value<'a>> {
    let time = fields::parse_time(time?).ok();
    time.map(Value::Instant)
}

fn money<'a>(money: Option<&Money>) -> Option<Value<'a>> {
    money.map(|money| Value::Integer(money.amount_minor))
}

fn of_attribute(attribute: &Attribute) -> Option<Value<'_>> {
    match attribute.value.as_ref()?.kind.as_ref()? {
        Kind::Text(it) => text(it),
        Kind::Integer(number) => Some(Value::Integer(*number)),
        Kind::Number(number) => Some(Value::Number(*number)),
        Kind::Flag(flag) => Some(Value::Flag(*flag)),
        Kind::Instant(time) => instant(Some(time)),
    }
}
