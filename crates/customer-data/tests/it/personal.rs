//! The register of what is kept about a customer is complete, and so is the export.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tenure_customer_data::MIGRATIONS;
use tenure_customer_data::store::personal::{Fate, TABLES};
use tenure_proto::customer::v1 as wire;
use tenure_sql::db::Pools;
use tenure_testkit::{assert_code, each_backend};
use tonic::Code;

use crate::erasure::{fill, privacy};
use crate::suite::*;

/// Columns that hold a customer's id.
const COLUMNS_POSTGRES: &str = "
    SELECT c.table_name::TEXT, c.column_name::TEXT
    FROM information_schema.columns c
    JOIN information_schema.tables t USING (table_schema, table_name)
    WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'
      AND c.column_name LIKE '%customer_id'";
const COLUMNS_SQLITE: &str = "
    SELECT t.name, c.name
    FROM pragma_table_list t, pragma_table_info(t.name) c
    WHERE t.schema = 'main' AND t.type = 'table' AND c.name LIKE '%customer_id'";

#[tokio::test]
async fn every_table_with_a_customer_id_is_registered_with_that_column() {
    each_backend(&MIGRATIONS, async |db| {
        let found: Vec<(String, String)> = match db.pools() {
            Pools::Postgres(pool) => sqlx::query_as(COLUMNS_POSTGRES).fetch_all(pool).await,
            Pools::Sqlite { read, .. } => sqlx::query_as(COLUMNS_SQLITE).fetch_all(read).await,
        }
        .unwrap();
        let found: BTreeSet<(&str, &str)> =
            found.iter().map(|(table, column)| (&**table, &**column)).collect();

        let listed: BTreeSet<(&str, &str)> = TABLES
            .iter()
            .flat_map(|table| table.customers.iter().map(|column| (table.name, *column)))
            .collect();

        let missing: Vec<_> = found.difference(&listed).collect();
        assert!(
            missing.is_empty(),
            "store::personal::TABLES does not name {missing:?}: neither export nor erasure knows them"
        );
        let unknown: Vec<_> = listed.difference(&found).collect();
        assert!(unknown.is_empty(), "there is no {unknown:?}");
    })
    .await;
}

async fn export(suite: &Suite, size: i32) -> Vec<wire::ExportedRow> {
    let mut rows = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = wire::ExportCustomerRequest {
            customer_id: "ada".into(),
            page_size: size,
            page_token,
        };
        let page = privacy(suite).export_customer(request).await.unwrap();
        let page = page.into_inner();
        rows.extend(page.rows);
        if page.next_page_token.is_empty() {
            return rows;
        }
        page_token = page.next_page_token;
    }
}

#[tokio::test]
async fn the_export_has_every_table_in_words() {
    each_suite(async |mut suite| {
        crate::fill::prospect(&suite, "ada").await;
        fill(&mut suite, "ada", "Ada Lovelace", "+999123456", "crm-1").await;
        fill(&mut suite, "bob", "Bob Babbage", "+999654321", "crm-2").await;
        crate::fill::party(&suite, "ada", "bob").await;
        crate::fill::account_and_group(&suite, "ada").await;
        crate::fill::terms_and_sim(&mut suite, "ada").await;
        crate::fill::identity(&mut suite, "ada").await;
        crate::fill::import(&suite, "ada").await;

        let rows = export(&suite, 0).await;

        let tables: BTreeSet<&str> = rows.iter().map(|row| row.table.as_str()).collect();
        let filled = TABLES
            .iter()
            .filter(|table| table.fate == Fate::Deleted && table.is_exported);
        let wanted: BTreeSet<&str> = filled.map(|table| table.name).collect();
        assert_eq!(
            tables, wanted,
            "a table that this test leaves empty shows nothing"
        );
        let of: BTreeMap<&str, Value> = rows
            .iter()
            .map(|row| (&*row.table, serde_json::from_str(&row.json).unwrap()))
            .collect();
        let customer = &of["customer"];
        assert_eq!(customer["display_name"], "Ada Lovelace");
        assert_eq!(customer["kind"], "CUSTOMER_KIND_INDIVIDUAL");
        assert_eq!(customer["attributes"]["street"], "Gurkengasse 17a");
        assert_eq!(customer["external_ids"][0]["id"], "crm-1");
        assert_eq!(of["bill"]["state"], "BILL_STATE_SENT");
        assert_eq!(of["bill"]["issued_at"], "2024-01-31T00:00:00Z");
        assert_eq!(of["consent"]["valid_until"], Value::Null);
        assert_eq!(of["msisdn"]["msisdn"], "+999123456");
        assert_eq!(of["interaction"]["channel"], "CHANNEL_CALL_CENTRE");
        assert!(!rows.iter().any(|row| row.json.contains("Babbage")));
        assert_eq!(export(&suite, 1).await, rows);
        assert_eq!(export(&suite, 2).await, rows);
    })
    .await;
}

#[tokio::test]
async fn nobody_else_is_exported() {
    each_suite(async |suite| {
        let request = wire::ExportCustomerRequest {
            customer_id: "eve".into(),
            ..Default::default()
        };
        let missing = privacy(&suite).export_customer(request).await.unwrap_err();
        assert_code(&missing, Code::NotFound, "CUSTOMER_NOT_FOUND");
    })
    .await;
}
