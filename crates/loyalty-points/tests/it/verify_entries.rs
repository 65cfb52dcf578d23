//! Entries that are damaged: the invariant and the first record that breaks it are named.

use tenure_core::Span;
use tenure_proto::loyalty::v1::LedgerInvariant;

use crate::damage::{change_entry, place, sql};
use crate::domain::{EntryId, EntryKind};
use crate::verify::damaged;

#[tokio::test]
async fn postings_that_do_not_agree_on_both_sides_of_a_transfer_are_named() {
    damaged(async |world| {
        let given = &world.given;
        let incoming = world.loyalty.entries("bob").await.remove(0);
        let other = EntryId::parse(&world.earned.entry_id).unwrap();

        change_entry(world.db(), &incoming.entry_id, |entry| {
            entry.peer.as_mut().unwrap().entry = Some(other);
        })
        .await;

        world
            .assert_entry_named(LedgerInvariant::Postings, given)
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_balance_that_is_not_the_sum_of_the_lots_is_named() {
    damaged(async |world| {
        change_entry(world.db(), &world.redeemed.entry_id, |it| it.balance += 1).await;
        world
            .assert_entry_named(LedgerInvariant::Account, &world.redeemed)
            .await;
    })
    .await;
}

#[tokio::test]
async fn available_points_that_are_told_wrong_are_named() {
    damaged(async |world| {
        change_entry(world.db(), &world.redeemed.entry_id, |it| it.available -= 1).await;
        world
            .assert_entry_named(LedgerInvariant::Account, &world.redeemed)
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_lot_of_which_more_is_there_than_came_is_named() {
    damaged(async |world| {
        change_entry(world.db(), &world.earned.entry_id, |entry| {
            entry.allocations[0].original = 99;
        })
        .await;
        world
            .assert_entry_named(LedgerInvariant::Lot, &world.earned)
            .await;
    })
    .await;
}

#[tokio::test]
async fn lots_that_do_not_add_up_to_their_entry_are_named() {
    damaged(async |world| {
        change_entry(world.db(), &world.redeemed.entry_id, |it| it.points -= 1).await;
        world
            .assert_entry_named(LedgerInvariant::Allocation, &world.redeemed)
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_lot_that_is_spent_before_its_turn_is_named() {
    damaged(async |world| {
        let later = world.loyalty.lots("ada").await.remove(1);
        let later = EntryId::parse(&later.lot_id).unwrap();
        change_entry(world.db(), &world.redeemed.entry_id, |it| {
            it.allocations[0].lot = later;
        })
        .await;
        world
            .assert_entry_named(LedgerInvariant::Allocation, &world.redeemed)
            .await;
    })
    .await;
}

#[tokio::test]
async fn points_that_are_spent_after_their_expiry_are_named() {
    damaged(async |world| {
        let entries = world.loyalty.entries("ada").await;
        let last = entries.first().unwrap();
        change_entry(world.db(), &last.entry_id, |entry| {
            entry.decided_at = entry.decided_at + Span::from_days(40);
        })
        .await;
        world
            .assert_entry_named(LedgerInvariant::Allocation, last)
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_request_with_two_effects_is_named() {
    damaged(async |world| {
        let (lane, first) = place(&world.redeemed.entry_id);
        let (_, second) = place(&world.confirmed.entry_id);
        sql(world.db(), "DROP INDEX entry_by_request").await;
        let twice = format!(
            "UPDATE entry SET request_id = (SELECT request_id FROM entry WHERE lane = {lane} AND \
             seq = {first}) WHERE lane = {lane} AND seq = {second}"
        );
        assert_eq!(sql(world.db(), &twice).await, 1);
        world
            .assert_entry_named(LedgerInvariant::Request, &world.confirmed)
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_source_that_earned_twice_is_named() {
    damaged(async |world| {
        let entries = world.loyalty.entries("ada").await;
        let second = entries.iter().rfind(|it| it.points_delta == 50).unwrap();
        sql(world.db(), "DROP INDEX entry_by_source").await;
        let source = world.earned.source.clone();
        change_entry(world.db(), &second.entry_id, |entry| {
            entry.source = source.as_str().into();
        })
        .await;
        let (lane, seq) = place(&second.entry_id);
        let twice = format!(
            "UPDATE entry SET earned_source = '{source}' WHERE lane = {lane} AND seq = {seq}"
        );
        sql(world.db(), &twice).await;
        world
            .assert_entry_named(LedgerInvariant::Request, second)
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_hold_that_is_confirmed_after_its_end_is_named() {
    damaged(async |world| {
        change_entry(world.db(), &world.confirmed.entry_id, |entry| {
            entry.decided_at = entry.decided_at + Span::from_seconds(600);
        })
        .await;
        world
            .assert_entry_named(LedgerInvariant::Hold, &world.confirmed)
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_hold_that_ends_twice_is_named() {
    damaged(async |world| {
        let entries = world.loyalty.entries("ada").await;
        let last = entries.first().unwrap();
        let ends = world.confirmed.clone();
        let (hold, held) = (ends.hold_id.clone(), ends.held_points_delta);
        change_entry(world.db(), &last.entry_id, |entry| {
            entry.kind = EntryKind::Confirm;
            entry.held = held;
            let id = EntryId::parse(&hold).unwrap();
            entry.hold = Some(crate::domain::HoldFacts {
                id,
                points: -held,
                confirmed: -entry.points,
                created_at: entry.decided_at,
                expires_at: entry.decided_at,
                source: "order/1".into(),
            });
        })
        .await;
        world.assert_entry_named(LedgerInvariant::Hold, last).await;
    })
    .await;
}

#[tokio::test]
async fn more_coming_back_than_went_is_named() {
    damaged(async |world| {
        change_entry(world.db(), &world.reversed.entry_id, |entry| {
            entry.reversal.as_mut().unwrap().points += 1;
        })
        .await;
        world
            .assert_entry_named(LedgerInvariant::Reversal, &world.reversed)
            .await;
    })
    .await;
}
