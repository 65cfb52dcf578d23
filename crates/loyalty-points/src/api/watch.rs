//! `WatchChanges`.

use std::sync::Arc;
use std::time::Duration;

use tenure_proto::loyalty::v1::{Change, WatchChangesRequest, WatchChangesResponse, change};
use tenure_rpc::feed::{Batch, ResponseStream, Watch, watch as stream};
use tenure_rpc::{IntoStatus, fields};

use super::convert;
use crate::domain::Record;
use crate::store::FeedRecord;
use crate::{DOMAIN, Shared, store};

/// How many changes one message holds. Below the 1,000 that are allowed, so that messages with long
/// lists of lots stay small.
const BATCH_MAX: usize = 250;
/// How often other replicas' commits are looked for; our own wake the stream.
const POLL: Duration = Duration::from_millis(200);

pub(super) fn watch(
    shared: &Arc<Shared>,
    request: WatchChangesRequest,
) -> ResponseStream<WatchChangesResponse> {
    let WatchChangesRequest {
        resume_token,
        follow,
    } = request;
    let mut signal = shared.db.feed_signal();
    let db = shared.db.clone();
    let read = move |token: String| {
        let db = db.clone();
        async move {
            let read = store::changes_after(&db, &token, BATCH_MAX).await;
            let (records, resume_token) = read.map_err(|error| error.into_status(DOMAIN))?;
            Ok(Batch {
                changes: records.iter().filter_map(change).collect(),
                resume_token,
            })
        }
    };
    stream(
        &shared.lifecycle,
        Watch {
            resume_token,
            follow,
        },
        read,
        move || signal.wait(POLL),
        |Batch {
             changes,
             resume_token,
         }| WatchChangesResponse {
            changes,
            resume_token,
        },
    )
}

/// Returns the change that a record is; what was refused changed nothing, and a stock is nobody's
/// account.
fn change(found: &FeedRecord) -> Option<Change> {
    let (event, record_time, account, fact) = match &found.record {
        Record::Opened(opened) => {
            let fact = change::Fact::Account(convert::opened(opened));
            (opened.at, opened.at, &opened.account, fact)
        }
        Record::Entry(entry) => {
            let fact = change::Fact::Entry(convert::entry(entry));
            (entry.decided_at, entry.recorded_at, &entry.account, fact)
        }
        Record::Notice(notice) => {
            let fact = convert::notice(notice);
            (notice.at, notice.at, &notice.account, fact)
        }
        Record::Refused(_) | Record::Stock(_) => return None,
    };
    Some(Change {
        event_time: Some(fields::time(event)),
        record_time: Some(fields::time(record_time)),
        account_id: account.to_string(),
        customer_id: found.customer.as_ref()?.to_string(),
        fact: Some(fact),
    })
}
