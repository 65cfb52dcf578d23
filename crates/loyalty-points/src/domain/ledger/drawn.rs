//! Commands that draw on a stock: the account and the stock move together, or neither does.

use std::sync::Arc;

use tenure_core::{Lane, Timestamp};

use super::blocks::back_to_block;
use super::{Answer, Ledger, context};
use crate::domain::apply::apply;
use crate::domain::command::{Command, Order};
use crate::domain::entry::Record;
use crate::domain::entry_id::EntryId;
use crate::domain::journal::Journal;
use crate::domain::programme::Programme;
use crate::domain::refusal::Refusal;
use crate::domain::reward::RewardCommand;
use crate::domain::stock::{Draw, Stock, StockId, StockKind, StockMove, StockPart, StockPlace};

impl Ledger {
    /// Notes a stock, with those of its reservations that are due or that a command names.
    pub fn load_stock(&mut self, stock: Stock) {
        self.stocks.insert(stock.place.stock.clone(), stock);
    }

    /// Returns a stock as it is after what was decided so far.
    #[must_use]
    pub fn stock(&self, id: &StockId) -> Option<&Stock> {
        self.stocks.get(id)
    }

    /// Moves things of a stock without an order of an account: opens it, when there is none, adds to
    /// it or writes something off.
    ///
    /// # Errors
    /// When there are not enough.
    ///
    /// # Panics
    /// When the lane of the stock was not loaded.
    pub fn move_stock(
        &mut self,
        place: &StockPlace,
        moved: StockMove,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let mut stock = match self.stocks.get(&place.stock) {
            Some(stock) => stock.clone(),
            None => Stock::new(place.clone()),
        };
        let at = now.max(stock.updated_at);
        self.time_out(&mut stock, (now, at));
        let checked = stock.check(&moved);
        if checked.is_ok() {
            self.write_stock(&mut stock, moved, (now, at));
        }
        if stock.records > 0 {
            self.stocks.insert(place.stock.clone(), stock);
        }
        checked
    }

    /// Decides a command that draws on a stock. Both are decided for one instant, so that a hold and
    /// what is reserved for it are over for both or for neither.
    pub(super) fn apply_drawn(
        &mut self,
        order: &Order,
        draw: &Draw,
        now: Timestamp,
        programme: &Programme,
    ) -> Answer {
        let Some(mut stock) = self.stocks.get(&draw.place.stock).cloned() else {
            return Err(draw.place.out_of_stock(0));
        };
        let updated_at = self.accounts[&order.account].updated_at;
        let at = now.max(stock.updated_at).max(updated_at);
        self.time_out(&mut stock, (now, at));
        let drawn = self.draw(order, draw, &mut stock, (now, at), programme);
        self.stocks.insert(draw.place.stock.clone(), stock);
        drawn
    }

    fn draw(
        &mut self,
        order: &Order,
        draw: &Draw,
        stock: &mut Stock,
        (now, at): (Timestamp, Timestamp),
        programme: &Programme,
    ) -> Answer {
        let mut context = context(&self.targets, &self.ordered, order, at);
        if let (Command::Reward(command), Some(known)) = (&order.command, context.order)
            && let RewardCommand::Go { step, .. } = &**command
        {
            // What the order says comes before what the stock says of it.
            step.require(known, at)?;
        }
        // What is put aside is so for as long as the hold, which is not made yet.
        let mut moved = stock.plan(draw.act, Timestamp::MAX)?;
        let partner = self.partners.note(&order.command, context.target, now)?;
        context.partner = partner.as_ref();
        let account = self.accounts.get_mut(&order.account);
        let account = account.expect("the caller found it");
        let mut journal = Journal::new(order.lane, self.heads[&order.lane], now, programme);
        let answer = apply(account, &order.command, context, &mut journal);
        let request = order.request.as_ref();
        let index = match answer {
            Ok(index) => index,
            Err(refusal) => {
                self.collect(&order.account, order.lane, journal, request);
                return Err(refusal);
            }
        };
        let lane = draw.place.lane;
        let head = if lane == order.lane {
            journal.head()
        } else {
            self.heads[&lane]
        };
        let entry = journal.entry_mut(index);
        if let Some(quantity) = back_to_block(entry) {
            moved.quantity = quantity;
            if quantity == 0 {
                let first = self.records.len();
                self.collect(&order.account, order.lane, journal, order.request.as_ref());
                return Ok(self.records[first + index].0.clone());
            }
        }
        self.warn(entry, &moved, now);
        entry.stock = Some(Box::new(StockPart {
            stock: draw.place.stock.clone(),
            record: EntryId::new(now, lane, head + 1),
            quantity: moved.quantity,
        }));
        moved.entry = Some(entry.id);
        if let (StockKind::Reserve, Some(reservation), Some(hold)) =
            (moved.kind, &mut moved.reservation, &entry.hold)
        {
            reservation.expires_at = hold.expires_at;
            if let (Some(part), Some(order)) = (&entry.stock, &mut entry.reward) {
                order.reservation = Some(part.record);
            }
        }
        let first = self.records.len();
        self.collect(&order.account, order.lane, journal, request);
        self.write_stock(stock, moved, (now, at));
        Ok(self.records[first + index].0.clone())
    }

    /// Frees what was put aside and not fetched in time.
    fn time_out(&mut self, stock: &mut Stock, (now, at): (Timestamp, Timestamp)) {
        for reservation in stock.due(at) {
            let moved = StockMove {
                reservation: Some(reservation),
                ..StockMove::new(StockKind::Timeout, reservation.quantity)
            };
            self.write_stock(stock, moved, (now, at));
        }
    }

    /// Makes a movement that was checked, and writes it down.
    fn write_stock(&mut self, stock: &mut Stock, moved: StockMove, when: (Timestamp, Timestamp)) {
        let lane: Lane = stock.place.lane;
        let id = self.next_id(lane, when.0);
        let record = stock.apply(moved, id, when);
        self.drawn.insert(stock.place.stock.clone());
        self.records.push((Arc::new(Record::Stock(record)), None));
    }
}

#[cfg(test)]
mod tests {
    use tenure_core::{AccountId, CustomerId, ProgrammeId, RequestId};

    use super::*;
    use crate::domain::fixture::{at, programme};
    use crate::domain::{Account, Decision, Earn, Method, Request};

    const BLOCK: Lane = 2;
    const ADA: Lane = 5;

    fn block() -> StockPlace {
        StockPlace {
            lane: BLOCK,
            stock: StockId::parse("block:shop").unwrap(),
        }
    }

    /// Ada's account and a block of ten points.
    fn ledger() -> Ledger {
        let mut ledger = Ledger::default();
        ledger.load_head(BLOCK, 70);
        ledger.load_head(ADA, 40);
        ledger.load_account(Account::new(
            ADA,
            AccountId::parse("ada").unwrap(),
            CustomerId::parse("ada").unwrap(),
            ProgrammeId::parse("default").unwrap(),
        ));
        let ten = StockMove::new(StockKind::Add, 10);
        ledger.move_stock(&block(), ten, at(1)).unwrap();
        ledger
    }

    fn request(source: &str) -> Request {
        let number = source.bytes().map(u128::from).sum();
        Request {
            id: RequestId(uuid::Uuid::from_u128(number)),
            method: Method::EarnPoints,
            fingerprint: source.as_bytes().into(),
        }
    }

    fn earn(points: i64, source: &str) -> Order {
        Order {
            lane: ADA,
            account: AccountId::parse("ada").unwrap(),
            request: Some(Arc::new(request(source))),
            command: Command::Earn(Earn {
                block: Some(block()),
                ..Earn::new(points, source.into())
            }),
        }
    }

    fn free(ledger: &Ledger) -> i64 {
        ledger.stock(&block().stock).unwrap().counts.free()
    }

    #[test]
    fn points_come_out_of_a_block_and_both_records_name_each_other() {
        let mut ledger = ledger();

        let done = ledger.decide(&earn(4, "visit/1"), at(2), &programme());

        let Decision::New(Ok(record)) = done else {
            panic!("wanted an entry, found {done:?}");
        };
        let entry = record.entry().unwrap();
        assert_eq!(free(&ledger), 6);
        let writes = ledger.finish();
        let part = entry.stock.as_ref().unwrap();
        let moved = writes
            .records
            .iter()
            .find_map(|(record, _)| match &**record {
                Record::Stock(moved) if moved.id == part.record => Some(moved),
                _ => None,
            });
        let moved = moved.unwrap();
        assert_eq!(moved.moved.entry, Some(entry.id));
        assert_eq!((moved.id.seq(), moved.previous), (72, 71));
        assert_eq!(part.quantity, 4);
        assert_eq!(writes.heads, [(BLOCK, 72), (ADA, 41)]);
        assert_eq!(writes.stocks.len(), 1);
    }

    #[test]
    fn a_block_with_too_little_in_it_gives_nothing_and_no_points_come() {
        let mut ledger = ledger();

        let refused = ledger.decide(&earn(11, "visit/1"), at(2), &programme());

        let Decision::New(Err(Refusal::OutOfStock {
            available, needed, ..
        })) = refused
        else {
            panic!("wanted a refusal, found {refused:?}");
        };
        assert_eq!((available, needed), (10, 11));
        let ada = AccountId::parse("ada").unwrap();
        assert_eq!(ledger.account(&ada).unwrap().balance(), 0);
        assert_eq!(free(&ledger), 10);
    }

    #[test]
    fn what_is_given_up_together_gives_the_stock_back() {
        let mut ledger = ledger();
        let together = [earn(7, "visit/1"), earn(7, "visit/2")];
        let programme = programme();

        let decisions = ledger.decide_together(&together, at(2), &|_, _| &programme);

        let refused = |it: &Decision| matches!(it, Decision::New(Err(_)));
        assert!(decisions.iter().all(refused));
        assert_eq!(free(&ledger), 10);
        let writes = ledger.finish();
        // Two refusals stand in the lane of the account.
        assert_eq!(writes.heads, [(BLOCK, 71), (ADA, 42)]);
        assert_eq!(writes.stocks.first().unwrap().last_seq, 71);
    }
}
