//! The RPCs of imports.

use tenure_proto::customer::v1 as wire;
use tenure_testkit::{assert_code, error_info};
use tonic::Code;

use crate::suite::*;

const CONTENT: &str = "1111111111111111111111111111111111111111111111111111111111111111";
const MAPPING: &str = "2222222222222222222222222222222222222222222222222222222222222222";

async fn begin(suite: &mut Suite) -> wire::Import {
    let request = wire::CreateImportRequest {
        request_id: fresh(),
        source_name: "file.csv".into(),
        content_digest: CONTENT.into(),
        mapping_digest: MAPPING.into(),
    };
    suite
        .client
        .create_import(request)
        .await
        .unwrap()
        .into_inner()
        .import
        .unwrap()
}

fn row(line: i64, id: &str) -> wire::ImportRecord {
    wire::ImportRecord {
        line,
        customer: Some(customer(id)),
        ..Default::default()
    }
}

fn batch(
    import: &wire::Import,
    number: i64,
    records: Vec<wire::ImportRecord>,
) -> wire::ApplyImportBatchRequest {
    wire::ApplyImportBatchRequest {
        request_id: fresh(),
        import_id: import.import_id.clone(),
        batch_number: number,
        done_bytes: 100 * (number + 1),
        done_lines: 10 * (number + 1),
        records,
        reader_reject_count: 0,
        last: false,
    }
}

fn rejected(answer: &wire::ApplyImportBatchResponse) -> Vec<(i64, &str, &str)> {
    answer
        .rejects
        .iter()
        .map(|r| (r.line, r.column.as_str(), r.found.as_str()))
        .collect()
}

#[tokio::test]
async fn the_same_file_with_the_same_mapping_is_the_same_import() {
    each_suite(async |mut suite| {
        let first = begin(&mut suite).await;
        let last = wire::ApplyImportBatchRequest {
            last: true,
            ..batch(&first, 0, Vec::new())
        };
        suite.client.apply_import_batch(last).await.unwrap();

        let again = begin(&mut suite).await;
        assert_eq!(again.import_id, first.import_id);
        assert_eq!(again.state, i32::from(wire::ImportState::Completed));
        let get = wire::GetImportRequest {
            import_id: first.import_id.clone(),
        };
        let got = suite
            .client
            .get_import(get)
            .await
            .unwrap()
            .into_inner()
            .import
            .unwrap();
        assert_eq!(got, again);

        let more = suite
            .client
            .apply_import_batch(batch(&first, 1, Vec::new()))
            .await;
        let more = more.unwrap_err();
        assert_code(&more, Code::FailedPrecondition, "IMPORT_COMPLETED");
        assert_eq!(error_info(&more).metadata["import_id"], first.import_id);

        let wrong = wire::CreateImportRequest {
            request_id: fresh(),
            ..Default::default()
        };
        let wrong = suite.client.create_import(wrong).await.unwrap_err();
        assert_eq!(
            fields(&wrong),
            ["source_name", "content_digest", "mapping_digest"]
        );
    })
    .await;
}

/// Rows of which the first and the last are good.
fn mixed_rows() -> Vec<wire::ImportRecord> {
    let own = |id: &str, number: &str| wire::Subscription {
        customer_id: String::new(),
        ..line("", id, number, "2024-01-01")
    };
    vec![
        wire::ImportRecord {
            subscriptions: vec![own("S2", "")],
            ..row(2, "a")
        },
        wire::ImportRecord {
            subscriptions: vec![own("S3", ""), own("S4", "+999111111")],
            ..row(3, "b")
        },
        wire::ImportRecord {
            bills: vec![sent("a", "B1", 0)],
            ..row(4, "c")
        },
        row(5, "a"),
        wire::ImportRecord {
            customer: None,
            ..row(6, "")
        },
        wire::ImportRecord {
            subscriptions: vec![own("S3", "")],
            ..row(7, "d")
        },
    ]
}

#[tokio::test]
async fn a_bad_row_is_rejected_alone_and_wholly() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["known"]).await;
        suite
            .subscribe(vec![line("known", "S1", "+999111111", "2024-01-01")])
            .await
            .unwrap();
        let import = begin(&mut suite).await;
        let request = wire::ApplyImportBatchRequest {
            reader_reject_count: 2,
            ..batch(&import, 0, mixed_rows())
        };

        let answer = suite
            .client
            .apply_import_batch(request.clone())
            .await
            .unwrap()
            .into_inner();

        assert_eq!(
            rejected(&answer),
            [
                (3, "subscriptions[1].msisdn", "a number in use"),
                (4, "bills[0].customer_id", "another customer"),
                (5, "customer.customer_id", "the customer of line 2"),
                (6, "customer", "nothing"),
            ]
        );
        let progress = answer.import.clone().unwrap();
        assert_eq!(
            (progress.accepted_row_count, progress.rejected_row_count),
            (2, 6)
        );
        assert_eq!((progress.done_bytes, progress.done_lines), (100, 10));
        assert_eq!(progress.next_batch_number, 1);
        assert_eq!(suite.subscriptions("d").await.len(), 1);
        let missing = wire::GetCustomerRequest {
            customer_id: "b".into(),
        };
        assert!(suite.client.get_customer(missing).await.is_err());

        let again = suite
            .client
            .apply_import_batch(request)
            .await
            .unwrap()
            .into_inner();
        assert_eq!(
            (again.rejects, again.import),
            (answer.rejects, answer.import)
        );
        assert!(again.replayed);
    })
    .await;
}

#[tokio::test]
async fn batches_come_in_order_and_a_customer_comes_once_in_a_file() {
    each_suite(async |mut suite| {
        let import = begin(&mut suite).await;
        let early = suite
            .client
            .apply_import_batch(batch(&import, 1, Vec::new()))
            .await;
        let early = early.unwrap_err();
        assert_code(&early, Code::Aborted, "IMPORT_BATCH_OUT_OF_ORDER");
        assert_eq!(error_info(&early).metadata["next_batch_number"], "0");

        suite
            .client
            .apply_import_batch(batch(&import, 0, vec![row(2, "a")]))
            .await
            .unwrap();
        let second = batch(&import, 1, vec![row(12, "b"), row(13, "a")]);
        let second = suite
            .client
            .apply_import_batch(second)
            .await
            .unwrap()
            .into_inner();
        assert_eq!(
            rejected(&second),
            [(13, "customer.customer_id", "the customer of line 2")]
        );

        let back = wire::ApplyImportBatchRequest {
            done_bytes: 1,
            done_lines: 1,
            ..batch(&import, 2, Vec::new())
        };
        let back = suite.client.apply_import_batch(back).await.unwrap_err();
        assert_eq!(fields(&back), ["done_bytes", "done_lines"]);
        let unknown = wire::Import {
            import_id: fresh(),
            ..Default::default()
        };
        let unknown = suite
            .client
            .apply_import_batch(batch(&unknown, 0, Vec::new()))
            .await;
        assert_code(&unknown.unwrap_err(), Code::NotFound, "IMPORT_NOT_FOUND");
        let many = (0..5_001).map(|n| row(n + 2, "x")).collect();
        let many = suite
            .client
            .apply_import_batch(batch(&import, 2, many))
            .await
            .unwrap_err();
        assert_eq!(fields(&many), ["records"]);
    })
    .await;
}

#[tokio::test]
async fn imports_are_listed_newest_first() {
    each_suite(async |mut suite| {
        for number in 0..3 {
            let request = wire::CreateImportRequest {
                request_id: fresh(),
                source_name: format!("{number}.csv"),
                content_digest: format!("{number:064}"),
                mapping_digest: MAPPING.into(),
            };
            suite.client.create_import(request).await.unwrap();
            suite.clock.advance(tenure_core::Span::from_seconds(1));
        }

        let mut request = wire::ListImportsRequest {
            page_size: 2,
            ..Default::default()
        };
        let first = suite
            .client
            .list_imports(request.clone())
            .await
            .unwrap()
            .into_inner();
        request.page_token.clone_from(&first.next_page_token);
        let second = suite
            .client
            .list_imports(request)
            .await
            .unwrap()
            .into_inner();

        let names = first
            .imports
            .iter()
            .chain(&second.imports)
            .map(|i| i.source_name.as_str());
        assert_eq!(names.collect::<Vec<_>>(), ["2.csv", "1.csv", "0.csv"]);
        assert!(second.next_page_token.is_empty());
    })
    .await;
}
