//! Orders of rewards: what was bought under which terms, and how far it is.

use std::sync::Arc;

use tenure_core::Timestamp;

use crate::domain::entry_id::EntryId;
use crate::domain::refusal::Refusal;

/// How far an order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum OrderState {
    /// Points and things are put aside.
    Reserved = 1,
    /// The points are spent, the thing is on its way.
    Placed = 2,
    /// The customer has it.
    Fulfilled = 3,
    /// What was put aside is given back.
    Cancelled = 4,
    /// The points are given back.
    Refunded = 5,
    /// It was not confirmed in time. Never stored: a reserved one becomes it by itself.
    Expired = 6,
}

const STATES: [(OrderState, &str); 6] = [
    (OrderState::Reserved, "RESERVED"),
    (OrderState::Placed, "PLACED"),
    (OrderState::Fulfilled, "FULFILLED"),
    (OrderState::Cancelled, "CANCELLED"),
    (OrderState::Refunded, "REFUNDED"),
    (OrderState::Expired, "EXPIRED"),
];

impl OrderState {
    /// Returns the number under which it is stored.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// Returns the state stored under `number`.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        let found = STATES.iter().find(|(state, _)| state.number() == number);
        found.map(|(state, _)| *state)
    }

    /// Returns its name in the API, without the prefix.
    #[must_use]
    pub fn name(self) -> &'static str {
        let found = STATES.iter().find(|(state, _)| *state == self);
        found.map_or("", |(_, name)| name)
    }
}

/// Money that was paid beside the points. It is a record: nobody is charged here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RewardPayment {
    /// The currency.
    pub currency: Arc<str>,
    /// How much, in its smallest unit.
    pub minor: i64,
    /// Where the payment can be found, in the operator's own key.
    pub reference: Arc<str>,
}

/// An order as it was after an entry of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RewardOrder {
    /// Its id: that of its first entry.
    pub id: EntryId,
    /// The reward.
    pub reward: Arc<str>,
    /// The version of the reward it was bought under.
    pub version: i64,
    /// The price it was bought at.
    pub price: Arc<str>,
    /// How many things.
    pub quantity: i64,
    /// The points for all of them.
    pub points: i64,
    /// The money for all of them.
    pub payment: Option<RewardPayment>,
    /// Whether the things are counted: then they have a stock.
    pub is_counted: bool,
    /// How far it is.
    pub state: OrderState,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when what is put aside must be confirmed, if it was.
    pub expires_at: Option<Timestamp>,
    /// The entry that spent the points: the one debit of the order.
    pub debit: Option<EntryId>,
    /// The record of the stock that put the things aside, if they were.
    pub reservation: Option<EntryId>,
    /// What came of it: a voucher, a parcel, in the operator's own key.
    pub fulfilment: Arc<str>,
    /// Why it was cancelled or refunded.
    pub reason: Arc<str>,
    /// How many of the things were refunded so far; all of them, when it is refunded.
    pub refunded: i64,
    /// How many of these were lost.
    pub lost: i64,
    /// Whether those that were refunded last were lost.
    pub is_lost: bool,
}

impl RewardOrder {
    /// Returns how many things can still be refunded, if the order is in a state for it.
    #[must_use]
    pub fn left(&self) -> i64 {
        self.quantity - self.refunded
    }

    /// Returns how many things count for what the account has of the reward, while the state counts.
    #[must_use]
    pub fn counted(&self) -> i64 {
        match self.state {
            OrderState::Refunded => self.quantity,
            _ => self.left(),
        }
    }

    /// Returns the part of an amount for the whole order that the first `things` of it come to. It is
    /// rounded down of the sum, not of each thing, so that the last part takes the rest.
    #[must_use]
    pub fn part(&self, whole: i64, things: i64) -> i64 {
        let part = i128::from(whole) * i128::from(things) / i128::from(self.quantity.max(1));
        i64::try_from(part).expect("a part is not larger than the whole")
    }

    /// Returns the points of the things that were refunded.
    #[must_use]
    pub fn refunded_points(&self) -> i64 {
        self.part(self.points, self.refunded)
    }

    /// Returns its state at an instant.
    #[must_use]
    pub fn state_at(&self, at: Timestamp) -> OrderState {
        match (self.state, self.expires_at) {
            (OrderState::Reserved, Some(expires_at)) if expires_at <= at => OrderState::Expired,
            (state, _) => state,
        }
    }

    /// Refuses what the order is not in the state for.
    pub(super) fn require(&self, wanted: &[OrderState], at: Timestamp) -> Result<(), Refusal> {
        let state = self.state_at(at);
        if wanted.contains(&state) {
            return Ok(());
        }
        let names: Vec<&str> = wanted.iter().map(|state| state.name()).collect();
        Err(Refusal::RewardOrderState {
            order: self.id.to_string(),
            state: state.name().to_owned(),
            wanted: names.join(" "),
        })
    }
}
