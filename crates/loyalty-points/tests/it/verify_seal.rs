//! Records are sealed in blocks: who changes, deletes, swaps or adds one is found by the block.

use tenure_core::Span;
use tenure_proto::loyalty::v1::*;

use crate::damage::{change_entry, place, sql};
use crate::suite::{Suite, each};

/// One account with three blocks of five records each; returns the fifteen entries, oldest first.
async fn blocks(loyalty: &Suite) -> Vec<Entry> {
    loyalty.create("ada").await.unwrap();
    for block in 0..3 {
        let first = if block == 0 { 1 } else { 0 };
        for number in first..5 {
            loyalty.earn("ada", 10, &format!("{block}/{number}")).await;
            loyalty.advance(Span::from_seconds(1));
        }
        assert_eq!(loyalty.seal().await, 5);
    }
    loyalty.assert_verifies().await;
    let mut entries = loyalty.entries("ada").await;
    entries.reverse();
    entries
}

async fn assert_block(loyalty: &Suite, block: i64) {
    let (findings, _) = loyalty.verify().await;
    let broken: Vec<i64> = findings
        .iter()
        .filter(|it| it.invariant() == LedgerInvariant::Seal)
        .map(|it| it.block)
        .collect();
    assert_eq!(broken, [block], "{findings:#?}");
}

#[tokio::test]
async fn what_is_sealed_is_sealed_once() {
    each(async |loyalty| {
        blocks(&loyalty).await;

        let again = futures_util::join!(loyalty.seal(), loyalty.seal());

        assert_eq!(again, (0, 0));
    })
    .await;
}

#[tokio::test]
async fn replicas_that_seal_at_once_make_one_chain() {
    each(async |loyalty| {
        let other = loyalty.replica();
        for round in 0..10 {
            for number in 0..5 {
                let id = format!("A{number}");
                loyalty.earn(&id, 1, &format!("{round}")).await;
            }
            let (one, two) = futures_util::join!(loyalty.seal(), other.seal());
            let opened = if round == 0 { 5 } else { 0 };
            assert_eq!(one + two, 5 + opened, "round {round}");
        }
        loyalty.assert_verifies().await;
    })
    .await;
}

/// A change that keeps every other invariant is seen by the seal alone.
#[tokio::test]
async fn a_record_that_is_changed_names_its_block() {
    each(async |loyalty| {
        let entries = blocks(&loyalty).await;
        change_entry(&loyalty.db, &entries[6].entry_id, |it| {
            it.version = "forged".into();
        })
        .await;
        assert_block(&loyalty, 2).await;
    })
    .await;
}

#[tokio::test]
async fn a_record_that_is_deleted_names_its_block() {
    each(async |loyalty| {
        let entries = blocks(&loyalty).await;
        let (lane, seq) = place(&entries[12].entry_id);
        sql(
            &loyalty.db,
            &format!("DELETE FROM entry WHERE lane = {lane} AND seq = {seq}"),
        )
        .await;
        assert_block(&loyalty, 3).await;
    })
    .await;
}

#[tokio::test]
async fn two_records_that_are_swapped_name_their_block() {
    each(async |loyalty| {
        let entries = blocks(&loyalty).await;
        let (lane, one) = place(&entries[1].entry_id);
        let (_, two) = place(&entries[2].entry_id);
        for (from, to) in [(one, 1_000), (two, one), (1_000, two)] {
            let swap = format!("UPDATE entry SET seq = {to} WHERE lane = {lane} AND seq = {from}");
            assert_eq!(sql(&loyalty.db, &swap).await, 1);
        }
        assert_block(&loyalty, 1).await;
    })
    .await;
}

/// Making room means that all records behind it move: the block it stands in is named.
#[tokio::test]
async fn a_record_that_is_added_names_its_block() {
    each(async |loyalty| {
        let entries = blocks(&loyalty).await;
        let (lane, at) = place(&entries[8].entry_id);
        let head = place(&entries[13].entry_id).1;
        for seq in (at..=head).rev() {
            let shift =
                format!("UPDATE entry SET seq = {seq} + 1 WHERE lane = {lane} AND seq = {seq}");
            assert_eq!(sql(&loyalty.db, &shift).await, 1);
        }
        let copy = format!(
            "INSERT INTO entry (lane, seq, previous_seq, account_id, kind, points, decided_at, \
                 recorded_at, body) \
             SELECT lane, {at}, previous_seq, account_id, kind, points, decided_at, recorded_at, body \
             FROM entry WHERE lane = {lane} AND seq = {at} - 1"
        );
        assert_eq!(sql(&loyalty.db, &copy).await, 1);
        let (findings, _) = loyalty.verify().await;
        let sealed = findings.iter().find(|it| it.block != 0).unwrap();
        assert_eq!((sealed.invariant(), sealed.block), (LedgerInvariant::Seal, 2));
    })
    .await;
}

#[tokio::test]
async fn a_seal_that_is_changed_or_deleted_is_named() {
    each(async |loyalty| {
        blocks(&loyalty).await;
        let lane = loyalty.db.lanes().of("ada");
        let change =
            format!("UPDATE seal SET last_seq = last_seq - 1 WHERE lane = {lane} AND block = 2");
        assert_eq!(sql(&loyalty.db, &change).await, 1);
        let (findings, _) = loyalty.verify().await;
        assert_eq!(findings[0].block, 2, "{findings:#?}");

        let delete = format!("DELETE FROM seal WHERE lane = {lane} AND block = 2");
        assert_eq!(sql(&loyalty.db, &delete).await, 1);
        assert_block(&loyalty, 2).await;
    })
    .await;
}
