//! Forgetting customers whom customer-data erased, with a receipt for each.

use tenure_proto::customer::v1::Change;
use tenure_rpc::{IntoStatus, erasure};
use tenure_sql::feed;
use tonic::Status;

use crate::app::App;
use crate::store::customer;
use crate::{DOMAIN, Error, NAME};

/// Deletes what is remembered of customers who were erased and tells customer-data, and of those who went
/// with an import that was reverted. Called before the
/// position in the feed moves: after a crash it is done again, and never left out.
pub(super) async fn forget(app: &App, changes: &[Change]) -> Result<(), Status> {
    for erased in changes.iter().filter_map(erasure::told) {
        let rows = delete(app, &erased.customer_id).await;
        let rows = rows.map_err(|error| error.into_status(DOMAIN))?;
        let request = app.ids.uuid(app.clock.now()).to_string();
        erasure::give_receipt(app.privacy.clone(), erased, NAME, request, rows).await?;
    }
    for removed in changes.iter().filter_map(erasure::removed) {
        let deleted = delete(app, removed).await;
        deleted.map_err(|error| error.into_status(DOMAIN))?;
    }
    Ok(())
}

async fn delete(app: &App, id: &str) -> Result<i64, Error> {
    let lane = app.db.lanes().of(id);
    let mut tx = app.db.begin().await?;
    feed::lock_lanes(&mut tx, &[lane]).await?;
    let rows = customer::forget(&mut tx, lane, id).await?;
    tx.commit().await?;
    Ok(i64::try_from(rows).unwrap_or(i64::MAX))
}
