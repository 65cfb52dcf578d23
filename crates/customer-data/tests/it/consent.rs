//! The consent ledger: what is recorded, what follows from it, at any instant.

use tenure_core::{Clock, Span};
use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::change::Fact;
use tenure_proto::customer::v1::consent_service_client::ConsentServiceClient;
use tenure_proto::customer::v1::{ConsentPurpose as Purpose, ConsentReason as Reason};
use tenure_proto::customer::v1::{ConsentStatus as Status, LegalBasis as Basis};
use tenure_proto::r#type::v1::Channel;
use tenure_rpc::{Transport, fields::time};
use tenure_testkit::assert_code;
use tonic::Code;

use crate::suite::*;

fn ledger(suite: &Suite) -> ConsentServiceClient<Transport> {
    ConsentServiceClient::new(suite.transport.clone())
}

fn marketing(customer: &str, status: Status) -> wire::Consent {
    let basis = if status == Status::Granted {
        Basis::Consent
    } else {
        Basis::Unspecified
    };
    wire::Consent {
        customer_id: customer.into(),
        purpose: Purpose::Marketing.into(),
        status: status.into(),
        legal_basis: basis.into(),
        text_version: "2024-11".into(),
        source: "web-shop".into(),
        ..Default::default()
    }
}

async fn record(suite: &Suite, consent: wire::Consent) -> wire::Consent {
    let request = wire::RecordConsentRequest {
        request_id: fresh(),
        consent: Some(consent),
    };
    let recorded = ledger(suite).record_consent(request).await.unwrap();
    recorded.into_inner().consent.unwrap()
}

fn ask(customer: &str) -> wire::CheckConsentRequest {
    wire::CheckConsentRequest {
        customer_id: customer.into(),
        purpose: Purpose::Marketing.into(),
        ..Default::default()
    }
}

async fn check(suite: &Suite, request: wire::CheckConsentRequest) -> (bool, Reason) {
    let checked = ledger(suite).check_consent(request).await.unwrap();
    let checked = checked.into_inner();
    (checked.allowed, checked.reason())
}

async fn list(suite: &Suite, size: i32, token: &str) -> wire::ListConsentsResponse {
    let request = wire::ListConsentsRequest {
        customer_id: "ada".into(),
        page_size: size,
        page_token: token.into(),
        ..Default::default()
    };
    let page = ledger(suite).list_consents(request).await;
    page.unwrap().into_inner()
}

#[tokio::test]
async fn a_recorded_consent_is_shown_listed_and_told() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada"]).await;
        let given = wire::Consent {
            channel: Channel::Email.into(),
            contact_point: " Ada@Example.org".into(),
            actor: "agent-7".into(),
            valid_from: day("2024-12-01"),
            valid_until: day("2026-12-01"),
            ..marketing("ada", Status::Granted)
        };

        let recorded = record(&suite, given.clone()).await;

        assert!(!recorded.consent_id.is_empty());
        let expected = wire::Consent {
            consent_id: recorded.consent_id.clone(),
            contact_point: "ada@example.org".into(),
            record_time: day("2025-01-01"),
            ..given
        };
        assert_eq!(recorded, expected);
        assert_eq!(
            list(&suite, 0, "").await.consents,
            std::slice::from_ref(&expected)
        );
        let told = suite.changes().await.pop().unwrap();
        assert_eq!(told.event_time, day("2024-12-01"));
        assert_eq!(told.fact, Some(Fact::Consent(expected)));
    })
    .await;
}

#[tokio::test]
async fn a_repeated_record_stands_in_the_ledger_once() {
    each_suite(async |suite| {
        let suite = suite.with_customers(&["ada"]).await;
        let request = wire::RecordConsentRequest {
            request_id: fresh(),
            consent: Some(marketing("ada", Status::Granted)),
        };

        let first = ledger(&suite).record_consent(request.clone()).await;
        let again = ledger(&suite).record_consent(request).await;

        let (first, again) = (first.unwrap().into_inner(), again.unwrap().into_inner());
        assert_eq!((first.replayed, again.replayed), (false, true));
        assert_eq!(first.consent, again.consent);
        assert_eq!(list(&suite, 0, "").await.consents.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn every_instant_and_every_state_of_knowledge_is_answerable() {
    each_suite(async |suite| {
        let suite = suite.with_customers(&["ada"]).await;
        let begin = suite.clock.now();
        record(&suite, marketing("ada", Status::Granted)).await;
        suite.clock.advance(Span::from_days(10));
        record(&suite, marketing("ada", Status::Withdrawn)).await;
        suite.clock.advance(Span::from_days(10));
        // It was said before the withdrawal, and comes after it.
        let late = wire::Consent {
            valid_from: Some(time(begin + Span::from_days(5))),
            ..marketing("ada", Status::Granted)
        };
        record(&suite, late).await;

        let at = |days| Some(time(begin + Span::from_days(days)));
        let ask_at = |days| wire::CheckConsentRequest {
            at_time: at(days),
            ..ask("ada")
        };
        assert_eq!(check(&suite, ask("ada")).await, (false, Reason::Withdrawn));
        assert_eq!(
            check(&suite, ask_at(-1)).await,
            (false, Reason::NotRecorded)
        );
        assert_eq!(check(&suite, ask_at(6)).await, (true, Reason::Granted));
        assert_eq!(check(&suite, ask_at(10)).await, (false, Reason::Withdrawn));
        let known_before = wire::CheckConsentRequest {
            known_at_time: at(9),
            ..ask_at(15)
        };
        assert_eq!(check(&suite, known_before).await, (true, Reason::Granted));
    })
    .await;
}

#[tokio::test]
async fn channel_and_contact_point_and_expiry_decide() {
    each_suite(async |suite| {
        let suite = suite.with_customers(&["ada", "bob"]).await;
        let by = |channel: Channel, point: &str, consent: wire::Consent| wire::Consent {
            channel: channel.into(),
            contact_point: point.into(),
            ..consent
        };
        let consents = vec![
            wire::Consent {
                valid_until: day("2025-02-01"),
                ..marketing("ada", Status::Granted)
            },
            by(Channel::Email, "", marketing("ada", Status::Refused)),
            by(Channel::Email, "a@x", marketing("ada", Status::Granted)),
            marketing("bob", Status::Refused),
        ];
        let request = wire::BatchRecordConsentsRequest {
            request_id: fresh(),
            consents,
        };
        let recorded = ledger(&suite).batch_record_consents(request).await;
        assert_eq!(recorded.unwrap().into_inner().consent_ids.len(), 4);

        let ask_by = |channel: Channel, point: &str| wire::CheckConsentRequest {
            channel: channel.into(),
            contact_point: point.into(),
            ..ask("ada")
        };
        let granted = (true, Reason::Granted);
        assert_eq!(check(&suite, ask_by(Channel::Sms, "")).await, granted);
        let refused = (false, Reason::Refused);
        assert_eq!(check(&suite, ask_by(Channel::Email, "b@x")).await, refused);
        assert_eq!(check(&suite, ask_by(Channel::Email, "A@X")).await, granted);
        assert_eq!(check(&suite, ask("bob")).await, refused);
        let research = wire::CheckConsentRequest {
            purpose: Purpose::Research.into(),
            ..ask("ada")
        };
        let silent = (false, Reason::NotRecorded);
        assert_eq!(check(&suite, research).await, silent);
        suite.clock.advance(Span::from_days(31));
        let over = (false, Reason::Expired);
        assert_eq!(check(&suite, ask_by(Channel::Sms, "")).await, over);
    })
    .await;
}

#[tokio::test]
async fn the_ledger_is_read_in_pages() {
    each_suite(async |suite| {
        let suite = suite.with_customers(&["ada"]).await;
        let mut recorded = Vec::new();
        for status in [Status::Granted, Status::Withdrawn, Status::Granted] {
            // The clock stands still: each record has an instant of its own nevertheless.
            recorded.push(record(&suite, marketing("ada", status)).await);
        }
        recorded.reverse();

        let first = list(&suite, 2, "").await;
        let second = list(&suite, 2, &first.next_page_token).await;

        assert_eq!(first.consents, recorded[..2]);
        assert_eq!(second.consents, recorded[2..]);
        assert_eq!(second.next_page_token, "");
        assert!(check(&suite, ask("ada")).await.0);
    })
    .await;
}

#[tokio::test]
async fn wrong_records_are_refused_by_field_and_nothing_is_recorded() {
    each_suite(async |suite| {
        let suite = suite.with_customers(&["ada"]).await;
        let wrong = wire::Consent {
            purpose: 99,
            status: Status::Granted.into(),
            contact_point: "x".repeat(255),
            valid_from: day("2025-01-02"),
            valid_until: day("2025-01-02"),
            ..Default::default()
        };
        let request = wire::RecordConsentRequest {
            request_id: fresh(),
            consent: Some(wrong),
        };
        let refused = ledger(&suite).record_consent(request).await.unwrap_err();
        assert_code(&refused, Code::InvalidArgument, "INVALID_FIELDS");
        let named = fields(&refused);
        for field in [
            "consent.customer_id",
            "consent.purpose",
            "consent.contact_point",
            "consent.legal_basis",
            "consent.source",
            "consent.valid_until",
        ] {
            assert!(named.contains(&field.to_owned()), "{field} of {named:?}");
        }

        let batch = |consents| wire::BatchRecordConsentsRequest {
            request_id: fresh(),
            consents,
        };
        let twice = vec![
            marketing("ada", Status::Granted),
            marketing("ada", Status::Refused),
        ];
        let refused = ledger(&suite).batch_record_consents(batch(twice)).await;
        assert_eq!(fields(&refused.unwrap_err()), ["consents[1].customer_id"]);
        let strangers = vec![
            marketing("ada", Status::Granted),
            marketing("eve", Status::Granted),
        ];
        let refused = ledger(&suite).batch_record_consents(batch(strangers)).await;
        let refused = refused.unwrap_err();
        assert_code(&refused, Code::NotFound, "CUSTOMER_NOT_FOUND");
        assert_eq!(fields(&refused), ["consents[1].customer_id"]);
        let refused = ledger(&suite).check_consent(ask("eve")).await.unwrap_err();
        assert_code(&refused, Code::NotFound, "CUSTOMER_NOT_FOUND");
        let nothing = wire::CheckConsentRequest::default();
        let refused = ledger(&suite).check_consent(nothing).await.unwrap_err();
        assert_eq!(fields(&refused), ["customer_id", "purpose"]);
        assert!(list(&suite, 0, "").await.consents.is_empty());
    })
    .await;
}
