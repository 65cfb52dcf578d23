//! Offers.

use tenure_proto::campaign::v1::*;
use tenure_proto::r#type::v1::Money;
use tenure_testkit::assert_reason;

use crate::suite::{each_suite, offer, request_id};

fn create(request_id: &str, offer: Offer) -> CreateOfferRequest {
    CreateOfferRequest {
        request_id: request_id.to_owned(),
        offer: Some(offer),
    }
}

#[tokio::test]
async fn an_offer_is_created_and_read_back() {
    each_suite(async |mut suite| {
        let cost = Some(Money {
            currency_code: "EUR".into(),
            amount_minor: 500,
        });
        let wanted = Offer {
            cost,
            ..offer("bonus")
        };

        let created = suite
            .client
            .create_offer(create(&request_id(), wanted.clone()))
            .await;

        let created = created.unwrap().into_inner().offer.unwrap();
        let create_time = Some(tenure_rpc::fields::time(suite.now()));
        assert_eq!(
            created,
            Offer {
                create_time,
                ..wanted
            }
        );
        let request = GetOfferRequest {
            offer_id: "bonus".into(),
        };
        assert_eq!(
            suite
                .client
                .get_offer(request)
                .await
                .unwrap()
                .into_inner()
                .offer,
            Some(created)
        );
    })
    .await;
}

#[tokio::test]
async fn a_repeated_request_creates_nothing_and_answers_the_same() {
    each_suite(async |mut suite| {
        let request = create(&request_id(), offer("bonus"));
        let first = suite
            .client
            .create_offer(request.clone())
            .await
            .unwrap()
            .into_inner();

        let second = suite
            .client
            .create_offer(request.clone())
            .await
            .unwrap()
            .into_inner();

        assert_eq!(second.offer, first.offer);
        assert!(second.replayed && !first.replayed);
        let other = create(&request.request_id, offer("other"));
        let refused = suite.client.create_offer(other).await.unwrap_err();
        assert_reason(&refused, "REQUEST_ID_REUSED");
        assert_eq!(
            tenure_rpc::status::metadata(&refused, "fields").unwrap(),
            "offer"
        );
    })
    .await;
}

#[tokio::test]
async fn a_taken_id_is_refused_and_so_is_the_repeat() {
    each_suite(async |mut suite| {
        suite.create_offer().await.unwrap();
        let request = create(&request_id(), offer("bonus"));

        for _ in 0..2 {
            let refused = suite
                .client
                .create_offer(request.clone())
                .await
                .unwrap_err();

            assert_reason(&refused, "OFFER_EXISTS");
            assert_eq!(
                tenure_rpc::status::metadata(&refused, "offer_id").unwrap(),
                "bonus"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn every_wrong_field_is_named() {
    each_suite(async |mut suite| {
        let wrong = Offer {
            offer_id: "a b".into(),
            display_name: String::new(),
            description: "x".repeat(1_001),
            kind: 99,
            cost: Some(Money {
                currency_code: "euro".into(),
                amount_minor: -1,
            }),
            create_time: None,
        };

        let refused = suite
            .client
            .create_offer(create("one", wrong))
            .await
            .unwrap_err();

        assert_reason(&refused, "INVALID_FIELDS");
        use tonic_types::StatusExt;
        let fields: Vec<_> = refused.get_details_bad_request().unwrap().field_violations;
        let fields: Vec<_> = fields
            .into_iter()
            .map(|violation| violation.field)
            .collect();
        let expected = [
            "request_id",
            "offer.offer_id",
            "offer.display_name",
            "offer.description",
            "offer.kind",
            "offer.cost.amount_minor",
            "offer.cost.currency_code",
        ];
        assert_eq!(fields, expected);
    })
    .await;
}

#[tokio::test]
async fn an_unknown_offer_is_not_found() {
    each_suite(async |mut suite| {
        let request = GetOfferRequest {
            offer_id: "none".into(),
        };

        let refused = suite.client.get_offer(request).await.unwrap_err();

        assert_reason(&refused, "OFFER_NOT_FOUND");
    })
    .await;
}

#[tokio::test]
async fn offers_are_listed_by_id_page_by_page() {
    each_suite(async |mut suite| {
        for id in ["b", "a", "C", "d-1", "d_1"] {
            suite
                .client
                .create_offer(create(&request_id(), offer(id)))
                .await
                .unwrap();
        }

        let mut ids = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = ListOffersRequest {
                page_size: 2,
                page_token,
            };
            let page = suite
                .client
                .list_offers(request)
                .await
                .unwrap()
                .into_inner();
            assert!(page.offers.len() <= 2);
            ids.extend(page.offers.into_iter().map(|offer| offer.offer_id));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }

        // By bytes, as every database must sort keys.
        assert_eq!(ids, ["C", "a", "b", "d-1", "d_1"]);
    })
    .await;
}

#[tokio::test]
async fn a_token_of_another_list_is_refused() {
    each_suite(async |mut suite| {
        for id in ["a", "b"] {
            suite
                .client
                .create_offer(create(&request_id(), offer(id)))
                .await
                .unwrap();
        }
        let request = ListOffersRequest {
            page_size: 1,
            page_token: String::new(),
        };
        let page = suite
            .client
            .list_offers(request)
            .await
            .unwrap()
            .into_inner();

        let token = page.next_page_token;
        let request = ListCampaignsRequest {
            page_size: 1,
            page_token: token,
        };
        let mismatch = suite.client.list_campaigns(request).await.unwrap_err();
        let request = ListOffersRequest {
            page_size: 1,
            page_token: "none of ours".into(),
        };
        let invalid = suite.client.list_offers(request).await.unwrap_err();

        assert_reason(&mismatch, "PAGE_TOKEN_MISMATCH");
        assert_reason(&invalid, "INVALID_PAGE_TOKEN");
        let request = ListOffersRequest {
            page_size: -1,
            page_token: String::new(),
        };
        let refused = suite.client.list_offers(request).await.unwrap_err();
        assert_reason(&refused, "INVALID_FIELDS");
    })
    .await;
}
