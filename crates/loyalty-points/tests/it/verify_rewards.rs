//! Damage of stocks and orders: `VerifyLedger` names it.

use tenure_proto::loyalty::v1::*;

use crate::damage::{change_entry, place, sql};
use crate::reward_suite::{fulfilling, refunding};
use crate::suite::{Suite, each};

/// A stock with sales, a reservation and a refund; and an order of it.
async fn shop(loyalty: &Suite) -> RewardOrder {
    loyalty.stocked("mug", 10).await;
    loyalty.earn("ada", 900, "bill/1").await;
    let order = loyalty.order("ada", "mug").await.unwrap();
    loyalty
        .fulfil_reward_order(fulfilling(&order))
        .await
        .unwrap();
    let refunded = loyalty.order("ada", "mug").await.unwrap();
    let back = refunding(&refunded, RefundGoods::ReturnStock);
    loyalty.refund_reward_order(back).await.unwrap();
    loyalty.reserve("ada", "mug").await.unwrap();
    loyalty.assert_verifies().await;
    order
}

/// Does damage and asserts that a finding about the catalogue comes of it.
async fn assert_found(loyalty: &Suite, damage: &str) -> Vec<LedgerFinding> {
    assert!(sql(&loyalty.db, damage).await > 0, "{damage}");
    let (findings, _) = loyalty.verify().await;
    let is_about_it = |it: &LedgerFinding| {
        matches!(
            it.invariant(),
            LedgerInvariant::Catalogue | LedgerInvariant::Stored
        )
    };
    assert!(findings.iter().any(is_about_it), "{damage}: {findings:#?}");
    findings
}

#[tokio::test]
async fn a_stock_that_says_more_than_its_records_is_found() {
    each(async |loyalty| {
        shop(&loyalty).await;

        let found = assert_found(&loyalty, "UPDATE stock SET sold = sold - 1").await;

        assert_eq!(found.len(), 1);
        assert_eq!(found[0].invariant(), LedgerInvariant::Catalogue);
        assert_eq!(found[0].account_id, "reward:mug");
    })
    .await;
}

#[tokio::test]
async fn a_reservation_that_is_missing_or_larger_is_found() {
    each(async |loyalty| {
        shop(&loyalty).await;
        assert_found(&loyalty, "UPDATE stock_reservation SET quantity = 2").await;
        assert_found(&loyalty, "DELETE FROM stock_reservation").await;
    })
    .await;
}

#[tokio::test]
async fn an_order_in_another_state_than_its_entries_say_is_found() {
    each(async |loyalty| {
        shop(&loyalty).await;
        assert_found(
            &loyalty,
            "UPDATE reward_order SET state = 2 WHERE state = 3",
        )
        .await;
        assert_found(&loyalty, "DELETE FROM reward_order WHERE state = 5").await;
    })
    .await;
}

#[tokio::test]
async fn a_movement_whose_entry_names_another_one_is_found() {
    each(async |loyalty| {
        let order = shop(&loyalty).await;

        change_entry(&loyalty.db, &order.debit_entry_id, |entry| {
            if let Some(part) = &mut entry.stock {
                part.quantity += 1;
            }
        })
        .await;

        let (findings, _) = loyalty.verify().await;
        let (lane, number) = place(&order.debit_entry_id);
        let named = findings.iter().any(|it| {
            it.invariant() == LedgerInvariant::Catalogue
                && (it.lane, it.record_number) == (lane, number)
        });
        assert!(named, "{findings:#?}");
    })
    .await;
}

#[tokio::test]
async fn an_order_without_its_debit_is_found() {
    each(async |loyalty| {
        let order = shop(&loyalty).await;

        change_entry(&loyalty.db, &order.debit_entry_id, |entry| {
            if let Some(order) = &mut entry.reward {
                order.debit = None;
            }
        })
        .await;

        let (findings, _) = loyalty.verify().await;
        let is_about_it = |it: &LedgerFinding| it.invariant() == LedgerInvariant::Catalogue;
        assert!(findings.iter().any(is_about_it), "{findings:#?}");
    })
    .await;
}
