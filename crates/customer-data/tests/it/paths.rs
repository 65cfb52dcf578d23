//! Two ways to the same data: a file, or the same facts by one RPC after the other. Both end with the same
//! rows in every table.

use tenure_core::Span;
use tenure_customer_data::MIGRATIONS;
use tenure_customer_data::import::{Line, Lines, Mapping, Plan};
use tenure_proto::customer::v1 as wire;
use tenure_sql::{Db, DbOptions, with_tx};
use tenure_testkit::{assert_reason, fresh_postgres, fresh_sqlite};

use crate::erasure::erased;
use crate::sample::{Sample, counts};
use crate::suite::*;
use crate::tables::digests;

const MAPPING: &str = r#"
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
    note = { column = "note" }

    [[subscriptions]]
    subscription_id = { template = "{id}-M" }
    service = { constant = "MOBILE" }
    product_code = { constant = "BASIC" }
    msisdn = { column = "number" }
    start_time = { constant = 3, before_snapshot = "months" }
    monthly_fee = { column = "fee" }

    [subscriptions.termination]
    when = { column = "left" }
    terminate_time = { column = "left" }
    churn_kind = { constant = "UNSTATED" }

    [[bills]]
    bill_id = { template = "{id}-B" }
    issue_time = { constant = "2024-09-02" }
    due_time = { constant = "2024-09-22" }
    amount = { column = "fee" }
    state = { column = "paid on", values = { "2024-09-20" = "SETTLED" }, blank = "SENT" }
    settle_time = { column = "paid on" }
    paid_amount = { column = "paid" }

    [[usage_summaries]]
    period = { constant = "MONTH" }
    start_time = { constant = "2024-09-01" }
    voice_seconds = { column = "age" }
    data_megabytes = { constant = 7 }
    sms_count = { constant = 0 }

    [[interactions]]
    when = { column = "complaint" }
    interaction_id = { template = "{id}-C" }
    event_time = { column = "complaint" }
    channel = { constant = "CALL_CENTRE" }
    direction = { constant = "INBOUND" }
    kind = { constant = "COMPLAINT" }
    reason = { constant = "PRICE" }
"#;
const HEADER: &str = "id,name,crm,age,note,number,fee,left,paid on,paid,complaint\n";
/// Customers of the first file. More than a set of rows needs to be copied, and so are the new ones of the
/// second file, which holds all of them.
pub(crate) const FIRST: u32 = 90;
pub(crate) const SECOND: u32 = 150;
/// Comes with both files, and is erased between them.
const ERASED: u32 = 40;

/// A row about a customer. In the second file some are as they were, others changed in every table.
fn row(number: u32, file: u32) -> String {
    let is_new = file == 2 && !number.is_multiple_of(5);
    let (name, fee, paid) = match (is_new, number % 2) {
        (false, _) => (format!("Name\\{number}"), "19.90", ","),
        (true, 0) => (format!("Né \u{1f4de} {number}"), "19.90", "2024-09-20,9.90"),
        (true, _) => (String::new(), "29.90", ","),
    };
    let left = if is_new && number.is_multiple_of(7) {
        "2024-12-01"
    } else {
        ""
    };
    let complaint = if number.is_multiple_of(3) {
        "2024-09-15"
    } else {
        ""
    };
    let crm = if is_new { number + 1_000 } else { number };
    let note = format!("\"a {number},\t\\N\n\\.\n\"");
    format!(
        "C{number},{name},{crm},{},{note},+99911{number:04},{fee},{left},{paid},{complaint}\n",
        number % 90
    )
}

pub(crate) fn file(number: u32) -> Sample {
    let customers = if number == 1 { FIRST } else { SECOND };
    let rows = (0..customers).map(|customer| row(customer, number));
    let mut sample = Sample::new(format!("{HEADER}{}", rows.collect::<String>()));
    sample.mapping = MAPPING.into();
    sample
}

/// Returns what the mapping makes of a file.
fn records(sample: &Sample) -> Vec<wire::ImportRecord> {
    let names: Vec<String> = HEADER.trim().split(',').map(str::to_owned).collect();
    let plan = Plan::compile(&Mapping::parse(MAPPING).unwrap(), &names).unwrap();
    let mut lines = Lines::new(sample.bytes.as_slice(), b',', 1_000, (0, 0));
    let mut records = Vec::new();
    lines.next_line().unwrap();
    while let Some(line) = lines.next_line().unwrap() {
        let Line::Row(row) = line else {
            panic!("the rows are good");
        };
        records.push(plan.read(1, &row).unwrap());
    }
    records
}

/// Takes in a record by one RPC for each kind of fact; false when the service refuses the customer.
async fn call(suite: &mut Suite, record: wire::ImportRecord) -> bool {
    let whose = record.customer.clone().unwrap().customer_id;
    if let Err(status) = suite.upsert(vec![record.customer.unwrap()]).await {
        assert_reason(&status, "CUSTOMER_ERASED");
        return false;
    }
    let (mut lines, mut bills) = (record.subscriptions, record.bills);
    let (mut usage, mut contacts) = (record.usage_summaries, record.interactions);
    lines
        .iter_mut()
        .for_each(|it| it.customer_id.clone_from(&whose));
    bills
        .iter_mut()
        .for_each(|it| it.customer_id.clone_from(&whose));
    usage
        .iter_mut()
        .for_each(|it| it.customer_id.clone_from(&whose));
    contacts
        .iter_mut()
        .for_each(|it| it.customer_id.clone_from(&whose));
    suite.subscribe(lines).await.unwrap();
    suite.bill(bills).await.unwrap();
    let usage = wire::BatchUpsertUsageSummariesRequest {
        request_id: fresh(),
        usage_summaries: usage,
    };
    suite
        .client
        .batch_upsert_usage_summaries(usage)
        .await
        .unwrap();
    if !contacts.is_empty() {
        let contacts = wire::BatchUpsertInteractionsRequest {
            request_id: fresh(),
            interactions: contacts,
        };
        suite
            .client
            .batch_upsert_interactions(contacts)
            .await
            .unwrap();
    }
    true
}

async fn by_file(suite: &Suite, number: u32) -> i64 {
    let sample = file(number);
    let summary = sample.run(suite).await.unwrap();
    let (accepted, refused) = counts(&summary.import);
    let told = sample.rejects();
    assert_eq!(
        told.contains("a person who was not erased"),
        refused > 0,
        "{told}"
    );
    assert_eq!(refused, i64::from(number == 2), "{told}");
    accepted
}

async fn by_calls(suite: &mut Suite, number: u32) -> i64 {
    let sample = file(number);
    // Takes an id from the service as an import does, so that all later ones are equal.
    let job = sample.job();
    let request = wire::CreateImportRequest {
        request_id: fresh(),
        source_name: job.source_name,
        content_digest: job.content_digest,
        mapping_digest: Mapping::digest(&job.mapping),
    };
    suite.client.create_import(request).await.unwrap();
    let mut accepted = 0;
    for record in records(&sample) {
        accepted += i64::from(call(suite, record).await);
    }
    accepted
}

/// The tables of a database, as far as both ways have to agree about them.
async fn comparable(db: &Db) -> std::collections::BTreeMap<String, String> {
    // By which file a customer came is what only an import knows.
    let mut tx = db.begin().await.unwrap();
    let forget = "UPDATE customer SET import_id = NULL, import_line = NULL";
    with_tx!(&mut tx, |conn| {
        sqlx::query(forget).execute(conn).await.unwrap();
    });
    tx.commit().await.unwrap();
    let mut tables = digests(db).await;
    // What an import changed is kept for it alone, and receipts of erasures count those rows.
    for own in ["answer", "import", "import_undo", "erasure_receipt"] {
        tables.remove(own).unwrap();
    }
    // Each database has a key of its own for the fingerprints: their number has to be the same.
    let prints = tables.get_mut("suppression").unwrap();
    *prints = prints.split(',').next().unwrap().to_owned();
    tables
}

async fn both_ways_end_equal(one: Db, other: Db) {
    let (filed, mut called) = (Suite::new(one.clone()), Suite::new(other.clone()));
    let told = by_file(&filed, 1).await;
    assert_eq!(told, i64::from(FIRST));
    assert_eq!(by_calls(&mut called, 1).await, told);
    for suite in [&filed, &called] {
        suite.clock.advance(Span::from_seconds(60));
        erased(suite, &format!("C{ERASED}")).await;
        suite.clock.advance(Span::from_seconds(60));
    }

    let told = by_file(&filed, 2).await;
    assert_eq!(told, i64::from(SECOND) - 1);
    assert_eq!(by_calls(&mut called, 2).await, told);

    let (filed, called) = (comparable(&one).await, comparable(&other).await);
    for table in [
        "customer",
        "subscription",
        "bill",
        "usage_summary",
        "msisdn",
        "external_id",
    ] {
        let rows = format!("{} rows", SECOND - 1);
        assert!(filed[table].starts_with(&rows), "{table}: {}", filed[table]);
    }
    assert_eq!(filed, called);
}

#[tokio::test]
async fn a_file_and_calls_leave_the_same_rows_on_sqlite() {
    let options = DbOptions::default();
    fresh_sqlite(&MIGRATIONS, &options, async |one| {
        let one = &one;
        fresh_sqlite(&MIGRATIONS, &options, async |other| {
            both_ways_end_equal(one.clone(), other).await;
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_file_and_calls_leave_the_same_rows_on_postgresql() {
    let options = DbOptions::default();
    fresh_postgres(&MIGRATIONS, &options, async |one| {
        let one = &one;
        fresh_postgres(&MIGRATIONS, &options, async |other| {
            both_ways_end_equal(one.clone(), other).await;
        })
        .await;
    })
    .await;
}
