//! What the model does with points of one account.

use super::{Doing, Done, Earning, Model, ModelHold, ModelLot, Moved, NEVER, Point, Second};
use crate::domain::{EntryKind, HoldExpiry, Operation, OrderOfUse, ReversalPolicy, RevokePolicy};

impl Model {
    /// Makes points of a new lot.
    pub(super) fn make(&mut self, account: usize, points: i64, lot: ModelLot) -> Vec<usize> {
        let doing = if lot.active == 0 {
            Doing::Free
        } else {
            Doing::Pending
        };
        self.lots.push(lot);
        let point = Point {
            owner: account,
            lot: self.lots.len() - 1,
            doing,
        };
        let first = self.points.len();
        let last = first + usize::try_from(points).unwrap();
        self.points.resize(last, point);
        (first..last).collect()
    }

    pub(super) fn lot(
        &self,
        account: usize,
        (earned, now): (Second, Second),
        until: Second,
    ) -> ModelLot {
        ModelLot {
            name: (self.answers.len(), 0),
            made: (now, self.accounts[account].lane),
            earned,
            until,
            active: 0,
            special: false,
        }
    }

    pub(super) fn earn(&mut self, account: usize, asked: Earning, now: Second) -> Done {
        self.require_free(account, Operation::Earn)?;
        self.accounts[account].sources.insert(asked.source);
        let forever = (self.rules.expiry)(now);
        let until = asked.lasts.map_or(forever, |lasts| now + lasts);
        let waits = asked.waits.map(|waits| waits.map_or(NEVER, |w| now + w));
        let lot = ModelLot {
            active: waits.unwrap_or(0),
            special: asked.special,
            ..self.lot(account, (now, now), until)
        };
        Ok((EntryKind::Earn, self.make(account, asked.points, lot)))
    }

    pub(super) fn hold(&mut self, account: usize, points: i64, mut until: Second) -> Done {
        self.require_free(account, Operation::Redeem)?;
        self.require_enough(account, points)?;
        let number = self.answers.len();
        let which = self.take(account, points, Doing::Held(number));
        if self.rules.policies.hold_expiry == HoldExpiry::ExpireHold {
            for index in &which {
                until = until.min(self.lots[self.points[*index].lot].until);
            }
        }
        self.holds.push(ModelHold {
            number,
            owner: account,
            until,
            which: which.clone(),
            end: None,
        });
        Ok((EntryKind::Hold, which))
    }

    pub(super) fn open_hold(&self, account: usize, number: usize) -> Result<usize, &'static str> {
        let mut holds = self.holds.iter();
        let place = holds.position(|hold| hold.number == number && hold.owner == account);
        let place = place.ok_or("HOLD_NOT_FOUND")?;
        self.holds[place].end.map_or(Ok(place), Err)
    }

    pub(super) fn confirm(
        &mut self,
        account: usize,
        hold: usize,
        points: Option<i64>,
        tops_up: bool,
    ) -> Done {
        let place = self.open_hold(account, hold)?;
        let mut held = self.holds[place].which.clone();
        let points = points.unwrap_or(held.len() as i64);
        let more = points - held.len() as i64;
        if more > 0 {
            if !tops_up {
                return Err("HOLD_EXCEEDED");
            }
            self.require_free(account, Operation::Redeem)?;
            self.require_enough(account, more)?;
        }
        self.holds[place].end = Some("HOLD_ALREADY_CONFIRMED");
        let back = held.split_off(held.len().min(usize::try_from(points).unwrap()));
        self.set(&back, Doing::Free);
        self.set(&held, Doing::Gone);
        held.extend(self.take(account, more.max(0), Doing::Gone));
        // Points of one lot stand together, where the lot was met first.
        let lots: Vec<usize> = held.iter().map(|i| self.points[*i].lot).collect();
        held.sort_by_key(|i| lots.iter().position(|lot| *lot == self.points[*i].lot));
        Ok((EntryKind::Confirm, held))
    }

    fn answer(&self, account: usize, number: usize) -> Result<&Moved, &'static str> {
        let moved = self.answers.get(number).ok_or("ENTRY_NOT_FOUND")?;
        if moved.owner != account {
            return Err("ENTRY_NOT_FOUND");
        }
        Ok(moved)
    }

    pub(super) fn reverse(
        &mut self,
        account: usize,
        entry: usize,
        points: Option<i64>,
        now: Second,
    ) -> Done {
        let moved = self.answer(account, entry)?.clone();
        let earned = match moved.kind {
            EntryKind::Earn => true,
            EntryKind::Redeem | EntryKind::Confirm => false,
            _ => return Err("ENTRY_NOT_REVERSIBLE"),
        };
        let left = moved.which.len() - moved.reversed;
        let points = points.map_or(left, |points| usize::try_from(points).unwrap());
        if left == 0 {
            return Err("ENTRY_ALREADY_REVERSED");
        }
        if points > left {
            return Err("REVERSAL_EXCEEDED");
        }
        let done = if earned {
            self.revoke(account, entry, points as i64, now)?
        } else {
            let back = moved.which[left - points..left].to_vec();
            self.bring_back(account, &back, now);
            (EntryKind::ReverseRedeem, back)
        };
        self.answers[entry].reversed += points;
        Ok(done)
    }

    fn bring_back(&mut self, account: usize, back: &[usize], now: Second) {
        self.set(back, Doing::Free);
        let until = match self.rules.policies.reversal {
            ReversalPolicy::OriginalExpiry => return,
            ReversalPolicy::GraceDays(days) => now + i64::from(days) * 86_400,
            ReversalPolicy::NewLot => (self.rules.expiry)(now),
        };
        let mut renewed: Vec<(usize, usize)> = Vec::new();
        for index in back {
            let old = self.points[*index].lot;
            if self.lots[old].until > now {
                continue;
            }
            let known = renewed.iter().find(|(from, _)| *from == old);
            let new = known.map_or_else(
                || {
                    let made = self.lot(account, (self.lots[old].earned, now), until);
                    self.lots.push(ModelLot {
                        name: (made.name.0, renewed.len()),
                        special: self.lots[old].special,
                        ..made
                    });
                    self.lots.len() - 1
                },
                |(_, to)| *to,
            );
            if known.is_none() {
                renewed.push((old, new));
            }
            self.points[*index].lot = new;
        }
    }

    fn revoke(&mut self, account: usize, entry: usize, points: i64, now: Second) -> Done {
        let policies = self.rules.policies.clone();
        let is_over = self
            .lots
            .iter()
            .any(|l| l.name == (entry, 0) && l.until <= now);
        let is_own = |model: &Self, p: &Point| model.lots[p.lot].name == (entry, 0);
        let of = |model: &Self, doing: Doing| {
            model.find(|p| p.owner == account && p.doing == doing && is_own(model, p))
        };
        let pending = of(self, Doing::Pending);
        if policies.revoke == RevokePolicy::PendingOnly && (pending.len() as i64) < points {
            return Err("EARNING_NOT_PENDING");
        }
        let mut wanted = pending;
        wanted.extend(of(self, Doing::Free));
        if !is_over {
            let others = |p: &Point| p.owner == account && p.doing == Doing::Free;
            wanted.extend(self.find(|p| others(p) && !is_own(self, p)));
        }
        wanted.truncate(usize::try_from(points).unwrap());
        let missing = points - wanted.len() as i64;
        if policies.revoke == RevokePolicy::BelowZero && !is_over {
            if self.accounts[account].debt + missing > policies.debt_limit {
                return Err("DEBT_LIMIT");
            }
            self.accounts[account].debt += missing;
        }
        self.set(&wanted, Doing::Gone);
        Ok((EntryKind::ReverseEarn, wanted))
    }

    /// Points of a lot of an account that are not gone.
    fn living(&self, account: usize, lot: usize) -> Vec<usize> {
        self.find(|p| {
            p.owner == account && self.lots[p.lot].name == (lot, 0) && p.doing != Doing::Gone
        })
    }

    pub(super) fn activate(&mut self, account: usize, number: usize) -> Done {
        let living = self.living(account, number);
        if living.is_empty() {
            return Err("LOT_NOT_FOUND");
        }
        if self.points[living[0]].doing != Doing::Pending {
            return Err("LOT_NOT_PENDING");
        }
        self.set(&living, Doing::Free);
        Ok((EntryKind::Activate, living))
    }

    pub(super) fn adjust(
        &mut self,
        account: usize,
        points: i64,
        approver: u8,
        now: Second,
    ) -> Done {
        if points.abs() > self.rules.policies.approval_above && approver == 0 {
            return Err("APPROVAL_REQUIRED");
        }
        if approver == 1 {
            return Err("APPROVER_IS_AUTHOR");
        }
        if points > 0 {
            let lot = self.lot(account, (now, now), (self.rules.expiry)(now));
            return Ok((EntryKind::Adjust, self.make(account, points, lot)));
        }
        self.require_enough(account, -points)?;
        Ok((EntryKind::Adjust, self.take(account, -points, Doing::Gone)))
    }

    pub(super) fn expire(&mut self, account: usize, lot: Option<usize>) -> Done {
        let mut gone = match lot {
            Some(lot) => self.living(account, lot),
            None => self.find(|p| p.owner == account && p.doing != Doing::Gone),
        };
        gone.retain(|index| !matches!(self.points[*index].doing, Doing::Held(_)));
        if gone.is_empty() {
            return Err(lot.map_or("NOTHING_TO_EXPIRE", |_| "LOT_NOT_FOUND"));
        }
        self.expired += gone.len() as i64;
        self.set(&gone, Doing::Gone);
        Ok((EntryKind::Expire, gone))
    }

    pub(super) fn reinstate(&mut self, account: usize, entry: usize, now: Second) -> Done {
        let moved = self.answer(account, entry)?.clone();
        if moved.kind != EntryKind::Expire {
            return Err("ENTRY_NOT_REVERSIBLE");
        }
        if moved.reversed > 0 {
            return Err("ENTRY_ALREADY_REVERSED");
        }
        if now > moved.at + i64::from(self.rules.policies.reinstate_days) * 86_400 {
            return Err("REINSTATE_TOO_LATE");
        }
        self.answers[entry].reversed = moved.which.len();
        let mut lots: Vec<usize> = moved.which.iter().map(|i| self.points[*i].lot).collect();
        lots.sort_by_key(|lot| self.place(*lot, OrderOfUse::ExpiryFirst));
        lots.dedup();
        let mut back = Vec::new();
        for (place, old) in lots.into_iter().enumerate() {
            let of_lot = moved.which.iter().filter(|i| self.points[**i].lot == old);
            let points = of_lot.count() as i64;
            let until = (self.rules.expiry)(now);
            let made = self.lot(account, (self.lots[old].earned, now), until);
            let lot = ModelLot {
                name: (made.name.0, place),
                special: self.lots[old].special,
                ..made
            };
            back.extend(self.make(account, points, lot));
        }
        Ok((EntryKind::Reinstate, back))
    }
}
