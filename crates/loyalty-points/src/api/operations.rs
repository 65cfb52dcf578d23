//! What each write on an account asks and answers, a line each.

use prost::Message;
use tenure_proto::loyalty::v1::*;

use super::submit::{Done, Reading};
use super::{accounts, holds, points, pools, reward, staff, standing, transfers};
use crate::domain::{Command, Method};

/// A request that writes on an account.
pub(super) trait Operation: Message {
    /// What answers it.
    type Answer;
    /// The method, as a request id remembers it.
    const METHOD: Method;
    /// The full name of the message.
    const NAME: &'static str;

    fn request_id(&self) -> &str;

    fn account_id(&self) -> &str;

    /// Returns what to do; what hinders it is noted in `reading`.
    fn command(&self, reading: &mut Reading<'_>) -> Option<Command>;

    fn answer(done: &Done) -> Self::Answer;
}

macro_rules! operations {
    ($($request:ident -> $answer:ident { $($field:ident),* } = $method:ident, $read:path;)*) => {
        $(impl Operation for $request {
            type Answer = $answer;
            const METHOD: Method = Method::$method;
            const NAME: &'static str = concat!("tenure.loyalty.v1.", stringify!($request));

            fn request_id(&self) -> &str {
                &self.request_id
            }

            fn account_id(&self) -> &str {
                &self.account_id
            }

            fn command(&self, reading: &mut Reading<'_>) -> Option<Command> {
                $read(self, reading)
            }

            fn answer(done: &Done) -> $answer {
                $answer {
                    $($field: done.$field(),)*
                    replayed: done.replayed,
                }
            }
        })*
    };
}

operations! {
    CreateAccountRequest -> CreateAccountResponse { account } = CreateAccount, accounts::open;
    EarnPointsRequest -> EarnPointsResponse { entry, available_points } = EarnPoints, points::earn;
    ActivatePointsRequest -> ActivatePointsResponse { entry, available_points } = ActivatePoints, points::activate;
    RedeemPointsRequest -> RedeemPointsResponse { entry, available_points } = RedeemPoints, points::redeem;
    ReverseEntryRequest -> ReverseEntryResponse { entry, available_points } = ReverseEntry, points::reverse;
    CreateHoldRequest -> CreateHoldResponse { hold, available_points } = CreateHold, holds::create;
    ConfirmHoldRequest -> ConfirmHoldResponse { hold, entry, available_points } = ConfirmHold, holds::confirm;
    ReleaseHoldRequest -> ReleaseHoldResponse { hold, available_points } = ReleaseHold, holds::release;
    AdjustPointsRequest -> AdjustPointsResponse { entry, available_points } = AdjustPoints, staff::adjust;
    ExpirePointsRequest -> ExpirePointsResponse { entry, available_points } = ExpirePoints, staff::expire;
    ReinstatePointsRequest -> ReinstatePointsResponse { entry, available_points } = ReinstatePoints, staff::reinstate;
    FreezeAccountRequest -> FreezeAccountResponse { entry, available_points } = FreezeAccount, standing::freeze;
    UnfreezeAccountRequest -> UnfreezeAccountResponse { entry, available_points } = UnfreezeAccount, standing::unfreeze;
    CloseAccountRequest -> CloseAccountResponse { entry, available_points } = CloseAccount, standing::close;
    RegisterRecipientRequest -> RegisterRecipientResponse { entry, available_points } = RegisterRecipient, transfers::register;
    TransferPointsRequest -> TransferPointsResponse { entry, available_points } = TransferPoints, transfers::transfer;
    MergeAccountsRequest -> MergeAccountsResponse { entry, available_points } = MergeAccounts, transfers::merge;
    RedeemRewardRequest -> RedeemRewardResponse { order, entry, available_points } = RedeemReward, reward::redeem;
    ConfirmRewardOrderRequest -> ConfirmRewardOrderResponse { order, entry, available_points } = ConfirmRewardOrder, reward::confirm;
    FulfilRewardOrderRequest -> FulfilRewardOrderResponse { order, entry, available_points } = FulfilRewardOrder, reward::fulfil;
    CancelRewardOrderRequest -> CancelRewardOrderResponse { order, entry, available_points } = CancelRewardOrder, reward::cancel;
    RefundRewardOrderRequest -> RefundRewardOrderResponse { order, entry, available_points } = RefundRewardOrder, reward::refund;
    SplitAccountRequest -> SplitAccountResponse { entry, available_points } = SplitAccount, transfers::split;
    AddPoolMemberRequest -> AddPoolMemberResponse { entry, available_points } = AddPoolMember, pools::add;
    RemovePoolMemberRequest -> RemovePoolMemberResponse { entry, available_points } = RemovePoolMember, pools::remove;
    ContributePointsRequest -> ContributePointsResponse { entry, available_points } = ContributePoints, pools::contribute;
}
