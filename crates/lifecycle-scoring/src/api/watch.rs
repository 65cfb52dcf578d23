//! `WatchChanges`: stage transitions and changed scores.

use std::sync::Arc;
use std::time::Duration;

use prost::Message;
use tenure_proto::scoring::v1 as proto;
use tenure_rpc::IntoStatus;
use tenure_rpc::feed::{self, Batch, ResponseStream, Watch};
use tenure_sql::SqlError;
use tenure_sql::feed::Positions;
use tonic::Status;

use crate::app::App;
use crate::{DOMAIN, Error};

/// The kind of a stage transition in the feed.
pub(crate) const STAGE_TRANSITION: &str = "stage_transition";
/// The kind of a changed score in the feed.
pub(crate) const SCORE: &str = "score";

/// Changes of one message: half a kilobyte each, far below the limit of a message.
const BATCH: usize = 500;
/// How often the feed is looked at when another process writes it.
const POLL: Duration = Duration::from_millis(200);

/// Streams the changes after a position.
pub(crate) fn changes(
    app: &Arc<App>,
    request: proto::WatchChangesRequest,
) -> Result<ResponseStream<proto::WatchChangesResponse>, Status> {
    let proto::WatchChangesRequest {
        resume_token,
        follow,
    } = request;
    Positions::from_token(&app.db, &resume_token).map_err(|e| e.into_status(DOMAIN))?;
    let mut signal = app.db.feed_signal();
    let reader = Arc::clone(app);
    Ok(feed::watch(
        &app.lifecycle,
        Watch {
            resume_token,
            follow,
        },
        move |token| {
            let app = Arc::clone(&reader);
            async move {
                after(&app, &token)
                    .await
                    .map_err(|error| error.into_status(DOMAIN))
            }
        },
        move || signal.wait(POLL),
        |batch| proto::WatchChangesResponse {
            changes: batch.changes,
            resume_token: batch.resume_token,
        },
    ))
}

async fn after(app: &App, token: &str) -> Result<Batch<proto::Change>, Error> {
    let positions = Positions::from_token(&app.db, token)?;
    let (changes, next) = tenure_sql::feed::read(&app.db, &positions, &[], BATCH).await?;
    let changes = changes.iter().map(|change| {
        proto::Change::decode(change.body.as_slice())
            .map_err(|_| SqlError::corrupt("a stored change cannot be read"))
    });
    Ok(Batch {
        changes: changes.collect::<Result<_, _>>()?,
        resume_token: next.to_token(),
    })
}
