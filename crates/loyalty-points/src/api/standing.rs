//! `FreezeAccount`, `UnfreezeAccount`, `CloseAccount`.

use tenure_core::Violations;
use tenure_proto::loyalty::v1::{
    CloseAccountRequest, CloseAccountResponse, FreezeAccountRequest, FreezeAccountResponse,
    UnfreezeAccountRequest, UnfreezeAccountResponse,
};

use super::submit::{Write, entry, submit};
use super::{convert, parse};
use crate::Shared;
use crate::domain::{Block, Command, Method};
use crate::error::Error;

fn parse_block(violations: &mut Violations, number: i32) -> Option<Block> {
    let block = u8::try_from(number).ok().and_then(Block::from_number);
    if block.is_none() {
        violations.add("block", "a kind of block", number.to_string());
    }
    block
}

pub(super) async fn freeze(
    shared: &Shared,
    message: FreezeAccountRequest,
) -> Result<FreezeAccountResponse, Error> {
    let write = parse_freeze(&message)?;
    let (record, replayed) = submit(shared, &message, "FreezeAccountRequest", write).await?;
    let entry = entry(&record)?;
    let available_points = entry.available;
    Ok(FreezeAccountResponse {
        entry: Some(convert::entry(entry)),
        available_points,
        replayed,
    })
}

fn parse_freeze(message: &FreezeAccountRequest) -> Result<Write, Error> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request = parse::request_id(v, &message.request_id);
    let account = parse::account(v, &message.account_id);
    let block = parse_block(v, message.block);
    let order = parse::staff(v, &message.reason, &message.author, "");
    let write = || {
        let command = Command::Block {
            block: block?,
            order: order?,
        };
        Some(Write {
            request: request?,
            account: account?,
            method: Method::FreezeAccount,
            command,
        })
    };
    Ok(parse::all(violations, write())?)
}

pub(super) async fn unfreeze(
    shared: &Shared,
    message: UnfreezeAccountRequest,
) -> Result<UnfreezeAccountResponse, Error> {
    let write = parse_unfreeze(&message)?;
    let (record, replayed) = submit(shared, &message, "UnfreezeAccountRequest", write).await?;
    let entry = entry(&record)?;
    let available_points = entry.available;
    Ok(UnfreezeAccountResponse {
        entry: Some(convert::entry(entry)),
        available_points,
        replayed,
    })
}

fn parse_unfreeze(message: &UnfreezeAccountRequest) -> Result<Write, Error> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request = parse::request_id(v, &message.request_id);
    let account = parse::account(v, &message.account_id);
    let block = parse_block(v, message.block);
    let order = parse::staff(v, &message.reason, &message.author, "");
    let write = || {
        let command = Command::Unblock {
            block: block?,
            order: order?,
        };
        Some(Write {
            request: request?,
            account: account?,
            method: Method::UnfreezeAccount,
            command,
        })
    };
    Ok(parse::all(violations, write())?)
}

pub(super) async fn close(
    shared: &Shared,
    message: CloseAccountRequest,
) -> Result<CloseAccountResponse, Error> {
    let write = parse_close(&message)?;
    let (record, replayed) = submit(shared, &message, "CloseAccountRequest", write).await?;
    let entry = entry(&record)?;
    let available_points = entry.available;
    Ok(CloseAccountResponse {
        entry: Some(convert::entry(entry)),
        available_points,
        replayed,
    })
}

fn parse_close(message: &CloseAccountRequest) -> Result<Write, Error> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request = parse::request_id(v, &message.request_id);
    let account = parse::account(v, &message.account_id);
    let order = parse::staff(v, &message.reason, &message.author, "");
    let write = || {
        let command = Command::Close { order: order? };
        Some(Write {
            request: request?,
            account: account?,
            method: Method::CloseAccount,
            command,
        })
    };
    Ok(parse::all(violations, write())?)
}
