//! Briefings of the whole system: with all four services up, and without each of the others.

use tenure::clients::Clients;
use tenure_core::{Clock as _, Span, SystemClock};
use tenure_proto::customer::v1 as customer;
use tenure_proto::customer::v1::brief_touchpoint_request::Key;
use tenure_proto::customer::v1::briefing_service_client::BriefingServiceClient;
use tenure_proto::customer::v1::{Briefing, MissingReason};
use tenure_proto::loyalty::v1 as loyalty;
use tenure_proto::scoring::v1 as scoring;
use tenure_proto::r#type::v1::{Channel, LifecycleStage};
use tenure_rpc::Transport;

use crate::facts::{self, request_id};
use crate::process::{Launch, Process};
use crate::topology::transport;

const NUMBER: &str = "+9990000007";
/// Generous, because the machine that runs tests may be busy; what never answers is tested where
/// time can be moved by hand.
const BUDGET_MS: &str = "10000";

/// Gives the system a customer who pays and has points.
async fn fill(clients: &Clients) {
    let joined = SystemClock.now().month_start().plus_months(-18);
    let request = customer::BatchUpsertCustomersRequest {
        request_id: request_id(),
        customers: vec![facts::customer("C007", joined)],
    };
    let mut client = clients.customer.clone();
    client.batch_upsert_customers(request).await.unwrap();
    let request = customer::BatchUpsertSubscriptionsRequest {
        request_id: request_id(),
        subscriptions: vec![facts::line("C007", NUMBER, joined)],
    };
    client.batch_upsert_subscriptions(request).await.unwrap();
    let paid = SystemClock.now() - Span::from_days(3);
    let request = customer::BatchUpsertBillsRequest {
        request_id: request_id(),
        bills: vec![facts::settled_bill("C007", "B1", paid, 4_090)],
    };
    client.batch_upsert_bills(request).await.unwrap();
    let mut points = clients.loyalty.clone();
    points.catch_up(loyalty::CatchUpRequest {}).await.unwrap();
    let mut scores = clients.scoring.clone();
    scores.catch_up(scoring::CatchUpRequest {}).await.unwrap();
}

async fn brief(customer_data: &Transport) -> Briefing {
    let request = customer::BriefTouchpointRequest {
        key: Some(Key::Msisdn(NUMBER.to_owned())),
        channel: Channel::Store.into(),
    };
    let mut client = BriefingServiceClient::new(customer_data.clone());
    let answer = client.brief_touchpoint(request).await.unwrap();
    answer.into_inner().briefing.unwrap()
}

/// Whether score, points and actions are missing.
fn missing(briefing: &Briefing) -> [MissingReason; 3] {
    let states = [
        briefing.score.as_ref().and_then(|it| it.state.as_ref()),
        briefing.points.as_ref().and_then(|it| it.state.as_ref()),
        briefing.actions.as_ref().and_then(|it| it.state.as_ref()),
    ];
    states.map(|state| state.unwrap().missing_reason())
}

/// What is told of the customer, whoever else is up.
fn assert_tells_own(briefing: &Briefing) {
    let caller = briefing.caller.as_ref().unwrap();
    assert_eq!(caller.customer_id, "C007");
    assert_eq!(caller.subscription_id, "S-C007");
    let subscriptions = briefing.subscriptions.as_ref().unwrap();
    assert_eq!(subscriptions.subscriptions[0].msisdn, NUMBER);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_briefs_with_the_answers_of_all_four_services() {
    let data = tempfile::tempdir().unwrap();
    let launch = Launch::serve(&[], data.path());
    let process = launch
        .with("TENURE_CUSTOMER_DATA__BRIEFING__BUDGET_MS", BUDGET_MS)
        .start();
    let way = transport(&process);
    fill(&Clients::of_one(&way)).await;

    let briefing = brief(&way).await;

    assert_eq!(missing(&briefing), [MissingReason::Unspecified; 3]);
    assert_tells_own(&briefing);
    let score = briefing.score.as_ref().unwrap();
    assert_ne!(score.stage(), LifecycleStage::Unspecified);
    let account = &briefing.points.as_ref().unwrap().accounts[0];
    // A bill of 40.90 earns 40 points: parts of a unit are dropped.
    assert_eq!(
        (account.account_id.as_str(), account.available_points),
        ("C007", 40)
    );
}

/// The other services, with the keys of their settings, and at which place of [`missing`] they are.
const OTHERS: [(&str, &str, usize); 3] = [
    ("lifecycle-scoring", "LIFECYCLE_SCORING", 0),
    ("loyalty-points", "LOYALTY_POINTS", 1),
    ("campaign", "CAMPAIGN", 2),
];

#[tokio::test(flavor = "multi_thread")]
async fn in_four_processes_each_other_service_may_be_down() {
    let data = tempfile::tempdir().unwrap();
    // customer-data calls those that call it, so it is told addresses where nobody is yet.
    let addresses = OTHERS.map(|_| tenure_testkit::free_address());
    let mut first = Launch::serve(&["customer-data"], data.path())
        .with("TENURE_CUSTOMER_DATA__BRIEFING__BUDGET_MS", BUDGET_MS)
        .with("TENURE_CUSTOMER_DATA__BRIEFING__PAUSE_MS", "1");
    for ((_, key, _), address) in OTHERS.iter().zip(addresses) {
        first = first.with(&format!("TENURE_PEERS__{key}"), format!("http://{address}"));
    }
    let customer_data = first.start();
    let way = transport(&customer_data);
    let mut peers = vec![(
        "TENURE_PEERS__CUSTOMER_DATA".to_owned(),
        customer_data.url(),
    )];
    let mut running: Vec<Option<Process>> = Vec::new();
    for ((service, key, _), address) in OTHERS.iter().zip(addresses) {
        let launch = Launch::serve(&[service], data.path())
            .with("TENURE_SERVER__LISTEN", address.to_string());
        let set = |launch: Launch, (key, url): &(String, String)| launch.with(key, url);
        running.push(Some(peers.iter().fold(launch, set).start()));
        peers.push((format!("TENURE_PEERS__{key}"), format!("http://{address}")));
    }
    let of = |index: usize| Clients::of_one(&transport(running[index].as_ref().unwrap()));
    let (scores, points, campaigns) = (of(0).scoring, of(1), of(2).campaign);
    fill(&Clients {
        customer: Clients::of_one(&way).customer,
        desks: Clients::of_one(&way).desks,
        scoring: scores,
        campaign: campaigns,
        ..points
    })
    .await;
    assert_eq!(
        missing(&brief(&way).await),
        [MissingReason::Unspecified; 3],
        "all are up"
    );

    let mut expected = [MissingReason::Unspecified; 3];
    for (index, (service, _, place)) in OTHERS.iter().enumerate() {
        running[index].take().unwrap().kill();
        expected[*place] = MissingReason::Unavailable;

        let briefing = brief(&way).await;

        assert_eq!(missing(&briefing), expected, "without {service}");
        assert_tells_own(&briefing);
    }
}
