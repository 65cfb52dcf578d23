//! The RPCs: parse, act, respond. One line each into the files below.

mod accounts;
mod batch;
mod books;
mod books_service;
mod catch_up;
mod convert;
mod entries;
mod expiring;
mod holds;
mod liability;
mod once;
mod operations;
mod parse;
mod partner;
mod points;
mod pools;
mod programme;
mod quote;
mod reward;
mod staff;
mod standing;
mod statement;
mod submit;
mod transfers;
mod verify;
mod watch;

use std::sync::Arc;

use tenure_proto::loyalty::v1::loyalty_service_server::LoyaltyService;
use tenure_proto::loyalty::v1::*;
use tenure_rpc::IntoStatus;
use tenure_rpc::feed::ResponseStream;
use tonic::{Request, Response, Status};

use self::submit::submit;
use crate::error::Error;
use crate::{DOMAIN, Shared};

pub(crate) use books_service::BooksApi;
pub(crate) use partner::PartnerApi;
pub(crate) use programme::ProgrammeApi;
pub(crate) use reward::RewardApi;

/// The gRPC face of the service.
pub(crate) struct Api(pub(crate) Arc<Shared>);

fn answer<T>(answered: Result<T, Error>) -> Result<Response<T>, Status> {
    answered
        .map(Response::new)
        .map_err(|error| error.into_status(DOMAIN))
}

/// The signature of a unary RPC is long; what differs is the name and the two messages.
macro_rules! unary {
    ($($name:ident: $request:ident -> $response:ident = $handler:path;)*) => {
        #[tonic::async_trait]
        impl LoyaltyService for Api {
            $(async fn $name(
                &self,
                request: Request<$request>,
            ) -> Result<Response<$response>, Status> {
                answer($handler(&self.0, request.into_inner()).await)
            })*

            type WatchChangesStream = ResponseStream<WatchChangesResponse>;

            async fn watch_changes(
                &self,
                request: Request<WatchChangesRequest>,
            ) -> Result<Response<Self::WatchChangesStream>, Status> {
                Ok(Response::new(watch::watch(&self.0, request.into_inner())))
            }
        }
    };
}

unary! {
    create_account: CreateAccountRequest -> CreateAccountResponse = accounts::create;
    get_account: GetAccountRequest -> GetAccountResponse = accounts::get;
    list_accounts: ListAccountsRequest -> ListAccountsResponse = accounts::list;
    earn_points: EarnPointsRequest -> EarnPointsResponse = submit;
    redeem_points: RedeemPointsRequest -> RedeemPointsResponse = submit;
    batch_execute_operations: BatchExecuteOperationsRequest -> BatchExecuteOperationsResponse = batch::execute;
    create_hold: CreateHoldRequest -> CreateHoldResponse = submit;
    get_hold: GetHoldRequest -> GetHoldResponse = holds::get;
    confirm_hold: ConfirmHoldRequest -> ConfirmHoldResponse = submit;
    release_hold: ReleaseHoldRequest -> ReleaseHoldResponse = submit;
    reverse_entry: ReverseEntryRequest -> ReverseEntryResponse = submit;
    activate_points: ActivatePointsRequest -> ActivatePointsResponse = submit;
    quote_redemption: QuoteRedemptionRequest -> QuoteRedemptionResponse = quote::quote;
    adjust_points: AdjustPointsRequest -> AdjustPointsResponse = submit;
    expire_points: ExpirePointsRequest -> ExpirePointsResponse = submit;
    reinstate_points: ReinstatePointsRequest -> ReinstatePointsResponse = submit;
    freeze_account: FreezeAccountRequest -> FreezeAccountResponse = submit;
    unfreeze_account: UnfreezeAccountRequest -> UnfreezeAccountResponse = submit;
    close_account: CloseAccountRequest -> CloseAccountResponse = submit;
    register_recipient: RegisterRecipientRequest -> RegisterRecipientResponse = submit;
    transfer_points: TransferPointsRequest -> TransferPointsResponse = submit;
    merge_accounts: MergeAccountsRequest -> MergeAccountsResponse = submit;
    split_account: SplitAccountRequest -> SplitAccountResponse = submit;
    add_pool_member: AddPoolMemberRequest -> AddPoolMemberResponse = submit;
    remove_pool_member: RemovePoolMemberRequest -> RemovePoolMemberResponse = submit;
    contribute_points: ContributePointsRequest -> ContributePointsResponse = submit;
    get_entry: GetEntryRequest -> GetEntryResponse = entries::get;
    list_entries: ListEntriesRequest -> ListEntriesResponse = entries::list;
    list_lots: ListLotsRequest -> ListLotsResponse = accounts::list_lots;
    get_books: GetBooksRequest -> GetBooksResponse = books::get;
    verify_ledger: VerifyLedgerRequest -> VerifyLedgerResponse = verify::verify;
    seal_ledger: SealLedgerRequest -> SealLedgerResponse = verify::seal;
    catch_up: CatchUpRequest -> CatchUpResponse = catch_up::catch_up;
}
