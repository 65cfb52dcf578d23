//! Forgetting customers whom customer-data erased, with a receipt for each.

use tenure_proto::customer::v1::change::Fact;
use tenure_proto::customer::v1::{Change, Erased, RecordErasureReceiptRequest};
use tenure_rpc::IntoStatus;
use tenure_sql::feed;
use tonic::{Code, Status};

use crate::app::App;
use crate::store::customer;
use crate::{DOMAIN, Error, NAME};

/// What the receipt says was done.
const STEP: &str = "records";

/// Returns the erasure that a change tells.
pub(super) fn erasure(change: &Change) -> Option<&Erased> {
    match &change.fact {
        Some(Fact::Erasure(erased)) => Some(erased),
        _ => None,
    }
}

/// Deletes what is remembered of customers who were erased and tells customer-data. Called before the
/// position in the feed moves: after a crash it is done again, and never left out.
pub(super) async fn forget(app: &App, changes: &[Change]) -> Result<(), Status> {
    for erased in changes.iter().filter_map(erasure) {
        let rows = delete(app, &erased.customer_id).await;
        let rows = rows.map_err(|error| error.into_status(DOMAIN))?;
        let receipt = RecordErasureReceiptRequest {
            request_id: app.ids.uuid(app.clock.now()).to_string(),
            erasure_id: erased.erasure_id.clone(),
            service: NAME.to_owned(),
            step: STEP.to_owned(),
            row_count: rows,
        };
        let told = app.privacy.clone().record_erasure_receipt(receipt).await;
        match told {
            // Customer-data went back to a state from before the erasure: nobody waits for us.
            Err(status) if status.code() == Code::NotFound => {}
            told => drop(told?),
        }
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
