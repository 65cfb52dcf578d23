//! The register of everything that is kept about a customer: each table with a customer's id, how it is
//! erased, how it is exported. A test reads the catalogues of both databases and fails for a table
//! that is not listed here.

use sqlx::AssertSqlSafe;
use tenure_core::{CustomerId, Lanes};
use tenure_sql::{SqlError, with_tx};

use crate::store::{Db, Tx};

/// A table that holds the id of a customer.
#[derive(Debug, Clone, Copy)]
pub struct PersonalTable {
    /// Its name.
    pub name: &'static str,
    /// The columns that hold a customer's id; with [`Place::Customer`] the one that the lane is of
    /// stands first.
    pub customers: &'static [&'static str],
    /// In which lane its rows are.
    pub place: Place,
    /// What erasure does to its rows.
    pub fate: Fate,
    /// Whether its rows are part of an export.
    pub is_exported: bool,
}

/// In which lane the rows of a table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the lane of the customer.
    Customer,
    /// In the lane of something else: all lanes are looked through.
    Value,
}

/// What erasure does to the rows of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// They are deleted.
    Deleted,
    /// They stay, for a reason; they hold nothing of the person but the operator's key.
    Kept(&'static str),
}

const fn own(name: &'static str) -> PersonalTable {
    PersonalTable {
        name,
        customers: &["customer_id"],
        place: Place::Customer,
        fate: Fate::Deleted,
        is_exported: true,
    }
}

const fn of_value(name: &'static str) -> PersonalTable {
    PersonalTable {
        place: Place::Value,
        ..own(name)
    }
}

/// Of two customers, in the lane of the first.
const fn both(name: &'static str, customers: &'static [&'static str]) -> PersonalTable {
    PersonalTable {
        customers,
        ..own(name)
    }
}

/// Every table with a customer's id.
pub const TABLES: &[PersonalTable] = &[
    PersonalTable {
        // It says nothing of anybody.
        is_exported: false,
        ..own("customer_key")
    },
    own("customer"),
    own("subscription"),
    own("bill"),
    own("usage_summary"),
    own("interaction"),
    own("consent"),
    own("complaint"),
    own("complaint_step"),
    own("promise"),
    own("survey"),
    own("profile_claim"),
    own("party_name"),
    own("party_status"),
    own("contact_medium"),
    both("relationship", &["customer_id", "other_customer_id"]),
    own("billing_account"),
    both("account_subscription", &["customer_id", "user_customer_id"]),
    both("subscription_payer", &["customer_id", "payer_customer_id"]),
    own("group_membership"),
    of_value("customer_group"),
    of_value("group_member"),
    own("subscription_penalty"),
    own("termination_notice"),
    own("leaving_signal"),
    own("prospect"),
    own("lead"),
    own("customer_sim"),
    of_value("sim"),
    of_value("external_id"),
    of_value("msisdn"),
    of_value("owner"),
    both(
        "identity_link",
        &["loser_customer_id", "survivor_customer_id"],
    ),
    PersonalTable {
        customers: &["loser_customer_id", "survivor_customer_id"],
        ..of_value("identity_merge")
    },
    both("identity_alias", &["customer_id", "survivor_customer_id"]),
    both(
        "identity_member",
        &["survivor_customer_id", "member_customer_id"],
    ),
    of_value("match_finding_customer"),
    own("import_undo"),
    own("import_conflict"),
    PersonalTable {
        fate: Fate::Kept("it proves that the customer was erased"),
        ..of_value("erasure")
    },
    PersonalTable {
        fate: Fate::Kept("it says who was shown the data, for which the operator answers"),
        // Each page of an export adds to it; `ListAccesses` tells it.
        is_exported: false,
        ..own("access")
    },
];

/// Tables that hold copies of facts under the key of a customer, emptied by [`super::trace`].
pub const TRACES: &[&str] = &["change", "answer"];

impl PersonalTable {
    fn is_deleted(&self) -> bool {
        self.fate == Fate::Deleted
    }

    /// The condition that finds the rows of the customer `$1`.
    pub(super) fn condition(&self) -> String {
        let columns: Vec<_> = self
            .customers
            .iter()
            .map(|it| format!("{it} = $1"))
            .collect();
        columns.join(" OR ")
    }
}

/// Deletes the rows in the customer's lane and returns how many there were.
///
/// # Errors
/// When the database fails.
pub async fn erase_own(tx: &mut Tx, lanes: Lanes, customer: &CustomerId) -> Result<i64, SqlError> {
    let lane = lanes.of(customer.as_str());
    let mut deleted = 0;
    let own = TABLES.iter().filter(|it| it.place == Place::Customer);
    for table in own.filter(|it| it.is_deleted()) {
        let (name, column) = (table.name, table.customers[0]);
        let sql = format!("DELETE FROM {name} WHERE lane = $2 AND {column} = $1");
        deleted += with_tx!(tx, |conn| {
            sqlx::query(AssertSqlSafe(sql))
                .bind(customer.as_str())
                .bind(lane)
                .execute(conn)
                .await?
                .rows_affected()
        });
    }
    tx.forget(customer);
    Ok(i64::try_from(deleted).unwrap_or(i64::MAX))
}

/// Deletes the rows that name the customer in the lanes of something else, lane by lane in small
/// transactions, and returns how many there were.
///
/// # Errors
/// When the database fails; what was deleted so far stays deleted.
pub async fn erase_values(db: &Db, customer: &CustomerId) -> Result<i64, SqlError> {
    let mut deleted = 0;
    let elsewhere = |it: &&PersonalTable| it.place == Place::Value || it.customers.len() > 1;
    for table in TABLES.iter().filter(elsewhere).filter(|it| it.is_deleted()) {
        let condition = table.condition();
        let sql = format!(
            "DELETE FROM {} WHERE lane = $2 AND ({condition})",
            table.name
        );
        for lane in db.lanes().all() {
            let mut tx = db.begin().await?;
            deleted += with_tx!(tx, |conn| {
                sqlx::query(AssertSqlSafe(sql.clone()))
                    .bind(customer.as_str())
                    .bind(lane)
                    .execute(conn)
                    .await?
                    .rows_affected()
            });
            tx.commit().await?;
        }
    }
    Ok(i64::try_from(deleted).unwrap_or(i64::MAX))
}
