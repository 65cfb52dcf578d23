//! Training a model: examples out of the memory of all customers, then the work on threads of its
//! own, then the switch to the new model.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use prost::Message;
use tenure_core::hash::{fnv1a64, mix64};
use tenure_core::{Span, Timestamp};
use tenure_proto::scoring::v1 as proto;
use tenure_rpc::fields;
use tenure_sql::SqlError;

use crate::app::App;
use crate::domain::features::derive;
use crate::domain::model::examples::{Examples, label};
use crate::domain::model::train::{Options, TrainError, Trained, train};
use crate::store::{customer, model};
use crate::{Error, api, job};

/// Customers read at once.
const PAGE: i64 = 1_000;
/// Examples at most: beyond it customers are taken by a hash, because more teach nothing new and
/// have to fit into memory.
const EXAMPLES_MAX: i64 = 200_000;
/// Folds for customers that nobody assigned to one.
const FOLDS: u64 = 5;
/// How often progress is written, and how long a failed training waits.
const PAUSE: Duration = Duration::from_millis(500);

/// Starts the task of a training.
pub(crate) fn spawn(app: &Arc<App>, model_id: String) {
    let task = drive(Arc::clone(app), model_id);
    app.lifecycle.spawn("model training", task);
}

/// Drives a training to its end. A database or service that does not answer is waited for; a
/// training that cannot succeed ends as failed.
async fn drive(app: Arc<App>, id: String) {
    loop {
        let outcome = tokio::select! {
            outcome = train_model(&app, &id) => outcome,
            () = app.lifecycle.draining() => return,
        };
        let Err(error) = outcome else { return };
        tracing::warn!(model.id = %id, %error, "the training of model {id} is tried again");
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = app.lifecycle.draining() => return,
        }
    }
}

async fn train_model(app: &Arc<App>, id: &str) -> Result<(), Error> {
    let Some(row) = model::get(&app.db, id)
        .await?
        .filter(|m| m.state == model::TRAINING)
    else {
        return Ok(());
    };
    let Some(request) = model::request(&app.db, id).await? else {
        return Ok(());
    };
    let request = proto::TrainModelRequest::decode(request.as_slice())
        .map_err(|_| SqlError::corrupt("a stored training request cannot be read"))?;
    let mut summary = proto::Model::decode(row.summary.as_slice())
        .map_err(|_| SqlError::corrupt("the stored summary of a model cannot be read"))?;
    job::read_feed(app).await?;
    let examples = examples(app, &request).await?;
    summary.example_count = api::words::count(examples.labels.len());
    summary.churned_count = api::words::count(examples.churned());
    let options = Options {
        seed: request.seed.cast_unsigned(),
        excluded: request.excluded_features.clone(),
        true_rate: None,
        threads: std::thread::available_parallelism().map_or(1, usize::from),
    };
    let trained = work(app, id, examples, options).await?;
    summary.finish_time = Some(fields::time(app.clock.now()));
    match trained {
        Ok(trained) => {
            api::words::describe(&mut summary, &trained);
            let version = &trained.model.version;
            let artefact = trained.model.artefact.to_json();
            model::activate(&app.db, id, &summary.encode_to_vec(), version, &artefact).await?;
            let (algorithm, auc) = (trained.algorithm, trained.metrics.auc);
            tracing::info!(model.id = %id, algorithm, auc, "trained the model {version}");
        }
        Err(TrainError::Stopped) => {}
        Err(error) => {
            summary.failure = match &error {
                TrainError::TooFew { .. } => format!("TOO_FEW_LABELS: {error}"),
                _ => error.to_string(),
            };
            model::fail(&app.db, id, &summary.encode_to_vec()).await?;
            tracing::warn!(model.id = %id, %error, "the training of model {id} failed");
        }
    }
    Ok(())
}

/// Trains on a thread of its own and writes progress meanwhile.
async fn work(
    app: &Arc<App>,
    id: &str,
    examples: Examples,
    options: Options,
) -> Result<Result<Trained, TrainError>, Error> {
    let share = Arc::new(AtomicU64::new(0));
    let stop = StopOnDrop(Arc::new(AtomicBool::new(false)));
    let (told, stopped) = (Arc::clone(&share), Arc::clone(&stop.0));
    let mut thread = tokio::task::spawn_blocking(move || {
        train(&examples, &options, &|done| {
            told.store(done.to_bits(), Ordering::Relaxed);
            !stopped.load(Ordering::Relaxed)
        })
    });
    loop {
        tokio::select! {
            ended = &mut thread => return ended.map_err(|error| Error::Broken(error.to_string())),
            () = tokio::time::sleep(PAUSE) => {
                let done = f64::from_bits(share.load(Ordering::Relaxed));
                model::set_progress(&app.db, id, done).await?;
            }
        }
    }
}

/// Tells the training thread to stop when nobody waits for it any more.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Reads all customers and looks at them at each instant.
async fn examples(app: &App, request: &proto::TrainModelRequest) -> Result<Examples, Error> {
    let instants: Vec<Timestamp> = request
        .as_of_times
        .iter()
        .filter_map(|time| fields::parse_time(time).ok())
        .collect();
    let horizon = request
        .horizon
        .map_or(0, |h| h.seconds * 1_000_000 + i64::from(h.nanos) / 1_000);
    let horizon = Span::from_micros(horizon);
    let folds: HashMap<&str, usize> = (request.folds.iter())
        .map(|f| (f.customer_id.as_str(), usize::try_from(f.fold).unwrap_or(0)))
        .collect();
    let by_hash = folds.values().max().map_or(FOLDS, |last| *last as u64 + 1);
    let mut customers = 0;
    for lane in app.db.lanes().all() {
        customers += customer::count(&app.db, lane).await?;
    }
    let wanted = customers.saturating_mul(api::words::count(instants.len()));
    let mut examples = Examples::default();
    for lane in app.db.lanes().all() {
        let mut after = String::new();
        loop {
            let page = customer::next(&app.db, lane, &after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.customer_id);
            for known in page {
                let group = mix64(fnv1a64(known.customer_id.as_bytes()));
                if wanted > EXAMPLES_MAX && !is_taken(group, wanted) {
                    continue;
                }
                let fold = folds.get(known.customer_id.as_str()).copied();
                let by_hash = usize::try_from(mix64(group) % by_hash).expect("a handful of folds");
                for at in &instants {
                    if let Some(churned) = label(&known.state, *at, horizon) {
                        let row = derive(&known.state, *at);
                        examples.push(row, churned, group, fold.unwrap_or(by_hash));
                    }
                }
            }
            tokio::task::yield_now().await;
        }
    }
    Ok(examples)
}

/// Returns true for the share of customers that keeps the examples within their limit.
fn is_taken(group: u64, wanted: i64) -> bool {
    let share = (u128::from(EXAMPLES_MAX.unsigned_abs()) << 64) / u128::from(wanted.unsigned_abs());
    u128::from(mix64(group ^ 0x5ca1_ab1e)) < share
}
