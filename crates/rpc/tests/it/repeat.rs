//! Repeated writes: what a second request with one request id gets.

use prost_reflect::{DescriptorPool, MethodDescriptor};
use tenure_core::{Coded, ErrorCode};
use tenure_proto::WriteRequest;
use tenure_proto::loyalty::v1::{CreateRewardRequest, CreateRewardResponse};
use tenure_rpc::fingerprint::REQUEST_ID_FIELD;
use tenure_rpc::{Fingerprint, StoredAnswer, status};
use tonic::{Code, Status};

const DOMAIN: &str = "loyalty.tenure";

#[derive(Debug, thiserror::Error)]
#[error("no")]
struct No(ErrorCode);

impl Coded for No {
    fn code(&self) -> ErrorCode {
        self.0
    }

    fn reason(&self) -> &'static str {
        "REWARD_EXISTS"
    }
}

fn request(author: &str) -> CreateRewardRequest {
    CreateRewardRequest {
        request_id: "0190a0b0-0000-7000-8000-000000000001".to_owned(),
        author: author.to_owned(),
        ..CreateRewardRequest::default()
    }
}

fn repeat(author: &str, stored: &[u8]) -> Result<CreateRewardResponse, Status> {
    let first = Fingerprint::of(&request("ada"));
    let repeated = Fingerprint::of(&request(author));
    StoredAnswer::repeat::<CreateRewardRequest>(&repeated, &first, stored, DOMAIN)
}

fn stored(answered: &Result<CreateRewardResponse, No>) -> Option<Vec<u8>> {
    StoredAnswer::of(answered, DOMAIN).map(|answer| answer.to_bytes())
}

#[test]
fn a_repeat_gets_the_first_answer_marked_as_replayed() {
    let answer = CreateRewardResponse::default();
    let stored = stored(&Ok(answer.clone())).unwrap();

    let repeated = repeat("ada", &stored).unwrap();

    let replayed = true;
    assert_eq!(repeated, CreateRewardResponse { replayed, ..answer });
}

#[test]
fn a_repeat_of_what_was_refused_is_refused_alike() {
    let stored = stored(&Err(No(ErrorCode::AlreadyExists))).unwrap();

    let repeated = repeat("ada", &stored).unwrap_err();

    assert_eq!(repeated.code(), Code::AlreadyExists);
    assert_eq!(status::reason(&repeated).as_deref(), Some("REWARD_EXISTS"));
}

#[test]
fn of_overload_and_our_own_mistakes_nothing_is_stored() {
    assert_eq!(stored(&Err(No(ErrorCode::Unavailable))), None);
    assert_eq!(stored(&Err(No(ErrorCode::Internal))), None);
}

#[test]
fn another_request_with_the_id_is_refused_whatever_the_first_was_answered() {
    let stored = stored(&Err(No(ErrorCode::AlreadyExists))).unwrap();

    let reused = repeat("grace", &stored).unwrap_err();

    assert_eq!(reused.code(), Code::InvalidArgument);
    assert_eq!(
        status::reason(&reused).as_deref(),
        Some("REQUEST_ID_REUSED")
    );
    assert_eq!(
        status::metadata(&reused, "fields").as_deref(),
        Some("author")
    );
}

#[test]
fn a_stored_answer_that_cannot_be_read_is_our_mistake() {
    for damaged in [&[][..], &[9, 1], &[0, 0xff], &[1, 0xff]] {
        let refused = repeat("ada", damaged).unwrap_err();

        assert_eq!(refused.code(), Code::Internal, "{damaged:?}");
        assert_eq!(status::reason(&refused).as_deref(), Some("INTERNAL_ERROR"));
    }
}

#[test]
fn a_write_is_named_as_its_proto_names_it() {
    assert_eq!(
        CreateRewardRequest::METHOD_NAME,
        "tenure.loyalty.v1.RewardService/CreateReward"
    );
    assert_eq!(
        CreateRewardRequest::MESSAGE_NAME,
        "tenure.loyalty.v1.CreateRewardRequest"
    );
}

#[test]
fn every_write_has_its_request_id_in_the_field_that_fingerprints_leave_out() {
    let pool = DescriptorPool::decode(tenure_proto::FILE_DESCRIPTOR_SET).unwrap();
    let services = pool.services();
    let methods: Vec<MethodDescriptor> = services
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .collect();
    let is_write =
        |method: &&MethodDescriptor| method.output().get_field_by_name("replayed").is_some();
    let mut writes = 0;
    for method in methods.iter().filter(is_write) {
        let field = method.input().get_field_by_name("request_id");
        let number = field.map(|field| field.number());

        assert_eq!(number, Some(REQUEST_ID_FIELD), "{}", method.full_name());
        writes += 1;
    }
    assert!(writes > 0);
}
