//! Rows as they are, with what is sealed in them opened: the copy that a customer may ask for.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use sqlx::AssertSqlSafe;
use tenure_core::CustomerId;
use tenure_sql::{SqlError, with_pool};

use super::Db;
use super::personal::PersonalTable;
use super::rows::read;
use super::seal::{self, Opener};

/// Personal columns that are sealed with the key of the customer of their row, as text.
const SEALED: &[(&str, &[&str])] = &[
    ("customer", &["display_name"]),
    ("subscription", &["msisdn", "churn_reason", "standing"]),
    ("interaction", &["reason", "resolution"]),
    ("consent", &["sealed"]),
    ("complaint", &["record"]),
    ("complaint_step", &["reason"]),
    ("promise", &["record"]),
    ("survey", &["record"]),
    (
        "party_name",
        &[
            "title",
            "given_name",
            "middle_name",
            "family_name",
            "legal_name",
        ],
    ),
    ("party_status", &["reason"]),
    ("contact_medium", &["reach"]),
    ("relationship", &["role"]),
    ("identity_link", &["reason", "until_reason"]),
    ("billing_account", &["name"]),
    ("customer_group", &["name"]),
    ("profile_claim", &["claimed"]),
    ("termination_notice", &["reason"]),
    ("prospect", &["display_name"]),
    ("lead", &["interest", "lost_reason"]),
    ("customer_sim", &["iccid"]),
    ("msisdn", &["sealed"]),
];

/// The same as bytes.
const SEALED_BYTES: &[(&str, &str)] = &[("customer", "facts"), ("import_undo", "before")];

/// Columns by which values are found that nobody reads from them. An export has the values themselves, in
/// the column that is named, or in another table.
const INDEXES: &[(&str, &str, Option<&str>)] = &[
    ("msisdn", "msisdn", Some("sealed")),
    ("consent", "contact_point", Some("sealed")),
    ("external_id", "id", None),
    ("sim", "iccid", None),
];

const COLUMNS: &str = "SELECT name FROM pragma_table_info($1) ORDER BY cid";

/// A row by its columns; bytes as hexadecimal digits behind `\x`.
pub type Row = Map<String, Value>;

/// Returns up to `limit` rows of a table that name a customer, from the row number `from` on.
///
/// # Errors
/// When the database fails.
pub async fn export(
    db: &Db,
    table: &PersonalTable,
    customer: &CustomerId,
    from: i64,
    limit: i64,
) -> Result<Vec<Row>, SqlError> {
    let condition = table.condition();
    let mut rows = select(db, table.name, &condition, customer.as_str(), (from, limit)).await?;
    open(db, table.name, table.customers[0], &mut rows).await?;
    Ok(rows)
}

/// Returns all rows of a table, whosesoever they are: what two databases are compared by whose keys, and
/// so whatever is sealed, are not the same. Keys and what is found by them are left out.
///
/// # Errors
/// When the database fails.
pub async fn all(db: &Db, table: &str, customer: &str) -> Result<Vec<Row>, SqlError> {
    let mut rows = select(db, table, "$1 = ''", "", (0, i64::MAX)).await?;
    open(db, table, customer, &mut rows).await?;
    rows.iter_mut().for_each(|row| drop(row.remove("wrapped")));
    Ok(rows)
}

async fn select(
    db: &Db,
    table: &str,
    condition: &str,
    customer: &str,
    (from, limit): (i64, i64),
) -> Result<Vec<Row>, SqlError> {
    let sql = match db.is_postgres() {
        true => select_postgres(table, condition),
        false => select_sqlite(db, table, condition).await?,
    };
    let rows: Vec<String> = with_pool!(db, |pool| {
        sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(customer)
            .bind(limit)
            .bind(from)
            .fetch_all(pool)
            .await?
    });
    let parse = |row: String| read(table, serde_json::from_str(&row).ok());
    rows.into_iter().map(parse).collect()
}

/// Opens what is sealed in rows, whose customers stand in a column, and puts values where they were found
/// by an index.
async fn open(db: &Db, table: &str, customer: &str, rows: &mut [Row]) -> Result<(), SqlError> {
    let owner = |row: &Row| text(row, customer).to_owned();
    let owners: BTreeSet<String> = rows.iter().map(owner).collect();
    let owners = owners.iter().map(String::as_str).collect();
    let keys = seal::get(db, &owners).await?;
    for row in rows {
        let owner = owner(row);
        // The name of a group that belongs to nobody is not sealed.
        if !owner.is_empty() {
            let opener = Opener::new(&owner, keys.get(&owner));
            open_texts(table, &opener, row)?;
            open_bytes(table, &opener, row)?;
        }
        for (_, index, value) in INDEXES.iter().filter(|it| it.0 == table) {
            let value = value.and_then(|value| row.remove(value));
            match value {
                Some(value) => row.insert((*index).to_owned(), value),
                None => row.remove(*index),
            };
        }
    }
    Ok(())
}

fn open_texts(table: &str, opener: &Opener<'_>, row: &mut Row) -> Result<(), SqlError> {
    let sealed = SEALED.iter().filter(|(name, _)| *name == table);
    for column in sealed.flat_map(|(_, columns)| *columns) {
        let value = opener.text(&format!("{table}.{column}"), text(row, column))?;
        if !text(row, column).is_empty() {
            row.insert((*column).to_owned(), value.into());
        }
    }
    Ok(())
}

fn open_bytes(table: &str, opener: &Opener<'_>, row: &mut Row) -> Result<(), SqlError> {
    for (_, column) in SEALED_BYTES.iter().filter(|(name, _)| *name == table) {
        let stored = text(row, column);
        if stored.is_empty() {
            // The row has none.
            continue;
        }
        let sealed = read(column, bytes(stored))?;
        let opened = opener.bytes(&format!("{table}.{column}"), &sealed)?;
        let opened: String = opened.iter().map(|byte| format!("{byte:02x}")).collect();
        row.insert((*column).to_owned(), opened.into());
    }
    Ok(())
}

fn text<'r>(row: &'r Row, column: &str) -> &'r str {
    row.get(column).and_then(Value::as_str).unwrap_or_default()
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x")?;
    let byte = |at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// Rows are sorted by their text: any order does, as long as it is the same for the next page.
fn select_postgres(table: &str, condition: &str) -> String {
    format!(
        "SELECT TO_JSONB(t)::TEXT FROM {table} AS t WHERE {condition}
         ORDER BY TO_JSONB(t)::TEXT COLLATE \"C\" LIMIT $2 OFFSET $3"
    )
}

async fn select_sqlite(db: &Db, table: &str, condition: &str) -> Result<String, SqlError> {
    let columns: Vec<String> = with_pool!(db, |pool| {
        sqlx::query_scalar(COLUMNS)
            .bind(table)
            .fetch_all(pool)
            .await?
    });
    let pair = |column: &String| {
        format!(
            "'{column}', CASE TYPEOF({column}) WHEN 'blob' THEN '\\x' || LOWER(HEX({column})) ELSE {column} END"
        )
    };
    let pairs: Vec<String> = columns.iter().map(pair).collect();
    let pairs = pairs.join(", ");
    Ok(format!(
        "SELECT JSON_OBJECT({pairs}) FROM {table} WHERE {condition} ORDER BY 1 LIMIT $2 OFFSET $3"
    ))
}
