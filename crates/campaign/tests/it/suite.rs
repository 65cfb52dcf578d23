//! The service with its fakes, and short words for what tests do with it.

use std::sync::Arc;

use tenure_campaign::{Config, Deps, MIGRATIONS, Service};
use tenure_core::{Clock, Ids, ManualClock, Timestamp};
use tenure_proto::campaign::v1::campaign_service_client::CampaignServiceClient;
use tenure_proto::campaign::v1::*;
use tenure_proto::customer::v1 as customer;
use tenure_proto::scoring::v1::Score;
use tenure_proto::r#type::v1::attribute_value::Kind;
use tenure_proto::r#type::v1::{
    Attribute, AttributeValue, Channel, LifecycleStage, RiskBand, ValueTier,
};
use tenure_rpc::{Lifecycle, Transport, in_process};
use tenure_sql::Db;
use tonic::Status;

use crate::fakes::{FakeCustomers, FakeLoyalty, FakeScoring};

/// Runs a case with a fresh suite on each database.
pub(crate) async fn each_suite(case: impl AsyncFn(Suite)) {
    let case = &case;
    let run = async |db: Db| Box::pin(case(Suite::new(db, 1))).await;
    Box::pin(tenure_testkit::each_backend(&MIGRATIONS, run)).await;
}

#[derive(Clone)]
pub(crate) struct Suite {
    pub(crate) db: Db,
    pub(crate) clock: ManualClock,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) service: Service,
    pub(crate) client: CampaignServiceClient<Transport>,
    pub(crate) scoring: FakeScoring,
    pub(crate) customers: FakeCustomers,
    pub(crate) loyalty: FakeLoyalty,
}

impl Suite {
    fn new(db: Db, seed: u64) -> Self {
        let fakes = (
            FakeScoring::default(),
            FakeCustomers::default(),
            FakeLoyalty::default(),
        );
        Self::with(db, seed, tenure_testkit::manual_clock(), fakes)
    }

    /// Returns a second instance of the service on the same database, clock and fakes.
    pub(crate) fn replica(&self, seed: u64) -> Self {
        let fakes = (
            self.scoring.clone(),
            self.customers.clone(),
            self.loyalty.clone(),
        );
        Self::with(self.db.clone(), seed, self.clock.clone(), fakes)
    }

    fn with(
        db: Db,
        seed: u64,
        clock: ManualClock,
        (scoring, customers, loyalty): (FakeScoring, FakeCustomers, FakeLoyalty),
    ) -> Self {
        let lifecycle = Lifecycle::new();
        let deps = Deps {
            db: db.clone(),
            clock: Arc::new(clock.clone()),
            ids: Ids::seeded(seed),
            config: Config {
                enrolment_page_size: 10,
                ..Config::default()
            },
            lifecycle: lifecycle.clone(),
            customer_data: customers.transport(),
            lifecycle_scoring: scoring.transport(),
            loyalty_points: loyalty.transport(),
        };
        let service = Service::new(deps).unwrap();
        let client = CampaignServiceClient::new(in_process(service.routes()));
        Self {
            db,
            clock,
            lifecycle,
            service,
            client,
            scoring,
            customers,
            loyalty,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Scores customers `C000` to as many, each a thousandth more likely to leave.
    pub(crate) fn with_customers(self, count: usize) -> Self {
        for number in 0..count {
            self.scoring.state().scores.push(score(number));
            let id = customer_id(number);
            let customer = customer::Customer {
                customer_id: id.clone(),
                ..Default::default()
            };
            self.customers.state().customers.insert(id, customer);
        }
        self
    }

    pub(crate) fn set_attribute(&self, number: usize, name: &str, kind: Kind) {
        let value = Some(AttributeValue { kind: Some(kind) });
        let mut state = self.customers.state();
        let customer = state.customers.get_mut(&customer_id(number)).unwrap();
        customer.attributes.push(Attribute {
            name: name.to_owned(),
            value,
        });
    }

    pub(crate) async fn create_offer(&self) -> Result<CreateOfferResponse, Status> {
        let request = CreateOfferRequest {
            request_id: request_id(),
            offer: Some(offer("bonus")),
        };
        Ok(self
            .client
            .clone()
            .create_offer(request)
            .await?
            .into_inner())
    }

    pub(crate) async fn create(&self, campaign: Campaign) -> Result<Campaign, Status> {
        let request = CreateCampaignRequest {
            request_id: request_id(),
            campaign: Some(campaign),
        };
        let response = self
            .client
            .clone()
            .create_campaign(request)
            .await?
            .into_inner();
        Ok(response.campaign.unwrap())
    }

    pub(crate) async fn approve(&self, id: &str, approver: &str) -> Result<Campaign, Status> {
        let request = ApproveCampaignRequest {
            request_id: request_id(),
            campaign_id: id.to_owned(),
            approver: approver.to_owned(),
            etag: String::new(),
        };
        let response = self
            .client
            .clone()
            .approve_campaign(request)
            .await?
            .into_inner();
        Ok(response.campaign.unwrap())
    }

    pub(crate) async fn launch(&self, id: &str) -> Result<Campaign, Status> {
        let (request_id, campaign_id) = (request_id(), id.to_owned());
        let request = LaunchCampaignRequest {
            request_id,
            campaign_id,
        };
        let response = self
            .client
            .clone()
            .launch_campaign(request)
            .await?
            .into_inner();
        Ok(response.campaign.unwrap())
    }

    pub(crate) async fn pause(&self, id: &str) -> Result<Campaign, Status> {
        let (request_id, campaign_id) = (request_id(), id.to_owned());
        let request = PauseCampaignRequest {
            request_id,
            campaign_id,
        };
        let response = self
            .client
            .clone()
            .pause_campaign(request)
            .await?
            .into_inner();
        Ok(response.campaign.unwrap())
    }

    pub(crate) async fn resume(&self, id: &str) -> Result<Campaign, Status> {
        let (request_id, campaign_id) = (request_id(), id.to_owned());
        let request = ResumeCampaignRequest {
            request_id,
            campaign_id,
        };
        let response = self
            .client
            .clone()
            .resume_campaign(request)
            .await?
            .into_inner();
        Ok(response.campaign.unwrap())
    }

    pub(crate) async fn end(&self, id: &str) -> Result<Campaign, Status> {
        let (request_id, campaign_id) = (request_id(), id.to_owned());
        let request = EndCampaignRequest {
            request_id,
            campaign_id,
        };
        let response = self
            .client
            .clone()
            .end_campaign(request)
            .await?
            .into_inner();
        Ok(response.campaign.unwrap())
    }

    pub(crate) async fn get(&self, id: &str) -> Result<Campaign, Status> {
        let request = GetCampaignRequest {
            campaign_id: id.to_owned(),
            wait_duration: None,
        };
        let response = self
            .client
            .clone()
            .get_campaign(request)
            .await?
            .into_inner();
        Ok(response.campaign.unwrap())
    }

    /// Creates the offer, creates, approves and launches the campaign, and enrols its audience.
    pub(crate) async fn run(&self, campaign: Campaign) -> Campaign {
        let id = self.begin(campaign).await;
        self.catch_up().await.unwrap();
        self.get(&id).await.unwrap()
    }

    /// Does all of [`Self::run`] except for waiting for the end of enrolment.
    pub(crate) async fn begin(&self, campaign: Campaign) -> String {
        let id = campaign.campaign_id.clone();
        let created = self.create_offer().await;
        assert!(
            created.is_ok_and(|created| !created.replayed),
            "one campaign for each suite"
        );
        self.create(campaign).await.unwrap();
        self.approve(&id, "bob").await.unwrap();
        self.launch(&id).await.unwrap();
        id
    }

    pub(crate) async fn catch_up(&self) -> Result<i64, Status> {
        Ok(self
            .client
            .clone()
            .catch_up(CatchUpRequest {})
            .await?
            .into_inner()
            .applied_count)
    }

    pub(crate) async fn enrolments(&self, id: &str) -> Vec<Enrolment> {
        let request = ListEnrolmentsRequest {
            campaign_id: id.to_owned(),
            page_size: 1_000,
            ..Default::default()
        };
        self.client
            .clone()
            .list_enrolments(request)
            .await
            .unwrap()
            .into_inner()
            .enrolments
    }

    pub(crate) async fn pull(&self, max_contacts: i32) -> Vec<Contact> {
        self.client
            .clone()
            .pull_contacts(pull(max_contacts))
            .await
            .unwrap()
            .into_inner()
            .contacts
    }

    pub(crate) async fn acknowledge(
        &self,
        contacts: &[Contact],
        outcome: ContactState,
    ) -> Result<AcknowledgeContactsResponse, Status> {
        let acknowledgements = contacts.iter().map(|contact| ContactAcknowledgement {
            contact_id: contact.contact_id.clone(),
            lease_token: contact.lease_token.clone(),
            outcome: outcome.into(),
            event_time: None,
        });
        let request = AcknowledgeContactsRequest {
            request_id: request_id(),
            acknowledgements: acknowledgements.collect(),
        };
        Ok(self
            .client
            .clone()
            .acknowledge_contacts(request)
            .await?
            .into_inner())
    }

    pub(crate) async fn respond(
        &self,
        contacts: &[Contact],
        kind: ResponseKind,
    ) -> Result<RecordResponsesResponse, Status> {
        let responses = contacts.iter().map(|contact| ContactResponse {
            contact_id: contact.contact_id.clone(),
            kind: kind.into(),
            event_time: None,
        });
        let request = RecordResponsesRequest {
            request_id: request_id(),
            responses: responses.collect(),
        };
        Ok(self
            .client
            .clone()
            .record_responses(request)
            .await?
            .into_inner())
    }

    /// Pulls and delivers up to `count` contacts.
    pub(crate) async fn deliver(&self, count: i32) -> Vec<Contact> {
        let contacts = self.pull(count).await;
        self.acknowledge(&contacts, ContactState::Delivered)
            .await
            .unwrap();
        contacts
    }

    pub(crate) async fn results(&self, id: &str) -> CampaignResults {
        let request = GetCampaignResultsRequest {
            campaign_id: id.to_owned(),
            confidence_level: 0.0,
        };
        let response = self
            .client
            .clone()
            .get_campaign_results(request)
            .await
            .unwrap();
        response.into_inner().results.unwrap()
    }

    /// Has customer-data say that a subscription of a customer runs.
    pub(crate) fn subscribe(&self, number: usize, subscription: &str) {
        let subscription = customer::Subscription {
            subscription_id: subscription.to_owned(),
            customer_id: customer_id(number),
            state: customer::SubscriptionState::Active.into(),
            ..Default::default()
        };
        self.say(number, subscription);
    }

    /// Has customer-data say that a subscription of a customer ended at `at`.
    pub(crate) fn terminate(
        &self,
        number: usize,
        subscription: &str,
        kind: customer::ChurnKind,
        at: Timestamp,
    ) {
        let subscription = customer::Subscription {
            subscription_id: subscription.to_owned(),
            customer_id: customer_id(number),
            state: customer::SubscriptionState::Terminated.into(),
            terminate_time: Some(tenure_rpc::fields::time(at)),
            churn_kind: kind.into(),
            ..Default::default()
        };
        self.say(number, subscription);
    }

    /// Has customer-data say that a customer was erased.
    pub(crate) fn erase(&self, number: usize) {
        let erased = customer::Erased {
            erasure_id: format!("E{number}"),
            customer_id: customer_id(number),
        };
        self.tell(number, customer::change::Fact::Erasure(erased));
    }

    fn say(&self, number: usize, subscription: customer::Subscription) {
        self.tell(number, customer::change::Fact::Subscription(subscription));
    }

    fn tell(&self, number: usize, fact: customer::change::Fact) {
        let change = customer::Change {
            customer_id: customer_id(number),
            fact: Some(fact),
            ..Default::default()
        };
        self.customers.state().changes.push(change);
    }
}

pub(crate) fn request_id() -> String {
    tenure_testkit::request_id().to_string()
}

pub(crate) fn customer_id(number: usize) -> String {
    format!("C{number:03}")
}

fn score(number: usize) -> Score {
    Score {
        customer_id: customer_id(number),
        stage: LifecycleStage::Maturity.into(),
        risk_band: RiskBand::Medium.into(),
        value_tier: ValueTier::Medium.into(),
        churn_probability: f64::from(u32::try_from(number).unwrap()) / 1_000.0,
        ..Default::default()
    }
}

pub(crate) fn offer(id: &str) -> Offer {
    Offer {
        offer_id: id.to_owned(),
        display_name: "Bonus".to_owned(),
        description: "Points for staying".to_owned(),
        kind: OfferKind::Points.into(),
        ..Default::default()
    }
}

/// Returns a campaign for everybody, half of them left alone, measured for 30 days.
pub(crate) fn campaign(id: &str) -> Campaign {
    Campaign {
        campaign_id: id.to_owned(),
        display_name: "Spring".to_owned(),
        objective: "Keep those who may leave".to_owned(),
        offer_id: "bonus".to_owned(),
        channel: Channel::Sms.into(),
        audience: Some(Audience::default()),
        control_share: 0.5,
        bonus_points: 100,
        measurement_window: Some(days(30)),
        author: "ada".to_owned(),
        ..Default::default()
    }
}

pub(crate) fn days(days: i64) -> prost_types::Duration {
    prost_types::Duration {
        seconds: days * 86_400,
        nanos: 0,
    }
}

pub(crate) fn pull(max_contacts: i32) -> PullContactsRequest {
    PullContactsRequest {
        request_id: request_id(),
        channel: Channel::Sms.into(),
        campaign_id: String::new(),
        max_contacts,
        lease_duration: None,
    }
}
