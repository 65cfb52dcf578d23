//! Many who want the same reward: no more is sold than there is.

use futures_util::future::join_all;
use tenure_core::Span;
use tenure_proto::loyalty::v1::*;
use tenure_testkit::assert_reason;
use tokio::task::JoinSet;

use crate::reward_suite::confirming;
use crate::suite::{Answer, Suite, each};

/// Orders a mug for each of `count` accounts at once, spread over two replicas.
async fn all_at_once<F>(
    loyalty: &Suite,
    count: usize,
    order: impl Fn(Suite, String) -> F,
) -> Vec<Answer<RewardOrder>>
where
    F: Future<Output = Answer<RewardOrder>> + Send + 'static,
{
    let replicas = [loyalty.clone(), loyalty.replica()];
    let mut calls = JoinSet::new();
    for n in 0..count {
        calls.spawn(order(replicas[n % 2].clone(), format!("A{n}")));
    }
    calls.join_all().await
}

async fn with_points(loyalty: &Suite, count: usize) {
    let earning = (0..count).map(|n| {
        let account = format!("A{n}");
        async move {
            loyalty.earn(&account, 150, "bill/1").await;
        }
    });
    join_all(earning).await;
}

/// No deadlock error either: whoever gets no mug is told that there is none.
fn sold(answers: &[Answer<RewardOrder>]) -> usize {
    for answer in answers {
        if let Err(status) = answer {
            assert_reason(status, "OUT_OF_STOCK");
        }
    }
    answers.iter().filter(|answer| answer.is_ok()).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hundred_that_want_one_of_fifty_at_two_replicas_fifty_get_one() {
    each(async |loyalty| {
        loyalty.stocked("mug", 50).await;
        with_points(&loyalty, 200).await;

        let answers = all_at_once(&loyalty, 200, |loyalty, account| async move {
            loyalty.order(&account, "mug").await
        })
        .await;

        assert_eq!(sold(&answers), 50);
        assert_eq!(loyalty.stock("mug").await, (0, 0, 50));
        let spent: i64 = loyalty.books().await.redeemed_points;
        assert_eq!(spent, 50 * 100);
        loyalty.assert_books_tie().await;
        loyalty.assert_verifies().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_some_reserve_and_let_lapse_others_get_and_no_more() {
    each(async |loyalty| {
        loyalty.stocked("mug", 20).await;
        with_points(&loyalty, 60).await;
        let reserved = all_at_once(&loyalty, 60, |loyalty, account| async move {
            loyalty.reserve(&account, "mug").await
        })
        .await;
        assert_eq!(sold(&reserved), 20);
        let reserved: Vec<RewardOrder> = reserved.into_iter().filter_map(Result::ok).collect();
        for order in &reserved[..5] {
            loyalty
                .confirm_reward_order(confirming(order))
                .await
                .unwrap();
        }
        loyalty.advance(Span::from_seconds(60));

        let answers = all_at_once(&loyalty, 60, |loyalty, account| async move {
            loyalty.order(&account, "mug").await
        })
        .await;

        // Those five have 50 points left, and may be told so instead.
        let done = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(done, 15);
        assert_eq!(loyalty.stock("mug").await, (0, 0, 20));
        loyalty.assert_verifies().await;
    })
    .await;
}

/// Accounts and stocks share lanes here and there: whoever locks two does so in one order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_of_many_rewards_by_many_accounts_meet_no_deadlock() {
    each(async |loyalty| {
        for n in 0..8 {
            loyalty.stocked(&format!("R{n}"), 1_000).await;
        }
        with_points(&loyalty, 100).await;

        let answers = all_at_once(&loyalty, 100, |loyalty, account| async move {
            let number: usize = account[1..].parse().unwrap();
            loyalty.order(&account, &format!("R{}", number % 8)).await
        })
        .await;

        assert_eq!(sold(&answers), 100);
        loyalty.assert_verifies().await;
    })
    .await;
}
