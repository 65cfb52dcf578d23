//! Background work: matching a base, deleting answers, changes and what was erased, and noting promised
//! times that have passed.

pub(crate) mod access;
mod due;
pub(crate) mod erase;
pub(crate) mod matching;
pub(crate) mod peer;
pub(crate) mod peers;
pub(crate) mod retention;
pub(crate) mod reversal;

use std::sync::Arc;
use std::time::Duration;

use tenure_core::Span;
use tenure_rpc::Lifecycle;
use tenure_sql::feed::FeedError;
use tenure_sql::{answers, feed};

use crate::api::watch::fact_of;

pub(crate) use due::{note_due, watch as watch_due};

use crate::{Deps, store};

/// Sweeps at every interval until the process drains.
pub(crate) async fn sweep(deps: Arc<Deps>, lifecycle: Lifecycle) {
    let interval = Duration::from_secs(deps.config.sweep_interval_s);
    loop {
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            () = lifecycle.draining() => return,
        }
        match sweep_once(&deps).await {
            Ok((answers, changes)) => {
                tracing::debug!(
                    answers,
                    changes,
                    "swept {answers} answers, {changes} changes"
                );
            }
            Err(error) => tracing::warn!(error = %error, "cannot sweep: {error}"),
        }
    }
}

async fn sweep_once(deps: &Deps) -> Result<(u64, u64), FeedError> {
    let now = deps.clock.now();
    let days = |days: u32| now - Span::from_days(i64::from(days));
    let answers = answers::prune(&deps.db, days(deps.config.answer_retention_days)).await?;
    let changes = match deps.config.change_retention_days {
        0 => 0,
        kept => feed::prune(&deps.db, days(kept)).await?,
    };
    let replaced = match deps.config.change_compaction_days {
        0 => 0,
        kept => feed::compact(&deps.db, days(kept), fact_of).await?,
    };
    // What is being taken back needs what is kept: the next sweep comes soon enough.
    if store::reversal::undone(&deps.db, 1).await?.is_empty() {
        // A day longer than promised, because clocks of replicas differ.
        let kept = deps.config.import_undo_days.saturating_add(1);
        store::import_undo::prune(&deps.db, days(kept)).await?;
    }
    Ok((answers, changes + replaced))
}

#[cfg(test)]
mod tests {
    use tenure_core::{Clock, Ids, ManualClock, Timestamp};
    use tenure_sql::answers::{Claim, Key, claim, record};
    use tenure_sql::feed::NewChange;
    use tenure_testkit::{each_backend, request_id};

    use super::*;
    use crate::{Config, Db, MIGRATIONS, Peers};

    #[tokio::test]
    async fn only_what_is_older_than_its_retention_is_deleted() {
        each_backend(&MIGRATIONS, async |db| {
            let start = Timestamp::from_micros(0);
            let clock = ManualClock::at(start);
            let lane = 0;
            let key = Key {
                lane,
                principal: "p",
                method: "m",
                request_id: request_id(),
            };
            let mut tx = db.begin().await.unwrap();
            assert_eq!(claim(&mut tx, &key, b"f", start).await.unwrap(), Claim::New);
            record(&mut tx, &key, b"a").await.unwrap();
            let (key, body) = ("C1".to_owned(), vec![0]);
            let change = NewChange {
                lane,
                kind: "customer",
                key,
                happened_at: start,
                body,
            };
            feed::append(&mut tx, vec![change], start).await.unwrap();
            tx.commit().await.unwrap();
            let config = Config {
                answer_retention_days: 7,
                change_retention_days: 9,
                ..Config::default()
            };
            let lifecycle = Lifecycle::new();
            let deps = Deps {
                db: Db::new(db, &config.privacy),
                clock: Arc::new(clock.clone()),
                ids: Ids::seeded(1),
                config,
                lifecycle,
                peers: Peers::default(),
            };

            let mut swept = Vec::new();
            for _ in 0..5 {
                clock.advance(Span::from_days(2));
                swept.push((clock.now(), sweep_once(&deps).await.unwrap()));
            }

            let counts: Vec<_> = swept.iter().map(|(_, counts)| *counts).collect();
            assert_eq!(counts, [(0, 0), (0, 0), (0, 0), (1, 0), (0, 1)]);
        })
        .await;
    }
}
