//! News from customer-data: who left.

use tenure_core::{Span, Timestamp};
use tenure_proto::campaign::v1::Enrolment;
use tenure_proto::customer::v1::ChurnKind;
use tenure_rpc::fields::time;
use tenure_testkit::assert_reason;

use crate::suite::{Suite, campaign, customer_id, each_suite};

async fn churned(suite: &Suite) -> Vec<(String, Option<prost_types::Timestamp>)> {
    let left = |one: Enrolment| one.churn_time.map(|at| (one.customer_id, Some(at)));
    suite
        .enrolments("spring")
        .await
        .into_iter()
        .filter_map(left)
        .collect()
}

fn after(suite: &Suite, days: i64) -> Timestamp {
    suite.now() + Span::from_days(days)
}

#[tokio::test]
async fn who_leaves_of_its_own_will_with_the_last_subscription_has_churned() {
    each_suite(async |suite| {
        let suite = suite.with_customers(6);
        for number in 0..6 {
            suite.subscribe(number, &format!("S{number}"));
        }
        suite.subscribe(1, "second");
        suite.run(campaign("spring")).await;
        let at = after(&suite, 2);

        suite.terminate(0, "S0", ChurnKind::Competitor, at);
        // One subscription is left.
        suite.terminate(1, "S1", ChurnKind::Competitor, at);
        suite.terminate(2, "S2", ChurnKind::InternalMigration, at);
        suite.terminate(3, "S3", ChurnKind::Arrears, at);
        suite.terminate(4, "S4", ChurnKind::Fraud, at);
        suite.terminate(5, "S5", ChurnKind::Unstated, at);
        suite.catch_up().await.unwrap();

        let left = [
            (customer_id(0), Some(time(at))),
            (customer_id(5), Some(time(at))),
        ];
        assert_eq!(churned(&suite).await, left);
        suite.terminate(1, "second", ChurnKind::MarketExit, after(&suite, 3));
        suite.catch_up().await.unwrap();
        assert_eq!(churned(&suite).await.len(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_change_is_applied_once_however_often_we_catch_up() {
    each_suite(async |suite| {
        let suite = suite.with_customers(3);
        for number in 0..3 {
            suite.subscribe(number, "line");
        }
        suite.terminate(0, "line", ChurnKind::Competitor, after(&suite, 1));
        suite.begin(campaign("spring")).await;

        let first = suite.catch_up().await.unwrap();
        let second = suite.catch_up().await.unwrap();
        let other = suite.replica(2).catch_up().await.unwrap();

        assert_eq!((first, second, other), (4, 0, 0));
    })
    .await;
}

#[tokio::test]
async fn the_first_departure_counts_when_a_customer_came_back_and_left_again() {
    each_suite(async |suite| {
        let suite = suite.with_customers(1);
        suite.subscribe(0, "first");
        suite.run(campaign("spring")).await;
        suite.terminate(0, "first", ChurnKind::Competitor, after(&suite, 1));
        suite.subscribe(0, "second");
        suite.catch_up().await.unwrap();

        suite.terminate(0, "second", ChurnKind::Competitor, after(&suite, 9));
        suite.catch_up().await.unwrap();

        assert_eq!(
            churned(&suite).await,
            [(customer_id(0), Some(time(after(&suite, 1))))]
        );
    })
    .await;
}

#[tokio::test]
async fn who_left_before_the_launch_did_not_leave_because_of_it() {
    each_suite(async |suite| {
        let suite = suite.with_customers(2);
        suite.subscribe(0, "line");
        suite.subscribe(1, "line");
        suite.terminate(
            0,
            "line",
            ChurnKind::Competitor,
            suite.now() - Span::from_days(3),
        );
        suite.run(campaign("spring")).await;
        // News that comes late, of a departure at the instant of the launch.
        suite.terminate(1, "line", ChurnKind::Competitor, suite.now());

        suite.catch_up().await.unwrap();

        assert_eq!(churned(&suite).await, []);
    })
    .await;
}

#[tokio::test]
async fn who_leaves_while_the_audience_is_being_enrolled_is_not_missed() {
    each_suite(async |suite| {
        let suite = suite.with_customers(15);
        for number in 0..15 {
            suite.subscribe(number, "line");
        }
        suite.scoring.state().ends_at = Some(10);
        suite.begin(campaign("spring")).await;
        suite.catch_up().await.unwrap_err();
        // Customer 12 stands on the second page, which is not enrolled yet.
        let at = suite.now() + Span::from_seconds(30);
        suite.terminate(12, "line", ChurnKind::Competitor, at);
        suite.catch_up().await.unwrap_err();
        suite.scoring.state().ends_at = None;

        suite.catch_up().await.unwrap();

        assert_eq!(churned(&suite).await, [(customer_id(12), Some(time(at)))]);
    })
    .await;
}

#[tokio::test]
async fn catching_up_needs_customer_data() {
    each_suite(async |suite| {
        suite.customers.state().gate.refusals = 1;

        let refused = suite.catch_up().await.unwrap_err();

        assert_reason(&refused, "DEPENDENCY_UNAVAILABLE");
        assert_eq!(
            tenure_rpc::status::metadata(&refused, "service").unwrap(),
            "customer-data"
        );
    })
    .await;
}
