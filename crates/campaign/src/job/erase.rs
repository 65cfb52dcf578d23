//! Forgetting customers whom customer-data erased, with a receipt for each.

use tenure_proto::customer::v1::Change;
use tenure_rpc::erasure;
use tenure_sql::feed;

use crate::error::Error;
use crate::{Inner, store};

/// Forgets customers who were erased and tells customer-data, and those who went with an import that was
/// reverted. Called before the position in the feed
/// moves: after a crash it is done again, and never left out.
pub(super) async fn forget(inner: &Inner, changes: &[Change]) -> Result<(), Error> {
    for erased in changes.iter().filter_map(erasure::told) {
        let rows = rename(inner, &erased.customer_id).await?;
        let request = inner.ids.uuid(inner.clock.now()).to_string();
        inner.clients.give_receipt(erased, request, rows).await?;
    }
    for removed in changes.iter().filter_map(erasure::removed) {
        rename(inner, removed).await?;
    }
    Ok(())
}

/// The new name follows from nothing: nobody can say whose it was.
async fn rename(inner: &Inner, customer: &str) -> Result<i64, Error> {
    let lane = inner.db.lanes().of(customer);
    let pseudonym = format!("erased-{}", inner.ids.uuid(inner.clock.now()));
    let mut tx = inner.db.begin().await?;
    feed::lock_lanes(&mut tx, &[lane]).await?;
    let rows = store::erasure::forget(&mut tx, lane, customer, &pseudonym).await?;
    tx.commit().await?;
    Ok(i64::try_from(rows).unwrap_or(i64::MAX))
}
