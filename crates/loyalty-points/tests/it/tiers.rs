//! Tiers: up at once, down when their time is up, never by the balance.

use tenure_core::Clock;
use tenure_proto::loyalty::v1::*;
use tenure_rpc::fields::time;

use crate::programme_suite::{earning, event, flat, per_unit, rule};
use crate::suite::{Suite, day, each, new_id};

fn level(tier_id: &str, qualifying_points_min: i64, multiplier_basis_points: i32) -> TierLevel {
    TierLevel {
        tier_id: tier_id.into(),
        qualifying_points_min,
        paid_amount_min_minor: 0,
        multiplier_basis_points,
        benefits: vec![format!("{tier_id}-line")],
    }
}

/// Silver from 100 points of a calendar year, gold from 1,000; gold doubles.
fn with_tiers() -> ProgrammeRules {
    let mut rules = per_unit(1);
    if let Some(earning_rule::Basis::PerUnit(basis)) = &mut rules.rules[0].basis {
        basis.multiplier = Some(per_unit_basis::Multiplier::Tier(true));
    }
    rules.tiers = Some(TierPolicy {
        period: Some(tier_policy::Period::CalendarYear(true)),
        grace_days: 31,
        tiers: vec![level("silver", 100, 10_000), level("gold", 1_000, 20_000)],
    });
    rules
}

async fn pay(loyalty: &Suite, account: &str, bill: &str, minor: i64) -> EarnForEventResponse {
    let bill = event(EventKind::Bill, bill, minor);
    loyalty
        .earn_for_event(earning(account, bill))
        .await
        .unwrap()
}

async fn evaluate(loyalty: &Suite) -> (i64, i64) {
    let mut client = loyalty.programmes();
    let answer = client.evaluate_tiers(EvaluateTiersRequest {}).await;
    let answer = answer.unwrap().into_inner();
    (answer.account_count, answer.changed_count)
}

async fn history(loyalty: &Suite, account_id: &str) -> Vec<(String, String)> {
    let (mut changes, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListTierHistoryRequest {
            account_id: account_id.into(),
            page_size: 1,
            page_token,
        };
        let page = loyalty.programmes().list_tier_history(request).await;
        let page = page.unwrap().into_inner();
        changes.extend(page.changes);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    changes
        .into_iter()
        .map(|change| (change.previous_tier_id, change.tier_id))
        .collect()
}

#[tokio::test]
async fn a_tier_is_reached_at_once_and_multiplies_from_then_on() {
    each(async |loyalty| {
        loyalty.rule_by(with_tiers()).await;
        loyalty.clock.set(day("2025-03-10"));

        let first = pay(&loyalty, "ada", "B1", 99_900).await;
        let second = pay(&loyalty, "ada", "B2", 10_000).await;
        let third = pay(&loyalty, "ada", "B3", 10_000).await;

        assert_eq!(
            (first.tier_id.as_str(), first.available_points),
            ("silver", 999)
        );
        assert_eq!(
            (second.tier_id.as_str(), second.available_points),
            ("gold", 1_099)
        );
        assert_eq!(third.available_points, 1_299);
        let tier = loyalty.tier("ada").await;
        assert_eq!(
            (tier.tier_id.as_str(), tier.qualifying_points),
            ("gold", 1_299)
        );
        assert_eq!(tier.keep_time, Some(time(day("2027-01-01"))));
        assert_eq!(tier.benefits, ["gold-line"]);
        assert_eq!(
            (tier.next_tier_id.as_str(), tier.paid_amount_minor),
            ("", 119_900)
        );
    })
    .await;
}

/// Open Loyalty 131: levels followed the balance, so spending points lost them.
#[tokio::test]
async fn a_tier_does_not_follow_the_balance() {
    each(async |loyalty| {
        loyalty.rule_by(with_tiers()).await;
        pay(&loyalty, "ada", "B1", 100_000).await;
        pay(&loyalty, "bob", "B1", 5_000).await;

        loyalty.redeem("ada", 1_000).await.unwrap();
        loyalty.earn("bob", 1_000_000, "gift").await;
        evaluate(&loyalty).await;

        assert_eq!(loyalty.balance("ada").await, (0, 0));
        assert_eq!(loyalty.tier("ada").await.tier_id, "gold");
        assert_eq!(loyalty.balance("bob").await, (1_000_050, 0));
        let bob = loyalty.tier("bob").await;
        assert_eq!((bob.tier_id.as_str(), bob.next_qualifying_points), ("", 50));
    })
    .await;
}

#[tokio::test]
async fn a_tier_ends_after_its_period_and_grace() {
    each(async |loyalty| {
        loyalty.rule_by(with_tiers()).await;
        loyalty.clock.set(day("2025-03-10"));
        pay(&loyalty, "ada", "B1", 100_000).await;
        loyalty.clock.set(day("2026-06-01"));
        pay(&loyalty, "ada", "B2", 10_000).await;

        loyalty.clock.set(day("2027-01-31"));
        let early = evaluate(&loyalty).await;
        let kept = loyalty.tier("ada").await;
        loyalty.clock.set(day("2027-02-01"));
        let due = evaluate(&loyalty).await;
        let fallen = loyalty.tier("ada").await;

        assert_eq!((early, due), ((1, 0), (1, 1)));
        assert_eq!(kept.tier_id, "gold");
        // 2026 earned 100 units, doubled by gold: silver.
        assert_eq!(fallen.tier_id, "silver");
        let changes = [("gold", "silver"), ("", "gold")];
        let changes = changes.map(|(from, to)| (from.to_owned(), to.to_owned()));
        assert_eq!(history(&loyalty, "ada").await, changes);
    })
    .await;
}

#[tokio::test]
async fn an_earning_that_was_taken_back_counts_no_more() {
    each(async |loyalty| {
        loyalty.rule_by(with_tiers()).await;
        let earned = pay(&loyalty, "ada", "B1", 50_000).await;
        loyalty.reverse(&earned.entries[0]).await.unwrap();

        let next = pay(&loyalty, "ada", "B2", 60_000).await;

        assert_eq!(loyalty.tier("ada").await.qualifying_points, 600);
        assert_eq!(next.tier_id, "silver");
    })
    .await;
}

async fn take_back(loyalty: &Suite, entry: &Entry, points: i64) {
    let request = ReverseEntryRequest {
        request_id: new_id(),
        account_id: entry.account_id.clone(),
        entry_id: entry.entry_id.clone(),
        source: "a mistake".into(),
        points,
    };
    let mut client = loyalty.client.clone();
    client.reverse_entry(request).await.unwrap();
}

/// Points that count, and money paid.
async fn counted(loyalty: &Suite, account: &str) -> (i64, i64) {
    let tier = loyalty.tier(account).await;
    (tier.qualifying_points, tier.paid_amount_minor)
}

#[tokio::test]
async fn of_an_earning_that_was_taken_back_in_part_the_rest_counts() {
    each(async |loyalty| {
        loyalty.rule_by(with_tiers()).await;
        let earned = pay(&loyalty, "ada", "B1", 50_000).await;

        take_back(&loyalty, &earned.entries[0], 200).await;
        let some = counted(&loyalty, "ada").await;
        take_back(&loyalty, &earned.entries[0], 1).await;
        let more = counted(&loyalty, "ada").await;
        take_back(&loyalty, &earned.entries[0], 299).await;
        let all = counted(&loyalty, "ada").await;

        assert_eq!((some, more, all), ((300, 30_000), (299, 29_900), (0, 0)));
    })
    .await;
}

#[tokio::test]
async fn of_an_event_with_several_lots_what_was_taken_back_of_each_counts_no_more() {
    each(async |loyalty| {
        let mut rules = with_tiers();
        let mut bonus = rule("bonus", EventKind::Bill, flat(100));
        bonus.points_type = "promotion".into();
        bonus.qualifying_basis_points = 5_000;
        rules.rules.push(bonus);
        loyalty.rule_by(rules).await;
        let ada = pay(&loyalty, "ada", "B1", 50_000).await;
        let bob = pay(&loyalty, "bob", "B1", 50_000).await;
        let before = counted(&loyalty, "ada").await;

        take_back(&loyalty, &ada.entries[1], 100).await;
        let without_bonus = counted(&loyalty, "ada").await;
        take_back(&loyalty, &bob.entries[0], 500).await;
        let without_base = counted(&loyalty, "bob").await;
        take_back(&loyalty, &bob.entries[1], 33).await;
        let less = counted(&loyalty, "bob").await;

        // 500 points, and half of 100.
        assert_eq!(before, (550, 50_000));
        // A sixth of what was paid: 8,333.3, which is rounded up.
        assert_eq!(without_bonus, (500, 41_666));
        // Five sixths: 41,666.7.
        assert_eq!(without_base, (50, 8_333));
        // A third of 50: 16.5; 533 of 600: 44,416.7.
        assert_eq!(less, (33, 5_583));
    })
    .await;
}

#[tokio::test]
async fn bills_of_one_batch_give_each_customer_the_tier_of_their_own() {
    each(async |loyalty| {
        loyalty.rule_by(with_tiers()).await;
        for n in 0..7 {
            let (bill, customer) = (format!("B{n}"), format!("C{}", n % 3));
            let paid = if n % 3 == 0 { 50_000 } else { 5_000 * (n % 3) };
            loyalty
                .customers
                .settle(&bill, &customer, paid, loyalty.clock.now());
        }

        loyalty.catch_up().await;

        // Three bills of 500 units, two of 50, two of 100.
        for (customer, tier_id, points) in [("C0", "gold", 1_500), ("C1", "silver", 100)] {
            let tier = loyalty.tier(customer).await;
            assert_eq!(
                (tier.tier_id.as_str(), tier.qualifying_points),
                (tier_id, points)
            );
        }
        assert_eq!(loyalty.tier("C2").await.qualifying_points, 200);
        assert_eq!(history(&loyalty, "C0").await.len(), 1);
        assert_eq!(evaluate(&loyalty).await, (3, 0));
    })
    .await;
}

/// A committer remembers accounts; what others write meanwhile must not escape it.
#[tokio::test]
async fn what_events_tiers_and_activations_change_is_known_to_every_committer() {
    each(async |loyalty| {
        let other = loyalty.replica();
        loyalty.earn("ada", 10, "first").await;

        other.rule_by(with_tiers()).await;
        pay(&other, "ada", "B1", 100_000).await;
        let after_event = loyalty.redeem("ada", 1_010).await.unwrap();
        pay(&loyalty, "ada", "B2", 100).await;
        evaluate(&other).await;
        other.rule_by(per_unit(3)).await;
        let last = loyalty.redeem("ada", 2).await.unwrap();

        // The second bill counts twice: the first one made the tier gold.
        assert_eq!(
            (after_event.available_points, last.available_points),
            (0, 0)
        );
        assert_eq!(last.entry.unwrap().programme_version, "3");
        loyalty.assert_books_tie().await;
    })
    .await;
}

#[tokio::test]
async fn tiers_that_a_programme_gets_later_are_found_by_the_evaluation() {
    each(async |loyalty| {
        for n in 0..25 {
            pay(&loyalty, &format!("A{n}"), "B1", n * 1_000).await;
        }
        loyalty.rule_by(with_tiers()).await;

        let first = evaluate(&loyalty).await;
        let again = evaluate(&loyalty).await;

        // Those who paid 100 units or more: from A10 on. A0 earned nothing and has no account.
        assert_eq!((first, again), ((24, 15), (24, 0)));
        assert_eq!(loyalty.tier("A10").await.tier_id, "silver");
        assert_eq!(loyalty.tier("A9").await.tier_id, "");
    })
    .await;
}
