//! `RegisterRecipient`, `TransferPoints`, `MergeAccounts`, `SplitAccount`.

use tenure_core::{AccountId, CustomerId, Violations};
use tenure_proto::loyalty::v1::{
    MergeAccountsRequest, MergeAccountsResponse, RegisterRecipientRequest,
    RegisterRecipientResponse, SplitAccountRequest, SplitAccountResponse, TransferPointsRequest,
    TransferPointsResponse,
};

use super::submit::{Write, entry, submit};
use super::{convert, parse};
use crate::Shared;
use crate::domain::{Command, Method, Place};
use crate::error::Error;

fn place(shared: &Shared, account: AccountId) -> Place {
    Place {
        lane: shared.lane(account.as_str()),
        account,
    }
}

pub(super) async fn register(
    shared: &Shared,
    message: RegisterRecipientRequest,
) -> Result<RegisterRecipientResponse, Error> {
    let write = parse_register(&message)?;
    let (record, replayed) = submit(shared, &message, "RegisterRecipientRequest", write).await?;
    let entry = entry(&record)?;
    let available_points = entry.available;
    Ok(RegisterRecipientResponse {
        entry: Some(convert::entry(entry)),
        available_points,
        replayed,
    })
}

fn parse_register(message: &RegisterRecipientRequest) -> Result<Write, Error> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request = parse::request_id(v, &message.request_id);
    let account = parse::account(v, &message.account_id);
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
    let write = || {
        let command = Command::Register {
            recipient: recipient?,
            replaces,
        };
        Some(Write {
            request: request?,
            account: account?,
            method: Method::RegisterRecipient,
            command,
        })
    };
    Ok(parse::all(violations, write())?)
}

pub(super) async fn transfer(
    shared: &Shared,
    message: TransferPointsRequest,
) -> Result<TransferPointsResponse, Error> {
    let write = parse_transfer(shared, &message)?;
    let (record, replayed) = submit(shared, &message, "TransferPointsRequest", write).await?;
    let entry = entry(&record)?;
    let available_points = entry.available;
    Ok(TransferPointsResponse {
        entry: Some(convert::entry(entry)),
        available_points,
        replayed,
    })
}

pub(super) fn parse_transfer(
    shared: &Shared,
    message: &TransferPointsRequest,
) -> Result<Write, Error> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request = parse::request_id(v, &message.request_id);
    let account = parse::account(v, &message.account_id);
    let to = parse::other_account(
        v,
        "recipient_account_id",
        &message.recipient_account_id,
        &message.account_id,
    );
    let points = parse::points(v, message.points);
    let source = parse::source(v, &message.source);
    let write = || {
        let command = Command::Transfer {
            to: place(shared, to?),
            points: points?,
            source: source?,
        };
        Some(Write {
            request: request?,
            account: account?,
            method: Method::TransferPoints,
            command,
        })
    };
    Ok(parse::all(violations, write())?)
}

pub(super) async fn merge(
    shared: &Shared,
    message: MergeAccountsRequest,
) -> Result<MergeAccountsResponse, Error> {
    let write = parse_merge(shared, &message)?;
    let (record, replayed) = submit(shared, &message, "MergeAccountsRequest", write).await?;
    let entry = entry(&record)?;
    let available_points = entry.available;
    Ok(MergeAccountsResponse {
        entry: Some(convert::entry(entry)),
        available_points,
        replayed,
    })
}

fn parse_merge(shared: &Shared, message: &MergeAccountsRequest) -> Result<Write, Error> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request = parse::request_id(v, &message.request_id);
    let account = parse::account(v, &message.account_id);
    let to = parse::other_account(
        v,
        "into_account_id",
        &message.into_account_id,
        &message.account_id,
    );
    let order = parse::staff(v, &message.reason, &message.author, "");
    let write = || {
        let command = Command::Merge {
            to: place(shared, to?),
            order: order?,
        };
        Some(Write {
            request: request?,
            account: account?,
            method: Method::MergeAccounts,
            command,
        })
    };
    Ok(parse::all(violations, write())?)
}

pub(super) async fn split(
    shared: &Shared,
    message: SplitAccountRequest,
) -> Result<SplitAccountResponse, Error> {
    let write = parse_split(shared, &message)?;
    let (record, replayed) = submit(shared, &message, "SplitAccountRequest", write).await?;
    let entry = entry(&record)?;
    let available_points = entry.available;
    Ok(SplitAccountResponse {
        entry: Some(convert::entry(entry)),
        available_points,
        replayed,
    })
}

fn parse_split(shared: &Shared, message: &SplitAccountRequest) -> Result<Write, Error> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request = parse::request_id(v, &message.request_id);
    let account = parse::account(v, &message.account_id);
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
    let write = || {
        let command = Command::Split {
            to: place(shared, to?),
            customer,
            points: points?,
            order: order?,
        };
        Some(Write {
            request: request?,
            account: account?,
            method: Method::SplitAccount,
            command,
        })
    };
    Ok(parse::all(violations, write())?)
}
