//! Scoring everybody at one instant: lane by lane, chunk by chunk, each chunk in one transaction
//! with the progress, so that a run goes on where it was after a restart.

use std::sync::Arc;
use std::time::Duration;

use tenure_core::Lane;
use tenure_sql::feed;

use super::feed::write;
use crate::app::{ActiveModel, App, judge};
use crate::store::{customer, run};
use crate::{Error, job};

/// Customers of one transaction: enough to be fast, few enough that others do not wait long.
const CHUNK: i64 = 500;
/// Pause before a run that failed is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// Starts the task of a run.
pub(crate) fn spawn(app: &Arc<App>, scoring_run_id: String) {
    let task = drive(Arc::clone(app), scoring_run_id);
    app.lifecycle.spawn("scoring run", task);
}

/// Drives a run to its end. A run cannot fail for good: what fails is tried again until it works or
/// the process ends, and then by the next process.
async fn drive(app: Arc<App>, id: String) {
    loop {
        let outcome = tokio::select! {
            outcome = run_to_end(&app, &id) => outcome,
            () = app.lifecycle.draining() => return,
        };
        let Err(error) = outcome else { return };
        tracing::warn!(scoring_run.id = %id, %error, "the scoring run {id} is tried again");
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = app.lifecycle.draining() => return,
        }
    }
}

async fn run_to_end(app: &Arc<App>, id: &str) -> Result<(), Error> {
    job::read_feed(app).await?;
    let model = app.active_model().await?;
    while let Some(at) = run::get(&app.db, id)
        .await?
        .filter(|r| r.state == run::state::RUNNING)
    {
        if at.customers == 0 && at.next_lane == 0 && at.after_customer.is_empty() {
            count(app, &at).await?;
        } else {
            chunk(app, &at, model.as_ref()).await?;
        }
    }
    Ok(())
}

/// Notes how many customers there are, for the progress.
async fn count(app: &App, at: &run::RunRow) -> Result<(), Error> {
    let mut customers = 0;
    for lane in app.db.lanes().all() {
        customers += customer::count(&app.db, lane).await?;
    }
    let mut to = run::RunRow {
        customers,
        ..at.clone()
    };
    if customers == 0 {
        to.state = run::state::COMPLETED;
        to.finished_at = Some(app.clock.now());
    }
    let mut tx = app.db.begin().await?;
    run::advance(&mut tx, at, &to).await?;
    Ok(tx.commit().await?)
}

/// Scores the next customers of the run's lane; when there are none, goes on to the next lane.
async fn chunk(
    app: &Arc<App>,
    at: &run::RunRow,
    model: Option<&Arc<ActiveModel>>,
) -> Result<(), Error> {
    let now = app.clock.now();
    let lane: Lane = at.next_lane;
    let mut tx = app.db.begin().await?;
    // Locked before reading: a fact that comes meanwhile waits, and is not overwritten.
    feed::lock_lanes(&mut tx, &[lane]).await?;
    let known = customer::next_in(&mut tx, lane, &at.after_customer, CHUNK).await?;
    let mut to = at.clone();
    let mut changes = Vec::new();
    if let Some(last) = known.last() {
        to.after_customer.clone_from(&last.customer_id);
        to.scored += i64::try_from(known.len()).unwrap_or(i64::MAX);
        let (policy, model, score_at) = (app.policy.clone(), model.cloned(), at.score_at);
        let work = move || judge(&policy, model.as_deref(), known, score_at);
        let judged = tokio::task::spawn_blocking(work).await;
        let judged = judged.map_err(|error| Error::Broken(error.to_string()))??;
        let (changed, moved) = write(&mut tx, lane, &judged, now, &mut changes).await?;
        to.changed += changed;
        to.moved += moved;
    } else {
        to.next_lane += 1;
        to.after_customer.clear();
        if u32::try_from(to.next_lane).is_ok_and(|next| next >= app.db.lanes().count()) {
            to.state = run::state::COMPLETED;
            to.finished_at = Some(now);
        }
    }
    if !run::advance(&mut tx, at, &to).await? {
        // Another replica did this chunk.
        return Ok(tx.rollback().await?);
    }
    if !changes.is_empty() {
        feed::append(&mut tx, changes, now).await?;
    }
    Ok(tx.commit().await?)
}
