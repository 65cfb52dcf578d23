//! Killed, cut off and starved under load: nothing acknowledged is missing, nothing happens twice.
//!
//! A server runs as a process of its own. Many callers send writes of every kind, each with a request
//! id that is remembered; at a random moment something breaks. Then the server is started again, what
//! was not answered is repeated, some of what was answered is repeated as well, and the whole ledger
//! is verified. In the end every acknowledged operation must be there, once.

mod book;
mod command;
mod draw;
mod found;
mod partners;
mod pools;
pub(super) mod program;
pub(super) mod proxy;
mod shop;
mod work;

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use tenure_proto::loyalty::v1 as pb;
use tenure_rpc::{ClientOptions, connect};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::clients::Clients;
use crate::verify;
use book::Book;
pub use command::crash;
use draw::Writer;
use program::Program;
use proxy::Proxy;
use work::Write;

/// What breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Blow {
    /// The server is killed with SIGKILL.
    Kill,
    /// Connections are cut between a commit and its answer.
    Cut,
    /// The database's files cannot grow any more; then the server is killed.
    FullDisk,
    /// The PostgreSQL server is restarted without a checkpoint.
    Postgres,
}

/// What is tried.
#[derive(Debug, Clone)]
pub struct Trial {
    /// The program that serves.
    pub program: PathBuf,
    /// Its settings in the environment: databases, and what else differs from the defaults.
    pub settings: Vec<(String, String)>,
    /// The folder of its databases.
    pub data: PathBuf,
    /// How many accounts there are.
    pub accounts: usize,
    /// How many callers send at once.
    pub callers: usize,
    /// Decides what is random.
    pub seed: u64,
    /// What breaks, one after the other.
    pub blows: Vec<Blow>,
    /// A command that restarts PostgreSQL at once, for [`Blow::Postgres`].
    pub restart_postgres: Option<String>,
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// How many writes were answered, refusals included.
    pub answers: usize,
    /// How many had no answer at first and were repeated.
    pub repeated: usize,
    /// How many operations were done.
    pub done: usize,
    /// How many were refused.
    pub refused: usize,
    /// How many entries there are.
    pub entries: usize,
    /// How many rewards were ordered.
    pub orders: usize,
    /// How often a partner was settled with.
    pub settlements: usize,
    /// How many records were verified, all verifications together.
    pub verified: i64,
    /// Errors that callers met, by reason.
    pub errors: Vec<(String, usize)>,
}

/// The fewest and the most answers between two blows.
const ANSWERS: (usize, usize) = (50, 450);
/// The most answers while waiting for a disk to be full.
const ANSWERS_FULL_MAX: usize = 4_000;
/// How far the largest file of the databases may still grow when the disk is to be full.
const FULL_AFTER_BYTES: u64 = 128 * 1_024;
/// How long the server may take until it answers again.
const RECOVERY: Duration = Duration::from_secs(60);
/// How long until it is asked again.
const PAUSE: Duration = Duration::from_millis(100);

impl Trial {
    /// Runs it; tells `observe` what broke and how it went on.
    ///
    /// # Errors
    /// When something acknowledged is missing or there twice, an invariant does not hold, or the
    /// server does not come back.
    pub async fn run(&self, observe: impl Fn(usize, Blow, &Outcome)) -> Result<Outcome> {
        let program = Program::of(&self.program, &self.settings, &self.data);
        let proxy = Proxy::start().await?;
        let mut run = Run {
            trial: self,
            book: Arc::new(Mutex::new(Book::default())),
            clients: Clients::of_one(&connect(&proxy.url(), &ClientOptions::default())?),
            random: ChaCha8Rng::seed_from_u64(self.seed),
            server: Some(program.start(None)?),
            program,
            proxy,
            verified: 0,
        };
        run.aim();
        found::found(&run.clients, self.accounts, &run.book).await?;
        for (number, blow) in self.blows.iter().enumerate() {
            run.round(*blow)
                .await
                .with_context(|| format!("blow {} ({blow:?})", number + 1))?;
            observe(number + 1, *blow, &run.outcome());
        }
        run.end().await
    }
}

/// A trial under way.
struct Run<'t> {
    trial: &'t Trial,
    book: Arc<Mutex<Book>>,
    clients: Clients,
    random: ChaCha8Rng,
    server: Option<program::Running>,
    program: Program,
    proxy: Proxy,
    verified: i64,
}

impl Run<'_> {
    /// Leads the connections of callers to the server that runs now.
    fn aim(&self) {
        if let Some(server) = &self.server {
            self.proxy.aim(server.address());
        }
    }

    fn kill(&mut self) {
        // Dropped, it is killed.
        drop(self.server.take());
    }

    fn start(&mut self, limit: Option<u64>) -> Result<()> {
        self.kill();
        self.server = Some(self.program.start(limit)?);
        self.aim();
        Ok(())
    }

    async fn round(&mut self, blow: Blow) -> Result<()> {
        let range = ANSWERS.1 - ANSWERS.0;
        let mut answers = ANSWERS.0 + (self.random.next_u32() as usize) % range;
        if blow == Blow::FullDisk {
            answers = ANSWERS_FULL_MAX;
            let limit = self.program.largest_file()? + FULL_AFTER_BYTES;
            self.start(Some(limit))?;
        }
        let seed = self.random.next_u64();
        let mut callers = self.load(seed, answers);
        callers.enough().await;
        match blow {
            Blow::Kill | Blow::FullDisk => self.kill(),
            Blow::Cut => self.proxy.cut(),
            Blow::Postgres => self.restart_postgres().await?,
        }
        callers.end().await?;
        if self.server.is_none() {
            self.start(None)?;
        }
        self.recover().await
    }

    /// Sends writes from many callers until the outcome of one is unknown, each.
    fn load(&self, seed: u64, answers: usize) -> Callers {
        let callers = Callers {
            tasks: JoinSet::new(),
            is_over: Arc::new(AtomicBool::new(false)),
            enough: Arc::new(Notify::new()),
        };
        let (left, running) = (
            Arc::new(AtomicUsize::new(answers)),
            Arc::new(AtomicUsize::new(self.trial.callers)),
        );
        let mut tasks = JoinSet::new();
        for caller in 0..self.trial.callers {
            let (clients, book) = (self.clients.clone(), Arc::clone(&self.book));
            let (is_over, enough) = (Arc::clone(&callers.is_over), Arc::clone(&callers.enough));
            let (left, running) = (Arc::clone(&left), Arc::clone(&running));
            let mut writer = Writer::new(seed ^ (caller as u64) << 32, self.trial.accounts);
            tasks.spawn(async move {
                while !is_over.load(Ordering::SeqCst) {
                    let write = writer.draw(&book);
                    if !work::send(&clients, &book, &write).await {
                        lock(&book).unanswered.push(write);
                        break;
                    }
                    if left.fetch_sub(1, Ordering::SeqCst) == 1 {
                        enough.notify_one();
                    }
                }
                if running.fetch_sub(1, Ordering::SeqCst) == 1 {
                    // All of them have met an error: that is enough as well.
                    enough.notify_one();
                }
            });
        }
        Callers { tasks, ..callers }
    }

    async fn restart_postgres(&self) -> Result<()> {
        let command = self.trial.restart_postgres.clone();
        let command = command.context("no command that restarts PostgreSQL")?;
        let restarted =
            tokio::task::spawn_blocking(move || Command::new("sh").args(["-c", &command]).output());
        let output = restarted.await??;
        ensure!(
            output.status.success(),
            "PostgreSQL does not restart: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    /// Repeats what was not answered until it is, and some of what was; then verifies the ledger.
    async fn recover(&mut self) -> Result<()> {
        let (unanswered, answered) = {
            let mut book = lock(&self.book);
            let unanswered = std::mem::take(&mut book.unanswered);
            book.repeated += unanswered.len();
            (unanswered, book.lately())
        };
        for write in unanswered.iter().chain(&answered) {
            self.repeat(write).await?;
        }
        lock(&self.book).assert_consistent()?;
        shop::check_shelf(&self.clients).await?;
        partners::check_left(&self.clients).await?;
        self.verify().await
    }

    async fn repeat(&self, write: &Write) -> Result<()> {
        let until = tokio::time::Instant::now() + RECOVERY;
        while !work::send(&self.clients, &self.book, write).await {
            if tokio::time::Instant::now() > until {
                bail!(
                    "the server does not answer again: {}",
                    lock(&self.book).last_error
                );
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    async fn verify(&mut self) -> Result<()> {
        let verified = verify::verify(&self.clients.loyalty, String::new(), |_, _| {}).await?;
        self.verified += verified.over.record_count;
        match verified.findings.first() {
            None => Ok(()),
            Some(found) => bail!(
                "the ledger breaks an invariant: {} at {}: {}: wanted {}, found {}",
                verify::invariant(found),
                verify::place(found),
                found.subject,
                found.wanted,
                found.found
            ),
        }
    }

    /// Lets everything arrive and looks for every acknowledged operation.
    async fn end(mut self) -> Result<Outcome> {
        let request = crate::wire::patient(pb::CatchUpRequest {});
        self.clients.loyalty.clone().catch_up(request).await?;
        let mut entries = Vec::new();
        for number in 0..self.trial.accounts {
            entries.extend(work::entries_of(&self.clients, &work::account(number)).await?);
        }
        lock(&self.book).assert_there_once(&entries)?;
        let books = self.clients.loyalty.clone();
        let books = { books }.get_books(pb::GetBooksRequest::default()).await?;
        let books = books.into_inner().books.unwrap_or_default();
        let sum: i64 = entries.iter().map(|entry| entry.points_delta).sum();
        ensure!(
            (books.closing_points, books.lot_points) == (sum, sum),
            "the books close with {} points and the lots hold {}; the entries add up to {sum}",
            books.closing_points,
            books.lot_points
        );
        pools::check(&entries)?;
        shop::check(&self.clients, &self.book).await?;
        partners::check(&self.clients, &self.book, &entries).await?;
        self.verify().await?;
        Ok(Outcome {
            entries: entries.len(),
            ..self.outcome()
        })
    }

    fn outcome(&self) -> Outcome {
        let book = lock(&self.book);
        Outcome {
            answers: book.answers,
            repeated: book.repeated,
            done: book.done(),
            refused: book.refused(),
            entries: 0,
            orders: book.orders.len(),
            settlements: book.settlements(),
            verified: self.verified,
            errors: book.errors.clone().into_iter().collect(),
        }
    }
}

fn lock(book: &Mutex<Book>) -> std::sync::MutexGuard<'_, Book> {
    book.lock().expect("nobody panics while holding it")
}

/// Callers that send until they are told to end.
struct Callers {
    tasks: JoinSet<()>,
    is_over: Arc<AtomicBool>,
    enough: Arc<Notify>,
}

impl Callers {
    /// Waits until so many writes are answered, or no caller goes on.
    async fn enough(&self) {
        self.enough.notified().await;
    }

    async fn end(&mut self) -> Result<()> {
        self.is_over.store(true, Ordering::SeqCst);
        while let Some(ended) = self.tasks.join_next().await {
            ended.context("a caller failed")?;
        }
        Ok(())
    }
}
