//! Decides what is asked of an order: bought, confirmed, fulfilled, cancelled, refunded.

use std::sync::Arc;

use tenure_core::{Lane, Span, Timestamp};

use super::eligible::Customer;
use super::order::{OrderState, RewardOrder, RewardPayment};
use super::{Offer, place, stock_key};
use crate::domain::account::Account;
use crate::domain::apply::Context;
use crate::domain::entry::EntryKind;
use crate::domain::entry_id::EntryId;
use crate::domain::hold::{self, Confirmation};
use crate::domain::journal::{Journal, Movement};
use crate::domain::refusal::Refusal;
use crate::domain::reverse::{self, Wanted};
use crate::domain::stock::{Draw, StockAct};
use crate::domain::{POINTS_MAX, spend};

/// What is to be bought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buying {
    /// The reward.
    pub reward: Arc<str>,
    /// How it was offered when the request came; nothing when there is none of this id.
    pub offer: Option<Arc<Offer>>,
    /// The key of the price; empty for the first one.
    pub price: Arc<str>,
    /// How many things.
    pub quantity: i64,
    /// Where the payment can be found, for prices with money; else empty.
    pub payment: Arc<str>,
    /// For how long it is only put aside; nothing to buy it at once.
    pub reserves: Option<Span>,
    /// The customer's tier; empty for none, or when the offer asks for none.
    pub tier: Arc<str>,
}

/// What becomes of things whose points are given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goods {
    /// They are in stock again.
    Returned,
    /// They are lost.
    Lost,
}

/// The next step of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// What is put aside is spent.
    Confirm,
    /// The customer has it.
    Fulfil {
        /// What came of it.
        reference: Arc<str>,
    },
    /// What is put aside is given back.
    Cancel {
        /// Why.
        reason: Arc<str>,
    },
    /// The points are given back, or a part of them with a part of the things.
    Refund {
        /// Why.
        reason: Arc<str>,
        /// What becomes of the things.
        goods: Goods,
        /// How many things; all that are left, when nothing is said.
        quantity: Option<i64>,
    },
}

impl Step {
    /// Refuses a step that does not follow from the state of the order.
    pub(crate) fn require(&self, order: &RewardOrder, at: Timestamp) -> Result<(), Refusal> {
        let wanted: &[OrderState] = match self {
            Self::Confirm | Self::Cancel { .. } => &[OrderState::Reserved],
            Self::Fulfil { .. } => &[OrderState::Placed],
            Self::Refund { .. } => &[OrderState::Placed, OrderState::Fulfilled],
        };
        order.require(wanted, at)?;
        match self {
            Self::Refund {
                quantity: Some(needed),
                ..
            } if *needed > order.left() => Err(Refusal::RefundExceeded {
                order: order.id.to_string(),
                left: order.left(),
                needed: *needed,
            }),
            _ => Ok(()),
        }
    }
}

/// What is asked of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RewardCommand {
    /// To make it.
    Buy(Buying),
    /// To take it a step on.
    Go {
        /// The order.
        order: EntryId,
        /// The step.
        step: Step,
        /// The order as it was when the request came, and the lane of its stock; nothing when there
        /// was none.
        known: Option<(Arc<RewardOrder>, Lane)>,
    },
}

impl RewardCommand {
    /// Returns the stock that it draws on, and how. What it depends on never changes for an order, but
    /// how many of its things are left: see [`Self::draw_now`].
    #[must_use]
    pub fn draw(&self) -> Option<Draw> {
        match self {
            Self::Buy(buying) => Some(Draw {
                place: buying.offer.as_ref()?.place()?,
                act: match (buying.quantity, buying.reserves) {
                    (quantity, None) => StockAct::Take { quantity },
                    (quantity, Some(_)) => StockAct::Reserve { quantity },
                },
            }),
            Self::Go { step, known, .. } => {
                let (order, lane) = known.as_ref()?;
                if !order.is_counted {
                    return None;
                }
                let quantity = order.quantity;
                let act = match step {
                    Step::Confirm => StockAct::Sell {
                        reservation: order.reservation?,
                    },
                    Step::Cancel { .. } => StockAct::Release {
                        reservation: order.reservation?,
                    },
                    Step::Refund { goods, .. } => match goods {
                        Goods::Returned => StockAct::Return { quantity },
                        Goods::Lost => StockAct::Lose { quantity },
                    },
                    Step::Fulfil { .. } => return None,
                };
                let place = place(*lane, &order.reward);
                Some(Draw { place, act })
            }
        }
    }

    /// Returns the draw for the order as it is now.
    #[must_use]
    pub fn draw_now(&self, draw: Draw, order: &RewardOrder) -> Draw {
        let Self::Go {
            step: Step::Refund {
                quantity: asked, ..
            },
            ..
        } = self
        else {
            return draw;
        };
        let quantity = asked.unwrap_or(order.left()).min(order.left());
        let act = match draw.act {
            StockAct::Return { .. } => StockAct::Return { quantity },
            StockAct::Lose { .. } => StockAct::Lose { quantity },
            act => act,
        };
        Draw { act, ..draw }
    }

    /// Returns the order that it names.
    #[must_use]
    pub fn order(&self) -> Option<EntryId> {
        match self {
            Self::Buy(_) => None,
            Self::Go { order, .. } => Some(*order),
        }
    }
}

/// Decides a command on an account that is settled and open.
pub(crate) fn act(
    account: &mut Account,
    at: Timestamp,
    command: &RewardCommand,
    context: Context<'_>,
    journal: &mut Journal<'_>,
) -> Result<(), Refusal> {
    match command {
        RewardCommand::Buy(buying) => buy(account, at, buying, context.had, journal),
        RewardCommand::Go { order, step, .. } => {
            let known = context.order.ok_or_else(|| Refusal::RewardOrderNotFound {
                order: order.to_string(),
            })?;
            go(account, at, known, step, context, journal)
        }
    }
}

fn buy(
    account: &mut Account,
    at: Timestamp,
    buying: &Buying,
    had: i64,
    journal: &mut Journal<'_>,
) -> Result<(), Refusal> {
    let not_found = || Refusal::RewardNotFound {
        reward: buying.reward.to_string(),
    };
    let offer = buying.offer.as_deref().ok_or_else(not_found)?;
    let quantity = buying.quantity;
    let customer = Customer {
        programme: &account.programme.clone(),
        tier: &buying.tier,
        months: at.months_since(account.joined_at()),
        had,
    };
    if let Some(unmet) = offer.unmet(customer, quantity, at).first() {
        return Err(unmet.refusal(offer, customer, quantity, at));
    }
    let price = offer
        .price(&buying.price)
        .ok_or_else(|| Refusal::PriceNotFound {
            reward: buying.reward.to_string(),
            price: buying.price.to_string(),
        })?;
    let points = price.points.saturating_mul(quantity);
    if points > POINTS_MAX {
        spend::require_points(account, points, at)?;
        return Err(crate::domain::apply::limit(account));
    }
    let source: Arc<str> = stock_key(&offer.reward).into();
    let id = journal.next_id();
    match buying.reserves {
        None => spend::redeem(account, at, points, &source, journal)?,
        Some(lasts) => hold::hold(account, at, (points, lasts), &source, journal)?,
    }
    let entry = journal.last_mut();
    let is_reserved = buying.reserves.is_some();
    let payment = price.money.as_ref().map(|(currency, minor)| RewardPayment {
        currency: currency.as_str().into(),
        minor: minor.saturating_mul(quantity),
        reference: buying.payment.clone(),
    });
    entry.reward = Some(Box::new(RewardOrder {
        id,
        reward: offer.reward.clone(),
        version: offer.version,
        price: price.key.as_str().into(),
        quantity,
        points,
        payment,
        is_counted: offer.stock.is_some(),
        state: if is_reserved {
            OrderState::Reserved
        } else {
            OrderState::Placed
        },
        created_at: at,
        expires_at: entry.hold.as_ref().map(|hold| hold.expires_at),
        debit: (!is_reserved).then_some(id),
        reservation: None,
        fulfilment: "".into(),
        reason: "".into(),
        refunded: 0,
        lost: 0,
        is_lost: false,
    }));
    Ok(())
}

fn go(
    account: &mut Account,
    at: Timestamp,
    known: &RewardOrder,
    step: &Step,
    context: Context<'_>,
    journal: &mut Journal<'_>,
) -> Result<(), Refusal> {
    step.require(known, at)?;
    let mut order = known.clone();
    let id = journal.next_id();
    match step {
        Step::Confirm => {
            let asked = Confirmation {
                hold: order.id,
                points: None,
                tops_up: false,
            };
            hold::confirm(account, at, asked, context.target, journal)?;
            order.state = OrderState::Placed;
            order.debit = Some(id);
        }
        Step::Cancel { reason } => {
            hold::release(account, at, order.id, context.target, journal)?;
            order.state = OrderState::Cancelled;
            order.reason = reason.clone();
        }
        Step::Fulfil { reference } => {
            let mut movement = Movement::new(EntryKind::Fulfil, 0, 0);
            movement.source = stock_key(&order.reward).into();
            journal.write(account, at, movement);
            order.state = OrderState::Fulfilled;
            order.fulfilment = reference.clone();
        }
        Step::Refund {
            reason,
            goods,
            quantity,
        } => {
            let quantity = quantity.unwrap_or(order.left());
            order.refunded += quantity;
            let wanted = Wanted {
                entry: order.debit.unwrap_or(order.id),
                points: Some(order.refunded_points() - known.refunded_points()),
                source: &stock_key(&order.reward).into(),
            };
            reverse::reverse(account, at, wanted, context.target, journal)?;
            if order.left() == 0 {
                order.state = OrderState::Refunded;
            }
            order.reason = reason.clone();
            order.is_lost = *goods == Goods::Lost;
            if order.is_lost {
                order.lost += quantity;
            }
        }
    }
    journal.last_mut().reward = Some(Box::new(order));
    Ok(())
}
