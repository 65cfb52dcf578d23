//! Compaction of the feed: of each fact of every kind the last change stays.

use std::collections::{BTreeMap, BTreeSet};

use tenure_core::{Clock, Span};
use tenure_customer_data::domain::FACT_KINDS;
use tenure_customer_data::{MIGRATIONS, fact_of};
use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::change::Fact;
use tenure_proto::customer::v1::consent_service_client::ConsentServiceClient;
use tenure_proto::customer::v1::lead_service_client::LeadServiceClient;
use tenure_proto::customer::v1::survey_service_client::SurveyServiceClient;

use tenure_sql::feed::{self, Change};
use tenure_testkit::each_backend;

use crate::care_suite::{care, promise, record};
use crate::suite::*;
use crate::tables::changes;

/// Every kind of fact, and of most of them one that changed.
async fn fill(suite: &mut Suite) {
    crate::fill::prospect(suite, "ada").await;
    crate::erasure::fill(suite, "ada", "Ada", "+999123456", "crm-1").await;
    crate::erasure::fill(suite, "bob", "Bob", "+999654321", "crm-2").await;
    crate::fill::party(suite, "ada", "bob").await;
    crate::fill::account_and_group(suite, "ada").await;
    crate::fill::terms_and_sim(suite, "ada").await;
    crate::fill::identity(suite, "ada").await;
    let renamed = wire::Customer {
        display_name: "Ada Lovelace".into(),
        ..customer("ada")
    };
    suite.upsert(vec![renamed]).await.unwrap();
    suite.bill(vec![settled("ada", "B-ada", 30)]).await.unwrap();
    let mut care = care(suite);
    record(&mut care, promise("ada", "P2", crate::care_suite::hour(5))).await;
    let kept = wire::KeepPromiseRequest {
        request_id: fresh(),
        customer_id: "ada".into(),
        promise_id: "P2".into(),
        keep_time: None,
    };
    care.keep_promise(kept).await.unwrap();
    let again = crate::surveys::survey("ada", "V-ada", Some(3));
    let mut surveys = SurveyServiceClient::new(suite.transport.clone());
    let again = crate::surveys::upsert(vec![again]);
    surveys.batch_upsert_surveys(again).await.unwrap();
    let contacted = wire::ChangeLeadStateRequest {
        request_id: fresh(),
        customer_id: "ada".into(),
        lead_id: "L-ada".into(),
        state: wire::LeadState::Contacted.into(),
        ..Default::default()
    };
    let mut leads = LeadServiceClient::new(suite.transport.clone());
    leads.change_lead_state(contacted).await.unwrap();
    let moved = wire::ProfileClaim {
        trust: 9,
        ..crate::profiles::claim("ada", "survey", text("second_home", "none"))
    };
    crate::profiles::record(suite, vec![moved]).await.unwrap();
}

/// What a reader of all of them knows in the end: of each fact, told to each customer, the last.
fn known(changes: &[Change]) -> BTreeMap<String, Fact> {
    let mut known = BTreeMap::new();
    for change in changes {
        let change = <wire::Change as prost::Message>::decode(change.body.as_slice()).unwrap();
        let fact = change.fact.unwrap();
        let key = match &fact {
            // Each says what the whole record is.
            Fact::Merge(_) => "merge".to_owned(),
            other => crate::snapshot::key(other),
        };
        known.insert(format!("{} {key}", change.customer_id), fact);
    }
    known
}

#[tokio::test]
async fn of_each_fact_of_every_kind_the_last_change_stays() {
    each_backend(&MIGRATIONS, async |db| {
        let mut suite = Suite::new(db.clone());
        fill(&mut suite).await;
        let before = changes(&db).await;
        let kinds: BTreeSet<&str> = before.iter().map(|it| it.kind.as_str()).collect();
        let all: BTreeSet<&str> = FACT_KINDS.into_iter().collect();
        // Those of an erasure and of a reverted import are in tests of their own.
        assert_eq!(kinds, &all - &BTreeSet::from(["erasure", "removal"]));

        let tomorrow = suite.clock.now() + Span::from_days(1);
        feed::compact(&db, tomorrow, fact_of).await.unwrap();

        let after = changes(&db).await;
        assert_eq!(known(&after), known(&before), "readers end alike");
        assert_eq!(after.len(), known(&before).len(), "each fact once");
        let count = |changes: &[Change], kind: &str| {
            let of_kind = changes.iter().filter(|it| it.kind == kind);
            of_kind.count()
        };
        let changed = [
            "customer",
            "bill",
            "complaint",
            "promise",
            "survey",
            "party",
            "lead",
            "subscription_terms",
            "profile_claim",
        ];
        for kind in changed {
            assert!(count(&after, kind) < count(&before, kind), "{kind}");
        }
    })
    .await;
}

#[tokio::test]
async fn consents_and_erasures_are_all_kept() {
    each_backend(&MIGRATIONS, async |db| {
        let mut suite = Suite::new(db.clone());
        crate::erasure::fill(&mut suite, "bob", "Bob", "+999654321", "crm-2").await;
        suite.upsert(vec![customer("eve")]).await.unwrap();
        let again = wire::RecordConsentRequest {
            request_id: fresh(),
            consent: Some(wire::Consent {
                customer_id: "bob".into(),
                purpose: wire::ConsentPurpose::Marketing.into(),
                status: wire::ConsentStatus::Refused.into(),
                source: "web-shop".into(),
                ..Default::default()
            }),
        };
        let mut ledger = ConsentServiceClient::new(suite.transport.clone());
        ledger.record_consent(again).await.unwrap();
        crate::erasure::erased(&suite, "eve").await;
        let of = |changes: &[Change], kind: &str| -> Vec<Vec<u8>> {
            let of_kind = changes.iter().filter(|it| it.kind == kind);
            of_kind.map(|it| it.body.clone()).collect()
        };
        let before = changes(&db).await;
        let counts = ["consent", "erasure"].map(|kind| of(&before, kind).len());
        assert_eq!(counts, [2, 1]);

        let tomorrow = suite.clock.now() + Span::from_days(1);
        feed::compact(&db, tomorrow, fact_of).await.unwrap();

        let after = changes(&db).await;
        for kind in ["consent", "erasure"] {
            assert_eq!(of(&after, kind), of(&before, kind), "{kind}");
        }
    })
    .await;
}
