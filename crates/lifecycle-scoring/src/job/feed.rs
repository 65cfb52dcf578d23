//! The consumer of customer-data's feed: changes become remembered facts, exactly once.

use std::collections::BTreeMap;
use std::sync::Arc;

use prost::Message;
use tenure_core::{Span, Timestamp};
use tenure_proto::customer::v1 as customer;
use tenure_rpc::feed::{Consumer, Outcome};
use tenure_rpc::{IntoStatus, erasure};
use tenure_sql::feed::{self, NewChange, consumer};
use tenure_sql::{SqlError, Tx};
use tonic::{Status, Streaming};

use super::erase;
use super::fact::fact;
use crate::app::{App, Judged};
use crate::domain::assess::{Risk, assess};
use crate::domain::fact::Fact;
use crate::domain::features::derive;
use crate::domain::stage::{is_moved_by_facts, place};
use crate::store::customer::{self as customers, Known};
use crate::store::score::ScoreRow;
use crate::store::{by_lane, interval, score};
use crate::{DOMAIN, Error, api};

/// The name under which the position is kept.
const NAME: &str = "customer-data";

/// The consumer of customer-data's feed.
pub(crate) struct CustomerFeed {
    app: Arc<App>,
    /// The token that was last read or written; nothing before the first.
    position: Option<String>,
    applied: i64,
}

impl CustomerFeed {
    pub(crate) fn new(app: Arc<App>) -> Self {
        Self {
            app,
            position: None,
            applied: 0,
        }
    }

    /// Returns how many changes were applied so far.
    pub(crate) fn applied(&self) -> i64 {
        self.applied
    }

    async fn take_in(
        &mut self,
        response: customer::WatchChangesResponse,
    ) -> Result<Outcome, Error> {
        let token = response.resume_token;
        if self.position.as_deref() == Some(token.as_str()) {
            return Ok(Outcome::Applied);
        }
        let mut facts: BTreeMap<String, Vec<Fact>> = BTreeMap::new();
        for change in &response.changes {
            let id = &change.customer_id;
            if erasure::told(change).is_some() || erasure::removed(change).is_some() {
                // What was told before is forgotten, also when it comes in the same batch.
                facts.remove(id);
                continue;
            }
            if change.fact.is_none() {
                // Emptied, because the customer was erased since.
                continue;
            }
            // Who is known by nothing that says something here, for example a prospect, is no
            // customer yet.
            if let Some(fact) = fact(change) {
                facts.entry(id.clone()).or_default().push(fact);
            }
        }
        let now = self.app.clock.now();
        let mut tx = self.app.db.begin().await?;
        let from = self.position.as_deref();
        if !consumer::advance(&mut tx, NAME, from, &token, now).await? {
            tx.rollback().await?;
            return Ok(Outcome::Lost);
        }
        apply(&self.app, &mut tx, facts, now).await?;
        tx.commit().await?;
        self.position = Some(token);
        self.applied += i64::try_from(response.changes.len()).unwrap_or(i64::MAX);
        Ok(Outcome::Applied)
    }
}

impl Consumer for CustomerFeed {
    type Response = customer::WatchChangesResponse;

    fn name(&self) -> &'static str {
        "lifecycle-scoring<customer-data"
    }

    async fn token(&mut self) -> Result<String, Status> {
        let position = consumer::position(&self.app.db, NAME).await;
        self.position = position.map_err(|error| error.into_status(DOMAIN))?;
        Ok(self.position.clone().unwrap_or_default())
    }

    async fn open(
        &mut self,
        resume_token: String,
        follow: bool,
    ) -> Result<Streaming<Self::Response>, Status> {
        let request = customer::WatchChangesRequest {
            resume_token,
            follow,
            ..Default::default()
        };
        Ok(self
            .app
            .customers
            .clone()
            .watch_changes(request)
            .await?
            .into_inner())
    }

    async fn apply(&mut self, response: Self::Response) -> Result<Outcome, Status> {
        erase::forget(&self.app, &response.changes).await?;
        self.take_in(response)
            .await
            .map_err(|error| error.into_status(DOMAIN))
    }
}

/// Applies the facts of one batch, customers grouped by lane.
async fn apply(
    app: &App,
    tx: &mut Tx,
    facts: BTreeMap<String, Vec<Fact>>,
    now: Timestamp,
) -> Result<(), Error> {
    let grouped = by_lane(app.db.lanes(), facts, |(id, _)| id);
    let lanes: Vec<_> = grouped.keys().copied().collect();
    feed::lock_lanes(tx, &lanes).await?;
    let mut changes = Vec::new();
    for (lane, customers) in grouped {
        let ids: Vec<&str> = customers.iter().map(|(id, _)| id.as_str()).collect();
        let known = customers::load_in(tx, lane, &ids).await?;
        let mut known: BTreeMap<String, Known> = known
            .into_iter()
            .map(|known| (known.customer_id.clone(), known))
            .collect();
        let mut states = Vec::with_capacity(customers.len());
        let mut moved = Vec::new();
        for (id, facts) in &customers {
            let mut customer = known.remove(id).unwrap_or_else(|| Known {
                customer_id: id.clone(),
                state: crate::domain::state::CustomerState::default(),
                score: None,
            });
            facts.iter().for_each(|fact| customer.state.apply(fact));
            states.push((id.as_str(), customer.state.encode()));
            moved.extend(moved_by_facts(app, customer, now)?);
        }
        customers::save(tx, lane, &states).await?;
        write(tx, lane, &moved, now, &mut changes).await?;
    }
    if !changes.is_empty() {
        feed::append(tx, changes, now).await?;
    }
    Ok(())
}

/// Judges a customer whom facts alone have moved to another stage; nothing for all others, who wait
/// for the next run.
fn moved_by_facts(app: &App, known: Known, now: Timestamp) -> Result<Option<Judged>, SqlError> {
    let before = known.placement()?;
    if !is_moved_by_facts(before.as_ref(), &known.state, now) {
        return Ok(None);
    }
    let features = derive(&known.state, now);
    let placement = place(&app.policy.stage, before.as_ref(), &known.state, &features);
    // What the last run said of the risk stays until the next one.
    let risk = known
        .score
        .as_ref()
        .filter(|score| !score.model_version.is_empty());
    let risk = risk.map(|score| Risk {
        probability: score.churn_probability,
        horizon: Span::from_micros(score.horizon_us),
        model_version: score.model_version.clone(),
    });
    let said = assess(&app.policy, &known.state, &features, placement, risk);
    let row = ScoreRow::of(&known.customer_id, &app.policy.version, &said);
    Ok(Some(Judged {
        known,
        features,
        said,
        row,
    }))
}

/// Writes the judged customers of one lane who changed, and notes the changes for the feed.
/// Returns how many changed and how many of these moved.
pub(crate) async fn write(
    tx: &mut Tx,
    lane: tenure_core::Lane,
    judged: &[Judged],
    now: Timestamp,
    changes: &mut Vec<NewChange>,
) -> Result<(i64, i64), SqlError> {
    let changed: Vec<&Judged> = judged
        .iter()
        .filter(|judged| judged.has_changed())
        .collect();
    let rows: Vec<&ScoreRow> = changed.iter().map(|judged| &judged.row).collect();
    score::save(tx, lane, &rows).await?;
    let moved: Vec<(&ScoreRow, bool)> = (changed.iter().filter(|judged| judged.has_moved()))
        .map(|judged| (&judged.row, judged.known.score.is_none()))
        .collect();
    interval::begin(tx, lane, &moved).await?;
    let mut note = |judged: &Judged, kind, happened_at, body: Vec<u8>| {
        let key = judged.row.customer_id.clone();
        changes.push(NewChange {
            lane,
            kind,
            key,
            happened_at,
            body,
        });
    };
    for judged in &changed {
        if judged.has_moved() {
            let transition = api::words::transition(judged, now)?;
            let since = judged.said.placement.since;
            note(
                judged,
                api::watch::STAGE_TRANSITION,
                since,
                transition.encode_to_vec(),
            );
        }
        let score = api::words::score_change(&judged.row, now)?;
        let at = Timestamp::from_micros(judged.row.evaluated_at);
        note(judged, api::watch::SCORE, at, score.encode_to_vec());
    }
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    Ok((count(changed.len()), count(moved.len())))
}
