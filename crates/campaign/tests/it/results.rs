//! What a campaign achieved, against numbers worked out by hand.

use tenure_core::Span;
use tenure_proto::campaign::v1::*;
use tenure_proto::customer::v1::ChurnKind;
use tenure_rpc::fields::time;
use tenure_testkit::assert_reason;

use crate::suite::{Suite, campaign, each_suite};

/// Has `treated` and `control` customers of either arm leave after a day.
async fn leave(suite: &Suite, treated: usize, control: usize) {
    let mut left = [(Arm::Treated, treated), (Arm::Control, control)];
    for (number, enrolment) in suite.enrolments("spring").await.iter().enumerate() {
        for (arm, room) in &mut left {
            if enrolment.arm() == *arm && *room > 0 {
                *room -= 1;
                let at = suite.now() + Span::from_days(1);
                suite.terminate(number, "line", ChurnKind::Competitor, at);
            }
        }
    }
    assert_eq!(left, [(Arm::Treated, 0), (Arm::Control, 0)]);
    suite.catch_up().await.unwrap();
}

async fn running(suite: Suite, customers: usize) -> (Suite, usize, usize) {
    let suite = suite.with_customers(customers);
    for number in 0..customers {
        suite.subscribe(number, "line");
    }
    let running = suite.run(campaign("spring")).await;
    let count = |count| usize::try_from(count).unwrap();
    (
        suite,
        count(running.treated_count),
        count(running.control_count),
    )
}

/// Returns the ends of Wilson's interval, by the textbook form of the formula.
fn wilson(stayed: f64, n: f64) -> (f64, f64) {
    let z = 1.959_963_984_540_054;
    let p = stayed / n;
    let centre = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let half = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    (centre - half, centre + half)
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-12
}

#[tokio::test]
async fn the_effect_is_the_difference_of_those_who_stayed() {
    each_suite(async |suite| {
        let (suite, treated, control) = running(suite, 60).await;
        leave(&suite, 2, 7).await;
        suite.clock.advance(Span::from_days(2));

        let results = suite.results("spring").await;

        let (n1, n2) = (treated as f64, control as f64);
        let (p1, p2) = ((n1 - 2.0) / n1, (n2 - 7.0) / n2);
        let arm = results.treated.unwrap();
        assert_eq!(arm.customer_count, i64::try_from(treated).unwrap());
        assert_eq!(arm.retained_count, i64::try_from(treated - 2).unwrap());
        assert!(close(arm.retention_rate, p1));
        let arm = results.control.unwrap();
        assert_eq!(arm.retained_count, i64::try_from(control - 7).unwrap());
        assert!(close(arm.retention_rate, p2));
        let ((l1, u1), (l2, u2)) = (wilson(n1 - 2.0, n1), wilson(n2 - 7.0, n2));
        let effect = results.retention_effect.unwrap();
        assert!(close(effect.estimate, p1 - p2));
        let below = ((p1 - l1).powi(2) + (u2 - p2).powi(2)).sqrt();
        let above = ((u1 - p1).powi(2) + (p2 - l2).powi(2)).sqrt();
        assert!(close(effect.lower_bound, p1 - p2 - below), "{effect:?}");
        assert!(close(effect.upper_bound, p1 - p2 + above), "{effect:?}");
        assert!(close(effect.confidence_level, 0.95));
        assert_eq!(effect.method, "NEWCOMBE");
    })
    .await;
}

#[tokio::test]
async fn only_leaving_within_the_window_and_before_now_counts() {
    each_suite(async |suite| {
        let (suite, ..) = running(suite, 10).await;
        let launched_at = suite.now();
        let at = |days| launched_at + Span::from_days(days);
        suite.terminate(0, "line", ChurnKind::Competitor, at(1));
        suite.terminate(1, "line", ChurnKind::Competitor, at(10));
        suite.terminate(2, "line", ChurnKind::Competitor, at(30));
        suite.terminate(
            3,
            "line",
            ChurnKind::Competitor,
            at(30) + Span::from_micros(1),
        );
        suite.catch_up().await.unwrap();
        let left = async |days| {
            suite.clock.set(at(days));
            let results = suite.results("spring").await;
            let (treated, control) = (results.treated.unwrap(), results.control.unwrap());
            let stayed = treated.retained_count + control.retained_count;
            (10 - stayed, results.measure_time.unwrap(), results.is_final)
        };

        assert_eq!(left(0).await, (0, time(at(0)), false));
        assert_eq!(left(5).await, (1, time(at(5)), false));
        assert_eq!(left(10).await, (2, time(at(10)), false));
        assert_eq!(left(30).await, (3, time(at(30)), true));
        assert_eq!(left(90).await, (3, time(at(30)), true));
    })
    .await;
}

#[tokio::test]
async fn everybody_who_was_to_be_treated_counts_whether_or_not_the_message_arrived() {
    each_suite(async |suite| {
        let (suite, treated, _) = running(suite, 30).await;
        suite.deliver(1).await;
        let contacts = suite.pull(1).await;
        suite
            .acknowledge(&contacts, ContactState::Failed)
            .await
            .unwrap();

        let results = suite.results("spring").await;

        assert_eq!(results.delivered_count, 1);
        let all = i64::try_from(treated).unwrap();
        assert_eq!(results.treated.unwrap().customer_count, all);
    })
    .await;
}

#[tokio::test]
async fn a_split_as_planned_passes_and_a_broken_one_is_flagged() {
    each_suite(async |suite| {
        let (suite, treated, control) = running(suite, 80).await;
        let check = suite.results("spring").await.sample_ratio.unwrap();
        let off = control as f64 - 40.0;
        assert!(close(check.expected_control_share, 0.5));
        assert!(close(check.observed_control_share, control as f64 / 80.0));
        assert!(close(check.chi_squared, 2.0 * off * off / 40.0));
        assert!(check.passed);

        // Somebody loses most of the control group.
        let lose = "DELETE FROM enrolment WHERE arm = 2 AND customer_id > 'C014'";
        let mut tx = suite.db.begin().await.unwrap();
        tenure_sql::with_tx!(tx, |conn| {
            sqlx::query(lose).execute(conn).await.unwrap();
        });
        tx.commit().await.unwrap();

        let check = suite.results("spring").await.sample_ratio.unwrap();
        assert!(check.p_value < 0.001, "{check:?} of {treated}");
        assert!(!check.passed);
    })
    .await;
}

#[tokio::test]
async fn there_is_no_effect_without_customers() {
    each_suite(async |suite| {
        suite.run(campaign("spring")).await;

        let results = suite.results("spring").await;

        assert_eq!(results.retention_effect, None);
        assert!(results.sample_ratio.unwrap().passed);
        assert_eq!(results.treated.unwrap(), ArmResult::default());
    })
    .await;
}

#[tokio::test]
async fn the_level_of_confidence_is_asked_for_within_limits() {
    each_suite(async |mut suite| {
        (suite, ..) = running(suite, 30).await;
        let request = |campaign: &str, confidence_level: f64| GetCampaignResultsRequest {
            campaign_id: campaign.into(),
            confidence_level,
        };
        let effect = async |level| {
            let mut client = suite.client.clone();
            let response = client
                .get_campaign_results(request("spring", level))
                .await
                .unwrap();
            response
                .into_inner()
                .results
                .unwrap()
                .retention_effect
                .unwrap()
        };

        let (narrow, wide) = (effect(0.5).await, effect(0.999).await);

        assert!(narrow.lower_bound > wide.lower_bound && narrow.upper_bound < wide.upper_bound);
        for level in [0.49, 1.0, -1.0, f64::NAN] {
            let asked = request("spring", level);
            let refused = suite.client.get_campaign_results(asked).await.unwrap_err();
            assert_reason(&refused, "INVALID_FIELDS");
        }
        let refused = suite
            .client
            .get_campaign_results(request("none", 0.0))
            .await
            .unwrap_err();
        assert_reason(&refused, "CAMPAIGN_NOT_FOUND");
    })
    .await;
}
