//! Customer stories, each told in every topology on every database.

use prost_types::Duration;
use tenure::clients::Clients;
use tenure_core::{Clock as _, SystemClock};
use tenure_proto::campaign::v1 as campaign;
use tenure_proto::customer::v1 as customer;
use tenure_proto::loyalty::v1 as loyalty;
use tenure_proto::scoring::v1 as scoring;
use tenure_proto::r#type::v1 as types;
use tenure_testkit::assert_reason;

use crate::facts::{self, request_id};
use crate::topology::in_each_topology;

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_joins_pays_earns_is_kept_spends_leaves_and_is_forgotten() {
    in_each_topology(async |clients| {
        join(&clients).await;
        pay_and_earn(&clients).await;
        stand_in_the_lifecycle(&clients).await;
        be_kept(&clients).await;
        spend_once(&clients).await;
        leave(&clients).await;
        be_forgotten(&clients).await;
    })
    .await;
}

/// Twenty customers, so that both arms of the campaign have some.
fn ids() -> impl Iterator<Item = String> {
    (0..20).map(|number| format!("C{number:03}"))
}

async fn join(clients: &Clients) {
    let joined = SystemClock.now().month_start().plus_months(-18);
    let customers = ids().map(|id| facts::customer(&id, joined)).collect();
    let request = customer::BatchUpsertCustomersRequest {
        request_id: request_id(),
        customers,
    };
    let answer = clients
        .customer
        .clone()
        .batch_upsert_customers(request)
        .await
        .unwrap();
    assert_eq!(answer.into_inner().created_count, 20);
    let subscriptions = ids()
        .enumerate()
        .map(|(number, id)| facts::line(&id, &format!("+9990000{number:03}"), joined))
        .collect();
    let request = customer::BatchUpsertSubscriptionsRequest {
        request_id: request_id(),
        subscriptions,
    };
    clients
        .customer
        .clone()
        .batch_upsert_subscriptions(request)
        .await
        .unwrap();

    let key = customer::lookup_customer_request::Key::Msisdn("+9990000007".to_owned());
    let request = customer::LookupCustomerRequest {
        key: Some(key),
        at_time: None,
    };
    let found = clients
        .customer
        .clone()
        .lookup_customer(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(found.customer.unwrap().customer_id, "C007");
}

/// A bill of 40.90 earns 40 points: parts of a unit are dropped.
async fn pay_and_earn(clients: &Clients) {
    let paid = SystemClock.now() - tenure_core::Span::from_days(3);
    let bills = ids()
        .map(|id| facts::settled_bill(&id, &format!("B-{id}"), paid, 4_090))
        .collect();
    let request = customer::BatchUpsertBillsRequest {
        request_id: request_id(),
        bills,
    };
    clients
        .customer
        .clone()
        .batch_upsert_bills(request)
        .await
        .unwrap();
    clients
        .loyalty
        .clone()
        .catch_up(loyalty::CatchUpRequest {})
        .await
        .unwrap();
    assert_eq!(available(clients, "C007").await, 40);
}

async fn available(clients: &Clients, account_id: &str) -> i64 {
    let request = loyalty::GetAccountRequest {
        account_id: account_id.to_owned(),
    };
    let answer = clients
        .loyalty
        .clone()
        .get_account(request)
        .await
        .unwrap()
        .into_inner();
    answer.account.unwrap().available_points
}

async fn stand_in_the_lifecycle(clients: &Clients) {
    let mut client = clients.scoring.clone();
    let request = scoring::CreateScoringRunRequest {
        request_id: request_id(),
        score_time: None,
    };
    let run = client
        .create_scoring_run(request)
        .await
        .unwrap()
        .into_inner()
        .scoring_run
        .unwrap();
    let request = scoring::GetScoringRunRequest {
        scoring_run_id: run.scoring_run_id,
        wait_duration: Some(Duration {
            seconds: 50,
            nanos: 0,
        }),
    };
    let run = client
        .get_scoring_run(request)
        .await
        .unwrap()
        .into_inner()
        .scoring_run
        .unwrap();
    assert_eq!(run.state(), scoring::ScoringRunState::Completed);
    assert_eq!(run.scored_count, 20);
    let rows = client
        .get_funnel(scoring::GetFunnelRequest {})
        .await
        .unwrap()
        .into_inner()
        .rows;
    assert_eq!(rows.iter().map(|row| row.customer_count).sum::<i64>(), 20);
    let request = scoring::ScoreCustomerRequest {
        customer_id: "C007".to_owned(),
    };
    let score = client
        .score_customer(request)
        .await
        .unwrap()
        .into_inner()
        .score
        .unwrap();
    assert!(!score.evidence.is_empty(), "a placement has its evidence");
}

async fn be_kept(clients: &Clients) {
    let mut client = clients.campaign.clone();
    let offer = campaign::Offer {
        offer_id: "bonus".to_owned(),
        display_name: "Bonus".to_owned(),
        kind: campaign::OfferKind::Points.into(),
        ..Default::default()
    };
    let request = campaign::CreateOfferRequest {
        request_id: request_id(),
        offer: Some(offer),
    };
    client.create_offer(request).await.unwrap();
    let draft = campaign::Campaign {
        campaign_id: "stay".to_owned(),
        display_name: "Stay".to_owned(),
        objective: "More of them stay".to_owned(),
        offer_id: "bonus".to_owned(),
        channel: types::Channel::Sms.into(),
        audience: Some(campaign::Audience::default()),
        control_share: 0.3,
        bonus_points: 500,
        measurement_window: Some(Duration {
            seconds: 86_400,
            nanos: 0,
        }),
        author: "ann".to_owned(),
        ..Default::default()
    };
    let request = campaign::CreateCampaignRequest {
        request_id: request_id(),
        campaign: Some(draft),
    };
    client.create_campaign(request).await.unwrap();
    let approve = |approver: &str| campaign::ApproveCampaignRequest {
        request_id: request_id(),
        campaign_id: "stay".to_owned(),
        approver: approver.to_owned(),
        etag: String::new(),
    };
    assert_reason(
        &client.approve_campaign(approve("ann")).await.unwrap_err(),
        "APPROVER_IS_AUTHOR",
    );
    client.approve_campaign(approve("ben")).await.unwrap();
    let campaign_id = "stay".to_owned();
    let request = campaign::LaunchCampaignRequest {
        request_id: request_id(),
        campaign_id,
    };
    client.launch_campaign(request).await.unwrap();
    client.catch_up(campaign::CatchUpRequest {}).await.unwrap();
    let treated = contact_and_accept(&mut client).await;
    client.catch_up(campaign::CatchUpRequest {}).await.unwrap();
    for id in ids() {
        let bonus = if treated.contains(&id) { 500 } else { 0 };
        assert_eq!(available(clients, &id).await, 40 + bonus, "{id}");
    }
}

type CampaignClient =
    campaign::campaign_service_client::CampaignServiceClient<tenure_rpc::Transport>;

/// Pulls all contacts, delivers them, and has everybody accept; returns who was contacted.
async fn contact_and_accept(client: &mut CampaignClient) -> Vec<String> {
    let request = campaign::PullContactsRequest {
        request_id: request_id(),
        channel: types::Channel::Sms.into(),
        max_contacts: 1_000,
        ..Default::default()
    };
    let contacts = client
        .pull_contacts(request)
        .await
        .unwrap()
        .into_inner()
        .contacts;
    assert!(
        (1..20).contains(&contacts.len()),
        "{} of 20 are treated",
        contacts.len()
    );
    let acknowledgements = contacts
        .iter()
        .map(|contact| campaign::ContactAcknowledgement {
            contact_id: contact.contact_id.clone(),
            lease_token: contact.lease_token.clone(),
            outcome: campaign::ContactState::Delivered.into(),
            event_time: None,
        });
    let request = campaign::AcknowledgeContactsRequest {
        request_id: request_id(),
        acknowledgements: acknowledgements.collect(),
    };
    client.acknowledge_contacts(request).await.unwrap();
    let responses = contacts.iter().map(|contact| campaign::ContactResponse {
        contact_id: contact.contact_id.clone(),
        kind: campaign::ResponseKind::Accepted.into(),
        event_time: None,
    });
    let request = campaign::RecordResponsesRequest {
        request_id: request_id(),
        responses: responses.collect(),
    };
    client.record_responses(request).await.unwrap();
    contacts
        .into_iter()
        .map(|contact| contact.customer_id)
        .collect()
}

async fn spend_once(clients: &Clients) {
    let mut client = clients.loyalty.clone();
    let before = available(clients, "C007").await;
    let redeem = |request_id: String, points| loyalty::RedeemPointsRequest {
        request_id,
        account_id: "C007".to_owned(),
        points,
        source: "order/1".to_owned(),
        ..loyalty::RedeemPointsRequest::default()
    };
    let id = request_id();
    let first = client
        .redeem_points(redeem(id.clone(), 30))
        .await
        .unwrap()
        .into_inner();
    let again = client
        .redeem_points(redeem(id.clone(), 30))
        .await
        .unwrap()
        .into_inner();
    assert!(!first.replayed && again.replayed);
    assert_eq!(first.entry, again.entry);
    assert_eq!(available(clients, "C007").await, before - 30);
    let other = client.redeem_points(redeem(id, 31)).await.unwrap_err();
    assert_reason(&other, "REQUEST_ID_REUSED");
    let refused = client
        .redeem_points(redeem(request_id(), 1_000_000))
        .await
        .unwrap_err();
    assert_reason(&refused, "INSUFFICIENT_POINTS");
    let books = client
        .get_books(loyalty::GetBooksRequest::default())
        .await
        .unwrap();
    let books = books.into_inner().books.unwrap();
    assert_eq!(books.closing_points, books.lot_points);
}

async fn leave(clients: &Clients) {
    let request = customer::TerminateSubscriptionRequest {
        request_id: request_id(),
        customer_id: "C007".to_owned(),
        subscription_id: "S-C007".to_owned(),
        churn_kind: customer::ChurnKind::Competitor.into(),
        churn_reason: "PRICE".to_owned(),
        terminate_time: None,
        ..customer::TerminateSubscriptionRequest::default()
    };
    clients
        .customer
        .clone()
        .terminate_subscription(request)
        .await
        .unwrap();
    let mut client = clients.campaign.clone();
    client.catch_up(campaign::CatchUpRequest {}).await.unwrap();
    let request = campaign::GetCampaignResultsRequest {
        campaign_id: "stay".to_owned(),
        confidence_level: 0.0,
    };
    let results = client
        .get_campaign_results(request)
        .await
        .unwrap()
        .into_inner();
    let results = results.results.unwrap();
    let (treated, control) = (results.treated.unwrap(), results.control.unwrap());
    assert_eq!(treated.customer_count + control.customer_count, 20);
    assert_eq!(treated.retained_count + control.retained_count, 19);
    let mut client = clients.scoring.clone();
    client.catch_up(scoring::CatchUpRequest {}).await.unwrap();
    let request = scoring::ScoreCustomerRequest {
        customer_id: "C007".to_owned(),
    };
    let score = client
        .score_customer(request)
        .await
        .unwrap()
        .into_inner()
        .score
        .unwrap();
    assert_eq!(score.stage(), types::LifecycleStage::Churned);
}

/// Every service that knew the customer gives a receipt, and the books of the points stay sound.
async fn be_forgotten(clients: &Clients) {
    let mut privacy = clients.desks.privacy.clone();
    let request = customer::EraseCustomerRequest {
        request_id: request_id(),
        customer_id: "C007".to_owned(),
        reason: "ART17".to_owned(),
        requested_by: "agent-7".to_owned(),
    };
    let begun = privacy.erase_customer(request).await.unwrap().into_inner();
    let begun = begun.erasure.unwrap();
    assert_eq!(
        begun.awaited_services,
        ["campaign", "lifecycle-scoring", "loyalty-points"]
    );

    let mut scoring = clients.scoring.clone();
    scoring.catch_up(scoring::CatchUpRequest {}).await.unwrap();
    let mut campaign = clients.campaign.clone();
    let request = campaign::CatchUpRequest {};
    campaign.catch_up(request).await.unwrap();
    let mut loyalty = clients.loyalty.clone();
    loyalty.catch_up(loyalty::CatchUpRequest {}).await.unwrap();

    let erasure_id = begun.erasure_id.clone();
    let request = customer::GetErasureRequest { erasure_id };
    let erasure = privacy.get_erasure(request).await.unwrap().into_inner();
    let erasure = erasure.erasure.unwrap();
    assert!(erasure.awaited_services.is_empty());
    // Who reads the feed by itself may have been faster, and then there was nothing left to count.
    for service in &begun.awaited_services {
        let mut receipts = erasure.receipts.iter();
        assert!(receipts.any(|it| it.service == *service), "{service}");
    }
    let account_id = "C007".to_owned();
    let request = loyalty::GetAccountRequest { account_id };
    let account = loyalty.get_account(request).await.unwrap().into_inner();
    let account = account.account.unwrap();
    assert_eq!(account.state(), loyalty::AccountState::Closed);
    assert_eq!((account.available_points, account.held_points), (0, 0));
}
