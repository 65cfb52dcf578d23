//! Deleting what is too old: kind by kind in each lane, in transactions of bounded size.
//!
//! Any part may be done again, or by two replicas at once: what is too old is decided on the rows
//! behind the lock of their lane.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tenure_core::{CustomerId, Lane, Timestamp};
use tenure_rpc::Lifecycle;
use tenure_sql::feed;

use crate::domain::retention::{RetentionKind, kept_since};
use crate::domain::words::ErasureState;
use crate::domain::{Book, Erasure};
use crate::store::retention::{self, Window};
use crate::{Deps, Error, api};

/// How many rows a window has: writers of its lane wait as long as it takes to delete them.
const WINDOW_ROWS: i64 = 2_000;
/// How many customers who have left go in one transaction: each has rows in every table.
const CUSTOMERS_MAX: i64 = 100;
/// A process that is started anew every day still gets to it.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
/// Said in the erasures of customers who have left.
const REASON: &str = "RETENTION";
const REQUESTED_BY: &str = "retention";

/// How many rows were too old, by their kind. Kinds that are kept for ever are missing.
pub(crate) type Counts = BTreeMap<i32, i64>;

/// Where a walk goes on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Place {
    pub(crate) lane: Lane,
    /// Which of [`RetentionKind::ALL`].
    pub(crate) kind: usize,
    /// From which customer on.
    pub(crate) from: String,
}

/// Runs soon after the start and then at every interval, until the process drains.
pub(crate) async fn follow(deps: Arc<Deps>, lifecycle: Lifecycle) {
    let privacy = &deps.config.privacy;
    if !privacy.retention.is_on() {
        return;
    }
    let interval = Duration::from_secs(privacy.retention_interval_s);
    let mut pause = FIRST_PAUSE;
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = lifecycle.draining() => return,
        }
        pause = interval;
        let mut place = Some(Place::default());
        let mut counts = Counts::new();
        while let Some(from) = place.take().filter(|_| !lifecycle.is_draining()) {
            match run(&deps, from, false, 1).await {
                Ok((more, next)) => {
                    more.iter()
                        .for_each(|(kind, rows)| *counts.entry(*kind).or_default() += rows);
                    place = next;
                }
                Err(error) => tracing::warn!(%error, "cannot delete what is too old: {error}"),
            }
        }
        if counts.values().any(|rows| *rows > 0) {
            tracing::info!(?counts, "deleted what was too old");
        }
    }
}

/// Goes through up to `windows` windows from a place on, and returns how many rows were too old and where
/// to go on. With `is_dry` they are counted only.
pub(crate) async fn run(
    deps: &Deps,
    place: Place,
    is_dry: bool,
    windows: usize,
) -> Result<(Counts, Option<Place>), Error> {
    let now = deps.clock.now();
    let config = &deps.config.privacy.retention;
    let on = |kind: &RetentionKind| Some((*kind, kept_since(config.days(*kind), now)?));
    let mut counts: Counts = RetentionKind::ALL
        .iter()
        .filter_map(on)
        .map(|(kind, _)| (kind.number(), 0))
        .collect();
    let mut place = place;
    let mut left = windows;
    while place.lane.unsigned_abs() < deps.db.lanes().count() {
        let Some(kind) = RetentionKind::ALL.get(place.kind) else {
            place = Place {
                lane: place.lane + 1,
                ..Place::default()
            };
            continue;
        };
        let window = match on(kind) {
            None => None,
            Some((_, since)) => {
                let (lane, from) = (place.lane, &place.from);
                let next = retention::window(&deps.db, *kind, lane, from, WINDOW_ROWS).await?;
                next.map(|window| (window, since))
            }
        };
        let Some((window, since)) = window else {
            (place.kind, place.from) = (place.kind + 1, String::new());
            continue;
        };
        if left == 0 {
            return Ok((counts, Some(place)));
        }
        left -= 1;
        let rows = sweep(deps, *kind, &window, since, is_dry).await?;
        *counts.entry(kind.number()).or_default() += rows;
        // Behind the last customer and before all that begin with its key: no key has such a sign.
        place.from = window.until + "\u{1}";
    }
    Ok((counts, None))
}

async fn sweep(
    deps: &Deps,
    kind: RetentionKind,
    window: &Window,
    since: Timestamp,
    is_dry: bool,
) -> Result<i64, Error> {
    let old = retention::count(&deps.db, kind, window, since).await?;
    if is_dry || old == 0 {
        return Ok(old);
    }
    if kind == RetentionKind::Churned {
        return forget(deps, window, since).await;
    }
    let mut tx = deps.db.begin().await?;
    feed::lock_lanes(&mut tx, &[window.lane]).await?;
    let deleted = retention::delete(&mut tx, kind, window, since).await?;
    tx.commit().await?;
    Ok(deleted)
}

/// Begins erasures of the customers of a window who have left. No fingerprint is kept: nobody asked to be
/// forgotten, and whoever comes back is welcome.
async fn forget(deps: &Deps, window: &Window, since: Timestamp) -> Result<i64, Error> {
    let lanes = deps.db.lanes();
    let mut forgotten = 0;
    loop {
        let now = deps.clock.now();
        let mut tx = deps.db.begin().await?;
        feed::lock_lanes(&mut tx, &[window.lane]).await?;
        let left = retention::left(&mut tx, window, since, CUSTOMERS_MAX).await?;
        if left.is_empty() {
            return Ok(forgotten);
        }
        let mut book = Book::open(now);
        for customer in &left {
            let erasure = erasure(deps, customer, now);
            super::erase::erase_record(&mut tx, lanes, erasure, &[], &mut book).await?;
        }
        api::save(&mut tx, lanes, book).await?;
        tx.commit().await?;
        forgotten += i64::try_from(left.len()).unwrap_or(i64::MAX);
    }
}

fn erasure(deps: &Deps, customer: &CustomerId, now: Timestamp) -> Erasure {
    Erasure {
        id: deps.ids.uuid(now),
        customer: customer.clone(),
        reason: REASON.to_owned(),
        requested_by: REQUESTED_BY.to_owned(),
        state: ErasureState::Running,
        feed_seq: 0,
        created_at: now,
        completed_at: None,
        receipts: Vec::new(),
    }
}
