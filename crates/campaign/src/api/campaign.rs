//! Campaigns: create, get (and wait for the end of enrolment), list.

use std::time::Duration;

use tenure_core::{CampaignId, OfferId, RequestId, Span, Violations};
use tenure_proto::campaign::v1 as proto;
use tenure_proto::campaign::v1::{
    CreateCampaignRequest, CreateCampaignResponse, GetCampaignRequest, GetCampaignResponse,
    ListCampaignsRequest, ListCampaignsResponse,
};
use tenure_rpc::{RequestError, fields};
use tenure_sql::Tx;
use tokio::time::Instant;
use tonic::Status;

use super::offer::{NAME_LENGTH_MAX, TEXT_LENGTH_MAX, after, refused};
use super::turn::{self, Begun, Effect};
use super::{audience, change, wire};
use crate::Inner;
use crate::domain::campaign::{Campaign, Draft};
use crate::domain::state::State;
use crate::domain::words::Channel;
use crate::error::Error;
use crate::store;

const CONTROL_SHARES: std::ops::RangeInclusive<f64> = 0.01..=0.9;
const BONUS_POINTS_MAX: i64 = 1_000_000;
const WINDOWS: (Span, Span) = (Span::from_days(1), Span::from_days(366));
const WAITS: (Span, Span) = (Span::from_micros(0), Span::from_seconds(50));
/// What another replica commits does not ring here.
const POLL: Duration = Duration::from_millis(500);
/// Who waits must still get an answer before the deadline of the call.
const ANSWER_TIME: Duration = Duration::from_millis(250);

/// Creates a campaign as a draft.
pub(super) async fn create(
    inner: &Inner,
    request: &CreateCampaignRequest,
) -> Result<CreateCampaignResponse, Status> {
    let (request_id, draft) = parse(request)?;
    let mut turn = match turn::begin(inner, request, request_id).await? {
        Begun::New(turn) => turn,
        Begun::Before(answer) => return answer,
    };
    let campaign = Campaign::new(draft, turn.now);
    let created = insert(inner, &mut turn.tx, campaign).await;
    turn.end(created).await
}

async fn insert(
    inner: &Inner,
    tx: &mut Tx,
    campaign: Campaign,
) -> Result<Effect<CreateCampaignResponse>, Error> {
    if !store::offer::exists(tx, &campaign.draft.offer).await? {
        return Err(Error::OfferNotFound(campaign.draft.offer));
    }
    if !store::campaign::insert(tx, &campaign).await? {
        return Err(Error::CampaignExists(campaign.draft.id));
    }
    let change = change::of_campaign(inner.db.lanes(), &campaign, campaign.created_at);
    let campaign = Some(wire::campaign(&campaign));
    Ok((
        CreateCampaignResponse {
            campaign,
            replayed: false,
        },
        vec![change],
    ))
}

fn parse(request: &CreateCampaignRequest) -> Result<(RequestId, Draft), Error> {
    let mut v = Violations::new();
    let request_id = fields::request_id(&mut v, &request.request_id);
    let draft = fields::required(&mut v, "campaign", request.campaign.as_ref())
        .and_then(|campaign| v.within("campaign.", |v| parse_draft(v, campaign)));
    match (request_id, draft) {
        (Some(request_id), Some(draft)) if v.is_empty() => Ok((request_id, draft)),
        _ => Err(refused(v)),
    }
}

fn parse_draft(v: &mut Violations, campaign: &proto::Campaign) -> Option<Draft> {
    let id = v.take("campaign_id", CampaignId::parse(&campaign.campaign_id));
    let display_name = fields::text(v, "display_name", &campaign.display_name, NAME_LENGTH_MAX);
    let objective = fields::text(v, "objective", &campaign.objective, TEXT_LENGTH_MAX);
    let offer = v.take("offer_id", OfferId::parse(&campaign.offer_id));
    let channel = channel(v, campaign.channel);
    let audience = fields::required(v, "audience", campaign.audience.as_ref())
        .and_then(|audience| v.within("audience.", |v| audience::parse(v, audience)));
    let (control_share, bonus_points) = (campaign.control_share, campaign.bonus_points);
    if !CONTROL_SHARES.contains(&control_share) {
        v.add("control_share", "0.01 to 0.9", control_share.to_string());
    }
    if !(0..=BONUS_POINTS_MAX).contains(&bonus_points) {
        v.add(
            "bonus_points",
            format!("0 to {BONUS_POINTS_MAX}"),
            bonus_points.to_string(),
        );
    }
    let window = fields::required(
        v,
        "measurement_window",
        campaign.measurement_window.as_ref(),
    )
    .and_then(|window| audience::span(v, "measurement_window", window, WINDOWS));
    let author = person(v, "author", &campaign.author);
    Some(Draft {
        id: id?,
        display_name: display_name?.to_owned(),
        objective: objective?.to_owned(),
        offer: offer?,
        channel: channel?,
        audience: audience?,
        control_share,
        bonus_points,
        window: window?,
        author: author?,
    })
}

/// Returns the channel of a required field, or notes why there is none.
pub(super) fn channel(v: &mut Violations, number: i32) -> Option<Channel> {
    let channel = Channel::from_number(number);
    if channel.is_none() {
        v.add("channel", "a channel", number.to_string());
    }
    channel
}

/// Returns who acts, by the same rule as keys: blanks would make one person look like two.
pub(super) fn person(v: &mut Violations, field: &str, name: &str) -> Option<String> {
    v.take(field, CampaignId::parse(name))
        .map(|_| name.to_owned())
}

/// Returns a campaign, at once or after its enrolment.
pub(super) async fn get(
    inner: &Inner,
    request: &GetCampaignRequest,
) -> Result<GetCampaignResponse, Error> {
    let mut v = Violations::new();
    let id = v.take("campaign_id", CampaignId::parse(&request.campaign_id));
    let wait = request.wait_duration.as_ref();
    let wait = wait.and_then(|wait| audience::span(&mut v, "wait_duration", wait, WAITS));
    let Some(id) = id.filter(|_| v.is_empty()) else {
        return Err(refused(v));
    };
    let campaign = wait_for(inner, &id, wait.map_or(Duration::ZERO, as_duration)).await?;
    Ok(GetCampaignResponse {
        campaign: Some(wire::campaign(&campaign)),
    })
}

fn as_duration(span: Span) -> Duration {
    Duration::from_micros(span.as_micros().unsigned_abs())
}

async fn wait_for(inner: &Inner, id: &CampaignId, wait: Duration) -> Result<Campaign, Error> {
    let left = tenure_rpc::call::remaining().map(|left| left.saturating_sub(ANSWER_TIME));
    let until = Instant::now() + left.map_or(wait, |left| left.min(wait));
    // Taken before the first look, so that nothing is missed between a look and a wait.
    let mut signal = inner.db.feed_signal();
    loop {
        let campaign = existing(inner, id).await?;
        let left = until.saturating_duration_since(Instant::now());
        if campaign.state != State::Enrolling || left.is_zero() || inner.lifecycle.is_draining() {
            return Ok(campaign);
        }
        signal.wait(left.min(POLL)).await;
    }
}

/// Returns a campaign that must exist.
pub(super) async fn existing(inner: &Inner, id: &CampaignId) -> Result<Campaign, Error> {
    let campaign = store::campaign::get(&inner.db, id).await?;
    campaign.ok_or_else(|| Error::CampaignNotFound(id.clone()))
}

/// Lists campaigns by id.
pub(super) async fn list(
    inner: &Inner,
    request: &ListCampaignsRequest,
) -> Result<ListCampaignsResponse, Error> {
    let mut v = Violations::new();
    let Some(size) = fields::page_size(&mut v, request.page_size) else {
        return Err(refused(v));
    };
    let token =
        fields::page_token(&request.page_token, b"campaigns").map_err(RequestError::from)?;
    let campaigns = store::campaign::list(&inner.db, after(token.as_ref()), size).await?;
    let (campaigns, next) =
        tenure_core::page::cut(campaigns, size, |campaign| vec![campaign.id().to_string()]);
    Ok(ListCampaignsResponse {
        campaigns: campaigns.iter().map(wire::campaign).collect(),
        next_page_token: next
            .map(|token| token.seal(b"campaigns"))
            .unwrap_or_default(),
    })
}
