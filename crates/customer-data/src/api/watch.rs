//! The change feed.

use std::sync::Arc;
use std::time::Duration;

use prost::Message;
use tenure_proto::customer::v1 as wire;
use tenure_rpc::feed::{Batch, ResponseStream, Watch, watch as stream};
use tenure_sql::Db;
use tenure_sql::feed::{self, Positions};

use crate::{Deps, Error};

/// The most changes of one message.
const CHANGES_MAX: usize = 1_000;
/// A message with more bytes of changes is cut: the largest message has 4 MiB.
const BYTES_MAX: usize = 3 * 1024 * 1024;

pub(super) fn watch(
    deps: &Arc<Deps>,
    request: wire::WatchChangesRequest,
) -> Result<ResponseStream<wire::WatchChangesResponse>, Error> {
    let wire::WatchChangesRequest {
        resume_token,
        follow,
    } = request;
    // A token that is none of ours is refused before the stream begins.
    Positions::from_token(&deps.db, &resume_token)?;
    let mut signal = deps.db.feed_signal();
    let poll = Duration::from_millis(deps.config.feed_poll_ms);
    let db = deps.db.clone();
    let read = move |token: String| {
        let db = db.clone();
        async move { Ok(read(&db, &token).await?) }
    };
    let respond = |batch: Batch<wire::Change>| {
        let Batch {
            changes,
            resume_token,
        } = batch;
        wire::WatchChangesResponse {
            changes,
            resume_token,
        }
    };
    let watch = Watch {
        resume_token,
        follow,
    };
    Ok(stream(
        &deps.lifecycle,
        watch,
        read,
        move || signal.wait(poll),
        respond,
    ))
}

async fn read(db: &Db, token: &str) -> Result<Batch<wire::Change>, Error> {
    let after = Positions::from_token(db, token)?;
    let mut limit = CHANGES_MAX;
    loop {
        let (stored, positions) = feed::read(db, &after, &[], limit).await?;
        let bytes: usize = stored.iter().map(|change| change.body.len()).sum();
        // Positions move lane by lane, so less is had only by asking for less.
        if bytes > BYTES_MAX && limit > 1 {
            limit = (limit / 2).min(stored.len().div_ceil(2));
            continue;
        }
        let mut changes = Vec::with_capacity(stored.len());
        for change in &stored {
            let change = wire::Change::decode(change.body.as_slice());
            changes.push(change.map_err(|error| Error::Unreadable(error.to_string()))?);
        }
        return Ok(Batch {
            changes,
            resume_token: positions.to_token(),
        });
    }
}
