//! What becomes of a customer whom customer-data erased.

use tenure_proto::customer::v1::{Change, Erased, RecordErasureReceiptRequest, Removal, change};
use tenure_proto::scoring::v1 as scoring;
use tenure_testkit::assert_code;
use tonic::Code;

use crate::suite::{Suite, at, complaint, customer, each, subscription};

const TABLES: [&str; 3] = ["customer_state", "score", "stage_interval"];

fn erasure(customer_id: &str) -> Change {
    let erased = Erased {
        erasure_id: "E1".into(),
        customer_id: customer_id.into(),
    };
    crate::suite::change(customer_id, at("2024-05-01"), change::Fact::Erasure(erased))
}

/// Returns how many rows each table has of a customer.
async fn rows(suite: &Suite, id: &str) -> Vec<i64> {
    let mut counts = Vec::new();
    for table in TABLES {
        let sql = format!("SELECT COUNT(*) FROM {table} WHERE customer_id = $1");
        let sql = sqlx::AssertSqlSafe(sql);
        let count = tenure_sql::with_pool!(&suite.db, |pool| {
            sqlx::query_scalar(sql)
                .bind(id)
                .fetch_one(pool)
                .await
                .unwrap()
        });
        counts.push(count);
    }
    counts
}

#[tokio::test]
async fn an_erased_customer_is_forgotten_with_a_receipt_and_others_are_not() {
    each(async |suite| {
        suite.set("2024-04-01");
        for id in ["ada", "bob"] {
            suite.push([
                customer(id, at("2024-01-01"), &[]),
                subscription(id, at("2024-01-05"), None),
            ]);
        }
        suite.catch_up().await;
        suite.run().await;
        let before = rows(&suite, "bob").await;
        assert!(rows(&suite, "ada").await.iter().all(|count| *count > 0));

        // A fact of the same batch is from before, and what was emptied since says nothing.
        let emptied = Change {
            customer_id: "ada".into(),
            ..Default::default()
        };
        suite.push([complaint("ada", at("2024-04-30")), emptied, erasure("ada")]);
        suite.catch_up().await;
        suite.catch_up().await;

        assert_eq!(rows(&suite, "ada").await, [0, 0, 0]);
        assert_eq!(rows(&suite, "bob").await, before);
        let receipts = suite.receipts.0.lock().unwrap().clone();
        let expected = RecordErasureReceiptRequest {
            request_id: receipts[0].request_id.clone(),
            erasure_id: "E1".into(),
            service: "lifecycle-scoring".into(),
            step: "records".into(),
            row_count: 3,
        };
        assert_eq!(receipts, [expected]);
        let asked = scoring::ScoreCustomerRequest {
            customer_id: "ada".into(),
        };
        let unknown = suite
            .client
            .clone()
            .score_customer(asked)
            .await
            .unwrap_err();
        assert_code(&unknown, Code::NotFound, "CUSTOMER_NOT_FOUND");
    })
    .await;
}

#[tokio::test]
async fn a_customer_who_went_with_a_reverted_import_is_forgotten_and_may_come_again() {
    each(async |suite| {
        suite.set("2024-04-01");
        let removal = |id: &str| {
            let gone = Removal {
                import_id: "I1".into(),
                is_customer: true,
                ..Default::default()
            };
            crate::suite::change(id, at("2024-04-01"), change::Fact::Removal(gone))
        };
        for id in ["ada", "bob", "eve"] {
            suite.push([
                customer(id, at("2024-01-01"), &[]),
                subscription(id, at("2024-01-05"), None),
            ]);
        }
        suite.catch_up().await;
        suite.run().await;

        suite.push([removal("ada"), removal("eve")]);
        for id in ["eve", "new"] {
            suite.push([customer(id, at("2024-01-01"), &[])]);
        }
        suite.catch_up().await;

        assert_eq!(rows(&suite, "ada").await, [0, 0, 0]);
        // Who comes again is as new as somebody who was never there.
        assert_eq!(rows(&suite, "eve").await, rows(&suite, "new").await);
        assert!(rows(&suite, "bob").await.iter().all(|count| *count > 0));
    })
    .await;
}
