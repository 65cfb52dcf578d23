//! Stocks against a naive model that keeps every single thing.

use proptest::prelude::*;
use tenure_core::Timestamp;

use super::{Stock, StockAct, StockId, StockKind, StockMove, StockPlace};
use crate::domain::EntryId;

/// Where a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Thing {
    Free,
    Aside { number: usize, until: i64 },
    Sold,
    Gone,
}

#[derive(Debug, Clone)]
enum Deed {
    Add(i64),
    WriteOff(i64),
    Take(i64),
    Reserve { quantity: i64, lasts: i64 },
    Sell(usize),
    Release(usize),
    Return(i64),
    Lose(i64),
    Wait(i64),
}

/// Turns so many things that are `from` into `to`; none, when there are fewer.
fn turn(things: &mut [Thing], quantity: i64, from: Thing, to: Thing) -> bool {
    let quantity = usize::try_from(quantity).unwrap();
    let found: Vec<usize> = (0..things.len()).filter(|n| things[*n] == from).collect();
    if found.len() < quantity {
        return false;
    }
    for n in &found[..quantity] {
        things[*n] = to;
    }
    true
}

fn aside(things: &[Thing], wanted: usize) -> Option<Thing> {
    let is_it = |thing: &&Thing| matches!(thing, Thing::Aside { number, .. } if *number == wanted);
    things.iter().find(is_it).copied()
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        (0..20_i64).prop_map(Deed::Add),
        (1..8_i64).prop_map(Deed::WriteOff),
        (1..8_i64).prop_map(Deed::Take),
        (1..8_i64, 1..9_i64).prop_map(|(quantity, lasts)| Deed::Reserve { quantity, lasts }),
        (0..12_usize).prop_map(Deed::Sell),
        (0..12_usize).prop_map(Deed::Release),
        (1..5_i64).prop_map(Deed::Return),
        (1..5_i64).prop_map(Deed::Lose),
        (0..4_i64).prop_map(Deed::Wait),
    ]
}

/// Both formulations, side by side.
struct Pair {
    stock: Stock,
    things: Vec<Thing>,
    now: i64,
    seq: i64,
    /// Ids of the reservations that were made.
    made: Vec<EntryId>,
}

impl Pair {
    fn at(&self) -> Timestamp {
        Timestamp::from_micros(self.now)
    }

    fn write(&mut self, moved: StockMove) -> EntryId {
        self.seq += 1;
        let id = EntryId::new(self.at(), 3, self.seq);
        let when = (self.at(), self.at());
        let record = self.stock.apply(moved, id, when);
        assert_eq!(record.number, self.stock.records);
        assert_eq!(record.counts, self.stock.counts);
        id
    }

    fn staff(&mut self, kind: StockKind, quantity: i64) -> bool {
        let moved = StockMove::new(kind, quantity);
        let is_there = self.stock.check(&moved).is_ok();
        if is_there {
            self.write(moved);
        }
        is_there
    }

    fn act(&mut self, act: StockAct, until: i64) -> Option<EntryId> {
        let moved = self.stock.plan(act, Timestamp::from_micros(until)).ok()?;
        Some(self.write(moved))
    }

    /// Does a deed in both; returns whether each of them did it.
    fn both(&mut self, deed: &Deed) -> (bool, bool) {
        match *deed {
            Deed::Add(quantity) => {
                let more = usize::try_from(quantity).unwrap();
                let len = self.things.len();
                self.things.resize(len + more, Thing::Free);
                (self.staff(StockKind::Add, quantity), true)
            }
            Deed::WriteOff(quantity) => {
                let wanted = turn(&mut self.things, quantity, Thing::Free, Thing::Gone);
                (self.staff(StockKind::WriteOff, quantity), wanted)
            }
            Deed::Take(quantity) => {
                let wanted = turn(&mut self.things, quantity, Thing::Free, Thing::Sold);
                let found = self.act(StockAct::Take { quantity }, 0);
                (found.is_some(), wanted)
            }
            Deed::Reserve { quantity, lasts } => {
                let (number, until) = (self.made.len(), self.now + lasts);
                let to = Thing::Aside { number, until };
                let wanted = turn(&mut self.things, quantity, Thing::Free, to);
                let found = self.act(StockAct::Reserve { quantity }, until);
                self.made.extend(found);
                (found.is_some(), wanted)
            }
            Deed::Sell(number) => self.end(number, Thing::Sold),
            Deed::Release(number) => self.end(number, Thing::Free),
            Deed::Return(quantity) => self.back(StockAct::Return { quantity }, Thing::Free),
            Deed::Lose(quantity) => self.back(StockAct::Lose { quantity }, Thing::Gone),
            Deed::Wait(micros) => {
                self.now += micros;
                for thing in &mut self.things {
                    if matches!(thing, Thing::Aside { until, .. } if *until <= self.now) {
                        *thing = Thing::Free;
                    }
                }
                for due in self.stock.due(self.at()) {
                    let reservation = Some(due);
                    let moved = StockMove::new(StockKind::Timeout, due.quantity);
                    self.write(StockMove {
                        reservation,
                        ..moved
                    });
                }
                (true, true)
            }
        }
    }

    fn end(&mut self, number: usize, to: Thing) -> (bool, bool) {
        let Some(reservation) = self.made.get(number).copied() else {
            return (false, false);
        };
        let wanted = aside(&self.things, number);
        for thing in &mut self.things {
            if Some(*thing) == wanted {
                *thing = to;
            }
        }
        let act = match to {
            Thing::Sold => StockAct::Sell { reservation },
            _ => StockAct::Release { reservation },
        };
        (self.act(act, 0).is_some(), wanted.is_some())
    }

    /// What went out may come back once: the model knows only what is out.
    fn back(&mut self, act: StockAct, to: Thing) -> (bool, bool) {
        let (StockAct::Return { quantity } | StockAct::Lose { quantity }) = act else {
            return (false, false);
        };
        let wanted = turn(&mut self.things, quantity, Thing::Sold, to);
        (self.act(act, 0).is_some(), wanted)
    }
}

proptest! {
    #[test]
    fn a_stock_says_what_counting_every_single_thing_says(
        deeds in prop::collection::vec(deed(), 1..60),
    ) {
        let place = StockPlace {
            lane: 3,
            stock: StockId::parse("reward:mug").unwrap(),
        };
        let mut pair = Pair {
            stock: Stock::new(place),
            things: Vec::new(),
            now: 0,
            seq: 0,
            made: Vec::new(),
        };
        for deed in &deeds {
            let (found, wanted) = pair.both(deed);
            prop_assert_eq!(found, wanted, "{:?}", deed);
            let count = |is: fn(&Thing) -> bool| {
                i64::try_from(pair.things.iter().filter(|thing| is(thing)).count()).unwrap()
            };
            let free = count(|thing| *thing == Thing::Free);
            let reserved = count(|thing| matches!(thing, Thing::Aside { .. }));
            let gone = count(|thing| *thing == Thing::Gone);
            let counts = pair.stock.counts;
            prop_assert_eq!(counts.free(), free);
            prop_assert_eq!(counts.reserved, reserved);
            prop_assert_eq!(counts.on_hand(), free + reserved);
            prop_assert_eq!(counts.written_off, gone);
            prop_assert_eq!(counts.sold - counts.returned, count(|thing| *thing == Thing::Sold));
        }
    }
}
