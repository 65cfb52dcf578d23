//! Rows that are missing, misplaced, or not what the records say: each is named.

use tenure_core::Span;
use tenure_proto::loyalty::v1::{EntryKind as Kind, LedgerInvariant};

use crate::damage::{change_account, change_entry, place, sql};
use crate::suite::each_with;
use crate::verify::{damaged, policies};

#[tokio::test]
async fn a_record_that_is_missing_is_named() {
    damaged(async |world| {
        let (lane, seq) = place(&world.reversed.entry_id);
        let delete = format!("DELETE FROM entry WHERE lane = {lane} AND seq = {seq}");
        assert_eq!(sql(world.db(), &delete).await, 1);
        world
            .assert_named(LedgerInvariant::Sequence, lane, seq)
            .await;
    })
    .await;
}

#[tokio::test]
async fn an_entry_decided_before_the_one_before_it_is_named() {
    damaged(async |world| {
        change_entry(world.db(), &world.confirmed.entry_id, |entry| {
            entry.decided_at = entry.decided_at - Span::from_seconds(1);
        })
        .await;
        world
            .assert_entry_named(LedgerInvariant::Sequence, &world.confirmed)
            .await;
    })
    .await;
}

#[tokio::test]
async fn an_entry_that_passes_over_another_is_named() {
    damaged(async |world| {
        let before = world.redeemed.entry_id.clone();
        change_entry(world.db(), &world.confirmed.entry_id, |entry| {
            entry.previous = place(&before).1;
        })
        .await;
        world
            .assert_entry_named(LedgerInvariant::Sequence, &world.confirmed)
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_record_that_no_account_leads_to_is_named() {
    damaged(async |world| {
        let (lane, seq) = place(&world.given.entry_id);
        let head = format!("UPDATE lane SET seq = seq + 1 WHERE lane = {lane}");
        let copy = format!(
            "INSERT INTO entry (lane, seq, previous_seq, account_id, kind, points, decided_at, \
                 recorded_at, body) \
             SELECT lane, (SELECT seq FROM lane WHERE lane = {lane}), previous_seq, account_id, \
                 kind, points, decided_at, recorded_at, body \
             FROM entry WHERE lane = {lane} AND seq = {seq} - 1"
        );
        sql(world.db(), &head).await;
        assert_eq!(sql(world.db(), &copy).await, 1);
        let (findings, _) = world.loyalty.verify().await;
        let orphan = findings.last().unwrap();
        assert_eq!(orphan.invariant(), LedgerInvariant::Sequence);
        assert!(orphan.record_number > seq, "{findings:#?}");
    })
    .await;
}

#[tokio::test]
async fn an_account_that_is_not_what_its_records_say_is_named() {
    damaged(async |world| {
        change_account(world.db(), "ada", |it| it.lots[0].remaining += 1).await;
        let last = world.loyalty.entries("ada").await.remove(0);
        world
            .assert_entry_named(LedgerInvariant::Stored, &last)
            .await;
    })
    .await;
}

#[tokio::test]
async fn columns_of_an_account_that_repeat_something_else_are_named() {
    for column in ["balance", "next_due", "updated_at", "created_at"] {
        damaged(async |world| {
            let change =
                format!("UPDATE account SET {column} = {column} + 1 WHERE account_id = 'ada'");
            assert_eq!(sql(world.db(), &change).await, 1);
            let last = world.loyalty.entries("ada").await.remove(0);
            world
                .assert_entry_named(LedgerInvariant::Stored, &last)
                .await;
        })
        .await;
    }
}

#[tokio::test]
async fn an_account_that_is_gone_is_named_with_its_first_record() {
    damaged(async |world| {
        sql(world.db(), "DELETE FROM account WHERE account_id = 'ada'").await;
        let (findings, _) = world.loyalty.verify().await;
        let first = findings.iter().find(|it| it.account_id == "ada").unwrap();
        let opening = place(&world.earned.entry_id).1 - 1;
        assert_eq!(first.invariant(), LedgerInvariant::Stored);
        assert!(first.record_number <= opening, "{findings:#?}");
    })
    .await;
}

#[tokio::test]
async fn a_stored_ending_that_is_missing_changed_or_of_nobody_is_named() {
    damaged(async |world| {
        let (lane, by) = place(&world.reversed.entry_id);
        let one = format!("WHERE lane = {lane} AND by_seq = {by}");
        let change = format!("UPDATE ending SET points = points + 1 {one}");
        assert_eq!(sql(world.db(), &change).await, 1);
        world.assert_named(LedgerInvariant::Stored, lane, by).await;

        assert_eq!(
            sql(world.db(), &format!("DELETE FROM ending {one}")).await,
            1
        );
        world.assert_named(LedgerInvariant::Stored, lane, by).await;

        let invent = format!(
            "INSERT INTO ending (lane, seq, points_before, points, by_seq) \
             VALUES ({lane}, 1, 7, 7, {by} + 1)"
        );
        sql(world.db(), &invent).await;
        world
            .assert_named(LedgerInvariant::Stored, lane, by + 1)
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_total_that_is_not_the_sum_of_its_entries_is_named_with_the_first_of_them() {
    damaged(async |world| {
        let (lane, seq) = place(&world.earned.entry_id);
        let change =
            format!("UPDATE total SET points = points + 1 WHERE lane = {lane} AND kind = 1");
        assert_eq!(sql(world.db(), &change).await, 1);
        world.assert_named(LedgerInvariant::Books, lane, seq).await;
        let change = format!("DELETE FROM total WHERE lane = {lane} AND kind = 1");
        assert_eq!(sql(world.db(), &change).await, 1);
        world.assert_named(LedgerInvariant::Books, lane, seq).await;
    })
    .await;
}

#[tokio::test]
async fn debt_that_stands_beside_available_points_is_named() {
    each_with(policies(), async |loyalty| {
        let earned = loyalty.earn_for("ada", 30, 30).await;
        loyalty.redeem("ada", 30).await.unwrap();
        loyalty.reverse(&earned).await.unwrap();
        let again = loyalty.earn_for("ada", 20, 30).await;
        loyalty.assert_verifies().await;
        let repaid = loyalty.entries("ada").await.remove(0);
        assert_eq!(
            (repaid.debt_points_delta, repaid.kind()),
            (-20, Kind::RepayDebt)
        );

        // As if it had been repaid in a later transaction.
        change_entry(&loyalty.db, &repaid.entry_id, |entry| {
            entry.recorded_at = entry.recorded_at + Span::from_seconds(1);
        })
        .await;

        let (findings, _) = loyalty.verify().await;
        let named = (findings[0].invariant(), findings[0].entry_id.clone());
        assert_eq!(named, (LedgerInvariant::Debt, again.entry_id));
    })
    .await;
}
