//! Rules for the data of sources: what they refuse, count and tell.

use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::quality_rule::Check;
use tenure_proto::customer::v1::quality_service_client::QualityServiceClient;
use tenure_rpc::Transport;
use tenure_testkit::{assert_code, error_info};
use tonic::Code;

use crate::suite::*;

const REPORT: i32 = 1;
const REJECT: i32 = 2;

fn quality(suite: &Suite) -> QualityServiceClient<Transport> {
    QualityServiceClient::new(suite.transport.clone())
}

fn rule(id: &str, field: &str, action: i32, check: Check) -> wire::QualityRule {
    wire::QualityRule {
        rule_id: id.into(),
        field: field.into(),
        action,
        check: Some(check),
    }
}

fn regions() -> Check {
    Check::Reference(wire::ReferenceCheck {
        values: vec!["north".into(), "south".into()],
    })
}

fn drift() -> Check {
    Check::Drift(wire::DriftCheck {
        limits: vec![10.0, 20.0],
        categories: Vec::new(),
        reference_days: 7,
    })
}

fn policy(source: &str, rules: Vec<wire::QualityRule>) -> wire::SetQualityPolicyRequest {
    wire::SetQualityPolicyRequest {
        request_id: fresh(),
        source: source.into(),
        rules,
    }
}

async fn set(suite: &Suite, source: &str, rules: Vec<wire::QualityRule>) -> wire::QualityPolicy {
    let mut client = quality(suite);
    let set = client.set_quality_policy(policy(source, rules));
    set.await.unwrap().into_inner().policy.unwrap()
}

/// Returns 2025-01-01, when the clock starts, and some days.
fn since_now(days: i64) -> Option<prost_types::Timestamp> {
    later(366 + days)
}

/// Begins the import of a file; equal names are the same file.
async fn begin(suite: &mut Suite, file: &str) -> String {
    let digest = file
        .bytes()
        .fold(7_u64, |sum, byte| sum * 31 + u64::from(byte));
    let request = wire::CreateImportRequest {
        request_id: fresh(),
        source_name: file.into(),
        content_digest: format!("{digest:064x}"),
        mapping_digest: "2".repeat(64),
    };
    let created = suite.client.create_import(request).await.unwrap();
    created.into_inner().import.unwrap().import_id
}

fn batch(import: &str, records: Vec<wire::ImportRecord>) -> wire::ApplyImportBatchRequest {
    wire::ApplyImportBatchRequest {
        request_id: fresh(),
        import_id: import.into(),
        records,
        ..Default::default()
    }
}

fn row(line: i64, customer: wire::Customer) -> wire::ImportRecord {
    wire::ImportRecord {
        line,
        customer: Some(customer),
        ..Default::default()
    }
}

fn of_region(id: &str, region: &str) -> wire::Customer {
    wire::Customer {
        attributes: vec![text("region", region)],
        ..customer(id)
    }
}

fn asked(source: &str, from: i64, until: i64) -> wire::GetQualityReportRequest {
    wire::GetQualityReportRequest {
        source: source.into(),
        start_time: since_now(from),
        end_time: since_now(until),
        ..Default::default()
    }
}

async fn report(suite: &Suite, from: i64, until: i64) -> wire::GetQualityReportResponse {
    let mut client = quality(suite);
    let report = client.get_quality_report(asked("crm", from, until));
    report.await.unwrap().into_inner()
}

#[tokio::test]
async fn a_row_that_breaks_a_rule_is_refused_or_counted_as_the_rule_says() {
    each_suite(async |mut suite| {
        let name = Check::Required(wire::RequiredCheck {});
        let rules = vec![
            rule("region", "customer.attributes.region", REJECT, regions()),
            rule("name", "customer.display_name", REPORT, name),
        ];
        set(&suite, "crm", rules).await;
        let import = begin(&mut suite, "crm-1.csv").await;
        let rows = vec![
            row(2, of_region("a", "north")),
            row(3, of_region("b", "Ada's garden")),
            row(4, customer("c")),
        ];

        let sent = batch(&import, rows);
        let first = suite.client.apply_import_batch(sent.clone()).await.unwrap();
        let again = suite.client.apply_import_batch(sent).await.unwrap();

        let first = first.into_inner();
        assert!(again.into_inner().replayed);
        let rejects = &first.rejects;
        assert_eq!((rejects.len(), rejects[0].line), (1, 3));
        assert_eq!(rejects[0].column, "customer.attributes.region");
        assert_eq!(rejects[0].wanted, "one of 2 known words (rule region)");
        assert_eq!(rejects[0].found, "another text");
        let import = first.import.unwrap();
        assert_eq!(
            (import.accepted_row_count, import.rejected_row_count),
            (2, 1)
        );
        let told = report(&suite, 0, 1).await;
        assert_eq!((told.row_count, told.refused_row_count), (3, 1));
        let [region, name] = &told.findings[..] else {
            panic!("{told:?}")
        };
        let counts =
            |it: &wire::QualityFinding| (it.checked_count, it.failed_count, it.missing_count);
        assert_eq!(counts(region), (2, 1, 1));
        assert_eq!(counts(name), (3, 3, 3));
        let sample = wire::QualitySample {
            import_id: import.import_id,
            line: 3,
        };
        assert_eq!(region.samples, [sample]);
        assert!(!format!("{told:?}").contains("Ada"));
    })
    .await;
}

#[tokio::test]
async fn a_source_without_rules_is_not_looked_at() {
    each_suite(async |mut suite| {
        let rules = vec![rule(
            "region",
            "customer.attributes.region",
            REJECT,
            regions(),
        )];
        set(&suite, "crm", rules).await;
        let other = begin(&mut suite, "crmold.csv").await;

        let taken = suite
            .client
            .apply_import_batch(batch(&other, vec![row(1, of_region("a", "x"))]));
        assert_eq!(taken.await.unwrap().into_inner().rejects, []);
        assert_eq!(report(&suite, 0, 1).await.row_count, 0);

        let emptied = set(&suite, "crm", Vec::new()).await;
        assert_eq!(emptied.version, 2);
        let import = begin(&mut suite, "crm.csv").await;
        let taken = suite
            .client
            .apply_import_batch(batch(&import, vec![row(1, of_region("b", "x"))]));
        assert_eq!(taken.await.unwrap().into_inner().rejects, []);
    })
    .await;
}

#[tokio::test]
async fn each_kind_of_rule_tells_good_from_bad() {
    each_suite(async |mut suite| {
        let whole = wire::TypeCheck { value_type: 1 };
        let range = wire::RangeCheck {
            min: Some(0.0),
            max: Some(120.0),
        };
        let fresh = wire::FreshnessCheck { days_max: 30 };
        let rules = vec![
            rule(
                "type",
                "customer.attributes.age",
                REPORT,
                Check::Type(whole),
            ),
            rule(
                "range",
                "customer.attributes.age",
                REPORT,
                Check::Range(range),
            ),
            rule("age", "customer.join_time", REPORT, Check::Freshness(fresh)),
        ];
        set(&suite, "crm", rules).await;
        let import = begin(&mut suite, "crm.csv").await;
        let aged = |id: &str, age: &str, joined: i64| wire::Customer {
            attributes: vec![text("age", age)],
            join_time: since_now(joined),
            ..customer(id)
        };
        let rows = vec![
            row(1, aged("a", "42", -1)),
            row(2, aged("b", "121", -40)),
            row(3, aged("c", "old", 0)),
        ];

        let taken = suite.client.apply_import_batch(batch(&import, rows)).await;

        assert_eq!(taken.unwrap().into_inner().rejects, []);
        let told = report(&suite, 0, 1).await;
        let lines = |at: usize| {
            let samples = told.findings[at].samples.iter();
            samples.map(|sample| sample.line).collect::<Vec<_>>()
        };
        assert_eq!(lines(0), [3]);
        assert_eq!(lines(1), [2, 3]);
        assert_eq!(lines(2), [2]);
        let lags = &told.findings[2];
        assert_eq!(lags.lag_p50_hours, Some(24));
        assert_eq!(lags.lag_p95_hours, Some(2_160));
    })
    .await;
}

#[tokio::test]
async fn a_shift_of_values_is_an_alarm() {
    each_suite(async |mut suite| {
        let rules = vec![rule("spend", "customer.attributes.spend", REPORT, drift())];
        set(&suite, "crm", rules).await;
        let spending = |spend: fn(i64) -> i64| {
            let row = move |line: i64| {
                let spends = text("spend", &spend(line).to_string());
                let customer = wire::Customer {
                    attributes: vec![spends],
                    ..customer(&format!("c{line}"))
                };
                row(line, customer)
            };
            (1..=200).map(row).collect::<Vec<_>>()
        };
        let steady: fn(i64) -> i64 = |line| line % 30;
        let shifted: fn(i64) -> i64 = |line| 20 + line % 10;

        for (file, spend) in [("crm-1", steady), ("crm-2", steady), ("crm-3", shifted)] {
            let import = begin(&mut suite, file).await;
            let sent = batch(&import, spending(spend));
            suite.client.apply_import_batch(sent).await.unwrap();
            suite.clock.advance(tenure_core::Span::from_days(1));
        }

        let state = async |from| {
            report(&suite, from, from + 1)
                .await
                .findings
                .remove(0)
                .drift_state()
        };
        assert_eq!(state(0).await, wire::DriftState::TooFew);
        assert_eq!(state(1).await, wire::DriftState::Stable);
        assert_eq!(state(2).await, wire::DriftState::Alarm);
    })
    .await;
}

#[tokio::test]
async fn policies_have_versions_and_pages_and_a_limit() {
    each_suite(async |suite| {
        let one = policy(
            "b",
            vec![rule("r", "subscriptions.msisdn", REPORT, regions())],
        );
        let mut client = quality(&suite);
        let first = client
            .set_quality_policy(one.clone())
            .await
            .unwrap()
            .into_inner();
        let again = client.set_quality_policy(one).await.unwrap().into_inner();
        assert!(again.replayed);
        assert_eq!(again.policy, first.policy);
        assert_eq!(set(&suite, "b", Vec::new()).await.version, 2);
        let get = |version| wire::GetQualityPolicyRequest {
            source: "b".into(),
            version,
        };
        let got = client
            .get_quality_policy(get(1))
            .await
            .unwrap()
            .into_inner();
        assert_eq!(got.policy, first.policy);
        let now = client
            .get_quality_policy(get(0))
            .await
            .unwrap()
            .into_inner();
        assert_eq!(now.policy.unwrap().version, 2);

        let missing = client.get_quality_policy(get(3)).await.unwrap_err();
        assert_code(&missing, Code::NotFound, "QUALITY_POLICY_NOT_FOUND");
        assert_eq!(error_info(&missing).metadata["source"], "b");

        for number in 1..200 {
            set(&suite, &format!("s{number:03}"), Vec::new()).await;
        }
        let full = client
            .set_quality_policy(policy("t", Vec::new()))
            .await
            .unwrap_err();
        assert_code(&full, Code::ResourceExhausted, "QUALITY_SOURCES_FULL");
        set(&suite, "b", Vec::new()).await;

        let mut seen = Vec::new();
        let mut page_token = String::new();
        loop {
            let list = wire::ListQualityPoliciesRequest {
                page_size: 150,
                page_token,
            };
            let page = client
                .list_quality_policies(list)
                .await
                .unwrap()
                .into_inner();
            seen.extend(page.policies.into_iter().map(|policy| policy.source));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(seen.len(), 200);
        assert!(seen.is_sorted());
    })
    .await;
}

#[tokio::test]
async fn a_wrong_policy_is_told_field_by_field() {
    each_suite(async |suite| {
        let mut client = quality(&suite);
        let refused = client.set_quality_policy(policy(
            "",
            vec![
                rule("a", "customer.shoe_size", REPORT, regions()),
                rule("a", "customer.join_time", REJECT, drift()),
                rule(
                    "b",
                    "customer.join_time",
                    0,
                    Check::Range(wire::RangeCheck::default()),
                ),
            ],
        ));
        let refused = refused.await.unwrap_err();
        assert_eq!(
            fields(&refused),
            [
                "source",
                "rules[0].field",
                "rules[1].rule_id",
                "rules[1].action",
                "rules[2].action",
                "rules[2].range",
            ]
        );

        let long = client
            .get_quality_report(asked("crm", 0, 367))
            .await
            .unwrap_err();
        assert_eq!(fields(&long), ["end_time"]);
    })
    .await;
}
