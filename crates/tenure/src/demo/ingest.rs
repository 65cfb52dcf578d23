//! Sends facts to customer-data in batches, as a mediation system would.

use anyhow::{Context as _, Result};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tenure_core::{Clock, Ids, Timestamp};
use tenure_proto::customer::v1 as pb;

use super::world::MonthFacts;
use crate::clients::Clients;

/// As many items as a batch takes.
pub(super) const BATCH: usize = 1_000;
/// How many calls for single customers are under way at once.
pub(super) const CALLS: usize = 64;

/// Sends facts; makes a new request id for each call.
pub struct Ingest<'a> {
    /// Where to send them.
    pub clients: &'a Clients,
    /// Where request ids come from.
    pub ids: &'a Ids,
    /// What time it is.
    pub clock: &'a dyn Clock,
}

macro_rules! send_batches {
    ($self:ident, $items:expr, $call:ident, $request:ident { $field:ident }) => {{
        let mut items = $items;
        while !items.is_empty() {
            let rest = items.split_off(items.len().min(BATCH));
            let request_id = $self.request_id();
            let request = pb::$request {
                request_id,
                $field: items,
            };
            $self
                .clients
                .customer
                .clone()
                .$call(request)
                .await
                .context(stringify!($call))?;
            items = rest;
        }
    }};
}

impl Ingest<'_> {
    /// Returns a new request id.
    pub(super) fn request_id(&self) -> String {
        self.ids.uuid(self.clock.now()).to_string()
    }

    /// Sends everything, each kind after what it refers to.
    ///
    /// # Errors
    /// When customer-data refuses a batch or does not answer.
    pub async fn send(&self, facts: &mut MonthFacts) -> Result<()> {
        let take = std::mem::take::<Vec<pb::Customer>>;
        send_batches!(
            self,
            take(&mut facts.customers),
            batch_upsert_customers,
            BatchUpsertCustomersRequest { customers }
        );
        let subscriptions = std::mem::take(&mut facts.subscriptions);
        send_batches!(
            self,
            subscriptions,
            batch_upsert_subscriptions,
            BatchUpsertSubscriptionsRequest { subscriptions }
        );
        let usage = std::mem::take(&mut facts.usage_summaries);
        send_batches!(
            self,
            usage,
            batch_upsert_usage_summaries,
            BatchUpsertUsageSummariesRequest { usage_summaries }
        );
        let bills = std::mem::take(&mut facts.bills);
        send_batches!(
            self,
            bills,
            batch_upsert_bills,
            BatchUpsertBillsRequest { bills }
        );
        let interactions = std::mem::take(&mut facts.interactions);
        send_batches!(
            self,
            interactions,
            batch_upsert_interactions,
            BatchUpsertInteractionsRequest { interactions }
        );
        self.terminate(std::mem::take(&mut facts.terminations))
            .await
    }

    async fn terminate(&self, requests: Vec<pb::TerminateSubscriptionRequest>) -> Result<()> {
        stream::iter(requests)
            .map(|mut request| {
                request.request_id = self.request_id();
                let mut client = self.clients.customer.clone();
                async move { client.terminate_subscription(request).await }
            })
            .buffer_unordered(CALLS)
            .try_for_each(|_| async { Ok(()) })
            .await
            .context("terminate_subscription")
    }

    /// Returns the instant that facts are sent at.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
