//! Three consumers follow a feed while the server, the consumers and the database are killed at
//! random: each change has its effect exactly once, in the order of its customer.
//!
//! Server and consumers are processes of their own. Each consumer counts what every change did to a
//! table in a database of its own, so that whatever happens twice shows; the third one runs twice at
//! the same time, as two replicas of a service do. Writers repeat what was not answered with the same
//! request id. In the end the server's feed, what was acknowledged and the three tables must agree.

mod command;
mod consumer;
mod writers;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use tenure_proto::customer::v1 as pb;
use tenure_proto::customer::v1::customer_service_client::CustomerServiceClient;
use tenure_rpc::{ClientOptions, Transport, connect};
use tenure_sql::{Db, DbOptions, tally};

use super::crash::program::{Program, Running};
use super::crash::proxy::Proxy;
pub use command::feed_crash;
pub use consumer::consume;
use writers::Writers;

/// How many consumers there are; the last one has a second replica.
const CONSUMERS: usize = 3;
/// The pauses between two blows, in milliseconds.
const PAUSE_MS: (u64, u64) = (150, 900);
/// How long the server may take until it answers again.
const RECOVERY: Duration = Duration::from_secs(60);

/// What breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FeedBlow {
    /// The server is killed with SIGKILL.
    Server,
    /// A consumer is killed with SIGKILL.
    Consumer,
    /// Connections are cut between the server and whoever talks to it.
    Cut,
    /// The PostgreSQL server is restarted without a checkpoint.
    Postgres,
}

/// What is tried.
#[derive(Debug, Clone)]
pub struct FeedTrial {
    /// The program that serves and consumes.
    pub program: PathBuf,
    /// Its settings in the environment.
    pub settings: Vec<(String, String)>,
    /// The folder of its databases.
    pub data: PathBuf,
    /// The URL of the database of each consumer.
    pub consumers: Vec<String>,
    /// Decides what is random.
    pub seed: u64,
    /// What breaks, one after the other.
    pub blows: Vec<FeedBlow>,
    /// A command that restarts PostgreSQL at once, for [`FeedBlow::Postgres`].
    pub restart_postgres: Option<String>,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct FeedOutcome {
    /// Changes in the feed, each in the table of every consumer once.
    pub changes: usize,
    /// Writes that were acknowledged.
    pub writes: u64,
    /// Writes that had no answer at first and were repeated.
    pub repeated: u64,
}

impl FeedTrial {
    /// Runs it; tells `observe` what broke.
    ///
    /// # Errors
    /// When a change is missing, doubled or out of order anywhere, or the server does not come back.
    pub async fn run(&self, observe: impl Fn(usize, FeedBlow)) -> Result<FeedOutcome> {
        ensure!(self.consumers.len() == CONSUMERS, "a database for each");
        let program = Program::of(&self.program, &self.settings, &self.data);
        let proxy = Proxy::start().await?;
        let mut run = Run {
            trial: self,
            random: ChaCha8Rng::seed_from_u64(self.seed),
            server: Some(program.start(None)?),
            consumers: Vec::new(),
            program,
            proxy,
        };
        run.aim();
        for at in 0..=CONSUMERS {
            let consumer = run.spawn(at, false)?;
            run.consumers.push(consumer);
        }
        let writers = Writers::start(&run.proxy.url(), self.seed)?;
        for (number, blow) in self.blows.iter().enumerate() {
            run.blow(*blow).await?;
            observe(number + 1, *blow);
        }
        let written = writers.end().await?;
        run.end(written).await
    }
}

/// A consumer as a process. Dropping it kills it.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Run<'t> {
    trial: &'t FeedTrial,
    random: ChaCha8Rng,
    server: Option<Running>,
    consumers: Vec<Killed>,
    program: Program,
    proxy: Proxy,
}

impl Run<'_> {
    fn aim(&self) {
        if let Some(server) = &self.server {
            self.proxy.aim(server.address());
        }
    }

    /// Starts the consumer of a place; the place behind the last is the last one's second replica.
    fn spawn(&self, at: usize, until_head: bool) -> Result<Killed> {
        let number = at.min(CONSUMERS - 1);
        let mut command = Command::new(&self.trial.program);
        command.args(["bench", "feed-consumer", "--server", &self.proxy.url()]);
        command.args(["--database", &self.trial.consumers[number]]);
        if until_head {
            command.arg("--until-head");
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        Ok(Killed(child.context("a consumer cannot be started")?))
    }

    async fn blow(&mut self, blow: FeedBlow) -> Result<()> {
        let range = PAUSE_MS.1 - PAUSE_MS.0;
        let pause = PAUSE_MS.0 + self.random.next_u64() % range;
        tokio::time::sleep(Duration::from_millis(pause)).await;
        match blow {
            FeedBlow::Server => {
                drop(self.server.take());
                self.server = Some(self.program.start(None)?);
                self.aim();
            }
            FeedBlow::Consumer => {
                let at = (self.random.next_u32() as usize) % self.consumers.len();
                // Dropped, the former one is killed.
                let next = self.spawn(at, false)?;
                self.consumers[at] = next;
            }
            FeedBlow::Cut => self.proxy.cut(),
            FeedBlow::Postgres => self.restart_postgres().await?,
        }
        Ok(())
    }

    async fn restart_postgres(&self) -> Result<()> {
        let command = self.trial.restart_postgres.clone();
        let command = command.context("no command that restarts PostgreSQL")?;
        let restart = move || Command::new("sh").args(["-c", &command]).output();
        let output = tokio::task::spawn_blocking(restart).await??;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "PostgreSQL does not restart: {said}"
        );
        Ok(())
    }

    /// Lets every consumer read to the end and compares all tables with the feed.
    async fn end(mut self, written: writers::Written) -> Result<FeedOutcome> {
        self.consumers.clear();
        let transport = connect(&self.proxy.url(), &ClientOptions::default())?;
        let changes = feed(&transport).await?;
        for what in &written.acknowledged {
            ensure!(
                changes.contains_key(what),
                "{what} was acknowledged and is not in the feed"
            );
        }
        if let Some((what, times)) = changes.iter().find(|(_, times)| **times != 1) {
            bail!("{what} is in the feed {times} times");
        }
        for at in 0..CONSUMERS {
            let mut last = self.spawn(at, true)?;
            let ended = tokio::task::spawn_blocking(move || last.0.wait()).await??;
            ensure!(
                ended.success(),
                "consumer {at} does not reach the head: {ended}"
            );
            let url = &self.trial.consumers[at];
            let db = Db::open(url, &DbOptions::default(), &tally::MIGRATIONS).await?;
            let (effects, backwards) = tally::read(&db).await?;
            db.close().await;
            ensure!(
                backwards == 0,
                "consumer {at} saw {backwards} steps backwards"
            );
            let effects: BTreeMap<String, i64> = effects.into_iter().collect();
            if let Some(what) = changes.keys().find(|what| !effects.contains_key(*what)) {
                bail!("consumer {at} missed {what}");
            }
            if let Some((what, times)) = effects.iter().find(|it| changes.get(it.0) != Some(it.1)) {
                bail!("{what} had its effect on consumer {at} {times} times");
            }
        }
        Ok(FeedOutcome {
            changes: changes.len(),
            writes: written.acknowledged.len() as u64,
            repeated: written.repeated,
        })
    }
}

/// Returns every change of the feed and how often it is there.
async fn feed(transport: &Transport) -> Result<BTreeMap<String, i64>> {
    let until = tokio::time::Instant::now() + RECOVERY;
    loop {
        match feed_once(transport).await {
            Ok(changes) => return Ok(changes),
            // Connections that a restarted database broke are found one by one.
            Err(error) if tokio::time::Instant::now() > until => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn feed_once(transport: &Transport) -> Result<BTreeMap<String, i64>> {
    let mut client = CustomerServiceClient::new(transport.clone());
    let all = pb::WatchChangesRequest::default();
    let mut stream = client.watch_changes(all).await?.into_inner();
    let mut changes = BTreeMap::new();
    while let Some(message) = stream.message().await? {
        for seen in message.changes.iter().filter_map(consumer::seen) {
            *changes.entry(seen.what).or_default() += 1;
        }
    }
    Ok(changes)
}

/// Counts what writers did.
#[derive(Debug, Clone, Default)]
struct Repeats(Arc<AtomicU64>);

impl Repeats {
    fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}
