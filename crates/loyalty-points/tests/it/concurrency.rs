//! Many at once: what may happen once happens once, what there is is spent once.

use std::sync::Arc;

use tenure_loyalty_points::{Config, MIGRATIONS};
use tenure_proto::loyalty::v1::*;
use tenure_testkit::assert_reason;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::suite::{Answer, Suite, each};

/// Fewer calls than two replicas admit at once, so that none waits for its admission.
const IN_FLIGHT: usize = 1_000;

/// Makes `count` calls at once, spread over two replicas, and returns their answers.
async fn at_once<T, F>(
    loyalty: &Suite,
    count: usize,
    call: impl Fn(Suite, usize) -> F,
) -> Vec<Answer<T>>
where
    T: Send + 'static,
    F: Future<Output = Answer<T>> + Send + 'static,
{
    let replicas = [loyalty.clone(), loyalty.replica()];
    let admitted = Arc::new(Semaphore::new(IN_FLIGHT));
    let mut calls = JoinSet::new();
    for n in 0..count {
        let (call, admitted) = (call(replicas[n % 2].clone(), n), admitted.clone());
        calls.spawn(async move {
            let _permit = admitted.acquire().await;
            call.await
        });
    }
    calls.join_all().await
}

fn reasons<T>(answers: &[Answer<T>], reason: &str) -> usize {
    for answer in answers {
        if let Err(status) = answer {
            assert_reason(status, reason);
        }
    }
    answers.iter().filter(|answer| answer.is_ok()).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_five_thousand_that_spend_a_thousand_points_a_thousand_succeed() {
    each(async |loyalty| {
        loyalty.earn("ada", 600, "bill/1").await;
        loyalty.earn("ada", 400, "bill/2").await;

        let answers = at_once(&loyalty, 5_000, |loyalty, _| async move {
            loyalty.redeem("ada", 1).await
        })
        .await;

        assert_eq!(reasons(&answers, "INSUFFICIENT_POINTS"), 1_000);
        assert_eq!(loyalty.balance("ada").await, (0, 0));
        loyalty.assert_books_tie().await;
    })
    .await;
}

/// Blnk's own case: a hundred users commit one hold.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_hundred_that_confirm_one_hold_one_wins() {
    each(async |loyalty| {
        loyalty.earn("ada", 100, "bill/1").await;
        let hold = loyalty.hold("ada", 60, 60).await.unwrap();

        let answers = at_once(&loyalty, 100, move |loyalty, _| {
            let hold = hold.clone();
            async move { loyalty.confirm(&hold, 0).await }
        })
        .await;

        assert_eq!(reasons(&answers, "HOLD_ALREADY_CONFIRMED"), 1);
        assert_eq!(loyalty.balance("ada").await, (40, 0));
    })
    .await;
}

/// Formance's own case: 500 entries, every one reversed twice at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_that_are_reversed_twice_at_once_are_reversed_once_each() {
    each(async |loyalty| {
        let mut spent = Vec::new();
        for n in 0..10 {
            let account = format!("A{n}");
            loyalty.earn(&account, 100, "bill/1").await;
            for _ in 0..50 {
                spent.push(loyalty.redeem(&account, 2).await.unwrap().entry.unwrap());
            }
        }

        let answers = at_once(&loyalty, 1_000, move |loyalty, n| {
            let entry = spent[n / 2].clone();
            async move { loyalty.reverse(&entry).await }
        })
        .await;

        assert_eq!(reasons(&answers, "ENTRY_ALREADY_REVERSED"), 500);
        assert_eq!(loyalty.books().await.lot_points, 1_000);
        loyalty.assert_books_tie().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_request_sent_many_times_at_once_has_one_effect() {
    each(async |loyalty| {
        loyalty.earn("ada", 100, "bill/1").await;
        let request = loyalty.redeeming("ada", 3);

        let answers = at_once(&loyalty, 60, move |loyalty, _| {
            let request = request.clone();
            async move { loyalty.redeem_with(request).await }
        })
        .await;

        let mut answers: Vec<RedeemPointsResponse> =
            answers.into_iter().map(Result::unwrap).collect();
        assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
        answers
            .iter_mut()
            .for_each(|answer| answer.replayed = false);
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
        assert_eq!(loyalty.balance("ada").await, (97, 0));
    })
    .await;
}

/// Each replica remembers the account from its own last commit, which is not the last one.
#[tokio::test]
async fn replicas_that_take_turns_see_what_the_other_wrote() {
    each(async |first| {
        let second = first.replica();
        first.earn("ada", 100, "bill/1").await;
        for turn in 0..10 {
            let loyalty = if turn % 2 == 0 { &second } else { &first };
            let redeemed = loyalty.redeem("ada", 7).await.unwrap();
            assert_eq!(redeemed.available_points, 93 - 7 * turn);
        }
        assert_eq!(first.balance("ada").await, (30, 0));
        first.assert_books_tie().await;
    })
    .await;
}

/// The replica that did not answer first takes the request for a new one, until the database tells.
#[tokio::test]
async fn a_request_repeated_at_another_replica_gets_the_first_answer() {
    each(async |first| {
        let second = first.replica();
        first.earn("ada", 10, "bill/1").await;
        let (paid, refused) = (first.redeeming("ada", 10), first.redeeming("ada", 11));
        let answer = first.redeem_with(paid.clone()).await.unwrap();
        let refusal = first.redeem_with(refused.clone()).await.unwrap_err();
        first.earn("ada", 50, "bill/2").await;

        let again = second.redeem_with(paid).await.unwrap();
        let refused_again = second.redeem_with(refused).await.unwrap_err();

        assert_eq!((again.entry, again.replayed), (answer.entry, true));
        assert_eq!(refused_again.message(), refusal.message());
        assert_eq!(second.balance("ada").await, (50, 0));
    })
    .await;
}

/// Two quotes confirmed together (Odoo 249775): each alone could be paid.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_spend_the_same_points_at_once_one_is_refused() {
    each(async |loyalty| {
        for n in 0..20 {
            let account = format!("A{n}");
            loyalty.earn(&account, 100, "bill/1").await;
            let answers = at_once(&loyalty, 2, move |loyalty, _| {
                let account = account.clone();
                async move { loyalty.redeem(&account, 60).await }
            })
            .await;
            assert_eq!(reasons(&answers, "INSUFFICIENT_POINTS"), 1);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_refuses_and_says_when_to_come_back() {
    tenure_testkit::each_backend(&MIGRATIONS, async |db| {
        let config = Config {
            committers: 1,
            batch_max: 1,
            queue_max: 1,
            ..Config::default()
        };
        let loyalty = Suite::new(&db, config);
        loyalty.earn("ada", 1_000, "bill/1").await;
        let mut calls = JoinSet::new();
        for _ in 0..200 {
            let loyalty = loyalty.clone();
            calls.spawn(async move { loyalty.redeem("ada", 1).await });
        }
        let answers = calls.join_all().await;

        let done = reasons(&answers, "OVERLOADED");

        assert!(done < 200, "the queue was never full");
        let refused = answers
            .iter()
            .find_map(|answer| answer.as_ref().err())
            .unwrap();
        assert_eq!(refused.code(), tonic::Code::Unavailable);
        assert!(tonic_types::StatusExt::get_details_retry_info(refused).is_some());
        assert_eq!(loyalty.balance("ada").await, (1_000 - done as i64, 0));
    })
    .await;
}
