//! Facts for scenarios, as a system outside would send them.

use tenure_core::Timestamp;
use tenure_proto::customer::v1 as pb;
use tenure_proto::r#type::v1 as types;

/// Returns a new request id.
pub(crate) fn request_id() -> String {
    tenure_testkit::request_id().to_string()
}

/// Returns an instant as the wire says it.
pub(crate) fn time(instant: Timestamp) -> Option<prost_types::Timestamp> {
    Some(tenure_rpc::fields::time(instant))
}

/// Returns a person.
pub(crate) fn customer(customer_id: &str, joined: Timestamp) -> pb::Customer {
    pb::Customer {
        customer_id: customer_id.to_owned(),
        kind: pb::CustomerKind::Individual.into(),
        join_time: time(joined),
        ..Default::default()
    }
}

/// Returns a mobile line that runs since `start`.
pub(crate) fn line(customer_id: &str, msisdn: &str, start: Timestamp) -> pb::Subscription {
    pb::Subscription {
        subscription_id: format!("S-{customer_id}"),
        customer_id: customer_id.to_owned(),
        service: pb::ServiceKind::Mobile.into(),
        product_code: "FLEX".to_owned(),
        msisdn: msisdn.to_owned(),
        start_time: time(start),
        ..Default::default()
    }
}

/// Returns a bill that was paid in full on the day it was issued.
pub(crate) fn settled_bill(
    customer_id: &str,
    bill_id: &str,
    at: Timestamp,
    minor: i64,
) -> pb::Bill {
    let amount = types::Money {
        currency_code: "EUR".to_owned(),
        amount_minor: minor,
    };
    pb::Bill {
        bill_id: bill_id.to_owned(),
        customer_id: customer_id.to_owned(),
        issue_time: time(at),
        due_time: time(at.plus_months(1)),
        amount: Some(amount.clone()),
        state: pb::BillState::Settled.into(),
        settle_time: time(at),
        paid_amount: Some(amount),
        update_time: None,
    }
}
