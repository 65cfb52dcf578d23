//! What runs by itself, and how it ends.

use std::time::Duration;

use tenure_core::Span;
use tenure_loyalty_points::{Config, MIGRATIONS};
use tenure_proto::loyalty::v1::change::Fact;
use tenure_proto::loyalty::v1::*;
use tenure_rpc::Lifecycle;
use tenure_rpc::lifecycle::Ending;

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
