//! `CreateAccount`, `GetAccount`, `ListAccounts`, `ListLots`.

use tenure_proto::loyalty::v1::*;
use tenure_testkit::{assert_code, assert_reason, error_info};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::suite::{each, new_id};

#[tokio::test]
async fn an_account_is_opened_once_and_a_repeat_is_answered_alike() {
    each(async |loyalty| {
        let request = CreateAccountRequest {
            request_id: new_id(),
            account_id: "ada".into(),
            customer_id: "C1".into(),
            programme_id: String::new(),
            ..Default::default()
        };
        let create = async |request: CreateAccountRequest| {
            loyalty
                .client
                .clone()
                .create_account(request)
                .await
                .map(tonic::Response::into_inner)
        };

        let first = create(request.clone()).await.unwrap();
        loyalty.earn("ada", 5, "gift").await;
        let again = create(request.clone()).await.unwrap();

        assert_eq!(
            again,
            CreateAccountResponse {
                replayed: true,
                ..first.clone()
            }
        );
        let account = first.account.unwrap();
        assert_eq!(
            (account.account_id.as_str(), account.customer_id.as_str()),
            ("ada", "C1")
        );
        assert_eq!(
            (account.programme_id.as_str(), account.available_points),
            ("default", 0)
        );
        let refused = create(CreateAccountRequest {
            request_id: new_id(),
            ..request.clone()
        })
        .await;
        assert_code(&refused.unwrap_err(), Code::AlreadyExists, "ACCOUNT_EXISTS");
        let other = CreateAccountRequest {
            customer_id: "C2".into(),
            ..request
        };
        let reused = create(other).await.unwrap_err();
        assert_code(&reused, Code::InvalidArgument, "REQUEST_ID_REUSED");
        assert_eq!(error_info(&reused).metadata["fields"], "customer_id");
    })
    .await;
}

#[tokio::test]
async fn every_wrong_field_is_named_at_once() {
    each(async |loyalty| {
        let request = CreateAccountRequest {
            request_id: "one".into(),
            account_id: "a b".into(),
            customer_id: String::new(),
            programme_id: "gold".into(),
            ..Default::default()
        };
        let refused = loyalty
            .client
            .clone()
            .create_account(request)
            .await
            .unwrap_err();

        assert_code(&refused, Code::InvalidArgument, "INVALID_FIELDS");
        let fields = refused.get_details_bad_request().unwrap().field_violations;
        let fields: Vec<&str> = fields
            .iter()
            .map(|violation| violation.field.as_str())
            .collect();
        assert_eq!(
            fields,
            ["request_id", "account_id", "customer_id", "programme_id"]
        );
    })
    .await;
}

#[tokio::test]
async fn an_account_shows_what_can_be_spent_and_what_expires_next() {
    each(async |loyalty| {
        loyalty.earn_for("ada", 50, 10).await;
        loyalty.earn_for("ada", 30, 10).await;
        loyalty.earn_for("ada", 70, 20).await;
        loyalty.hold("ada", 20, 60).await.unwrap();

        let account = loyalty.account("ada").await;
        assert_eq!((account.available_points, account.held_points), (130, 20));
        assert_eq!(account.expiring_points, 60);
        loyalty.advance_days(10);
        let account = loyalty.account("ada").await;
        // The hold ran out long ago; what it gave back has expired with the rest.
        assert_eq!((account.available_points, account.held_points), (70, 0));
        assert_eq!(account.expiring_points, 70);
        let request = GetAccountRequest {
            account_id: "bob".into(),
        };
        let refused = loyalty
            .client
            .clone()
            .get_account(request)
            .await
            .unwrap_err();
        assert_code(&refused, Code::NotFound, "ACCOUNT_NOT_FOUND");
    })
    .await;
}

#[tokio::test]
async fn accounts_are_listed_by_id_in_pages() {
    each(async |loyalty| {
        // Upper case sorts before lower case: by bytes, on every database.
        for id in ["b", "A", "a", "B", "c"] {
            loyalty.create(id).await.unwrap();
        }
        let page = async |page_size, page_token: &str, customer_id: &str| {
            let (page_token, customer_id) = (page_token.into(), customer_id.into());
            let request = ListAccountsRequest {
                customer_id,
                page_size,
                page_token,
            };
            loyalty
                .client
                .clone()
                .list_accounts(request)
                .await
                .map(tonic::Response::into_inner)
        };
        let ids = |answer: &ListAccountsResponse| -> Vec<String> {
            answer
                .accounts
                .iter()
                .map(|account| account.account_id.clone())
                .collect()
        };

        let first = page(3, "", "").await.unwrap();
        assert_eq!(ids(&first), ["A", "B", "a"]);
        let second = page(3, &first.next_page_token, "").await.unwrap();
        assert_eq!(ids(&second), ["b", "c"]);
        assert_eq!(second.next_page_token, "");
        let of_one = page(0, "", "customer-of-a").await.unwrap();
        assert_eq!(ids(&of_one), ["a"]);

        let mismatch = page(3, &first.next_page_token, "customer-of-a")
            .await
            .unwrap_err();
        assert_reason(&mismatch, "PAGE_TOKEN_MISMATCH");
        assert_reason(&page(3, "x", "").await.unwrap_err(), "INVALID_PAGE_TOKEN");
        assert_reason(&page(-1, "", "").await.unwrap_err(), "INVALID_FIELDS");
    })
    .await;
}

#[tokio::test]
async fn lots_are_listed_in_the_order_in_which_they_are_spent() {
    each(async |loyalty| {
        let late = loyalty.earn_for("ada", 1, 30).await;
        let soon = loyalty.earn_for("ada", 2, 10).await;
        let never = loyalty.earn_for("ada", 3, 20).await;
        loyalty.redeem("ada", 1).await.unwrap();

        let lots = loyalty.lots("ada").await;

        let ids: Vec<&str> = lots.iter().map(|lot| lot.lot_id.as_str()).collect();
        assert_eq!(ids, [&soon.entry_id, &never.entry_id, &late.entry_id]);
        assert_eq!((lots[0].original_points, lots[0].remaining_points), (2, 1));
        let mut paged = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = ListLotsRequest {
                account_id: "ada".into(),
                page_size: 1,
                page_token,
            };
            let page = loyalty
                .client
                .clone()
                .list_lots(request)
                .await
                .unwrap()
                .into_inner();
            paged.extend(page.lots);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(paged, lots);
    })
    .await;
}
