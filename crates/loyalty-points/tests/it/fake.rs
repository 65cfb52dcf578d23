//! A customer-data that has a feed of bills, and knows since when its customers are there.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tenure_core::Timestamp;
use tenure_proto::customer::v1 as customer;
use tenure_proto::customer::v1::change::Fact;
use tenure_proto::customer::v1::privacy_service_server::{PrivacyService, PrivacyServiceServer};
use tenure_proto::customer::v1::{
    BatchGetCustomersRequest, BatchGetCustomersResponse, Bill, BillState, Change, Customer, Erased,
    PaymentStatus, RecordErasureReceiptRequest, Subscription, SubscriptionState,
    WatchChangesRequest, WatchChangesResponse,
};
use tenure_proto::r#type::v1::Money;
use tenure_rpc::fields::time;
use tenure_rpc::transport::in_process;
use tenure_rpc::{Routes, Transport};
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::server::{Grpc, NamedService, ServerStreamingService, UnaryService};
use tonic::{Request, Response, Status};

/// The feed; its tokens are the numbers of changes already read.
#[derive(Debug, Clone, Default)]
pub(crate) struct FakeCustomers(Arc<Mutex<Told>>);

#[derive(Debug, Default)]
struct Told {
    changes: Vec<Change>,
    customers: Vec<Customer>,
    receipts: Vec<RecordErasureReceiptRequest>,
    /// How many receipts are not taken.
    refusals: usize,
}

/// How many changes one message holds.
const BATCH: usize = 7;

impl FakeCustomers {
    pub(crate) fn transport(&self) -> Transport {
        let routes = Routes::default().add_service(self.clone());
        in_process(routes.add_service(PrivacyServiceServer::new(self.clone())))
    }

    /// Tells that a customer was erased, under an id of the erasure.
    pub(crate) fn erase(&self, customer_id: &str, erasure_id: &str, at: Timestamp) {
        let fact = Erased {
            customer_id: customer_id.into(),
            erasure_id: erasure_id.into(),
        };
        self.tell(customer_id, at, Fact::Erasure(fact));
    }

    /// Does not take the next receipts.
    pub(crate) fn refuse_receipts(&self, count: usize) {
        self.0.lock().unwrap().refusals = count;
    }

    pub(crate) fn take_receipt(&self, receipt: RecordErasureReceiptRequest) -> bool {
        let mut told = self.0.lock().unwrap();
        if told.refusals > 0 {
            told.refusals -= 1;
            return false;
        }
        told.receipts.push(receipt);
        true
    }

    /// Returns the receipts that were taken.
    pub(crate) fn receipts(&self) -> Vec<RecordErasureReceiptRequest> {
        self.0.lock().unwrap().receipts.clone()
    }

    /// Adds a customer.
    pub(crate) fn join(&self, customer_id: &str, at: Timestamp) {
        self.0.lock().unwrap().customers.push(Customer {
            customer_id: customer_id.into(),
            join_time: Some(time(at)),
            ..Customer::default()
        });
    }

    /// Adds a settled bill.
    pub(crate) fn settle(&self, bill_id: &str, customer_id: &str, paid: i64, at: Timestamp) {
        self.add(bill_id, customer_id, paid, at, BillState::Settled);
    }

    pub(crate) fn add(
        &self,
        bill_id: &str,
        customer: &str,
        paid: i64,
        at: Timestamp,
        state: BillState,
    ) {
        let settled = state == BillState::Settled;
        let money = Money {
            currency_code: "CNY".into(),
            amount_minor: paid,
        };
        let bill = Bill {
            bill_id: bill_id.into(),
            customer_id: customer.into(),
            issue_time: Some(time(at)),
            due_time: Some(time(at)),
            amount: Some(money.clone()),
            state: state.into(),
            settle_time: settled.then(|| time(at)),
            paid_amount: settled.then_some(money),
            update_time: Some(time(at)),
        };
        self.0.lock().unwrap().changes.push(Change {
            event_time: Some(time(at)),
            record_time: Some(time(at)),
            customer_id: customer.into(),
            fact: Some(Fact::Bill(bill)),
        });
    }

    /// Tells how a subscription of a customer stands since an instant; `more` says the rest of it.
    pub(crate) fn stand(
        &self,
        (customer, subscription): (&str, &str),
        state: SubscriptionState,
        at: Timestamp,
        more: impl FnOnce(&mut Subscription),
    ) {
        let mut subscription = Subscription {
            subscription_id: subscription.into(),
            customer_id: customer.into(),
            state: state.into(),
            state_time: Some(time(at)),
            ..Subscription::default()
        };
        more(&mut subscription);
        self.tell(customer, at, Fact::Subscription(subscription));
    }

    /// Tells how a customer pays since an instant.
    pub(crate) fn pay(&self, customer: &str, status: PaymentStatus, at: Timestamp) {
        let fact = Customer {
            customer_id: customer.into(),
            payment_status: status.into(),
            payment_status_time: Some(time(at)),
            ..Customer::default()
        };
        self.tell(customer, at, Fact::Customer(fact));
    }

    fn tell(&self, customer: &str, at: Timestamp, fact: Fact) {
        self.0.lock().unwrap().changes.push(Change {
            event_time: Some(time(at)),
            record_time: Some(time(at)),
            customer_id: customer.into(),
            fact: Some(fact),
        });
    }

    fn batches(&self, token: &str) -> Vec<Result<WatchChangesResponse, Status>> {
        let told = self.0.lock().unwrap();
        let from = token.parse().unwrap_or(0);
        let mut batches = Vec::new();
        let mut at = from;
        for chunk in told.changes[from..].chunks(BATCH) {
            at += chunk.len();
            let (changes, resume_token) = (chunk.to_vec(), at.to_string());
            batches.push(Ok(WatchChangesResponse {
                changes,
                resume_token,
                ..Default::default()
            }));
        }
        batches.push(Ok(WatchChangesResponse {
            changes: vec![],
            resume_token: at.to_string(),
            ..Default::default()
        }));
        batches
    }
}

impl NamedService for FakeCustomers {
    const NAME: &'static str = "tenure.customer.v1.CustomerService";
}

struct Watch(FakeCustomers);

impl ServerStreamingService<WatchChangesRequest> for Watch {
    type Response = WatchChangesResponse;
    type ResponseStream =
        tokio_stream::Iter<std::vec::IntoIter<Result<WatchChangesResponse, Status>>>;
    type Future =
        Pin<Box<dyn Future<Output = Result<Response<Self::ResponseStream>, Status>> + Send>>;

    fn call(&mut self, request: Request<WatchChangesRequest>) -> Self::Future {
        let batches = self.0.batches(&request.into_inner().resume_token);
        Box::pin(async { Ok(Response::new(tokio_stream::iter(batches))) })
    }
}

struct BatchGet(FakeCustomers);

impl UnaryService<BatchGetCustomersRequest> for BatchGet {
    type Response = BatchGetCustomersResponse;
    type Future = Ready<Result<Response<Self::Response>, Status>>;

    fn call(&mut self, request: Request<BatchGetCustomersRequest>) -> Self::Future {
        let ids = request.into_inner().customer_ids;
        let told = self.0.0.lock().unwrap();
        let wanted = |customer: &&Customer| ids.contains(&customer.customer_id);
        let customers = told.customers.iter().filter(wanted).cloned().collect();
        ready(Ok(Response::new(BatchGetCustomersResponse { customers })))
    }
}

impl Service<http::Request<Body>> for FakeCustomers {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let (watch, get) = (Watch(self.clone()), BatchGet(self.clone()));
        let is_get = request.uri().path().ends_with("/BatchGetCustomers");
        Box::pin(async move {
            if is_get {
                let codec = tonic_prost::ProstCodec::default();
                return Ok(Grpc::new(codec).unary(get, request).await);
            }
            let codec = tonic_prost::ProstCodec::default();
            Ok(Grpc::new(codec).server_streaming(watch, request).await)
        })
    }
}

/// Implements what the fake does not do of a service, which must be named too.
macro_rules! only_receipts {
    ($($method:ident: $request:ident -> $response:ident,)*) => {
        #[tonic::async_trait]
        impl PrivacyService for FakeCustomers {
            async fn record_erasure_receipt(
                &self,
                request: Request<customer::RecordErasureReceiptRequest>,
            ) -> Result<Response<customer::RecordErasureReceiptResponse>, Status> {
                if self.take_receipt(request.into_inner()) {
                    return Ok(Response::new(Default::default()));
                }
                Err(Status::unavailable("the fake is out of order"))
            }
            $(
                async fn $method(
                    &self,
                    _: Request<customer::$request>,
                ) -> Result<Response<customer::$response>, Status> {
                    Err(Status::unimplemented("not faked"))
                }
            )*
        }
    };
}

only_receipts! {
    erase_customer: EraseCustomerRequest -> EraseCustomerResponse,
    get_erasure: GetErasureRequest -> GetErasureResponse,
    list_erasures: ListErasuresRequest -> ListErasuresResponse,
    run_erasures: RunErasuresRequest -> RunErasuresResponse,
    lift_suppression: LiftSuppressionRequest -> LiftSuppressionResponse,
    export_customer: ExportCustomerRequest -> ExportCustomerResponse,
    list_accesses: ListAccessesRequest -> ListAccessesResponse,
    run_retention: RunRetentionRequest -> RunRetentionResponse,
}
