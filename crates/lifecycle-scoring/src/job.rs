//! Work in the background: reading customer-data's feed, training, scoring everybody.

mod erase;
pub(crate) mod fact;
pub(crate) mod feed;
pub(crate) mod scoring;
pub(crate) mod training;

use std::sync::Arc;

use tenure_rpc::feed::catch_up;

use crate::app::App;
use crate::{Error, store};

/// Goes on with the trainings and runs that were begun before a restart.
pub(crate) async fn resume(app: Arc<App>) {
    match store::model::training(&app.db).await {
        Ok(models) => models
            .into_iter()
            .for_each(|model| training::spawn(&app, model)),
        Err(error) => tracing::error!(%error, "cannot read which trainings to go on with"),
    }
    match store::run::running(&app.db).await {
        Ok(runs) => runs.into_iter().for_each(|run| scoring::spawn(&app, run)),
        Err(error) => tracing::error!(%error, "cannot read which scoring runs to go on with"),
    }
}

/// Applies everything that customer-data had committed when the call came; returns how many changes
/// this call applied.
pub(crate) async fn read_feed(app: &Arc<App>) -> Result<i64, Error> {
    let mut consumer = feed::CustomerFeed::new(Arc::clone(app));
    match catch_up(&mut consumer).await {
        Ok(_) => Ok(consumer.applied()),
        Err(status) => {
            let why = format!("{:?}: {}", status.code(), status.message());
            Err(Error::DependencyUnavailable { why })
        }
    }
}
