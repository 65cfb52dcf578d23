//! What a transaction knows of orders of rewards.

use std::collections::HashMap;
use std::sync::Arc;

use tenure_core::{AccountId, Timestamp};

use super::Ledger;
use crate::domain::apply::{Context, Target};
use crate::domain::command::{Command, Order};
use crate::domain::entry::Entry;
use crate::domain::entry_id::EntryId;
use crate::domain::reward::{OrderState, RewardCommand, RewardOrder};
use crate::domain::stock::Draw;

/// Orders, and how many of limited rewards accounts have.
#[derive(Debug, Clone, Default)]
pub(super) struct Ordered {
    orders: HashMap<(AccountId, EntryId), RewardOrder>,
    had: HashMap<(AccountId, Arc<str>), i64>,
}

impl Ordered {
    /// Takes in what became of an order.
    pub(super) fn note(&mut self, entry: &Entry) {
        let Some(order) = &entry.reward else {
            return;
        };
        let is_new = order.id == entry.id;
        let key = (entry.account.clone(), order.id);
        let refunded = self.orders.get(&key).map_or(0, |before| before.refunded);
        let had = (entry.account.clone(), order.reward.clone());
        if let Some(had) = self.had.get_mut(&had) {
            if is_new {
                *had += order.quantity;
            } else if order.state == OrderState::Cancelled {
                *had -= order.quantity;
            } else {
                *had -= order.refunded - refunded;
            }
        }
        self.orders.insert(key, (**order).clone());
    }
}

impl Ledger {
    /// Notes an order of an account.
    pub fn load_order(&mut self, account: AccountId, order: RewardOrder) {
        self.ordered.orders.insert((account, order.id), order);
    }

    /// Returns how a command draws on a stock, by its order as it is now.
    pub(super) fn draw_now(&self, asked: &Order, draw: Draw) -> Draw {
        let Command::Reward(command) = &asked.command else {
            return draw;
        };
        let order = command.order().map(|id| (asked.account.clone(), id));
        match order.and_then(|key| self.ordered.orders.get(&key)) {
            Some(order) => command.draw_now(draw, order),
            None => draw,
        }
    }

    /// Notes how many of a reward an account has.
    pub fn load_had(&mut self, account: AccountId, reward: Arc<str>, quantity: i64) {
        self.ordered.had.insert((account, reward), quantity);
    }

    /// Returns the entries that the next step of known orders refers to: what put their points aside,
    /// or spent them.
    pub fn entries_of_orders(&self) -> impl Iterator<Item = EntryId> {
        let orders = self.ordered.orders.values();
        orders.map(|order| order.debit.unwrap_or(order.id))
    }
}

/// Returns what a decision on one account depends on.
pub(super) fn context<'c>(
    targets: &'c HashMap<EntryId, Target>,
    ordered: &'c Ordered,
    asked: &Order,
    now: Timestamp,
) -> Context<'c> {
    let mut context = Context {
        now,
        request: asked.request.as_ref().map(|request| request.id),
        target: None,
        order: None,
        had: 0,
        partner: None,
    };
    let mut target = asked.command.target();
    if let Command::Reward(command) = &asked.command {
        match &**command {
            RewardCommand::Buy(buying) => {
                let key = (asked.account.clone(), buying.reward.clone());
                context.had = ordered.had.get(&key).copied().unwrap_or(0);
            }
            RewardCommand::Go { order, .. } => {
                let key = (asked.account.clone(), *order);
                context.order = ordered.orders.get(&key);
                target = context.order.map(|order| order.debit.unwrap_or(order.id));
            }
        }
    }
    context.target = target.and_then(|id| targets.get(&id));
    context
}
