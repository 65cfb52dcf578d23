//! `FreezeAccount`, `UnfreezeAccount`, `CloseAccount`.

use tenure_core::Violations;
use tenure_proto::loyalty::v1::{
    CloseAccountRequest, FreezeAccountRequest, UnfreezeAccountRequest,
};

use super::parse;
use super::submit::Reading;
use crate::domain::{Block, Command};

fn parse_block(violations: &mut Violations, number: i32) -> Option<Block> {
    let block = u8::try_from(number).ok().and_then(Block::from_number);
    if block.is_none() {
        violations.add("block", "a kind of block", number.to_string());
    }
    block
}

pub(super) fn freeze(message: &FreezeAccountRequest, reading: &mut Reading<'_>) -> Option<Command> {
    let v = &mut reading.violations;
    let block = parse_block(v, message.block);
    let order = parse::staff(v, &message.reason, &message.author, "");
    Some(Command::Block {
        block: block?,
        order: order?,
    })
}

pub(super) fn unfreeze(
    message: &UnfreezeAccountRequest,
    reading: &mut Reading<'_>,
) -> Option<Command> {
    let v = &mut reading.violations;
    let block = parse_block(v, message.block);
    let order = parse::staff(v, &message.reason, &message.author, "");
    Some(Command::Unblock {
        block: block?,
        order: order?,
    })
}

pub(super) fn close(message: &CloseAccountRequest, reading: &mut Reading<'_>) -> Option<Command> {
    let v = &mut reading.violations;
    let order = parse::staff(v, &message.reason, &message.author, "");
    Some(Command::Close { order: order? })
}
