//! Table `owner` for keys that no book holds: whose a key is, decided behind the lock of the key's lane.

use tenure_core::{CustomerId, Lanes};
use tenure_sql::{SqlError, with_tx};

use super::rows::read;
use crate::store::Tx;

const CLAIM: &str = "
    INSERT INTO owner (lane, kind, id, customer_id) VALUES ($1, $2, $3, $4)
    ON CONFLICT (lane, kind, id) DO NOTHING";
const OWNER: &str = "SELECT customer_id FROM owner WHERE lane = $1 AND kind = $2 AND id = $3";

/// Makes a key the customer's if it is nobody's, and returns whose it is then.
///
/// # Errors
/// When the database fails.
pub async fn claim(
    tx: &mut Tx,
    lanes: Lanes,
    (kind, id): (&'static str, &str),
    customer: &CustomerId,
) -> Result<CustomerId, SqlError> {
    let lane = lanes.of(id);
    with_tx!(tx, |conn| {
        let query = sqlx::query(CLAIM).bind(lane).bind(kind).bind(id);
        query.bind(customer.as_str()).execute(conn).await?;
    });
    let owner: String = with_tx!(tx, |conn| {
        sqlx::query_scalar(OWNER)
            .bind(lane)
            .bind(kind)
            .bind(id)
            .fetch_one(conn)
            .await?
    });
    read("customer_id", CustomerId::parse(&owner).ok())
}
