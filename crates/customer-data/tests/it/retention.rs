//! What is kept for how long: each kind to the day, and nothing that still counts.

use std::collections::BTreeMap;

use tenure_core::Lanes;
use tenure_customer_data::{
    AccessLogMode, Config, MIGRATIONS, Peers, PrivacyConfig, RetentionConfig,
};
use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::RetentionKind as Kind;
use tenure_proto::customer::v1::change::Fact;
use tenure_proto::customer::v1::consent_service_client::ConsentServiceClient;
use tenure_proto::customer::v1::survey_service_client::SurveyServiceClient;
use tenure_proto::r#type::v1::Channel;
use tenure_sql::{Db, DbOptions};
use tenure_testkit::{assert_code, each_backend, each_backend_with};
use tonic::Code;

use crate::care_suite::{care, change, create, hour, promise, record, ticket, to, wait};
use crate::erasure::{privacy, run as run_erasures};
use crate::suite::*;

/// Everything is kept for 100 days: since 2025-01-01, 12:00, when [`aged`] is done.
fn with(db: Db, days: u32) -> Suite {
    let config = Config {
        change_retention_days: days,
        privacy: PrivacyConfig {
            erasure_services: Vec::new(),
            access_log: AccessLogMode::Committed,
            retention: RetentionConfig {
                interaction_days: days,
                usage_days: days,
                bill_days: days,
                survey_days: days,
                complaint_days: days,
                promise_days: days,
                consent_days: days,
                access_days: days,
                churned_days: days,
                profile_days: days,
            },
            ..PrivacyConfig::default()
        },
        ..Config::default()
    };
    Suite::with(db, config, Peers::default())
}

/// Calls until all parts are done, and returns how many rows were too old.
async fn retain(suite: &Suite, dry_run: bool) -> BTreeMap<Kind, i64> {
    let mut all = BTreeMap::new();
    let mut page_token = String::new();
    loop {
        let request = wire::RunRetentionRequest {
            dry_run,
            page_token,
        };
        let part = privacy(suite).run_retention(request).await.unwrap();
        let part = part.into_inner();
        for count in part.counts {
            *all.entry(count.kind()).or_default() += count.row_count;
        }
        page_token = part.next_page_token;
        if page_token.is_empty() {
            return all;
        }
    }
}

async fn count(db: &Db, sql: &'static str) -> i64 {
    tenure_sql::with_pool!(db, |pool| sqlx::query_scalar(sql)
        .fetch_one(pool)
        .await
        .unwrap())
}

fn keep(id: &str) -> wire::KeepPromiseRequest {
    wire::KeepPromiseRequest {
        request_id: fresh(),
        customer_id: "ada".into(),
        promise_id: id.into(),
        ..Default::default()
    }
}

/// What has to be done at its time: complaints that end, promises that are kept.
async fn aged(suite: &Suite) {
    let mut care = care(suite);
    create(&mut care, ticket("ada", "T-old")).await;
    change(
        &mut care,
        to("ada", "T-old", wire::ComplaintState::Cancelled),
    )
    .await;
    record(&mut care, promise("ada", "P-old", hour(1))).await;
    care.keep_promise(keep("P-old")).await.unwrap();
    record(&mut care, promise("ada", "P-owed", hour(1))).await;
    create(&mut care, ticket("ada", "T-open")).await;
    wait(suite, 24);
    create(&mut care, ticket("ada", "T-new")).await;
    change(
        &mut care,
        to("ada", "T-new", wire::ComplaintState::Cancelled),
    )
    .await;
    record(&mut care, promise("ada", "P-new", hour(30))).await;
    care.keep_promise(keep("P-new")).await.unwrap();
    wait(suite, 100 * 24 - 12);
}

/// Facts of 2024-12-31, which are too old, and of 2025-01-02.
async fn facts(suite: &mut Suite) {
    let interactions = wire::BatchUpsertInteractionsRequest {
        request_id: fresh(),
        interactions: vec![
            complaint("ada", "I-old", 365),
            complaint("ada", "I-new", 367),
        ],
    };
    let client = &mut suite.client;
    client
        .batch_upsert_interactions(interactions)
        .await
        .unwrap();
    let usage = wire::BatchUpsertUsageSummariesRequest {
        request_id: fresh(),
        usage_summaries: vec![
            month("ada", "", "2024-12-01"),
            month("ada", "", "2025-02-01"),
        ],
    };
    client.batch_upsert_usage_summaries(usage).await.unwrap();
    let bills = vec![
        settled("ada", "B-old", 355),
        settled("ada", "B-new", 357),
        sent("ada", "B-open", 10),
    ];
    suite.bill(bills).await.unwrap();
    let answered = |id: &str, days| wire::Survey {
        event_time: later(days),
        ..crate::surveys::survey("ada", id, Some(5))
    };
    let surveys = vec![answered("V-old", 365), answered("V-new", 367)];
    let mut service = SurveyServiceClient::new(suite.transport.clone());
    let surveys = crate::surveys::upsert(surveys);
    service.batch_upsert_surveys(surveys).await.unwrap();
    let believed = |name: &str, days| wire::ProfileClaim {
        observe_time: later(days),
        ..crate::profiles::claim("ada", "survey", text(name, "yes"))
    };
    let claims = vec![believed("old", 365), believed("new", 367)];
    crate::profiles::record(suite, claims).await.unwrap();
}

/// One customer who has left, and four who have not.
async fn leavers(suite: &mut Suite) {
    let ids = ["gone", "owes", "late", "stays", "prospect"];
    suite.upsert(ids.map(customer).to_vec()).await.unwrap();
    for (number, id) in ids[..4].iter().enumerate() {
        let line = line(id, id, &format!("+99900000{number}"), "2024-01-01");
        suite.subscribe(vec![line]).await.unwrap();
        let day = if *id == "late" {
            "2025-01-02"
        } else {
            "2024-06-01"
        };
        let end = terminate(id, id, crate::suite::day(day));
        suite.client.terminate_subscription(end).await.unwrap();
    }
    let second = line("stays", "S-2", "+999000009", "2024-01-01");
    suite.subscribe(vec![second]).await.unwrap();
    suite.bill(vec![sent("owes", "B-owes", 10)]).await.unwrap();
}

#[tokio::test]
async fn each_kind_goes_when_it_is_too_old_and_not_before() {
    each_backend(&MIGRATIONS, async |db| {
        let mut suite = with(db.clone(), 100).with_customers(&["ada"]).await;
        aged(&suite).await;
        facts(&mut suite).await;
        leavers(&mut suite).await;
        // 2025-01-01, 12:00.
        let looks = "SELECT COUNT(*) FROM access WHERE accessed_at < 1735732800000000";
        let looks = count(&db, looks).await;
        assert!(
            looks > 3,
            "complaints and promises were shown when they were made"
        );
        let expected = BTreeMap::from([
            (Kind::Interaction, 1),
            (Kind::Usage, 1),
            (Kind::Bill, 1),
            (Kind::Survey, 1),
            (Kind::Complaint, 1),
            (Kind::Promise, 1),
            (Kind::Consent, 0),
            (Kind::Access, looks),
            (Kind::Churned, 1),
            (Kind::Profile, 1),
        ]);

        assert_eq!(retain(&suite, true).await, expected);
        assert_eq!(retain(&suite, true).await, expected, "nothing was deleted");
        assert_eq!(retain(&suite, false).await, expected);

        assert!(retain(&suite, false).await.values().all(|rows| *rows == 0));
        let old = [
            "SELECT COUNT(*) FROM interaction WHERE interaction_id = 'I-old'",
            "SELECT COUNT(*) FROM bill WHERE bill_id = 'B-old'",
            "SELECT COUNT(*) FROM survey WHERE survey_id = 'V-old'",
            "SELECT COUNT(*) FROM complaint WHERE complaint_id = 'T-old'",
            "SELECT COUNT(*) FROM complaint_step WHERE complaint_id = 'T-old'",
            "SELECT COUNT(*) FROM promise WHERE promise_id = 'P-old'",
            "SELECT COUNT(*) FROM subscription WHERE customer_id = 'gone'",
            "SELECT COUNT(*) FROM profile_claim WHERE name = 'old'",
        ];
        for sql in old {
            assert_eq!(count(&db, sql).await, 0, "{sql}");
        }
        let left = [
            ("SELECT COUNT(*) FROM interaction", 1),
            ("SELECT COUNT(*) FROM usage_summary", 1),
            ("SELECT COUNT(*) FROM bill", 3),
            ("SELECT COUNT(*) FROM survey", 1),
            ("SELECT COUNT(*) FROM profile_claim", 1),
            ("SELECT COUNT(*) FROM complaint", 2),
            ("SELECT COUNT(*) FROM promise", 2),
            ("SELECT COUNT(*) FROM customer", 5),
        ];
        for (sql, rows) in left {
            assert_eq!(count(&db, sql).await, rows, "{sql}");
        }
    })
    .await;
}

#[tokio::test]
async fn who_has_left_is_erased_with_receipts_and_may_come_back() {
    each_backend(&MIGRATIONS, async |db| {
        let mut suite = with(db, 100);
        wait(&suite, 100 * 24 + 12);
        leavers(&mut suite).await;

        retain(&suite, false).await;

        let erased = suite
            .changes()
            .await
            .into_iter()
            .filter_map(|it| match it.fact {
                Some(Fact::Erasure(erased)) => Some(erased.customer_id),
                _ => None,
            });
        assert_eq!(erased.collect::<Vec<_>>(), ["gone"]);
        assert_eq!(run_erasures(&suite).await.1, 0, "none is running still");
        let list = wire::ListErasuresRequest::default();
        let list = privacy(&suite).list_erasures(list).await.unwrap();
        let erasure = list.into_inner().erasures.remove(0);
        assert_eq!(erasure.state(), wire::ErasureState::Completed);
        assert_eq!(erasure.reason, "RETENTION");
        suite.upsert(vec![customer("gone")]).await.unwrap();
        let again = line("gone", "gone", "+999000000", "2025-03-01");
        suite.subscribe(vec![again]).await.unwrap();
    })
    .await;
}

fn consent(
    purpose: wire::ConsentPurpose,
    status: wire::ConsentStatus,
    from: &str,
    until: Option<&str>,
) -> wire::Consent {
    let basis = match status {
        wire::ConsentStatus::Granted => wire::LegalBasis::Consent,
        _ => wire::LegalBasis::Unspecified,
    };
    wire::Consent {
        customer_id: "ada".into(),
        purpose: purpose.into(),
        status: status.into(),
        legal_basis: basis.into(),
        text_version: "2024-11".into(),
        source: "web-shop".into(),
        valid_from: day(from),
        valid_until: until.and_then(day),
        ..Default::default()
    }
}

/// What has expired is told as long as it is kept, and then nothing was ever said.
const EXPIRED: i32 = wire::ConsentReason::Expired as i32;

#[tokio::test]
async fn consents_that_count_no_longer_go_and_nothing_else_is_allowed() {
    use wire::ConsentPurpose::{Information, Marketing, Profiling, Research};
    use wire::ConsentStatus::{Granted, Refused};
    each_backend(&MIGRATIONS, async |db| {
        let suite = with(db.clone(), 100).with_customers(&["ada"]).await;
        wait(&suite, 100 * 24 + 12);
        let mut ledger = ConsentServiceClient::new(suite.transport.clone());
        let mail = |consent| wire::Consent {
            channel: Channel::Email.into(),
            ..consent
        };
        let records = vec![
            // Expired.
            mail(consent(
                Marketing,
                Granted,
                "2024-01-01",
                Some("2024-06-01"),
            )),
            // Somebody's place was taken long ago.
            consent(Marketing, Granted, "2024-02-01", None),
            consent(Marketing, Refused, "2024-12-01", None),
            // What expired had taken the place of what would count for ever.
            mail(consent(Information, Granted, "2024-01-01", None)),
            mail(consent(
                Information,
                Refused,
                "2024-03-01",
                Some("2024-04-01"),
            )),
            // The place was taken lately.
            consent(Profiling, Granted, "2024-01-01", None),
            consent(Profiling, Refused, "2025-01-02", None),
            // Came late, and counts.
            consent(Research, Granted, "2023-01-01", None),
        ];
        let request = wire::BatchRecordConsentsRequest {
            request_id: fresh(),
            consents: records,
        };
        ledger.batch_record_consents(request).await.unwrap();
        let mut answers = async || {
            let mut all = Vec::new();
            for purpose in [Information, Marketing, Profiling, Research] {
                for channel in [Channel::Unspecified, Channel::Email, Channel::Sms] {
                    let request = wire::CheckConsentRequest {
                        customer_id: "ada".into(),
                        purpose: purpose.into(),
                        channel: channel.into(),
                        ..Default::default()
                    };
                    let answer = ledger.check_consent(request).await.unwrap();
                    let answer = answer.into_inner();
                    let by = answer.consent.filter(|_| answer.reason != EXPIRED);
                    all.push((answer.allowed, by));
                }
            }
            all
        };
        let before = answers().await;

        let deleted = retain(&suite, false).await;

        assert_eq!(deleted[&Kind::Consent], 4);
        assert_eq!(count(&db, "SELECT COUNT(*) FROM consent").await, 4);
        assert_eq!(answers().await, before);
    })
    .await;
}

#[tokio::test]
async fn many_parts_are_the_whole() {
    // Four tables with rows in nearly each of so many lanes are more than one call goes through.
    let options = DbOptions {
        lanes: Lanes::new(128).unwrap(),
        ..DbOptions::default()
    };
    each_backend_with(&MIGRATIONS, &options, async |db| {
        let mut suite = with(db, 100);
        let ids: Vec<String> = (0..600).map(|number| format!("C{number}")).collect();
        let customers = ids.iter().map(|id| customer(id)).collect();
        suite.upsert(customers).await.unwrap();
        let contacts = ids.iter().map(|id| complaint(id, &format!("I-{id}"), 10));
        let contacts = wire::BatchUpsertInteractionsRequest {
            request_id: fresh(),
            interactions: contacts.collect(),
        };
        let client = &mut suite.client;
        client.batch_upsert_interactions(contacts).await.unwrap();
        let usage = ids.iter().map(|id| month(id, "", "2024-01-01"));
        let usage = wire::BatchUpsertUsageSummariesRequest {
            request_id: fresh(),
            usage_summaries: usage.collect(),
        };
        client.batch_upsert_usage_summaries(usage).await.unwrap();
        let all = wire::BatchGetCustomersRequest { customer_ids: ids };
        client.batch_get_customers(all).await.unwrap();
        wait(&suite, 101 * 24);

        let first = wire::RunRetentionRequest {
            dry_run: true,
            page_token: String::new(),
        };
        let first = privacy(&suite).run_retention(first).await.unwrap();
        let token = first.into_inner().next_page_token;
        assert_ne!(token, "", "one call does not go through all of it");
        let deleted = retain(&suite, false).await;

        for kind in [Kind::Interaction, Kind::Usage, Kind::Access] {
            assert_eq!(deleted[&kind], 600, "{kind:?}");
        }
        assert_eq!(deleted[&Kind::Churned], 0, "nobody had a subscription");
        let other = wire::RunRetentionRequest {
            dry_run: false,
            page_token: token,
        };
        let other = privacy(&suite).run_retention(other).await.unwrap_err();
        assert_code(&other, Code::InvalidArgument, "PAGE_TOKEN_MISMATCH");
    })
    .await;
}

#[tokio::test]
async fn what_is_kept_for_ever_is_not_looked_at() {
    each_suite(async |mut suite| {
        leavers(&mut suite).await;
        wait(&suite, 3_000 * 24);

        assert_eq!(retain(&suite, false).await, BTreeMap::new());
        assert_eq!(suite.get("gone").await.customer_id, "gone");
    })
    .await;
}
