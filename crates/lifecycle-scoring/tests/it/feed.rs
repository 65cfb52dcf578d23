//! Reading customer-data's feed exactly once, and serving one.

use tenure_proto::customer::v1::{self as pb, ChurnKind, change};
use tenure_proto::scoring::v1::change::Fact;
use tenure_proto::r#type::v1::LifecycleStage as Stage;
use tonic::Code;

use crate::suite::{at, bill, change, complaint, customer, each, subscription};

#[tokio::test]
async fn every_change_is_applied_once_by_however_many_replicas() {
    each(async |suite| {
        suite.set("2024-06-01");
        for number in 0..1_500 {
            let id = format!("c{number}");
            suite.push([
                subscription(&id, at("2024-01-01"), None),
                complaint(&id, at("2024-05-01")),
            ]);
        }
        let replica = suite.replica();

        let (one, other) = tokio::join!(suite.catch_up(), replica.catch_up());

        assert_eq!(one + other, 3_000);
        assert_eq!(suite.catch_up().await, 0);
        let (changes, _) = suite.feed("").await;
        let transitions = changes.iter();
        let transitions = transitions
            .filter(|c| matches!(c.fact, Some(Fact::StageTransition(_))))
            .count();
        assert_eq!(transitions, 1_500);
    })
    .await;
}

#[tokio::test]
async fn transitions_are_told_in_order_with_what_they_were_before() {
    each(async |suite| {
        suite.set("2024-01-10");
        suite.push([customer("ada", at("2024-01-01"), &[])]);
        suite.catch_up().await;
        suite.push([subscription("ada", at("2024-01-05"), None)]);
        suite.catch_up().await;
        let (_, token) = suite.feed("").await;
        suite.set("2024-03-01");
        let ended = Some((at("2024-02-20"), ChurnKind::Competitor));
        suite.push([subscription("ada", at("2024-01-05"), ended)]);
        suite.catch_up().await;

        let (all, _) = suite.feed("").await;
        let (later, _) = suite.feed(&token).await;

        let moves = |changes: &[tenure_proto::scoring::v1::Change]| -> Vec<(Stage, Stage)> {
            let moves = changes.iter().filter_map(|change| match &change.fact {
                Some(Fact::StageTransition(t)) => Some((t.from_stage(), t.to_stage())),
                _ => None,
            });
            moves.collect()
        };
        use Stage::{Acquisition, Churned, Growth, Unspecified};
        let expected = [
            (Unspecified, Acquisition),
            (Acquisition, Growth),
            (Growth, Churned),
        ];
        assert_eq!(moves(&all), expected);
        assert_eq!(moves(&later), expected[2..]);
        assert_eq!(later[0].customer_id, "ada");
    })
    .await;
}

#[tokio::test]
async fn a_token_of_somebody_else_is_refused() {
    each(async |suite| {
        let request = tenure_proto::scoring::v1::WatchChangesRequest {
            resume_token: "nonsense".into(),
            follow: false,
        };

        let refused = suite
            .client
            .clone()
            .watch_changes(request)
            .await
            .unwrap_err();

        tenure_testkit::assert_code(&refused, Code::InvalidArgument, "INVALID_RESUME_TOKEN");
    })
    .await;
}

/// Returns a fact of each kind that customer-data tells and that says nothing to scoring.
fn unheard() -> Vec<change::Fact> {
    vec![
        change::Fact::Relationship(pb::Relationship::default()),
        change::Fact::Account(pb::BillingAccount::default()),
        change::Fact::AccountSubscription(pb::AccountSubscription::default()),
        change::Fact::Group(pb::GroupMembership::default()),
        change::Fact::Lead(pb::Lead::default()),
        change::Fact::SubscriptionTerms(pb::SubscriptionTerms::default()),
        change::Fact::LeavingSignal(pb::LeavingSignal::default()),
        change::Fact::Resource(pb::SimHolding::default()),
        change::Fact::Complaint(pb::Complaint::default()),
        change::Fact::Promise(pb::Promise::default()),
        change::Fact::Survey(pb::Survey::default()),
        change::Fact::Consent(pb::Consent::default()),
        change::Fact::Party(pb::Party::default()),
        change::Fact::ProfileClaim(pb::ProfileClaim::default()),
    ]
}

#[tokio::test]
async fn what_says_nothing_to_scoring_moves_nobody_and_makes_no_customer() {
    each(async |suite| {
        suite.set("2024-06-01");
        suite.push([
            customer("ada", at("2024-01-01"), &[]),
            subscription("ada", at("2024-01-01"), None),
        ]);
        suite.catch_up().await;
        let (before, _) = suite.feed("").await;
        let score = suite.score("ada").await;

        let facts = unheard().into_iter();
        suite.push(facts.flat_map(|fact| {
            let when = at("2024-05-30");
            [
                change("ada", when, fact.clone()),
                change("prospect", when, fact),
            ]
        }));
        let applied = suite.catch_up().await;

        assert_eq!(applied, 2 * i64::try_from(unheard().len()).unwrap());
        assert_eq!(suite.feed("").await.0, before);
        assert_eq!(suite.score("ada").await, score);
        assert_eq!(suite.run().await.scored_count, 1);
    })
    .await;
}

/// Written for its speed: says how many changes a second are taken in, on this machine.
#[tokio::test]
async fn many_facts_of_many_customers_are_taken_in() {
    each(async |suite| {
        suite.set("2024-06-01");
        for number in 0..1_000 {
            let id = format!("c{number}");
            suite.push([subscription(&id, at("2023-01-01"), None)]);
            suite.push((0..12).map(|m| bill(&id, at("2023-02-01").plus_months(m), 2_000)));
        }
        let begin = std::time::Instant::now();

        assert_eq!(suite.catch_up().await, 13_000);

        let rate = 13_000.0 / begin.elapsed().as_secs_f64();
        println!("{rate:.0} changes a second");
    })
    .await;
}

#[tokio::test]
async fn the_schema_keeps_its_rules() {
    tenure_testkit::assert_schema_rules(&tenure_lifecycle_scoring::MIGRATIONS).await;
}
