//! Training, and what a trained model says.

use prost_types::Duration;
use tenure_core::Span;
use tenure_core::hash::bucket;
use tenure_proto::customer::v1::ChurnKind;
use tenure_proto::scoring::v1 as scoring;
use tenure_proto::r#type::v1::attribute_value::Kind;
use tenure_rpc::fields::time;
use tonic::Code;

use crate::suite::{Suite, at, complaint, customer, each, id, subscription, wrong_fields};

/// Customers of whom every third complains. Of those who complain 6 in 10 leave within the quarter,
/// of the others 1 in 20; the plan says nothing.
fn fill(suite: &Suite, count: usize) {
    suite.set("2024-07-01");
    for number in 0..count {
        let id = format!("c{number:04}");
        let plan = ["basic", "gold"][usize::try_from(bucket("plan", &id, 2)).unwrap()];
        let complains = number % 3 == 0;
        let percent = bucket("fate", &id, 100);
        let leaves = percent < if complains { 60 } else { 5 };
        let joined = at("2022-01-01") + Span::from_days(i64::from(bucket("joined", &id, 700)));
        let left = at("2024-04-02") + Span::from_days(i64::from(bucket("left", &id, 80)));
        suite.push([
            customer(&id, at("2022-01-01"), &[("plan", Kind::Text(plan.into()))]),
            subscription(&id, joined, leaves.then_some((left, ChurnKind::Competitor))),
        ]);
        if complains {
            suite.push([complaint(&id, at("2024-03-10"))]);
        }
    }
}

fn request() -> scoring::TrainModelRequest {
    scoring::TrainModelRequest {
        request_id: id(),
        as_of_times: vec![time(at("2024-04-01"))],
        horizon: Some(Duration {
            seconds: 90 * 86_400,
            nanos: 0,
        }),
        seed: 7,
        ..scoring::TrainModelRequest::default()
    }
}

#[tokio::test]
async fn a_model_learns_what_makes_customers_leave() {
    each(async |suite| {
        fill(&suite, 900);

        // The day of the last contact tells a complaint as well, but not in its words.
        let excluded_features = vec!["days_since_contact".into()];
        let wanted = scoring::TrainModelRequest {
            excluded_features,
            ..request()
        };
        let model = suite.train(wanted).await;
        suite.set("2024-07-01");
        suite.push([
            subscription("new", at("2023-01-01"), None),
            complaint("new", at("2024-06-20")),
        ]);
        suite.push([subscription("calm", at("2023-01-01"), None)]);
        suite.catch_up().await;

        assert_eq!(
            model.state(),
            scoring::ModelState::Active,
            "{}",
            model.failure
        );
        assert_eq!(model.example_count, 900);
        // Nobody can know more than the group: of the leavers 6 in 7 complain, of the stayers 17 in
        // 100 (0.6 and 0.4 of a third, 0.05 and 0.95 of the rest), so that the best AUC is 0.84.
        let metrics = model.metrics.as_ref().unwrap();
        assert!(
            metrics.auc > 0.78 && metrics.calibration_error < 0.06,
            "{metrics:?}"
        );
        assert!(
            model.importances[0].feature.starts_with("complaints_"),
            "{:?}",
            model.importances
        );
        let (new, calm) = (suite.score("new").await, suite.score("calm").await);
        assert!(
            (new.churn_probability - 0.60).abs() < 0.12,
            "{}",
            new.churn_probability
        );
        assert!(
            (calm.churn_probability - 0.05).abs() < 0.05,
            "{}",
            calm.churn_probability
        );
        assert!(
            new.reasons[0].code.starts_with("COMPLAINTS_"),
            "{:?}",
            new.reasons
        );
        assert_eq!(new.model_version, model.version);
        assert_eq!(
            new.horizon,
            Some(Duration {
                seconds: 90 * 86_400,
                nanos: 0
            })
        );
        assert!(new.risk_band > calm.risk_band);
    })
    .await;
}

#[tokio::test]
async fn without_a_model_nobody_is_at_risk() {
    each(async |suite| {
        fill(&suite, 3);
        suite.catch_up().await;

        let none = suite
            .client
            .clone()
            .get_model(scoring::GetModelRequest::default())
            .await;
        let score = suite.score("c0001").await;

        tenure_testkit::assert_code(
            &none.unwrap_err(),
            Code::FailedPrecondition,
            "NO_ACTIVE_MODEL",
        );
        assert_eq!((score.model_version.as_str(), score.risk_band), ("", 0));
        assert_eq!(score.horizon, None);
    })
    .await;
}

#[tokio::test]
async fn equal_seeds_give_equal_models_and_the_last_one_scores() {
    each(async |suite| {
        fill(&suite, 400);

        let first = suite.train(request()).await;
        let second = suite.train(request()).await;
        let other = suite
            .train(scoring::TrainModelRequest {
                excluded_features: vec!["complaints_6m".into(), "attribute.plan".into()],
                ..request()
            })
            .await;

        assert_eq!(first.version, second.version);
        assert_ne!(first.version, other.version);
        assert!(
            other
                .importances
                .iter()
                .all(|i| i.feature != "complaints_6m")
        );
        let active = suite
            .client
            .clone()
            .get_model(scoring::GetModelRequest::default())
            .await;
        assert_eq!(
            active.unwrap().into_inner().model.unwrap().model_id,
            other.model_id
        );
        let request = scoring::ListModelsRequest {
            page_size: 2,
            page_token: String::new(),
        };
        let page = suite
            .client
            .clone()
            .list_models(request)
            .await
            .unwrap()
            .into_inner();
        let next = scoring::ListModelsRequest {
            page_size: 2,
            page_token: page.next_page_token,
        };
        let rest = suite
            .client
            .clone()
            .list_models(next)
            .await
            .unwrap()
            .into_inner();
        let states: Vec<_> = page
            .models
            .iter()
            .chain(&rest.models)
            .map(scoring::Model::state)
            .collect();
        use scoring::ModelState::{Active, Retired};
        assert_eq!(states.len(), 3);
        assert_eq!(states.iter().filter(|state| **state == Active).count(), 1);
        assert_eq!(states.iter().filter(|state| **state == Retired).count(), 2);
    })
    .await;
}

#[tokio::test]
async fn too_few_leavers_are_no_model_and_the_failure_says_so() {
    each(async |suite| {
        fill(&suite, 60);

        let model = suite.train(request()).await;

        assert_eq!(model.state(), scoring::ModelState::Failed);
        assert!(
            model.failure.starts_with("TOO_FEW_LABELS: "),
            "{}",
            model.failure
        );
        let active = suite
            .client
            .clone()
            .get_model(scoring::GetModelRequest::default())
            .await;
        tenure_testkit::assert_code(
            &active.unwrap_err(),
            Code::FailedPrecondition,
            "NO_ACTIVE_MODEL",
        );
    })
    .await;
}

#[tokio::test]
async fn a_repeated_training_request_finds_the_same_model() {
    each(async |suite| {
        fill(&suite, 60);
        let mut client = suite.client.clone();
        let request = request();

        let first = client
            .train_model(request.clone())
            .await
            .unwrap()
            .into_inner();
        let again = client
            .train_model(request.clone())
            .await
            .unwrap()
            .into_inner();
        let other = scoring::TrainModelRequest { seed: 8, ..request };
        let refused = client.train_model(other).await.unwrap_err();

        assert!(!first.replayed && again.replayed);
        assert_eq!(first.model, again.model);
        tenure_testkit::assert_code(&refused, Code::InvalidArgument, "REQUEST_ID_REUSED");
        assert_eq!(
            tenure_rpc::status::metadata(&refused, "fields").as_deref(),
            Some("seed")
        );
    })
    .await;
}

#[tokio::test]
async fn every_wrong_field_of_a_training_is_named() {
    each(async |suite| {
        let assignment = |fold| scoring::FoldAssignment {
            customer_id: "c1".into(),
            fold,
        };
        let wrong = scoring::TrainModelRequest {
            request_id: "no".into(),
            as_of_times: vec![time(at("2099-01-01"))],
            horizon: None,
            folds: vec![assignment(1), assignment(77)],
            ..scoring::TrainModelRequest::default()
        };

        let refused = suite.client.clone().train_model(wrong).await.unwrap_err();

        tenure_testkit::assert_code(&refused, Code::InvalidArgument, "INVALID_FIELDS");
        let expected = [
            "request_id",
            "horizon",
            "as_of_times[0]",
            "folds[1].fold",
            "folds[1].customer_id",
        ];
        assert_eq!(wrong_fields(&refused), expected);
        let unknown = scoring::GetModelRequest {
            model_id: "x".into(),
            wait_duration: None,
        };
        let refused = suite.client.clone().get_model(unknown).await.unwrap_err();
        tenure_testkit::assert_code(&refused, Code::NotFound, "MODEL_NOT_FOUND");
    })
    .await;
}
