//! Rewards: the steps of orders, and what is left on the shelf in the end.

use std::collections::BTreeMap;
use std::sync::Mutex;

use anyhow::{Context as _, Result, ensure};
use tenure_proto::loyalty::v1 as pb;
use tenure_proto::loyalty::v1::RewardOrderState as State;
use tonic::Status;

use super::book::{Book, Told};
use super::draw::request_id;
use super::lock;
use super::work::Done;
use crate::clients::Clients;

/// The rewards; so few things of each that they run out now and then.
pub(super) const REWARDS: [&str; 3] = ["mug", "pen", "torch"];
/// How many there are of each at first.
const FIRST: i64 = 40;

/// What comes after an order.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Confirm(pb::ConfirmRewardOrderRequest),
    Fulfil(pb::FulfilRewardOrderRequest),
    Cancel(pb::CancelRewardOrderRequest),
    Refund(pb::RefundRewardOrderRequest),
}

impl Step {
    pub(super) fn request_id(&self) -> &str {
        match self {
            Self::Confirm(it) => &it.request_id,
            Self::Fulfil(it) => &it.request_id,
            Self::Cancel(it) => &it.request_id,
            Self::Refund(it) => &it.request_id,
        }
    }

    pub(super) async fn send(&self, clients: &Clients) -> Result<Done, Status> {
        let mut client = clients.rewards.clone();
        /// Sends a request; each method has an answer of its own, with the same parts.
        macro_rules! order {
            ($method:ident, $request:expr) => {{
                let answer = client.$method($request.clone()).await?.into_inner();
                (answer.order, answer.entry)
            }};
        }
        let (order, entry) = match self {
            Self::Confirm(request) => order!(confirm_reward_order, request),
            Self::Fulfil(request) => order!(fulfil_reward_order, request),
            Self::Cancel(request) => order!(cancel_reward_order, request),
            Self::Refund(request) => order!(refund_reward_order, request),
        };
        let account = order.as_ref().map(|order| order.account_id.clone());
        Ok(Done {
            account: account.unwrap_or_default(),
            delta: entry.map(|entry| entry.points_delta),
            order: order.map(Box::new),
            ..Done::default()
        })
    }
}

pub(super) fn restocking(reward_id: &str, quantity_delta: i64) -> pb::AdjustStockRequest {
    pb::AdjustStockRequest {
        request_id: request_id(),
        reward_id: reward_id.to_owned(),
        quantity_delta,
        reason: "counted".to_owned(),
        author: "clerk".to_owned(),
    }
}

/// Puts things on the shelf, or takes broken ones away.
pub(super) async fn restock(
    clients: &Clients,
    request: &pb::AdjustStockRequest,
) -> Result<Told, Status> {
    clients
        .rewards
        .clone()
        .adjust_stock(request.clone())
        .await?;
    Ok(Told::Stock {
        reward: request.reward_id.clone(),
        quantity: request.quantity_delta,
    })
}

/// Fills the shelf.
pub(super) async fn found(clients: &Clients) -> Result<()> {
    for (number, reward) in (1_i64..).zip(REWARDS) {
        let price = pb::RewardPrice {
            price_id: "points".to_owned(),
            points: 2 * number,
            money: None,
        };
        let request = pb::CreateRewardRequest {
            request_id: request_id(),
            reward_id: reward.to_owned(),
            terms: Some(pb::RewardTerms {
                display_name: reward.to_owned(),
                prices: vec![price],
                ..pb::RewardTerms::default()
            }),
            counted: true,
            initial_quantity: FIRST,
            author: "clerk".to_owned(),
            ..pb::CreateRewardRequest::default()
        };
        let created = clients.rewards.clone().create_reward(request).await;
        created.context("cannot create a reward")?;
    }
    Ok(())
}

async fn stock(clients: &Clients, reward: &str) -> Result<pb::RewardStock> {
    let request = pb::GetRewardRequest {
        reward_id: reward.to_owned(),
    };
    let found = clients.rewards.clone().get_reward(request).await?;
    let found = found.into_inner().reward.and_then(|reward| reward.stock);
    found.with_context(|| format!("{reward} is not counted"))
}

/// No more is sold, put aside and written off than there was, whatever is going on.
pub(super) async fn check_shelf(clients: &Clients) -> Result<()> {
    for reward in REWARDS {
        let stock = stock(clients, reward).await?;
        let out = stock.sold_quantity + stock.written_off_quantity + stock.reserved_quantity;
        let left = stock.added_quantity + stock.returned_quantity - out;
        ensure!(
            left == stock.available_quantity && left >= 0 && stock.reserved_quantity >= 0,
            "{reward} was sold more often than it was there: {stock:?}"
        );
    }
    Ok(())
}

type Orders = BTreeMap<String, pb::RewardOrder>;

async fn orders(clients: &Clients) -> Result<Orders> {
    let (mut orders, mut page_token) = (Orders::new(), String::new());
    loop {
        let request = pb::ListRewardOrdersRequest {
            page_size: 1_000,
            page_token,
            ..pb::ListRewardOrdersRequest::default()
        };
        let page = clients.rewards.clone().list_reward_orders(request).await;
        let page = page.context("cannot list orders")?.into_inner();
        for order in page.orders {
            let before = orders.insert(order.order_id.clone(), order);
            ensure!(before.is_none(), "an order is listed twice: {before:?}");
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(orders);
        }
    }
}

/// Returns orders and stocks of one moment: read again when an order ran out meanwhile, of which
/// there are fewer each time.
async fn at_rest(clients: &Clients) -> Result<(Orders, BTreeMap<&'static str, pb::RewardStock>)> {
    loop {
        let before = orders(clients).await?;
        let request = crate::wire::patient(pb::CatchUpRequest {});
        clients.loyalty.clone().catch_up(request).await?;
        let mut stocks = BTreeMap::new();
        for reward in REWARDS {
            stocks.insert(reward, stock(clients, reward).await?);
        }
        let after = orders(clients).await?;
        if before == after {
            return Ok((after, stocks));
        }
    }
}

/// The orders are those that were acknowledged, as far as was acknowledged; of each reward as much was
/// sold, put aside, given back and is left as the orders and the put in say.
pub(super) async fn check(clients: &Clients, book: &Mutex<Book>) -> Result<()> {
    let (orders, stocks) = at_rest(clients).await?;
    let book = lock(book);
    check_orders(&book.orders, &orders)?;
    for (reward, found) in stocks {
        let own = orders.values().filter(|order| order.reward_id == reward);
        let own: Vec<_> = own.collect();
        let sum = |is_one: &dyn Fn(&pb::RewardOrder) -> bool| -> i64 {
            let counted = own.iter().filter(|order| is_one(order));
            counted.map(|order| order.quantity).sum()
        };
        let told = book.told.values().filter_map(|told| match told {
            Told::Stock {
                reward: of,
                quantity,
            } if of == reward => Some(*quantity),
            _ => None,
        });
        let told: Vec<i64> = told.collect();
        let (added, gone): (Vec<i64>, Vec<i64>) = told.into_iter().partition(|it| *it > 0);
        let added = FIRST + added.iter().sum::<i64>();
        let returned = sum(&|it| it.state() == State::Refunded);
        let lost = sum(&|it| it.goods() == pb::RefundGoods::WriteOff);
        let written_off = lost - gone.iter().sum::<i64>();
        let reserved = sum(&|it| it.state() == State::Reserved);
        let sold = returned + sum(&|it| matches!(it.state(), State::Placed | State::Fulfilled));
        let wanted = pb::RewardStock {
            added_quantity: added,
            sold_quantity: sold,
            returned_quantity: returned,
            written_off_quantity: written_off,
            reserved_quantity: reserved,
            available_quantity: added + returned - sold - written_off - reserved,
        };
        ensure!(
            found == wanted && found.available_quantity >= 0,
            "{reward}: wanted {wanted:?}, found {found:?}"
        );
    }
    Ok(())
}

fn check_orders(acknowledged: &Orders, found: &Orders) -> Result<()> {
    ensure!(
        acknowledged.keys().eq(found.keys()),
        "{} orders were acknowledged, {} are there, or others",
        acknowledged.len(),
        found.len()
    );
    for (id, wanted) in acknowledged {
        let found = &found[id];
        // What was put aside runs out without anybody asking for it.
        let ran_out = (wanted.state(), found.state()) == (State::Reserved, State::Expired);
        let what = |order: &pb::RewardOrder| {
            let who = (order.account_id.clone(), order.reward_id.clone());
            (who, order.quantity, order.points, order.goods())
        };
        ensure!(
            what(found) == what(wanted) && (found.state == wanted.state || ran_out),
            "order {id} was acknowledged as {wanted:?}, found {found:?}"
        );
    }
    Ok(())
}
