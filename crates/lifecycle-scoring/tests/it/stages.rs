//! Stages from facts and from runs, their history, and the funnel.

use tenure_proto::customer::v1::ChurnKind;
use tenure_proto::scoring::v1 as scoring;
use tenure_proto::r#type::v1::LifecycleStage as Stage;
use tenure_rpc::fields::time;
use tonic::Code;

use crate::suite::{Suite, at, bill, customer, each, subscription, usage};

async fn intervals(suite: &Suite, customer_id: &str) -> Vec<scoring::StageInterval> {
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        // Pages of one, so that every border between pages is met.
        let request = scoring::ListStageIntervalsRequest {
            customer_id: customer_id.into(),
            page_size: 1,
            page_token,
        };
        let page = suite
            .client
            .clone()
            .list_stage_intervals(request)
            .await
            .unwrap()
            .into_inner();
        all.extend(page.intervals);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return all;
        }
    }
}

async fn stage_at(suite: &Suite, customer_id: &str, when: &str) -> Option<Stage> {
    let request = scoring::GetLifecycleRequest {
        customer_id: customer_id.into(),
        as_of_time: Some(time(at(when))),
    };
    let got = suite
        .client
        .clone()
        .get_lifecycle(request)
        .await
        .unwrap()
        .into_inner();
    got.interval.map(|interval| interval.stage())
}

/// A prospect who joins in February 2023, is steady, uses less and less from spring 2024 on, and
/// leaves in October.
fn tell_a_life(suite: &Suite) {
    suite.push([customer("ada", at("2023-01-01"), &[])]);
}

async fn live(suite: &Suite) {
    suite.set("2023-01-10");
    tell_a_life(suite);
    suite.catch_up().await;
    suite.set("2023-02-01");
    suite.push([subscription("ada", at("2023-02-01"), None)]);
    let mut minutes = 300;
    for month in 0..20 {
        let start = at("2023-02-01").plus_months(month);
        if start >= at("2024-03-01") {
            minutes = minutes * 8 / 10;
        }
        suite.push([usage("ada", start, minutes), bill("ada", start, 2_500)]);
        suite.clock.set(start.plus_months(1));
        suite.run().await;
    }
    suite.set("2024-10-20");
    let ended = Some((at("2024-10-15"), ChurnKind::Competitor));
    suite.push([subscription("ada", at("2023-02-01"), ended)]);
    suite.catch_up().await;
}

#[tokio::test]
async fn a_life_is_told_in_stages_without_gaps() {
    each(async |suite| {
        live(&suite).await;

        let intervals = intervals(&suite, "ada").await;

        let stages: Vec<Stage> = intervals
            .iter()
            .map(scoring::StageInterval::stage)
            .collect();
        use Stage::{Acquisition, Churned, Decline, Growth, Maturity};
        assert_eq!(stages, [Acquisition, Growth, Maturity, Decline, Churned]);
        for pair in intervals.windows(2) {
            assert_eq!(pair[0].end_time, pair[1].start_time);
        }
        assert_eq!(intervals[0].start_time, Some(time(at("2023-01-01"))));
        assert_eq!(intervals[1].start_time, Some(time(at("2023-02-01"))));
        assert_eq!(intervals[4].start_time, Some(time(at("2024-10-15"))));
        assert_eq!(intervals[4].end_time, None);
        let why: Vec<_> = intervals[3]
            .evidence
            .iter()
            .map(|e| e.name.as_str())
            .collect();
        assert_eq!(why, ["usage_trend_3m", "usage_trend_6m"]);
        assert!(
            intervals[3].evidence[0]
                .statement
                .starts_with("usage falls by")
        );
    })
    .await;
}

#[tokio::test]
async fn the_stage_of_any_past_instant_is_known() {
    each(async |suite| {
        live(&suite).await;

        assert_eq!(stage_at(&suite, "ada", "2022-12-31").await, None);
        assert_eq!(
            stage_at(&suite, "ada", "2023-01-01").await,
            Some(Stage::Acquisition)
        );
        assert_eq!(
            stage_at(&suite, "ada", "2023-02-01").await,
            Some(Stage::Growth)
        );
        assert_eq!(
            stage_at(&suite, "ada", "2024-10-14").await,
            Some(Stage::Decline)
        );
        assert_eq!(
            stage_at(&suite, "ada", "2024-10-15").await,
            Some(Stage::Churned)
        );
    })
    .await;
}

#[tokio::test]
async fn an_activation_that_is_learnt_late_moves_the_border() {
    each(async |suite| {
        suite.set("2024-06-01");
        suite.push([customer("ada", at("2024-01-01"), &[])]);
        suite.catch_up().await;
        suite.push([subscription("ada", at("2023-11-01"), None)]);
        suite.catch_up().await;

        let intervals = intervals(&suite, "ada").await;

        let found: Vec<_> = intervals
            .iter()
            .map(|i| (i.stage(), i.start_time))
            .collect();
        assert_eq!(found, [(Stage::Growth, Some(time(at("2023-11-01"))))]);
    })
    .await;
}

#[tokio::test]
async fn the_funnel_counts_everybody_once() {
    each(async |suite| {
        suite.set("2024-06-01");
        suite.push([customer("prospect", at("2024-01-01"), &[])]);
        for number in 0..3 {
            suite.push([subscription(&format!("c{number}"), at("2024-03-01"), None)]);
        }
        let ended = Some((at("2024-05-01"), ChurnKind::MarketExit));
        suite.push([subscription("gone", at("2020-01-01"), ended)]);
        suite.run().await;

        let funnel = suite
            .client
            .clone()
            .get_funnel(scoring::GetFunnelRequest {})
            .await;

        let rows = funnel.unwrap().into_inner().rows;
        let counts: Vec<i64> = rows.iter().map(|row| row.customer_count).collect();
        assert_eq!(counts, [1, 3, 0, 0, 1]);
        // Three fees of 25.00 a month; who left brings nothing.
        assert_eq!(
            rows[1].monthly_revenue.as_ref().unwrap().amount_minor,
            7_500
        );
        assert_eq!(rows[4].monthly_revenue, None);
    })
    .await;
}

#[tokio::test]
async fn the_unknown_and_the_misspelt_are_refused() {
    each(async |suite| {
        let mut client = suite.client.clone();
        let get = |customer_id: &str| scoring::GetLifecycleRequest {
            customer_id: customer_id.into(),
            as_of_time: None,
        };

        let unknown = client.get_lifecycle(get("nobody")).await.unwrap_err();
        let empty = client.get_lifecycle(get("")).await.unwrap_err();
        let list = |customer_id: &str, page_token: &str| scoring::ListStageIntervalsRequest {
            customer_id: customer_id.into(),
            page_size: 0,
            page_token: page_token.into(),
        };
        let nobody = client
            .list_stage_intervals(list("nobody", ""))
            .await
            .unwrap_err();
        let token = client
            .list_stage_intervals(list("nobody", "?"))
            .await
            .unwrap_err();

        tenure_testkit::assert_code(&unknown, Code::NotFound, "CUSTOMER_NOT_FOUND");
        tenure_testkit::assert_code(&empty, Code::InvalidArgument, "INVALID_FIELDS");
        tenure_testkit::assert_code(&nobody, Code::NotFound, "CUSTOMER_NOT_FOUND");
        tenure_testkit::assert_code(&token, Code::InvalidArgument, "INVALID_PAGE_TOKEN");
    })
    .await;
}
