//! Erasure: what is gone, what stays, who is recognised afterwards.

use tenure_customer_data::MIGRATIONS;
use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::ErasureState as State;
use tenure_proto::customer::v1::change::Fact;
use tenure_proto::customer::v1::consent_service_client::ConsentServiceClient;
use tenure_proto::customer::v1::privacy_service_client::PrivacyServiceClient;
use tenure_rpc::Transport;
use tenure_sql::Db;
use tenure_sql::db::Pools;
use tenure_testkit::{assert_code, each_backend};
use tonic::{Code, Status};

use crate::sample::{Sample, counts};
use crate::suite::*;

pub(crate) const NAME: &str = "Ottilie Wildgruber";
const FORMER_NAME: &str = "Ottilie Zwetschkenbaum";
pub(crate) const BIRTH: &str = "1951-03-17";
pub(crate) const NUMBER: &str = "+999111222333";
const FORMER_NUMBER: &str = "+999444555666";
pub(crate) const CRM_ID: &str = "crm-ottilie-7731";
pub(crate) const STREET: &str = "Gurkengasse 17a";
pub(crate) const MAIL: &str = "ottilie@wildgruber.example";
/// Nothing of this may be left anywhere.
const TRACES: [&str; 7] = [
    NAME,
    FORMER_NAME,
    NUMBER,
    FORMER_NUMBER,
    CRM_ID,
    STREET,
    MAIL,
];

pub(crate) fn privacy(suite: &Suite) -> PrivacyServiceClient<Transport> {
    PrivacyServiceClient::new(suite.transport.clone())
}

/// A customer with everything that there is to have.
pub(crate) async fn fill(suite: &mut Suite, id: &str, name: &str, number: &str, crm: &str) {
    let request = wire::CreateCustomerRequest {
        request_id: fresh(),
        customer: Some(wire::Customer {
            display_name: name.into(),
            external_ids: vec![external("crm", crm)],
            attributes: vec![text("birth_date", BIRTH), text("street", STREET)],
            ..customer(id)
        }),
    };
    suite.client.create_customer(request).await.unwrap();
    let line = line(id, &format!("S-{id}"), number, "2024-01-01");
    suite.subscribe(vec![line]).await.unwrap();
    let bill = sent(id, &format!("B-{id}"), 30);
    suite.bill(vec![bill]).await.unwrap();
    let usage = wire::BatchUpsertUsageSummariesRequest {
        request_id: fresh(),
        usage_summaries: vec![month(id, "", "2024-02-01")],
    };
    let client = &mut suite.client;
    client.batch_upsert_usage_summaries(usage).await.unwrap();
    let contact = wire::BatchUpsertInteractionsRequest {
        request_id: fresh(),
        interactions: vec![complaint(id, &format!("I-{id}"), 40)],
    };
    client.batch_upsert_interactions(contact).await.unwrap();
    let consent = wire::RecordConsentRequest {
        request_id: fresh(),
        consent: Some(wire::Consent {
            customer_id: id.into(),
            purpose: wire::ConsentPurpose::Marketing.into(),
            status: wire::ConsentStatus::Refused.into(),
            contact_point: MAIL.into(),
            source: "web-shop".into(),
            ..Default::default()
        }),
    };
    let mut ledger = ConsentServiceClient::new(suite.transport.clone());
    ledger.record_consent(consent).await.unwrap();
    let believed = crate::profiles::claim(id, "survey", text("second_home", STREET));
    crate::profiles::record(suite, vec![believed])
        .await
        .unwrap();
    crate::care_suite::fill_one(suite, id).await;
}

/// Ottilie, who had another name and another number before.
async fn with_ottilie(suite: &mut Suite) {
    fill(suite, "ott", FORMER_NAME, FORMER_NUMBER, CRM_ID).await;
    suite.clock.advance(tenure_core::Span::from_days(1));
    let renamed = wire::Customer {
        display_name: NAME.into(),
        ..customer("ott")
    };
    suite.upsert(vec![renamed]).await.unwrap();
    let moved = line("ott", "S-ott", NUMBER, "2024-01-01");
    suite.subscribe(vec![moved]).await.unwrap();
}

pub(crate) fn erase(customer: &str) -> wire::EraseCustomerRequest {
    wire::EraseCustomerRequest {
        request_id: fresh(),
        customer_id: customer.into(),
        reason: "ART17".into(),
        requested_by: "agent-7".into(),
    }
}

pub(crate) async fn erased(suite: &Suite, customer: &str) -> wire::Erasure {
    let erased = privacy(suite).erase_customer(erase(customer)).await;
    let id = erased.unwrap().into_inner().erasure.unwrap().erasure_id;
    run(suite).await;
    get(suite, &id).await.unwrap()
}

pub(crate) async fn run(suite: &Suite) -> (i32, i32) {
    let request = wire::RunErasuresRequest {};
    let ran = privacy(suite).run_erasures(request).await.unwrap();
    let ran = ran.into_inner();
    (ran.step_count, ran.running_count)
}

pub(crate) async fn get(suite: &Suite, id: &str) -> Result<wire::Erasure, Status> {
    let request = wire::GetErasureRequest {
        erasure_id: id.into(),
    };
    let got = privacy(suite).get_erasure(request).await?;
    Ok(got.into_inner().erasure.unwrap())
}

/// Returns everything that the database holds, as bytes: its files, or on PostgreSQL its tables.
pub(crate) async fn everything(db: &Db) -> Vec<u8> {
    let Pools::Postgres(pool) = db.pools() else {
        let file = db.file().unwrap();
        let mut all = Vec::new();
        for entry in std::fs::read_dir(file.parent().unwrap()).unwrap() {
            all.extend(std::fs::read(entry.unwrap().path()).unwrap());
        }
        return all;
    };
    let tables = "SELECT tablename::TEXT FROM pg_tables WHERE schemaname = 'public'";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(pool).await.unwrap();
    let mut all = String::new();
    for table in tables {
        let rows = sqlx::AssertSqlSafe(format!("SELECT t::TEXT FROM {table} AS t"));
        let rows: Vec<String> = sqlx::query_scalar(rows).fetch_all(pool).await.unwrap();
        all += &rows.join("\n");
    }
    all.into_bytes()
}

fn holds(all: &[u8], text: &str) -> bool {
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    let finds = |needle: &str| all.windows(needle.len()).any(|it| it == needle.as_bytes());
    finds(text) || finds(&hex)
}

#[tokio::test]
async fn no_byte_of_an_erased_person_is_left_and_nobody_else_is_touched() {
    each_backend(&MIGRATIONS, async |db| {
        let mut suite = Suite::new(db.clone());
        // Others around her, so that pages are split and filled, and one much like her.
        for part in 0..3 {
            let id = |number| format!("C{:05}", number * 3 + part);
            let others = (0..600).map(|number| wire::Customer {
                display_name: format!("Nobody {number}"),
                ..customer(&id(number))
            });
            suite.upsert(others.collect()).await.unwrap();
            if part == 1 {
                with_ottilie(&mut suite).await;
            }
        }
        fill(&mut suite, "ot", "Ottokar", "+999777888999", "crm-ottokar").await;
        let ottokar = |suite: &Suite| export(suite.transport.clone(), "ot");
        let before = ottokar(&suite).await;
        let told = told_of(&mut suite, "ot").await;
        // Nothing personal lies open even before, so that the search is tried with a key.
        let hers = ["S-ott", "B-ott", "I-ott", "T-ott"];
        let full = everything(&db).await;
        let missing = hers.iter().find(|text| !holds(&full, text));
        assert_eq!(missing, None, "the search finds what is there");

        let erasure = erased(&suite, "ott").await;

        assert_eq!(erasure.state(), State::Completed);
        let steps: Vec<_> = erasure.receipts.iter().map(|it| it.step.as_str()).collect();
        for step in [
            "records",
            "suppression",
            "values",
            "feed",
            "answers",
            "files",
        ] {
            assert!(steps.contains(&step), "{step} of {steps:?}");
        }
        let all = everything(&db).await;
        let left: Vec<_> = TRACES
            .iter()
            .chain(&hers)
            .filter(|text| holds(&all, text))
            .collect();
        assert!(left.is_empty(), "{left:?} are left");
        assert_eq!(ottokar(&suite).await, before);
        assert_eq!(told_of(&mut suite, "ot").await, told);
        erased(&suite, "ot").await;
        let all = everything(&db).await;
        let left: Vec<_> = TRACES.iter().filter(|text| holds(&all, text)).collect();
        assert!(left.is_empty(), "{left:?} are left");
    })
    .await;
}

async fn export(transport: Transport, customer: &str) -> Vec<wire::ExportedRow> {
    let request = wire::ExportCustomerRequest {
        customer_id: customer.into(),
        page_size: 1_000,
        page_token: String::new(),
    };
    let mut client = PrivacyServiceClient::new(transport);
    let page = client.export_customer(request).await.unwrap();
    page.into_inner().rows
}

async fn told_of(suite: &mut Suite, customer: &str) -> Vec<wire::Change> {
    let changes = suite.changes().await.into_iter();
    changes.filter(|it| it.customer_id == customer).collect()
}

#[tokio::test]
async fn the_feed_tells_the_erasure_and_nothing_of_before() {
    each_suite(async |mut suite| {
        with_ottilie(&mut suite).await;
        assert!(told_of(&mut suite, "ott").await.len() > 6);

        let erasure = erased(&suite, "ott").await;

        let mut told = told_of(&mut suite, "ott").await;
        let last = told.pop().unwrap();
        let expected = Fact::Erasure(wire::Erased {
            erasure_id: erasure.erasure_id,
            customer_id: "ott".into(),
        });
        assert_eq!(last.fact, Some(expected));
        let empty = wire::Change {
            customer_id: "ott".into(),
            ..Default::default()
        };
        assert!(told.iter().all(|change| *change == empty));
    })
    .await;
}

#[tokio::test]
async fn a_customer_that_is_one_with_others_is_erased_after_the_merge_was_undone() {
    each_suite(async |mut suite| {
        with_ottilie(&mut suite).await;
        suite.upsert(vec![customer("web")]).await.unwrap();
        let merged = suite.merge("ott", &["web"]).await.unwrap();
        for member in ["ott", "web"] {
            let refused = privacy(&suite).erase_customer(erase(member)).await;
            let refused = refused.unwrap_err();
            assert_code(&refused, Code::FailedPrecondition, "CUSTOMER_MERGED");
        }
        suite.unmerge(&merged.merge_id).await.unwrap();

        assert_eq!(erased(&suite, "ott").await.state(), State::Completed);

        let request = wire::ListMergeLinksRequest {
            customer_id: "web".into(),
            ..Default::default()
        };
        let left = suite.identity().list_merge_links(request).await.unwrap();
        assert_eq!(left.into_inner().links, []);
        assert_eq!(suite.get("web").await.customer_id, "web");
    })
    .await;
}

#[tokio::test]
async fn what_was_erased_is_free_for_others() {
    each_suite(async |mut suite| {
        with_ottilie(&mut suite).await;
        erased(&suite, "ott").await;
        let missing = suite.client.get_customer(wire::GetCustomerRequest {
            customer_id: "ott".into(),
        });
        assert_code(
            &missing.await.unwrap_err(),
            Code::NotFound,
            "CUSTOMER_NOT_FOUND",
        );

        let mut suite = suite.with_customers(&["bob"]).await;
        let lines = vec![
            line("bob", "S-ott", NUMBER, "2024-06-01"),
            line("bob", "S-2", FORMER_NUMBER, "2024-01-01"),
        ];
        let taken = suite.subscribe(lines).await.unwrap();

        assert_eq!(taken.created_count, 2);
    })
    .await;
}

/// Tries to take in a customer, and tells by what it was recognised.
async fn matched(suite: &mut Suite, new: wire::Customer) -> Option<String> {
    let refused = suite.upsert(vec![new]).await.err()?;
    assert_code(&refused, Code::FailedPrecondition, "CUSTOMER_ERASED");
    tenure_rpc::status::metadata(&refused, "matched")
}

#[tokio::test]
async fn an_erased_person_is_recognised_until_somebody_lets_them_come_back() {
    each_suite(async |mut suite| {
        with_ottilie(&mut suite).await;
        let erasure = erased(&suite, "ott").await;
        let named = |id: &str, name: &str, birth: &str| wire::Customer {
            display_name: name.into(),
            attributes: vec![text("birth_date", birth)],
            ..customer(id)
        };
        let in_crm = wire::Customer {
            external_ids: vec![external("crm", &CRM_ID.to_uppercase())],
            ..customer("new-1")
        };
        let same = "wildgruber, OTTILIE";

        assert_eq!(
            matched(&mut suite, customer("ott")).await.unwrap(),
            "CUSTOMER_ID"
        );
        assert_eq!(
            matched(&mut suite, in_crm.clone()).await.unwrap(),
            "EXTERNAL_ID"
        );
        let renamed = named("new-2", same, "17.03.1951");
        assert_eq!(
            matched(&mut suite, renamed).await,
            None,
            "the digits stand otherwise"
        );
        let renamed = named("new-3", same, "1951/03/17");
        assert_eq!(
            matched(&mut suite, renamed).await.unwrap(),
            "NAME_AND_BIRTH"
        );
        assert_eq!(
            matched(&mut suite, named("new-4", same, "1951-03-18")).await,
            None
        );
        assert_eq!(
            matched(&mut suite, named("new-5", "Otto", BIRTH)).await,
            None
        );

        let lift = wire::LiftSuppressionRequest {
            request_id: fresh(),
            erasure_id: erasure.erasure_id,
        };
        let lifted = privacy(&suite).lift_suppression(lift).await.unwrap();
        assert_eq!(lifted.into_inner().fingerprint_count, 4);
        assert_eq!(matched(&mut suite, customer("ott")).await, None);
        assert_eq!(matched(&mut suite, in_crm).await, None);
    })
    .await;
}

#[tokio::test]
async fn a_file_brings_no_erased_person_back_but_the_next_holder_of_the_number() {
    each_suite(async |mut suite| {
        let crm = wire::Customer {
            display_name: NAME.into(),
            ..customer("X1")
        };
        suite.upsert(vec![crm]).await.unwrap();
        let mobile = line("X1", "S1", "+999000001", "2024-01-01");
        suite.subscribe(vec![mobile]).await.unwrap();
        erased(&suite, "X1").await;
        let mut sample = Sample::new(format!(
            "id,name,number\nN1,{NAME},+999000001\nN2,Somebody,+999000001\n"
        ));
        sample.mapping = r#"
            snapshot = "2024-10-01"
            [customer]
            customer_id = { column = "id" }
            kind = { constant = "INDIVIDUAL" }
            display_name = { column = "name" }
            [[subscriptions]]
            subscription_id = { template = "{id}-{row}" }
            service = { constant = "MOBILE" }
            product_code = { constant = "BASIC" }
            msisdn = { column = "number" }
            start_time = { constant = 1, before_snapshot = "months" }
        "#
        .into();

        let summary = sample.run(&suite).await.unwrap();

        assert_eq!(counts(&summary.import), (1, 1));
        let rejects = sample.rejects();
        assert!(rejects.contains("a person who was not erased"), "{rejects}");
        assert!(!rejects.contains("Somebody"), "{rejects}");
    })
    .await;
}

#[tokio::test]
async fn a_repeat_of_an_old_request_does_not_bring_the_customer_back() {
    each_suite(async |mut suite| {
        let request = wire::CreateCustomerRequest {
            request_id: fresh(),
            customer: Some(wire::Customer {
                display_name: NAME.into(),
                ..customer("ott")
            }),
        };
        suite.client.create_customer(request.clone()).await.unwrap();
        erased(&suite, "ott").await;

        let again = suite.client.create_customer(request).await.unwrap_err();

        assert_code(&again, Code::InvalidArgument, "REQUEST_ID_REUSED");
    })
    .await;
}
