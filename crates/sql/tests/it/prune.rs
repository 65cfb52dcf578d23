//! What is no longer kept, and how its readers learn of it.

use tenure_core::Coded;
use tenure_sql::feed::{self, FeedError, Positions};
use tenure_sql::{Db, Migrations, with_tx};
use tenure_testkit::each_backend;

use crate::support::{append_one, at, change, keys};

async fn append_at(db: &Db, lane: i32, name: &str, recorded_at: i64) {
    let mut tx = db.begin().await.unwrap();
    feed::append(&mut tx, vec![change(lane, name)], at(recorded_at))
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_token_older_than_what_is_kept_is_refused_with_the_earliest_one() {
    each_backend(&Migrations::NONE, async |db| {
        append_at(&db, 1, "old", 10).await;
        append_at(&db, 1, "kept", 20).await;
        append_at(&db, 2, "old too", 5).await;

        assert_eq!(feed::prune(&db, at(10)).await.unwrap(), 2);

        let refused = feed::read(&db, &Positions::start(), &[], 10)
            .await
            .unwrap_err();
        assert_eq!(refused.reason(), "RESUME_TOKEN_EXPIRED");
        let FeedError::TokenExpired { earliest } = refused else {
            panic!("{refused}")
        };
        let earliest = Positions::from_token(&db, &earliest).unwrap();
        assert_eq!(earliest, feed::earliest(&db).await.unwrap());
        let (read, _) = feed::read(&db, &earliest, &[], 10).await.unwrap();
        assert_eq!(keys(&read), ["kept"]);
        append_one(&db, 2, "new").await;
        let (read, _) = feed::read(&db, &earliest, &[], 10).await.unwrap();
        assert_eq!((read[1].key.as_str(), read[1].seq), ("new", 2));
    })
    .await;
}

#[tokio::test]
async fn an_old_change_behind_a_young_one_is_kept_with_it() {
    each_backend(&Migrations::NONE, async |db| {
        append_at(&db, 1, "young", 20).await;
        append_at(&db, 1, "by a slow clock", 10).await;

        assert_eq!(feed::prune(&db, at(15)).await.unwrap(), 0);
        assert_eq!(feed::prune(&db, at(20)).await.unwrap(), 2);
        assert_eq!(feed::prune(&db, at(20)).await.unwrap(), 0);
    })
    .await;
}

/// A database restored from a backup knows less than its readers; to go on quietly would lose what
/// is written until it has caught up.
#[tokio::test]
async fn a_position_behind_the_end_of_the_feed_is_refused() {
    each_backend(&Migrations::NONE, async |db| {
        append_one(&db, 0, "one").await;
        let position = feed::heads(&db).await.unwrap();
        sql(&db, "DELETE FROM change").await;
        sql(&db, "UPDATE lane SET seq = 0").await;

        let refused = feed::read(&db, &position, &[], 10).await.unwrap_err();

        assert!(
            matches!(refused, FeedError::InvalidToken { .. }),
            "{refused}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_gap_is_reported_and_not_passed_over() {
    each_backend(&Migrations::NONE, async |db| {
        for name in ["one", "two", "three"] {
            append_one(&db, 0, name).await;
        }
        sql(&db, "DELETE FROM change WHERE seq = 2").await;

        let refused = feed::read(&db, &Positions::start(), &[], 10)
            .await
            .unwrap_err();

        assert_eq!(refused.reason(), "INTERNAL_ERROR");
    })
    .await;
}

async fn sql(db: &Db, statement: &'static str) {
    let mut tx = db.begin().await.unwrap();
    let run = async {
        with_tx!(tx, |conn| {
            sqlx::query(statement).execute(conn).await?;
        });
        Ok::<_, sqlx::Error>(())
    };
    run.await.unwrap();
    tx.commit().await.unwrap();
}
