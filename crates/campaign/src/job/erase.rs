//! Forgetting customers whom customer-data erased, with a receipt for each.

use tenure_proto::customer::v1::change::Fact;
use tenure_proto::customer::v1::{Change, Erased, RecordErasureReceiptRequest};
use tenure_sql::feed;

use crate::error::Error;
use crate::{Inner, NAME, store};

/// What the receipt says was done.
const STEP: &str = "records";

/// Returns the erasure that a change tells.
pub(super) fn erasure(change: &Change) -> Option<&Erased> {
    match &change.fact {
        Some(Fact::Erasure(erased)) => Some(erased),
        _ => None,
    }
}

/// Forgets customers who were erased and tells customer-data. Called before the position in the feed
/// moves: after a crash it is done again, and never left out.
pub(super) async fn forget(inner: &Inner, changes: &[Change]) -> Result<(), Error> {
    for erased in changes.iter().filter_map(erasure) {
        let rows = rename(inner, &erased.customer_id).await?;
        let receipt = RecordErasureReceiptRequest {
            request_id: inner.ids.uuid(inner.clock.now()).to_string(),
            erasure_id: erased.erasure_id.clone(),
            service: NAME.to_owned(),
            step: STEP.to_owned(),
            row_count: rows,
        };
        inner.clients.record_erasure(receipt).await?;
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
