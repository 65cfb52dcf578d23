//! The reader of customer-data's feed: who left or was erased, and what that means for campaigns.

use std::collections::BTreeMap;
use std::sync::Arc;

use tenure_core::{Lane, Timestamp};
use tenure_proto::customer::v1::change::Fact;
use tenure_proto::customer::v1::{
    Change, ChurnKind as WireKind, Subscription, SubscriptionState, WatchChangesResponse,
};
use tenure_rpc::erasure;
use tenure_rpc::feed::{Consumer, Outcome};
use tenure_rpc::fields::parse_time;
use tenure_sql::Tx;
use tenure_sql::feed::{self, NewChange, consumer};
use tonic::{Status, Streaming};

use super::erase;
use crate::api::change;
use crate::domain::departure::{ChurnKind, SubscriptionFact, Subscriptions};
use crate::error::Error;
use crate::{Inner, store};

const NAME: &str = "campaign<customer-data";

/// Follows subscriptions of all customers.
pub(crate) struct Departures {
    inner: Arc<Inner>,
    /// Where this reader stands; nothing before the first batch.
    token: Option<String>,
    applied: i64,
}

/// A fact about a subscription of a customer, in the order of the feed.
struct News {
    customer: String,
    subscription: String,
    fact: SubscriptionFact,
}

impl Departures {
    pub(crate) fn new(inner: Arc<Inner>) -> Self {
        Self {
            inner,
            token: None,
            applied: 0,
        }
    }

    /// Returns how many changes this reader applied.
    pub(crate) fn applied(&self) -> i64 {
        self.applied
    }

    /// Moves the token and applies a batch, in one transaction.
    async fn batch(&self, response: WatchChangesResponse) -> Result<Outcome, Error> {
        let now = self.inner.clock.now();
        let mut tx = self.inner.db.begin().await?;
        let to = &response.resume_token;
        if !consumer::advance(&mut tx, NAME, self.token.as_deref(), to, now).await? {
            return Ok(Outcome::Lost);
        }
        let lanes = self.inner.db.lanes();
        let news = all_news(response.changes);
        let by_lane = store::by_lane(news, |news| lanes.of(&news.customer));
        feed::lock_lanes(&mut tx, &by_lane.keys().copied().collect::<Vec<_>>()).await?;
        let mut changes = Vec::new();
        for (lane, news) in &by_lane {
            apply(&mut tx, *lane, news, &mut changes).await?;
        }
        feed::append(&mut tx, changes, now).await?;
        tx.commit().await?;
        Ok(Outcome::Applied)
    }
}

impl Consumer for Departures {
    type Response = WatchChangesResponse;

    fn name(&self) -> &'static str {
        NAME
    }

    async fn token(&mut self) -> Result<String, Status> {
        self.token = consumer::position(&self.inner.db, NAME)
            .await
            .map_err(Error::from)?;
        Ok(self.token.clone().unwrap_or_default())
    }

    async fn open(
        &mut self,
        resume_token: String,
        follow: bool,
    ) -> Result<Streaming<WatchChangesResponse>, Status> {
        self.inner
            .clients
            .watch_customers(resume_token, follow)
            .await
    }

    async fn apply(&mut self, response: WatchChangesResponse) -> Result<Outcome, Status> {
        // A message without changes tells nothing that is worth a transaction.
        if response.changes.is_empty() {
            return Ok(Outcome::Applied);
        }
        erase::forget(&self.inner, &response.changes).await?;
        let count = i64::try_from(response.changes.len()).unwrap_or(i64::MAX);
        let to = response.resume_token.clone();
        let outcome = self.batch(response).await?;
        if outcome == Outcome::Applied {
            self.token = Some(to);
            self.applied += count;
        }
        Ok(outcome)
    }
}

/// Returns what is new of customers, but for what was told of one before the erasure.
fn all_news(changes: Vec<Change>) -> Vec<News> {
    let mut all: Vec<News> = Vec::new();
    for change in changes {
        if erasure::told(&change).is_some() || erasure::removed(&change).is_some() {
            all.retain(|news| news.customer != change.customer_id);
        } else {
            all.extend(news(change));
        }
    }
    all
}

fn news(change: Change) -> Vec<News> {
    match change.fact {
        Some(Fact::Subscription(subscription)) => {
            let fact = fact(&subscription, change.event_time.as_ref());
            vec![News {
                customer: subscription.customer_id,
                subscription: subscription.subscription_id,
                fact,
            }]
        }
        // The import that had brought them was reverted: they never ran.
        Some(Fact::Removal(gone)) => {
            let removed = |subscription| News {
                customer: change.customer_id.clone(),
                subscription,
                fact: SubscriptionFact::Removed,
            };
            gone.subscription_ids.into_iter().map(removed).collect()
        }
        _ => Vec::new(),
    }
}

fn fact(
    subscription: &Subscription,
    event_time: Option<&prost_types::Timestamp>,
) -> SubscriptionFact {
    if subscription.state() != SubscriptionState::Terminated {
        return SubscriptionFact::Active;
    }
    let at = subscription.terminate_time.as_ref().or(event_time);
    SubscriptionFact::Terminated {
        at: at
            .and_then(|at| parse_time(at).ok())
            .unwrap_or(Timestamp::MIN),
        kind: kind(subscription.churn_kind()),
    }
}

fn kind(kind: WireKind) -> Option<ChurnKind> {
    match kind {
        WireKind::Unspecified => None,
        WireKind::Competitor => Some(ChurnKind::Competitor),
        WireKind::MarketExit => Some(ChurnKind::MarketExit),
        WireKind::InternalMigration => Some(ChurnKind::InternalMigration),
        WireKind::Unstated => Some(ChurnKind::Unstated),
        WireKind::Arrears => Some(ChurnKind::Arrears),
        WireKind::Fraud => Some(ChurnKind::Fraud),
    }
}

async fn apply(
    tx: &mut Tx,
    lane: Lane,
    news: &[News],
    changes: &mut Vec<NewChange>,
) -> Result<(), Error> {
    let mut customers: Vec<&str> = news.iter().map(|news| news.customer.as_str()).collect();
    customers.sort_unstable();
    customers.dedup();
    let mut active = store::departure::active(tx, lane, &customers).await?;
    let mut after: BTreeMap<&str, Subscriptions> = BTreeMap::new();
    for customer in customers {
        let active = active.remove(customer).unwrap_or_default();
        after.insert(
            customer,
            Subscriptions {
                active,
                departures: Vec::new(),
            },
        );
    }
    // The last word on each subscription.
    let mut last: BTreeMap<(&str, &str), bool> = BTreeMap::new();
    for News {
        customer,
        subscription,
        fact,
    } in news
    {
        after.entry(customer).or_default().apply(subscription, fact);
        last.insert((customer, subscription), *fact == SubscriptionFact::Active);
    }
    let (begun, ended): (Vec<_>, Vec<_>) = last.into_iter().partition(|(_, is_active)| *is_active);
    let pairs = |rows: Vec<(_, bool)>| rows.into_iter().map(|(pair, _)| pair).collect::<Vec<_>>();
    store::departure::change_active(tx, lane, &pairs(begun), &pairs(ended)).await?;
    leave(tx, lane, &after, changes).await
}

async fn leave<'a>(
    tx: &mut Tx,
    lane: Lane,
    after: &BTreeMap<&'a str, Subscriptions>,
    changes: &mut Vec<NewChange>,
) -> Result<(), Error> {
    let last = |(customer, subscriptions): (&&'a str, &Subscriptions)| {
        Some((
            *customer,
            subscriptions.departures.iter().max()?.as_micros(),
        ))
    };
    let left: Vec<(&str, i64)> = after.iter().filter_map(last).collect();
    if left.is_empty() {
        return Ok(());
    }
    store::departure::leave(tx, lane, &left).await?;
    let mut campaigns = BTreeMap::new();
    for (customer, subscriptions) in after {
        for at in &subscriptions.departures {
            for enrolment in store::departure::churn(tx, lane, customer, *at).await? {
                let campaign =
                    store::campaign::read_once(tx, &enrolment.campaign, &mut campaigns).await?;
                changes.push(change::of_enrolment(&enrolment, campaign, *at));
            }
        }
    }
    Ok(())
}
