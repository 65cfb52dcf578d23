//! `GetEntry`, `ListEntries`.

use tenure_core::PageToken;
use tenure_proto::loyalty::v1::*;
use tenure_testkit::{assert_code, assert_reason};
use tonic::Code;

use crate::domain::EntryId;
use crate::suite::{each, new_id};

#[tokio::test]
async fn entries_are_listed_newest_first_without_gaps() {
    each(async |loyalty| {
        loyalty.earn("ada", 100, "bill/1").await;
        for _ in 0..6 {
            loyalty.redeem("ada", 1).await.unwrap();
            // The entries of others stand between them in the same lane or elsewhere.
            loyalty.earn("bob", 1, &new_id()).await;
        }

        let (mut paged, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListEntriesRequest {
                account_id: "ada".into(),
                page_size: 3,
                page_token,
            };
            let page = loyalty
                .client
                .clone()
                .list_entries(request)
                .await
                .unwrap()
                .into_inner();
            assert!(page.entries.len() <= 3 && !page.entries.is_empty());
            paged.extend(page.entries);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }

        let numbers: Vec<i64> = paged.iter().map(|entry| entry.sequence_number).collect();
        assert_eq!(numbers, [7, 6, 5, 4, 3, 2, 1]);
        let balances: Vec<i64> = paged.iter().map(|entry| entry.balance_points).collect();
        assert_eq!(balances, [94, 95, 96, 97, 98, 99, 100]);
        assert_eq!(loyalty.entries("ada").await, paged);
        let request = ListEntriesRequest {
            account_id: "eve".into(),
            ..Default::default()
        };
        let refused = loyalty
            .client
            .clone()
            .list_entries(request)
            .await
            .unwrap_err();
        assert_code(&refused, Code::NotFound, "ACCOUNT_NOT_FOUND");
    })
    .await;
}

#[tokio::test]
async fn an_entry_is_found_by_its_id() {
    each(async |loyalty| {
        let entry = loyalty.earn("ada", 100, "bill/1").await.entry.unwrap();
        let get = async |account_id: &str, entry_id: &str| {
            let (account_id, entry_id) = (account_id.into(), entry_id.into());
            let request = GetEntryRequest {
                account_id,
                entry_id,
            };
            loyalty
                .client
                .clone()
                .get_entry(request)
                .await
                .map(|answer| answer.into_inner().entry)
        };

        assert_eq!(
            get("ada", &entry.entry_id).await.unwrap(),
            Some(entry.clone())
        );
        let unknown = get("ada", &new_id()).await.unwrap_err();
        assert_code(&unknown, Code::NotFound, "ENTRY_NOT_FOUND");
        assert_reason(
            &get("eve", &entry.entry_id).await.unwrap_err(),
            "ACCOUNT_NOT_FOUND",
        );
        assert_reason(&get("ada", "7").await.unwrap_err(), "INVALID_FIELDS");
    })
    .await;
}

#[tokio::test]
async fn an_account_without_entries_has_an_empty_list() {
    each(async |loyalty| {
        loyalty.create("ada").await.unwrap();

        assert!(loyalty.entries("ada").await.is_empty());
        assert!(loyalty.lots("ada").await.is_empty());
    })
    .await;
}

/// A page token is sealed against mistakes, not against forgers.
#[tokio::test]
async fn a_forged_page_token_shows_nothing_of_other_accounts() {
    each(async |loyalty| {
        let lanes = loyalty.db.lanes();
        let neighbour = (0..)
            .map(|n| format!("B{n}"))
            .find(|id| lanes.of(id) == lanes.of("ada"));
        let neighbour = neighbour.unwrap();
        loyalty.earn("ada", 1, "gift").await;
        let theirs = loyalty.earn(&neighbour, 100, "gift").await.entry.unwrap();
        let seq = EntryId::parse(&theirs.entry_id).unwrap().seq();
        let page_token = PageToken::after([seq.to_string()]).seal(b"entries\x1fada");

        let request = ListEntriesRequest {
            account_id: "ada".into(),
            page_size: 9,
            page_token,
        };
        let page = loyalty
            .client
            .clone()
            .list_entries(request)
            .await
            .unwrap()
            .into_inner();

        assert!(page.entries.is_empty());
    })
    .await;
}
