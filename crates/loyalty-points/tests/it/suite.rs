//! One service on one database, and short words for its calls.

use std::sync::Arc;

use tenure_core::{Clock, Ids, ManualClock, Span, Timestamp};
use tenure_loyalty_points::domain::Policies;
use tenure_loyalty_points::{Config, Deps, MIGRATIONS, Service};
use tenure_proto::loyalty::v1::loyalty_service_client::LoyaltyServiceClient;
use tenure_proto::loyalty::v1::*;
use tenure_rpc::fields::time;
use tenure_rpc::transport::in_process;
use tenure_rpc::{Lifecycle, Transport};
use tenure_sql::Db;
use tonic::Status;

use crate::fake::FakeCustomers;

/// Runs a case against a fresh service with policies of its own on each database.
pub(crate) async fn each_with(policies: Policies, case: impl AsyncFn(Suite)) {
    tenure_testkit::each_backend(&MIGRATIONS, async |db| {
        let mut config = Config::default();
        config.programme.policies = policies.clone();
        case(Suite::new(&db, config)).await;
    })
    .await;
}

/// Runs a case against a fresh service on each database.
pub(crate) async fn each(case: impl AsyncFn(Suite)) {
    tenure_testkit::each_backend(&MIGRATIONS, async |db| {
        case(Suite::new(&db, Config::default())).await;
    })
    .await;
}

#[derive(Clone)]
pub(crate) struct Suite {
    pub(crate) db: Db,
    pub(crate) clock: ManualClock,
    pub(crate) customers: FakeCustomers,
    pub(crate) client: LoyaltyServiceClient<Transport>,
    pub(crate) service: Service,
}

/// Short for an answer.
pub(crate) type Answer<T> = Result<T, Status>;

pub(crate) fn day(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

pub(crate) fn new_id() -> String {
    tenure_testkit::request_id().to_string()
}

impl Suite {
    pub(crate) fn new(db: &Db, config: Config) -> Self {
        Self::with(
            db,
            config,
            tenure_testkit::manual_clock(),
            FakeCustomers::default(),
        )
    }

    /// Another replica: the same database, clock and sources.
    pub(crate) fn replica(&self) -> Self {
        Self::with(
            &self.db,
            Config::default(),
            self.clock.clone(),
            self.customers.clone(),
        )
    }

    pub(crate) fn with(
        db: &Db,
        config: Config,
        clock: ManualClock,
        customers: FakeCustomers,
    ) -> Self {
        let deps = Deps {
            db: db.clone(),
            clock: Arc::new(clock.clone()),
            ids: Ids::seeded(1),
            config,
            lifecycle: Lifecycle::new(),
            customer_data: customers.transport(),
        };
        let service = Service::new(deps).unwrap();
        let client = LoyaltyServiceClient::new(in_process(service.routes()));
        Self {
            db: db.clone(),
            clock,
            customers,
            client,
            service,
        }
    }

    pub(crate) async fn create(&self, account_id: &str) -> Answer<CreateAccountResponse> {
        let request = CreateAccountRequest {
            request_id: new_id(),
            account_id: account_id.into(),
            customer_id: format!("customer-of-{account_id}"),
            ..Default::default()
        };
        self.client
            .clone()
            .create_account(request)
            .await
            .map(tonic::Response::into_inner)
    }

    pub(crate) async fn account(&self, account_id: &str) -> Account {
        let request = GetAccountRequest {
            account_id: account_id.into(),
        };
        let answer = self
            .client
            .clone()
            .get_account(request)
            .await
            .unwrap()
            .into_inner();
        answer.account.unwrap()
    }

    /// Available and held points.
    pub(crate) async fn balance(&self, account_id: &str) -> (i64, i64) {
        let account = self.account(account_id).await;
        (account.available_points, account.held_points)
    }

    pub(crate) fn earning(&self, account_id: &str, points: i64, source: &str) -> EarnPointsRequest {
        EarnPointsRequest {
            request_id: new_id(),
            account_id: account_id.into(),
            points,
            source: source.into(),
            open_account: true,
            ..Default::default()
        }
    }

    pub(crate) async fn earn_with(&self, request: EarnPointsRequest) -> Answer<EarnPointsResponse> {
        self.client
            .clone()
            .earn_points(request)
            .await
            .map(tonic::Response::into_inner)
    }

    pub(crate) async fn earn(
        &self,
        account_id: &str,
        points: i64,
        source: &str,
    ) -> EarnPointsResponse {
        self.earn_with(self.earning(account_id, points, source))
            .await
            .unwrap()
    }

    /// Earns points that last `days`.
    pub(crate) async fn earn_for(&self, account_id: &str, points: i64, days: i64) -> Entry {
        let expire_time = Some(time(self.clock.now() + Span::from_days(days)));
        let source = format!("{}/{days}", new_id());
        let request = EarnPointsRequest {
            expire_time,
            ..self.earning(account_id, points, &source)
        };
        self.earn_with(request).await.unwrap().entry.unwrap()
    }

    pub(crate) fn redeeming(&self, account_id: &str, points: i64) -> RedeemPointsRequest {
        let (request_id, account_id) = (new_id(), account_id.into());
        RedeemPointsRequest {
            request_id,
            account_id,
            points,
            source: "order/1".into(),
            member_account_id: String::new(),
            partner_id: String::new(),
        }
    }

    pub(crate) async fn redeem_with(
        &self,
        request: RedeemPointsRequest,
    ) -> Answer<RedeemPointsResponse> {
        self.client
            .clone()
            .redeem_points(request)
            .await
            .map(tonic::Response::into_inner)
    }

    pub(crate) async fn redeem(
        &self,
        account_id: &str,
        points: i64,
    ) -> Answer<RedeemPointsResponse> {
        self.redeem_with(self.redeeming(account_id, points)).await
    }

    pub(crate) async fn hold(&self, account_id: &str, points: i64, seconds: i64) -> Answer<Hold> {
        let request = CreateHoldRequest {
            request_id: new_id(),
            account_id: account_id.into(),
            points,
            source: "order/1".into(),
            hold_duration: Some(prost_types::Duration { seconds, nanos: 0 }),
            member_account_id: String::new(),
            partner_id: String::new(),
        };
        let answer = self.client.clone().create_hold(request).await?.into_inner();
        Ok(answer.hold.unwrap())
    }

    pub(crate) async fn get_hold(&self, hold: &Hold) -> Hold {
        let (account_id, hold_id) = (hold.account_id.clone(), hold.hold_id.clone());
        let request = GetHoldRequest {
            account_id,
            hold_id,
        };
        self.client
            .clone()
            .get_hold(request)
            .await
            .unwrap()
            .into_inner()
            .hold
            .unwrap()
    }

    pub(crate) fn confirming(&self, hold: &Hold, points: i64) -> ConfirmHoldRequest {
        let (account_id, hold_id) = (hold.account_id.clone(), hold.hold_id.clone());
        ConfirmHoldRequest {
            request_id: new_id(),
            account_id,
            hold_id,
            points,
            allow_top_up: false,
            partner_id: String::new(),
        }
    }

    pub(crate) async fn confirm(&self, hold: &Hold, points: i64) -> Answer<ConfirmHoldResponse> {
        let request = self.confirming(hold, points);
        self.client
            .clone()
            .confirm_hold(request)
            .await
            .map(tonic::Response::into_inner)
    }

    pub(crate) async fn release(&self, hold: &Hold) -> Answer<ReleaseHoldResponse> {
        let (account_id, hold_id) = (hold.account_id.clone(), hold.hold_id.clone());
        let request = ReleaseHoldRequest {
            request_id: new_id(),
            account_id,
            hold_id,
        };
        self.client
            .clone()
            .release_hold(request)
            .await
            .map(tonic::Response::into_inner)
    }

    pub(crate) async fn reverse(&self, entry: &Entry) -> Answer<ReverseEntryResponse> {
        self.reverse_id(&entry.account_id, &entry.entry_id).await
    }

    pub(crate) async fn reverse_id(
        &self,
        account: &str,
        entry: &str,
    ) -> Answer<ReverseEntryResponse> {
        let (account_id, entry_id) = (account.into(), entry.into());
        let request = ReverseEntryRequest {
            request_id: new_id(),
            account_id,
            entry_id,
            source: "a mistake".into(),
            points: 0,
        };
        self.client
            .clone()
            .reverse_entry(request)
            .await
            .map(tonic::Response::into_inner)
    }

    pub(crate) async fn lots(&self, account_id: &str) -> Vec<Lot> {
        let account_id = account_id.into();
        let request = ListLotsRequest {
            account_id,
            page_size: 1_000,
            ..Default::default()
        };
        self.client
            .clone()
            .list_lots(request)
            .await
            .unwrap()
            .into_inner()
            .lots
    }

    pub(crate) async fn entries(&self, account_id: &str) -> Vec<Entry> {
        let account_id = account_id.into();
        let request = ListEntriesRequest {
            account_id,
            page_size: 1_000,
            ..Default::default()
        };
        self.client
            .clone()
            .list_entries(request)
            .await
            .unwrap()
            .into_inner()
            .entries
    }

    pub(crate) async fn books(&self) -> Books {
        let request = GetBooksRequest::default();
        self.client
            .clone()
            .get_books(request)
            .await
            .unwrap()
            .into_inner()
            .books
            .unwrap()
    }

    pub(crate) async fn catch_up(&self) -> CatchUpResponse {
        self.client
            .clone()
            .catch_up(CatchUpRequest {})
            .await
            .unwrap()
            .into_inner()
    }

    /// Asserts that entries, accounts and lots tell the same.
    pub(crate) async fn assert_books_tie(&self) {
        let books = self.books().await;
        let movements = books.opening_points + books.earned_points
            - books.redeemed_points
            - books.expired_points
            + books.reversed_redeemed_points
            - books.reversed_earned_points
            + books.adjusted_points
            + books.reinstated_points
            - books.voided_points
            - books.debt_repaid_points
            + books.transferred_points;
        assert_eq!(books.closing_points, movements);
        assert_eq!(books.lot_points, books.closing_points);
    }

    /// Verifies the whole ledger, in small slices, and returns what was found and how far it was.
    pub(crate) async fn verify(&self) -> (Vec<LedgerFinding>, VerifyLedgerResponse) {
        let (mut findings, mut resume_token) = (Vec::new(), String::new());
        loop {
            let request = VerifyLedgerRequest {
                resume_token,
                record_limit: 7,
            };
            let answer = self.client.clone().verify_ledger(request).await.unwrap();
            let mut answer = answer.into_inner();
            findings.append(&mut answer.findings);
            resume_token = answer.resume_token.clone();
            if resume_token.is_empty() {
                return (findings, answer);
            }
        }
    }

    /// Asserts that nothing in the ledger breaks an invariant.
    pub(crate) async fn assert_verifies(&self) {
        let (findings, over) = self.verify().await;
        assert_eq!(findings, []);
        assert_eq!(over.lane_count, over.lane_total);
    }

    pub(crate) async fn seal(&self) -> i64 {
        let sealed = self.client.clone().seal_ledger(SealLedgerRequest {}).await;
        sealed.unwrap().into_inner().record_count
    }

    pub(crate) fn advance(&self, span: Span) {
        self.clock.advance(span);
    }

    pub(crate) fn advance_days(&self, days: i64) {
        self.clock.advance(Span::from_days(days));
    }
}
