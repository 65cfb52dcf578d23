//! Grants: points that are owed are booked by loyalty-points, at least once under the same id, and
//! so exactly once.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream;
use tenure_core::{Lane, Timestamp};
use tenure_proto::loyalty::v1::EarnPointsRequest;
use tenure_rpc::{Lifecycle, status};
use tenure_sql::feed;
use tonic::{Code, Status};

use super::client;
use crate::api::change;
use crate::domain::grant::{backoff, request_id, source};
use crate::error::Error;
use crate::store::grant::Owed;
use crate::{Inner, store};

/// Bookings that are noted in one transaction.
const BATCH: i64 = 200;
/// Bookings under way at once: loyalty-points commits those that come together together.
const AT_ONCE: usize = 16;

/// What a look at all lanes came to.
#[derive(Debug, Default)]
pub(super) struct Swept {
    /// How many grants were noted.
    pub(super) granted: u64,
    /// Why one failed; rather for a reason that will pass than for one that will not.
    pub(super) failure: Option<Status>,
}

/// Grants owed points as they become owed, and again when that failed.
pub(super) async fn run(inner: Arc<Inner>, lifecycle: Lifecycle) {
    loop {
        tokio::select! {
            () = inner.owed.notified() => {}
            () = tokio::time::sleep(super::sweep_interval(&inner)) => {}
            () = lifecycle.draining() => return,
        }
        let now = inner.clock.now();
        match sweep(&inner, now).await {
            Ok(swept) if swept.granted > 0 => {
                tracing::debug!(granted = swept.granted, "granted owed points");
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "owed points cannot be read or noted"),
        }
    }
}

/// Grants everything that is owed and due until `due`. What is refused is noted for later.
pub(super) async fn sweep(inner: &Inner, due: Timestamp) -> Result<Swept, Error> {
    let mut swept = Swept::default();
    for lane in inner.db.lanes().all() {
        let mut after = String::new();
        loop {
            let owed = store::grant::owed(&inner.db, lane, due, &after, BATCH).await?;
            let Some(last) = owed.last() else { break };
            after = last.contact.to_string();
            let booked: Vec<(Owed, Result<(), Status>)> = stream::iter(owed)
                .map(|owed| async {
                    let booked = book(inner, &owed).await;
                    (owed, booked)
                })
                .buffer_unordered(AT_ONCE)
                .collect()
                .await;
            note(inner, lane, booked, &mut swept).await?;
            // Who does not answer now is left alone until the next look.
            if swept.failure.as_ref().is_some_and(client::is_passing) {
                return Ok(swept);
            }
        }
    }
    Ok(swept)
}

/// Has points booked. That the event earned before is what was wanted: an earlier try arrived.
async fn book(inner: &Inner, owed: &Owed) -> Result<(), Status> {
    let request = EarnPointsRequest {
        request_id: request_id(owed.contact).to_string(),
        account_id: owed.customer.to_string(),
        points: owed.points,
        source: source(&owed.campaign, &owed.customer),
        open_account: true,
        ..EarnPointsRequest::default()
    };
    match inner.clients.earn_points(request).await {
        Err(refused)
            if refused.code() == Code::AlreadyExists
                && status::reason(&refused).as_deref() == Some("EVENT_ALREADY_EARNED") =>
        {
            Ok(())
        }
        booked => booked,
    }
}

async fn note(
    inner: &Inner,
    lane: Lane,
    booked: Vec<(Owed, Result<(), Status>)>,
    swept: &mut Swept,
) -> Result<(), Error> {
    let now = inner.clock.now();
    let mut tx = inner.db.begin().await?;
    feed::lock_lanes(&mut tx, &[lane]).await?;
    let mut campaigns = BTreeMap::new();
    let mut changes = Vec::new();
    for (owed, booked) in booked {
        if let Err(status) = booked {
            report(&owed, &status);
            let at = now + backoff(owed.tries + 1);
            store::grant::later(&mut tx, &owed, at).await?;
            if swept.failure.is_none() || client::is_passing(&status) {
                swept.failure = Some(status);
            }
            continue;
        }
        let Some(enrolment) = store::grant::granted(&mut tx, &owed).await? else {
            continue;
        };
        swept.granted += 1;
        let campaign = store::campaign::read_once(&mut tx, &owed.campaign, &mut campaigns).await?;
        changes.push(change::of_enrolment(&enrolment, campaign, now));
    }
    feed::append(&mut tx, changes, now).await?;
    tx.commit().await?;
    Ok(())
}

fn report(owed: &Owed, status: &Status) {
    let (contact, code) = (owed.contact, status.code());
    // What passes by itself is said where it lasts: by loyalty-points, or by the health of the link.
    if client::is_passing(status) {
        tracing::debug!(contact.id = %contact, ?code, "points of contact {contact} wait");
    } else {
        let message = status.message();
        tracing::warn!(contact.id = %contact, ?code, message, "points of contact {contact} refused");
    }
}
