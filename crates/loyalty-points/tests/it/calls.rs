//! Short words for the calls that staff and gifts make.

use tenure_core::{Clock, Span};
use tenure_proto::loyalty::v1::earn_points_request::Activation;
use tenure_proto::loyalty::v1::*;
use tenure_rpc::fields::time;

use crate::suite::{Answer, Suite, new_id};

/// Who asks in these tests.
pub(crate) const AUTHOR: &str = "clerk-7";

/// One call, its response without the envelope.
macro_rules! call {
    ($suite:expr, $method:ident, $request:expr) => {
        $suite
            .client
            .clone()
            .$method($request)
            .await
            .map(tonic::Response::into_inner)
    };
}

impl Suite {
    /// Opens an account of a customer who is with the operator for so many months.
    pub(crate) async fn create_member(&self, account_id: &str, months: i32) {
        let request = CreateAccountRequest {
            request_id: new_id(),
            account_id: account_id.into(),
            customer_id: format!("customer-of-{account_id}"),
            join_time: Some(time(self.clock.now().plus_months(-months))),
            ..Default::default()
        };
        call!(self, create_account, request).unwrap();
    }

    /// Earns points that become available after `days`, or when they are activated.
    pub(crate) async fn earn_pending(
        &self,
        account_id: &str,
        points: i64,
        days: Option<i64>,
    ) -> Entry {
        let at = |days| Activation::ActivateTime(time(self.clock.now() + Span::from_days(days)));
        let request = EarnPointsRequest {
            activation: Some(days.map_or(Activation::UntilActivated(true), at)),
            ..self.earning(account_id, points, &new_id())
        };
        self.earn_with(request).await.unwrap().entry.unwrap()
    }

    /// Earns points of a kind of their own.
    pub(crate) async fn earn_special(&self, account_id: &str, points: i64, kind: &str) -> Entry {
        self.partner("cafe").await;
        let request = EarnPointsRequest {
            points_type: kind.into(),
            partner_id: "cafe".into(),
            ..self.earning(account_id, points, &new_id())
        };
        self.earn_with(request).await.unwrap().entry.unwrap()
    }

    pub(crate) async fn activate(
        &self,
        account: &str,
        lot: &str,
    ) -> Answer<ActivatePointsResponse> {
        let request = ActivatePointsRequest {
            request_id: new_id(),
            account_id: account.into(),
            lot_id: lot.into(),
        };
        call!(self, activate_points, request)
    }

    pub(crate) async fn top_up(&self, hold: &Hold, points: i64) -> Answer<ConfirmHoldResponse> {
        let request = ConfirmHoldRequest {
            allow_top_up: true,
            ..self.confirming(hold, points)
        };
        call!(self, confirm_hold, request)
    }

    pub(crate) async fn reverse_part(
        &self,
        entry: &Entry,
        points: i64,
    ) -> Answer<ReverseEntryResponse> {
        let request = ReverseEntryRequest {
            request_id: new_id(),
            account_id: entry.account_id.clone(),
            entry_id: entry.entry_id.clone(),
            source: "a mistake".into(),
            points,
        };
        call!(self, reverse_entry, request)
    }

    pub(crate) fn adjusting(
        &self,
        account: &str,
        points: i64,
        approver: &str,
    ) -> AdjustPointsRequest {
        AdjustPointsRequest {
            request_id: new_id(),
            account_id: account.into(),
            points_delta: points,
            reason: "goodwill".into(),
            author: AUTHOR.into(),
            approver: approver.into(),
            expire_time: None,
        }
    }

    pub(crate) async fn adjust(
        &self,
        account: &str,
        points: i64,
        approver: &str,
    ) -> Answer<AdjustPointsResponse> {
        call!(
            self,
            adjust_points,
            self.adjusting(account, points, approver)
        )
    }

    pub(crate) async fn expire(&self, account: &str, lot: &str) -> Answer<ExpirePointsResponse> {
        let request = ExpirePointsRequest {
            request_id: new_id(),
            account_id: account.into(),
            lot_id: lot.into(),
            reason: "fraud".into(),
            author: AUTHOR.into(),
        };
        call!(self, expire_points, request)
    }

    pub(crate) async fn reinstate(&self, entry: &Entry) -> Answer<ReinstatePointsResponse> {
        let request = ReinstatePointsRequest {
            request_id: new_id(),
            account_id: entry.account_id.clone(),
            entry_id: entry.entry_id.clone(),
            reason: "complaint".into(),
            author: AUTHOR.into(),
            expire_time: None,
        };
        call!(self, reinstate_points, request)
    }

    pub(crate) async fn freeze(
        &self,
        account: &str,
        block: BlockKind,
    ) -> Answer<FreezeAccountResponse> {
        let request = FreezeAccountRequest {
            request_id: new_id(),
            account_id: account.into(),
            block: block.into(),
            reason: "suspicion".into(),
            author: AUTHOR.into(),
        };
        call!(self, freeze_account, request)
    }

    pub(crate) async fn unfreeze(
        &self,
        account: &str,
        block: BlockKind,
    ) -> Answer<UnfreezeAccountResponse> {
        let request = UnfreezeAccountRequest {
            request_id: new_id(),
            account_id: account.into(),
            block: block.into(),
            reason: "cleared".into(),
            author: AUTHOR.into(),
        };
        call!(self, unfreeze_account, request)
    }

    pub(crate) async fn close(&self, account: &str) -> Answer<CloseAccountResponse> {
        let request = CloseAccountRequest {
            request_id: new_id(),
            account_id: account.into(),
            reason: "left".into(),
            author: AUTHOR.into(),
        };
        call!(self, close_account, request)
    }

    pub(crate) async fn register(
        &self,
        account: &str,
        recipient: &str,
        replaced: &str,
    ) -> Answer<RegisterRecipientResponse> {
        let request = RegisterRecipientRequest {
            request_id: new_id(),
            account_id: account.into(),
            recipient_account_id: recipient.into(),
            replaced_account_id: replaced.into(),
        };
        call!(self, register_recipient, request)
    }

    pub(crate) fn giving(&self, from: &str, to: &str, points: i64) -> TransferPointsRequest {
        TransferPointsRequest {
            request_id: new_id(),
            account_id: from.into(),
            recipient_account_id: to.into(),
            points,
            source: "birthday".into(),
        }
    }

    pub(crate) async fn give(
        &self,
        from: &str,
        to: &str,
        points: i64,
    ) -> Answer<TransferPointsResponse> {
        call!(self, transfer_points, self.giving(from, to, points))
    }

    pub(crate) async fn merge(&self, from: &str, into: &str) -> Answer<MergeAccountsResponse> {
        let request = MergeAccountsRequest {
            request_id: new_id(),
            account_id: from.into(),
            into_account_id: into.into(),
            reason: "the same person".into(),
            author: AUTHOR.into(),
        };
        call!(self, merge_accounts, request)
    }

    pub(crate) async fn split(
        &self,
        from: &str,
        new: &str,
        points: i64,
    ) -> Answer<SplitAccountResponse> {
        let request = SplitAccountRequest {
            request_id: new_id(),
            account_id: from.into(),
            new_account_id: new.into(),
            customer_id: String::new(),
            points,
            reason: "a second line".into(),
            author: AUTHOR.into(),
        };
        call!(self, split_account, request)
    }

    pub(crate) async fn quote(
        &self,
        account: &str,
        points: i64,
    ) -> Answer<QuoteRedemptionResponse> {
        let request = QuoteRedemptionRequest {
            account_id: account.into(),
            points,
        };
        call!(self, quote_redemption, request)
    }
}
