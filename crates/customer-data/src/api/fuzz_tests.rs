//! Random requests and page tokens: taken as they are said, or refused by the name of each field.

mod requests;

use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};
use tenure_core::{PageToken, Timestamp, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_proto::r#type::v1::attribute_value::Kind;
use tenure_proto::r#type::v1::{Attribute, AttributeValue, ExternalId, Money};
use tenure_rpc::fields::time;
use tenure_testkit::fuzz::{INPUTS, Target};

use super::page::Page;
use super::{parse, show};

const NOW: Timestamp = Timestamp::from_micros(1_735_689_600_000_000);
/// Names of fields with their places, and what was found, are short.
const SAID_MAX: usize = 200;

fn at(days: i64) -> Option<prost_types::Timestamp> {
    Some(time(NOW + tenure_core::Span::from_days(days)))
}

fn euro(minor: i64) -> Option<Money> {
    Some(Money {
        currency_code: "EUR".into(),
        amount_minor: minor,
    })
}

/// Reads a message and, where it is `shown`, what is shown of it again as the same.
fn check<W: Message + Default + std::fmt::Debug, T: PartialEq + std::fmt::Debug>(
    input: &[u8],
    parse: impl Fn(&mut Violations, &W) -> Option<T>,
    shown: Option<fn(&T) -> W>,
) -> String {
    let Ok(message) = W::decode(input) else {
        return "no message".to_owned();
    };
    let read = |message: &W| {
        let mut violations = Violations::new();
        let taken = parse(&mut violations, message);
        (taken, violations.into_result())
    };
    let (taken, violations) = read(&message);
    let Err(violations) = violations else {
        let taken = taken.expect("what is refused is named");
        if let Some(show) = shown {
            let again = read(&show(&taken));
            assert_eq!(again, (Some(taken), Ok(())), "{message:?}");
        }
        return format!("taken, {} bytes", message.encoded_len() / 8);
    };
    let mut said = String::new();
    for violation in violations.iter().take(3) {
        let tenure_core::Violation {
            field,
            wanted,
            found,
        } = violation;
        assert!(!field.is_empty() && !wanted.is_empty() && !found.is_empty());
        assert!(field.len() + found.len() <= SAID_MAX, "{field}: {found}");
        said += field;
        said += wanted;
    }
    said.retain(|c| !c.is_ascii_digit());
    said
}

/// The last field that a message of these has.
const TAG_MAX: u32 = 26;

/// Returns messages of one field each, with all that a field could hold: behind any other message they
/// are a message again.
fn single_fields() -> Vec<Vec<u8>> {
    let seconds = |seconds| {
        let nanos = 0;
        prost_types::Timestamp { seconds, nanos }.encode_to_vec()
    };
    let far = [
        i64::MIN,
        -62_135_596_800,
        0,
        253_402_300_799,
        253_402_300_800,
        i64::MAX,
    ];
    let mut parts: Vec<Vec<u8>> = far.map(seconds).to_vec();
    parts.extend([-7, 0, 7].map(|days| at(days).expect("an instant").encode_to_vec()));
    let nanos = 1_000_000_000;
    parts.push(prost_types::Timestamp { seconds: 0, nanos }.encode_to_vec());
    parts.extend(
        [i64::MIN, -1, i64::MAX].map(|minor| euro(minor).expect("an amount").encode_to_vec()),
    );
    let texts = [
        "",
        "x",
        "a b",
        "+999123456789",
        "C\0",
        "\u{202e}",
        "EUR",
        "\n",
    ];
    parts.extend(texts.map(|text| text.as_bytes().to_vec()));
    parts.extend([65, 300, 2_100].map(|length| vec![b'x'; length]));
    let mut messages = Vec::new();
    for tag in 1..=TAG_MAX {
        for number in [0, 1, 2, 9, 1 << 31, u64::MAX] {
            let mut message = Vec::new();
            encode_key(tag, WireType::Varint, &mut message);
            encode_varint(number, &mut message);
            messages.push(message);
        }
        for part in &parts {
            let mut message = Vec::new();
            encode_key(tag, WireType::LengthDelimited, &mut message);
            encode_varint(part.len() as u64, &mut message);
            message.extend_from_slice(part);
            messages.push(message);
        }
    }
    messages
}

fn run<W: Message + Default + std::fmt::Debug, T: PartialEq + std::fmt::Debug>(
    name: &str,
    seed: &W,
    parse: impl Fn(&mut Violations, &W) -> Option<T>,
    shown: Option<fn(&T) -> W>,
) {
    let (seed, fields) = (seed.encode_to_vec(), single_fields());
    // Whole, and with each field said a second time.
    let again = fields.iter().map(|field| [seed.as_slice(), field].concat());
    let mut seeds = vec![seed.clone()];
    seeds.extend(again.filter(|it| W::decode(it.as_slice()).is_ok()));
    seeds.extend(
        fields
            .iter()
            .filter(|it| W::decode(it.as_slice()).is_ok())
            .cloned(),
    );
    let seeds: Vec<&[u8]> = seeds.iter().map(Vec::as_slice).collect();
    let target = Target {
        name,
        seeds: &seeds,
        words: &["\u{0}", "+", "\n", "x"],
        inputs: INPUTS,
    };
    target.run(|input| check(input, &parse, shown));
}

#[test]
fn a_customer_is_taken_or_each_wrong_field_named() {
    let attribute = |name: &str, kind| Attribute {
        name: name.into(),
        value: Some(AttributeValue { kind: Some(kind) }),
    };
    let customer = wire::Customer {
        customer_id: "C1".into(),
        kind: 1,
        display_name: "Ada".into(),
        external_ids: vec![ExternalId {
            system: "crm".into(),
            id: "7".into(),
        }],
        attributes: vec![
            attribute("n", Kind::Number(1.5)),
            attribute("t", Kind::Text("x".into())),
            attribute("i", Kind::Instant(time(NOW))),
        ],
        join_time: at(-30),
        payment_status: 1,
        etag: "\"1\"".into(),
        ..Default::default()
    };
    run(
        "customer",
        &customer,
        |v, it| parse::customer(v, it).map(|it| format!("{it:?}")),
        None,
    );
}

#[test]
fn a_subscription_is_taken_or_each_wrong_field_named() {
    let subscription = wire::Subscription {
        subscription_id: "S1".into(),
        customer_id: "C1".into(),
        service: 1,
        product_code: "BASIC".into(),
        msisdn: "+999123456789".into(),
        start_time: at(-300),
        contract_end_time: at(65),
        monthly_fee: euro(2_000),
        terminate_time: at(-1),
        churn_kind: wire::ChurnKind::Competitor.into(),
        churn_reason: "PRICE".into(),
        ported_out: true,
        ..Default::default()
    };
    let parse = |v: &mut Violations, it: &wire::Subscription| parse::subscription(v, it, NOW);
    run(
        "subscription",
        &subscription,
        parse,
        Some(show::subscription),
    );
}

#[test]
fn a_bill_is_taken_or_each_wrong_field_named() {
    let bill = wire::Bill {
        bill_id: "B1".into(),
        customer_id: "C1".into(),
        issue_time: at(-30),
        due_time: at(-10),
        amount: euro(2_000),
        state: wire::BillState::Settled.into(),
        settle_time: at(-12),
        paid_amount: euro(1_900),
        ..Default::default()
    };
    let read = |v: &mut Violations, it: &wire::Bill| parse::bill(v, it, NOW);
    run("bill", &bill, read, Some(show::bill));
}

#[test]
fn a_usage_summary_is_taken_or_each_wrong_field_named() {
    let usage = wire::UsageSummary {
        customer_id: "C1".into(),
        subscription_id: "S1".into(),
        period: 1,
        start_time: at(-31),
        voice_seconds: 60,
        in_group_voice_seconds: 10,
        data_megabytes: 5,
        sms_count: 1,
        roaming_seconds: 5,
        voice_count: 2,
        ..Default::default()
    };
    let read = |v: &mut Violations, it: &wire::UsageSummary| parse::usage(v, it, NOW);
    run("usage", &usage, read, Some(show::usage));
}

#[test]
fn an_interaction_is_taken_or_each_wrong_field_named() {
    let interaction = wire::Interaction {
        interaction_id: "I1".into(),
        customer_id: "C1".into(),
        event_time: at(-1),
        channel: 2,
        direction: 1,
        kind: 1,
        reason: "BILLING".into(),
        resolution: "CREDIT".into(),
        phase: 1,
        complaint_id: "T1".into(),
    };
    let read = |v: &mut Violations, it: &wire::Interaction| parse::interaction(v, it, NOW);
    run("interaction", &interaction, read, Some(show::interaction));
}

#[test]
fn a_complaint_is_taken_or_each_wrong_field_named() {
    let complaint = wire::Complaint {
        complaint_id: "T1".into(),
        customer_id: "C1".into(),
        kind: 2,
        severity: 1,
        subject_code: "BILLING".into(),
        description: "Too high.\nAlways.".into(),
        subscription_id: "S1".into(),
        channel: 1,
        expected_resolution_time: at(3),
        ..Default::default()
    };
    let read = |v: &mut Violations, it: &wire::Complaint| {
        parse::new_complaint(v, it).map(|it| format!("{it:?}"))
    };
    run("complaint", &complaint, read, None);
}

#[test]
fn a_promise_is_taken_or_each_wrong_field_named() {
    let promise = wire::Promise {
        promise_id: "P1".into(),
        customer_id: "C1".into(),
        complaint_id: "T1".into(),
        promised_by: Some(wire::StaffMember {
            department_code: "desk".into(),
            person_code: "p1".into(),
        }),
        subject_code: "CALL_BACK".into(),
        text: "We call.".into(),
        channel: 2,
        promise_time: at(-1),
        due_time: at(2),
        ..Default::default()
    };
    let read = |v: &mut Violations, it: &wire::Promise| parse::promise(v, it, NOW);
    run("promise", &promise, read, Some(show::promise));
}

#[test]
fn a_survey_is_taken_or_each_wrong_field_named() {
    let survey = wire::Survey {
        survey_id: "V1".into(),
        customer_id: "C1".into(),
        event_time: at(-1),
        channel: 6,
        questionnaire_code: "AFTER_CALL".into(),
        complaint_id: "T1".into(),
        nps_score: Some(9),
        service_quality: Some(wire::ServiceQuality {
            reliability: Some(1),
            ..Default::default()
        }),
        answers: vec![wire::SurveyAnswer {
            question_code: "SOLVED".into(),
            answer_code: "YES".into(),
        }],
    };
    let read = |v: &mut Violations, it: &wire::Survey| parse::survey(v, it, NOW);
    run("survey", &survey, read, Some(show::survey));
}

#[test]
fn a_consent_is_taken_or_each_wrong_field_named() {
    let consent = wire::Consent {
        customer_id: "C1".into(),
        purpose: 3,
        channel: 1,
        contact_point: "ada@example.org".into(),
        status: 1,
        legal_basis: 1,
        text_version: "v1".into(),
        source: "web-shop".into(),
        actor: "agent-7".into(),
        valid_from: at(-1),
        valid_until: at(100),
        ..Default::default()
    };
    let read = |v: &mut Violations, it: &wire::Consent| parse::consent(v, it, NOW);
    run("consent", &consent, read, Some(show::consent));
}

#[test]
fn a_page_token_comes_back_or_is_refused_and_its_keys_are_read_or_refused() {
    let sealed = PageToken::after(["C1", "17"]).seal(b"list");
    let target = Target {
        name: "page_token",
        seeds: &[sealed.as_bytes(), b"C1\n17\n-9223372036854775808", b"\n"],
        words: &["A", "_", "=", "\n", "\u{1f}", "99999999999999999999"],
        inputs: INPUTS,
    };
    target.run(|input| {
        let text = String::from_utf8_lossy(input);
        let mut said = match PageToken::open(&text, b"list") {
            Ok(None) => "first page".to_owned(),
            Ok(Some(token)) => {
                assert_eq!(token.seal(b"list"), text, "one token has one text");
                "token".to_owned()
            }
            Err(error) => error.to_string(),
        };
        // Anybody can seal what they like: it is no secret.
        let keys: Vec<&str> = text.lines().collect();
        let sealed = PageToken::after(keys).seal(b"list");
        let list =
            |arguments: &str| Page::parse(Violations::new(), 10, &sealed, arguments.to_owned());
        assert!(list("other").is_err());
        let page = list("list").expect("it was sealed for this list");
        for at in 0..4 {
            assert!(page.text(at).is_ok() || page.number::<i64>(at).is_err());
            said += match page.number::<i64>(at) {
                Ok(_) => "number ",
                Err(_) => "other ",
            };
        }
        said
    });
}
