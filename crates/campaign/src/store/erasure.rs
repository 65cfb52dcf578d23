//! What stays of a customer who was erased: enrolments under a name that leads to nobody.

use tenure_core::Lane;
use tenure_sql::{SqlError, Tx, with_tx};

use crate::domain::contact::ContactState;

const FORGET: [&str; 2] = [
    "DELETE FROM active_subscription WHERE lane = $1 AND customer_id = $2",
    "DELETE FROM departure WHERE lane = $1 AND customer_id = $2",
];

/// A campaign's results count everybody who was enrolled, so rows stay. Nobody is contacted and nothing
/// is granted any more: a contact that was not delivered has failed.
const RENAME: &str = "
    UPDATE enrolment
    SET customer_id = $3, ready_at = NULL, lease_token = NULL, grant_at = NULL,
        contact_state = CASE WHEN contact_state IN ($4, $5) THEN $6 ELSE contact_state END
    WHERE lane = $1 AND customer_id = $2";

/// Deletes what is known of a customer and names the customer's enrolments otherwise. Returns how many
/// rows that concerned: none when it is done again.
pub(crate) async fn forget(
    tx: &mut Tx,
    lane: Lane,
    customer: &str,
    pseudonym: &str,
) -> Result<u64, SqlError> {
    let mut rows = 0;
    for sql in FORGET {
        rows += with_tx!(tx, |conn| {
            let delete = sqlx::query(sql).bind(lane).bind(customer);
            delete.execute(conn).await?.rows_affected()
        });
    }
    rows += with_tx!(tx, |conn| {
        let rename = sqlx::query(RENAME)
            .bind(lane)
            .bind(customer)
            .bind(pseudonym);
        let rename = rename
            .bind(ContactState::Pending.number())
            .bind(ContactState::Leased.number())
            .bind(ContactState::Failed.number());
        rename.execute(conn).await?.rows_affected()
    });
    Ok(rows)
}
