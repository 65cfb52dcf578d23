//! What a merged account leaves behind: its tier, and the bills that still come for it.

use tenure_proto::loyalty::v1::*;
use tenure_testkit::assert_reason;

use crate::damage::sql;
use crate::programme_suite::{earning, event, per_unit};
use crate::suite::{Suite, day, each};

fn level(tier_id: &str, qualifying_points_min: i64) -> TierLevel {
    TierLevel {
        tier_id: tier_id.into(),
        qualifying_points_min,
        multiplier_basis_points: 10_000,
        ..TierLevel::default()
    }
}

/// Silver from 100 points of a calendar year, gold from 1,000.
async fn with_tiers(loyalty: &Suite) {
    let mut rules = per_unit(1);
    rules.tiers = Some(TierPolicy {
        period: Some(tier_policy::Period::CalendarYear(true)),
        grace_days: 31,
        tiers: vec![level("silver", 100), level("gold", 1_000)],
    });
    loyalty.rule_by(rules).await;
    loyalty.clock.set(day("2025-03-10"));
}

/// Pays a bill of so many whole units.
async fn pay(loyalty: &Suite, account: &str, bill: &str, units: i64) -> EarnForEventResponse {
    let bill = event(EventKind::Bill, bill, units * 100);
    let asked = earning(account, bill);
    loyalty.earn_for_event(asked).await.unwrap()
}

async fn qualifying(loyalty: &Suite, account: &str) -> (String, i64, i64) {
    let tier = loyalty.tier(account).await;
    (tier.tier_id, tier.qualifying_points, tier.paid_amount_minor)
}

#[tokio::test]
async fn a_merge_carries_what_counts_for_tiers_over() {
    each(async |loyalty| {
        with_tiers(&loyalty).await;
        pay(&loyalty, "old", "B1", 600).await;
        pay(&loyalty, "new", "B2", 500).await;

        loyalty.merge("old", "new").await.unwrap();

        let gold = ("gold".to_owned(), 1_100, 110_000);
        assert_eq!(qualifying(&loyalty, "new").await, gold);
        let more = pay(&loyalty, "new", "B3", 10).await;
        assert_eq!(more.tier_id, "gold");
        assert_eq!(qualifying(&loyalty, "new").await.1, 1_110);
        assert_eq!(loyalty.balance("new").await, (1_110, 0));
        loyalty.assert_books_tie().await;
        loyalty.assert_verifies().await;
    })
    .await;
}

#[tokio::test]
async fn what_was_taken_back_before_a_merge_is_not_carried_over() {
    each(async |loyalty| {
        with_tiers(&loyalty).await;
        let earned = pay(&loyalty, "old", "B1", 600).await.entries.remove(0);
        // The same id, but another event: that of another account.
        let kept = pay(&loyalty, "new", "B1", 500).await.entries.remove(0);
        loyalty.reverse_part(&earned, 150).await.unwrap();
        loyalty.reverse_part(&kept, 50).await.unwrap();

        loyalty.merge("old", "new").await.unwrap();

        let silver = ("silver".to_owned(), 450 + 450, 45_000 + 45_000);
        assert_eq!(qualifying(&loyalty, "new").await, silver);
    })
    .await;
}

#[tokio::test]
async fn merges_in_a_row_carry_all_of_it() {
    each(async |loyalty| {
        with_tiers(&loyalty).await;
        for (account, units) in [("a", 1), ("b", 20), ("c", 300)] {
            pay(&loyalty, account, &format!("B-{account}"), units).await;
        }

        loyalty.merge("a", "b").await.unwrap();
        loyalty.merge("b", "c").await.unwrap();

        assert_eq!(qualifying(&loyalty, "c").await.1, 321);
        assert_eq!(loyalty.balance("c").await, (321, 0));
    })
    .await;
}

#[tokio::test]
async fn a_split_carries_nothing_that_counts() {
    each(async |loyalty| {
        with_tiers(&loyalty).await;
        pay(&loyalty, "ada", "B1", 600).await;

        loyalty.split("ada", "other", 400).await.unwrap();

        let none = (String::new(), 0, 0);
        assert_eq!(qualifying(&loyalty, "other").await, none);
        assert_eq!(qualifying(&loyalty, "ada").await.1, 600);
        assert_eq!(loyalty.balance("other").await, (400, 0));
    })
    .await;
}

#[tokio::test]
async fn bills_of_a_merged_account_earn_for_the_one_that_remains() {
    each(async |loyalty| {
        let settle = |bill: &str, customer: &str, at: &str| {
            loyalty.customers.settle(bill, customer, 10_000, day(at));
        };
        for customer in ["a", "b", "c"] {
            settle(&format!("B-{customer}"), customer, "2024-12-20");
        }
        loyalty.catch_up().await;
        loyalty.merge("a", "b").await.unwrap();
        loyalty.merge("b", "c").await.unwrap();

        // A new one, one that earned before the merge and is told again, and one of its own.
        settle("late", "a", "2024-12-21");
        settle("B-a", "a", "2024-12-20");
        settle("own", "c", "2024-12-21");
        loyalty.catch_up().await;

        assert_eq!(loyalty.balance("c").await, (500, 0));
        let newest = loyalty.entries("c").await;
        let sources: Vec<&str> = newest.iter().map(|it| it.source.as_str()).collect();
        assert_eq!(sources[..2], ["bill/own", "bill/late"]);
        // Nor does the whole feed once more.
        sql(&loyalty.db, "DELETE FROM consumer").await;
        loyalty.catch_up().await;
        assert_eq!(loyalty.balance("c").await, (500, 0));
        // Whoever names the closed account is told that it is closed.
        let asked = loyalty.earning("a", 10, "by hand");
        assert_reason(
            &loyalty.earn_with(asked).await.unwrap_err(),
            "ACCOUNT_CLOSED",
        );
        loyalty.assert_books_tie().await;
        loyalty.assert_verifies().await;
    })
    .await;
}
