//! Lists come in pages, each in its order and without gaps.

use tenure_proto::customer::v1 as wire;
use tenure_testkit::assert_code;
use tonic::Code;

use crate::suite::*;

/// Ids that a locale would sort otherwise than bytes do.
const IDS: [&str; 5] = ["A", "B", "_x", "a", "b"];

#[tokio::test]
async fn customers_are_listed_by_id_page_by_page() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["b", "a", "_x", "B", "A"]).await;
        let mut request = wire::ListCustomersRequest {
            page_size: 2,
            ..Default::default()
        };
        let mut seen = Vec::new();
        loop {
            let page = suite
                .client
                .list_customers(request.clone())
                .await
                .unwrap()
                .into_inner();
            seen.extend(
                page.customers
                    .into_iter()
                    .map(|customer| customer.customer_id),
            );
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        assert_eq!(seen, IDS);

        let negative = wire::ListCustomersRequest {
            page_size: -1,
            ..Default::default()
        };
        let negative = suite.client.list_customers(negative).await.unwrap_err();
        assert_eq!(fields(&negative), ["page_size"]);
        let foreign = wire::ListCustomersRequest {
            page_token: "x".into(),
            ..Default::default()
        };
        let foreign = suite.client.list_customers(foreign).await.unwrap_err();
        assert_code(&foreign, Code::InvalidArgument, "INVALID_PAGE_TOKEN");
    })
    .await;
}

#[tokio::test]
async fn several_customers_come_in_the_order_asked_for() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&IDS).await;
        let ask = |ids: &[&str]| wire::BatchGetCustomersRequest {
            customer_ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        };

        let found = suite
            .client
            .batch_get_customers(ask(&["b", "nobody", "A", "b"]))
            .await;
        let found = found.unwrap().into_inner().customers;
        let ids: Vec<_> = found
            .iter()
            .map(|customer| customer.customer_id.as_str())
            .collect();
        assert_eq!(ids, ["b", "A", "b"]);

        let wrong = suite
            .client
            .batch_get_customers(ask(&["b", ""]))
            .await
            .unwrap_err();
        assert_eq!(fields(&wrong), ["customer_ids[1]"]);
        assert!(suite.client.batch_get_customers(ask(&[])).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn what_a_customer_has_is_listed_newest_first_page_by_page() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada", "bob"]).await;
        let bills = [("B1", 0), ("B2", 30), ("B3", 30), ("B4", 60)];
        suite
            .bill(bills.map(|(id, days)| sent("ada", id, days)).to_vec())
            .await
            .unwrap();
        suite.bill(vec![sent("bob", "B5", 10)]).await.unwrap();

        let mut request = wire::ListBillsRequest {
            customer_id: "ada".into(),
            page_size: 1,
            page_token: String::new(),
        };
        let mut seen = Vec::new();
        let mut token = String::new();
        loop {
            let page = suite
                .client
                .list_bills(request.clone())
                .await
                .unwrap()
                .into_inner();
            seen.extend(page.bills.into_iter().map(|bill| bill.bill_id));
            if page.next_page_token.is_empty() {
                break;
            }
            token.clone_from(&page.next_page_token);
            request.page_token = page.next_page_token;
        }
        assert_eq!(seen, ["B4", "B2", "B3", "B1"]);

        let of_bob = wire::ListBillsRequest {
            customer_id: "bob".into(),
            page_token: token,
            page_size: 1,
        };
        let mismatch = suite.client.list_bills(of_bob).await.unwrap_err();
        assert_code(&mismatch, Code::InvalidArgument, "PAGE_TOKEN_MISMATCH");
        let nobody = wire::ListBillsRequest {
            customer_id: "nobody".into(),
            ..Default::default()
        };
        let nobody = suite.client.list_bills(nobody).await.unwrap_err();
        assert_code(&nobody, Code::NotFound, "CUSTOMER_NOT_FOUND");
    })
    .await;
}

#[tokio::test]
async fn subscriptions_and_interactions_have_pages_too() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada"]).await;
        let lines = ["S1", "S2", "S3"]
            .map(|id| line("ada", id, "", "2023-01-01"))
            .to_vec();
        suite.subscribe(lines).await.unwrap();
        let interactions = [("I1", 1), ("I2", 1), ("I3", 2)];
        let interactions = interactions
            .map(|(id, days)| complaint("ada", id, days))
            .to_vec();
        let request = wire::BatchUpsertInteractionsRequest {
            request_id: fresh(),
            interactions,
        };
        suite
            .client
            .batch_upsert_interactions(request)
            .await
            .unwrap();

        let (mut tokens, mut seen) = ([String::new(), String::new()], Vec::new());
        for _ in 0..3 {
            let [lines, contacts] = tokens;
            let request = wire::ListSubscriptionsRequest {
                customer_id: "ada".into(),
                page_size: 1,
                page_token: lines,
            };
            let lines = suite
                .client
                .list_subscriptions(request)
                .await
                .unwrap()
                .into_inner();
            let request = wire::ListInteractionsRequest {
                customer_id: "ada".into(),
                page_size: 1,
                page_token: contacts,
            };
            let contacts = suite
                .client
                .list_interactions(request)
                .await
                .unwrap()
                .into_inner();
            seen.push(lines.subscriptions[0].subscription_id.clone());
            seen.push(contacts.interactions[0].interaction_id.clone());
            tokens = [lines.next_page_token, contacts.next_page_token];
        }

        assert_eq!(seen, ["S1", "I3", "S2", "I1", "S3", "I2"]);
        assert_eq!(tokens, ["", ""]);
    })
    .await;
}

#[tokio::test]
async fn usage_summaries_have_pages_too() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada"]).await;
        suite
            .subscribe(vec![line("ada", "S1", "", "2023-01-01")])
            .await
            .unwrap();
        let usage_summaries = vec![
            month("ada", "", "2024-01-01"),
            month("ada", "S1", "2024-01-01"),
            month("ada", "", "2024-02-01"),
        ];
        let request = wire::BatchUpsertUsageSummariesRequest {
            request_id: fresh(),
            usage_summaries,
        };
        suite
            .client
            .batch_upsert_usage_summaries(request)
            .await
            .unwrap();

        let (mut page_token, mut seen) = (String::new(), Vec::new());
        for _ in 0..3 {
            let request = wire::ListUsageSummariesRequest {
                customer_id: "ada".into(),
                page_size: 1,
                page_token,
            };
            let page = suite
                .client
                .list_usage_summaries(request)
                .await
                .unwrap()
                .into_inner();
            seen.extend(page.usage_summaries);
            page_token = page.next_page_token;
        }

        let expected = [
            month("ada", "", "2024-02-01"),
            month("ada", "S1", "2024-01-01"),
            month("ada", "", "2024-01-01"),
        ];
        assert_eq!(seen, expected);
        assert_eq!(page_token, "");
    })
    .await;
}
