//! Damage to rows, for tests of what others do then.

use tenure_core::{AccountId, Lane};
use tenure_sql::{Db, with_tx};

const DAMAGE: &str = "UPDATE account SET state = $3 WHERE lane = $1 AND account_id = $2";

/// Makes the row of an account unreadable.
pub(crate) async fn damage_account(db: &Db, lane: Lane, account: &AccountId) {
    let mut tx = db.begin().await.unwrap();
    let damaged = with_tx!(tx, |conn| {
        let damage = sqlx::query(DAMAGE).bind(lane).bind(account.as_str());
        damage
            .bind(b"damaged".as_slice())
            .execute(conn)
            .await
            .unwrap()
            .rows_affected()
    });
    assert_eq!(damaged, 1);
    tx.commit().await.unwrap();
}
