//! What somebody without the right to personal data is shown: nothing that was planted.

use bytes::{Buf as _, BufMut as _, Bytes};
use prost_reflect::{DescriptorPool, DynamicMessage, Kind, MethodDescriptor, Value};
use tenure_customer_data::{Config, MIGRATIONS, Peers, PrivacyConfig, Right};
use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::party_service_client::PartyServiceClient;
use tenure_rpc::Transport;
use tenure_sql::Db;
use tenure_testkit::{assert_code, each_backend};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Code, Request, Status};

use crate::erasure::{BIRTH, CRM_ID, MAIL, NAME, NUMBER, STREET, fill};
use crate::suite::*;

/// Nothing of this may be shown without the right.
pub(crate) const PLANTED: [&str; 14] = [
    NAME,
    "Ottilie",
    "Wildgruber",
    "wildgruber",
    NUMBER,
    "+9991112",
    CRM_ID,
    BIRTH,
    STREET,
    "Every month",
    "We call back",
    "five euros",
    "Gurkenstadt",
    "A-98765",
];

/// Messages as they are.
#[derive(Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let length = buffer.remaining();
        Ok(Some(buffer.copy_to_bytes(length)))
    }
}

/// Returns every method that only reads.
pub(crate) fn reads() -> Vec<MethodDescriptor> {
    let pool = DescriptorPool::decode(tenure_proto::FILE_DESCRIPTOR_SET).unwrap();
    let ours = pool.services();
    let ours = ours.filter(|it| it.full_name().starts_with("tenure.customer.v1."));
    let methods = ours.flat_map(|service| service.methods().collect::<Vec<_>>());
    let reads = |method: &MethodDescriptor| {
        let options = method.options();
        let level = options.get_field_by_name("idempotency_level");
        level.and_then(|it| it.as_enum_number()) == Some(1)
    };
    methods.filter(reads).collect()
}

/// Returns a request about `ott`, whatever it asks.
fn request(method: &MethodDescriptor) -> Vec<u8> {
    use prost_reflect::prost::Message as _;
    let mut request = DynamicMessage::new(method.input());
    for field in method.input().fields() {
        let value = match (field.name(), field.kind()) {
            ("customer_id" | "payer_customer_id", _) => Value::String("ott".into()),
            ("customer_ids", _) if !method.is_server_streaming() => {
                Value::List(vec![Value::String("ott".into())])
            }
            // Of a choice the last one counts, which is another one of these.
            ("msisdn", _) => Value::String(NUMBER.into()),
            ("complaint_id", _) => Value::String("T-ott".into()),
            ("account_id", _) => Value::String("A-ott".into()),
            ("group_id", _) => Value::String("G-ott".into()),
            ("subscription_id", _) => Value::String("S-ott".into()),
            ("prospect_id", _) => Value::String("new".into()),
            ("lead_id", _) => Value::String("L-new".into()),
            ("department_code", _) => Value::String("network".into()),
            ("purpose" | "channel", Kind::Enum(_)) => Value::EnumNumber(2),
            _ => continue,
        };
        request.set_field(&field, value);
    }
    request.encode_to_vec()
}

pub(crate) async fn ask(
    transport: Transport,
    method: &MethodDescriptor,
) -> Result<Vec<u8>, Status> {
    call(transport, method, request(method)).await
}

/// Calls a method with a message as it is, and returns all messages that it answers.
pub(crate) async fn call(
    transport: Transport,
    method: &MethodDescriptor,
    message: Vec<u8>,
) -> Result<Vec<u8>, Status> {
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
    let mut client = tonic::client::Grpc::new(transport);
    client.ready().await?;
    let path = path.parse().unwrap();
    let answer = client.server_streaming(Request::new(message), path, Raw);
    let mut messages = answer.await?.into_inner();
    let mut all = Vec::new();
    while let Some(message) = messages.message().await? {
        all.extend_from_slice(&message);
    }
    Ok(all)
}

/// The service as those see it who have no right that they can prove.
pub(crate) fn masked(db: Db) -> Suite {
    let config = Config {
        privacy: PrivacyConfig {
            right_by_default: Right::Masked,
            ..PrivacyConfig::default()
        },
        ..Config::default()
    };
    Suite::with(db, config, Peers::default())
}

pub(crate) async fn plant(suite: &mut Suite) {
    fill(suite, "ott", NAME, NUMBER, CRM_ID).await;
    let resolution = wire::ProposeResolutionRequest {
        request_id: fresh(),
        customer_id: "ott".into(),
        complaint_id: "T-ott".into(),
        resolution_code: "CREDIT".into(),
        text: "We give Ottilie five euros.".into(),
        proposed_by: crate::care_suite::staff("desk", "d7"),
    };
    let mut care = crate::care_suite::care(suite);
    care.propose_resolution(resolution).await.unwrap();
    let words = wire::Interaction {
        reason: "Ottilie rang".into(),
        resolution: "Told Wildgruber".into(),
        ..complaint("ott", "I-2", 41)
    };
    let contact = wire::BatchUpsertInteractionsRequest {
        request_id: fresh(),
        interactions: vec![words],
    };
    let client = &mut suite.client;
    client.batch_upsert_interactions(contact).await.unwrap();
    plant_party(suite).await;
    let other = line("ott", "S-2", "+999111244555", "2024-01-01");
    suite.subscribe(vec![other]).await.unwrap();
    let end = wire::TerminateSubscriptionRequest {
        churn_reason: "Wildgruber moves".into(),
        ..terminate("ott", "S-2", None)
    };
    suite.client.terminate_subscription(end).await.unwrap();
}

/// The same names and addresses once more, as parties have them, and a prospect's.
async fn plant_party(suite: &Suite) {
    crate::fill::account_and_group(suite, "ott").await;
    crate::fill::prospect(suite, "new").await;
    let mut parties = PartyServiceClient::new(suite.transport.clone());
    let name = wire::SetPartyNameRequest {
        request_id: fresh(),
        customer_id: "ott".into(),
        name: Some(wire::PartyName {
            given_name: "Ottilie".into(),
            family_name: "Wildgruber".into(),
            ..Default::default()
        }),
    };
    parties.set_party_name(name).await.unwrap();
    let street = wire::contact_medium::Value::PostalAddress(wire::PostalAddress {
        street: STREET.into(),
        city: "Gurkenstadt".into(),
        postal_code: "A-98765".into(),
        ..Default::default()
    });
    let mail = wire::contact_medium::Value::EmailAddress(MAIL.into());
    for (id, value) in [("m1", street), ("m2", mail)] {
        let medium = wire::PutContactMediumRequest {
            request_id: fresh(),
            customer_id: "ott".into(),
            contact_medium: Some(wire::ContactMedium {
                medium_id: id.into(),
                value: Some(value),
                ..Default::default()
            }),
        };
        parties.put_contact_medium(medium).await.unwrap();
    }
}

pub(crate) fn holds(all: &[u8], text: &str) -> bool {
    all.windows(text.len()).any(|it| it == text.as_bytes())
}

#[tokio::test]
async fn no_method_shows_a_personal_value_without_the_right() {
    each_backend(&MIGRATIONS, async |db| {
        let mut full = Suite::new(db.clone());
        plant(&mut full).await;
        let masked = masked(db);
        let mut shown = Vec::new();
        let mut answered = 0;
        for method in reads() {
            let name = method.name();
            let known = ask(full.transport.clone(), &method).await;
            let got = ask(masked.transport.clone(), &method).await;
            match known {
                Ok(known) => shown.extend(known),
                // It asks for something that is not there, an import for example, or for more than
                // who somebody is.
                Err(error) => {
                    let is_about_others = [Code::NotFound, Code::InvalidArgument];
                    assert!(is_about_others.contains(&error.code()), "{name}: {error}");
                    continue;
                }
            }
            if ["ExportCustomer", "ListAccesses"].contains(&name) {
                let refused = got.unwrap_err();
                assert_code(&refused, Code::PermissionDenied, "PERSONAL_DATA_REFUSED");
                continue;
            }
            let got = got.unwrap_or_else(|error| panic!("{name}: {error}"));
            let leaks: Vec<_> = PLANTED.iter().filter(|it| holds(&got, it)).collect();
            assert!(
                leaks.is_empty() && !holds(&got, MAIL),
                "{name} shows {leaks:?}"
            );
            answered += 1;
        }

        assert!(answered > 15, "{answered} methods");
        let missing = PLANTED.iter().find(|it| !holds(&shown, it));
        assert_eq!(missing, None, "with the right everything is shown");
    })
    .await;
}

#[tokio::test]
async fn what_is_masked_still_tells_what_a_clerk_needs() {
    each_backend(&MIGRATIONS, async |db| {
        let mut full = Suite::new(db.clone());
        plant(&mut full).await;
        let mut masked = masked(db);

        let customer = masked.get("ott").await;

        assert_eq!(customer.display_name, "O••• W•••");
        assert_eq!(customer.external_ids, [external("crm", "•••")]);
        let names: Vec<_> = customer.attributes.iter().map(|it| &it.name).collect();
        assert_eq!(names, ["birth_date", "street"]);
        let whole = full.get("ott").await;
        assert_eq!(
            (customer.etag, customer.update_time, customer.kind),
            (whole.etag, whole.update_time, whole.kind)
        );
        let lines = masked.subscriptions("ott").await;
        let mut numbers: Vec<_> = lines.iter().map(|it| it.msisdn.as_str()).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, ["•••333", "•••555"]);
    })
    .await;
}

#[tokio::test]
async fn a_write_answers_with_masks_too_and_so_does_its_repeat() {
    each_backend(&MIGRATIONS, async |db| {
        let mut full = Suite::new(db.clone());
        let mut masked = masked(db);
        let request = wire::CreateCustomerRequest {
            request_id: fresh(),
            customer: Some(wire::Customer {
                display_name: NAME.into(),
                ..customer("ott")
            }),
        };

        for suite in [&mut masked, &mut full] {
            let answer = suite.client.create_customer(request.clone()).await.unwrap();
            let shown = answer.into_inner().customer.unwrap().display_name;
            assert!(["O••• W•••", NAME].contains(&shown.as_str()), "{shown}");
        }

        let again = masked.client.create_customer(request).await.unwrap();
        let again = again.into_inner();
        assert!(again.replayed);
        assert_eq!(again.customer.unwrap().display_name, "O••• W•••");
        assert_eq!(
            full.get("ott").await.display_name,
            NAME,
            "it is stored whole"
        );
    })
    .await;
}
