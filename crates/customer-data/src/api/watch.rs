//! The change feed: what a reader asks for, and the stream of it.

mod fact;
mod frame;
mod sealed;
mod snapshot;
mod tail;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use prost::Message as _;
use tenure_core::{CustomerId, Timestamp, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_rpc::encoded::Encoded;
use tenure_rpc::feed::{Page, ResponseStream, Watch, pages};
use tenure_rpc::fields;
use tenure_sql::feed::{self, Filter, Place, Positions, Token};
use tonic::Status;

use crate::domain::FACT_KINDS;
use crate::store::Db;
use crate::{Deps, Error};

pub(crate) use sealed::{Sealer, empty};
pub use sealed::{fact_of, open_changes, seal_changes};

/// The method that is answered with encoded messages.
pub(crate) const PATH: &str = "/tenure.customer.v1.CustomerService/WatchChanges";

/// The most changes of one message.
const CHANGES_MAX: usize = 1_000;
/// A message with more bytes of changes is cut: the largest message has 4 MiB.
const BYTES_MAX: usize = 3 * 1024 * 1024;
/// The most kinds that a reader may name.
const KINDS_MAX: usize = 32;
/// The most customers that a reader may name.
const CUSTOMERS_MAX: usize = 100;
/// The most readers of one feed that share it.
const SHARES_MAX: i32 = 1_024;

/// Answers a call with encoded messages.
pub(crate) fn encoded(
    deps: &Arc<Deps>,
    request: wire::WatchChangesRequest,
) -> Result<ResponseStream<Encoded>, Error> {
    let (filter, start) = parse(&request)?;
    // A token that is none of ours is refused before the stream begins.
    Token::from_text(&deps.db, &filter, &request.resume_token)?;
    let mut signal = deps.db.feed_signal();
    let poll = Duration::from_millis(deps.config.feed_poll_ms);
    let (deps, filter) = (Arc::clone(deps), Arc::new(filter));
    let lifecycle = deps.lifecycle.clone();
    let read = move |token: String| {
        let (deps, filter) = (Arc::clone(&deps), Arc::clone(&filter));
        async move { Ok(read(&deps, &filter, start, &token).await?) }
    };
    let watch = Watch {
        resume_token: request.resume_token,
        follow: request.follow,
    };
    Ok(pages(&lifecycle, watch, read, move || signal.wait(poll)))
}

/// The same as the generated server wants it. [`crate::Service::routes`] has calls answered with
/// encoded messages, so nothing but a caller of the trait itself comes here.
pub(super) fn decoded(
    deps: &Arc<Deps>,
    request: wire::WatchChangesRequest,
) -> Result<ResponseStream<wire::WatchChangesResponse>, Error> {
    let decode = |message: Result<Encoded, Status>| {
        let decoded = wire::WatchChangesResponse::decode(message?.0.as_slice());
        decoded.map_err(|error| Error::Unreadable(error.to_string()).into())
    };
    Ok(Box::pin(encoded(deps, request)?.map(decode)))
}

/// Where a reader without a token begins.
#[derive(Debug, Clone, Copy)]
enum Start {
    HistoryOrSnapshot,
    Snapshot,
    Oldest,
    Since(Timestamp),
}

fn parse(request: &wire::WatchChangesRequest) -> Result<(Filter, Start), Error> {
    let mut violations = Violations::new();
    let time = fields::optional_time(&mut violations, "start_time", request.start_time.as_ref());
    let start = match (wire::WatchStart::try_from(request.start), time) {
        (Ok(wire::WatchStart::Unspecified), None) => Start::HistoryOrSnapshot,
        (Ok(wire::WatchStart::Unspecified), Some(time)) => Start::Since(time),
        (Ok(wire::WatchStart::Snapshot), None) => Start::Snapshot,
        (Ok(wire::WatchStart::Oldest), None) => Start::Oldest,
        (Ok(_), Some(_)) => {
            violations.add("start_time", "nothing beside start", "an instant");
            Start::HistoryOrSnapshot
        }
        (Err(_), _) => {
            violations.add("start", "a known value", request.start.to_string());
            Start::HistoryOrSnapshot
        }
    };
    let filter = Filter {
        kinds: kinds(&mut violations, &request.fact_kinds),
        keys: customers(&mut violations, &request.customer_ids),
        share: share(&mut violations, request.share_count, request.share_index),
    };
    violations.into_result()?;
    Ok((filter, start))
}

fn kinds(violations: &mut Violations, kinds: &[String]) -> Vec<String> {
    fields::at_most(violations, "fact_kinds", kinds, KINDS_MAX);
    for (at, kind) in kinds.iter().enumerate().take(KINDS_MAX) {
        if !FACT_KINDS.contains(&kind.as_str()) {
            let wanted = format!("one of {}", FACT_KINDS.join(", "));
            violations.add(&format!("fact_kinds[{at}]"), wanted, "another word");
        }
    }
    kinds.to_vec()
}

fn customers(violations: &mut Violations, ids: &[String]) -> Vec<String> {
    fields::at_most(violations, "customer_ids", ids, CUSTOMERS_MAX);
    for (at, id) in ids.iter().enumerate().take(CUSTOMERS_MAX) {
        let field = format!("customer_ids[{at}]");
        violations.take(&field, CustomerId::parse(id));
    }
    ids.to_vec()
}

fn share(violations: &mut Violations, count: i32, index: i32) -> Option<(u32, u32)> {
    if !(0..=SHARES_MAX).contains(&count) {
        let wanted = format!("0 to {SHARES_MAX}");
        violations.add("share_count", wanted, count.to_string());
    }
    if index < 0 || index >= count.max(1) {
        violations.add("share_index", "0 to share_count - 1", index.to_string());
    }
    let share = (u32::try_from(index).ok()?, u32::try_from(count).ok()?);
    (count > 0).then_some(share)
}

async fn read(
    deps: &Deps,
    filter: &Filter,
    start: Start,
    token: &str,
) -> Result<Page<Encoded>, Error> {
    let db = &deps.db;
    let token = match token {
        "" => begin(db, start).await?,
        _ => Token::from_text(db, filter, token)?,
    };
    match token.snapshot {
        Some(place) => snapshot::read(deps, filter, token.positions, place).await,
        None => tail::read(db, filter, token.positions).await,
    }
}

async fn begin(db: &Db, start: Start) -> Result<Token, Error> {
    let snapshot = || Token {
        positions: Positions::start().moved(db, 0, 0),
        snapshot: Some(Place::of_lane(0)),
    };
    let of = |positions| Token {
        positions,
        snapshot: None,
    };
    Ok(match start {
        Start::Snapshot => snapshot(),
        Start::Since(at) => of(feed::since(db, at).await?),
        Start::Oldest => of(feed::earliest(db).await?),
        Start::HistoryOrSnapshot => {
            let earliest = feed::earliest(db).await?;
            match Positions::start().reaches(&earliest) {
                true => of(earliest),
                false => snapshot(),
            }
        }
    })
}
