//! Settlements that are cut off, or that several work on.

use tenure_core::{Clock as _, Currency, ManualClock, Span};
use tenure_testkit::{each_backend, manual_clock};

use super::*;
use crate::MIGRATIONS;
use crate::domain::{PartnerKind, WHOLE};
use crate::store::partners::StoredPartner;

const ROW: &str = "
    INSERT INTO partner_entry (lane, seq, partner_id, direction, points, points_type, terms,
                               share, decided_at, settled_in)
    VALUES ($1, $2, $3, $4, $5, '', 1, 10000, $6, 0)";
const HEAD: &str = "UPDATE lane SET seq = $2 WHERE lane = $1";

/// Two partners to whom the same happened, in all lanes.
async fn twins(db: &Db, clock: &ManualClock) {
    let mut tx = db.begin().await.unwrap();
    for id in ["cut", "whole"] {
        let partner = StoredPartner {
            id: id.to_owned(),
            name: id.to_owned(),
            kind: PartnerKind::Both,
            payment: Payment::Postpaid,
            currency: Currency::parse("EUR").unwrap(),
            is_closed: false,
            alert: 0,
            terms: 1,
            created_at: clock.now(),
            created_by: "ada".to_owned(),
            updated_at: clock.now(),
            updated_by: "ada".to_owned(),
        };
        let prices = Prices {
            accrual: [(String::new(), 1_235)].into(),
            billing: WHOLE,
            redemption: 800,
        };
        let created = partners::create(&mut tx, db.lanes().all(), &partner, &prices).await;
        created.unwrap().unwrap();
    }
    let decided_at = (clock.now() - Span::from_seconds(1)).as_micros();
    for number in 0..60_i64 {
        let lane = Lane::try_from(number % 7).unwrap();
        for (id, seq) in [("cut", number * 2 + 1), ("whole", number * 2 + 2)] {
            let points = if number % 5 == 4 { -number } else { number };
            with_tx!(&mut tx, |conn| {
                let row = sqlx::query(ROW).bind(lane).bind(seq).bind(id);
                let row = row.bind(1 + number % 2).bind(points).bind(decided_at);
                row.execute(&mut *conn).await.unwrap();
                let head = sqlx::query(HEAD).bind(lane).bind(seq);
                head.execute(conn).await.unwrap().rows_affected()
            });
        }
    }
    tx.commit().await.unwrap();
}

async fn begin(db: &Db, clock: &ManualClock, id: &str) -> Started {
    let mut tx = db.begin().await.unwrap();
    let now = clock.now();
    let started = start(&mut tx, id, now, (now, "ada"))
        .await
        .unwrap()
        .unwrap();
    if let Started::New(_) = started {
        tx.commit().await.unwrap();
    }
    started
}

#[tokio::test]
async fn a_settlement_that_was_cut_off_after_a_slice_comes_to_the_same() {
    each_backend(&MIGRATIONS, async |db| {
        let clock = manual_clock();
        twins(&db, &clock).await;
        assert_eq!(begin(&db, &clock, "whole").await, Started::New(1));
        complete(&db, &clock, "whole", 1).await.unwrap();

        assert_eq!(begin(&db, &clock, "cut").await, Started::New(1));
        for _ in 0..3 {
            let taken = step(&db, &clock, ("cut", 1), 4).await.unwrap();
            assert_eq!(taken, Step::More);
        }
        // Whoever was at it is gone; what came later is none of its business.
        let half = find(&db, "cut", 1).await.unwrap().unwrap();
        assert_eq!((half.state, half.entries), (SettlementState::Running, 12));
        assert_eq!(begin(&db, &clock, "cut").await, Started::Behind(1));
        assert_eq!(running(&db, "cut").await.unwrap(), Some(1));
        complete(&db, &clock, "cut", 1).await.unwrap();

        let (cut, whole) = (find(&db, "cut", 1).await, find(&db, "whole", 1).await);
        let (cut, whole) = (cut.unwrap().unwrap(), whole.unwrap().unwrap());
        let shape = |it: &StoredSettlement| (it.state, it.entries, it.accrual, it.redemption);
        assert_eq!(shape(&cut), shape(&whole));
        assert_eq!((cut.state, cut.entries), (SettlementState::Open, 60));
        let of_cut = lines(&db, "cut", 1).await.unwrap();
        assert_eq!(of_cut, lines(&db, "whole", 1).await.unwrap());
        assert_eq!(running(&db, "cut").await.unwrap(), None);
        assert_eq!(begin(&db, &clock, "cut").await, Started::New(2));
    })
    .await;
}

#[tokio::test]
async fn slices_of_two_replicas_take_each_entry_once() {
    each_backend(&MIGRATIONS, async |db| {
        let clock = manual_clock();
        twins(&db, &clock).await;
        begin(&db, &clock, "cut").await;

        let replica = async || go_on(&db, &clock, ("cut", 1), 3).await.unwrap();
        let ended: [bool; 3] = futures_util::join!(replica(), replica(), replica()).into();
        assert_eq!(ended.iter().filter(|it| **it).count(), 1);

        let found = find(&db, "cut", 1).await.unwrap().unwrap();
        assert_eq!((found.state, found.entries), (SettlementState::Open, 60));
        let lines = lines(&db, "cut", 1).await.unwrap();
        // Numbers 0 to 59: every second one is spent, every fifth one taken back.
        let sum = |direction: i64, is_back: bool| -> i64 {
            let of = |n: &i64| n % 2 == direction - 1 && (n % 5 == 4) == is_back;
            (0..60).filter(of).sum()
        };
        let moved: Vec<(i64, i64)> = lines
            .iter()
            .map(|line| (line.moved.points, line.moved.returned))
            .collect();
        let wanted = [(sum(1, false), sum(1, true)), (sum(2, false), sum(2, true))];
        assert_eq!(moved, wanted);
    })
    .await;
}

#[tokio::test]
async fn what_was_left_running_is_resumed_and_ended_once() {
    each_backend(&MIGRATIONS, async |db| {
        let clock = manual_clock();
        twins(&db, &clock).await;
        assert_eq!(resume(&db, &clock).await.unwrap(), 0);
        for partner in ["cut", "whole"] {
            begin(&db, &clock, partner).await;
        }
        assert_eq!(step(&db, &clock, ("cut", 1), 7).await.unwrap(), Step::More);

        let replica = async || resume(&db, &clock).await.unwrap();
        let ended: [usize; 3] = futures_util::join!(replica(), replica(), replica()).into();
        clock.advance(Span::from_seconds(1));
        let again = resume(&db, &clock).await.unwrap();

        assert_eq!((ended.iter().sum::<usize>(), again), (2, 0));
        let (cut, whole) = (find(&db, "cut", 1).await, find(&db, "whole", 1).await);
        let (cut, whole) = (cut.unwrap().unwrap(), whole.unwrap().unwrap());
        let shape = |it: &StoredSettlement| (it.state, it.entries, it.accrual, it.redemption);
        assert_eq!(shape(&cut), shape(&whole));
        assert_eq!((cut.state, cut.entries), (SettlementState::Open, 60));
        // Nobody touched it again.
        assert!(cut.updated_at < clock.now());
    })
    .await;
}
