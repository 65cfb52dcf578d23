//! What becomes of a customer whom customer-data erased.

use tenure_core::Span;
use tenure_proto::customer::v1::{ChurnKind, RecordErasureReceiptRequest};
use tenure_sql::with_pool;

use crate::suite::{Suite, campaign, customer_id, each_suite};

const TABLES: [&str; 3] = ["enrolment", "active_subscription", "departure"];

/// Returns how many rows of each table name a customer.
async fn rows(suite: &Suite, number: usize) -> Vec<i64> {
    let mut counts = Vec::new();
    for table in TABLES {
        let sql = format!("SELECT COUNT(*) FROM {table} WHERE customer_id = $1");
        let sql = sqlx::AssertSqlSafe(sql);
        let count = with_pool!(&suite.db, |pool| {
            let query = sqlx::query_scalar(sql).bind(customer_id(number));
            query.fetch_one(pool).await.unwrap()
        });
        counts.push(count);
    }
    counts
}

async fn filled(suite: Suite) -> Suite {
    let suite = suite.with_customers(12);
    for number in 0..12 {
        suite.subscribe(number, &format!("S{number}"));
        suite.subscribe(number, &format!("T{number}"));
        let earlier = suite.now() - Span::from_days(9);
        suite.terminate(
            number,
            &format!("T{number}"),
            ChurnKind::Competitor,
            earlier,
        );
    }
    suite.run(campaign("spring")).await;
    suite.catch_up().await.unwrap();
    suite
}

#[tokio::test]
async fn an_erased_customer_is_forgotten_and_still_counted_in_the_results() {
    each_suite(async |suite| {
        let suite = filled(suite).await;
        let before = suite.enrolments("spring").await;
        let others = rows(&suite, 1).await;
        assert_eq!(rows(&suite, 0).await[..2], [1, 1]);

        // A fact of the same message is from before.
        suite.subscribe(0, "late");
        suite.erase(0);
        suite.catch_up().await.unwrap();
        suite.catch_up().await.unwrap();

        assert_eq!(rows(&suite, 0).await, [0, 0, 0]);
        assert_eq!(rows(&suite, 1).await, others);
        let mut after = suite.enrolments("spring").await;
        let renamed = after
            .iter_mut()
            .find(|one| one.customer_id.starts_with("erased-"));
        let renamed = renamed.unwrap();
        let was = before.iter().find(|one| one.customer_id == customer_id(0));
        let was = was.unwrap().clone();
        assert_eq!((renamed.arm, renamed.enrol_time), (was.arm, was.enrol_time));
        assert_eq!(after.len(), before.len());
        let receipts = suite.customers.state().receipts.clone();
        let expected = RecordErasureReceiptRequest {
            request_id: receipts[0].request_id.clone(),
            erasure_id: "E0".into(),
            service: "campaign".into(),
            step: "records".into(),
            row_count: 2,
        };
        assert_eq!(receipts, [expected]);
    })
    .await;
}

#[tokio::test]
async fn nobody_who_was_erased_is_contacted() {
    each_suite(async |suite| {
        let suite = filled(suite).await;
        for number in 0..12 {
            suite.erase(number);
        }
        suite.catch_up().await.unwrap();

        assert_eq!(suite.pull(1_000).await, []);
        assert_eq!(suite.enrolments("spring").await.len(), 12);
    })
    .await;
}

#[tokio::test]
async fn the_receipt_is_given_when_customer_data_answers_again() {
    each_suite(async |suite| {
        let suite = filled(suite).await;
        suite.erase(3);
        // The feed is opened, and the receipt refused.
        suite.customers.state().refuse_receipts = 1;
        assert!(suite.catch_up().await.is_err());
        assert!(suite.customers.state().receipts.is_empty());

        suite.catch_up().await.unwrap();

        let receipts = suite.customers.state().receipts.clone();
        assert_eq!(receipts.len(), 1);
        assert_eq!(rows(&suite, 3).await, [0, 0, 0]);
    })
    .await;
}
