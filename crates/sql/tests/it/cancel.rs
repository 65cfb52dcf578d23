//! Calls that are dropped half-way, as a deadline does: nothing of them stays, and the next call works.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use tenure_sql::answers::{self, Claim, Key};
use tenure_sql::feed;
use tenure_sql::{Db, SqlError};
use tenure_testkit::{each_backend, request_id};

use crate::support::{EFFECTS, add_effect, at, change, effects, read_all};

async fn use_case(db: &Db, key: &Key<'_>) -> Result<(), SqlError> {
    let mut tx = db.begin().await?;
    if answers::claim(&mut tx, key, b"", at(1)).await? != Claim::New {
        return Ok(());
    }
    add_effect(&mut tx, 0, &key.request_id.to_string()).await;
    answers::record(&mut tx, key, b"").await?;
    feed::append(&mut tx, vec![change(0, &key.request_id.to_string())], at(1)).await?;
    tx.commit().await
}

/// Polls a future at most `polls` times; true when it ended by then.
async fn poll_at_most(polls: usize, future: impl Future<Output = Result<(), SqlError>>) -> bool {
    let mut future = pin!(future);
    for _ in 0..polls {
        let mut polled = false;
        let step = std::future::poll_fn(|context| {
            if polled {
                return Poll::Ready(None);
            }
            polled = true;
            match future.as_mut().poll(context) {
                Poll::Ready(ended) => Poll::Ready(Some(ended)),
                // Woken by the future itself once there is more to do.
                Poll::Pending => Poll::Pending,
            }
        });
        if let Some(ended) = step.await {
            ended.unwrap();
            return true;
        }
    }
    false
}

#[tokio::test]
async fn a_call_that_is_dropped_anywhere_leaves_all_or_nothing_and_a_usable_database() {
    each_backend(&EFFECTS, async |db| {
        let mut requests = Vec::new();
        let mut ended = false;
        for polls in 1..200 {
            let key = Key {
                lane: 0,
                principal: "p",
                method: "m",
                request_id: request_id(),
            };
            ended = poll_at_most(polls, use_case(&db, &key)).await;
            requests.push(key.request_id);
            if ended {
                break;
            }
        }
        assert!(ended, "the use case takes fewer than 200 steps");

        // Repeating every request makes all of them happen, and each of them once.
        for request_id in &requests {
            let key = Key {
                lane: 0,
                principal: "p",
                method: "m",
                request_id: *request_id,
            };
            use_case(&db, &key).await.unwrap();
        }

        let mut wanted: Vec<_> = requests.iter().map(ToString::to_string).collect();
        wanted.sort();
        assert_eq!(effects(&db).await, wanted);
        let mut told: Vec<_> = read_all(&db)
            .await
            .into_iter()
            .map(|change| change.key)
            .collect();
        told.sort();
        assert_eq!(told, wanted);
    })
    .await;
}
