//! Going on with erasures: what is left of erased customers in lanes of values, feed, answers, files.

use std::sync::Arc;
use std::time::Duration;

use tenure_core::{Lanes, Timestamp};
use tenure_rpc::{Lifecycle, StoredAnswer};
use tenure_sql::{SqlError, feed, scrub};

use crate::api::watch::empty;
use crate::domain::privacy::{IdentifierKind, SERVICE, Step};
use crate::domain::refusal::{Reason, Refusal};
use crate::domain::words::ErasureState;
use crate::domain::{Book, Erasure, ErasureReceipt, Fact};
use crate::store::Tx;
use crate::store::personal::{TABLES, TRACES};
use uuid::Uuid;

use crate::{DOMAIN, Deps, Error, store};

/// The most erasures of one turn.
const ERASURES_MAX: i64 = 1_000;

/// Goes on with erasures at every interval until the process drains.
pub(crate) async fn follow(deps: Arc<Deps>, lifecycle: Lifecycle) {
    let interval = Duration::from_secs(deps.config.privacy.erasure_interval_s);
    loop {
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            () = lifecycle.draining() => return,
        }
        match run(&deps).await {
            Ok((0, _)) => {}
            Ok((steps, running)) => {
                tracing::info!(steps, running, "did {steps} steps of erasures");
            }
            Err(error) => tracing::warn!(error = %error, "cannot erase: {error}"),
        }
    }
}

/// Does every step that can be done and returns how many were done, and how many erasures are running
/// still. Files are rewritten once for all erasures that have come so far.
pub(crate) async fn run(deps: &Deps) -> Result<(usize, usize), Error> {
    let state = Some(ErasureState::Running);
    let running = store::erasure::list(&deps.db, state, None, ERASURES_MAX).await?;
    let mut steps = 0;
    let mut waiting = Vec::new();
    for mut erasure in running {
        while let Some(step) = erasure.next_step() {
            if step == Step::Files {
                waiting.push(erasure);
                break;
            }
            let rows = do_step(deps, &erasure, step).await?;
            erasure = done(deps, &erasure, step, rows).await?;
            steps += 1;
        }
    }
    if !waiting.is_empty() && rewrite(deps).await? {
        for erasure in &waiting {
            done(deps, erasure, Step::Files, 0).await?;
            steps += 1;
        }
    }
    let running = store::erasure::list(&deps.db, state, None, ERASURES_MAX).await?;
    Ok((steps, running.len()))
}

async fn do_step(deps: &Deps, erasure: &Erasure, step: Step) -> Result<i64, Error> {
    let (db, customer) = (&deps.db, &erasure.customer);
    Ok(match step {
        Step::Values => store::personal::erase_values(db, customer).await?,
        Step::Feed => {
            let body = empty(customer.as_str());
            store::trace::empty_changes(db, customer, erasure.feed_seq, &body).await?
        }
        Step::Answers => {
            let refusal = Refusal::new(Reason::CustomerErased, "customer_id", "", "");
            let refusal = Error::refused(refusal.with("customer_id", customer.as_str()), "");
            let answer = StoredAnswer::refusal(&refusal, DOMAIN);
            let answer = answer.map_or_else(Vec::new, |answer| answer.to_bytes());
            store::trace::empty_answers(db, customer, &answer).await?
        }
        Step::Records | Step::Suppression | Step::Files => 0,
    })
}

async fn done(deps: &Deps, erasure: &Erasure, step: Step, rows: i64) -> Result<Erasure, Error> {
    let mut tx = deps.db.begin().await?;
    let receipt = receipt(step, rows, deps.clock.now());
    let erasure = receive_in(&mut tx, deps, erasure.id, receipt).await?;
    tx.commit().await?;
    Ok(erasure)
}

async fn rewrite(deps: &Deps) -> Result<bool, Error> {
    let tables = TABLES.iter().map(|table| table.name);
    let tables: Vec<&str> = tables.chain(TRACES.iter().copied()).collect();
    Ok(scrub(&deps.db, &tables).await?)
}

/// Deletes the record of a customer in the customer's lane, which is locked, keeps fingerprints, and has
/// the book tell it: the first steps of an erasure, in the transaction that begins it.
pub(crate) async fn erase_record(
    tx: &mut Tx,
    lanes: Lanes,
    mut erasure: Erasure,
    prints: &[(IdentifierKind, String)],
    book: &mut Book,
) -> Result<Erasure, SqlError> {
    let now = book.now();
    let lane = lanes.of(erasure.customer.as_str());
    store::suppression::keep(tx, lanes, erasure.id, prints, now).await?;
    let deleted = store::personal::erase_own(tx, lanes, &erasure.customer).await?;
    let kept = i64::try_from(prints.len()).unwrap_or(i64::MAX);
    let done = [(Step::Records, deleted), (Step::Suppression, kept)];
    erasure.receipts = done.map(|(step, rows)| receipt(step, rows, now)).to_vec();
    erasure.feed_seq = store::erasure::feed_head(tx, lane).await?;
    store::erasure::insert(tx, lanes, &erasure).await?;
    book.tell(now, Fact::Erasure(erasure.customer.clone(), erasure.id));
    Ok(erasure)
}

/// Returns the receipt of a step of this service.
pub(crate) fn receipt(step: Step, rows: i64, now: Timestamp) -> ErasureReceipt {
    ErasureReceipt {
        service: SERVICE.to_owned(),
        step: step.as_str().to_owned(),
        rows,
        done_at: now,
    }
}

/// Adds a receipt to an erasure, which it may complete.
pub(crate) async fn receive_in(
    tx: &mut Tx,
    deps: &Deps,
    id: Uuid,
    receipt: ErasureReceipt,
) -> Result<Erasure, Error> {
    let lanes = deps.db.lanes();
    feed::lock_lanes(tx, &[store::erasure::lane(lanes, id)]).await?;
    let erasure = store::erasure::load(tx, lanes, id).await?;
    let mut erasure = erasure.ok_or_else(|| unknown(id))?;
    let mut known = erasure.receipts.iter();
    if known.any(|it| (&it.service, &it.step) == (&receipt.service, &receipt.step)) {
        return Ok(erasure);
    }
    store::erasure::receive(tx, lanes, id, &receipt).await?;
    let now = receipt.done_at;
    erasure.receipts.push(receipt);
    erasure.settle(&deps.config.privacy.erasure_services, now);
    store::erasure::set_state(tx, lanes, &erasure).await?;
    Ok(erasure)
}

/// Returns the refusal for an erasure that there is not.
pub(crate) fn unknown(id: Uuid) -> Error {
    Error::ErasureNotFound(id.to_string())
}
