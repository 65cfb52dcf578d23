//! A scoring service with a customer-data that a test fills by hand.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use tenure_core::{Clock, Ids, ManualClock, Timestamp};
use tenure_lifecycle_scoring::{Config, Deps, MIGRATIONS, Service};
use tenure_proto::customer::v1::customer_service_server::{CustomerService, CustomerServiceServer};
use tenure_proto::customer::v1::privacy_service_server::{PrivacyService, PrivacyServiceServer};
use tenure_proto::customer::v1::*;
use tenure_proto::scoring::v1 as scoring;
use tenure_proto::scoring::v1::scoring_service_client::ScoringServiceClient;
use tenure_proto::r#type::v1::{Attribute, AttributeValue, Money, attribute_value};
use tenure_rpc::feed::ResponseStream;
use tenure_rpc::fields::time;
use tenure_rpc::{Lifecycle, Routes, Transport, in_process};
use tenure_sql::Db;
use tonic::{Request, Response, Status};

/// Changes of one message of the feed.
const BATCH: usize = 400;

/// Runs a test on both databases.
pub(crate) async fn each(test: impl AsyncFn(Suite)) {
    tenure_testkit::each_backend(&MIGRATIONS, async |db| test(Suite::new(db)).await).await;
}

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

pub(crate) fn id() -> String {
    tenure_testkit::request_id().to_string()
}

/// Returns the fields that a refusal names.
pub(crate) fn wrong_fields(status: &Status) -> Vec<String> {
    let request = tonic_types::StatusExt::get_details_bad_request(status).unwrap();
    request
        .field_violations
        .into_iter()
        .map(|violation| violation.field)
        .collect()
}

/// The feed of customer-data, and nothing else of it.
#[derive(Clone, Default)]
pub(crate) struct Customers(Arc<Mutex<Vec<Change>>>);

macro_rules! refuse {
    ($($name:ident: $request:ident => $response:ident,)*) => { $(
        fn $name<'s, 'f>(
            &'s self,
            _: Request<$request>,
        ) -> Pin<Box<dyn Future<Output = Result<Response<$response>, Status>> + Send + 'f>>
        where
            's: 'f,
            Self: 'f,
        {
            Box::pin(async { Err(Status::unimplemented("only the feed is here")) })
        }
    )* };
}

impl CustomerService for Customers {
    refuse! {
        create_customer: CreateCustomerRequest => CreateCustomerResponse,
        batch_upsert_customers: BatchUpsertCustomersRequest => BatchUpsertCustomersResponse,
        get_customer: GetCustomerRequest => GetCustomerResponse,
        batch_get_customers: BatchGetCustomersRequest => BatchGetCustomersResponse,
        list_customers: ListCustomersRequest => ListCustomersResponse,
        lookup_customer: LookupCustomerRequest => LookupCustomerResponse,
        batch_upsert_subscriptions: BatchUpsertSubscriptionsRequest => BatchUpsertSubscriptionsResponse,
        list_subscriptions: ListSubscriptionsRequest => ListSubscriptionsResponse,
        terminate_subscription: TerminateSubscriptionRequest => TerminateSubscriptionResponse,
        suspend_subscription: SuspendSubscriptionRequest => SuspendSubscriptionResponse,
        resume_subscription: ResumeSubscriptionRequest => ResumeSubscriptionResponse,
        transfer_subscription: TransferSubscriptionRequest => TransferSubscriptionResponse,
        batch_upsert_bills: BatchUpsertBillsRequest => BatchUpsertBillsResponse,
        list_bills: ListBillsRequest => ListBillsResponse,
        batch_upsert_usage_summaries: BatchUpsertUsageSummariesRequest => BatchUpsertUsageSummariesResponse,
        list_usage_summaries: ListUsageSummariesRequest => ListUsageSummariesResponse,
        batch_upsert_interactions: BatchUpsertInteractionsRequest => BatchUpsertInteractionsResponse,
        list_interactions: ListInteractionsRequest => ListInteractionsResponse,
        create_import: CreateImportRequest => CreateImportResponse,
        apply_import_batch: ApplyImportBatchRequest => ApplyImportBatchResponse,
        get_import: GetImportRequest => GetImportResponse,
        list_imports: ListImportsRequest => ListImportsResponse,
    }

    type WatchChangesStream = ResponseStream<WatchChangesResponse>;

    fn watch_changes<'s, 'f>(
        &'s self,
        request: Request<WatchChangesRequest>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Self::WatchChangesStream>, Status>> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        let mut from: usize = request.into_inner().resume_token.parse().unwrap_or(0);
        let changes = self.0.lock().unwrap();
        let mut messages = Vec::new();
        for batch in changes[from..].chunks(BATCH) {
            from += batch.len();
            let changes = batch.to_vec();
            messages.push(Ok(WatchChangesResponse {
                changes,
                resume_token: from.to_string(),
                ..Default::default()
            }));
        }
        let end = WatchChangesResponse {
            changes: Vec::new(),
            resume_token: from.to_string(),
            ..Default::default()
        };
        messages.push(Ok(end));
        let stream: Self::WatchChangesStream = Box::pin(tokio_stream::iter(messages));
        Box::pin(async { Ok(Response::new(stream)) })
    }
}

/// The receipts of erasures that customer-data got.
#[derive(Clone, Default)]
pub(crate) struct Receipts(pub(crate) Arc<Mutex<Vec<RecordErasureReceiptRequest>>>);

impl PrivacyService for Receipts {
    refuse! {
        erase_customer: EraseCustomerRequest => EraseCustomerResponse,
        get_erasure: GetErasureRequest => GetErasureResponse,
        list_erasures: ListErasuresRequest => ListErasuresResponse,
        run_erasures: RunErasuresRequest => RunErasuresResponse,
        lift_suppression: LiftSuppressionRequest => LiftSuppressionResponse,
        export_customer: ExportCustomerRequest => ExportCustomerResponse,
        list_accesses: ListAccessesRequest => ListAccessesResponse,
        run_retention: RunRetentionRequest => RunRetentionResponse,
    }

    fn record_erasure_receipt<'s, 'f>(
        &'s self,
        request: Request<RecordErasureReceiptRequest>,
    ) -> Pin<
        Box<
            dyn Future<Output = Result<Response<RecordErasureReceiptResponse>, Status>> + Send + 'f,
        >,
    >
    where
        's: 'f,
        Self: 'f,
    {
        self.0.lock().unwrap().push(request.into_inner());
        Box::pin(async { Ok(Response::new(RecordErasureReceiptResponse::default())) })
    }
}

/// A scoring service with what is around it.
#[derive(Clone)]
pub(crate) struct Suite {
    pub(crate) db: Db,
    pub(crate) clock: ManualClock,
    pub(crate) customers: Customers,
    pub(crate) receipts: Receipts,
    pub(crate) client: ScoringServiceClient<Transport>,
}

impl Suite {
    fn new(db: Db) -> Self {
        Self::beside(db, Customers::default(), tenure_testkit::manual_clock())
    }

    /// Starts one more replica, or the next process after a restart.
    pub(crate) fn replica(&self) -> Self {
        Self::beside(self.db.clone(), self.customers.clone(), self.clock.clone())
    }

    fn beside(db: Db, customers: Customers, clock: ManualClock) -> Self {
        let receipts = Receipts::default();
        let routes = Routes::default()
            .add_service(CustomerServiceServer::new(customers.clone()))
            .add_service(PrivacyServiceServer::new(receipts.clone()));
        let service = Service::new(Deps {
            db: db.clone(),
            clock: Arc::new(clock.clone()),
            ids: Ids::seeded(7),
            config: Config::default(),
            lifecycle: Lifecycle::new(),
            customer_data: in_process(routes),
        });
        let service = service.unwrap();
        let client = ScoringServiceClient::new(in_process(service.routes()));
        Self {
            db,
            clock,
            customers,
            receipts,
            client,
        }
    }

    pub(crate) fn set(&self, when: &str) {
        self.clock.set(at(when));
    }

    pub(crate) fn push(&self, changes: impl IntoIterator<Item = Change>) {
        self.customers.0.lock().unwrap().extend(changes);
    }

    pub(crate) async fn catch_up(&self) -> i64 {
        let caught = self
            .client
            .clone()
            .catch_up(scoring::CatchUpRequest {})
            .await
            .unwrap();
        caught.into_inner().applied_count
    }

    /// Scores everybody now and waits for the end.
    pub(crate) async fn run(&self) -> scoring::ScoringRun {
        let request = scoring::CreateScoringRunRequest {
            request_id: id(),
            score_time: None,
        };
        let created = self
            .client
            .clone()
            .create_scoring_run(request)
            .await
            .unwrap();
        let run = created.into_inner().scoring_run.unwrap();
        self.finished(&run.scoring_run_id).await
    }

    pub(crate) async fn finished(&self, scoring_run_id: &str) -> scoring::ScoringRun {
        let request = scoring::GetScoringRunRequest {
            scoring_run_id: scoring_run_id.into(),
            wait_duration: Some(prost_types::Duration {
                seconds: 50,
                nanos: 0,
            }),
        };
        let got = self.client.clone().get_scoring_run(request).await.unwrap();
        let run = got.into_inner().scoring_run.unwrap();
        assert_eq!(run.state(), scoring::ScoringRunState::Completed);
        run
    }

    /// Trains a model and waits for the end.
    pub(crate) async fn train(&self, request: scoring::TrainModelRequest) -> scoring::Model {
        let mut client = self.client.clone();
        let created = client
            .train_model(request)
            .await
            .unwrap()
            .into_inner()
            .model
            .unwrap();
        loop {
            let request = scoring::GetModelRequest {
                model_id: created.model_id.clone(),
                wait_duration: Some(prost_types::Duration {
                    seconds: 20,
                    nanos: 0,
                }),
            };
            let mut request = Request::new(request);
            request.set_timeout(std::time::Duration::from_secs(30));
            let model = client
                .get_model(request)
                .await
                .unwrap()
                .into_inner()
                .model
                .unwrap();
            if model.state() != scoring::ModelState::Training {
                return model;
            }
        }
    }

    pub(crate) async fn score(&self, customer_id: &str) -> scoring::Score {
        let request = scoring::ScoreCustomerRequest {
            customer_id: customer_id.into(),
        };
        let scored = self.client.clone().score_customer(request).await.unwrap();
        scored.into_inner().score.unwrap()
    }

    /// Reads the feed of scoring from a token to its end; returns the changes and the last token.
    pub(crate) async fn feed(&self, from: &str) -> (Vec<scoring::Change>, String) {
        let request = scoring::WatchChangesRequest {
            resume_token: from.into(),
            follow: false,
        };
        let stream = self.client.clone().watch_changes(request).await.unwrap();
        let (mut stream, mut changes, mut token) = (stream.into_inner(), Vec::new(), from.into());
        while let Some(message) = stream.message().await.unwrap() {
            changes.extend(message.changes);
            token = message.resume_token;
        }
        (changes, token)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

pub(crate) fn change(customer_id: &str, when: Timestamp, fact: change::Fact) -> Change {
    Change {
        event_time: Some(time(when)),
        record_time: Some(time(when)),
        customer_id: customer_id.into(),
        fact: Some(fact),
    }
}

pub(crate) fn customer(
    customer_id: &str,
    when: Timestamp,
    attributes: &[(&str, attribute_value::Kind)],
) -> Change {
    let attributes = attributes.iter().map(|(name, kind)| Attribute {
        name: (*name).into(),
        value: Some(AttributeValue {
            kind: Some(kind.clone()),
        }),
    });
    let record = Customer {
        customer_id: customer_id.into(),
        kind: CustomerKind::Individual.into(),
        attributes: attributes.collect(),
        ..Customer::default()
    };
    change(customer_id, when, change::Fact::Customer(record))
}

pub(crate) fn subscription(
    customer_id: &str,
    from: Timestamp,
    ended: Option<(Timestamp, ChurnKind)>,
) -> Change {
    let record = Subscription {
        subscription_id: format!("S-{customer_id}"),
        customer_id: customer_id.into(),
        service: ServiceKind::Mobile.into(),
        product_code: "m".into(),
        start_time: Some(time(from)),
        monthly_fee: Some(Money {
            currency_code: "EUR".into(),
            amount_minor: 2_500,
        }),
        terminate_time: ended.map(|(at, _)| time(at)),
        churn_kind: ended.map_or(0, |(_, kind)| kind.into()),
        ..Subscription::default()
    };
    let when = ended.map_or(from, |(at, _)| at);
    change(customer_id, when, change::Fact::Subscription(record))
}

pub(crate) fn usage(customer_id: &str, month: Timestamp, minutes: i64) -> Change {
    let record = UsageSummary {
        customer_id: customer_id.into(),
        subscription_id: format!("S-{customer_id}"),
        period: UsagePeriod::Month.into(),
        start_time: Some(time(month)),
        voice_seconds: minutes * 60,
        ..UsageSummary::default()
    };
    change(
        customer_id,
        month.plus_months(1),
        change::Fact::UsageSummary(record),
    )
}

pub(crate) fn bill(customer_id: &str, issued: Timestamp, amount_minor: i64) -> Change {
    let record = Bill {
        bill_id: format!("B-{customer_id}-{}", issued.as_micros()),
        customer_id: customer_id.into(),
        issue_time: Some(time(issued)),
        due_time: Some(time(issued.plus_months(1))),
        amount: Some(Money {
            currency_code: "EUR".into(),
            amount_minor,
        }),
        state: BillState::Sent.into(),
        ..Bill::default()
    };
    change(customer_id, issued, change::Fact::Bill(record))
}

pub(crate) fn complaint(customer_id: &str, when: Timestamp) -> Change {
    let record = Interaction {
        interaction_id: format!("I-{customer_id}-{}", when.as_micros()),
        customer_id: customer_id.into(),
        event_time: Some(time(when)),
        kind: InteractionKind::Complaint.into(),
        ..Interaction::default()
    };
    change(customer_id, when, change::Fact::Interaction(record))
}
