//! Customers as parties: status, name, contact media, and what they are to each other.

use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::change::Fact;
use tenure_proto::customer::v1::party_service_client::PartyServiceClient;
use tenure_proto::customer::v1::{CustomerStatus as Status, RelationshipKind as Kind};
use tenure_rpc::Transport;
use tenure_testkit::assert_code;
use tonic::Code;

use crate::suite::*;

type Parties = PartyServiceClient<Transport>;

fn parties(suite: &Suite) -> Parties {
    PartyServiceClient::new(suite.transport.clone())
}

fn status(customer: &str, status: Status, from: &str) -> wire::ChangeCustomerStatusRequest {
    wire::ChangeCustomerStatusRequest {
        request_id: fresh(),
        customer_id: customer.into(),
        status: status.into(),
        reason: "R1".into(),
        from_time: day(from),
    }
}

fn mail(customer: &str, id: &str, address: &str) -> wire::PutContactMediumRequest {
    let value = wire::contact_medium::Value::EmailAddress(address.into());
    wire::PutContactMediumRequest {
        request_id: fresh(),
        customer_id: customer.into(),
        contact_medium: Some(wire::ContactMedium {
            medium_id: id.into(),
            value: Some(value),
            preferred: true,
            from_time: day("2024-01-01"),
            until_time: None,
        }),
    }
}

fn letter(customer: &str, id: &str, until: &str) -> wire::PutContactMediumRequest {
    let post = wire::PostalAddress {
        street: "Main Street 1".into(),
        city: "Vienna".into(),
        country_code: "AT".into(),
        ..Default::default()
    };
    let mut request = mail(customer, id, "");
    let medium = request.contact_medium.as_mut().unwrap();
    medium.value = Some(wire::contact_medium::Value::PostalAddress(post));
    medium.until_time = day(until);
    request
}

fn relate(kind: Kind, first: &str, second: &str, from: &str) -> wire::CreateRelationshipRequest {
    wire::CreateRelationshipRequest {
        request_id: fresh(),
        kind: kind.into(),
        from_customer_id: first.into(),
        to_customer_id: second.into(),
        role: "role".into(),
        from_time: day(from),
        until_time: None,
    }
}

async fn party(parties: &mut Parties, customer: &str, at: &str) -> wire::Party {
    let request = wire::GetPartyRequest {
        customer_id: customer.into(),
        at_time: day(at),
    };
    let answer = parties.get_party(request).await.unwrap().into_inner();
    answer.party.unwrap()
}

/// The others, with their places: 1 for the first of a relationship.
async fn related(parties: &mut Parties, customer: &str, at: &str) -> Vec<(String, String)> {
    let request = wire::ListRelationshipsRequest {
        customer_id: customer.into(),
        at_time: day(at),
        ..Default::default()
    };
    let answer = parties
        .list_relationships(request)
        .await
        .unwrap()
        .into_inner();
    let pair = |it: wire::Relationship| (it.from_customer_id, it.to_customer_id);
    answer.relationships.into_iter().map(pair).collect()
}

fn companies(ids: &[&str]) -> Vec<wire::Customer> {
    let company = |id: &&str| wire::Customer {
        kind: wire::CustomerKind::Organisation.into(),
        ..customer(id)
    };
    ids.iter().map(company).collect()
}

#[tokio::test]
async fn a_status_has_a_reason_and_holds_until_the_next() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada"]).await;
        let mut parties = parties(&suite);
        let active = status("ada", Status::Active, "2024-01-01");
        parties
            .change_customer_status(active.clone())
            .await
            .unwrap();
        let closed = status("ada", Status::Closed, "2024-06-01");
        parties.change_customer_status(closed).await.unwrap();

        let again = parties
            .change_customer_status(active)
            .await
            .unwrap()
            .into_inner();

        assert!(again.replayed);
        let then = party(&mut parties, "ada", "2024-05-31")
            .await
            .status
            .unwrap();
        assert_eq!(
            (then.status(), then.reason.as_str()),
            (Status::Active, "R1")
        );
        assert_eq!(then.until_time, day("2024-06-01"));
        let now = party(&mut parties, "ada", "2024-06-01")
            .await
            .status
            .unwrap();
        assert_eq!((now.status(), now.until_time), (Status::Closed, None));
        assert_eq!(party(&mut parties, "ada", "2023-12-31").await.status, None);
        let wrong = status("ada", Status::Initialized, "2024-07-01");
        let wrong = parties.change_customer_status(wrong).await.unwrap_err();
        assert_code(&wrong, Code::FailedPrecondition, "STATUS_CHANGE_REFUSED");
        let unknown = status("eve", Status::Active, "2024-07-01");
        let unknown = parties.change_customer_status(unknown).await.unwrap_err();
        assert_code(&unknown, Code::NotFound, "CUSTOMER_NOT_FOUND");
        let told = suite
            .changes()
            .await
            .into_iter()
            .filter_map(|change| match change.fact {
                Some(Fact::Party(party)) => Some(party.status.unwrap().status()),
                _ => None,
            });
        assert_eq!(told.collect::<Vec<_>>(), [Status::Active, Status::Closed]);

        let mut page = wire::ListCustomerStatusesRequest {
            customer_id: "ada".into(),
            page_size: 1,
            ..Default::default()
        };
        let first = parties
            .list_customer_statuses(page.clone())
            .await
            .unwrap()
            .into_inner();
        page.page_token = first.next_page_token;
        let second = parties
            .list_customer_statuses(page)
            .await
            .unwrap()
            .into_inner();
        let seen = [&first.statuses[0], &second.statuses[0]].map(wire::StatusPeriod::status);
        assert_eq!(
            (seen, second.next_page_token.as_str()),
            ([Status::Closed, Status::Active], "")
        );
    })
    .await;
}

#[tokio::test]
async fn a_name_and_contact_media_are_kept_in_parts() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada"]).await;
        let mut parties = parties(&suite);
        let name = wire::PartyName {
            given_name: "Ada".into(),
            family_name: "Lovelace".into(),
            ..Default::default()
        };
        let request = wire::SetPartyNameRequest {
            request_id: fresh(),
            customer_id: "ada".into(),
            name: Some(name.clone()),
        };
        parties.set_party_name(request.clone()).await.unwrap();
        parties
            .put_contact_medium(mail("ada", "m1", "ada@example.org"))
            .await
            .unwrap();
        let letter = letter("ada", "m2", "2024-03-01");
        parties.put_contact_medium(letter.clone()).await.unwrap();
        parties
            .put_contact_medium(mail("ada", "m3", "ada@work.example"))
            .await
            .unwrap();

        let known = party(&mut parties, "ada", "2024-02-01").await;

        assert_eq!(known.name, Some(name));
        let media = known.contact_media.iter();
        let media: Vec<_> = media
            .map(|it| (it.medium_id.as_str(), it.preferred))
            .collect();
        assert_eq!(media, [("m1", false), ("m2", true), ("m3", true)]);
        let letter_value = letter.contact_medium.as_ref().unwrap().value.clone();
        assert_eq!(known.contact_media[1].value, letter_value);
        let later = party(&mut parties, "ada", "2024-03-01").await;
        assert_eq!(later.contact_media.len(), 2);
        assert!(
            parties
                .set_party_name(request)
                .await
                .unwrap()
                .into_inner()
                .replayed
        );
        assert!(
            parties
                .put_contact_medium(letter)
                .await
                .unwrap()
                .into_inner()
                .replayed
        );

        let wrong = parties
            .put_contact_medium(mail("ada", "", "no mail"))
            .await
            .unwrap_err();
        let expected = ["contact_medium.medium_id", "contact_medium.email_address"];
        assert_eq!(fields(&wrong), expected);
        let changes = suite.changes().await;
        let told = changes
            .iter()
            .filter(|it| matches!(it.fact, Some(Fact::Party(_))));
        assert_eq!(told.count(), 4);
    })
    .await;
}

#[tokio::test]
async fn both_customers_of_a_relationship_see_it_while_it_is_valid() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada", "bob"]).await;
        let mut parties = parties(&suite);
        let request = relate(Kind::Payer, "ada", "bob", "2024-01-01");
        let created = parties
            .create_relationship(request.clone())
            .await
            .unwrap()
            .into_inner();
        let id = created.relationship.unwrap().relationship_id;
        assert!(
            parties
                .create_relationship(request)
                .await
                .unwrap()
                .into_inner()
                .replayed
        );
        let end = wire::EndRelationshipRequest {
            request_id: fresh(),
            customer_id: "bob".into(),
            relationship_id: id,
            until_time: day("2024-06-01"),
        };

        let ended = parties
            .end_relationship(end.clone())
            .await
            .unwrap()
            .into_inner();

        assert_eq!(ended.relationship.unwrap().until_time, day("2024-06-01"));
        assert!(
            parties
                .end_relationship(end.clone())
                .await
                .unwrap()
                .into_inner()
                .replayed
        );
        let pair = [("ada".to_owned(), "bob".to_owned())];
        for customer in ["ada", "bob"] {
            assert_eq!(related(&mut parties, customer, "2024-05-31").await, pair);
            assert!(
                related(&mut parties, customer, "2024-06-01")
                    .await
                    .is_empty()
            );
            assert!(
                related(&mut parties, customer, "2023-12-31")
                    .await
                    .is_empty()
            );
        }
        let mut told = Vec::new();
        for change in suite.changes().await {
            if let Some(Fact::Relationship(it)) = change.fact {
                told.push((change.customer_id, it.until_time.is_some()));
            }
        }
        told.sort();
        let told: Vec<_> = told
            .iter()
            .map(|(who, is_end)| (who.as_str(), *is_end))
            .collect();
        assert_eq!(
            told,
            [("ada", false), ("ada", true), ("bob", false), ("bob", true)]
        );
    })
    .await;
}

#[tokio::test]
async fn a_relationship_is_made_shorter_by_its_customers_alone() {
    each_suite(async |suite| {
        let suite = suite.with_customers(&["ada", "bob"]).await;
        let mut parties = parties(&suite);
        let mut request = relate(Kind::Payer, "ada", "bob", "2024-01-01");
        request.until_time = day("2024-06-01");
        let created = parties
            .create_relationship(request)
            .await
            .unwrap()
            .into_inner();
        let end = wire::EndRelationshipRequest {
            request_id: fresh(),
            customer_id: "bob".into(),
            relationship_id: created.relationship.unwrap().relationship_id,
            until_time: None,
        };
        let later = wire::EndRelationshipRequest {
            request_id: fresh(),
            until_time: day("2024-07-01"),
            ..end.clone()
        };
        let later = parties.end_relationship(later).await.unwrap_err();
        assert_eq!(fields(&later), ["until_time"]);
        let other = wire::EndRelationshipRequest {
            relationship_id: fresh(),
            request_id: fresh(),
            ..end
        };
        let other = parties.end_relationship(other).await.unwrap_err();
        assert_code(&other, Code::NotFound, "RELATIONSHIP_NOT_FOUND");
    })
    .await;
}

#[tokio::test]
async fn customers_are_not_related_to_themselves_strangers_or_the_wrong_kind() {
    each_suite(async |suite| {
        let suite = suite.with_customers(&["ada", "bob"]).await;
        let mut parties = parties(&suite);
        let own = relate(Kind::Payer, "ada", "ada", "2024-01-01");
        let own = parties.create_relationship(own).await.unwrap_err();
        assert_eq!(fields(&own), ["to_customer_id"]);
        let unknown = relate(Kind::Payer, "ada", "eve", "2024-01-01");
        let unknown = parties.create_relationship(unknown).await.unwrap_err();
        assert_code(&unknown, Code::NotFound, "CUSTOMER_NOT_FOUND");
        let person = relate(Kind::CompanyContact, "ada", "bob", "2024-01-01");
        let person = parties.create_relationship(person).await.unwrap_err();
        assert_eq!(fields(&person), ["to_customer_id"]);
    })
    .await;
}

#[tokio::test]
async fn customers_are_not_related_twice_or_in_a_circle() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada", "bob"]).await;
        suite
            .upsert(companies(&["acme", "hold", "top"]))
            .await
            .unwrap();
        let mut parties = parties(&suite);
        let guardian = relate(Kind::Guardian, "ada", "bob", "2024-01-01");
        parties.create_relationship(guardian).await.unwrap();
        let back = relate(Kind::Guardian, "bob", "ada", "2024-02-01");
        let back = parties.create_relationship(back).await.unwrap_err();
        assert_code(&back, Code::AlreadyExists, "RELATIONSHIP_OVERLAPS");

        for (first, second) in [("acme", "hold"), ("hold", "top")] {
            let member = relate(Kind::OrganisationMember, first, second, "2024-01-01");
            parties.create_relationship(member).await.unwrap();
        }
        let circle = relate(Kind::OrganisationMember, "top", "acme", "2024-03-01");
        let refused = parties
            .create_relationship(circle.clone())
            .await
            .unwrap_err();
        assert_code(&refused, Code::FailedPrecondition, "RELATIONSHIP_CYCLE");
        let before = wire::CreateRelationshipRequest {
            request_id: fresh(),
            from_time: day("2023-01-01"),
            until_time: day("2024-01-01"),
            ..circle
        };
        parties.create_relationship(before).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn two_who_relate_at_once_do_not_close_a_circle() {
    each_suite(async |mut suite| {
        suite
            .upsert(companies(&["acme", "hold", "top"]))
            .await
            .unwrap();
        let pairs = [("acme", "hold"), ("hold", "top"), ("top", "acme")];
        let tasks = pairs.map(|(first, second)| {
            let mut parties = parties(&suite);
            let request = relate(Kind::OrganisationMember, first, second, "2024-01-01");
            async move { parties.create_relationship(request).await }
        });
        let mut refused = 0;
        for answer in futures_util::future::join_all(tasks).await {
            if let Err(status) = answer {
                assert_code(&status, Code::FailedPrecondition, "RELATIONSHIP_CYCLE");
                refused += 1;
            }
        }
        assert_eq!(refused, 1);
    })
    .await;
}

#[tokio::test]
async fn relationships_come_in_pages_and_by_kind() {
    each_suite(async |suite| {
        let suite = suite.with_customers(&["ada", "bob", "cy", "di"]).await;
        let mut parties = parties(&suite);
        for other in ["bob", "cy", "di"] {
            let request = relate(Kind::HouseholdHead, "ada", other, "2024-01-01");
            parties.create_relationship(request).await.unwrap();
        }
        let payer = relate(Kind::Payer, "bob", "ada", "2024-01-01");
        parties.create_relationship(payer).await.unwrap();
        let mut request = wire::ListRelationshipsRequest {
            customer_id: "ada".into(),
            at_time: day("2024-02-01"),
            kind: Kind::HouseholdHead.into(),
            page_size: 2,
            ..Default::default()
        };
        let first = parties
            .list_relationships(request.clone())
            .await
            .unwrap()
            .into_inner();
        request.page_token = first.next_page_token;
        let second = parties
            .list_relationships(request.clone())
            .await
            .unwrap()
            .into_inner();

        let both = first.relationships.iter().chain(&second.relationships);
        let mut others: Vec<_> = both.map(|it| it.to_customer_id.as_str()).collect();
        others.sort_unstable();
        assert_eq!(others, ["bob", "cy", "di"]);
        assert_eq!(second.next_page_token, "");
        request.kind = 0;
        let mixed = parties.list_relationships(request).await.unwrap_err();
        assert_code(&mixed, Code::InvalidArgument, "PAGE_TOKEN_MISMATCH");
    })
    .await;
}
