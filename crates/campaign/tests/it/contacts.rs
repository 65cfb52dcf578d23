//! Contacts: pulled under a lease, acknowledged, answered.

use std::collections::HashSet;

use tenure_core::Span;
use tenure_proto::campaign::v1::*;
use tenure_proto::r#type::v1::Channel;
use tenure_rpc::fields::time;
use tenure_testkit::assert_reason;

use crate::suite::{Suite, campaign, each_suite, pull, request_id};

/// The five minutes that a lease lasts when nothing else is asked for.
const LEASE: Span = Span::from_seconds(300);

async fn running(suite: Suite, customers: usize) -> (Suite, usize) {
    let suite = suite.with_customers(customers);
    let running = suite.run(campaign("spring")).await;
    (suite, usize::try_from(running.treated_count).unwrap())
}

fn names(contacts: &[Contact]) -> HashSet<String> {
    contacts
        .iter()
        .map(|contact| contact.contact_id.clone())
        .collect()
}

#[tokio::test]
async fn a_sender_gets_each_contact_once_until_no_more_wait() {
    each_suite(async |suite| {
        let (suite, treated) = running(suite, 40).await;

        let first = suite.pull(5).await;
        let rest = suite.pull(1_000).await;
        let nothing = suite.pull(1_000).await;

        assert_eq!(first.len(), 5);
        assert_eq!(rest.len(), treated - 5);
        assert!(names(&first).is_disjoint(&names(&rest)));
        assert_eq!(nothing, []);
        let contact = &first[0];
        assert_eq!(contact.state(), ContactState::Leased);
        assert_eq!(
            (contact.campaign_id.as_str(), contact.offer_id.as_str()),
            ("spring", "bonus")
        );
        assert_eq!(contact.channel(), Channel::Sms);
        assert_eq!(contact.lease_expire_time, Some(time(suite.now() + LEASE)));
        assert!(!contact.lease_token.is_empty());
        // Only whoever pulled learns the token.
        let enrolments = suite.enrolments("spring").await;
        let tokens = enrolments.iter().filter_map(|one| one.contact.as_ref());
        assert!(
            tokens
                .map(|contact| &contact.lease_token)
                .all(String::is_empty)
        );
    })
    .await;
}

#[tokio::test]
async fn a_repeated_pull_gets_the_same_contacts() {
    each_suite(async |mut suite| {
        (suite, _) = running(suite, 20).await;
        let request = pull(3);
        let first = suite
            .client
            .pull_contacts(request.clone())
            .await
            .unwrap()
            .into_inner();

        let again = suite
            .client
            .pull_contacts(request)
            .await
            .unwrap()
            .into_inner();

        assert!(again.replayed);
        assert_eq!(again.contacts, first.contacts);
    })
    .await;
}

#[tokio::test]
async fn only_contacts_of_the_channel_and_the_campaign_are_handed_out() {
    each_suite(async |mut suite| {
        (suite, _) = running(suite, 20).await;
        let other_channel = PullContactsRequest {
            channel: Channel::Email.into(),
            ..pull(100)
        };
        let this = PullContactsRequest {
            campaign_id: "spring".into(),
            ..pull(1)
        };
        let unknown = PullContactsRequest {
            campaign_id: "none".into(),
            ..pull(1)
        };

        let email = suite
            .client
            .pull_contacts(other_channel)
            .await
            .unwrap()
            .into_inner();
        let spring = suite.client.pull_contacts(this).await.unwrap().into_inner();
        let refused = suite.client.pull_contacts(unknown).await.unwrap_err();

        assert_eq!(email.contacts, []);
        assert_eq!(spring.contacts.len(), 1);
        assert_reason(&refused, "CAMPAIGN_NOT_FOUND");
    })
    .await;
}

#[tokio::test]
async fn the_limits_of_a_pull_are_named() {
    each_suite(async |mut suite| {
        let lease = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
        let wrong = [
            (
                "channel",
                PullContactsRequest {
                    channel: 0,
                    ..pull(1)
                },
            ),
            ("max_contacts", pull(0)),
            ("max_contacts", pull(1_001)),
            (
                "lease_duration",
                PullContactsRequest {
                    lease_duration: lease(0),
                    ..pull(1)
                },
            ),
            (
                "lease_duration",
                PullContactsRequest {
                    lease_duration: lease(86_401),
                    ..pull(1)
                },
            ),
            (
                "campaign_id",
                PullContactsRequest {
                    campaign_id: "a b".into(),
                    ..pull(1)
                },
            ),
            (
                "request_id",
                PullContactsRequest {
                    request_id: String::new(),
                    ..pull(1)
                },
            ),
        ];
        for (field, request) in wrong {
            let refused = suite.client.pull_contacts(request).await.unwrap_err();

            assert_reason(&refused, "INVALID_FIELDS");
            assert!(
                refused.message().starts_with(field),
                "{}",
                refused.message()
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_contact_whose_lease_ran_out_is_handed_out_again() {
    each_suite(async |suite| {
        let (suite, treated) = running(suite, 20).await;
        let first = suite.pull(1_000).await;
        assert_eq!(first.len(), treated);

        suite
            .clock
            .advance(Span::from_micros(LEASE.as_micros() - 1));
        assert_eq!(suite.pull(1_000).await, []);
        suite.clock.advance(Span::from_micros(1));
        let second = suite.pull(1_000).await;

        assert_eq!(names(&second), names(&first));
        let refused = suite
            .acknowledge(&first[..1], ContactState::Delivered)
            .await
            .unwrap_err();
        assert_reason(&refused, "LEASE_LOST");
        let acknowledged = suite
            .acknowledge(&second, ContactState::Delivered)
            .await
            .unwrap();
        assert_eq!(
            acknowledged.delivered_count,
            i32::try_from(treated).unwrap()
        );
        suite.clock.advance(Span::from_days(1));
        assert_eq!(suite.pull(1_000).await, []);
    })
    .await;
}

#[tokio::test]
async fn an_acknowledgement_is_recorded_and_its_repeat_is_no_news() {
    each_suite(async |suite| {
        let (suite, _) = running(suite, 20).await;
        let contacts = suite.pull(3).await;
        let later = suite.now() + Span::from_seconds(60);
        suite.clock.set(later);

        let first = suite
            .acknowledge(&contacts[..2], ContactState::Delivered)
            .await
            .unwrap();
        let failed = suite
            .acknowledge(&contacts[2..], ContactState::Failed)
            .await
            .unwrap();
        let again = suite
            .acknowledge(&contacts[..2], ContactState::Delivered)
            .await
            .unwrap();

        assert_eq!((first.delivered_count, first.failed_count), (2, 0));
        assert_eq!((failed.delivered_count, failed.failed_count), (0, 1));
        assert_eq!((again.delivered_count, again.failed_count), (0, 0));
        let enrolments = suite.enrolments("spring").await;
        let find = |wanted: &Contact| {
            let contacts = enrolments.iter().filter_map(|one| one.contact.as_ref());
            contacts
                .clone()
                .find(|one| one.contact_id == wanted.contact_id)
                .unwrap()
                .clone()
        };
        assert_eq!(find(&contacts[0]).state(), ContactState::Delivered);
        assert_eq!(find(&contacts[0]).deliver_time, Some(time(later)));
        assert_eq!(find(&contacts[2]).state(), ContactState::Failed);
        assert_eq!(find(&contacts[2]).deliver_time, None);
    })
    .await;
}

#[tokio::test]
async fn acknowledgements_are_all_recorded_or_none() {
    each_suite(async |suite| {
        let (suite, _) = running(suite, 20).await;
        let contacts = suite.pull(2).await;
        suite
            .acknowledge(&contacts[1..], ContactState::Failed)
            .await
            .unwrap();

        let refused = suite
            .acknowledge(&contacts, ContactState::Delivered)
            .await
            .unwrap_err();

        assert_reason(&refused, "CONTACT_ALREADY_ACKNOWLEDGED");
        let id = tenure_rpc::status::metadata(&refused, "contact_id").unwrap();
        assert_eq!(id, contacts[1].contact_id);
        assert_eq!(suite.results("spring").await.delivered_count, 0);
        let unknown = Contact {
            contact_id: request_id(),
            ..contacts[0].clone()
        };
        let both = [contacts[0].clone(), unknown];
        let refused = suite
            .acknowledge(&both, ContactState::Delivered)
            .await
            .unwrap_err();
        assert_reason(&refused, "CONTACT_NOT_FOUND");
        assert_eq!(suite.results("spring").await.delivered_count, 0);
    })
    .await;
}

#[tokio::test]
async fn wrong_acknowledgements_and_responses_are_named() {
    each_suite(async |mut suite| {
        (suite, _) = running(suite, 20).await;
        let contacts = suite.pull(1).await;
        let twice = [contacts[0].clone(), contacts[0].clone()];

        let refusals = [
            suite
                .acknowledge(&twice, ContactState::Delivered)
                .await
                .unwrap_err(),
            suite
                .acknowledge(&contacts, ContactState::Pending)
                .await
                .unwrap_err(),
            suite
                .acknowledge(&[Contact::default()], ContactState::Failed)
                .await
                .unwrap_err(),
            suite
                .acknowledge(&[], ContactState::Failed)
                .await
                .unwrap_err(),
            suite
                .respond(&twice, ResponseKind::Accepted)
                .await
                .unwrap_err(),
            suite
                .respond(&contacts, ResponseKind::Unspecified)
                .await
                .unwrap_err(),
            suite
                .respond(&[], ResponseKind::Accepted)
                .await
                .unwrap_err(),
        ];

        for refused in refusals {
            assert_reason(&refused, "INVALID_FIELDS");
        }
        let refused = suite
            .respond(&contacts, ResponseKind::Accepted)
            .await
            .unwrap_err();
        assert_reason(&refused, "CONTACT_NOT_DELIVERED");
        let unknown = Contact {
            contact_id: request_id(),
            ..Default::default()
        };
        let refused = suite
            .respond(&[unknown], ResponseKind::Accepted)
            .await
            .unwrap_err();
        assert_reason(&refused, "CONTACT_NOT_FOUND");
    })
    .await;
}

#[tokio::test]
async fn the_first_answer_of_a_customer_counts() {
    each_suite(async |suite| {
        let (suite, _) = running(suite, 20).await;
        let contacts = suite.deliver(3).await;

        let accepted = suite
            .respond(&contacts[..2], ResponseKind::Accepted)
            .await
            .unwrap();
        let declined = suite
            .respond(&contacts[1..], ResponseKind::Declined)
            .await
            .unwrap();

        assert_eq!((accepted.accepted_count, accepted.declined_count), (2, 0));
        assert_eq!((declined.accepted_count, declined.declined_count), (0, 1));
        let results = suite.results("spring").await;
        assert_eq!((results.accepted_count, results.declined_count), (2, 1));
    })
    .await;
}

#[tokio::test]
async fn a_paused_campaign_gives_nothing_out_and_goes_on_where_it_was() {
    each_suite(async |suite| {
        let (suite, treated) = running(suite, 20).await;
        let first = suite.pull(2).await;

        suite.pause("spring").await.unwrap();
        assert_eq!(suite.pull(1_000).await, []);
        // What was sent before the pause may be acknowledged.
        suite
            .acknowledge(&first, ContactState::Delivered)
            .await
            .unwrap();
        suite.resume("spring").await.unwrap();

        assert_eq!(suite.pull(1_000).await.len(), treated - 2);
    })
    .await;
}

#[tokio::test]
async fn an_ended_campaign_drops_what_was_not_delivered_but_hears_answers() {
    each_suite(async |suite| {
        let (suite, treated) = running(suite, 20).await;
        let delivered = suite.deliver(2).await;
        let leased = suite.pull(1).await;

        suite.end("spring").await.unwrap();

        assert_eq!(suite.pull(1_000).await, []);
        let state = |enrolments: &[Enrolment], wanted: ContactState| {
            let contacts = enrolments.iter().filter_map(|one| one.contact.as_ref());
            contacts.filter(|contact| contact.state() == wanted).count()
        };
        let enrolments = suite.enrolments("spring").await;
        assert_eq!(state(&enrolments, ContactState::Delivered), 2);
        assert_eq!(state(&enrolments, ContactState::Dropped), treated - 2);
        assert!(
            suite
                .respond(&delivered, ResponseKind::Accepted)
                .await
                .is_ok()
        );
        // What was on its way when the campaign ended was sent nevertheless.
        suite
            .acknowledge(&leased, ContactState::Delivered)
            .await
            .unwrap();
        let enrolments = suite.enrolments("spring").await;
        assert_eq!(state(&enrolments, ContactState::Delivered), 3);
    })
    .await;
}
