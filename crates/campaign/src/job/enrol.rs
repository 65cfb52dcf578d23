//! Enrolment: the audience of a launched campaign, page by page, each page exactly once.
//!
//! A page's enrolments, contacts and the cursor behind it are one transaction. Who crashed goes on
//! at the cursor; of several replicas that enrol one campaign, the first to move the cursor wins and
//! the others read it again.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tenure_core::{CampaignId, Lane, Lanes, Timestamp};
use tenure_rpc::Lifecycle;
use tenure_sql::Tx;
use tenure_sql::feed::{self, NewChange};

use super::select::{self, Candidate, Page};
use crate::api::change;
use crate::domain::assignment::{Arm, assign};
use crate::domain::campaign::Campaign;
use crate::domain::contact::{Contact, ContactId};
use crate::domain::enrolment::Enrolment;
use crate::domain::state::State;
use crate::error::Error;
use crate::{Inner, store};

/// How long a campaign rests after its enrolment failed.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(2);
/// After so many failures in a row the enrolment is left to the sweep.
const FAILURES_MAX: u32 = 5;

/// Enrols a campaign in the background.
pub(crate) fn spawn(inner: &Arc<Inner>, id: CampaignId) {
    let task = inner.clone();
    let draining = inner.lifecycle.draining();
    inner
        .lifecycle
        .spawn("campaign enrolment of one", async move {
            tokio::select! {
                () = persist(&task, &id) => {}
                () = draining => {}
            }
        });
}

async fn persist(inner: &Inner, id: &CampaignId) {
    for _ in 0..FAILURES_MAX {
        match campaign(inner, id).await {
            Ok(()) => return,
            Err(error) => report(id, &error),
        }
        tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
    }
}

fn report(id: &CampaignId, error: &Error) {
    tracing::warn!(
        campaign.id = %id,
        error = %tenure_rpc::status::chain(error),
        "the enrolment of campaign {id} is interrupted"
    );
}

/// Goes on with enrolments that nobody goes on with: after a crash, or after a dependency failed
/// for long.
pub(super) async fn sweep(inner: Arc<Inner>, lifecycle: Lifecycle) {
    let mut seen = HashMap::new();
    while super::rest(&lifecycle, super::sweep_interval(&inner)).await {
        tokio::select! {
            swept = resume(&inner, &mut seen) => {
                if let Err(error) = swept {
                    tracing::warn!(%error, "campaigns under way cannot be read");
                }
            }
            () = lifecycle.draining() => return,
        }
    }
}

/// Takes up enrolments that have not moved since they were seen the last time.
async fn resume(inner: &Inner, seen: &mut HashMap<CampaignId, i64>) -> Result<(), Error> {
    let mut now = HashMap::new();
    for id in store::campaign::in_state(&inner.db, State::Enrolling).await? {
        let Some(found) = store::campaign::get(&inner.db, &id).await? else {
            continue;
        };
        let page = found.progress.page;
        if seen.get(&id) != Some(&page) {
            now.insert(id, page);
        } else if let Err(error) = campaign(inner, &id).await {
            report(&id, &error);
        }
    }
    *seen = now;
    Ok(())
}

/// Ends all enrolments that are under way.
pub(super) async fn all(inner: &Inner) -> Result<(), Error> {
    for id in store::campaign::in_state(&inner.db, State::Enrolling).await? {
        campaign(inner, &id).await?;
    }
    Ok(())
}

/// Enrols the rest of a campaign's audience; ends early when the campaign is paused or ended.
async fn campaign(inner: &Inner, id: &CampaignId) -> Result<(), Error> {
    loop {
        let _turn = inner.enrolling.lock().await;
        let Some(campaign) = store::campaign::get(&inner.db, id).await? else {
            return Ok(());
        };
        if campaign.state != State::Enrolling {
            return Ok(());
        }
        let cursor = &campaign.progress.cursor;
        let page = select::page(inner, &campaign.draft.audience, cursor, campaign.room()).await?;
        enrol(inner, &campaign, page).await?;
    }
}

/// Takes in a page that was read for the campaign as it was; does nothing when it is so no longer.
async fn enrol(inner: &Inner, read: &Campaign, page: Page) -> Result<(), Error> {
    let now = inner.clock.now();
    let mut tx = inner.db.begin().await?;
    let Some(mut campaign) = store::campaign::lock(&mut tx, read.id()).await? else {
        return Ok(());
    };
    let is_unmoved = campaign.progress.page == read.progress.page;
    if campaign.state != State::Enrolling || !is_unmoved {
        return Ok(());
    }
    let launched_at = campaign.launched_at.unwrap_or(now);
    let enrolments = prepare(inner, &mut tx, &campaign, page.candidates, launched_at).await?;
    let inserted = store::enrolment::insert(&mut tx, &enrolments).await?;
    let new: Vec<&Enrolment> = enrolments
        .iter()
        .filter(|one| inserted.contains(one.customer.as_str()))
        .collect();
    let treated = new
        .iter()
        .filter(|enrolment| enrolment.arm == Arm::Treated)
        .count() as u64;
    campaign
        .turn_page(treated, new.len() as u64 - treated, page.next)
        .map_err(|refusal| Error::step(read.id(), refusal))?;
    store::campaign::update(&mut tx, &campaign).await?;
    let changes = changes(inner.db.lanes(), &new, &campaign, launched_at, now);
    feed::append(&mut tx, changes, now).await?;
    tx.commit().await?;
    if campaign.state == State::Running {
        let progress = &campaign.progress;
        tracing::info!(
            campaign.id = %campaign.id(),
            treated = progress.treated,
            control = progress.control,
            "enrolled the audience of campaign {}", campaign.id()
        );
    }
    Ok(())
}

/// Assigns an arm to each candidate, gives the treated a contact, and notes who has left since the
/// launch. The lanes are locked first: who leaves from now on finds the enrolment.
async fn prepare(
    inner: &Inner,
    tx: &mut Tx,
    campaign: &Campaign,
    candidates: Vec<Candidate>,
    launched_at: Timestamp,
) -> Result<Vec<Enrolment>, Error> {
    let lanes = inner.db.lanes();
    let by_lane: BTreeMap<Lane, Vec<Candidate>> = store::by_lane(candidates, |candidate| {
        lanes.of(candidate.customer.as_str())
    });
    // The campaign's own lane too: taken later it could be waited for in a circle.
    let mut locked: Vec<Lane> = by_lane.keys().copied().collect();
    locked.push(lanes.of(campaign.id().as_str()));
    feed::lock_lanes(tx, &locked).await?;
    let mut enrolments = Vec::new();
    for (lane, candidates) in by_lane {
        let customers: Vec<_> = candidates
            .iter()
            .map(|candidate| &candidate.customer)
            .collect();
        let left = store::departure::left_after(tx, lane, launched_at, &customers).await?;
        enrolments.extend(candidates.into_iter().map(|candidate| {
            let churned_at = left.get(candidate.customer.as_str()).copied();
            let arm = assign(
                campaign.id(),
                &candidate.customer,
                campaign.draft.control_share,
            );
            let contact = (arm == Arm::Treated)
                .then(|| Contact::new(ContactId::new(inner.ids.uuid(launched_at), lane)));
            Enrolment {
                lane,
                campaign: campaign.id().clone(),
                customer: candidate.customer,
                arm,
                enrolled_at: launched_at,
                churn_probability: candidate.churn_probability,
                churned_at,
                contact,
            }
        }));
    }
    Ok(enrolments)
}

fn changes(
    lanes: Lanes,
    new: &[&Enrolment],
    campaign: &Campaign,
    launched_at: Timestamp,
    now: Timestamp,
) -> Vec<NewChange> {
    let mut changes: Vec<_> = new
        .iter()
        .map(|enrolment| change::of_enrolment(enrolment, campaign, launched_at))
        .collect();
    if campaign.state == State::Running {
        changes.push(change::of_campaign(lanes, campaign, now));
    }
    changes
}
