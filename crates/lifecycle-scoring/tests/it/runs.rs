//! Runs over all customers.

use tenure_proto::scoring::v1 as scoring;
use tenure_rpc::fields::time;
use tonic::Code;

use crate::suite::{Suite, at, customer, each, id, subscription};

fn fill(suite: &Suite, count: usize) {
    suite.set("2024-06-01");
    let from = at("2023-01-01");
    suite.push((0..count).map(|n| subscription(&format!("c{n:05}"), from, None)));
}

#[tokio::test]
async fn a_run_scores_everybody_and_writes_only_what_changed() {
    each(async |suite| {
        fill(&suite, 1_200);

        let first = suite.run().await;
        let again = suite.run().await;

        assert_eq!((first.scored_count, again.scored_count), (1_200, 1_200));
        assert_eq!((again.changed_count, again.moved_count), (0, 0));
        assert!((again.progress - 1.0).abs() < 1e-12);
        assert_eq!(again.finish_time, Some(time(suite.now())));
    })
    .await;
}

#[tokio::test]
async fn a_run_of_nobody_ends() {
    each(async |suite| {
        assert_eq!(suite.run().await.scored_count, 0);
    })
    .await;
}

#[tokio::test]
async fn a_repeated_request_finds_the_same_run() {
    each(async |suite| {
        fill(&suite, 10);
        let mut client = suite.client.clone();
        let request = scoring::CreateScoringRunRequest {
            request_id: id(),
            score_time: None,
        };

        let first = client
            .create_scoring_run(request.clone())
            .await
            .unwrap()
            .into_inner();
        let again = client
            .create_scoring_run(request.clone())
            .await
            .unwrap()
            .into_inner();
        let other = scoring::CreateScoringRunRequest {
            score_time: Some(time(at("2024-01-01"))),
            ..request
        };
        let refused = client.create_scoring_run(other).await.unwrap_err();

        assert!(!first.replayed && again.replayed);
        assert_eq!(first.scoring_run, again.scoring_run);
        tenure_testkit::assert_code(&refused, Code::InvalidArgument, "REQUEST_ID_REUSED");
        suite
            .finished(&first.scoring_run.unwrap().scoring_run_id)
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_run_that_was_interrupted_goes_on_in_the_next_process() {
    each(async |suite| {
        fill(&suite, 3_000);
        let request = scoring::CreateScoringRunRequest {
            request_id: id(),
            score_time: None,
        };
        let created = suite
            .client
            .clone()
            .create_scoring_run(request)
            .await
            .unwrap();
        let run = created.into_inner().scoring_run.unwrap();

        // Both processes may be at it: each chunk is done by one of them.
        let next = suite.replica();

        let finished = next.finished(&run.scoring_run_id).await;
        assert_eq!(finished.scored_count, 3_000);
        let (changes, _) = next.feed("").await;
        let scored = changes
            .iter()
            .filter(|c| matches!(c.fact, Some(scoring::change::Fact::Score(_))));
        assert_eq!(scored.count(), 3_000);
    })
    .await;
}

#[tokio::test]
async fn a_run_cannot_lie_before_another_or_in_the_future() {
    each(async |suite| {
        fill(&suite, 1);
        suite.run().await;
        let mut client = suite.client.clone();
        let mut create = async |when: &str| {
            let score_time = Some(time(at(when)));
            let request = scoring::CreateScoringRunRequest {
                request_id: id(),
                score_time,
            };
            client.create_scoring_run(request).await.unwrap_err()
        };

        let earlier = create("2024-05-31").await;
        let ahead = create("2024-06-02").await;

        tenure_testkit::assert_code(&earlier, Code::InvalidArgument, "INVALID_FIELDS");
        tenure_testkit::assert_code(&ahead, Code::InvalidArgument, "INVALID_FIELDS");
    })
    .await;
}

#[tokio::test]
async fn runs_are_listed_newest_first_page_by_page() {
    each(async |suite| {
        suite.push([customer("ada", at("2024-01-01"), &[])]);
        let mut made = Vec::new();
        for day in 0..3 {
            suite
                .clock
                .set(at("2024-06-01") + tenure_core::Span::from_days(day));
            made.push(suite.run().await.scoring_run_id);
        }
        made.reverse();

        let mut listed = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = scoring::ListScoringRunsRequest {
                page_size: 2,
                page_token,
            };
            let page = suite
                .client
                .clone()
                .list_scoring_runs(request)
                .await
                .unwrap()
                .into_inner();
            listed.extend(page.scoring_runs.into_iter().map(|run| run.scoring_run_id));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }

        assert_eq!(listed, made);
        let nothing = scoring::GetScoringRunRequest {
            scoring_run_id: "nothing".into(),
            wait_duration: None,
        };
        let refused = suite
            .client
            .clone()
            .get_scoring_run(nothing)
            .await
            .unwrap_err();
        tenure_testkit::assert_code(&refused, Code::NotFound, "SCORING_RUN_NOT_FOUND");
    })
    .await;
}
