//! Surveys, and where an interaction stands in the course of a sale.

use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::change::Fact;
use tenure_proto::customer::v1::survey_service_client::SurveyServiceClient;
use tenure_testkit::assert_code;
use tonic::Code;

use crate::care_suite::{care, create, ticket};
use crate::suite::*;

pub(crate) fn survey(customer: &str, id: &str, nps: Option<i32>) -> wire::Survey {
    wire::Survey {
        survey_id: id.into(),
        customer_id: customer.into(),
        event_time: later(1),
        channel: 6,
        questionnaire_code: "AFTER_CALL".into(),
        nps_score: nps,
        ..Default::default()
    }
}

pub(crate) fn upsert(surveys: Vec<wire::Survey>) -> wire::BatchUpsertSurveysRequest {
    wire::BatchUpsertSurveysRequest {
        request_id: fresh(),
        surveys,
    }
}

fn answer(question: &str, answer: &str) -> wire::SurveyAnswer {
    wire::SurveyAnswer {
        question_code: question.into(),
        answer_code: answer.into(),
    }
}

#[tokio::test]
async fn surveys_come_back_as_they_were_answered_newest_first() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada"]).await;
        create(&mut care(&suite), ticket("ada", "T1")).await;
        let mut surveys = SurveyServiceClient::new(suite.transport.clone());
        let whole = wire::Survey {
            complaint_id: "T1".into(),
            service_quality: Some(wire::ServiceQuality {
                reliability: Some(1),
                tangibles: Some(7),
                ..Default::default()
            }),
            answers: vec![answer("SOLVED", "YES"), answer("WAITED", "LONG")],
            ..survey("ada", "V1", Some(0))
        };
        let newer = wire::Survey {
            event_time: later(2),
            ..survey("ada", "V2", Some(10))
        };
        let request = upsert(vec![whole.clone(), newer.clone()]);

        let first = surveys.batch_upsert_surveys(request.clone()).await.unwrap();
        let again = surveys.batch_upsert_surveys(request).await.unwrap();

        assert_eq!(first.into_inner().created_count, 2);
        assert!(again.into_inner().replayed);
        let better = wire::Survey {
            nps_score: Some(9),
            ..newer
        };
        let changed = upsert(vec![whole.clone(), better.clone()]);
        let changed = surveys.batch_upsert_surveys(changed).await.unwrap();
        assert_eq!(changed.into_inner().updated_count, 1);
        let mut request = wire::ListSurveysRequest {
            customer_id: "ada".into(),
            page_size: 1,
            page_token: String::new(),
        };
        let mut listed = Vec::new();
        for _ in 0..2 {
            let page = surveys.list_surveys(request.clone()).await.unwrap();
            let page = page.into_inner();
            listed.extend(page.surveys);
            request.page_token = page.next_page_token;
        }
        assert_eq!(listed, [better.clone(), whole]);
        assert_eq!(request.page_token, "");
        let told = suite.changes().await.into_iter();
        let told = told.filter_map(|change| match change.fact {
            Some(Fact::Survey(survey)) => Some(survey),
            _ => None,
        });
        let told: Vec<_> = told.collect();
        assert_eq!((told.len(), &told[2]), (3, &better));
    })
    .await;
}

#[tokio::test]
async fn what_is_no_answer_is_refused() {
    each_suite(async |suite| {
        let suite = suite.with_customers(&["ada", "bob"]).await;
        let mut surveys = SurveyServiceClient::new(suite.transport.clone());
        let good = upsert(vec![survey("ada", "V1", Some(7))]);
        surveys.batch_upsert_surveys(good).await.unwrap();

        let others = upsert(vec![survey("bob", "V1", Some(7))]);
        let others = surveys.batch_upsert_surveys(others).await.unwrap_err();
        assert_code(&others, Code::AlreadyExists, "SURVEY_EXISTS");
        let loose = wire::Survey {
            complaint_id: "T9".into(),
            ..survey("ada", "V2", Some(7))
        };
        let loose = surveys
            .batch_upsert_surveys(upsert(vec![loose]))
            .await
            .unwrap_err();
        assert_code(&loose, Code::NotFound, "COMPLAINT_NOT_FOUND");
        let wrong = vec![
            survey("ada", "V2", Some(11)),
            survey("ada", "V3", Some(-1)),
            survey("ada", "V4", None),
            wire::Survey {
                service_quality: Some(wire::ServiceQuality {
                    empathy: Some(0),
                    assurance: Some(8),
                    ..Default::default()
                }),
                ..survey("ada", "V5", None)
            },
            wire::Survey {
                service_quality: Some(wire::ServiceQuality::default()),
                answers: vec![answer("Q", "A"), answer("Q", "")],
                ..survey("ada", "V6", None)
            },
        ];
        let wrong = surveys
            .batch_upsert_surveys(upsert(wrong))
            .await
            .unwrap_err();
        assert_eq!(
            fields(&wrong),
            [
                "surveys[0].nps_score",
                "surveys[1].nps_score",
                "surveys[2].answers",
                "surveys[3].service_quality.assurance",
                "surveys[3].service_quality.empathy",
                "surveys[4].service_quality",
                "surveys[4].answers[1].answer_code",
                "surveys[4].answers[1].question_code",
            ]
        );
        let nobody = wire::ListSurveysRequest {
            customer_id: "nobody".into(),
            ..Default::default()
        };
        let nobody = surveys.list_surveys(nobody).await.unwrap_err();
        assert_code(&nobody, Code::NotFound, "CUSTOMER_NOT_FOUND");
    })
    .await;
}

#[tokio::test]
async fn an_interaction_knows_its_phase_and_its_complaint() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada"]).await;
        create(&mut care(&suite), ticket("ada", "T1")).await;
        let call = wire::Interaction {
            phase: wire::InteractionPhase::AfterSale.into(),
            complaint_id: "T1".into(),
            ..complaint("ada", "I1", 1)
        };
        let request = |interaction: &wire::Interaction| wire::BatchUpsertInteractionsRequest {
            request_id: fresh(),
            interactions: vec![interaction.clone()],
        };

        suite
            .client
            .batch_upsert_interactions(request(&call))
            .await
            .unwrap();

        let list = wire::ListInteractionsRequest {
            customer_id: "ada".into(),
            ..Default::default()
        };
        let listed = suite.client.list_interactions(list).await.unwrap();
        assert_eq!(
            listed.into_inner().interactions,
            std::slice::from_ref(&call)
        );
        let loose = wire::Interaction {
            complaint_id: "T9".into(),
            ..call.clone()
        };
        let loose = suite
            .client
            .batch_upsert_interactions(request(&loose))
            .await;
        assert_code(&loose.unwrap_err(), Code::NotFound, "COMPLAINT_NOT_FOUND");
        let wrong = wire::Interaction { phase: 4, ..call };
        let wrong = suite
            .client
            .batch_upsert_interactions(request(&wrong))
            .await;
        assert_eq!(fields(&wrong.unwrap_err()), ["interactions[0].phase"]);
    })
    .await;
}
