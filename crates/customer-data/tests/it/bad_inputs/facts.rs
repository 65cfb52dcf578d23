//! Customers and subscriptions.

use prost_types::Timestamp as Wire;
use tenure_proto::customer::v1 as wire;
use tenure_proto::r#type::v1::attribute_value::Kind;

use super::{KEY, MINOR_TOO_MUCH, Mistake, NUMBER, SECRET, assert_each, far, money};
use crate::suite::*;

fn broken() -> Option<Wire> {
    Some(Wire {
        seconds: 0,
        nanos: -1,
    })
}

const CUSTOMERS: &[Mistake<wire::Customer>] = &[
    (|c| c.customer_id.clear(), "customers[0].customer_id", KEY),
    (
        |c| c.customer_id = "x".repeat(65),
        "customers[0].customer_id",
        "found 65 bytes",
    ),
    (
        |c| c.customer_id = "a b".into(),
        "customers[0].customer_id",
        "U+0020 at byte 1",
    ),
    (
        |c| c.customer_id = "a\n".into(),
        "customers[0].customer_id",
        "U+000A at byte 1",
    ),
    (
        |c| c.customer_id = "é".into(),
        "customers[0].customer_id",
        "U+00E9 at byte 0",
    ),
    (
        |c| c.customer_id = NUMBER.into(),
        "customers[0].customer_id",
        "no phone number",
    ),
    (|c| c.kind = 9, "customers[0].kind", "found the number 9"),
    (|c| c.kind = -1, "customers[0].kind", "found the number -1"),
    (
        |c| c.display_name = SECRET.repeat(26),
        "customers[0].display_name",
        "found 208 bytes",
    ),
    (
        |c| c.display_name = format!("{SECRET}\0"),
        "customers[0].display_name",
        "U+0000 at byte 8",
    ),
    (
        |c| c.display_name = format!("{SECRET}\u{85}"),
        "customers[0].display_name",
        "U+0085",
    ),
    (
        |c| c.payment_status = 77,
        "customers[0].payment_status",
        "found the number 77",
    ),
    (
        |c| c.join_time = far(),
        "customers[0].join_time",
        "between the years 1 and 9998",
    ),
    (
        |c| c.join_time = broken(),
        "customers[0].join_time",
        "0 to 999999999 nanoseconds",
    ),
    (
        |c| c.external_ids = vec![external("", "1")],
        "customers[0].external_ids[0].system",
        "1 to 64",
    ),
    (
        |c| c.external_ids = vec![external("é", "1")],
        "customers[0].external_ids[0].system",
        "others",
    ),
    (
        |c| c.external_ids = vec![external(&"x".repeat(65), "1")],
        "customers[0].external_ids[0].system",
        "65 bytes",
    ),
    (
        |c| c.external_ids = vec![external("crm", "")],
        "customers[0].external_ids[0].id",
        "found nothing",
    ),
    (
        |c| c.external_ids = vec![external("crm", &"x".repeat(129))],
        "customers[0].external_ids[0].id",
        "found 129 bytes",
    ),
    (
        |c| c.external_ids = vec![external("crm", "7"); 17],
        "customers[0].external_ids",
        "found 17 items",
    ),
    (
        |c| c.attributes = vec![text("", "x")],
        "customers[0].attributes[0].name",
        "found nothing",
    ),
    (
        |c| c.attributes = vec![text("Age", "x")],
        "customers[0].attributes[0].name",
        "a-z, 0-9 and _",
    ),
    (
        |c| c.attributes = vec![text("1st", "x")],
        "customers[0].attributes[0].name",
        "beginning with a letter",
    ),
    (
        |c| c.attributes = vec![text(&"x".repeat(65), "x")],
        "customers[0].attributes[0].name",
        "found 65 bytes",
    ),
    (
        |c| c.attributes = vec![text("note", &SECRET.repeat(33))],
        "customers[0].attributes[0].value",
        "found 264 bytes",
    ),
    (
        |c| c.attributes = vec![attribute("n", Some(Kind::Number(f64::NAN)))],
        "customers[0].attributes[0].value",
        "a finite number",
    ),
    (
        |c| c.attributes = vec![attribute("n", Some(Kind::Number(f64::INFINITY)))],
        "customers[0].attributes[0].value",
        "a finite number",
    ),
    (
        |c| c.attributes = vec![attribute("t", far().map(Kind::Instant))],
        "customers[0].attributes[0].value",
        "between the years",
    ),
    (
        |c| c.attributes = vec![text("a", "1"), text("a", "2")],
        "customers[0].attributes[1].name",
        "each name once",
    ),
    (
        |c| c.attributes = vec![text("a", "1"); 201],
        "customers[0].attributes",
        "found 201 items",
    ),
];

#[tokio::test]
async fn every_mistake_in_a_customer_is_told() {
    each_suite(async |mut suite| {
        let good = wire::Customer {
            display_name: SECRET.into(),
            ..customer("ada")
        };
        assert_each(&mut suite, good, CUSTOMERS, async |suite, bad| {
            suite.upsert(vec![bad, customer("bob")]).await.map(drop)
        })
        .await;
    })
    .await;
}

const LINES: &[Mistake<wire::Subscription>] = &[
    (
        |s| s.subscription_id.clear(),
        "subscriptions[0].subscription_id",
        KEY,
    ),
    (
        |s| s.subscription_id = "x".repeat(65),
        "subscriptions[0].subscription_id",
        "found 65 bytes",
    ),
    (
        |s| s.customer_id.clear(),
        "subscriptions[0].customer_id",
        KEY,
    ),
    (
        |s| s.customer_id = "a b".into(),
        "subscriptions[0].customer_id",
        "U+0020",
    ),
    (
        |s| s.service = 0,
        "subscriptions[0].service",
        "found nothing",
    ),
    (
        |s| s.service = 99,
        "subscriptions[0].service",
        "found the number 99",
    ),
    (
        |s| s.product_code.clear(),
        "subscriptions[0].product_code",
        "1 to 64 bytes",
    ),
    (
        |s| s.product_code = "x".repeat(65),
        "subscriptions[0].product_code",
        "found 65 bytes",
    ),
    (
        |s| s.product_code = "a\tb".into(),
        "subscriptions[0].product_code",
        "U+0009 at byte 1",
    ),
    (
        |s| s.msisdn = "0999123456789".into(),
        "subscriptions[0].msisdn",
        "+ and 6 to 15 digits",
    ),
    (
        |s| s.msisdn = "+99912".into(),
        "subscriptions[0].msisdn",
        "6 to 15 digits",
    ),
    (
        |s| s.msisdn = "+9991234567890123".into(),
        "subscriptions[0].msisdn",
        "6 to 15 digits",
    ),
    (
        |s| s.msisdn = "+999 123 456".into(),
        "subscriptions[0].msisdn",
        "6 to 15 digits",
    ),
    (
        |s| s.msisdn = "+99912345678x".into(),
        "subscriptions[0].msisdn",
        "6 to 15 digits",
    ),
    (
        |s| s.start_time = None,
        "subscriptions[0].start_time",
        "found nothing",
    ),
    (
        |s| s.start_time = far(),
        "subscriptions[0].start_time",
        "between the years",
    ),
    (
        |s| s.contract_end_time = day("2023-12-31"),
        "subscriptions[0].contract_end_time",
        "not before start_time",
    ),
    (
        |s| s.contract_end_time = broken(),
        "subscriptions[0].contract_end_time",
        "nanoseconds",
    ),
    (
        |s| s.monthly_fee = money("eur", 1),
        "subscriptions[0].monthly_fee.currency_code",
        "three capital letters",
    ),
    (
        |s| s.monthly_fee = money("", 1),
        "subscriptions[0].monthly_fee.currency_code",
        "three capital letters",
    ),
    (
        |s| s.monthly_fee = money("EUR", MINOR_TOO_MUCH),
        "subscriptions[0].monthly_fee.amount_minor",
        "minor units",
    ),
    (
        |s| s.monthly_fee = money("EUR", i64::MIN),
        "subscriptions[0].monthly_fee.amount_minor",
        "minor units",
    ),
    (
        |s| s.churn_kind = 1,
        "subscriptions[0].churn_kind",
        "nothing without terminate_time",
    ),
    (
        |s| s.churn_reason = "PRICE".into(),
        "subscriptions[0].churn_reason",
        "nothing without terminate_time",
    ),
    (
        |s| s.ported_out = true,
        "subscriptions[0].ported_out",
        "false without terminate_time",
    ),
    (
        |s| s.terminate_time = day("2024-06-01"),
        "subscriptions[0].churn_kind",
        "a kind with terminate_time",
    ),
    (
        |s| ended(s, "2024-06-01", 42),
        "subscriptions[0].churn_kind",
        "found the number 42",
    ),
    (
        |s| ended(s, "2023-12-31", 1),
        "subscriptions[0].terminate_time",
        "not before start_time",
    ),
    (
        |s| ended(s, "2025-01-03", 1),
        "subscriptions[0].terminate_time",
        "at most a day from now",
    ),
    (
        |s| {
            ended(s, "2024-06-01", 2);
            s.ported_out = true;
        },
        "subscriptions[0].ported_out",
        "only with a competitor",
    ),
    (
        |s| {
            ended(s, "2024-06-01", 2);
            s.churn_reason = "x".repeat(129);
        },
        "subscriptions[0].churn_reason",
        "found 129 bytes",
    ),
];

fn ended(line: &mut wire::Subscription, at: &str, kind: i32) {
    line.terminate_time = day(at);
    line.churn_kind = kind;
}

#[tokio::test]
async fn every_mistake_in_a_subscription_is_told() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada"]).await;
        let good = line("ada", "L1", NUMBER, "2024-01-01");
        assert_each(&mut suite, good, LINES, async |suite, bad| {
            let other = line("ada", "L2", "", "2024-01-01");
            suite.subscribe(vec![bad, other]).await.map(drop)
        })
        .await;
    })
    .await;
}
