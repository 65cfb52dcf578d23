//! `WatchChanges`.

use std::collections::BTreeMap;

use tenure_proto::loyalty::v1::change::Fact;
use tenure_proto::loyalty::v1::*;
use tenure_testkit::assert_reason;

use crate::suite::{Suite, each};

async fn read(loyalty: &Suite, resume_token: &str) -> Result<(Vec<Change>, String), tonic::Status> {
    let request = WatchChangesRequest {
        resume_token: resume_token.into(),
        follow: false,
    };
    let mut stream = loyalty
        .client
        .clone()
        .watch_changes(request)
        .await?
        .into_inner();
    let (mut changes, mut token) = (Vec::new(), String::new());
    while let Some(message) = stream.message().await? {
        assert!(message.changes.len() <= 1_000);
        changes.extend(message.changes);
        token = message.resume_token;
    }
    Ok((changes, token))
}

#[tokio::test]
async fn the_feed_tells_every_account_and_entry_in_order_and_goes_on_where_it_was_left() {
    each(async |loyalty| {
        for n in 0..40 {
            let account = format!("A{}", n % 7);
            loyalty.earn(&account, 10, &format!("gift/{n}")).await;
        }
        let (first, token) = read(&loyalty, "").await.unwrap();
        loyalty.redeem("A3", 5).await.unwrap();
        let (second, end) = read(&loyalty, &token).await.unwrap();
        let (nothing, same) = read(&loyalty, &end).await.unwrap();

        assert_eq!(first.len(), 47);
        assert_eq!((second.len(), nothing.len()), (1, 0));
        assert_eq!(same, end);
        assert_eq!(second[0].customer_id, "A3");
        let mut numbers = BTreeMap::<String, Vec<i64>>::new();
        for change in first.into_iter().chain(second) {
            let number = match change.fact.unwrap() {
                Fact::Account(account) => {
                    assert_eq!(account.account_id, change.account_id);
                    0
                }
                Fact::Entry(entry) => entry.sequence_number,
                other => panic!("nobody did that: {other:?}"),
            };
            numbers.entry(change.account_id).or_default().push(number);
        }
        for (account, numbers) in numbers {
            let wanted: Vec<i64> = (0..numbers.len() as i64).collect();
            assert_eq!(numbers, wanted, "{account}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_follower_sees_what_is_committed_later() {
    each(async |loyalty| {
        let request = WatchChangesRequest {
            resume_token: String::new(),
            follow: true,
        };
        let mut stream = loyalty
            .client
            .clone()
            .watch_changes(request)
            .await
            .unwrap()
            .into_inner();
        let progress = stream.message().await.unwrap().unwrap();
        assert!(progress.changes.is_empty());

        loyalty.earn("ada", 10, "gift").await;

        let message = stream.message().await.unwrap().unwrap();
        assert_eq!(message.changes.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_token_of_another_database_is_refused() {
    each(async |loyalty| {
        assert_reason(
            &read(&loyalty, "nonsense").await.unwrap_err(),
            "INVALID_RESUME_TOKEN",
        );
    })
    .await;
}
