//! What runs by itself, and how it ends.

use std::time::Duration;

use tenure_core::Span;
use tenure_loyalty_points::{Config, MIGRATIONS};
use tenure_proto::loyalty::v1::change::Fact;
use tenure_proto::loyalty::v1::*;
use tenure_rpc::Lifecycle;
use tenure_rpc::lifecycle::Ending;

use crate::damage::sql;
use crate::suite::{Suite, day};

/// The sweep looks every ten milliseconds, so that the test does not wait for it.
fn restless() -> Config {
    Config {
        sweep_interval_ms: 10,
        ..Config::default()
    }
}

#[tokio::test]
async fn bills_earn_and_points_expire_by_themselves_until_the_process_drains() {
    tenure_testkit::each_backend(&MIGRATIONS, async |db| {
        let loyalty = Suite::new(&db, restless());
        loyalty
            .customers
            .settle("B1", "C1", 10_000, day("2024-12-20"));
        let request = WatchChangesRequest {
            resume_token: String::new(),
            follow: true,
        };
        let mut stream = loyalty
            .client
            .clone()
            .watch_changes(request)
            .await
            .unwrap()
            .into_inner();
        let lifecycle = Lifecycle::new();

        loyalty.service.spawn_jobs(&lifecycle);

        let mut seen = Vec::new();
        while seen.len() < 2 {
            let message = stream.message().await.unwrap().unwrap();
            let entries = message
                .changes
                .into_iter()
                .filter_map(|change| match change.fact? {
                    Fact::Entry(entry) => Some((entry.kind(), entry.points_delta)),
                    _ => None,
                });
            seen.extend(entries);
            loyalty.advance(Span::from_days(2_000));
        }
        assert_eq!(seen, [(EntryKind::Earn, 100), (EntryKind::Expire, -100)]);
        assert_eq!(
            lifecycle.finish(Duration::from_secs(20)).await,
            Ending::Clean
        );
    })
    .await;
}

/// What `SettlePartner` leaves behind when the process dies right after it began.
const BEGUN: [&str; 3] = [
    "UPDATE partner SET settlements = 1 WHERE partner_id = 'cafe'",
    "INSERT INTO settlement (partner_id, number, state, until_at, next_lane, entries, accrual_minor,
                             redemption_minor, created_at, created_by, updated_at, updated_by, note)
     SELECT 'cafe', 1, 1, 2000000000000000, 0, 0, 0, 0, 0, 'ada', 0, 'ada', ''",
    "INSERT INTO settlement_range (lane, partner_id, number, seq_from, seq_to)
     SELECT lane, 'cafe', 1, 0, seq FROM lane",
];

#[tokio::test]
async fn a_settlement_whose_caller_is_gone_is_ended_by_itself() {
    tenure_testkit::each_backend(&MIGRATIONS, async |db| {
        let loyalty = Suite::new(&db, restless());
        let other = Suite::with(
            &db,
            restless(),
            loyalty.clock.clone(),
            loyalty.customers.clone(),
        );
        loyalty.partner("cafe").await;
        for account in ["ada", "bob", "eve"] {
            loyalty.earn_at("cafe", account, 100).await.unwrap();
        }
        for statement in BEGUN {
            sql(&db, statement).await;
        }
        let lifecycle = Lifecycle::new();

        loyalty.service.spawn_jobs(&lifecycle);
        other.service.spawn_jobs(&lifecycle);

        let ended = async {
            loop {
                let found = loyalty.settlement("cafe", 1).await.unwrap();
                if found.state() != SettlementState::Running {
                    return found;
                }
                tokio::task::yield_now().await;
            }
        };
        let ended = tokio::time::timeout(Duration::from_secs(20), ended);
        let ended = ended.await.expect("it is ended");
        assert_eq!(ended.state(), SettlementState::Open);
        assert_eq!(ended.entry_count, 3);
        // 300 points at 1.00 for 100.
        assert_eq!(crate::partner_suite::net(&ended), 300);
        let ending = lifecycle.finish(Duration::from_secs(20)).await;
        assert_eq!(ending, Ending::Clean);
        loyalty.assert_verifies().await;
    })
    .await;
}
