//! Consumers: the effect of every change exactly once, however many replicas try.

use tenure_sql::Db;
use tenure_sql::feed::{self, Positions, consumer};
use tenure_testkit::each_backend;

use crate::support::{EFFECTS, add_effect, at, change, effects};

const NAME: &str = "effects of changes";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_racing_consumers_apply_every_change_exactly_once() {
    each_backend(&EFFECTS, async |db| {
        let names: Vec<_> = (0..200).map(|n| format!("{n:03}")).collect();
        let mut tx = db.begin().await.unwrap();
        let changes = (0..)
            .zip(&names)
            .map(|(n, name)| change(n % 16, name))
            .collect();
        feed::append(&mut tx, changes, at(1)).await.unwrap();
        tx.commit().await.unwrap();

        let (won, also_won) = tokio::join!(consume(&db), consume(&db));

        assert_eq!(effects(&db).await, names);
        // 200 changes in batches of at most 16.
        assert!(won + also_won >= 200 / 16, "{won} + {also_won}");
    })
    .await;
}

/// Applies batches until nothing is left; returns how many it won.
async fn consume(db: &Db) -> u32 {
    let mut won = 0;
    loop {
        let from = consumer::position(db, NAME).await.unwrap();
        let position = Positions::from_token(db, from.as_deref().unwrap_or_default()).unwrap();
        let (changes, next) = feed::read(db, &position, &[], 16).await.unwrap();
        if next == position {
            return won;
        }
        let mut tx = db.begin().await.unwrap();
        let to = next.to_token();
        if !consumer::advance(&mut tx, NAME, from.as_deref(), &to, at(3))
            .await
            .unwrap()
        {
            tx.rollback().await.unwrap();
            continue;
        }
        for change in &changes {
            add_effect(&mut tx, change.lane, &change.key).await;
        }
        tx.commit().await.unwrap();
        won += 1;
    }
}

#[tokio::test]
async fn a_consumer_moves_only_from_where_it_stands() {
    each_backend(&EFFECTS, async |db| {
        assert_eq!(consumer::position(&db, NAME).await.unwrap(), None);
        for (from, to, moves) in [
            (Some("a"), "b", false),
            (None, "a", true),
            (None, "b", false),
            (Some("x"), "b", false),
            (Some("a"), "b", true),
        ] {
            let mut tx = db.begin().await.unwrap();
            let moved = consumer::advance(&mut tx, NAME, from, to, at(1))
                .await
                .unwrap();
            tx.commit().await.unwrap();
            assert_eq!(moved, moves, "{from:?} to {to}");
        }
        assert_eq!(
            consumer::position(&db, NAME).await.unwrap().as_deref(),
            Some("b")
        );
    })
    .await;
}
