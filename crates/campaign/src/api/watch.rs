//! The change feed of campaigns and enrolments.

use std::sync::Arc;
use std::time::Duration;

use tenure_proto::campaign::v1::{Change, WatchChangesRequest, WatchChangesResponse};
use tenure_rpc::feed::{Batch, ResponseStream, Watch};
use tenure_sql::feed::{self, Positions};

use super::change;
use crate::Inner;
use crate::error::Error;

/// Changes of one message: a campaign with all its conditions takes some kilobytes.
const BATCH: usize = 500;
/// What another replica commits does not ring here.
const POLL: Duration = Duration::from_millis(500);

/// Streams the changes after a token.
pub(super) fn watch(
    inner: &Arc<Inner>,
    request: WatchChangesRequest,
) -> ResponseStream<WatchChangesResponse> {
    let mut signal = inner.db.feed_signal();
    let reader = inner.clone();
    let watch = Watch {
        resume_token: request.resume_token,
        follow: request.follow,
    };
    tenure_rpc::feed::watch(
        &inner.lifecycle,
        watch,
        move |token| {
            let inner = reader.clone();
            async move { Ok(read(&inner, &token).await?) }
        },
        move || signal.wait(POLL),
        |batch| WatchChangesResponse {
            changes: batch.changes,
            resume_token: batch.resume_token,
        },
    )
}

async fn read(inner: &Inner, token: &str) -> Result<Batch<Change>, Error> {
    let after = Positions::from_token(&inner.db, token)?;
    let (changes, positions) = feed::read(&inner.db, &after, &[], BATCH).await?;
    let changes = changes
        .iter()
        .map(change::decode)
        .collect::<Result<_, _>>()?;
    Ok(Batch {
        changes,
        resume_token: positions.to_token(),
    })
}
