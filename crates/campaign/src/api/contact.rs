//! Contacts: pulled by a channel under a lease, and acknowledged.

use std::collections::{BTreeMap, HashSet};

use tenure_core::{CampaignId, Lane, RequestId, Span, Timestamp, Violations};
use tenure_proto::campaign::v1::{
    AcknowledgeContactsRequest, AcknowledgeContactsResponse, Contact as WireContact,
    ContactAcknowledgement, PullContactsRequest, PullContactsResponse,
};
use tenure_rpc::fields;
use tenure_sql::Tx;
use tenure_sql::feed::{self, NewChange};
use tonic::Status;
use uuid::Uuid;

use super::campaign::channel;
use super::offer::refused;
use super::turn::{self, Begun, Effect};
use super::{audience, change, wire};
use crate::Inner;
use crate::domain::campaign::Campaign;
use crate::domain::contact::{ContactId, ContactState, Delivery};
use crate::domain::enrolment::Enrolment;
use crate::domain::words::Channel;
use crate::error::Error;
use crate::store;
use crate::store::contact::Pull;

/// The most contacts, acknowledgements or responses of one call.
pub(super) const BATCH_MAX: usize = 1_000;
const LEASES: (Span, Span) = (Span::from_seconds(1), Span::from_days(1));
const LEASE_DEFAULT: Span = Span::from_seconds(300);

/// What a sender asks for.
struct Wish {
    channel: Channel,
    campaign: Option<CampaignId>,
    max: usize,
    lease: Span,
    /// Where to begin: senders that pull at once begin in different lanes.
    first_lane: Lane,
}

/// Hands contacts to a sender.
pub(super) async fn pull(
    inner: &Inner,
    request: &PullContactsRequest,
) -> Result<PullContactsResponse, Status> {
    let (request_id, mut wish) = parse_wish(request)?;
    wish.first_lane = inner.db.lanes().of(&request_id.to_string());
    let mut turn = match turn::begin(inner, request, request_id).await? {
        Begun::New(turn) => turn,
        Begun::Before(answer) => return answer,
    };
    let (token, now) = (inner.ids.uuid(turn.now), turn.now);
    let pull = Pull {
        token,
        expires_at: now + wish.lease,
        now,
    };
    let pulled = lease(inner, &mut turn.tx, &wish, &pull).await;
    turn.end(pulled).await
}

fn parse_wish(request: &PullContactsRequest) -> Result<(RequestId, Wish), Error> {
    let mut v = Violations::new();
    let request_id = fields::request_id(&mut v, &request.request_id);
    let channel = channel(&mut v, request.channel);
    let campaign = match request.campaign_id.as_str() {
        "" => None,
        id => v.take("campaign_id", CampaignId::parse(id)),
    };
    let max = usize::try_from(request.max_contacts).ok();
    let max = max.filter(|max| (1..=BATCH_MAX).contains(max));
    if max.is_none() {
        v.add(
            "max_contacts",
            format!("1 to {BATCH_MAX}"),
            request.max_contacts.to_string(),
        );
    }
    let lease = match &request.lease_duration {
        None => Some(LEASE_DEFAULT),
        Some(lease) => audience::span(&mut v, "lease_duration", lease, LEASES),
    };
    match (request_id, channel, max, lease) {
        (Some(request_id), Some(channel), Some(max), Some(lease)) if v.is_empty() => Ok((
            request_id,
            Wish {
                channel,
                campaign,
                max,
                lease,
                first_lane: 0,
            },
        )),
        _ => Err(refused(v)),
    }
}

async fn lease(
    inner: &Inner,
    tx: &mut Tx,
    wish: &Wish,
    pull: &Pull,
) -> Result<Effect<PullContactsResponse>, Error> {
    if let Some(id) = &wish.campaign
        && store::campaign::read(tx, id).await?.is_none()
    {
        return Err(Error::CampaignNotFound(id.clone()));
    }
    let mut contacts = Vec::new();
    let lanes: Vec<Lane> = inner.db.lanes().all().collect();
    let (before, from) = lanes.split_at(usize::try_from(wish.first_lane).unwrap_or(0));
    for campaign in store::campaign::giving(tx, wish.channel, wish.campaign.as_ref()).await? {
        for lane in from.iter().chain(before) {
            let room = wish.max - contacts.len();
            if room == 0 {
                break;
            }
            let leased = store::contact::pull(tx, *lane, campaign.id(), room, pull).await?;
            contacts.extend(
                leased
                    .iter()
                    .filter_map(|enrolment| with_token(enrolment, &campaign)),
            );
        }
    }
    Ok((
        PullContactsResponse {
            contacts,
            replayed: false,
        },
        Vec::new(),
    ))
}

fn with_token(enrolment: &Enrolment, campaign: &Campaign) -> Option<WireContact> {
    let contact = enrolment.contact.as_ref()?;
    let lease_token = contact
        .lease
        .map(|lease| lease.token.to_string())
        .unwrap_or_default();
    Some(WireContact {
        lease_token,
        ..wire::contact(enrolment, contact, campaign)
    })
}

/// What a sender says of one contact.
struct Acknowledgement {
    contact: ContactId,
    token: Uuid,
    delivery: Delivery,
    at: Option<Timestamp>,
}

/// Records what became of contacts.
pub(super) async fn acknowledge(
    inner: &Inner,
    request: &AcknowledgeContactsRequest,
) -> Result<AcknowledgeContactsResponse, Status> {
    let (request_id, said) = parse_acknowledgements(request)?;
    let mut turn = match turn::begin(inner, request, request_id).await? {
        Begun::New(turn) => turn,
        Begun::Before(answer) => return answer,
    };
    let done = record(inner, &mut turn.tx, &said, turn.now).await;
    turn.end(done).await
}

fn parse_acknowledgements(
    request: &AcknowledgeContactsRequest,
) -> Result<(RequestId, Vec<Acknowledgement>), Error> {
    let mut v = Violations::new();
    let request_id = fields::request_id(&mut v, &request.request_id);
    let items = &request.acknowledgements;
    let mut said = Vec::with_capacity(items.len());
    if is_batch(&mut v, "acknowledgements", items) {
        for (at, item) in items.iter().enumerate() {
            let prefix = format!("acknowledgements[{at}].");
            said.extend(v.within(&prefix, |v| parse_acknowledgement(v, item)));
        }
        once_each(
            &mut v,
            "acknowledgements",
            items.iter().map(|item| item.contact_id.as_str()),
        );
    }
    match request_id {
        Some(request_id) if v.is_empty() => Ok((request_id, said)),
        _ => Err(refused(v)),
    }
}

fn parse_acknowledgement(
    v: &mut Violations,
    item: &ContactAcknowledgement,
) -> Option<Acknowledgement> {
    let contact = v.take("contact_id", ContactId::parse(&item.contact_id));
    let token = Uuid::try_parse(&item.lease_token).ok();
    if token.is_none() {
        let found = if item.lease_token.is_empty() {
            "nothing"
        } else {
            "something else"
        };
        v.add("lease_token", "the token of the lease", found);
    }
    let delivery = ContactState::from_number(item.outcome).and_then(Delivery::from_state);
    if delivery.is_none() {
        v.add("outcome", "DELIVERED or FAILED", item.outcome.to_string());
    }
    let at = fields::optional_time(v, "event_time", item.event_time.as_ref());
    Some(Acknowledgement {
        contact: contact?,
        token: token?,
        delivery: delivery?,
        at,
    })
}

/// Notes it when a batch is empty or too large; returns true when it is neither.
pub(super) fn is_batch<T>(v: &mut Violations, field: &str, items: &[T]) -> bool {
    let fits = (1..=BATCH_MAX).contains(&items.len());
    if !fits {
        v.add(
            field,
            format!("1 to {BATCH_MAX} items"),
            format!("{} items", items.len()),
        );
    }
    fits
}

/// Notes it when a contact is named twice.
pub(super) fn once_each<'a>(
    v: &mut Violations,
    field: &str,
    contacts: impl Iterator<Item = &'a str>,
) {
    let mut seen = HashSet::new();
    for (at, contact) in contacts.enumerate() {
        if !contact.is_empty() && !seen.insert(contact) {
            v.add(
                &format!("{field}[{at}].contact_id"),
                "no contact twice",
                "a repeat",
            );
        }
    }
}

async fn record(
    inner: &Inner,
    tx: &mut Tx,
    said: &[Acknowledgement],
    now: Timestamp,
) -> Result<Effect<AcknowledgeContactsResponse>, Error> {
    let mut enrolments = Touched::load(inner, tx, said.iter().map(|item| item.contact)).await?;
    let mut answer = AcknowledgeContactsResponse::default();
    for item in said {
        let at = item.at.unwrap_or(now);
        let (enrolment, _) = enrolments.get(item.contact)?;
        let contact = enrolment
            .contact
            .as_mut()
            .expect("it was found by its contact");
        let is_news = contact
            .acknowledge(item.delivery, Some(item.token), at, now)
            .map_err(|refusal| Error::contact(item.contact, refusal))?;
        if is_news {
            match item.delivery {
                Delivery::Delivered => answer.delivered_count += 1,
                Delivery::Failed => answer.failed_count += 1,
            }
            enrolments.changed(item.contact, at, None);
        }
    }
    let changes = enrolments.save(tx).await?;
    Ok((answer, changes))
}

/// The enrolments that a batch speaks of, locked, with what changed of them.
pub(super) struct Touched {
    found: BTreeMap<ContactId, Enrolment>,
    campaigns: BTreeMap<CampaignId, Campaign>,
    /// When the change happened, and from when on points are owed.
    changed: BTreeMap<ContactId, (Timestamp, Option<Timestamp>)>,
}

impl Touched {
    /// Locks the lanes of some contacts and loads what there is of them.
    pub(super) async fn load(
        inner: &Inner,
        tx: &mut Tx,
        contacts: impl Iterator<Item = ContactId>,
    ) -> Result<Self, Error> {
        let lanes = inner.db.lanes();
        let is_lane = |contact: &ContactId| lanes.all().any(|lane| lane == contact.lane());
        let by_lane = store::by_lane(contacts.filter(is_lane), |contact| contact.lane());
        feed::lock_lanes(tx, &by_lane.keys().copied().collect::<Vec<_>>()).await?;
        let mut found = BTreeMap::new();
        let mut campaigns = BTreeMap::new();
        for (lane, contacts) in by_lane {
            for enrolment in store::contact::by_ids(tx, lane, &contacts).await? {
                store::campaign::read_once(tx, &enrolment.campaign, &mut campaigns).await?;
                let contact = enrolment
                    .contact
                    .as_ref()
                    .expect("it was found by its contact")
                    .id;
                found.insert(contact, enrolment);
            }
        }
        Ok(Self {
            found,
            campaigns,
            changed: BTreeMap::new(),
        })
    }

    /// Returns the enrolment of a contact and its campaign.
    pub(super) fn get(&mut self, contact: ContactId) -> Result<(&mut Enrolment, &Campaign), Error> {
        let enrolment = self.found.get_mut(&contact);
        let enrolment = enrolment.ok_or_else(|| Error::ContactNotFound(contact.to_string()))?;
        let campaign = self.campaigns.get(&enrolment.campaign);
        Ok((
            enrolment,
            campaign.expect("a campaign of an enrolment exists"),
        ))
    }

    /// Notes that a contact changed.
    pub(super) fn changed(
        &mut self,
        contact: ContactId,
        at: Timestamp,
        owed_from: Option<Timestamp>,
    ) {
        self.changed.insert(contact, (at, owed_from));
    }

    /// Stores what changed and returns it for the feed.
    pub(super) async fn save(mut self, tx: &mut Tx) -> Result<Vec<NewChange>, Error> {
        let mut news = Vec::new();
        let mut changes = Vec::new();
        for (contact, (at, owed_from)) in self.changed {
            let Some(enrolment) = self.found.remove(&contact) else {
                continue;
            };
            if let Some(campaign) = self.campaigns.get(&enrolment.campaign) {
                changes.push(change::of_enrolment(&enrolment, campaign, at));
            }
            news.push((enrolment, owed_from));
        }
        for (lane, news) in store::by_lane(news, |(enrolment, _)| enrolment.lane) {
            store::contact::save(tx, lane, &news).await?;
        }
        Ok(changes)
    }
}
