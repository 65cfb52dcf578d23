//! What the feed tells beside entries: points that will expire, and tiers that changed.

use std::collections::BTreeSet;

use tenure_core::{Clock, Span};
use tenure_loyalty_points::domain::Policies;
use tenure_loyalty_points::{Config, MIGRATIONS};
use tenure_proto::loyalty::v1::change::Fact;
use tenure_proto::loyalty::v1::*;
use tenure_rpc::fields::time;

use crate::programme_suite::{earning, event, per_unit};
use crate::suite::{Suite, day, each, each_with};

/// An account, points, days from 2025-01-01 to the expiry, and the span.
type Told = (String, i64, i64, i32);

impl Suite {
    async fn feed(&self) -> Vec<Change> {
        let request = WatchChangesRequest::default();
        let stream = self.client.clone().watch_changes(request).await;
        let mut stream = stream.unwrap().into_inner();
        let mut changes = Vec::new();
        while let Some(message) = stream.message().await.unwrap() {
            changes.extend(message.changes);
        }
        changes
    }

    /// Notices in the order of their accounts, and of time for each.
    async fn expiries_told(&self) -> Vec<Told> {
        let told = self.feed().await.into_iter();
        let mut told: Vec<Told> = told
            .filter_map(|change| match change.fact? {
                Fact::ExpiryNotice(it) => {
                    let at = tenure_rpc::fields::parse_time(&it.expire_time?).ok()?;
                    let days = (at.as_micros() - day("2025-01-01").as_micros()) / DAY;
                    Some((change.account_id, it.points, days, it.notice_days))
                }
                _ => None,
            })
            .collect();
        told.sort_by(|a, b| a.0.cmp(&b.0));
        told
    }
}

const DAY: i64 = 86_400_000_000;

fn told(account: &str, points: i64, days: i64, span: i32) -> Told {
    (account.to_owned(), points, days, span)
}

#[tokio::test]
async fn points_that_will_expire_are_told_once_in_each_span() {
    each(async |loyalty| {
        loyalty.earn_for("ada", 10, 61).await;
        loyalty.earn_for("ada", 5, 61).await;
        loyalty.earn_for("ada", 100, 400).await;
        let wanted = [
            (0, vec![]),
            (1, vec![told("ada", 15, 61, 60)]),
            (30, vec![]),
            (31, vec![told("ada", 15, 61, 30)]),
            (53, vec![]),
            (54, vec![told("ada", 11, 61, 7)]),
            (60, vec![]),
            (62, vec![]),
        ];
        let mut all = Vec::new();
        for (days, new) in wanted {
            loyalty.clock.set(day("2025-01-01") + Span::from_days(days));
            if days == 54 {
                // What is spent does not expire.
                loyalty.redeem("ada", 4).await.unwrap();
            }

            let caught = loyalty.catch_up().await;
            let again = loyalty.catch_up().await;

            assert_eq!(caught.notice_count, new.len() as i64, "day {days}");
            assert_eq!(again.notice_count, 0, "day {days}");
            all.extend(new);
            assert_eq!(loyalty.expiries_told().await, all, "day {days}");
        }
        loyalty.assert_verifies().await;
    })
    .await;
}

#[tokio::test]
async fn points_that_come_late_are_told_in_the_span_they_are_in_and_each_day_for_itself() {
    each(async |loyalty| {
        loyalty.earn_for("ada", 10, 20).await;
        loyalty.earn_for("ada", 7, 5).await;
        loyalty.earn_for("bob", 3, 60).await;
        loyalty.earn_for("cyd", 3, 61).await;
        let hold = loyalty.hold("bob", 1, 3_600).await.unwrap();

        loyalty.catch_up().await;

        let first = [
            told("ada", 7, 5, 7),
            told("ada", 10, 20, 30),
            // What is held is not lost when the lot expires.
            told("bob", 2, 60, 60),
        ];
        assert_eq!(loyalty.expiries_told().await, first);
        loyalty.release(&hold).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn spans_are_policy_of_the_programme_and_none_means_no_notice() {
    let silent = Policies {
        notice_days: Vec::new(),
        ..Policies::default()
    };
    each_with(silent, async |loyalty| {
        loyalty.earn_for("ada", 10, 5).await;

        assert_eq!(loyalty.catch_up().await.notice_count, 0);

        let mut rules = per_unit(1);
        rules.policies = Some(ProgrammePolicies {
            expiry_notice_days: vec![14],
            ..ProgrammePolicies::default()
        });
        loyalty.rule_by(rules).await;
        loyalty.advance_days(1);
        assert_eq!(loyalty.catch_up().await.notice_count, 1);
        assert_eq!(loyalty.expiries_told().await, [told("ada", 10, 5, 14)]);
    })
    .await;
}

#[tokio::test]
async fn a_day_of_notices_that_was_broken_off_goes_on_where_it_stopped() {
    tenure_testkit::each_backend(&MIGRATIONS, async |db| {
        let config = Config {
            sweep_slice: 2,
            ..Config::default()
        };
        let loyalty = Suite::new(&db, config);
        for n in 0..30 {
            loyalty.earn_for(&format!("A{n:02}"), 10, 5).await;
        }
        // A clock that has gone on to another day in the middle of a lane begins anew; nothing is told
        // twice. Nor is it by two replicas at once.
        let other = loyalty.replica();

        let (a, b) = tokio::join!(loyalty.catch_up(), other.catch_up());
        loyalty.advance_days(1);
        let next = loyalty.catch_up().await;

        assert_eq!(
            (a.notice_count + b.notice_count, next.notice_count),
            (30, 0)
        );
        let told = loyalty.expiries_told().await;
        let accounts: BTreeSet<_> = told.iter().map(|told| told.0.clone()).collect();
        assert_eq!((told.len(), accounts.len()), (30, 30));
        loyalty.assert_verifies().await;
    })
    .await;
}

#[tokio::test]
async fn the_feed_tells_of_tiers_and_expiries_beside_entries_without_a_gap() {
    each(async |loyalty| {
        let mut rules = per_unit(1);
        rules.tiers = Some(TierPolicy {
            period: Some(tier_policy::Period::CalendarYear(true)),
            grace_days: 31,
            tiers: vec![TierLevel {
                tier_id: "silver".into(),
                qualifying_points_min: 100,
                multiplier_basis_points: 10_000,
                ..TierLevel::default()
            }],
        });
        loyalty.rule_by(rules).await;
        let bill = event(EventKind::Bill, "B1", 10_000);
        loyalty.earn_for_event(earning("ada", bill)).await.unwrap();
        let at = loyalty.clock.now();
        loyalty.earn_for("ada", 10, 5).await;
        loyalty.advance_days(6);
        loyalty.catch_up().await;

        let changes = loyalty.feed().await;

        let kinds: Vec<&str> = changes
            .iter()
            .map(|change| match change.fact.as_ref().unwrap() {
                Fact::Account(_) => "account",
                Fact::Entry(entry) if entry.kind() == EntryKind::Expire => "expiry",
                Fact::Entry(_) => "entry",
                Fact::ExpiryNotice(_) => "notice",
                Fact::TierChange(_) => "tier",
            })
            .collect();
        assert_eq!(kinds, ["account", "entry", "tier", "entry", "expiry"]);
        let Some(Fact::TierChange(change)) = &changes[2].fact else {
            panic!("the third change is a tier's");
        };
        assert_eq!(
            (change.previous_tier_id.as_str(), change.tier_id.as_str()),
            ("", "silver")
        );
        assert_eq!((change.number, change.qualifying_points), (1, 100));
        assert_eq!(change.change_time, Some(time(at)));
        assert_eq!(changes[2].customer_id, "ada");
        loyalty.assert_books_tie().await;
        loyalty.assert_verifies().await;
    })
    .await;
}
