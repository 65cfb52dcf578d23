//! Rewards: what is offered, for how much, to whom; and the orders of it.

mod act;
mod eligible;
mod order;
#[cfg(test)]
mod parts;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tenure_core::{Lane, ProgrammeId, Timestamp};

use super::stock::{StockId, StockPlace};

pub(super) use act::act;
pub use act::{Buying, Goods, RewardCommand, Step};
pub use eligible::{Customer, Unmet};
pub use order::{OrderState, RewardOrder, RewardPayment};

/// The longest id of a reward: its stock has a key that is longer.
pub const REWARD_ID_LENGTH_MAX: usize = 48;
/// The most prices of a reward.
pub const PRICES_MAX: usize = 8;
/// The most tiers that a reward names.
pub const REWARD_TIERS_MAX: usize = 16;
/// The most things of one order.
pub const ORDER_QUANTITY_MAX: i64 = 1_000;

/// One way to pay for a reward.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Its key within the reward.
    pub key: String,
    /// Points for one thing.
    pub points: i64,
    /// Money for one thing beside the points: currency and amount in its smallest unit.
    pub money: Option<(String, i64)>,
}

/// What a version of a reward says. An order keeps the version it was bought under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RewardTerms {
    /// What people call it.
    pub name: String,
    /// From when on it is offered, in microseconds; always, when nothing is said.
    pub valid_from: Option<i64>,
    /// From when on it is offered no more, in microseconds; never, when nothing is said.
    pub valid_until: Option<i64>,
    /// What it costs: one or more ways to pay.
    pub prices: Vec<Price>,
    /// The tiers that may have it; all, when there are none.
    pub tiers: Vec<String>,
    /// For how many months a customer must be with the operator.
    pub tenure_months: u16,
    /// How many things an account may have; 0 for as many as it likes.
    pub account_max: i64,
}

/// A reward as it is offered now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Its id.
    pub reward: Arc<str>,
    /// The programme whose points it costs.
    pub programme: ProgrammeId,
    /// The number of its version.
    pub version: i64,
    /// What the version says.
    pub terms: RewardTerms,
    /// The lane of its stock, when it has one: what is not counted has none.
    pub stock: Option<Lane>,
}

impl Offer {
    /// Returns where its stock is, if it is counted.
    #[must_use]
    pub fn place(&self) -> Option<StockPlace> {
        self.stock.map(|lane| place(lane, &self.reward))
    }
}

/// Returns the key of the stock of a reward.
#[must_use]
pub fn stock_key(reward: &str) -> String {
    format!("reward:{reward}")
}

/// Returns the stock of a reward.
pub(super) fn place(lane: Lane, reward: &str) -> StockPlace {
    let stock = StockId::parse(&stock_key(reward));
    StockPlace {
        lane,
        stock: stock.expect("ids of rewards leave room for more"),
    }
}

fn instant(micros: Option<i64>, otherwise: Timestamp) -> Timestamp {
    micros.map_or(otherwise, Timestamp::from_micros)
}
