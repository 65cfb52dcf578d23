//! Answers: one effect per request id, and the same answer for every repeat.

use futures_util::future::join_all;
use tenure_core::{Lanes, RequestId};
use tenure_sql::answers::{self, Claim, Key};
use tenure_sql::{Db, Migrations};
use tenure_testkit::{each_backend, request_id};
use uuid::Uuid;

use crate::support::{EFFECTS, add_effect, at, effects};

fn key(request_id: Uuid) -> Key<'static> {
    Key {
        lane: 3,
        principal: "anonymous",
        method: "test.v1.TestService/Try",
        request_id,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_twenty_concurrent_requests_with_one_id_one_acts_and_all_get_its_answer() {
    each_backend(&EFFECTS, async |db| {
        let key = key(request_id());
        let tries = (0..20).map(async |n: u8| {
            let mut tx = db.begin().await.unwrap();
            match answers::claim(&mut tx, &key, b"body", at(1)).await.unwrap() {
                Claim::New => {
                    add_effect(&mut tx, 3, "acted").await;
                    answers::record(&mut tx, &key, &[n]).await.unwrap();
                    tx.commit().await.unwrap();
                    (true, vec![n])
                }
                Claim::Answered {
                    fingerprint,
                    answer,
                } => {
                    assert_eq!(fingerprint, b"body");
                    (false, answer)
                }
            }
        });

        let answered = join_all(tries).await;

        assert_eq!(answered.iter().filter(|(new, _)| *new).count(), 1);
        assert!(answered.iter().all(|(_, answer)| *answer == answered[0].1));
        assert_eq!(effects(&db).await, ["acted"]);
    })
    .await;
}

#[tokio::test]
async fn a_request_whose_transaction_ended_otherwise_can_be_tried_again() {
    each_backend(&Migrations::NONE, async |db| {
        let key = key(request_id());
        let mut tx = db.begin().await.unwrap();
        assert_eq!(
            answers::claim(&mut tx, &key, b"", at(1)).await.unwrap(),
            Claim::New
        );
        drop(tx);
        let mut tx = db.begin().await.unwrap();
        assert_eq!(
            answers::claim(&mut tx, &key, b"", at(1)).await.unwrap(),
            Claim::New
        );
        answers::forget(&mut tx, &key).await.unwrap();
        tx.commit().await.unwrap();

        answer(&db, &key, b"", b"").await;

        let mut tx = db.begin().await.unwrap();
        let repeated = answers::claim(&mut tx, &key, b"", at(1)).await.unwrap();
        assert_eq!(
            repeated,
            Claim::Answered {
                fingerprint: vec![],
                answer: vec![]
            }
        );
    })
    .await;
}

#[tokio::test]
async fn an_id_belongs_to_its_caller_and_method() {
    each_backend(&Migrations::NONE, async |db| {
        let first = key(request_id());
        answer(&db, &first, b"f", b"a").await;

        for other in [
            Key {
                principal: "another",
                ..first
            },
            Key {
                method: "test.v1.TestService/Other",
                ..first
            },
            Key {
                request_id: request_id(),
                ..first
            },
        ] {
            let mut tx = db.begin().await.unwrap();
            assert_eq!(
                answers::claim(&mut tx, &other, b"f", at(1)).await.unwrap(),
                Claim::New
            );
        }
    })
    .await;
}

#[test]
fn the_key_of_a_request_depends_on_its_method_and_id_alone() {
    let (lanes, first) = (Lanes::DEFAULT, key(request_id()));

    let made = Key::of(lanes, first.method, RequestId(first.request_id));

    let lane = lanes.of(&first.request_id.to_string());
    assert_eq!(made, Key { lane, ..first });
}

#[tokio::test]
async fn an_answer_without_a_claim_is_refused() {
    each_backend(&Migrations::NONE, async |db| {
        let mut tx = db.begin().await.unwrap();
        assert!(
            answers::record(&mut tx, &key(request_id()), b"a")
                .await
                .is_err()
        );
    })
    .await;
}

#[tokio::test]
async fn old_answers_are_pruned_and_young_ones_kept() {
    each_backend(&Migrations::NONE, async |db| {
        let (old, young) = (key(Uuid::from_u128(u128::MAX)), key(request_id()));
        for (key, created_at) in [(old, 10), (young, 20)] {
            let mut tx = db.begin().await.unwrap();
            answers::claim(&mut tx, &key, b"", at(created_at))
                .await
                .unwrap();
            answers::record(&mut tx, &key, b"").await.unwrap();
            tx.commit().await.unwrap();
        }

        assert_eq!(answers::prune(&db, at(20)).await.unwrap(), 1);

        let mut tx = db.begin().await.unwrap();
        assert_eq!(
            answers::claim(&mut tx, &old, b"", at(30)).await.unwrap(),
            Claim::New
        );
        let kept = answers::claim(&mut tx, &young, b"", at(30)).await.unwrap();
        assert!(matches!(kept, Claim::Answered { .. }));
    })
    .await;
}

async fn answer(db: &Db, key: &Key<'_>, fingerprint: &[u8], answer: &[u8]) {
    let mut tx = db.begin().await.unwrap();
    assert_eq!(
        answers::claim(&mut tx, key, fingerprint, at(1))
            .await
            .unwrap(),
        Claim::New
    );
    answers::record(&mut tx, key, answer).await.unwrap();
    tx.commit().await.unwrap();
}
