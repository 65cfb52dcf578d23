//! A naive model of an account.
//!
//! The model knows no sums: every single point is a thing of its own that is free, held, spent,
//! expired or taken back. It is written from the API's words, not from the rules' code.

use std::collections::BTreeSet;

use crate::domain::EntryKind;

/// Seconds; the tests' clock knows nothing finer.
pub(crate) type Second = i64;

/// What a point is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Free,
    Held(usize),
    Spent,
    Expired,
    Revoked,
}

#[derive(Debug, Clone, Copy)]
struct Point {
    lot: usize,
    doing: Doing,
}

/// A lot by the number of its answer: earned when, good until.
#[derive(Debug, Clone, Copy)]
struct ModelLot {
    number: usize,
    earned: Second,
    until: Second,
}

#[derive(Debug, Clone)]
struct ModelHold {
    number: usize,
    until: Second,
    points: i64,
    end: Option<&'static str>,
}

/// An answer that moved points.
#[derive(Debug, Clone)]
struct Moved {
    kind: EntryKind,
    points: i64,
    /// Which points, by index.
    which: Vec<usize>,
    reversed: bool,
}

/// What is asked; earlier answers are named by their number.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ask {
    Earn {
        points: i64,
        source: u8,
        lasts: Option<Second>,
    },
    Redeem(i64),
    Hold(i64, Second),
    Confirm(usize, Option<i64>),
    Release(usize),
    Reverse(usize),
}

/// What is said: what moved and what can be spent then, or the reason of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    Moved {
        kind: EntryKind,
        points: i64,
        available: i64,
        lots: Vec<(usize, i64)>,
    },
    No(&'static str),
}

#[derive(Debug, Default)]
pub(crate) struct Model {
    points: Vec<Point>,
    lots: Vec<ModelLot>,
    holds: Vec<ModelHold>,
    answers: Vec<Moved>,
    sources: BTreeSet<u8>,
}

impl Model {
    /// Points that can be spent.
    pub(crate) fn available(&self) -> i64 {
        self.count(|point| point.doing == Doing::Free)
    }

    pub(crate) fn held(&self) -> i64 {
        self.count(|point| matches!(point.doing, Doing::Held(_)))
    }

    pub(crate) fn expired(&self) -> i64 {
        self.count(|point| point.doing == Doing::Expired)
    }

    fn count(&self, is: impl Fn(&Point) -> bool) -> i64 {
        self.points.iter().filter(|point| is(point)).count() as i64
    }

    pub(crate) fn answers(&self) -> usize {
        self.answers.len()
    }

    /// Free and held points of each lot that has any, in the order of spending.
    pub(crate) fn lots(&self) -> Vec<(usize, i64, i64)> {
        let mut lots = self.lots.clone();
        lots.sort_by_key(|lot| (lot.until, lot.earned, lot.number));
        let count = |lot: &ModelLot| {
            let free = self.count(|p| p.lot == lot.number && p.doing == Doing::Free);
            let held = self.count(|p| p.lot == lot.number && matches!(p.doing, Doing::Held(_)));
            (lot.number, free, held)
        };
        lots.iter()
            .map(count)
            .filter(|(_, free, held)| free + held > 0)
            .collect()
    }

    /// What happens by itself until `now`: holds that run out give back, then what is free and over
    /// expires.
    pub(crate) fn pass(&mut self, now: Second) {
        for number in 0..self.holds.len() {
            let hold = &mut self.holds[number];
            if hold.end.is_none() && hold.until <= now {
                hold.end = Some("HOLD_EXPIRED");
                let number = hold.number;
                self.change(|p| p.doing == Doing::Held(number), Doing::Free, i64::MAX);
            }
        }
        for lot in self.lots.clone().iter().filter(|lot| lot.until <= now) {
            self.change(
                |p| p.lot == lot.number && p.doing == Doing::Free,
                Doing::Expired,
                i64::MAX,
            );
        }
    }

    /// Changes up to `most` points, those first that expire first, and tells which.
    fn change(&mut self, which: impl Fn(&Point) -> bool, to: Doing, most: i64) -> Vec<usize> {
        let mut found: Vec<usize> = (0..self.points.len())
            .filter(|i| which(&self.points[*i]))
            .collect();
        found.sort_by_key(|i| {
            let lot = self
                .lots
                .iter()
                .find(|lot| lot.number == self.points[*i].lot)
                .unwrap();
            (lot.until, lot.earned, lot.number)
        });
        found.truncate(usize::try_from(most).unwrap());
        for index in &found {
            self.points[*index].doing = to;
        }
        found
    }

    pub(crate) fn ask(&mut self, ask: Ask, now: Second, forever: Second) -> Said {
        self.pass(now);
        match self.decide(ask, now, forever) {
            Ok((kind, points, which)) => {
                let mut lots: Vec<(usize, i64)> = Vec::new();
                let back = matches!(
                    kind,
                    EntryKind::Earn | EntryKind::ReverseRedeem | EntryKind::Release
                );
                for index in &which {
                    let lot = self.points[*index].lot;
                    let one = if back { 1 } else { -1 };
                    match lots.iter_mut().find(|(number, _)| *number == lot) {
                        Some((_, points)) => *points += one,
                        None => lots.push((lot, one)),
                    }
                }
                lots.sort_unstable();
                self.answers.push(Moved {
                    kind,
                    points,
                    which,
                    reversed: false,
                });
                self.pass(now);
                Said::Moved {
                    kind,
                    points,
                    available: self.available(),
                    lots,
                }
            }
            Err(reason) => Said::No(reason),
        }
    }

    fn decide(
        &mut self,
        ask: Ask,
        now: Second,
        forever: Second,
    ) -> Result<(EntryKind, i64, Vec<usize>), &'static str> {
        let number = self.answers.len();
        let enough = |model: &Self, points| {
            if model.available() < points {
                Err("INSUFFICIENT_POINTS")
            } else {
                Ok(())
            }
        };
        match ask {
            Ask::Earn {
                points,
                source,
                lasts,
            } => {
                let until = lasts.map_or(forever, |lasts| now + lasts);
                self.earn(number, points, source, (now, until))
            }
            Ask::Redeem(points) => {
                enough(self, points)?;
                let spent = self.change(|p| p.doing == Doing::Free, Doing::Spent, points);
                Ok((EntryKind::Redeem, -points, spent))
            }
            Ask::Hold(points, lasts) => {
                enough(self, points)?;
                let until = now + lasts;
                self.holds.push(ModelHold {
                    number,
                    until,
                    points,
                    end: None,
                });
                let held = self.change(|p| p.doing == Doing::Free, Doing::Held(number), points);
                Ok((EntryKind::Hold, 0, held))
            }
            Ask::Confirm(hold, points) => {
                let held = self.open_hold(hold)?.points;
                let points = points.unwrap_or(held);
                if points > held {
                    return Err("HOLD_EXCEEDED");
                }
                self.end(hold, "HOLD_ALREADY_CONFIRMED");
                let spent = self.change(|p| p.doing == Doing::Held(hold), Doing::Spent, points);
                self.change(|p| p.doing == Doing::Held(hold), Doing::Free, i64::MAX);
                Ok((EntryKind::Confirm, -points, spent))
            }
            Ask::Release(hold) => {
                self.open_hold(hold)?;
                self.end(hold, "HOLD_ALREADY_RELEASED");
                let back = self.change(|p| p.doing == Doing::Held(hold), Doing::Free, i64::MAX);
                Ok((EntryKind::Release, 0, back))
            }
            Ask::Reverse(entry) => self.reverse(entry, now),
        }
    }

    fn earn(
        &mut self,
        number: usize,
        points: i64,
        source: u8,
        (earned, until): (Second, Second),
    ) -> Result<(EntryKind, i64, Vec<usize>), &'static str> {
        if !self.sources.insert(source) {
            return Err("EVENT_ALREADY_EARNED");
        }
        self.lots.push(ModelLot {
            number,
            earned,
            until,
        });
        let first = self.points.len();
        let point = Point {
            lot: number,
            doing: Doing::Free,
        };
        self.points
            .resize(first + usize::try_from(points).unwrap(), point);
        Ok((
            EntryKind::Earn,
            points,
            (first..self.points.len()).collect(),
        ))
    }

    fn open_hold(&self, number: usize) -> Result<&ModelHold, &'static str> {
        let hold = self
            .holds
            .iter()
            .find(|hold| hold.number == number)
            .ok_or("HOLD_NOT_FOUND")?;
        hold.end.map_or(Ok(hold), Err)
    }

    fn end(&mut self, number: usize, how: &'static str) {
        let hold = self.holds.iter_mut().find(|hold| hold.number == number);
        hold.unwrap().end = Some(how);
    }

    fn reverse(
        &mut self,
        entry: usize,
        now: Second,
    ) -> Result<(EntryKind, i64, Vec<usize>), &'static str> {
        let Some(moved) = self.answers.get(entry).cloned() else {
            return Err("ENTRY_NOT_FOUND");
        };
        if moved.reversed {
            return Err("ENTRY_ALREADY_REVERSED");
        }
        self.answers[entry].reversed = true;
        match moved.kind {
            EntryKind::Earn => {
                let taken = self.revoke(entry, moved.points, now);
                Ok((EntryKind::ReverseEarn, -(taken.len() as i64), taken))
            }
            EntryKind::Redeem | EntryKind::Confirm => {
                for index in &moved.which {
                    self.points[*index].doing = Doing::Free;
                }
                Ok((EntryKind::ReverseRedeem, -moved.points, moved.which))
            }
            _ => {
                self.answers[entry].reversed = false;
                Err("ENTRY_NOT_REVERSIBLE")
            }
        }
    }

    /// Takes free points of a lot, and for those that are not, unless the lot has expired, others.
    fn revoke(&mut self, lot: usize, points: i64, now: Second) -> Vec<usize> {
        let mut taken = self.change(
            |p| p.lot == lot && p.doing == Doing::Free,
            Doing::Revoked,
            points,
        );
        let until = self.lots.iter().find(|it| it.number == lot).unwrap().until;
        if until > now {
            let left = points - taken.len() as i64;
            taken.extend(self.change(|p| p.doing == Doing::Free, Doing::Revoked, left));
        }
        taken
    }
}
