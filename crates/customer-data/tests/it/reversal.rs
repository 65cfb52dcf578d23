//! Taking whole imports back: the record is as if the file had never come.

use std::collections::BTreeMap;

use tenure_core::Span;
use tenure_core::hash::mix64;
use tenure_customer_data::MIGRATIONS;
use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::change::Fact;
use tenure_proto::customer::v1::import_reversal_service_client::ImportReversalServiceClient;
use tenure_rpc::Transport;
use tenure_sql::{Db, DbOptions, with_tx};
use tenure_testkit::{assert_code, fresh_postgres, fresh_sqlite};
use tonic::{Code, Status};

use crate::sample::{Sample, counts};
use crate::suite::*;
use crate::tables::digests;

pub(crate) const MAPPING: &str = r#"
    snapshot = "2024-10-01"
    currency = "EUR"

    [customer]
    customer_id = { column = "id" }
    kind = { constant = "INDIVIDUAL" }
    display_name = { column = "name" }

    [customer.external_ids]
    crm = { column = "crm" }

    [attributes]
    age = { column = "age", type = "integer" }

    [[subscriptions]]
    when = { column = "sub" }
    subscription_id = { template = "{id}-{sub}" }
    service = { constant = "MOBILE" }
    product_code = { constant = "BASIC" }
    msisdn = { column = "number" }
    start_time = { constant = 3, before_snapshot = "months" }
    monthly_fee = { column = "fee" }

    [[bills]]
    when = { column = "bill" }
    bill_id = { template = "{id}-{bill}" }
    issue_time = { constant = "2024-09-02" }
    due_time = { constant = "2024-09-22" }
    amount = { column = "fee" }
    state = { constant = "SENT" }

    [[usage_summaries]]
    when = { column = "calls" }
    period = { constant = "MONTH" }
    start_time = { constant = "2024-09-01" }
    voice_seconds = { column = "calls" }
    data_megabytes = { constant = 7 }
    sms_count = { constant = 0 }

    [[interactions]]
    when = { column = "contact" }
    interaction_id = { template = "{id}-{contact}" }
    event_time = { constant = "2024-09-15" }
    channel = { constant = "CALL_CENTRE" }
    direction = { constant = "INBOUND" }
    kind = { constant = "COMPLAINT" }
    reason = { column = "name" }
"#;
const HEADER: &str = "id,name,crm,age,sub,number,fee,bill,calls,contact\n";

/// A file of these rows.
pub(crate) fn file(rows: &str) -> Sample {
    let mut sample = Sample::new(format!("{HEADER}{rows}"));
    sample.mapping = MAPPING.into();
    sample
}

pub(crate) fn reversals(suite: &Suite) -> ImportReversalServiceClient<Transport> {
    ImportReversalServiceClient::new(suite.transport.clone())
}

/// Begins to take an import back.
pub(crate) async fn revert(suite: &Suite, id: &str) -> Result<wire::ImportReversal, Status> {
    let request = wire::RevertImportRequest {
        request_id: fresh(),
        import_id: id.into(),
        give_up_running: false,
    };
    let answer = reversals(suite).revert_import(request).await?;
    Ok(answer.into_inner().import_reversal.unwrap())
}

/// Goes on by some steps.
pub(crate) async fn go_on(suite: &Suite, id: &str, steps: i32) -> wire::ImportReversal {
    let request = wire::RunImportReversalRequest {
        import_id: id.into(),
        step_limit: steps,
    };
    let answer = reversals(suite).run_import_reversal(request).await.unwrap();
    answer.into_inner().import_reversal.unwrap()
}

/// Takes an import back to the end.
pub(crate) async fn reverted(suite: &Suite, id: &str) -> wire::ImportReversal {
    revert(suite, id).await.unwrap();
    loop {
        let reversal = go_on(suite, id, 7).await;
        if reversal.state() == wire::ImportState::Reverted {
            return reversal;
        }
    }
}

/// The tables, but for what tells of imports, of the feed and of answers. Versions of customers do not
/// come again, so they are left out too.
async fn comparable(db: &Db) -> BTreeMap<String, String> {
    let mut tx = db.begin().await.unwrap();
    with_tx!(&mut tx, |conn| {
        let alike = sqlx::query("UPDATE customer SET version = 0");
        alike.execute(conn).await.unwrap();
    });
    tx.commit().await.unwrap();
    let mut tables = digests(db).await;
    for own in ["answer", "import", "import_reversal", "change", "lane"] {
        tables.remove(own).unwrap();
    }
    tables
}

/// Random rows about customers, of whom the second file knows some and claims numbers and names that others
/// have, or had until an earlier row of the same file.
fn rows(seed: u64, second: bool) -> String {
    let mut state = seed.wrapping_mul(2).wrapping_add(u64::from(second));
    let mut next = |below: u64| {
        state = mix64(state.wrapping_add(0x9e37_79b9_7f4a_7c15));
        state % below
    };
    let mut text = String::new();
    for customer in 0..60 {
        if next(3) == 0 {
            continue;
        }
        let maybe = |some: String, is: bool| if is { some } else { String::new() };
        let line = maybe(format!("L{}", next(2)), next(4) > 0);
        let number = maybe(format!("+99911{:04}", next(70)), next(4) > 0);
        let bill = maybe(format!("B{}", next(2)), next(2) == 0);
        let calls = maybe(format!("{}", next(3)), next(2) == 0);
        let contact = maybe(format!("I{}", next(2)), next(3) == 0);
        let crm = maybe(format!("{}", next(90)), next(4) > 0);
        let (name, age, fee) = (next(3), next(2), next(3));
        text.push_str(&format!(
            "C{customer},N{name},{crm},{age},{line},{number},1{fee}.00,{bill},{calls},{contact}\n"
        ));
    }
    text
}

async fn base(suite: &Suite, seed: u64) {
    file(&rows(seed, false)).run(suite).await.unwrap();
    suite.clock.advance(Span::from_seconds(60));
}

/// Takes in a base in both databases, in one of them a second file too, which is taken back.
async fn is_as_before(seed: u64, one: &Db, other: Db) {
    let (untouched, suite) = (Suite::new(one.clone()), Suite::new(other.clone()));
    base(&untouched, seed).await;
    base(&suite, seed).await;

    let second = file(&rows(seed, true));
    let import = second.run(&suite).await.unwrap().import;
    let (accepted, _) = counts(&import);
    assert!(accepted > 10, "{seed}: {accepted}");
    suite.clock.advance(Span::from_seconds(60));
    let reversal = reverted(&suite, &import.import_id).await;

    assert_eq!(reversal.conflict_count, 0, "seed {seed}");
    let looked_at = reversal.removed_customer_count + reversal.restored_customer_count;
    assert_eq!(looked_at, accepted, "seed {seed}");
    assert_eq!(comparable(one).await, comparable(&other).await, "{seed}");
}

#[tokio::test]
async fn after_a_reversal_everything_is_as_before_on_sqlite() {
    for seed in 0..20 {
        let options = DbOptions::default();
        fresh_sqlite(&MIGRATIONS, &options, async |one| {
            let one = &one;
            fresh_sqlite(&MIGRATIONS, &options, async |other| {
                is_as_before(seed, one, other).await;
            })
            .await;
        })
        .await;
    }
}

#[tokio::test]
async fn after_a_reversal_everything_is_as_before_on_postgresql() {
    for seed in 20..24 {
        let options = DbOptions::default();
        fresh_postgres(&MIGRATIONS, &options, async |one| {
            let one = &one;
            fresh_postgres(&MIGRATIONS, &options, async |other| {
                is_as_before(seed, one, other).await;
            })
            .await;
        })
        .await;
    }
}

#[tokio::test]
async fn imports_are_taken_back_one_after_the_other() {
    let options = DbOptions::default();
    fresh_sqlite(&MIGRATIONS, &options, async |one| {
        let one = &one;
        fresh_sqlite(&MIGRATIONS, &options, async |other| {
            let (untouched, suite) = (Suite::new(one.clone()), Suite::new(other.clone()));
            base(&untouched, 1).await;
            base(&suite, 1).await;
            let second = file(&rows(1, true)).run(&suite).await.unwrap().import;
            suite.clock.advance(Span::from_seconds(60));
            let third = file(&rows(2, true)).run(&suite).await.unwrap().import;
            suite.clock.advance(Span::from_seconds(60));

            for import in [third, second] {
                let reversal = reverted(&suite, &import.import_id).await;
                assert_eq!(reversal.conflict_count, 0);
            }

            assert_eq!(comparable(one).await, comparable(&other).await);
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn two_who_go_on_at_once_do_each_step_once() {
    each_suite(async |mut suite| {
        let text: String = (0..1_200)
            .map(|n| format!("D{n},N,{n},1,,,,,,\n"))
            .collect();
        let import = file(&text).run(&suite).await.unwrap().import;
        revert(&suite, &import.import_id).await.unwrap();

        let id = import.import_id.as_str();
        let (one, other) =
            futures_util::future::join(reverted(&suite, id), reverted(&suite, id)).await;

        assert_eq!(one, other);
        assert_eq!(one.removed_customer_count, 1_200);
        let removed = suite.changes().await.into_iter().filter(|change| {
            matches!(&change.fact, Some(Fact::Removal(it)) if it.is_customer && it.import_id == id)
        });
        assert_eq!(removed.count(), 1_200);
    })
    .await;
}

#[tokio::test]
async fn the_feed_tells_what_is_gone_and_what_is_as_before() {
    each_suite(async |mut suite| {
        file("a,Ada,1,1,L0,+999000111,10.00,,5,\n")
            .run(&suite)
            .await
            .unwrap();
        suite.clock.advance(Span::from_seconds(60));
        let rows = "a,Eve,2,2,L1,+999000222,12.00,B1,9,I1\nb,Bob,1,1,L0,,1.00,,,\n";
        let import = file(rows).run(&suite).await.unwrap().import;
        suite.clock.advance(Span::from_seconds(60));
        let before = suite.changes().await;

        let reversal = reverted(&suite, &import.import_id).await;

        // In the order of each customer's commits, and of nothing else.
        let after = suite.changes().await;
        let of = |id: &str| -> Vec<Fact> {
            let is_own = |it: &&wire::Change| it.customer_id == id;
            let news = after.iter().filter(is_own);
            let news = news.skip(before.iter().filter(is_own).count());
            news.map(|it| it.fact.clone().unwrap()).collect()
        };
        let gone = wire::Removal {
            import_id: import.import_id.clone(),
            is_customer: true,
            ..Default::default()
        };
        assert_eq!(of("b"), [Fact::Removal(gone)]);
        let [
            Fact::UsageSummary(usage),
            Fact::Customer(ada),
            Fact::Removal(gone),
        ] = &of("a")[..]
        else {
            panic!("{:?}", of("a"));
        };
        assert_eq!(usage.voice_seconds, 5);
        assert_eq!(
            (ada.display_name.as_str(), &ada.external_ids[0].id),
            ("Ada", &"1".to_owned())
        );
        assert_eq!(gone.subscription_ids, ["a-L1"]);
        assert_eq!(
            (&gone.bill_ids[0], &gone.interaction_ids[0]),
            (&"a-B1".to_owned(), &"a-I1".to_owned())
        );
        assert!(!gone.is_customer && gone.usage_summaries.is_empty());
        assert_eq!(
            (
                reversal.removed_customer_count,
                reversal.restored_customer_count
            ),
            (1, 1)
        );
        assert_eq!(
            (reversal.removed_fact_count, reversal.restored_fact_count),
            (3, 2)
        );
        // What was read meanwhile cannot be written over what is there now.
        assert_eq!(suite.get("a").await, ada.clone());
        assert_ne!(ada.etag, "1");
    })
    .await;
}

#[tokio::test]
async fn a_reverted_file_is_taken_in_anew_by_an_import_of_its_own() {
    each_suite(async |suite| {
        let sample = file("a,Ada,1,1,,,,,,\nb,Bob,2,1,,,,,,\n");
        let first = sample.run(&suite).await.unwrap().import;
        let done = reverted(&suite, &first.import_id).await;
        assert_eq!((done.removed_customer_count, done.row_count), (2, 2));
        assert_eq!(
            revert(&suite, &first.import_id).await.unwrap(),
            done,
            "a second one"
        );

        let second = sample.run(&suite).await.unwrap();

        assert!(!second.was_complete);
        assert_ne!(second.import.import_id, first.import_id);
        assert_eq!(counts(&second.import), (2, 0));
        let again = sample.run(&suite).await.unwrap();
        assert!(again.was_complete);
        assert_eq!(again.import, second.import);
        let done = reverted(&suite, &second.import.import_id).await;
        assert_eq!(done.removed_customer_count, 2);
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_reverted_is_refused_and_says_why() {
    each_suite(async |mut suite| {
        let unknown = revert(&suite, &fresh()).await.unwrap_err();
        assert_code(&unknown, Code::NotFound, "IMPORT_NOT_FOUND");
        let sample = file("a,Ada,1,1,,,,,,\n");
        let job = sample.job();
        let request = wire::CreateImportRequest {
            request_id: fresh(),
            source_name: job.source_name.clone(),
            content_digest: job.content_digest.clone(),
            mapping_digest: tenure_customer_data::import::Mapping::digest(MAPPING),
        };
        let begun = suite.client.create_import(request.clone()).await.unwrap();
        let id = begun.into_inner().import.unwrap().import_id;

        let running = revert(&suite, &id).await.unwrap_err();
        assert_code(&running, Code::FailedPrecondition, "IMPORT_RUNNING");
        let ask = wire::GetImportReversalRequest {
            import_id: id.clone(),
        };
        let none = reversals(&suite).get_import_reversal(ask.clone()).await;
        assert_code(
            &none.unwrap_err(),
            Code::NotFound,
            "IMPORT_REVERSAL_NOT_FOUND",
        );
        let give_up = wire::RevertImportRequest {
            request_id: fresh(),
            import_id: id.clone(),
            give_up_running: true,
        };
        reversals(&suite).revert_import(give_up).await.unwrap();
        let told = reversals(&suite).get_import_reversal(ask).await.unwrap();
        let told = told.into_inner().import_reversal.unwrap();
        assert_eq!(told.state(), wire::ImportState::Reverting);

        // It takes in nothing more, and the file has to wait.
        let batch = wire::ApplyImportBatchRequest {
            request_id: fresh(),
            import_id: id.clone(),
            ..Default::default()
        };
        let refused = suite.client.apply_import_batch(batch).await.unwrap_err();
        assert_code(&refused, Code::FailedPrecondition, "IMPORT_REVERTED");
        let anew = wire::CreateImportRequest {
            request_id: fresh(),
            ..request
        };
        let refused = suite.client.create_import(anew).await.unwrap_err();
        assert_code(&refused, Code::FailedPrecondition, "IMPORT_REVERTED");

        reverted(&suite, &id).await;
        let import = sample.run(&suite).await.unwrap().import;
        suite.clock.advance(Span::from_days(31));
        let late = revert(&suite, &import.import_id).await.unwrap_err();
        assert_code(&late, Code::FailedPrecondition, "IMPORT_UNDO_EXPIRED");
        let steps = wire::RunImportReversalRequest {
            import_id: id,
            step_limit: 101,
        };
        let many = reversals(&suite).run_import_reversal(steps).await;
        assert_code(&many.unwrap_err(), Code::InvalidArgument, "INVALID_FIELDS");
    })
    .await;
}
