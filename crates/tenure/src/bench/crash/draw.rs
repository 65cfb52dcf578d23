//! What the callers write, drawn by chance.

use std::sync::Mutex;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use tenure_core::{Clock as _, Ids, Span, SystemClock};
use tenure_proto::customer::v1 as customer;
use tenure_proto::loyalty::v1 as pb;
use tenure_proto::loyalty::v1::operation::Operation as Asking;
use tenure_proto::r#type::v1 as types;

use super::book::Book;
use super::lock;
use super::shop::{self, Step};
use super::work::{Write, account};
use super::{partners, pools};
use crate::wire::timestamp;

pub(super) fn request_id() -> String {
    Ids::system().uuid(SystemClock.now()).to_string()
}

/// Draws writes.
pub(super) struct Writer {
    random: ChaCha8Rng,
    accounts: usize,
}

/// How many operations a batch has at most.
const BATCH_MAX: u32 = 12;

impl Writer {
    pub(super) fn new(seed: u64, accounts: usize) -> Self {
        Self {
            random: ChaCha8Rng::seed_from_u64(seed),
            accounts,
        }
    }

    fn below(&mut self, end: u32) -> u32 {
        self.random.next_u32() % end
    }

    fn one_of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        let count = u32::try_from(all.len()).unwrap_or(1);
        all[self.below(count) as usize]
    }

    fn number(&mut self) -> usize {
        self.below(u32::try_from(self.accounts).unwrap_or(1)) as usize
    }

    pub(super) fn draw(&mut self, book: &Mutex<Book>) -> Write {
        match self.below(200) {
            0..12 => self.batch(book),
            12..24 => Write::Bill(self.bill()),
            24..36 => self.contribution(),
            36..39 => Write::Restock(self.restocking()),
            39 => Write::Block(partners::buying(i64::from(300 + self.below(500)))),
            40..42 => Write::Settle(partners::settling(self.one_of(&partners::ALL))),
            42..80 => match self.step(book) {
                Some(step) => Write::Order(step),
                None => Write::One(self.operation(book)),
            },
            _ => Write::One(self.operation(book)),
        }
    }

    fn batch(&mut self, book: &Mutex<Book>) -> Write {
        let mode = if self.below(2) == 0 {
            pb::BatchMode::Independent
        } else {
            pb::BatchMode::AllOrNothing
        };
        let count = 2 + self.below(BATCH_MAX - 1);
        let operations = (0..count).map(|_| pb::Operation {
            operation: Some(self.operation(book)),
        });
        Write::Batch(pb::BatchExecuteOperationsRequest {
            operations: operations.collect(),
            mode: mode.into(),
        })
    }

    fn operation(&mut self, book: &Mutex<Book>) -> Asking {
        let number = self.number();
        let (account_id, request_id) = (account(number), request_id());
        let points = i64::from(self.below(50) + 1);
        let kind = self.below(100);
        let known = {
            let mut book = lock(book);
            match kind {
                70..85 => book.holds.pop_front(),
                85..93 => book.reversible.pop_front(),
                _ => None,
            }
        };
        match (kind, known) {
            (20..40, _) => self.redemption(number, points % 8 + 1),
            (40..50, _) => self.order(account_id),
            (50..70, _) => self.hold(number, points),
            (70..80, Some((account_id, hold_id))) => Asking::ConfirmHold(pb::ConfirmHoldRequest {
                request_id,
                account_id,
                hold_id,
                points: points % 2,
                allow_top_up: false,
                partner_id: String::new(),
            }),
            (80..85, Some((account_id, hold_id))) => Asking::ReleaseHold(pb::ReleaseHoldRequest {
                request_id,
                account_id,
                hold_id,
            }),
            (85..93, Some((account_id, entry_id))) => {
                Asking::ReverseEntry(pb::ReverseEntryRequest {
                    request_id,
                    account_id,
                    entry_id,
                    source: "returned".to_owned(),
                    points: points % 2,
                })
            }
            (93.., _) => Asking::TransferPoints(pb::TransferPointsRequest {
                request_id,
                recipient_account_id: account((number + 1) % self.accounts),
                account_id,
                points: points % 5 + 1,
                source: "gift".to_owned(),
            }),
            _ => Asking::EarnPoints(pb::EarnPointsRequest {
                partner_id: self.partner(),
                ..earning(request_id, account_id, points)
            }),
        }
    }

    /// Returns a partner, or none.
    fn partner(&mut self) -> String {
        self.one_of(&["", partners::PREPAID, partners::POSTPAID])
            .to_owned()
    }

    /// Returns for whom a pool pays: for a member mostly; for nobody else where it is no pool.
    fn member(&mut self, number: usize) -> String {
        let members: Vec<usize> = pools::members(number, self.accounts).collect();
        let which = self.below(4) as usize;
        let member = members.get(which);
        member.map(|number| account(*number)).unwrap_or_default()
    }

    fn redemption(&mut self, number: usize, points: i64) -> Asking {
        Asking::RedeemPoints(pb::RedeemPointsRequest {
            request_id: request_id(),
            account_id: account(number),
            points,
            source: "order".to_owned(),
            member_account_id: self.member(number),
            partner_id: self.partner(),
        })
    }

    fn hold(&mut self, number: usize, points: i64) -> Asking {
        Asking::CreateHold(pb::CreateHoldRequest {
            request_id: request_id(),
            account_id: account(number),
            points: points % 9 + 1,
            source: "order".to_owned(),
            member_account_id: self.member(number),
            // Some run out meanwhile.
            hold_duration: Some(seconds(1 + points)),
            partner_id: self.partner(),
        })
    }

    fn order(&mut self, account_id: String) -> Asking {
        let reserve = self.below(2) == 0;
        // Some run out meanwhile.
        let lasts = if self.below(3) == 0 { 2 } else { 3_600 };
        Asking::RedeemReward(pb::RedeemRewardRequest {
            request_id: request_id(),
            account_id,
            reward_id: self.one_of(&shop::REWARDS).to_owned(),
            quantity: i64::from(1 + self.below(3)),
            reserve,
            reserve_duration: reserve.then(|| seconds(lasts)),
            ..pb::RedeemRewardRequest::default()
        })
    }

    /// Draws the next step of an order that is known; of each, one caller draws one.
    fn step(&mut self, book: &Mutex<Book>) -> Option<Step> {
        let (kind, is_lost) = (self.below(6), self.below(2) == 0);
        let (account_id, order_id) = {
            let mut book = lock(book);
            match kind {
                0..3 => book.reserved.pop_front(),
                3..5 => book.placed.pop_front(),
                _ => book.fulfilled.pop_front(),
            }
        }?;
        let (request_id, reason) = (request_id(), "a reason".to_owned());
        Some(match kind {
            0 => Step::Cancel(pb::CancelRewardOrderRequest {
                request_id,
                account_id,
                order_id,
                reason,
            }),
            1..3 => Step::Confirm(pb::ConfirmRewardOrderRequest {
                request_id,
                account_id,
                order_id,
            }),
            3 => Step::Fulfil(pb::FulfilRewardOrderRequest {
                request_id,
                account_id,
                order_id,
                fulfilment_reference: "parcel".to_owned(),
            }),
            _ => Step::Refund(pb::RefundRewardOrderRequest {
                request_id,
                account_id,
                order_id,
                reason,
                goods: match is_lost {
                    true => pb::RefundGoods::WriteOff.into(),
                    false => pb::RefundGoods::ReturnStock.into(),
                },
                // All of it.
                quantity: 0,
            }),
        })
    }

    fn restocking(&mut self) -> pb::AdjustStockRequest {
        let quantity = i64::from(1 + self.below(8));
        let delta = if self.below(4) == 0 {
            -quantity
        } else {
            3 * quantity
        };
        shop::restocking(self.one_of(&shop::REWARDS), delta)
    }

    fn contribution(&mut self) -> Write {
        let number = self.number();
        let pool = match pools::pool_of(number) {
            // A pool itself is refused.
            own if own == number => (number + 1) % self.accounts,
            pool => pool,
        };
        Write::Contribute(pb::ContributePointsRequest {
            request_id: request_id(),
            account_id: account(number),
            pool_account_id: account(pool),
            points: i64::from(1 + self.below(20)),
            source: "for all of us".to_owned(),
        })
    }

    fn bill(&mut self) -> customer::BatchUpsertBillsRequest {
        let (customer_id, request_id) = (account(self.number()), request_id());
        let at = SystemClock.now() - Span::from_days(1);
        let amount = types::Money {
            currency_code: "EUR".to_owned(),
            amount_minor: i64::from(self.below(50) + 1) * 100 + 99,
        };
        let bill = customer::Bill {
            bill_id: format!("B{}", request_id.replace('-', "")),
            customer_id,
            issue_time: Some(timestamp(at)),
            due_time: Some(timestamp(at.plus_months(1))),
            amount: Some(amount.clone()),
            state: customer::BillState::Settled.into(),
            settle_time: Some(timestamp(at)),
            paid_amount: Some(amount),
            update_time: None,
        };
        customer::BatchUpsertBillsRequest {
            request_id,
            bills: vec![bill],
        }
    }
}

fn seconds(seconds: i64) -> prost_types::Duration {
    prost_types::Duration { seconds, nanos: 0 }
}

pub(super) fn earning(
    request_id: String,
    account_id: String,
    points: i64,
) -> pb::EarnPointsRequest {
    pb::EarnPointsRequest {
        source: format!("gift/{request_id}"),
        request_id,
        account_id,
        points,
        ..Default::default()
    }
}
