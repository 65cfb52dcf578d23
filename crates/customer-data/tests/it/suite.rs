//! The service in this process, and builders that show only what matters.

use std::sync::Arc;

use prost_types::Timestamp as Wire;
use tenure_core::{Ids, ManualClock, Span, Timestamp};
use tenure_customer_data::{
    Config, Db as SealedDb, Deps, MIGRATIONS, Peers, PrivacyConfig, Service,
};
use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::customer_service_client::CustomerServiceClient;
use tenure_proto::r#type::v1::attribute_value::Kind;
use tenure_proto::r#type::v1::{Attribute, AttributeValue, ExternalId, Money};
use tenure_rpc::{Lifecycle, Transport, in_process};
use tenure_sql::Db;
use tenure_testkit::{each_backend, manual_clock, request_id};

pub(crate) type Client = CustomerServiceClient<Transport>;

/// The service on one database, and a clock that shows 2025-01-01.
pub(crate) struct Suite {
    pub(crate) client: Client,
    pub(crate) transport: Transport,
    pub(crate) clock: ManualClock,
    pub(crate) lifecycle: Lifecycle,
}

impl Suite {
    pub(crate) fn new(db: Db) -> Self {
        // Nobody else is here whose receipts could come.
        let privacy = PrivacyConfig {
            erasure_services: Vec::new(),
            ..PrivacyConfig::default()
        };
        let config = Config {
            privacy,
            ..Config::default()
        };
        Self::with(db, config, Peers::default())
    }

    pub(crate) fn with(db: Db, config: Config, peers: Peers) -> Self {
        let clock = manual_clock();
        let lifecycle = Lifecycle::new();
        let deps = Deps {
            db: SealedDb::new(db, &config.privacy),
            clock: Arc::new(clock.clone()),
            ids: Ids::seeded(1),
            config: Config {
                feed_poll_ms: 10,
                ..config
            },
            lifecycle: lifecycle.clone(),
            peers,
        };
        let transport = in_process(Service::new(deps).unwrap().routes());
        let client = CustomerServiceClient::new(transport.clone());
        Self {
            client,
            transport,
            clock,
            lifecycle,
        }
    }

    /// What another service on the same database needs.
    pub(crate) fn deps(&self, db: Db) -> Deps {
        Deps {
            db: SealedDb::new(db, &PrivacyConfig::default()),
            clock: Arc::new(self.clock.clone()),
            ids: Ids::seeded(2),
            config: Config::default(),
            lifecycle: self.lifecycle.clone(),
            peers: Peers::default(),
        }
    }

    /// Takes in customers that have nothing but an id and a kind.
    pub(crate) async fn with_customers(mut self, ids: &[&str]) -> Self {
        let customers = ids.iter().map(|id| customer(id)).collect();
        self.upsert(customers).await.unwrap();
        self
    }

    pub(crate) async fn upsert(
        &mut self,
        customers: Vec<wire::Customer>,
    ) -> Result<wire::BatchUpsertCustomersResponse, tonic::Status> {
        let request = wire::BatchUpsertCustomersRequest {
            request_id: fresh(),
            customers,
        };
        Ok(self
            .client
            .batch_upsert_customers(request)
            .await?
            .into_inner())
    }

    pub(crate) async fn subscribe(
        &mut self,
        subscriptions: Vec<wire::Subscription>,
    ) -> Result<wire::BatchUpsertSubscriptionsResponse, tonic::Status> {
        let request = wire::BatchUpsertSubscriptionsRequest {
            request_id: fresh(),
            subscriptions,
        };
        Ok(self
            .client
            .batch_upsert_subscriptions(request)
            .await?
            .into_inner())
    }

    pub(crate) async fn bill(
        &mut self,
        bills: Vec<wire::Bill>,
    ) -> Result<wire::BatchUpsertBillsResponse, tonic::Status> {
        let request = wire::BatchUpsertBillsRequest {
            request_id: fresh(),
            bills,
        };
        Ok(self.client.batch_upsert_bills(request).await?.into_inner())
    }

    pub(crate) async fn get(&mut self, id: &str) -> wire::Customer {
        let request = wire::GetCustomerRequest {
            customer_id: id.into(),
        };
        self.client
            .get_customer(request)
            .await
            .unwrap()
            .into_inner()
            .customer
            .unwrap()
    }

    pub(crate) async fn subscriptions(&mut self, id: &str) -> Vec<wire::Subscription> {
        let request = wire::ListSubscriptionsRequest {
            customer_id: id.into(),
            ..Default::default()
        };
        self.client
            .list_subscriptions(request)
            .await
            .unwrap()
            .into_inner()
            .subscriptions
    }

    /// Returns all changes there are.
    pub(crate) async fn changes(&mut self) -> Vec<wire::Change> {
        let request = wire::WatchChangesRequest::default();
        let mut stream = self
            .client
            .watch_changes(request)
            .await
            .unwrap()
            .into_inner();
        let mut changes = Vec::new();
        while let Some(batch) = stream.message().await.unwrap() {
            changes.extend(batch.changes);
        }
        changes
    }
}

/// Runs a case with the service on each database.
pub(crate) async fn each_suite(case: impl AsyncFn(Suite)) {
    each_backend(&MIGRATIONS, async |db| case(Suite::new(db)).await).await;
}

pub(crate) fn fresh() -> String {
    request_id().to_string()
}

/// Returns the first instant of a day such as `2024-03-01`.
pub(crate) fn day(text: &str) -> Option<Wire> {
    Some(tenure_rpc::fields::time(Timestamp::parse(text).unwrap()))
}

/// Returns 2024-01-01 and some days.
pub(crate) fn later(days: i64) -> Option<Wire> {
    let start = Timestamp::parse("2024-01-01").unwrap();
    Some(tenure_rpc::fields::time(start + Span::from_days(days)))
}

pub(crate) fn customer(id: &str) -> wire::Customer {
    wire::Customer {
        customer_id: id.into(),
        kind: wire::CustomerKind::Individual.into(),
        ..Default::default()
    }
}

pub(crate) fn attribute(name: &str, kind: Option<Kind>) -> Attribute {
    Attribute {
        name: name.into(),
        value: kind.map(|kind| AttributeValue { kind: Some(kind) }),
    }
}

pub(crate) fn text(name: &str, value: &str) -> Attribute {
    attribute(name, Some(Kind::Text(value.into())))
}

pub(crate) fn external(system: &str, id: &str) -> ExternalId {
    ExternalId {
        system: system.into(),
        id: id.into(),
    }
}

pub(crate) fn line(customer: &str, id: &str, msisdn: &str, start: &str) -> wire::Subscription {
    wire::Subscription {
        subscription_id: id.into(),
        customer_id: customer.into(),
        service: wire::ServiceKind::Mobile.into(),
        product_code: "BASIC".into(),
        msisdn: msisdn.into(),
        start_time: day(start),
        monthly_fee: euro(2_000),
        ..Default::default()
    }
}

pub(crate) fn euro(minor: i64) -> Option<Money> {
    Some(Money {
        currency_code: "EUR".into(),
        amount_minor: minor,
    })
}

pub(crate) fn sent(customer: &str, id: &str, days: i64) -> wire::Bill {
    wire::Bill {
        bill_id: id.into(),
        customer_id: customer.into(),
        issue_time: later(days),
        due_time: later(days + 20),
        amount: euro(2_000),
        state: wire::BillState::Sent.into(),
        ..Default::default()
    }
}

pub(crate) fn settled(customer: &str, id: &str, days: i64) -> wire::Bill {
    wire::Bill {
        state: wire::BillState::Settled.into(),
        settle_time: later(days + 10),
        paid_amount: euro(1_900),
        ..sent(customer, id, days)
    }
}

pub(crate) fn month(customer: &str, subscription: &str, start: &str) -> wire::UsageSummary {
    wire::UsageSummary {
        customer_id: customer.into(),
        subscription_id: subscription.into(),
        period: wire::UsagePeriod::Month.into(),
        start_time: day(start),
        voice_seconds: 60,
        in_group_voice_seconds: 10,
        data_megabytes: 5,
        sms_count: 1,
        ..Default::default()
    }
}

pub(crate) fn complaint(customer: &str, id: &str, days: i64) -> wire::Interaction {
    wire::Interaction {
        interaction_id: id.into(),
        customer_id: customer.into(),
        event_time: later(days),
        channel: 2,
        direction: wire::InteractionDirection::Inbound.into(),
        kind: wire::InteractionKind::Complaint.into(),
        reason: "BILLING".into(),
        ..Default::default()
    }
}

pub(crate) fn terminate(
    customer: &str,
    id: &str,
    at: Option<Wire>,
) -> wire::TerminateSubscriptionRequest {
    wire::TerminateSubscriptionRequest {
        request_id: fresh(),
        customer_id: customer.into(),
        subscription_id: id.into(),
        churn_kind: wire::ChurnKind::Competitor.into(),
        churn_reason: "PRICE".into(),
        terminate_time: at,
        ported_out: false,
    }
}

/// Returns the fields that a refused call names.
pub(crate) fn fields(status: &tonic::Status) -> Vec<String> {
    use tonic_types::StatusExt;
    let violations = status
        .get_details_bad_request()
        .map(|bad| bad.field_violations);
    violations
        .unwrap_or_default()
        .into_iter()
        .map(|violation| violation.field)
        .collect()
}
