//! The customers who are briefed about: some whole lives to learn from, and many like them.

use anyhow::{Context as _, Result};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tenure_core::{Clock as _, Ids, Span, SystemClock, Timestamp};
use tenure_proto::campaign::v1 as campaign;
use tenure_proto::customer::v1 as pb;
use tenure_proto::loyalty::v1 as loyalty;
use tenure_proto::scoring::v1 as scoring;
use tenure_proto::r#type::v1 as types;
use tonic::{Code, Status};

use crate::bench::score;
use crate::clients::Clients;
use crate::show;
use crate::wait;
use crate::wire::{patient, timestamp};

/// How many customers a call takes in, with what belongs to them in further calls.
const BATCH: u32 = 1_000;
/// How many batches are under way at once: one is written while the next are read.
const BATCHES_AT_ONCE: usize = 3;
/// Of so many customers the whole life is simulated, and a model of leaving is trained.
const LIVES: u32 = 4_000;
/// How many customers a campaign is for: so that a briefing finds offers sometimes.
const AUDIENCE_MAX: i64 = 50_000;
/// The points of a million customers do not come in one call.
const CATCH_UPS_MAX: usize = 1_000;

/// Returns the id of a customer.
pub(super) fn customer(number: u32) -> String {
    format!("B{number:08}")
}

/// Returns the phone number of a customer.
pub(super) fn msisdn(number: u32) -> String {
    format!("+99912{number:08}")
}

/// Fills all four services.
///
/// # Errors
/// When a service refuses, or does not answer.
pub(super) async fn fill(clients: &Clients, customers: u32) -> Result<()> {
    score::fill(clients, LIVES).await?;
    let bar = show::bar(
        customers.into(),
        "customers",
        "{msg} {wide_bar} {pos} of {len}, {per_sec}, {eta} left",
    );
    let (ids, now) = (Ids::system(), SystemClock.now());
    stream::iter((0..customers).step_by(BATCH as usize))
        .map(|first| {
            let numbers = first..customers.min(first + BATCH);
            let (ids, bar) = (&ids, &bar);
            async move {
                let count = numbers.len() as u64;
                send(clients, ids, numbers, now).await?;
                bar.inc(count);
                anyhow::Ok(())
            }
        })
        .buffer_unordered(BATCHES_AT_ONCE)
        .try_collect::<()>()
        .await?;
    bar.finish();
    follow(clients).await?;
    offer(clients, &ids).await
}

async fn send(
    clients: &Clients,
    ids: &Ids,
    numbers: std::ops::Range<u32>,
    now: Timestamp,
) -> Result<()> {
    let mut client = clients.customer.clone();
    let request_id = || ids.uuid(SystemClock.now()).to_string();
    let request = pb::BatchUpsertCustomersRequest {
        request_id: request_id(),
        customers: numbers.clone().map(|it| profile(it, now)).collect(),
    };
    client
        .batch_upsert_customers(patient(request))
        .await
        .context("batch_upsert_customers")?;
    let request = pb::BatchUpsertSubscriptionsRequest {
        request_id: request_id(),
        subscriptions: numbers.clone().map(|it| line(it, now)).collect(),
    };
    client
        .batch_upsert_subscriptions(patient(request))
        .await
        .context("batch_upsert_subscriptions")?;
    // One in each of the two times that are compared.
    for age in [40, 130] {
        let request = pb::BatchUpsertBillsRequest {
            request_id: request_id(),
            bills: numbers.clone().map(|it| bill(it, age, now)).collect(),
        };
        client
            .batch_upsert_bills(patient(request))
            .await
            .context("batch_upsert_bills")?;
    }
    let request = pb::BatchUpsertInteractionsRequest {
        request_id: request_id(),
        interactions: numbers.map(|it| contact(it, now)).collect(),
    };
    client
        .batch_upsert_interactions(patient(request))
        .await
        .context("batch_upsert_interactions")?;
    Ok(())
}

fn profile(number: u32, now: Timestamp) -> pb::Customer {
    let flag = types::attribute_value::Kind::Flag(true);
    let vip = types::Attribute {
        name: "vip".to_owned(),
        value: Some(types::AttributeValue { kind: Some(flag) }),
    };
    pb::Customer {
        customer_id: customer(number),
        kind: pb::CustomerKind::Individual.into(),
        display_name: format!("Customer {number}"),
        attributes: if number.is_multiple_of(50) {
            vec![vip]
        } else {
            Vec::new()
        },
        join_time: Some(timestamp(now - Span::from_days(700))),
        ..pb::Customer::default()
    }
}

fn line(number: u32, now: Timestamp) -> pb::Subscription {
    pb::Subscription {
        subscription_id: format!("L{number:08}"),
        customer_id: customer(number),
        service: pb::ServiceKind::Mobile.into(),
        product_code: "FLEX".to_owned(),
        msisdn: msisdn(number),
        start_time: Some(timestamp(now - Span::from_days(700))),
        contract_end_time: Some(timestamp(now + Span::from_days((number % 365).into()))),
        monthly_fee: Some(euro(2_990)),
        ..pb::Subscription::default()
    }
}

fn euro(minor: i64) -> types::Money {
    types::Money {
        currency_code: "EUR".to_owned(),
        amount_minor: minor,
    }
}

fn bill(number: u32, days_ago: i64, now: Timestamp) -> pb::Bill {
    let issued = now - Span::from_days(days_ago);
    let amount = euro(2_000 + i64::from(number % 3_000));
    pb::Bill {
        bill_id: format!("I{number:08}-{days_ago}"),
        customer_id: customer(number),
        issue_time: Some(timestamp(issued)),
        due_time: Some(timestamp(issued + Span::from_days(20))),
        amount: Some(amount.clone()),
        state: pb::BillState::Settled.into(),
        settle_time: Some(timestamp(issued + Span::from_days(10))),
        paid_amount: Some(amount),
        update_time: None,
    }
}

/// Every fourth is a complaint, every eighth one without an answer.
fn contact(number: u32, now: Timestamp) -> pb::Interaction {
    let is_complaint = number.is_multiple_of(4);
    let kind = if is_complaint {
        pb::InteractionKind::Complaint
    } else {
        pb::InteractionKind::Enquiry
    };
    pb::Interaction {
        interaction_id: format!("C{number:08}"),
        customer_id: customer(number),
        event_time: Some(timestamp(now - Span::from_days(20))),
        channel: types::Channel::CallCentre.into(),
        direction: pb::InteractionDirection::Inbound.into(),
        kind: kind.into(),
        reason: "BILLING".to_owned(),
        resolution: if number.is_multiple_of(8) {
            String::new()
        } else {
            "EXPLAINED".to_owned()
        },
        ..Default::default()
    }
}

/// Has the other services take in everything, and scores everybody.
async fn follow(clients: &Clients) -> Result<()> {
    show::note("  waiting for points and scores ...");
    let (points, scores) = (&clients.loyalty, &clients.scoring);
    let points = until_done("catch_up of loyalty-points", || {
        let mut client = points.clone();
        async move { client.catch_up(patient(loyalty::CatchUpRequest {})).await }
    });
    let scores = until_done("catch_up of lifecycle-scoring", || {
        let mut client = scores.clone();
        async move { client.catch_up(patient(scoring::CatchUpRequest {})).await }
    });
    tokio::try_join!(points, scores)?;
    let mut client = clients.scoring.clone();
    let request = scoring::CreateScoringRunRequest {
        request_id: Ids::system().uuid(SystemClock.now()).to_string(),
        score_time: None,
    };
    let answer = client
        .create_scoring_run(patient(request))
        .await
        .context("create_scoring_run")?;
    let run = answer.into_inner().scoring_run.unwrap_or_default();
    wait::scoring_run(&mut client, run, |_| ()).await?;
    Ok(())
}

/// Calls again while only the time was too short: what was done stays done.
async fn until_done<T, F: Future<Output = Result<T, Status>>>(
    what: &'static str,
    call: impl Fn() -> F,
) -> Result<()> {
    for _ in 0..CATCH_UPS_MAX {
        match call().await {
            Ok(_) => return Ok(()),
            // The service itself waits for the others as long, and tells that they do not answer.
            Err(status) if matches!(status.code(), Code::DeadlineExceeded | Code::Unavailable) => {}
            Err(status) => return Err(status).context(what),
        }
    }
    anyhow::bail!("{what} does not come to an end")
}

/// Launches a campaign of the hotline for some of them.
async fn offer(clients: &Clients, ids: &Ids) -> Result<()> {
    let mut client = clients.campaign.clone();
    let request_id = || ids.uuid(SystemClock.now()).to_string();
    let (id, offer) = ("bench".to_owned(), "bench-offer".to_owned());
    let create = campaign::CreateOfferRequest {
        request_id: request_id(),
        offer: Some(campaign::Offer {
            offer_id: offer.clone(),
            display_name: "Thank-you bonus".to_owned(),
            description: "100 points for another year together".to_owned(),
            kind: campaign::OfferKind::Points.into(),
            ..campaign::Offer::default()
        }),
    };
    client.create_offer(create).await.context("create_offer")?;
    let create = campaign::CreateCampaignRequest {
        request_id: request_id(),
        campaign: Some(campaign::Campaign {
            campaign_id: id.clone(),
            display_name: "Bench".to_owned(),
            objective: "Offers for briefings to find".to_owned(),
            offer_id: offer,
            channel: types::Channel::CallCentre.into(),
            audience: Some(campaign::Audience {
                max_customers: AUDIENCE_MAX,
                ..campaign::Audience::default()
            }),
            control_share: 0.1,
            bonus_points: 100,
            measurement_window: Some(prost_types::Duration {
                seconds: 30 * 86_400,
                nanos: 0,
            }),
            author: "ada".to_owned(),
            ..campaign::Campaign::default()
        }),
    };
    let created = client.create_campaign(create).await;
    created.context("create_campaign")?;
    let approve = campaign::ApproveCampaignRequest {
        request_id: request_id(),
        campaign_id: id.clone(),
        approver: "bob".to_owned(),
        etag: String::new(),
    };
    let approved = client.approve_campaign(approve).await;
    approved.context("approve_campaign")?;
    let launch = campaign::LaunchCampaignRequest {
        request_id: request_id(),
        campaign_id: id,
    };
    let launched = client.launch_campaign(patient(launch)).await;
    launched.context("launch_campaign")?;
    until_done("catch_up of campaign", || {
        let mut client = clients.campaign.clone();
        async move { client.catch_up(patient(campaign::CatchUpRequest {})).await }
    })
    .await
}
