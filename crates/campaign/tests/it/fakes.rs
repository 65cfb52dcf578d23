//! Stand-ins for customer-data, lifecycle-scoring and loyalty-points.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use tenure_proto::customer::v1 as customer;
use tenure_proto::customer::v1::customer_service_server::{CustomerService, CustomerServiceServer};
use tenure_proto::customer::v1::privacy_service_server::{PrivacyService, PrivacyServiceServer};
use tenure_proto::loyalty::v1 as loyalty;
use tenure_proto::loyalty::v1::loyalty_service_server::{LoyaltyService, LoyaltyServiceServer};
use tenure_proto::scoring::v1 as scoring;
use tenure_proto::scoring::v1::scoring_service_server::{ScoringService, ScoringServiceServer};
use tenure_rpc::feed::ResponseStream;
use tenure_rpc::{Routes, Transport, in_process};
use tonic::{Request, Response, Status};

/// Implements a service of which a fake answers some methods. A macro, because a fake must name all
/// the others too.
macro_rules! fake {
    (
        $service:ident for $fake:ident from $package:ident { $($real:tt)* }
        not faked { $($method:ident: $request:ident -> $response:ident,)* }
    ) => {
        #[tonic::async_trait]
        impl $service for $fake {
            $($real)*
            $(
                async fn $method(
                    &self,
                    _: Request<$package::$request>,
                ) -> Result<Response<$package::$response>, Status> {
                    Err(Status::unimplemented("not faked"))
                }
            )*
        }
    };
}

/// Refuses calls for a while.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Gate {
    /// How many calls are refused.
    pub(crate) refusals: usize,
}

impl Gate {
    fn call(&mut self) -> Result<(), Status> {
        if self.refusals > 0 {
            self.refusals -= 1;
            return Err(Status::unavailable("the fake is out of order"));
        }
        Ok(())
    }
}

#[derive(Debug, Default)]
pub(crate) struct ScoringState {
    pub(crate) scores: Vec<scoring::Score>,
    pub(crate) gate: Gate,
    /// Scores from this place on cannot be read.
    pub(crate) ends_at: Option<usize>,
    pub(crate) requests: Vec<scoring::ListScoresRequest>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct FakeScoring(Arc<Mutex<ScoringState>>);

impl FakeScoring {
    pub(crate) fn state(&self) -> MutexGuard<'_, ScoringState> {
        self.0.lock().unwrap()
    }

    pub(crate) fn transport(&self) -> Transport {
        in_process(Routes::default().add_service(ScoringServiceServer::new(self.clone())))
    }
}

fn list_scores(
    state: &mut ScoringState,
    request: &scoring::ListScoresRequest,
) -> Result<scoring::ListScoresResponse, Status> {
    state.requests.push(request.clone());
    state.gate.call()?;
    let among = |wanted: &[i32], found: i32| wanted.is_empty() || wanted.contains(&found);
    let mut scores = state.scores.clone();
    scores.retain(|score| {
        among(&request.stages, score.stage)
            && among(&request.risk_bands, score.risk_band)
            && among(&request.value_tiers, score.value_tier)
            && score.churn_probability >= request.min_churn_probability
    });
    scores.sort_by(|a, b| a.customer_id.cmp(&b.customer_id));
    if request.order() == scoring::ScoreOrder::ChurnProbabilityDescending {
        scores.sort_by(|a, b| b.churn_probability.total_cmp(&a.churn_probability));
    }
    let from = request.page_token.parse().unwrap_or(0_usize);
    if state.ends_at.is_some_and(|end| from >= end) {
        return Err(Status::unavailable("the fake broke off"));
    }
    let size = usize::try_from(request.page_size).unwrap();
    let to = (from + size).min(scores.len());
    let next_page_token = if to < scores.len() {
        to.to_string()
    } else {
        String::new()
    };
    Ok(scoring::ListScoresResponse {
        scores: scores[from..to].to_vec(),
        next_page_token,
    })
}

fake! {
    ScoringService for FakeScoring from scoring {
        type WatchChangesStream = ResponseStream<scoring::WatchChangesResponse>;

        async fn watch_changes(
            &self,
            _: Request<scoring::WatchChangesRequest>,
        ) -> Result<Response<Self::WatchChangesStream>, Status> {
            Err(Status::unimplemented("not faked"))
        }

        async fn list_scores(
            &self,
            request: Request<scoring::ListScoresRequest>,
        ) -> Result<Response<scoring::ListScoresResponse>, Status> {
            list_scores(&mut self.state(), request.get_ref()).map(Response::new)
        }
    }
    not faked {
        score_customer: ScoreCustomerRequest -> ScoreCustomerResponse,
        score_customers: ScoreCustomersRequest -> ScoreCustomersResponse,
        get_lifecycle: GetLifecycleRequest -> GetLifecycleResponse,
        list_stage_intervals: ListStageIntervalsRequest -> ListStageIntervalsResponse,
        get_funnel: GetFunnelRequest -> GetFunnelResponse,
        estimate_value: EstimateValueRequest -> EstimateValueResponse,
        train_model: TrainModelRequest -> TrainModelResponse,
        get_model: GetModelRequest -> GetModelResponse,
        list_models: ListModelsRequest -> ListModelsResponse,
        create_scoring_run: CreateScoringRunRequest -> CreateScoringRunResponse,
        get_scoring_run: GetScoringRunRequest -> GetScoringRunResponse,
        list_scoring_runs: ListScoringRunsRequest -> ListScoringRunsResponse,
        catch_up: CatchUpRequest -> CatchUpResponse,
    }
}

#[derive(Debug, Default)]
pub(crate) struct CustomerState {
    /// How many receipts are refused.
    pub(crate) refuse_receipts: usize,
    /// The receipts of erasures that came in.
    pub(crate) receipts: Vec<customer::RecordErasureReceiptRequest>,
    pub(crate) customers: BTreeMap<String, customer::Customer>,
    pub(crate) changes: Vec<customer::Change>,
    pub(crate) gate: Gate,
    /// Answers for more customers than this are too large.
    pub(crate) fits: Option<usize>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct FakeCustomers(Arc<Mutex<CustomerState>>);

impl FakeCustomers {
    pub(crate) fn state(&self) -> MutexGuard<'_, CustomerState> {
        self.0.lock().unwrap()
    }

    pub(crate) fn transport(&self) -> Transport {
        let routes = Routes::default().add_service(CustomerServiceServer::new(self.clone()));
        in_process(routes.add_service(PrivacyServiceServer::new(self.clone())))
    }
}

fake! {
    PrivacyService for FakeCustomers from customer {
        async fn record_erasure_receipt(
            &self,
            request: Request<customer::RecordErasureReceiptRequest>,
        ) -> Result<Response<customer::RecordErasureReceiptResponse>, Status> {
            let mut state = self.state();
            if state.refuse_receipts > 0 {
                state.refuse_receipts -= 1;
                return Err(Status::unavailable("the fake is out of order"));
            }
            state.receipts.push(request.into_inner());
            Ok(Response::new(customer::RecordErasureReceiptResponse::default()))
        }
    }
    not faked {
        erase_customer: EraseCustomerRequest -> EraseCustomerResponse,
        get_erasure: GetErasureRequest -> GetErasureResponse,
        list_erasures: ListErasuresRequest -> ListErasuresResponse,
        run_erasures: RunErasuresRequest -> RunErasuresResponse,
        lift_suppression: LiftSuppressionRequest -> LiftSuppressionResponse,
        export_customer: ExportCustomerRequest -> ExportCustomerResponse,
        list_accesses: ListAccessesRequest -> ListAccessesResponse,
        run_retention: RunRetentionRequest -> RunRetentionResponse,
    }
}

/// How many changes stand in one message, small so that a few changes make several messages.
const BATCH: usize = 3;

fn changes_after(
    state: &CustomerState,
    token: &str,
) -> Vec<Result<customer::WatchChangesResponse, Status>> {
    let from = token.parse().unwrap_or(0_usize);
    let mut at = from;
    let mut messages = Vec::new();
    for changes in state.changes[from..].chunks(BATCH) {
        at += changes.len();
        let changes = changes.to_vec();
        messages.push(Ok(customer::WatchChangesResponse {
            changes,
            resume_token: at.to_string(),
            ..Default::default()
        }));
    }
    let last = customer::WatchChangesResponse {
        changes: vec![],
        resume_token: at.to_string(),
        ..Default::default()
    };
    messages.push(Ok(last));
    messages
}

fake! {
    CustomerService for FakeCustomers from customer {
        type WatchChangesStream = ResponseStream<customer::WatchChangesResponse>;

        async fn watch_changes(
            &self,
            request: Request<customer::WatchChangesRequest>,
        ) -> Result<Response<Self::WatchChangesStream>, Status> {
            let mut state = self.state();
            state.gate.call()?;
            let messages = changes_after(&state, &request.get_ref().resume_token);
            Ok(Response::new(Box::pin(tokio_stream::iter(messages))))
        }

        async fn batch_get_customers(
            &self,
            request: Request<customer::BatchGetCustomersRequest>,
        ) -> Result<Response<customer::BatchGetCustomersResponse>, Status> {
            let mut state = self.state();
            state.gate.call()?;
            let ids = request.into_inner().customer_ids;
            if state.fits.is_some_and(|fits| ids.len() > fits) {
                return Err(Status::resource_exhausted("the answer is too large"));
            }
            let customers = ids.iter().filter_map(|id| state.customers.get(id).cloned()).collect();
            Ok(Response::new(customer::BatchGetCustomersResponse { customers }))
        }
    }
    not faked {
        create_customer: CreateCustomerRequest -> CreateCustomerResponse,
        batch_upsert_customers: BatchUpsertCustomersRequest -> BatchUpsertCustomersResponse,
        get_customer: GetCustomerRequest -> GetCustomerResponse,
        list_customers: ListCustomersRequest -> ListCustomersResponse,
        lookup_customer: LookupCustomerRequest -> LookupCustomerResponse,
        batch_upsert_subscriptions:
            BatchUpsertSubscriptionsRequest -> BatchUpsertSubscriptionsResponse,
        list_subscriptions: ListSubscriptionsRequest -> ListSubscriptionsResponse,
        terminate_subscription: TerminateSubscriptionRequest -> TerminateSubscriptionResponse,
        suspend_subscription: SuspendSubscriptionRequest -> SuspendSubscriptionResponse,
        resume_subscription: ResumeSubscriptionRequest -> ResumeSubscriptionResponse,
        transfer_subscription: TransferSubscriptionRequest -> TransferSubscriptionResponse,
        batch_upsert_bills: BatchUpsertBillsRequest -> BatchUpsertBillsResponse,
        list_bills: ListBillsRequest -> ListBillsResponse,
        batch_upsert_usage_summaries:
            BatchUpsertUsageSummariesRequest -> BatchUpsertUsageSummariesResponse,
        list_usage_summaries: ListUsageSummariesRequest -> ListUsageSummariesResponse,
        batch_upsert_interactions:
            BatchUpsertInteractionsRequest -> BatchUpsertInteractionsResponse,
        list_interactions: ListInteractionsRequest -> ListInteractionsResponse,
        create_import: CreateImportRequest -> CreateImportResponse,
        apply_import_batch: ApplyImportBatchRequest -> ApplyImportBatchResponse,
        get_import: GetImportRequest -> GetImportResponse,
        list_imports: ListImportsRequest -> ListImportsResponse,
    }
}

#[derive(Debug, Default)]
pub(crate) struct LoyaltyState {
    /// Every request that came, also those that were refused.
    pub(crate) requests: Vec<loyalty::EarnPointsRequest>,
    /// What was booked, by source.
    pub(crate) earned: BTreeMap<String, i64>,
    pub(crate) gate: Gate,
    /// The next answer gets lost after the points were booked.
    pub(crate) loses_answer: bool,
    /// Refuses everything for good.
    pub(crate) refuses: bool,
    request_ids: HashSet<String>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct FakeLoyalty(Arc<Mutex<LoyaltyState>>);

impl FakeLoyalty {
    pub(crate) fn state(&self) -> MutexGuard<'_, LoyaltyState> {
        self.0.lock().unwrap()
    }

    pub(crate) fn transport(&self) -> Transport {
        in_process(Routes::default().add_service(LoyaltyServiceServer::new(self.clone())))
    }
}

fn earn(
    state: &mut LoyaltyState,
    request: &loyalty::EarnPointsRequest,
) -> Result<loyalty::EarnPointsResponse, Status> {
    state.requests.push(request.clone());
    state.gate.call()?;
    if state.refuses {
        return Err(Status::failed_precondition("the account is full"));
    }
    let is_new = state.request_ids.insert(request.request_id.clone());
    if is_new && state.earned.contains_key(&request.source) {
        use tonic_types::{ErrorDetails, StatusExt};
        let details = ErrorDetails::with_error_info(
            "EVENT_ALREADY_EARNED",
            "loyalty.tenure",
            std::collections::HashMap::new(),
        );
        let code = tonic::Code::AlreadyExists;
        return Err(Status::with_error_details(code, "earned before", details));
    }
    if is_new {
        state.earned.insert(request.source.clone(), request.points);
    }
    if std::mem::take(&mut state.loses_answer) {
        return Err(Status::unavailable("the answer got lost"));
    }
    Ok(loyalty::EarnPointsResponse {
        replayed: !is_new,
        ..Default::default()
    })
}

fake! {
    LoyaltyService for FakeLoyalty from loyalty {
        type WatchChangesStream = ResponseStream<loyalty::WatchChangesResponse>;

        async fn watch_changes(
            &self,
            _: Request<loyalty::WatchChangesRequest>,
        ) -> Result<Response<Self::WatchChangesStream>, Status> {
            Err(Status::unimplemented("not faked"))
        }

        async fn earn_points(
            &self,
            request: Request<loyalty::EarnPointsRequest>,
        ) -> Result<Response<loyalty::EarnPointsResponse>, Status> {
            earn(&mut self.state(), request.get_ref()).map(Response::new)
        }
    }
    not faked {
        create_account: CreateAccountRequest -> CreateAccountResponse,
        get_account: GetAccountRequest -> GetAccountResponse,
        list_accounts: ListAccountsRequest -> ListAccountsResponse,
        redeem_points: RedeemPointsRequest -> RedeemPointsResponse,
        create_hold: CreateHoldRequest -> CreateHoldResponse,
        get_hold: GetHoldRequest -> GetHoldResponse,
        confirm_hold: ConfirmHoldRequest -> ConfirmHoldResponse,
        release_hold: ReleaseHoldRequest -> ReleaseHoldResponse,
        reverse_entry: ReverseEntryRequest -> ReverseEntryResponse,
        activate_points: ActivatePointsRequest -> ActivatePointsResponse,
        quote_redemption: QuoteRedemptionRequest -> QuoteRedemptionResponse,
        adjust_points: AdjustPointsRequest -> AdjustPointsResponse,
        expire_points: ExpirePointsRequest -> ExpirePointsResponse,
        reinstate_points: ReinstatePointsRequest -> ReinstatePointsResponse,
        freeze_account: FreezeAccountRequest -> FreezeAccountResponse,
        unfreeze_account: UnfreezeAccountRequest -> UnfreezeAccountResponse,
        close_account: CloseAccountRequest -> CloseAccountResponse,
        register_recipient: RegisterRecipientRequest -> RegisterRecipientResponse,
        transfer_points: TransferPointsRequest -> TransferPointsResponse,
        merge_accounts: MergeAccountsRequest -> MergeAccountsResponse,
        split_account: SplitAccountRequest -> SplitAccountResponse,
        add_pool_member: AddPoolMemberRequest -> AddPoolMemberResponse,
        remove_pool_member: RemovePoolMemberRequest -> RemovePoolMemberResponse,
        contribute_points: ContributePointsRequest -> ContributePointsResponse,
        batch_execute_operations: BatchExecuteOperationsRequest -> BatchExecuteOperationsResponse,
        verify_ledger: VerifyLedgerRequest -> VerifyLedgerResponse,
        seal_ledger: SealLedgerRequest -> SealLedgerResponse,
        get_entry: GetEntryRequest -> GetEntryResponse,
        list_entries: ListEntriesRequest -> ListEntriesResponse,
        list_lots: ListLotsRequest -> ListLotsResponse,
        get_books: GetBooksRequest -> GetBooksResponse,
        catch_up: CatchUpRequest -> CatchUpResponse,
    }
}
