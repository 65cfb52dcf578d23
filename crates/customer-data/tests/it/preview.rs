//! What an import would do, told before it does it.

use tenure_customer_data::MIGRATIONS;
use tenure_customer_data::import::Counts;
use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::import_service_client::ImportServiceClient;
use tenure_testkit::{assert_code, each_backend};
use tonic::Code;

use crate::paths::{FIRST, SECOND, file};
use crate::sample::{Sample, counts};
use crate::suite::*;
use crate::tables::digests;

/// The customers of both files whom the second one changes.
fn changed() -> impl Iterator<Item = u32> {
    (0..FIRST).filter(|number| !number.is_multiple_of(5))
}

/// Returns how many of the customers whom the second file changes are of a kind.
fn how_many(of_kind: impl Fn(u32) -> bool) -> i64 {
    i64::try_from(changed().filter(|number| of_kind(*number)).count()).unwrap()
}

fn is_odd(number: u32) -> bool {
    !number.is_multiple_of(2)
}

#[tokio::test]
async fn a_preview_tells_what_the_import_would_do_and_writes_nothing() {
    each_backend(&MIGRATIONS, async |db| {
        let suite = Suite::new(db.clone());
        file(1).run(&suite).await.unwrap();
        let before = digests(&db).await;
        let sample = file(2);

        let (told, _, differing) = sample.preview(&suite, 10).await;

        assert_eq!(digests(&db).await, before);
        assert_eq!(
            (told.accepted_rows, told.rejected_rows),
            (i64::from(SECOND), 0)
        );
        let (known, all) = (i64::from(FIRST), i64::from(SECOND));
        let expected = |known: i64, created: i64, updated: i64| Counts {
            created,
            updated,
            unchanged: known - updated,
        };
        let has_other_line = |number: u32| is_odd(number) || number.is_multiple_of(7);
        let third = |customers: i64| customers / 3;
        let everybody = how_many(|_| true);
        let facts = [
            ("bill", expected(known, all - known, everybody)),
            ("customer", expected(known, all - known, everybody)),
            (
                "interaction",
                expected(third(known), third(all) - third(known), 0),
            ),
            (
                "subscription",
                expected(known, all - known, how_many(has_other_line)),
            ),
            ("usage_summary", expected(known, all - known, 0)),
        ];
        let facts = facts.map(|(kind, counts)| (kind.to_owned(), counts));
        assert_eq!(told.facts, facts.into());
        let field = |kind: &str, field: &str| told.fields[&(kind.to_owned(), field.to_owned())];
        assert_eq!(field("customer", "external_ids.crm"), everybody);
        assert_eq!(
            field("subscription", "monthly_fee.amount_minor"),
            how_many(is_odd)
        );
        assert_eq!(field("bill", "state"), everybody - how_many(is_odd));
        let lines: Vec<&str> = differing.lines().collect();
        assert_eq!((lines.len(), told.differences), (11, 10));
        // The rows have three lines each; the first one is as it was.
        assert_eq!(lines[1], "5,customer,C1,external_ids.crm,1,1001");

        let summary = sample.run(&suite).await.unwrap();
        assert_eq!(
            counts(&summary.import),
            (told.accepted_rows, told.rejected_rows)
        );
        let (again, ..) = sample.preview(&suite, 0).await;
        assert!(again.fields.is_empty(), "{again:?}");
        let is_known = |counts: &Counts| counts.created + counts.updated == 0;
        assert!(again.facts.values().all(is_known), "{again:?}");
    })
    .await;
}

/// More rows than a batch, with some that the reader refuses and some that the service does.
fn mixed() -> Sample {
    let mut rows = String::new();
    for number in 0..2_500 {
        let id = match number {
            // The first of both is refused, so that the other one is not the second.
            7 | 2_300 => "R".to_owned(),
            // The second in the same batch, and in another.
            40 | 2_400 => "C1".to_owned(),
            50 => "no id".to_owned(),
            _ => format!("C{number}"),
        };
        let tenure = if number == 7 { "x" } else { "3" };
        rows.push_str(&format!("{id},p,,,{},,{tenure},,No,\n", number % 90));
    }
    Sample::rows(&rows)
}

#[tokio::test]
async fn a_preview_refuses_the_rows_that_the_import_refuses() {
    each_backend(&MIGRATIONS, async |db| {
        let suite = Suite::new(db);
        let sample = mixed();

        let (told, refused, differing) = sample.preview(&suite, 10).await;

        assert_eq!((told.accepted_rows, told.rejected_rows), (2_496, 4));
        assert_eq!(differing, "line,kind,customer,field,before,after\n");
        assert!(refused.contains("the customer of line 3"), "{refused}");
        let summary = sample.run(&suite).await.unwrap();
        assert_eq!(counts(&summary.import), (2_496, 4));
        assert_eq!(sample.rejects(), refused);
    })
    .await;
}

#[tokio::test]
async fn a_preview_of_too_much_is_refused() {
    each_suite(async |suite| {
        let mut imports = ImportServiceClient::new(suite.transport.clone());
        let request = wire::PreviewImportBatchRequest {
            records: vec![wire::ImportRecord::default(); 5_001],
            difference_limit: 1_001,
        };

        let refused = imports.preview_import_batch(request).await.unwrap_err();

        assert_code(&refused, Code::InvalidArgument, "INVALID_FIELDS");
        assert_eq!(fields(&refused), ["records", "difference_limit"]);
    })
    .await;
}
