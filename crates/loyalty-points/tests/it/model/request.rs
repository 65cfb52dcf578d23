//! What the model is asked, as requests.

use tenure_core::{Span, Timestamp};
use tenure_proto::loyalty::v1::earn_points_request::Activation;
use tenure_proto::loyalty::v1::*;
use tenure_rpc::fields;

use super::call::Call;
use super::story::Story;
use crate::domain::Block;
use crate::naive::{Ask, Earning, Micros, SECOND};

/// Who asks, and when.
pub(super) struct Asker<'s> {
    pub(super) story: &'s Story,
    pub(super) now: Timestamp,
}

const AUTHOR: &str = "clerk-7";

impl Asker<'_> {
    pub(super) fn call(&self, number: usize, ask: Ask, request_id: String) -> Call {
        let account_id = self.story.account(number);
        let (reason, author) = ("a reason".to_owned(), AUTHOR.to_owned());
        let source = "order".to_owned();
        match ask {
            Ask::Earn(asked) => Call::Earn(self.earn(account_id, asked, request_id)),
            Ask::Redeem(points) => Call::Redeem(RedeemPointsRequest {
                request_id,
                account_id,
                points,
                source,
                ..RedeemPointsRequest::default()
            }),
            Ask::Hold(points, lasts) => Call::Hold(CreateHoldRequest {
                request_id,
                account_id,
                points,
                source,
                hold_duration: Some(prost_types::Duration {
                    seconds: lasts / SECOND,
                    nanos: 0,
                }),
                ..CreateHoldRequest::default()
            }),
            Ask::Confirm(hold, points, allow_top_up) => Call::Confirm(ConfirmHoldRequest {
                request_id,
                account_id,
                hold_id: self.story.id(hold),
                points: points.unwrap_or(0),
                allow_top_up,
                ..ConfirmHoldRequest::default()
            }),
            Ask::Release(hold) => Call::Release(ReleaseHoldRequest {
                request_id,
                account_id,
                hold_id: self.story.id(hold),
            }),
            Ask::Reverse(entry, points) => Call::Reverse(ReverseEntryRequest {
                request_id,
                account_id,
                entry_id: self.story.id(entry),
                source,
                points: points.unwrap_or(0),
            }),
            Ask::Activate(lot) => Call::Activate(ActivatePointsRequest {
                request_id,
                account_id,
                lot_id: self.story.id(lot),
            }),
            Ask::Expire(lot) => Call::Expire(ExpirePointsRequest {
                request_id,
                account_id,
                lot_id: lot.map(|lot| self.story.id(lot)).unwrap_or_default(),
                reason,
                author,
            }),
            Ask::Reinstate(entry) => Call::Reinstate(ReinstatePointsRequest {
                request_id,
                account_id,
                entry_id: self.story.id(entry),
                reason,
                author,
                expire_time: None,
            }),
            Ask::Join(_) | Ask::Contribute(..) | Ask::RedeemFor(..) => {
                self.of_pool(account_id, ask, request_id)
            }
            other => self.by_staff(account_id, other, request_id),
        }
    }

    /// What staff do, and what touches another account.
    fn by_staff(&self, account_id: String, ask: Ask, request_id: String) -> Call {
        let other = |number: usize| self.story.account(number);
        let (reason, author) = ("a reason".to_owned(), AUTHOR.to_owned());
        match ask {
            Ask::Adjust(points_delta, approver) => Call::Adjust(AdjustPointsRequest {
                request_id,
                account_id,
                points_delta,
                reason,
                author,
                approver: ["", "CLERK-7", "boss"][usize::from(approver)].to_owned(),
                expire_time: None,
            }),
            Ask::Block(block) => Call::Freeze(FreezeAccountRequest {
                request_id,
                account_id,
                block: kind_of(block).into(),
                reason,
                author,
            }),
            Ask::Unblock(block) => Call::Unfreeze(UnfreezeAccountRequest {
                request_id,
                account_id,
                block: kind_of(block).into(),
                reason,
                author,
            }),
            Ask::Close => Call::Close(CloseAccountRequest {
                request_id,
                account_id,
                reason,
                author,
            }),
            Ask::Register(recipient, replaced) => Call::Register(RegisterRecipientRequest {
                request_id,
                account_id,
                recipient_account_id: other(recipient),
                replaced_account_id: replaced.map(other).unwrap_or_default(),
            }),
            Ask::Give(to, points) => Call::Transfer(TransferPointsRequest {
                request_id,
                account_id,
                recipient_account_id: other(to),
                points,
                source: "a gift".to_owned(),
            }),
            Ask::Merge(into) => Call::Merge(MergeAccountsRequest {
                request_id,
                account_id,
                into_account_id: other(into),
                reason,
                author,
            }),
            Ask::Split(new, points) => Call::Split(SplitAccountRequest {
                request_id,
                account_id,
                new_account_id: other(new),
                customer_id: String::new(),
                points,
                reason,
                author,
            }),
            _ => unreachable!("the others are asked by customers"),
        }
    }

    fn of_pool(&self, account_id: String, ask: Ask, request_id: String) -> Call {
        let other = |number: usize| self.story.account(number);
        let source = "for all of us".to_owned();
        match ask {
            Ask::RedeemFor(member, points) => Call::Redeem(RedeemPointsRequest {
                request_id,
                account_id,
                points,
                source,
                member_account_id: other(member),
                ..RedeemPointsRequest::default()
            }),
            Ask::Join(member) => Call::Join(AddPoolMemberRequest {
                request_id,
                account_id,
                member_account_id: other(member),
            }),
            Ask::Contribute(pool, points) => Call::Contribute(ContributePointsRequest {
                request_id,
                account_id,
                pool_account_id: other(pool),
                points,
                source,
            }),
            _ => unreachable!("the others have nothing to do with pools"),
        }
    }

    fn earn(&self, account_id: String, asked: Earning, request_id: String) -> EarnPointsRequest {
        let at = |lasts: Micros| fields::time(self.now + Span::from_micros(lasts));
        let waits = |waits: Option<Micros>| match waits {
            Some(waits) => Activation::ActivateTime(at(waits)),
            None => Activation::UntilActivated(true),
        };
        EarnPointsRequest {
            request_id,
            account_id,
            points: asked.points,
            source: format!("source/{}", asked.source),
            expire_time: asked.lasts.map(at),
            open_account: false,
            activation: asked.waits.map(waits),
            points_type: if asked.special { "promotion" } else { "" }.to_owned(),
            partner_id: String::new(),
        }
    }
}

pub(super) fn kind_of(block: Block) -> BlockKind {
    BlockKind::try_from(i32::from(block.number())).expect("the numbers are the same")
}
