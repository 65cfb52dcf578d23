//! Writers who repeat what was not answered, until it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use tenure_core::{Clock as _, Ids, SystemClock};
use tenure_proto::customer::v1 as pb;
use tenure_proto::customer::v1::customer_service_client::CustomerServiceClient;
use tenure_rpc::{ClientOptions, Transport, connect};
use tokio::task::JoinSet;

use super::{RECOVERY, Repeats};
use crate::wire::timestamp;

/// How many writers send at once. Each has customers of its own, so that it knows their order.
const WRITERS: u64 = 8;
/// How many customers a writer has.
const CUSTOMERS: u64 = 12;
/// The most interactions of one call.
const BATCH_MAX: u64 = 6;
/// How long after a call that was not answered, and after one that was: what is tried is not speed.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(3)];

/// Writers at work.
pub(super) struct Writers {
    tasks: JoinSet<Result<Vec<String>>>,
    is_over: Arc<AtomicBool>,
    repeated: Repeats,
}

/// What writers did.
pub(super) struct Written {
    /// What was acknowledged.
    pub(super) acknowledged: Vec<String>,
    /// How many calls were repeated.
    pub(super) repeated: u64,
}

impl Writers {
    pub(super) fn start(url: &str, seed: u64) -> Result<Self> {
        let (is_over, repeated) = (Arc::new(AtomicBool::new(false)), Repeats::default());
        let mut tasks = JoinSet::new();
        for number in 0..WRITERS {
            let writer = Writer {
                client: CustomerServiceClient::new(connect(url, &ClientOptions::default())?),
                random: ChaCha8Rng::seed_from_u64(seed ^ (number + 1) << 32),
                number,
                written: 0,
                repeated: repeated.clone(),
            };
            tasks.spawn(writer.write(Arc::clone(&is_over)));
        }
        Ok(Self {
            tasks,
            is_over,
            repeated,
        })
    }

    /// Lets everybody get the answer to the last call.
    pub(super) async fn end(mut self) -> Result<Written> {
        self.is_over.store(true, Ordering::SeqCst);
        let mut acknowledged = Vec::new();
        while let Some(ended) = self.tasks.join_next().await {
            acknowledged.extend(ended.context("a writer failed")??);
        }
        let repeated = self.repeated.get();
        Ok(Written {
            acknowledged,
            repeated,
        })
    }
}

struct Writer {
    client: CustomerServiceClient<Transport>,
    random: ChaCha8Rng,
    number: u64,
    written: u64,
    repeated: Repeats,
}

impl Writer {
    async fn write(mut self, is_over: Arc<AtomicBool>) -> Result<Vec<String>> {
        let mut acknowledged = Vec::new();
        let customers = (0..CUSTOMERS).map(|n| pb::Customer {
            customer_id: self.customer(n),
            kind: pb::CustomerKind::Individual.into(),
            ..Default::default()
        });
        let request = pb::BatchUpsertCustomersRequest {
            request_id: request_id(),
            customers: customers.collect(),
        };
        self.until_answered(|mut client| {
            let request = request.clone();
            async move { client.batch_upsert_customers(request).await.map(drop) }
        })
        .await?;
        while !is_over.load(Ordering::SeqCst) {
            let request = self.draw();
            self.until_answered(|mut client| {
                let request = request.clone();
                async move { client.batch_upsert_interactions(request).await.map(drop) }
            })
            .await?;
            let done = request.interactions.iter();
            acknowledged.extend(done.map(|it| format!("{} {}", it.interaction_id, it.resolution)));
            tokio::time::sleep(PAUSES[1]).await;
        }
        Ok(acknowledged)
    }

    fn customer(&self, number: u64) -> String {
        format!("W{}C{number}", self.number)
    }

    /// Makes new interactions and changes older ones. Each version has a number of its own.
    fn draw(&mut self) -> pb::BatchUpsertInteractionsRequest {
        let count = 1 + self.random.next_u64() % BATCH_MAX;
        let mut interactions: Vec<pb::Interaction> = Vec::new();
        for _ in 0..count {
            let is_new = !self.random.next_u32().is_multiple_of(3);
            let id = match is_new || self.written == 0 {
                true => self.written,
                false => self.random.next_u64() % self.written,
            };
            let interaction_id = format!("W{}I{id}", self.number);
            if interactions
                .iter()
                .any(|it| it.interaction_id == interaction_id)
            {
                continue;
            }
            self.written += 1;
            interactions.push(pb::Interaction {
                interaction_id,
                customer_id: self.customer(id % CUSTOMERS),
                event_time: Some(timestamp(SystemClock.now())),
                channel: 2,
                direction: pb::InteractionDirection::Inbound.into(),
                kind: pb::InteractionKind::Enquiry.into(),
                reason: String::new(),
                resolution: self.written.to_string(),
                ..Default::default()
            });
        }
        pb::BatchUpsertInteractionsRequest {
            request_id: request_id(),
            interactions,
        }
    }

    async fn until_answered<F>(
        &self,
        call: impl Fn(CustomerServiceClient<Transport>) -> F,
    ) -> Result<()>
    where
        F: Future<Output = Result<(), tonic::Status>>,
    {
        let until = tokio::time::Instant::now() + RECOVERY;
        while let Err(status) = call(self.client.clone()).await {
            let is_refused = status.code() == tonic::Code::InvalidArgument;
            if is_refused || tokio::time::Instant::now() > until {
                bail!("a write is not answered: {status}");
            }
            self.repeated.add();
            tokio::time::sleep(PAUSES[0]).await;
        }
        Ok(())
    }
}

fn request_id() -> String {
    Ids::system().uuid(SystemClock.now()).to_string()
}
