//! The change feed: complete, in order, without gaps, whoever writes at the same time.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tenure_core::{Coded, Lane};
use tenure_sql::feed::{self, FeedError, NewChange, Positions};
use tenure_sql::{Db, DbOptions, Migration, Migrations, with_pool};
use tenure_testkit::{each_backend, fresh_postgres};

use crate::support::{append_one, at, change, keys, read_all};

#[tokio::test]
async fn changes_come_back_as_they_were_appended() {
    each_backend(&Migrations::NONE, async |db| {
        let odd = NewChange {
            lane: 3,
            kind: "odd",
            key: r#"quote " backslash \ brace }"#.into(),
            happened_at: at(-5),
            body: vec![0, 255, 0x27, 0x22],
        };
        let empty = NewChange {
            body: Vec::new(),
            ..change(3, "empty")
        };
        let appended = vec![odd.clone(), change(1, "first"), empty];

        let mut tx = db.begin().await.unwrap();
        let stands = feed::append(&mut tx, appended, at(9)).await.unwrap();
        tx.commit().await.unwrap();

        assert_eq!(stands, [(3, 1), (1, 1), (3, 2)]);
        let read = read_all(&db).await;
        assert_eq!(keys(&read), ["first", odd.key.as_str(), "empty"]);
        assert_eq!(read[1].body, odd.body);
        assert_eq!(
            (read[1].kind.as_str(), read[1].lane, read[1].seq),
            ("odd", 3, 1)
        );
        assert_eq!((read[1].happened_at, read[1].recorded_at), (at(-5), at(9)));
        assert_eq!(read[2].body, Vec::<u8>::new());
        assert_eq!(read[2].id(), (3 << 48) + 2);
    })
    .await;
}

#[tokio::test]
async fn what_is_rolled_back_leaves_neither_a_change_nor_a_gap() {
    each_backend(&Migrations::NONE, async |db| {
        let mut tx = db.begin().await.unwrap();
        feed::append(&mut tx, vec![change(0, "undone")], at(1))
            .await
            .unwrap();
        tx.rollback().await.unwrap();
        let mut tx = db.begin().await.unwrap();
        feed::append(&mut tx, vec![change(0, "dropped")], at(1))
            .await
            .unwrap();
        drop(tx);
        append_one(&db, 0, "kept").await;

        let read = read_all(&db).await;

        assert_eq!(keys(&read), ["kept"]);
        assert_eq!(read[0].seq, 1);
    })
    .await;
}

#[tokio::test]
async fn nothing_to_append_is_nothing_and_an_unknown_lane_is_refused() {
    each_backend(&Migrations::NONE, async |db| {
        let mut tx = db.begin().await.unwrap();
        assert_eq!(feed::append(&mut tx, Vec::new(), at(1)).await.unwrap(), []);
        let changes = vec![change(0, "a"), change(16, "b")];
        assert!(feed::append(&mut tx, changes, at(1)).await.is_err());
        drop(tx);
        assert_eq!(read_all(&db).await, []);
    })
    .await;
}

#[tokio::test]
async fn a_reader_goes_on_where_it_stopped_and_no_lane_starves_another() {
    each_backend(&Migrations::NONE, async |db| {
        let mut tx = db.begin().await.unwrap();
        let mut changes: Vec<_> = (0..50).map(|n| change(0, &format!("busy{n}"))).collect();
        changes.push(change(9, "calm"));
        feed::append(&mut tx, changes, at(1)).await.unwrap();
        tx.commit().await.unwrap();

        let (first, mut position) = feed::read(&db, &Positions::start(), &[], 10).await.unwrap();
        assert!(keys(&first).contains(&"calm"));
        assert!(first.len() <= 10);

        let mut all = first;
        loop {
            let resumed = Positions::from_token(&db, &position.to_token()).unwrap();
            let (more, next) = feed::read(&db, &resumed, &[], 10).await.unwrap();
            if next == resumed {
                break;
            }
            all.extend(more);
            position = next;
        }
        let busy: Vec<_> = all.iter().filter(|c| c.lane == 0).map(|c| c.seq).collect();
        assert_eq!(busy, (1..=50).collect::<Vec<_>>());
        assert_eq!(all.len(), 51);
        assert_eq!(feed::heads(&db).await.unwrap(), position);
    })
    .await;
}

#[tokio::test]
async fn a_reader_of_some_kinds_passes_over_the_others() {
    each_backend(&Migrations::NONE, async |db| {
        let of_kind = |kind, key: &str| NewChange {
            kind,
            ..change(2, key)
        };
        let mut tx = db.begin().await.unwrap();
        let changes = vec![
            of_kind("bill_paid", "1"),
            of_kind("billxpaid", "2"),
            of_kind("left", "3"),
        ];
        feed::append(&mut tx, changes, at(1)).await.unwrap();
        tx.commit().await.unwrap();

        let wanted = ["bill_paid".to_owned(), "left".to_owned()];
        let (read, position) = feed::read(&db, &Positions::start(), &wanted, 10)
            .await
            .unwrap();

        assert_eq!(keys(&read), ["1", "3"]);
        assert_eq!(position, feed::heads(&db).await.unwrap());
    })
    .await;
}

/// Eight writers with several lanes each, in random order and some of them undone, and a reader that
/// follows them. Without an order of the locks this deadlocks on PostgreSQL within a second.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_writers_of_random_lanes_never_deadlock_and_leave_no_gap() {
    each_backend(&Migrations::NONE, async |db| {
        let writers = join_all((0..8).map(|writer| write_randomly(&db, writer)));

        let (written, read) = tokio::join!(writers, follow(&db));

        let written: usize = written.into_iter().sum();
        let mut seqs = BTreeMap::<Lane, Vec<i64>>::new();
        for change in &read {
            seqs.entry(change.lane).or_default().push(change.seq);
        }
        for (lane, seqs) in seqs {
            let count = i64::try_from(seqs.len()).unwrap();
            assert_eq!(seqs, (1..=count).collect::<Vec<_>>(), "lane {lane}");
        }
        assert_eq!(
            read.iter().filter(|change| change.key != "end").count(),
            written
        );
    })
    .await;
}

/// Returns how many changes were committed; the last one of each writer says that it ended.
async fn write_randomly(db: &Db, writer: u64) -> usize {
    let mut rng = SmallRng::seed_from_u64(writer);
    let mut written = 0;
    for round in 0..25 {
        let size = rng.random_range(1..=4);
        let key = format!("{writer}/{round}");
        let changes: Vec<_> = (0..size)
            .map(|_| change(rng.random_range(0..16), &key))
            .collect();
        let mut tx = db.begin().await.unwrap();
        feed::append(&mut tx, changes, at(1)).await.unwrap();
        if rng.random_bool(0.2) {
            tx.rollback().await.unwrap();
        } else {
            tx.commit().await.unwrap();
            written += size;
        }
    }
    append_one(db, 0, "end").await;
    written
}

async fn follow(db: &Db) -> Vec<feed::Change> {
    let mut signal = db.feed_signal();
    let mut position = Positions::start();
    let mut read = Vec::new();
    let ended = |read: &[feed::Change]| read.iter().filter(|change| change.key == "end").count();
    while ended(&read) < 8 {
        let (changes, next) = feed::read(db, &position, &[], 20).await.unwrap();
        if next == position {
            signal.wait(Duration::from_secs(60)).await;
        }
        read.extend(changes);
        position = next;
    }
    // The writer that ended last stands in lane 0; other lanes were committed before it.
    read.extend(feed::read(db, &position, &[], 100_000).await.unwrap().0);
    read
}

/// One transaction numbers its change and stays open while others commit. The naive reader polls an
/// identity column in the same schedule, and loses the change for ever.
#[tokio::test]
async fn a_transaction_that_commits_late_is_seen_by_us_and_lost_by_a_naive_reader() {
    const NAIVE: Migrations = Migrations {
        sqlite: &[],
        postgres: &[Migration {
            version: 101,
            name: "0101_naive",
            sql: "CREATE TABLE naive (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                                      what TEXT NOT NULL)",
        }],
    };
    fresh_postgres(&NAIVE, &DbOptions::default(), async |db| {
        let mut late = db.begin().await.unwrap();
        naive::insert(&mut late, "late").await;
        feed::append(&mut late, vec![change(0, "late")], at(1))
            .await
            .unwrap();
        let mut early = db.begin().await.unwrap();
        naive::insert(&mut early, "early").await;
        feed::append(&mut early, vec![change(1, "early")], at(1))
            .await
            .unwrap();
        early.commit().await.unwrap();

        let (mut ours, position) = feed::read(&db, &Positions::start(), &[], 10).await.unwrap();
        let (mut theirs, cursor) = naive::read(&db, 0).await;
        assert_eq!(keys(&ours), ["early"]);
        assert_eq!(theirs, ["early"]);

        late.commit().await.unwrap();
        ours.extend(feed::read(&db, &position, &[], 10).await.unwrap().0);
        theirs.extend(naive::read(&db, cursor).await.0);

        assert_eq!(keys(&ours), ["early", "late"]);
        assert_eq!(theirs, ["early"], "the naive reader should have lost a row");
        assert_eq!(naive::read(&db, 0).await.0, ["late", "early"]);
    })
    .await;
}

mod naive {
    use tenure_sql::{Tx, with_tx};

    use super::{Db, with_pool};

    pub(super) async fn insert(tx: &mut Tx, what: &str) {
        const INSERT: &str = "INSERT INTO naive (what) VALUES ($1)";
        let insert = async {
            with_tx!(tx, |conn| {
                sqlx::query(INSERT).bind(what).execute(conn).await?;
            });
            Ok::<_, sqlx::Error>(())
        };
        insert.await.unwrap();
    }

    pub(super) async fn read(db: &Db, after: i64) -> (Vec<String>, i64) {
        const READ: &str = "SELECT id, what FROM naive WHERE id > $1 ORDER BY id";
        let rows = async {
            let rows: Vec<(i64, String)> = with_pool!(db, |pool| sqlx::query_as(READ)
                .bind(after)
                .fetch_all(pool)
                .await?);
            Ok::<_, sqlx::Error>(rows)
        };
        let rows = rows.await.unwrap();
        let cursor = rows.last().map_or(after, |(id, _)| *id);
        (rows.into_iter().map(|(_, what)| what).collect(), cursor)
    }
}

/// Writers of one lane queue behind the one that took it first, and stand behind it in the feed.
#[tokio::test]
async fn writers_of_one_lane_wait_for_each_other() {
    each_backend(&Migrations::NONE, async |db| {
        let mut first = db.begin().await.unwrap();
        feed::append(&mut first, vec![change(5, "first")], at(1))
            .await
            .unwrap();
        let finish_first = async {
            assert_eq!(read_all(&db).await, []);
            first.commit().await.unwrap();
        };

        tokio::join!(append_one(&db, 5, "second"), finish_first);

        assert_eq!(keys(&read_all(&db).await), ["first", "second"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_decision_under_the_locks_of_its_lanes_sees_all_decisions_before_it() {
    each_backend(&Migrations::NONE, async |db| {
        let adders = (0..10).map(async |n| {
            let mut tx = db.begin().await.unwrap();
            let lanes = if n % 2 == 0 { [3, 4] } else { [4, 3] };
            feed::lock_lanes(&mut tx, &lanes).await.unwrap();
            let so_far = feed::read(&db, &Positions::start(), &[], 1_000)
                .await
                .unwrap()
                .0
                .len();
            let changes = vec![change(3, &so_far.to_string())];
            feed::append(&mut tx, changes, at(1)).await.unwrap();
            tx.commit().await.unwrap();
        });
        join_all(adders).await;

        let counted: Vec<_> = (0..10).map(|n| n.to_string()).collect();
        assert_eq!(keys(&read_all(&db).await), counted);
    })
    .await;
}

#[tokio::test]
async fn a_token_of_another_database_is_refused() {
    each_backend(&Migrations::NONE, async |db| {
        append_one(&db, 0, "ours").await;
        let token = feed::heads(&db).await.unwrap().to_token();

        tenure_testkit::fresh_sqlite(&Migrations::NONE, &DbOptions::default(), async |other| {
            let refused = Positions::from_token(&other, &token).unwrap_err();
            assert!(
                matches!(refused, FeedError::InvalidToken { .. }),
                "{refused}"
            );
            assert_eq!(refused.reason(), "INVALID_RESUME_TOKEN");
        })
        .await;
        assert!(Positions::from_token(&db, &token).is_ok());
        assert!(Positions::from_token(&db, "nonsense").is_err());
        assert_eq!(Positions::from_token(&db, "").unwrap(), Positions::start());
    })
    .await;
}

#[tokio::test]
async fn a_commit_wakes_followers_and_a_rollback_does_not() {
    each_backend(&Migrations::NONE, async |db| {
        let mut signal = db.feed_signal();
        append_one(&db, 0, "one").await;
        signal.wait(Duration::from_secs(3_600)).await;

        let mut tx = db.begin().await.unwrap();
        feed::append(&mut tx, vec![change(0, "two")], at(1))
            .await
            .unwrap();
        tx.rollback().await.unwrap();
        let woken = tokio::time::timeout(Duration::ZERO, signal.wait(Duration::from_secs(3_600)));
        assert!(woken.await.is_err());
    })
    .await;
}
