//! A new reader takes a snapshot while others change what it reads, and follows until it has the last
//! change: then its table must be the server's.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tenure_proto::customer::v1 as pb;
use tenure_proto::customer::v1::customer_service_client::CustomerServiceClient;
use tenure_rpc::Transport;
use tokio::task::JoinSet;

use super::fill;
use crate::bench::server::{Backend, TestServer};
use crate::cli::FeedArgs;
use crate::show::{self, grouped};

/// Writers, each with a call in flight.
const WRITERS: u32 = 4;
/// Writes of one call.
const WRITES: u32 = 50;
/// How long others write before and after the snapshot, so that it stands in the midst of it.
const MARGIN: Duration = Duration::from_millis(500);

/// What a reader knows of each interaction: its version.
#[derive(Debug, Default, PartialEq, Eq)]
struct Known(HashMap<String, String>);

impl Known {
    fn apply(&mut self, message: pb::WatchChangesResponse) -> usize {
        let count = message.changes.len();
        for change in message.changes {
            match change.fact {
                Some(pb::change::Fact::Interaction(it)) => {
                    self.0.insert(it.interaction_id, it.resolution);
                }
                Some(pb::change::Fact::Customer(it)) => {
                    self.0.insert(it.customer_id, it.etag);
                }
                _ => {}
            }
        }
        count
    }
}

pub(super) async fn measure(backend: Backend<'_>, args: &FeedArgs) -> Result<Vec<String>> {
    let server = TestServer::start(backend, &[]).await?;
    let transport = server.connect()?;
    show::note(&format!("{}: taking in facts ...", backend.name()));
    fill::facts(&transport, args.facts).await?;
    show::note(&format!("{}: a snapshot under writes ...", backend.name()));
    let memory_before = server.memory_mb();
    let (is_over, written) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let (is_over, written) = (Arc::clone(&is_over), Arc::clone(&written));
        writers.spawn(write(server.connect()?, writer, *args, is_over, written));
    }
    let writing = Instant::now();
    tokio::time::sleep(MARGIN).await;
    let begin = Instant::now();
    let mut known = Known::default();
    let (mut token, count) = read(&transport, String::new(), &mut known, true).await?;
    let elapsed = begin.elapsed();
    tokio::time::sleep(MARGIN).await;
    is_over.store(true, Ordering::SeqCst);
    let writes = written.load(Ordering::SeqCst);
    let rate = rate(writes, writing.elapsed());
    while let Some(writer) = writers.join_next().await {
        writer.context("a writer failed")??;
    }
    (token, _) = read(&transport, token, &mut known, false).await?;
    let memory_after = server.memory_mb();
    let mut table = Known::default();
    read(&transport, String::new(), &mut table, false).await?;
    ensure!(
        known == table,
        "the reader's table is not the server's, at {token}"
    );
    ensure!(
        table.0.len() as u64 >= u64::from(args.facts),
        "facts are missing"
    );
    server.stop().await?;
    Ok(vec![
        backend.name().to_owned(),
        grouped(i64::try_from(table.0.len()).unwrap_or(i64::MAX)),
        args.writes.to_string(),
        format!("{rate:.0}"),
        format!("{:.2}", elapsed.as_secs_f64()),
        format!("{:.0}", self::rate(count, elapsed)),
        format!("{memory_before} / {memory_after}"),
    ])
}

#[expect(clippy::cast_precision_loss, reason = "rates")]
fn rate(count: u64, elapsed: Duration) -> f64 {
    count as f64 / elapsed.as_secs_f64()
}

/// Reads on from a token (the empty one: a snapshot) until the snapshot is over, or all of the feed.
async fn read(
    transport: &Transport,
    token: String,
    known: &mut Known,
    only_snapshot: bool,
) -> Result<(String, u64)> {
    let mut client = CustomerServiceClient::new(transport.clone());
    let request = pb::WatchChangesRequest {
        resume_token: token,
        start: pb::WatchStart::Snapshot.into(),
        ..Default::default()
    };
    let mut last = request.resume_token.clone();
    let mut count = 0;
    let mut stream = client.watch_changes(request).await?.into_inner();
    while let Some(message) = stream.message().await? {
        last.clone_from(&message.resume_token);
        let is_over = only_snapshot && message.snapshot_percent.is_none();
        count += known.apply(message) as u64;
        if is_over {
            break;
        }
    }
    Ok((last, count))
}

/// Changes interactions, so many a second all writers together: every second write makes a new one.
async fn write(
    transport: Transport,
    writer: u32,
    args: FeedArgs,
    is_over: Arc<AtomicBool>,
    written: Arc<AtomicU64>,
) -> Result<()> {
    let mut client = CustomerServiceClient::new(transport);
    let pause = Duration::from_secs_f64(f64::from(WRITES * WRITERS) / f64::from(args.writes));
    let mut due = tokio::time::Instant::now();
    let mut round = 0;
    while !is_over.load(Ordering::SeqCst) {
        round += 1;
        let of = |n: u32| {
            let step = (round * WRITERS + writer) * WRITES + n;
            match n % 2 {
                0 => (args.facts + step, round),
                _ => (step.wrapping_mul(7_919) % args.facts, round),
            }
        };
        // No id twice in a call.
        let mut versions: Vec<(u32, u32)> = (0..WRITES).map(of).collect();
        versions.sort_unstable();
        versions.dedup_by_key(|it| it.0);
        let count = versions.len() as u64;
        fill::upsert(&mut client, versions.into_iter()).await?;
        written.fetch_add(count, Ordering::SeqCst);
        due += pause;
        tokio::time::sleep_until(due).await;
    }
    Ok(())
}
