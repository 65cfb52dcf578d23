//! Errors, fields, fingerprints and stored answers: what they look like on the wire.

use tenure_core::{Coded, ErrorCode, Timestamp, Violation, Violations};
use tenure_rpc::{
    Fingerprint, IntoStatus, RequestError, StoredAnswer, fields, fingerprint, status,
};
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_types::StatusExt;

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("account {0} has too few points")]
    Poor(&'static str),
    #[error("cannot read the ledger")]
    Broken(#[source] std::io::Error),
    #[error("the database is away")]
    Away,
}

impl Coded for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Poor(_) => ErrorCode::FailedPrecondition,
            Self::Broken(_) => ErrorCode::Internal,
            Self::Away => ErrorCode::Unavailable,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Poor(_) => "INSUFFICIENT_POINTS",
            Self::Broken(_) => "INTERNAL_ERROR",
            Self::Away => "DATABASE_UNAVAILABLE",
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Poor(account) => vec![("account_id", (*account).to_owned())],
            _ => Vec::new(),
        }
    }
}

const DOMAIN: &str = "loyalty.tenure";

#[test]
fn an_error_tells_its_reason_domain_and_what_varies() {
    let status = Error::Poor("A-1").into_status(DOMAIN);

    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(status.message(), "account A-1 has too few points");
    let info = status.get_details_error_info().unwrap();
    assert_eq!(
        (info.reason.as_str(), info.domain.as_str()),
        ("INSUFFICIENT_POINTS", DOMAIN)
    );
    assert_eq!(info.metadata["account_id"], "A-1");
    assert!(status.get_details_retry_info().is_none());
}

#[test]
fn what_is_unavailable_says_when_to_try_again() {
    let status = Error::Away.into_status(DOMAIN);

    assert!(
        status
            .get_details_retry_info()
            .unwrap()
            .retry_delay
            .is_some()
    );
}

#[test]
fn our_own_mistakes_are_not_told() {
    let cause = std::io::Error::other("password authentication failed for hunter2");

    let status = Error::Broken(cause).into_status(DOMAIN);

    assert_eq!(status.code(), Code::Internal);
    assert!(status.message().starts_with("internal error "));
    assert!(
        !format!("{status:?}").contains("ledger") && !format!("{status:?}").contains("hunter2")
    );
}

#[test]
fn all_wrong_fields_are_listed_up_to_a_limit() {
    let wrong = |n: usize| Violation {
        field: format!("f[{n}]"),
        wanted: "w".into(),
        found: "f".into(),
    };

    let few = RequestError::Fields((0..4).map(wrong).collect()).into_status(DOMAIN);
    let many = RequestError::Fields((0..1_000).map(wrong).collect()).into_status(DOMAIN);

    assert_eq!(few.code(), Code::InvalidArgument);
    assert_eq!(
        few.message(),
        "f[0]: wanted w, found f; f[1]: wanted w, found f; f[2]: wanted w, found f; and 1 more"
    );
    assert_eq!(
        few.get_details_bad_request()
            .unwrap()
            .field_violations
            .len(),
        4
    );
    assert_eq!(
        many.get_details_bad_request()
            .unwrap()
            .field_violations
            .len(),
        50
    );
    assert!(
        many.message()
            .ends_with("and 997 more (the first 50 are listed)")
    );
    assert!(
        many.details().len() < 8_192,
        "{} bytes of trailers",
        many.details().len()
    );
}

#[test]
fn a_stored_answer_comes_back_as_it_was() {
    let response = HealthCheckRequest {
        service: "x".to_owned(),
    };
    let stored = StoredAnswer::response(&response).to_bytes();
    let refused = StoredAnswer::refusal(&Error::Poor("A-1"), DOMAIN)
        .unwrap()
        .to_bytes();

    let read = |bytes: &[u8]| {
        StoredAnswer::from_bytes(bytes)
            .unwrap()
            .to_result::<HealthCheckRequest>()
    };

    assert_eq!(read(&stored).unwrap(), response);
    let (again, first) = (
        read(&refused).unwrap_err(),
        Error::Poor("A-1").into_status(DOMAIN),
    );
    assert_eq!(
        (again.code(), again.message()),
        (first.code(), first.message())
    );
    let info = |status: &tonic::Status| {
        let info = status.get_details_error_info().unwrap();
        (info.reason, info.domain, info.metadata)
    };
    assert_eq!(info(&again), info(&first));
}

#[test]
fn only_business_refusals_are_stored_and_damage_is_found() {
    assert!(StoredAnswer::refusal(&Error::Away, DOMAIN).is_none());
    assert!(StoredAnswer::refusal(&RequestError::Fields(Vec::new()), DOMAIN).is_none());
    assert!(StoredAnswer::from_bytes(&[]).is_err());
    assert!(StoredAnswer::from_bytes(&[9, 1]).is_err());
    assert!(StoredAnswer::from_bytes(&[1, 0xff]).is_err());
}

/// The number of `request_id` in `tenure.loyalty.v1.RedeemPointsRequest`, and another field of it.
fn redeem_fields() -> (u32, u32, String) {
    let set = prost_reflect::DescriptorPool::decode(tenure_proto::FILE_DESCRIPTOR_SET).unwrap();
    let message = set
        .get_message_by_name("tenure.loyalty.v1.RedeemPointsRequest")
        .unwrap();
    let id = message.get_field_by_name("request_id").unwrap().number();
    let other = message.fields().find(|field| field.number() != id).unwrap();
    (id, other.number(), other.name().to_owned())
}

/// One length-delimited field below number 16.
fn field(number: u32, text: &str) -> Vec<u8> {
    let mut bytes = vec![
        u8::try_from(number << 3 | 2).unwrap(),
        u8::try_from(text.len()).unwrap(),
    ];
    bytes.extend(text.bytes());
    bytes
}

#[test]
fn a_request_id_used_for_another_request_names_the_fields_that_differ() {
    let (id, other, name) = redeem_fields();
    let request = |id_text: &str, text: &str| {
        Fingerprint::of_encoded(&[field(id, id_text), field(other, text)].concat(), id)
    };
    let first = Fingerprint::from_bytes(request("1", "a").as_bytes());
    let message = "tenure.loyalty.v1.RedeemPointsRequest";

    assert_eq!(first.check(&request("2", "a"), message), Ok(()));
    let reused = first.check(&request("1", "b"), message).unwrap_err();

    assert_eq!(reused, RequestError::RequestIdReused(vec![name.clone()]));
    let status = reused.into_status(DOMAIN);
    assert_eq!(
        status::reason(&status).as_deref(),
        Some("REQUEST_ID_REUSED")
    );
    assert_eq!(status::metadata(&status, "fields"), Some(name));
}

#[test]
fn fields_differ_when_they_are_absent_repeated_otherwise_or_in_another_order() {
    let of = |parts: &[Vec<u8>]| Fingerprint::of_encoded(&parts.concat(), 9);
    let differ = |one: &[Vec<u8>], other: &[Vec<u8>]| {
        fingerprint::difference(of(one).as_bytes(), of(other).as_bytes())
    };
    let (a, b, c) = (field(2, "a"), field(2, "b"), field(5, "c"));

    assert_eq!(
        differ(&[a.clone(), c.clone()], std::slice::from_ref(&c)),
        [2]
    );
    assert_eq!(
        differ(&[a.clone(), b.clone()], &[b.clone(), a.clone()]),
        [2]
    );
    assert_eq!(
        differ(&[a.clone(), a.clone()], std::slice::from_ref(&a)),
        [2]
    );
    assert_eq!(
        differ(&[a.clone(), c.clone()], &[c.clone(), a.clone()]),
        [0_u32; 0]
    );
    assert_eq!(differ(&[a], &[b, c]), [2, 5]);
}

#[test]
fn instants_come_back_from_the_wire_and_impossible_ones_are_refused() {
    for micros in [
        0,
        -1,
        1_700_000_000_123_456,
        Timestamp::MIN.as_micros(),
        Timestamp::MAX.as_micros(),
    ] {
        let instant = Timestamp::from_micros(micros);
        assert_eq!(fields::parse_time(&fields::time(instant)), Ok(instant));
    }
    for (seconds, nanos) in [
        (0, -1),
        (0, 1_000_000_000),
        (i64::MAX, 0),
        (i64::MIN, 0),
        (253_370_764_801, 0),
    ] {
        assert!(fields::parse_time(&prost_types::Timestamp { seconds, nanos }).is_err());
    }
}

#[test]
fn text_and_lists_have_limits() {
    let mut violations = Violations::new();

    assert_eq!(
        fields::text(&mut violations, "ok", "Ada Ö", 6),
        Some("Ada Ö")
    );
    for text in ["", "seven bytes", "a\nb"] {
        assert_eq!(fields::text(&mut violations, "text", text, 6), None);
    }
    assert!(fields::at_most(&mut violations, "list", &[1, 2], 2));
    assert!(!fields::at_most(&mut violations, "list", &[1, 2, 3], 2));
    assert!(fields::required_time(&mut violations, "at", None).is_none());

    let found: Vec<_> = violations
        .into_result()
        .unwrap_err()
        .into_iter()
        .map(|violation| violation.found)
        .collect();
    assert_eq!(
        found,
        [
            "nothing",
            "11 bytes",
            "the character U+000A at byte 1",
            "3 items",
            "nothing"
        ]
    );
}
