//! `RegisterRecipient`, `TransferPoints`, `MergeAccounts`, `SplitAccount`.

use tenure_core::{AccountId, CustomerId};
use tenure_proto::loyalty::v1::{
    MergeAccountsRequest, RegisterRecipientRequest, SplitAccountRequest, TransferPointsRequest,
};

use super::parse;
use super::submit::Reading;
use crate::Shared;
use crate::domain::{Command, Place};

pub(super) fn place(shared: &Shared, account: AccountId) -> Place {
    Place {
        lane: shared.lane(account.as_str()),
        account,
    }
}

pub(super) fn register(
    message: &RegisterRecipientRequest,
    reading: &mut Reading<'_>,
) -> Option<Command> {
    let v = &mut reading.violations;
    let recipient = parse::other_account(
        v,
        "recipient_account_id",
        &message.recipient_account_id,
        &message.account_id,
    );
    let replaces = match message.replaced_account_id.as_str() {
        "" => None,
        id => parse::account_in(v, "replaced_account_id", id),
    };
    Some(Command::Register {
        recipient: recipient?,
        replaces,
    })
}

pub(super) fn transfer(
    message: &TransferPointsRequest,
    reading: &mut Reading<'_>,
) -> Option<Command> {
    let v = &mut reading.violations;
    let to = parse::other_account(
        v,
        "recipient_account_id",
        &message.recipient_account_id,
        &message.account_id,
    );
    let points = parse::points(v, message.points);
    let source = parse::source(v, &message.source);
    Some(Command::Transfer {
        to: place(reading.shared, to?),
        points: points?,
        source: source?,
    })
}

pub(super) fn merge(message: &MergeAccountsRequest, reading: &mut Reading<'_>) -> Option<Command> {
    let v = &mut reading.violations;
    let to = parse::other_account(
        v,
        "into_account_id",
        &message.into_account_id,
        &message.account_id,
    );
    let order = parse::staff(v, &message.reason, &message.author, "");
    Some(Command::Merge {
        to: place(reading.shared, to?),
        order: order?,
    })
}

pub(super) fn split(message: &SplitAccountRequest, reading: &mut Reading<'_>) -> Option<Command> {
    let v = &mut reading.violations;
    let to = parse::other_account(
        v,
        "new_account_id",
        &message.new_account_id,
        &message.account_id,
    );
    let customer = match message.customer_id.as_str() {
        "" => None,
        id => v.take("customer_id", CustomerId::parse(id)),
    };
    let points = parse::points(v, message.points);
    let order = parse::staff(v, &message.reason, &message.author, "");
    Some(Command::Split {
        to: place(reading.shared, to?),
        customer,
        points: points?,
        order: order?,
    })
}
