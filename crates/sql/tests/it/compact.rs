//! Compaction: less is kept, and every reader ends with the same state.

use std::collections::BTreeMap;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tenure_sql::feed::{self, Change, Filter, NewChange, Positions};
use tenure_sql::{Db, Migrations};
use tenure_testkit::each_backend;

use crate::support::at;

const CHANGES: i64 = 3_000;
const KEPT: i64 = 500;

/// What a reader knows: the last body of each key.
type State = BTreeMap<String, Vec<u8>>;

/// Reads from a position to the end and applies all to what was known.
async fn read_on(db: &Db, mut state: State, mut positions: Positions) -> (State, usize) {
    let mut count = 0;
    loop {
        let (changes, next) = feed::read(db, &positions, &[], 100).await.unwrap();
        if next == positions {
            return (state, count);
        }
        count += changes.len();
        state.extend(changes.into_iter().map(|it| (it.key, it.body)));
        positions = next;
    }
}

fn fact_of(change: &Change) -> Option<String> {
    (change.kind == "fact").then(|| change.key.clone())
}

#[tokio::test]
async fn readers_old_and_new_end_with_the_same_state_after_a_compaction() {
    each_backend(&Migrations::NONE, async |db| {
        let mut random = SmallRng::seed_from_u64(7);
        let mut readers = Vec::new();
        let (mut state, mut events) = (State::new(), 0);
        for number in 0..CHANGES {
            let key = format!("K{}", random.random_range(0..50));
            let is_event = random.random_range(0..20) == 0;
            let change = NewChange {
                lane: db.lanes().of(&key),
                kind: if is_event { "event" } else { "fact" },
                key: if is_event { format!("E{number}") } else { key },
                happened_at: at(number),
                body: number.to_be_bytes().to_vec(),
            };
            events += i64::from(is_event);
            state.insert(change.key.clone(), change.body.clone());
            let mut tx = db.begin().await.unwrap();
            feed::append(&mut tx, vec![change], at(number))
                .await
                .unwrap();
            tx.commit().await.unwrap();
            if number % 700 == 0 {
                readers.push((state.clone(), feed::heads(&db).await.unwrap()));
            }
        }
        readers.push((State::new(), Positions::start()));

        let until = at(CHANGES - KEPT - 1);
        let deleted = feed::compact(&db, until, fact_of).await.unwrap();

        // What is left: all events, all that is young, at most the 50 facts of what is old.
        let left = CHANGES - i64::try_from(deleted).unwrap();
        assert!(left <= events + KEPT + 50, "{left} left");
        for (known, positions) in readers {
            let (known, _) = read_on(&db, known, positions).await;
            assert_eq!(known, state);
        }
        let (mut positions, mut count) = (Positions::start(), 0);
        loop {
            let page = feed::page(&db, &positions, &Filter::default(), 100)
                .await
                .unwrap();
            if page.is_end {
                break;
            }
            (count, positions) = (count + page.lengths.len(), page.positions);
        }
        assert_eq!(i64::try_from(count).unwrap(), left);
        assert_eq!(feed::compact(&db, until, fact_of).await.unwrap(), 0);
    })
    .await;
}
