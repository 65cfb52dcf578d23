//! What each write on an account asks and answers, a line each.

use tenure_proto::WriteRequest;
use tenure_proto::loyalty::v1::*;

use super::submit::{Done, Reading};
use super::{accounts, holds, points, pools, reward, staff, standing, transfers};
use crate::domain::{Command, Method};

/// A request that writes on an account.
pub(super) trait Operation: WriteRequest {
    /// The method, as a request id remembers it.
    const METHOD: Method;

    fn request_id(&self) -> &str;

    fn account_id(&self) -> &str;

    /// Returns what to do; what hinders it is noted in `reading`.
    fn command(&self, reading: &mut Reading<'_>) -> Option<Command>;

    fn answer(done: &Done) -> Self::Answer;
}

macro_rules! operations {
    ($($request:ident -> { $($field:ident),* } = $method:ident, $read:path;)*) => {
        $(impl Operation for $request {
            const METHOD: Method = Method::$method;

            fn request_id(&self) -> &str {
                &self.request_id
            }

            fn account_id(&self) -> &str {
                &self.account_id
            }

            fn command(&self, reading: &mut Reading<'_>) -> Option<Command> {
                $read(self, reading)
            }

            fn answer(done: &Done) -> Self::Answer {
                Self::Answer {
                    $($field: done.$field(),)*
                    replayed: done.replayed,
                }
            }
        })*
    };
}

operations! {
    CreateAccountRequest -> { account } = CreateAccount, accounts::open;
    EarnPointsRequest -> { entry, available_points } = EarnPoints, points::earn;
    ActivatePointsRequest -> { entry, available_points } = ActivatePoints, points::activate;
    RedeemPointsRequest -> { entry, available_points } = RedeemPoints, points::redeem;
    ReverseEntryRequest -> { entry, available_points } = ReverseEntry, points::reverse;
    CreateHoldRequest -> { hold, available_points } = CreateHold, holds::create;
    ConfirmHoldRequest -> { hold, entry, available_points } = ConfirmHold, holds::confirm;
    ReleaseHoldRequest -> { hold, available_points } = ReleaseHold, holds::release;
    AdjustPointsRequest -> { entry, available_points } = AdjustPoints, staff::adjust;
    ExpirePointsRequest -> { entry, available_points } = ExpirePoints, staff::expire;
    ReinstatePointsRequest -> { entry, available_points } = ReinstatePoints, staff::reinstate;
    FreezeAccountRequest -> { entry, available_points } = FreezeAccount, standing::freeze;
    UnfreezeAccountRequest -> { entry, available_points } = UnfreezeAccount, standing::unfreeze;
    CloseAccountRequest -> { entry, available_points } = CloseAccount, standing::close;
    RegisterRecipientRequest -> { entry, available_points } = RegisterRecipient, transfers::register;
    TransferPointsRequest -> { entry, available_points } = TransferPoints, transfers::transfer;
    MergeAccountsRequest -> { entry, available_points } = MergeAccounts, transfers::merge;
    RedeemRewardRequest -> { order, entry, available_points } = RedeemReward, reward::redeem;
    ConfirmRewardOrderRequest -> { order, entry, available_points } = ConfirmRewardOrder, reward::confirm;
    FulfilRewardOrderRequest -> { order, entry, available_points } = FulfilRewardOrder, reward::fulfil;
    CancelRewardOrderRequest -> { order, entry, available_points } = CancelRewardOrder, reward::cancel;
    RefundRewardOrderRequest -> { order, entry, available_points } = RefundRewardOrder, reward::refund;
    SplitAccountRequest -> { entry, available_points } = SplitAccount, transfers::split;
    AddPoolMemberRequest -> { entry, available_points } = AddPoolMember, pools::add;
    RemovePoolMemberRequest -> { entry, available_points } = RemovePoolMember, pools::remove;
    ContributePointsRequest -> { entry, available_points } = ContributePoints, pools::contribute;
}
