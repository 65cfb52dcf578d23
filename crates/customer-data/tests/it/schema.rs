//! The tables keep the rules that let them be distributed.

use tenure_customer_data::MIGRATIONS;

#[tokio::test]
async fn the_schema_keeps_the_rules_for_tables() {
    tenure_testkit::assert_schema_rules(&MIGRATIONS).await;
}
