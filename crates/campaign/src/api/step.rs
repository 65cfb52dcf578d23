//! Steps in the life of a campaign: approve, launch, pause, resume, end.

use std::sync::Arc;

use tenure_core::{CampaignId, RequestId, Violations};
use tenure_proto::WriteRequest;
use tenure_proto::campaign::v1::{
    ApproveCampaignRequest, ApproveCampaignResponse, EndCampaignRequest, EndCampaignResponse,
    LaunchCampaignRequest, LaunchCampaignResponse, PauseCampaignRequest, PauseCampaignResponse,
    ResumeCampaignRequest, ResumeCampaignResponse,
};
use tenure_rpc::fields;
use tenure_sql::Tx;
use tonic::Status;

use super::campaign::person;
use super::offer::refused;
use super::turn::{self, Begun};
use super::{change, wire};
use crate::domain::campaign::{Campaign, StepRefusal};
use crate::domain::state::{State, Step};
use crate::error::Error;
use crate::{Inner, job, store};

/// Approves a draft.
pub(super) async fn approve(
    inner: &Inner,
    request: &ApproveCampaignRequest,
) -> Result<ApproveCampaignResponse, Status> {
    let mut v = Violations::new();
    let request_id = fields::request_id(&mut v, &request.request_id);
    let id = v.take("campaign_id", CampaignId::parse(&request.campaign_id));
    let approver = person(&mut v, "approver", &request.approver);
    let (Some(request_id), Some(id), Some(approver)) = (request_id, id, approver) else {
        return Err(refused(v).into());
    };
    let etag = request.etag.as_str();
    let step = |campaign: &mut Campaign, _| campaign.approve(&approver);
    let campaign = Wanted {
        request_id,
        id,
        etag,
    };
    take(inner, request, campaign, step, |campaign| {
        ApproveCampaignResponse {
            campaign: Some(wire::campaign(campaign)),
            replayed: false,
        }
    })
    .await
}

/// Launches an approved campaign and begins to enrol its audience.
pub(super) async fn launch(
    inner: &Arc<Inner>,
    request: &LaunchCampaignRequest,
) -> Result<LaunchCampaignResponse, Status> {
    let campaign = wanted(&request.request_id, &request.campaign_id)?;
    let id = campaign.id.clone();
    let step = |campaign: &mut Campaign, now| campaign.take(Step::Launch, now);
    let launched = take(inner, request, campaign, step, |campaign| {
        LaunchCampaignResponse {
            campaign: Some(wire::campaign(campaign)),
            replayed: false,
        }
    })
    .await?;
    if !launched.replayed {
        job::enrol::spawn(inner, id);
    }
    Ok(launched)
}

/// Holds contacts back.
pub(super) async fn pause(
    inner: &Inner,
    request: &PauseCampaignRequest,
) -> Result<PauseCampaignResponse, Status> {
    let campaign = wanted(&request.request_id, &request.campaign_id)?;
    let step = |campaign: &mut Campaign, now| campaign.take(Step::Pause, now);
    take(inner, request, campaign, step, |campaign| {
        PauseCampaignResponse {
            campaign: Some(wire::campaign(campaign)),
            replayed: false,
        }
    })
    .await
}

/// Goes on after a pause, with the enrolment too if it was under way.
pub(super) async fn resume(
    inner: &Arc<Inner>,
    request: &ResumeCampaignRequest,
) -> Result<ResumeCampaignResponse, Status> {
    let campaign = wanted(&request.request_id, &request.campaign_id)?;
    let id = campaign.id.clone();
    let step = |campaign: &mut Campaign, now| campaign.take(Step::Resume, now);
    let resumed = take(inner, request, campaign, step, |campaign| {
        ResumeCampaignResponse {
            campaign: Some(wire::campaign(campaign)),
            replayed: false,
        }
    })
    .await?;
    let state = resumed
        .campaign
        .as_ref()
        .and_then(|campaign| State::from_number(campaign.state));
    if !resumed.replayed && state == Some(State::Enrolling) {
        job::enrol::spawn(inner, id);
    }
    Ok(resumed)
}

/// Ends a campaign for good.
pub(super) async fn end(
    inner: &Inner,
    request: &EndCampaignRequest,
) -> Result<EndCampaignResponse, Status> {
    let campaign = wanted(&request.request_id, &request.campaign_id)?;
    let step = |campaign: &mut Campaign, now| campaign.take(Step::End, now);
    take(inner, request, campaign, step, |campaign| {
        EndCampaignResponse {
            campaign: Some(wire::campaign(campaign)),
            replayed: false,
        }
    })
    .await
}

/// Which campaign is meant, in which version, and by which request.
struct Wanted<'a> {
    request_id: RequestId,
    id: CampaignId,
    /// Empty for any version.
    etag: &'a str,
}

fn wanted(request_id: &str, campaign_id: &str) -> Result<Wanted<'static>, Error> {
    let mut v = Violations::new();
    let request_id = fields::request_id(&mut v, request_id);
    let id = v.take("campaign_id", CampaignId::parse(campaign_id));
    match (request_id, id) {
        (Some(request_id), Some(id)) => Ok(Wanted {
            request_id,
            id,
            etag: "",
        }),
        _ => Err(refused(v)),
    }
}

async fn take<W: WriteRequest>(
    inner: &Inner,
    request: &W,
    wanted: Wanted<'_>,
    step: impl FnOnce(&mut Campaign, tenure_core::Timestamp) -> Result<(), StepRefusal>,
    answer: impl FnOnce(&Campaign) -> W::Answer,
) -> Result<W::Answer, Status> {
    let mut turn = match turn::begin(inner, request, wanted.request_id).await? {
        Begun::New(turn) => turn,
        Begun::Before(answer) => return answer,
    };
    let now = turn.now;
    let stepped = change_campaign(&mut turn.tx, &wanted, |campaign| step(campaign, now)).await;
    let effect = stepped.map(|campaign| {
        let change = change::of_campaign(inner.db.lanes(), &campaign, now);
        (answer(&campaign), vec![change])
    });
    turn.end(effect).await
}

async fn change_campaign(
    tx: &mut Tx,
    wanted: &Wanted<'_>,
    step: impl FnOnce(&mut Campaign) -> Result<(), StepRefusal>,
) -> Result<Campaign, Error> {
    let campaign = store::campaign::lock(tx, &wanted.id).await?;
    let mut campaign = campaign.ok_or_else(|| Error::CampaignNotFound(wanted.id.clone()))?;
    if !wanted.etag.is_empty() && wanted.etag != campaign.etag() {
        return Err(Error::EtagMismatch(wanted.id.clone()));
    }
    step(&mut campaign).map_err(|refusal| Error::step(&wanted.id, refusal))?;
    store::campaign::update(tx, &campaign).await?;
    Ok(campaign)
}
