//! Random events: a call, or words that say what is wrong and fit into a header.

use prost_reflect::{DynamicMessage, SerializeOptions};
use tenure_proto::customer::v1 as wire;
use tenure_testkit::fuzz::{INPUTS, Target};

use super::super::event;
use super::{REASON_MAX, Refused, one_line, parse};

/// Reads data, and what is written of it again as the same.
fn twice<M: prost::Message + Default + PartialEq + std::fmt::Debug>(
    name: &str,
    event: &event::Incoming,
) -> String {
    match parse::<M>(name, &event.data) {
        Ok(message) => {
            let descriptor = event::descriptor(name).expect("one of the API");
            let dynamic = DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice());
            let options = SerializeOptions::new();
            let data = dynamic
                .expect("it was encoded")
                .serialize_with_options(serde_json::value::Serializer, &options);
            let again = parse::<M>(name, &data.expect("JSON says all of it"));
            assert!(again.is_ok_and(|again| again == message), "{message:?}");
            format!("{name}, {} bytes", message.encoded_len().ilog2())
        }
        Err(Refused::Event(wrong)) => refused(&wrong),
        Err(Refused::Call(_)) => unreachable!("nobody was called"),
    }
}

/// Returns the first words, without what stands there for this input only.
fn refused(wrong: &str) -> String {
    assert!(
        wrong.starts_with("wanted") || wrong.starts_with("data is no"),
        "{wrong}"
    );
    let line = one_line(wrong);
    assert!(line.len() <= REASON_MAX);
    assert!(
        line.bytes().all(|c| c == b' ' || c.is_ascii_graphic()),
        "{line}"
    );
    let outside = line.split(['`', '\'', '"']).step_by(2);
    let letters = outside.flat_map(str::chars).filter(|c| !c.is_ascii_digit());
    letters.take(40).collect()
}

fn check(input: &[u8]) -> String {
    let event = match event::decode(input) {
        Ok(event) => event,
        Err(wrong) => return refused(&wrong),
    };
    assert_eq!(event.request_id(), event.request_id());
    let request = match event.request() {
        Ok(request) => request.to_owned(),
        Err(wrong) => return refused(&wrong),
    };
    match request.as_str() {
        "BatchUpsertCustomersRequest" => {
            twice::<wire::BatchUpsertCustomersRequest>(&request, &event)
        }
        "BatchUpsertSubscriptionsRequest" => {
            twice::<wire::BatchUpsertSubscriptionsRequest>(&request, &event)
        }
        "BatchUpsertBillsRequest" => twice::<wire::BatchUpsertBillsRequest>(&request, &event),
        "BatchUpsertUsageSummariesRequest" => {
            twice::<wire::BatchUpsertUsageSummariesRequest>(&request, &event)
        }
        _ => twice::<wire::BatchUpsertInteractionsRequest>(&request, &event),
    }
}

#[test]
fn an_event_is_a_call_or_says_what_is_wrong() {
    let customers = br#"{"specversion":"1.0","id":"7","source":"crm","datacontenttype":"application/json",
        "type":"tenure.customer.v1.BatchUpsertCustomersRequest","data":{"customers":[{"customerId":"C1",
        "kind":"CUSTOMER_KIND_INDIVIDUAL","displayName":"Ada","joinTime":"2024-01-01T00:00:00Z",
        "externalIds":[{"system":"crm","id":"1"}],"attributes":[{"name":"n","value":{"number":1.5}},
        {"name":"i","value":{"integer":"7"}},{"name":"f","value":{"flag":true}}]}]}}"#;
    let bills = br#"{"specversion":"1.0","id":"8","source":"crm",
        "type":"tenure.customer.v1.BatchUpsertBillsRequest","data":{"bills":[{"bill_id":"B1",
        "customer_id":"C1","issue_time":"2024-01-01T00:00:00Z","amount":{"currency_code":"EUR",
        "amount_minor":"2000"},"state":2}]}}"#;
    let usage = br#"{"specversion":"1.0","id":"9","source":"crm",
        "type":"tenure.customer.v1.BatchUpsertUsageSummariesRequest","data":{"usageSummaries":[
        {"customerId":"C1","period":"USAGE_PERIOD_MONTH","voiceSeconds":"60","smsCount":1}]}}"#;
    let lines = br#"{"specversion":"1.0","id":"9","source":"crm",
        "type":"tenure.customer.v1.BatchUpsertSubscriptionsRequest","data":{"subscriptions":[
        {"subscriptionId":"S1","customerId":"C1","msisdn":"+999123456","service":1}]}}"#;
    let target = Target {
        name: "events",
        seeds: &[customers, bills, usage, lines],
        words: &[
            "null",
            "true",
            "[]",
            "{}",
            "\"\"",
            "\\u0000",
            "\\ud800",
            "1e400",
            "-0",
            "NaN",
            "\"Infinity\"",
            "9223372036854775808",
            "\"requestId\":",
            "\"9999-12-31T23:59:59Z\"",
            "\"0000-01-01T00:00:00Z\"",
            "tenure.customer.v1.",
            "Change",
            "BatchUpsert",
            "InteractionsRequest",
            "application/json",
            "\"interactions\":[{}]",
            ",",
        ],
        inputs: INPUTS,
    };
    target.run(check);
}
