//! The retention campaign of the demo: from the draft to the answers.

use std::collections::HashMap;

use anyhow::{Context as _, Result, ensure};
use prost_types::Duration;
use tenure_core::Timestamp;
use tenure_proto::campaign::v1 as pb;
use tenure_proto::r#type::v1 as types;

use super::ingest::Ingest;
use crate::wire::{patient, timestamp};

/// What the demo's campaign is.
#[derive(Debug, Clone)]
pub(super) struct Design {
    /// Its id.
    pub(super) campaign_id: String,
    /// Customers at least this likely to leave are its audience.
    pub(super) min_churn_probability: f64,
    /// The share that is left alone.
    pub(super) control_share: f64,
    /// Points for accepting.
    pub(super) bonus_points: i64,
    /// From launch to the count of who stayed, in seconds.
    pub(super) window_seconds: i64,
}

/// A campaign that was launched, with everybody in it.
#[derive(Debug, Default)]
pub(super) struct Launched {
    /// Customers to be treated.
    pub(super) treated: Vec<String>,
    /// Customers left alone.
    pub(super) control: Vec<String>,
    /// Contact of each treated customer.
    contacts: HashMap<String, String>,
}

/// Writes, approves and launches the campaign, and delivers every contact.
///
/// # Errors
/// When a step is refused, or a service does not answer.
pub(super) async fn launch(ingest: &Ingest<'_>, design: &Design) -> Result<Launched> {
    let mut client = ingest.clients.campaign.clone();
    let offer = pb::CreateOfferRequest {
        request_id: ingest.request_id(),
        offer: Some(offer(design)),
    };
    client.create_offer(offer).await.context("create_offer")?;
    let campaign = Some(draft(design));
    let create = pb::CreateCampaignRequest {
        request_id: ingest.request_id(),
        campaign,
    };
    client
        .create_campaign(create)
        .await
        .context("create_campaign")?;
    let approve = pb::ApproveCampaignRequest {
        request_id: ingest.request_id(),
        campaign_id: design.campaign_id.clone(),
        approver: "head-of-retention".to_owned(),
        etag: String::new(),
    };
    client
        .approve_campaign(approve)
        .await
        .context("approve_campaign")?;
    let campaign_id = design.campaign_id.clone();
    let launch = pb::LaunchCampaignRequest {
        request_id: ingest.request_id(),
        campaign_id,
    };
    client
        .launch_campaign(patient(launch))
        .await
        .context("launch_campaign")?;
    client
        .catch_up(patient(pb::CatchUpRequest {}))
        .await
        .context("catch_up of campaign")?;
    let mut launched = enrolments(ingest, design).await?;
    deliver(ingest, design, &mut launched).await?;
    Ok(launched)
}

fn offer(design: &Design) -> pb::Offer {
    pb::Offer {
        offer_id: "stay-bonus".to_owned(),
        display_name: "Thank-you bonus".to_owned(),
        description: format!("{} points for another year together", design.bonus_points),
        kind: pb::OfferKind::Points.into(),
        ..Default::default()
    }
}

fn draft(design: &Design) -> pb::Campaign {
    pb::Campaign {
        campaign_id: design.campaign_id.clone(),
        display_name: "Keep who is about to leave".to_owned(),
        objective: "More customers at risk are still with us after the window".to_owned(),
        offer_id: "stay-bonus".to_owned(),
        channel: types::Channel::CallCentre.into(),
        audience: Some(pb::Audience {
            stages: vec![
                types::LifecycleStage::Growth.into(),
                types::LifecycleStage::Maturity.into(),
                types::LifecycleStage::Decline.into(),
            ],
            min_churn_probability: design.min_churn_probability,
            ..Default::default()
        }),
        control_share: design.control_share,
        bonus_points: design.bonus_points,
        measurement_window: Some(Duration {
            seconds: design.window_seconds,
            nanos: 0,
        }),
        author: "retention-marketer".to_owned(),
        ..Default::default()
    }
}

async fn enrolments(ingest: &Ingest<'_>, design: &Design) -> Result<Launched> {
    let mut launched = Launched::default();
    let mut request = pb::ListEnrolmentsRequest {
        campaign_id: design.campaign_id.clone(),
        page_size: 1_000,
        ..Default::default()
    };
    loop {
        let answer = ingest
            .clients
            .campaign
            .clone()
            .list_enrolments(request.clone())
            .await;
        let page = answer.context("list_enrolments")?.into_inner();
        for enrolment in page.enrolments {
            match enrolment.arm() {
                pb::Arm::Treated => launched.treated.push(enrolment.customer_id),
                _ => launched.control.push(enrolment.customer_id),
            }
        }
        if page.next_page_token.is_empty() {
            return Ok(launched);
        }
        request.page_token = page.next_page_token;
    }
}

/// Plays the call centre: pulls contacts until none wait, and says that each was delivered.
async fn deliver(ingest: &Ingest<'_>, design: &Design, launched: &mut Launched) -> Result<()> {
    let mut client = ingest.clients.campaign.clone();
    loop {
        let pull = pb::PullContactsRequest {
            request_id: ingest.request_id(),
            channel: types::Channel::CallCentre.into(),
            campaign_id: design.campaign_id.clone(),
            max_contacts: 1_000,
            lease_duration: None,
        };
        let contacts = client
            .pull_contacts(pull)
            .await
            .context("pull_contacts")?
            .into_inner()
            .contacts;
        if contacts.is_empty() {
            break;
        }
        let acknowledgements = contacts.iter().map(|contact| pb::ContactAcknowledgement {
            contact_id: contact.contact_id.clone(),
            lease_token: contact.lease_token.clone(),
            outcome: pb::ContactState::Delivered.into(),
            event_time: None,
        });
        let acknowledge = pb::AcknowledgeContactsRequest {
            request_id: ingest.request_id(),
            acknowledgements: acknowledgements.collect(),
        };
        client
            .acknowledge_contacts(acknowledge)
            .await
            .context("acknowledge_contacts")?;
        launched.contacts.extend(
            contacts
                .into_iter()
                .map(|it| (it.customer_id, it.contact_id)),
        );
    }
    let (delivered, treated) = (launched.contacts.len(), launched.treated.len());
    ensure!(
        delivered == treated,
        "{delivered} contacts were pulled for {treated} treated customers"
    );
    Ok(())
}

/// Records what customers answered, and has the bonus points granted.
///
/// # Errors
/// When campaign refuses or does not answer.
pub(super) async fn respond(
    ingest: &Ingest<'_>,
    launched: &Launched,
    answers: &[(String, bool, Timestamp)],
) -> Result<()> {
    let responses: Vec<_> = answers
        .iter()
        .filter_map(|(customer_id, is_accepted, at)| {
            let kind = if *is_accepted {
                pb::ResponseKind::Accepted
            } else {
                pb::ResponseKind::Declined
            };
            Some(pb::ContactResponse {
                contact_id: launched.contacts.get(customer_id)?.clone(),
                kind: kind.into(),
                event_time: Some(timestamp(*at)),
            })
        })
        .collect();
    let mut client = ingest.clients.campaign.clone();
    for batch in responses.chunks(1_000) {
        let request_id = ingest.request_id();
        let request = pb::RecordResponsesRequest {
            request_id,
            responses: batch.to_vec(),
        };
        client
            .record_responses(request)
            .await
            .context("record_responses")?;
    }
    client
        .catch_up(patient(pb::CatchUpRequest {}))
        .await
        .context("catch_up of campaign")?;
    Ok(())
}
