//! Random requests for every method: whatever is asked, the answer is an answer, or says what is wrong.
//!
//! The first byte says which method of the service, the rest is the request. The messages to begin with are
//! made from the descriptors, so that a new method is tried as soon as it is there.

use prost_reflect::prost::Message as _;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor,
    Value,
};
use tenure_customer_data::MIGRATIONS;
use tenure_rpc::Transport;
use tenure_sql::DbOptions;
use tenure_testkit::fresh_sqlite;
use tenure_testkit::fuzz::Target;
use tonic::Code;

use crate::masks::call;
use crate::suite::*;

/// How deep messages stand in each other in those to begin with.
const DEPTH_MAX: usize = 4;
/// So many messages of each method to begin with, with other customers, words and choices in them.
const CHOICES: usize = 3;
/// From this byte on a request keeps its id, and is a repeat.
const REPEATS: u8 = 192;
const ID: &str = "0190d2b0-3f5e-7c1a-9a51-0123456789ab";

/// The methods of a service that answer once.
fn methods(service: &str) -> Vec<MethodDescriptor> {
    let pool = DescriptorPool::decode(tenure_proto::FILE_DESCRIPTOR_SET).unwrap();
    let name = format!("tenure.customer.v1.{service}");
    let service = pool.get_service_by_name(&name).unwrap();
    let methods = service.methods();
    methods.filter(|it| !it.is_server_streaming()).collect()
}

/// Returns a message in which every field says something; of fields that exclude each other, one does.
fn filled(message: &MessageDescriptor, choice: usize, depth: usize) -> DynamicMessage {
    let mut filled = DynamicMessage::new(message.clone());
    for field in message.fields() {
        let is_chosen = field.containing_oneof().is_none_or(|oneof| {
            let at = choice % oneof.fields().len();
            oneof.fields().nth(at).is_some_and(|it| it == field)
        });
        let Some(value) = value(&field, choice, depth).filter(|_| is_chosen) else {
            continue;
        };
        let value = if field.is_list() {
            Value::List(vec![value])
        } else {
            value
        };
        filled.set_field(&field, value);
    }
    filled
}

fn value(field: &FieldDescriptor, choice: usize, depth: usize) -> Option<Value> {
    let small = i32::try_from(choice).unwrap() + 1;
    Some(match field.kind() {
        Kind::Message(inner) if inner.full_name() == "google.protobuf.Timestamp" => {
            let mut at = DynamicMessage::new(inner);
            // Of 2024, when the clock says 2025.
            at.set_field_by_name(
                "seconds",
                Value::I64(1_704_067_200 + 86_400 * i64::from(small)),
            );
            Value::Message(at)
        }
        Kind::Message(inner) => Value::Message(filled(&inner, choice, depth.checked_sub(1)?)),
        Kind::Enum(words) => {
            let count = i32::try_from(words.values().count()).unwrap();
            Value::EnumNumber(small.min(count - 1))
        }
        Kind::String => Value::String(word(field.name(), choice).into()),
        Kind::Bytes => Value::Bytes(b"x".as_slice().to_vec().into()),
        Kind::Bool => Value::Bool(choice == 1),
        Kind::Double => Value::F64(0.5),
        Kind::Float => Value::F32(0.5),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(small),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(small.into()),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(small.unsigned_abs()),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(small.unsigned_abs().into()),
    })
}

fn word(field: &str, choice: usize) -> &'static str {
    let customers = ["ada", "bob", "eve"];
    let one = customers[choice % customers.len()];
    match field {
        "request_id" | "merge_id" | "erasure_id" | "run_id" | "import_id" | "relationship_id" => ID,
        "to_customer_id" | "payer_customer_id" | "loser_customer_ids" => {
            customers[(choice + 1) % customers.len()]
        }
        "currency_code" => "EUR",
        "country_code" => "AT",
        "msisdn" | "phone_number" => ["+999111222333", "+999111222334", "+99911122335"][choice % 3],
        "email_address" => "ada@example.org",
        "iccid" => "8943000000000000001",
        "page_token" | "etag" | "resume_token" => "",
        "field" => "display_name",
        "fields" => "attributes.birth_date",
        "name" => "birth_date",
        "subscription_id" => ["S-ada", "S-bob", "S-eve"][choice % 3],
        _ if field.contains("customer_id") || field == "prospect_id" => one,
        _ if field.ends_with("_id") => ["X-1", "X-2", "X-3"][choice % 3],
        _ => "CODE",
    }
}

/// What must never be answered, however strange the request is. That something takes too long, or must be tried
/// again, says nothing of the request.
const WRONG: [Code; 4] = [
    Code::Internal,
    Code::Unknown,
    Code::DataLoss,
    Code::Unimplemented,
];

async fn ask(transport: &Transport, methods: &[MethodDescriptor], input: &[u8]) -> String {
    let Some((number, message)) = input.split_first() else {
        return "nothing".to_owned();
    };
    let method = &methods[usize::from(number % REPEATS) % methods.len()];
    let name = method.name();
    if DynamicMessage::decode(method.input(), message).is_err() {
        return "no message".to_owned();
    }
    let mut message = message.to_vec();
    if *number < REPEATS && method.input().get_field_by_name("request_id").is_some() {
        // What a message says twice, it says as it was said last.
        message.extend([0x0a, 36]);
        message.extend(fresh().bytes());
    }
    let status = match call(transport.clone(), method, message).await {
        Ok(answer) => {
            let answer = DynamicMessage::decode(method.output(), answer.as_slice());
            let said = answer.expect("an answer is a message").fields().count();
            return format!("{name} answers {said}");
        }
        Err(status) => status,
    };
    assert!(!WRONG.contains(&status.code()), "{name}: {status:?}");
    let reason = tenure_testkit::error_info(&status).reason;
    assert!(!reason.is_empty(), "{name}: {status:?}");
    let fields = fields(&status);
    assert!(
        fields.iter().all(|it| (1..=200).contains(&it.len())),
        "{name}: {fields:?}"
    );
    let mut said = format!(
        "{name} {reason} {}",
        fields[..fields.len().min(3)].join(" ")
    );
    said.retain(|c| !c.is_ascii_digit());
    said
}

/// Tries one service on a small base.
fn run(service: &str) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let methods = methods(service);
    let mut seeds = Vec::new();
    for (number, method) in methods.iter().enumerate() {
        for choice in 0..CHOICES {
            let message = filled(&method.input(), choice, DEPTH_MAX).encode_to_vec();
            seeds.push([vec![u8::try_from(number).unwrap()], message].concat());
        }
    }
    let seeds: Vec<&[u8]> = seeds.iter().map(Vec::as_slice).collect();
    let name = format!("requests of {service}");
    let target = Target {
        name: &name,
        seeds: &seeds,
        words: &["\u{0}", "ada", "X-1", "+999111222333", "\n\u{3}bob", ID],
        inputs: seeds.len() as u64 + 60,
    };
    let case = async |db: tenure_sql::Db| {
        let mut suite = Suite::new(db).with_customers(&["ada", "bob", "eve"]).await;
        for id in ["ada", "bob"] {
            let own = line(id, &format!("S-{id}"), "", "2024-02-01");
            suite.subscribe(vec![own]).await.unwrap();
        }
        target.run(|input| {
            let answer = ask(&suite.transport, &methods, input);
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(answer))
        });
    };
    runtime.block_on(async { fresh_sqlite(&MIGRATIONS, &DbOptions::default(), case).await });
}

/// One test for each service, so that they run beside each other.
macro_rules! services {
    ($($test:ident: $service:literal,)*) => {
        /// The services that are tried.
        const SERVICES: &[&str] = &[$($service),*];
        $(
            #[test]
            fn $test() {
                run($service);
            }
        )*
    };
}

services! {
    accounts_answer_whatever_is_asked: "AccountService",
    briefings_answer_whatever_is_asked: "BriefingService",
    complaints_answer_whatever_is_asked: "ComplaintService",
    consents_answer_whatever_is_asked: "ConsentService",
    customers_answer_whatever_is_asked: "CustomerService",
    groups_answer_whatever_is_asked: "GroupService",
    identity_answers_whatever_is_asked: "IdentityService",
    import_reversals_answer_whatever_is_asked: "ImportReversalService",
    imports_answer_whatever_is_asked: "ImportService",
    leads_answer_whatever_is_asked: "LeadService",
    parties_answer_whatever_is_asked: "PartyService",
    privacy_and_retention_answer_whatever_is_asked: "PrivacyService",
    profiles_answer_whatever_is_asked: "ProfileService",
    quality_answers_whatever_is_asked: "QualityService",
    resources_answer_whatever_is_asked: "ResourceService",
    subscription_terms_answer_whatever_is_asked: "SubscriptionTermsService",
    surveys_answer_whatever_is_asked: "SurveyService",
}

#[test]
fn every_service_is_tried() {
    let pool = DescriptorPool::decode(tenure_proto::FILE_DESCRIPTOR_SET).unwrap();
    let ours = pool
        .services()
        .filter(|it| it.package_name() == "tenure.customer.v1");
    let mut ours: Vec<String> = ours.map(|it| it.name().to_owned()).collect();
    ours.sort();
    assert_eq!(ours, SERVICES);
}
