//! What the model shows of accounts, lots and holds.

use super::{Doing, Micros, Model, NEVER, Name};
use crate::domain::Block;

/// An account, as a caller sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShownAccount {
    pub(crate) available: i64,
    pub(crate) held: i64,
    pub(crate) pending: i64,
    pub(crate) debt: i64,
    pub(crate) is_closed: bool,
    pub(crate) blocks: Vec<Block>,
    pub(crate) recipients: Vec<(usize, Micros)>,
    pub(crate) next_activation: Option<Micros>,
    /// When available points expire next, and how many.
    pub(crate) next_expiry: Option<(Micros, i64)>,
}

/// A lot of an account that has points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShownLot {
    pub(crate) name: Name,
    /// Points that are not held, and held ones.
    pub(crate) rest: i64,
    pub(crate) held: i64,
    pub(crate) earned: Micros,
    pub(crate) until: Micros,
    pub(crate) is_pending: bool,
    /// When pending points become available by themselves.
    pub(crate) active: Option<Micros>,
    pub(crate) is_special: bool,
}

/// A hold: the answer that made it, its account, its points, how many were spent, until when it was
/// to last, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShownHold {
    pub(crate) number: usize,
    pub(crate) owner: usize,
    pub(crate) points: i64,
    pub(crate) confirmed: i64,
    pub(crate) until: Micros,
    pub(crate) end: Option<&'static str>,
}

impl Model {
    pub(crate) fn show(&self, account: usize) -> ShownAccount {
        let known = &self.accounts[account];
        let mut ends: Vec<Micros> = Vec::new();
        for point in self.points.iter().filter(|p| p.owner == account) {
            if point.doing == Doing::Free {
                ends.push(self.lots[point.lot].until);
            }
        }
        let next = ends.iter().min().copied();
        let expiring = |next| ends.iter().filter(|end| **end == next).count();
        ShownAccount {
            available: self.available(account),
            held: self.held(account),
            pending: self.pending(account),
            debt: self.debt(account),
            is_closed: known.is_closed,
            blocks: known.blocks.clone(),
            recipients: known.recipients.clone(),
            next_activation: self.next_activation(account),
            next_expiry: next.map(|next| (next, i64::try_from(expiring(next)).unwrap())),
        }
    }

    /// Returns the lots of an account that have points, in the order of their use.
    pub(crate) fn show_lots(&self, account: usize) -> Vec<ShownLot> {
        let mut of: Vec<usize> = (0..self.lots.len()).collect();
        of.sort_by_key(|lot| self.place(*lot, self.rules.policies.order_of_use));
        let mut shown = Vec::new();
        for lot in of {
            let own = |p: &&super::Point| p.lot == lot && p.owner == account;
            let living = self.points.iter().filter(own);
            let doing: Vec<Doing> = living
                .map(|p| p.doing)
                .filter(|d| *d != Doing::Gone)
                .collect();
            let count =
                |is: fn(&&Doing) -> bool| i64::try_from(doing.iter().filter(is).count()).unwrap();
            let held = count(|doing| matches!(doing, Doing::Held(_)));
            let is_pending = doing.contains(&Doing::Pending);
            let active = self.lots[lot].active;
            if !doing.is_empty() {
                shown.push(ShownLot {
                    name: self.lots[lot].name,
                    rest: count(|_| true) - held,
                    held,
                    earned: self.lots[lot].earned,
                    until: self.lots[lot].until,
                    is_pending,
                    active: Some(active).filter(|at| is_pending && *at != NEVER),
                    is_special: self.lots[lot].special,
                });
            }
        }
        shown
    }

    /// Returns all holds there ever were.
    pub(crate) fn show_holds(&self) -> impl Iterator<Item = ShownHold> {
        self.holds.iter().map(|hold| ShownHold {
            number: hold.number,
            owner: hold.owner,
            points: i64::try_from(hold.which.len()).unwrap(),
            confirmed: i64::try_from(hold.confirmed).unwrap(),
            until: hold.until,
            end: hold.end,
        })
    }

    /// Returns the instants to come at which something happens by itself.
    pub(crate) fn instants(&self) -> Vec<Micros> {
        let open = self.holds.iter().filter(|hold| hold.end.is_none());
        let mut instants: Vec<Micros> = open.map(|hold| hold.until).collect();
        for point in self.points.iter().filter(|p| p.doing != Doing::Gone) {
            instants.push(self.lots[point.lot].until);
            if point.doing == Doing::Pending {
                instants.push(self.lots[point.lot].active);
            }
        }
        let recipients = self.accounts.iter().flat_map(|account| &account.recipients);
        instants.extend(recipients.map(|(_, effective)| *effective));
        instants.retain(|at| *at > self.now && *at != NEVER);
        instants.sort_unstable();
        instants.dedup();
        instants
    }
}
