//! Group commit: writes that come while one batch commits make up the next one.
//!
//! There is no timer: a lone write is committed at once, and under load a batch is what arrived
//! during the commit before. Nothing is acknowledged before its commit is durable.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use metrics::{counter, histogram};
use tenure_core::{Clock, Lane};
use tenure_rpc::Lifecycle;
use tenure_sql::{Db, SqlError, SqlErrorKind};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::config::Config;
use crate::domain::{Decision, Order};
use crate::error::Error;
use crate::store::{self, Memory, Rules};

/// How long a committer that may stop still waits for calls that were admitted before.
const DRAIN_IDLE: Duration = Duration::from_millis(200);

/// A write that waits for its commit.
struct Job {
    work: Work,
    deadline: Option<Instant>,
}

/// One order, or several that stand or fall together; and who waits.
enum Work {
    One(Order, oneshot::Sender<Result<Decision, SqlError>>),
    Together(Vec<Order>, oneshot::Sender<Result<Vec<Decision>, SqlError>>),
}

impl Job {
    fn orders(&self) -> &[Order] {
        match &self.work {
            Work::One(order, _) => std::slice::from_ref(order),
            Work::Together(orders, _) => orders,
        }
    }

    /// Returns true when nobody waits for the answer any more.
    fn is_over(&self, now: Instant) -> bool {
        let is_gone = match &self.work {
            Work::One(_, answer) => answer.is_closed(),
            Work::Together(_, answer) => answer.is_closed(),
        };
        is_gone || self.deadline.is_some_and(|deadline| deadline <= now)
    }

    /// Answers with as many of the decisions as there are orders. Who went away meanwhile finds the
    /// answer by its request id.
    fn answer(self, decided: &mut impl Iterator<Item = Decision>) {
        match self.work {
            Work::One(_, answer) => drop(decided.next().map(|it| answer.send(Ok(it)))),
            Work::Together(orders, answer) => {
                let _ = answer.send(Ok(decided.take(orders.len()).collect()));
            }
        }
    }

    fn fail(self, error: SqlError) {
        match self.work {
            Work::One(_, answer) => drop(answer.send(Err(error))),
            Work::Together(_, answer) => drop(answer.send(Err(error))),
        }
    }
}

/// Takes writes and answers each when it is durable. Dropping it ends its committers.
#[derive(Debug)]
pub(crate) struct Committers {
    queues: Vec<mpsc::Sender<Job>>,
    lanes: usize,
}

impl Committers {
    /// Starts the committers; they end when the process drains.
    pub(crate) fn start(
        db: &Db,
        clock: &Arc<dyn Clock>,
        rules: &Arc<Rules>,
        config: &Config,
        lifecycle: &Lifecycle,
    ) -> Arc<Self> {
        let lanes = db.lanes().count() as usize;
        let count = config.committers(db.is_postgres()).clamp(1, lanes);
        let mut queues = Vec::with_capacity(count);
        for _ in 0..count {
            let (queue, jobs) = mpsc::channel(config.queue_max);
            let committer = Committer {
                db: db.clone(),
                clock: clock.clone(),
                rules: rules.clone(),
                batch_max: config.batch_max,
                memory: Memory::new(config.accounts_in_memory / count, lanes.div_ceil(count)),
            };
            lifecycle.spawn("loyalty committer", committer.run(jobs, lifecycle.clone()));
            queues.push(queue);
        }
        Arc::new(Self { queues, lanes })
    }

    /// Returns the queue of a lane: each committer has lanes that follow each other.
    fn queue(&self, lane: Lane) -> &mpsc::Sender<Job> {
        let lane = usize::try_from(lane).unwrap_or(0);
        &self.queues[lane * self.queues.len() / self.lanes]
    }

    /// Waits until `order` is decided and durable.
    pub(crate) async fn commit(
        &self,
        order: Order,
        deadline: Option<Instant>,
    ) -> Result<Decision, Error> {
        self.send_one(order, deadline)?.await
    }

    /// Has `order` decided after those that were sent before; returns what waits for it.
    pub(crate) fn send_one(
        &self,
        order: Order,
        deadline: Option<Instant>,
    ) -> Result<impl Future<Output = Result<Decision, Error>> + use<>, Error> {
        let (answer, decided) = oneshot::channel();
        self.send(order.lane, Work::One(order, answer), deadline)?;
        Ok(wait(decided, deadline))
    }

    /// Waits until orders that stand or fall together are decided and durable. There is at least one.
    pub(crate) async fn commit_together(
        &self,
        orders: Vec<Order>,
        deadline: Option<Instant>,
    ) -> Result<Vec<Decision>, Error> {
        let (answer, decided) = oneshot::channel();
        let lane = orders.first().map_or(0, |order| order.lane);
        self.send(lane, Work::Together(orders, answer), deadline)?;
        wait(decided, deadline).await
    }

    fn send(&self, lane: Lane, work: Work, deadline: Option<Instant>) -> Result<(), Error> {
        match self.queue(lane).try_send(Job { work, deadline }) {
            Ok(()) => Ok(()),
            Err(mpsc::error::TrySendError::Full(_)) => {
                counter!("tenure_loyalty_writes_refused_total").increment(1);
                Err(Error::Overloaded)
            }
            Err(mpsc::error::TrySendError::Closed(_)) => Err(Error::Draining),
        }
    }
}

async fn wait<T>(
    decided: oneshot::Receiver<Result<T, SqlError>>,
    deadline: Option<Instant>,
) -> Result<T, Error> {
    match decided.await {
        Ok(Ok(decision)) => Ok(decision),
        Ok(Err(error)) => Err(error.into()),
        // Dropped unanswered: its deadline passed before its turn, or the committer is gone.
        Err(_) if deadline.is_some_and(|deadline| deadline <= Instant::now()) => {
            Err(Error::DeadlineExceeded)
        }
        Err(_) => Err(Error::Draining),
    }
}

struct Committer {
    db: Db,
    clock: Arc<dyn Clock>,
    rules: Arc<Rules>,
    batch_max: usize,
    memory: Memory,
}

impl Committer {
    async fn run(mut self, mut jobs: mpsc::Receiver<Job>, lifecycle: Lifecycle) {
        let mut batch = Vec::with_capacity(self.batch_max);
        let mut draining = Box::pin(lifecycle.draining());
        loop {
            tokio::select! {
                taken = jobs.recv_many(&mut batch, self.batch_max) => {
                    if taken == 0 {
                        return;
                    }
                    self.commit(&mut batch).await;
                }
                () = &mut draining => break,
            }
        }
        // Calls that were admitted before the drain may still come; nothing for a while means that
        // there are none.
        loop {
            let more = jobs.recv_many(&mut batch, self.batch_max);
            match tokio::time::timeout(DRAIN_IDLE, more).await {
                Ok(0) => return,
                Ok(_) => self.commit(&mut batch).await,
                Err(_) => {
                    jobs.close();
                    while jobs.recv_many(&mut batch, self.batch_max).await > 0 {
                        self.commit(&mut batch).await;
                    }
                    return;
                }
            }
        }
    }

    /// Commits a batch and answers all of it.
    async fn commit(&mut self, batch: &mut Vec<Job>) {
        let now = Instant::now();
        // Nobody waits for these any more: not begun is cheaper than unknown.
        batch.retain(|job| !job.is_over(now));
        #[expect(clippy::cast_precision_loss, reason = "at most some thousands")]
        histogram!("tenure_loyalty_batch_size").record(batch.len() as f64);
        // Parts of the batch that wait for their turn, the next one last.
        let mut parts = vec![std::mem::take(batch)];
        while let Some(mut part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            let orders: Vec<&[Order]> = part.iter().map(Job::orders).collect();
            match self.decide(&orders).await {
                Ok(decisions) => {
                    let mut decisions = decisions.into_iter();
                    for job in part {
                        job.answer(&mut decisions);
                    }
                }
                // One command spoils the batch: find it by halves, so that it fails alone.
                Err(error) if part.len() > 1 && is_of_the_data(&error) => {
                    counter!("tenure_loyalty_batches_split_total").increment(1);
                    let second = part.split_off(part.len() / 2);
                    parts.push(second);
                    parts.push(part);
                }
                Err(error) => {
                    for job in part {
                        job.fail(error.clone());
                    }
                }
            }
        }
    }
}

impl Committer {
    /// Decides and commits; a panic of ours is an error of this part of the batch, not of all to come.
    async fn decide(&mut self, orders: &[&[Order]]) -> Result<Vec<Decision>, SqlError> {
        let deciding = store::decide(
            &self.db,
            &*self.clock,
            &self.rules,
            orders,
            &mut self.memory,
        );
        let decided = AssertUnwindSafe(deciding).catch_unwind().await;
        decided.unwrap_or_else(|_| Err(SqlError::new(SqlErrorKind::Other, "deciding panicked")))
    }
}

/// Returns true for errors that other commands of the batch need not have.
fn is_of_the_data(error: &SqlError) -> bool {
    match error.kind() {
        SqlErrorKind::Busy | SqlErrorKind::Disconnected => false,
        SqlErrorKind::Duplicate
        | SqlErrorKind::Missing
        | SqlErrorKind::Check
        | SqlErrorKind::Corrupt
        | SqlErrorKind::Other => true,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tenure_core::{AccountId, Clock, Coded, ManualClock};
    use tenure_testkit::{each_backend, manual_clock};

    use super::*;
    use crate::MIGRATIONS;
    use crate::domain::{Command, Earn, Record};
    use crate::store::damage::damage_account;

    struct Bench {
        db: Db,
        committers: Arc<Committers>,
        lifecycle: Lifecycle,
    }

    fn bench(db: &Db) -> Bench {
        let clock: Arc<dyn Clock> = Arc::<ManualClock>::new(manual_clock());
        let config = Config::default();
        let rules = Arc::new(Rules::new(config.programme.seed().unwrap()));
        let lifecycle = Lifecycle::new();
        let committers = Committers::start(db, &clock, &rules, &config, &lifecycle);
        Bench {
            db: db.clone(),
            committers,
            lifecycle,
        }
    }

    fn earn(bench: &Bench, account: &str, source: &str) -> Order {
        Order {
            lane: bench.db.lanes().of(account),
            account: AccountId::parse(account).unwrap(),
            request: None,
            command: Command::Earn(Earn {
                open: true,
                ..Earn::new(10, source.into())
            }),
        }
    }

    fn balance(decision: &Decision) -> i64 {
        match decision {
            Decision::New(Ok(record)) => match &**record {
                Record::Entry(entry) => entry.balance,
                Record::Opened(_) | Record::Refused(_) | Record::Notice(_) | Record::Stock(_) => 0,
            },
            other => panic!("wanted an entry, found {other:?}"),
        }
    }

    #[tokio::test]
    async fn a_poisoned_command_fails_alone() {
        each_backend(&MIGRATIONS, async |db| {
            let bench = bench(&db);
            let names: Vec<String> = (0..20).map(|n| format!("A{n}")).collect();
            for name in &names {
                bench
                    .committers
                    .commit(earn(&bench, name, "first"), None)
                    .await
                    .unwrap();
            }
            let poisoned = earn(&bench, "A7", "second");
            damage_account(&db, poisoned.lane, &poisoned.account).await;
            // A process that remembers the account would not notice.
            let bench = self::bench(&db);

            let batch = names
                .iter()
                .map(|name| bench.committers.commit(earn(&bench, name, "second"), None));
            let answers = futures_util::future::join_all(batch).await;

            for (name, answer) in names.iter().zip(answers) {
                match answer {
                    Ok(decision) => assert_eq!(balance(&decision), 20, "{name}"),
                    Err(error) => {
                        assert_eq!((name.as_str(), error.reason()), ("A7", "INTERNAL_ERROR"));
                    }
                }
            }
        })
        .await;
    }

    #[tokio::test]
    async fn a_command_whose_caller_is_gone_is_not_begun() {
        each_backend(&MIGRATIONS, async |db| {
            let bench = bench(&db);
            bench
                .committers
                .commit(earn(&bench, "ada", "first"), None)
                .await
                .unwrap();

            let late = bench
                .committers
                .commit(earn(&bench, "ada", "late"), Some(Instant::now()));
            let late = late.await.unwrap_err();
            let gone = bench.committers.commit(earn(&bench, "ada", "gone"), None);
            drop(futures_util::poll!(Box::pin(gone)));
            let next = bench
                .committers
                .commit(earn(&bench, "ada", "next"), None)
                .await
                .unwrap();

            assert_eq!(late.reason(), "DEADLINE_EXCEEDED");
            assert_eq!(balance(&next), 20);
        })
        .await;
    }

    #[tokio::test]
    async fn a_database_that_is_gone_answers_unavailable() {
        each_backend(&MIGRATIONS, async |db| {
            let bench = bench(&db);
            db.close().await;

            let refused = bench
                .committers
                .commit(earn(&bench, "ada", "first"), None)
                .await;

            assert_eq!(refused.unwrap_err().reason(), "DATABASE_UNAVAILABLE");
        })
        .await;
    }

    #[tokio::test]
    async fn what_was_taken_before_the_drain_is_committed_and_later_writes_are_refused() {
        each_backend(&MIGRATIONS, async |db| {
            let bench = bench(&db);
            let mut taken = Box::pin(bench.committers.commit(earn(&bench, "ada", "first"), None));
            assert!(futures_util::poll!(&mut taken).is_pending());

            let ending = bench.lifecycle.finish(Duration::from_secs(20)).await;
            let late = bench
                .committers
                .commit(earn(&bench, "ada", "late"), None)
                .await;

            assert_eq!(ending, tenure_rpc::lifecycle::Ending::Clean);
            assert_eq!(balance(&taken.await.unwrap()), 10);
            assert_eq!(late.unwrap_err().reason(), "SERVER_DRAINING");
        })
        .await;
    }
}
