//! Tests that SQLite seeks where it could scan: it has no numbers of its own to know better, only
//! those that the migration gives it.

use sqlx::AssertSqlSafe;
use tenure_sql::{Db, DbOptions, with_pool};
use tenure_testkit::fresh_sqlite;

use super::{action, contact, departure, grant};
use crate::MIGRATIONS;

async fn plan(db: &Db, statement: &str) -> String {
    let explain = format!("EXPLAIN QUERY PLAN {statement}");
    let steps: Result<Vec<(i64, i64, i64, String)>, sqlx::Error> = async {
        Ok(with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(
            explain
        ))
        .fetch_all(pool)
        .await?))
    }
    .await;
    let details = steps.unwrap().into_iter().map(|(.., detail)| detail);
    details.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn hot_statements_seek_single_rows() {
    let wanted = [
        (
            contact::PULL_SQLITE,
            "enrolment_by_readiness (lane=? AND campaign_id=? AND ready_at<?)",
        ),
        (
            contact::BY_IDS_SQLITE,
            "enrolment_by_contact (lane=? AND contact_id=?)",
        ),
        (
            contact::SAVE_SQLITE,
            "PRIMARY KEY (lane=? AND campaign_id=? AND customer_id=?)",
        ),
        (
            departure::CHURN,
            "enrolment_by_customer (lane=? AND customer_id=?)",
        ),
        (
            departure::ACTIVE_SQLITE,
            "PRIMARY KEY (lane=? AND customer_id=?)",
        ),
        (
            departure::LEFT_SQLITE,
            "PRIMARY KEY (lane=? AND customer_id=?)",
        ),
        (
            action::PEEK,
            "enrolment_by_customer (lane=? AND customer_id=?)",
        ),
        (grant::OWED, "enrolment_by_grant (lane=? AND grant_at<?)"),
    ];
    fresh_sqlite(&MIGRATIONS, &DbOptions::default(), async |db| {
        for (statement, index) in wanted {
            let plan = plan(&db, statement).await;
            assert!(plan.contains(index), "{statement}\n{plan}");
            assert!(!plan.contains("SCAN enrolment"), "{statement}\n{plan}");
        }
    })
    .await;
}
