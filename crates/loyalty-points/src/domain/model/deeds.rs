//! What the model does with points of one account.

use super::{DAY, Doing, Done, Earning, Micros, Model, ModelHold, ModelLot, Moved, NEVER, Point};
use super::{Fact, No};
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
        (earned, now): (Micros, Micros),
        until: Micros,
    ) -> ModelLot {
        ModelLot {
            name: (self.answers.len(), 0),
            made: (self.millisecond(now), self.accounts[account].lane),
            earned,
            until,
            active: 0,
            special: false,
        }
    }

    pub(super) fn earn(&mut self, account: usize, asked: Earning, now: Micros) -> Done {
        self.require_free(account, Operation::Earn)?;
        let number = self.answers.len();
        self.accounts[account].sources.insert(asked.source, number);
        let forever = self.end(now);
        let until = asked.lasts.map_or(forever, |lasts| now + lasts);
        let waits = asked.waits.map(|waits| waits.map_or(NEVER, |w| now + w));
        let lot = ModelLot {
            active: waits.unwrap_or(0),
            special: asked.special,
            ..self.lot(account, (now, now), until)
        };
        Ok((EntryKind::Earn, self.make(account, asked.points, lot)))
    }

    pub(super) fn hold(&mut self, account: usize, points: i64, mut until: Micros) -> Done {
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
            confirmed: 0,
        });
        Ok((EntryKind::Hold, which))
    }

    pub(super) fn open_hold(&self, account: usize, number: usize) -> Result<usize, No> {
        let mut holds = self.holds.iter();
        let place = holds.position(|hold| hold.number == number && hold.owner == account);
        let hold_id = Fact::Answer(number);
        let Some(place) = place else {
            return Err(No::because("HOLD_NOT_FOUND").with("hold_id", hold_id));
        };
        let hold = &self.holds[place];
        match hold.end {
            None => Ok(place),
            Some("HOLD_EXPIRED") => Err(No::because("HOLD_EXPIRED")
                .with("hold_id", hold_id)
                .with("expire_time", Fact::Instant(hold.until))),
            Some(reason) => Err(No::because(reason).with("hold_id", hold_id)),
        }
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
                return Err(No::because("HOLD_EXCEEDED")
                    .with("hold_id", Fact::Answer(hold))
                    .with("held_points", Fact::count(held.len()))
                    .with("needed_points", Fact::Number(points)));
            }
            self.require_free(account, Operation::Redeem)?;
            self.require_enough(account, more)?;
        }
        self.holds[place].end = Some("HOLD_ALREADY_CONFIRMED");
        self.holds[place].confirmed = usize::try_from(points).unwrap();
        let back = held.split_off(held.len().min(usize::try_from(points).unwrap()));
        self.set(&back, Doing::Free);
        self.set(&held, Doing::Gone);
        held.extend(self.take(account, more.max(0), Doing::Gone));
        // Points of one lot stand together, where the lot was met first.
        let lots: Vec<usize> = held.iter().map(|i| self.points[*i].lot).collect();
        held.sort_by_key(|i| lots.iter().position(|lot| *lot == self.points[*i].lot));
        Ok((EntryKind::Confirm, held))
    }

    fn answer(&self, account: usize, number: usize) -> Result<&Moved, No> {
        let moved = self.answers.get(number);
        let own = moved.filter(|moved| moved.owner == account);
        own.ok_or_else(|| No::because("ENTRY_NOT_FOUND").with("entry_id", Fact::Answer(number)))
    }

    pub(super) fn reverse(
        &mut self,
        account: usize,
        entry: usize,
        points: Option<i64>,
        now: Micros,
    ) -> Done {
        let moved = self.answer(account, entry)?.clone();
        let earned = match moved.kind {
            EntryKind::Earn => true,
            EntryKind::Redeem | EntryKind::Confirm => false,
            kind => return Err(No::final_kind(entry, kind)),
        };
        let left = moved.which.len() - moved.reversed;
        let points = points.map_or(left, |points| usize::try_from(points).unwrap());
        if left == 0 {
            return Err(No::reversed(entry, &moved));
        }
        if points > left {
            return Err(No::because("REVERSAL_EXCEEDED")
                .with("entry_id", Fact::Answer(entry))
                .with("left_points", Fact::count(left))
                .with("needed_points", Fact::count(points)));
        }
        let done = if earned {
            self.revoke(account, entry, points as i64, now)?
        } else {
            let back = moved.which[left - points..left].to_vec();
            self.bring_back(account, &back, now);
            (EntryKind::ReverseRedeem, back)
        };
        self.answers[entry].reversed += points;
        self.answers[entry].reversed_by = Some(self.answers.len());
        Ok(done)
    }

    fn bring_back(&mut self, account: usize, back: &[usize], now: Micros) {
        self.set(back, Doing::Free);
        let until = match self.rules.policies.reversal {
            ReversalPolicy::OriginalExpiry => return,
            ReversalPolicy::GraceDays(days) => now + i64::from(days) * DAY,
            ReversalPolicy::NewLot => self.end(now),
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

    fn revoke(&mut self, account: usize, entry: usize, points: i64, now: Micros) -> Done {
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
            return Err(No::because("EARNING_NOT_PENDING")
                .with("entry_id", Fact::Answer(entry))
                .with("pending_points", Fact::count(pending.len()))
                .with("needed_points", Fact::Number(points)));
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
            let debt = self.accounts[account].debt;
            if debt + missing > policies.debt_limit {
                return Err(No::of("DEBT_LIMIT", account)
                    .with("debt_points", Fact::Number(debt))
                    .with("limit_points", Fact::Number(policies.debt_limit))
                    .with("needed_points", Fact::Number(missing)));
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
            return Err(No::because("LOT_NOT_FOUND").with("lot_id", Fact::Answer(number)));
        }
        if self.points[living[0]].doing != Doing::Pending {
            return Err(No::because("LOT_NOT_PENDING").with("lot_id", Fact::Answer(number)));
        }
        self.set(&living, Doing::Free);
        Ok((EntryKind::Activate, living))
    }

    pub(super) fn adjust(
        &mut self,
        account: usize,
        points: i64,
        approver: u8,
        now: Micros,
    ) -> Done {
        let limit = self.rules.policies.approval_above;
        if points.abs() > limit && approver == 0 {
            return Err(No::because("APPROVAL_REQUIRED")
                .with("points", Fact::Number(points))
                .with("limit_points", Fact::Number(limit)));
        }
        if approver == 1 {
            return Err(No::because("APPROVER_IS_AUTHOR"));
        }
        if points > 0 {
            let lot = self.lot(account, (now, now), self.end(now));
            return Ok((EntryKind::Adjust, self.make(account, points, lot)));
        }
        self.require_enough(account, -points)?;
        Ok((EntryKind::Adjust, self.take(account, -points, Doing::Gone)))
    }

    pub(super) fn expire(&mut self, account: usize, lot: Option<usize>, now: Micros) -> Done {
        let mut gone = match lot {
            Some(lot) => self.living(account, lot),
            None => self.find(|p| p.owner == account && p.doing != Doing::Gone),
        };
        gone.retain(|index| !matches!(self.points[*index].doing, Doing::Held(_)));
        if gone.is_empty() {
            return Err(match lot {
                None => No::of("NOTHING_TO_EXPIRE", account),
                Some(lot) => No::because("LOT_NOT_FOUND").with("lot_id", Fact::Answer(lot)),
            });
        }
        gone.iter().for_each(|_| self.note_expired(account, now));
        self.set(&gone, Doing::Gone);
        Ok((EntryKind::Expire, gone))
    }

    pub(super) fn reinstate(&mut self, account: usize, entry: usize, now: Micros) -> Done {
        let moved = self.answer(account, entry)?.clone();
        if moved.kind != EntryKind::Expire {
            return Err(No::final_kind(entry, moved.kind));
        }
        if moved.reversed > 0 {
            return Err(No::reversed(entry, &moved));
        }
        let until = moved.at + i64::from(self.rules.policies.reinstate_days) * DAY;
        if now > until {
            return Err(No::because("REINSTATE_TOO_LATE")
                .with("entry_id", Fact::Answer(entry))
                .with("until_time", Fact::Instant(until)));
        }
        self.answers[entry].reversed = moved.which.len();
        self.answers[entry].reversed_by = Some(self.answers.len());
        let mut lots: Vec<usize> = moved.which.iter().map(|i| self.points[*i].lot).collect();
        lots.sort_by_key(|lot| self.place(*lot, OrderOfUse::ExpiryFirst));
        lots.dedup();
        let mut back = Vec::new();
        for (place, old) in lots.into_iter().enumerate() {
            let of_lot = moved.which.iter().filter(|i| self.points[**i].lot == old);
            let points = of_lot.count() as i64;
            let until = self.end(now);
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
