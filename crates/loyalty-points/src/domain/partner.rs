//! Partners: who funds points, or takes them, on which terms; and what entries say of them.

mod bill;
mod block;
mod refusal;
mod settlement;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tenure_core::Timestamp;

use super::apply::Target;
use super::command::{Command, Earn};
use super::entry::{Entry, EntryKind};
use super::refusal::Refusal;

pub use bill::{Bill, BillLine, LineKey, Moved};
pub use block::PointBlock;
pub(super) use block::pick_block;
pub use refusal::PartnerRefusal;
pub use settlement::SettlementState;

/// The whole of anything that is told in basis points.
pub const WHOLE: u32 = 10_000;
/// Prices are for so many points.
const PRICED_POINTS: i64 = 1_000;

/// What a partner does with points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum PartnerKind {
    /// Its customers earn points, which it funds.
    Accrual = 1,
    /// Customers spend points there, for which the operator owes it.
    Redemption = 2,
    /// Both.
    Both = 3,
}

impl PartnerKind {
    const ALL: [Self; 3] = [Self::Accrual, Self::Redemption, Self::Both];

    /// Returns the number under which it is stored.
    #[must_use]
    pub fn number(self) -> i16 {
        self as i16
    }

    /// Returns the kind stored under `number`.
    #[must_use]
    pub fn from_number(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    fn does(self, direction: Direction) -> bool {
        match direction {
            Direction::Accrual => self != Self::Redemption,
            Direction::Burn => self != Self::Accrual,
        }
    }
}

/// When a partner pays for the points that it funds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Payment {
    /// Before: it buys blocks of points, from which every accrual draws.
    Prepaid = 1,
    /// Afterwards, by settlement.
    Postpaid = 2,
}

impl Payment {
    /// Returns the number under which it is stored.
    #[must_use]
    pub fn number(self) -> i16 {
        self as i16
    }

    /// Returns what is stored under `number`.
    #[must_use]
    pub fn from_number(number: i16) -> Option<Self> {
        [Self::Prepaid, Self::Postpaid]
            .into_iter()
            .find(|payment| payment.number() == number)
    }
}

/// What is paid for points.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Prices {
    /// What the partner pays for 1,000 points that it funds, in minor units, by their type; the
    /// price of the empty type is that of all types that are not named.
    pub accrual: BTreeMap<String, i64>,
    /// Which part of that it is billed, in basis points.
    pub billing: u32,
    /// What the operator owes it for 1,000 points that were spent there, in minor units.
    pub redemption: i64,
}

impl Prices {
    /// Returns the price of 1,000 points.
    #[must_use]
    pub fn price(&self, direction: Direction, points_type: &str) -> i64 {
        match direction {
            Direction::Burn => self.redemption,
            Direction::Accrual => {
                let own = self.accrual.get(points_type);
                own.or_else(|| self.accrual.get("")).copied().unwrap_or(0)
            }
        }
    }

    /// Returns which part of the price is billed, in basis points.
    #[must_use]
    pub fn billed(&self, direction: Direction) -> u32 {
        match direction {
            Direction::Accrual => self.billing,
            Direction::Burn => WHOLE,
        }
    }
}

/// Terms that a partner agreed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// 1, 2, 3 and so on for each partner.
    pub number: i64,
    /// From when on.
    pub effective_from: Timestamp,
    /// The prices.
    pub prices: Prices,
}

/// A partner, as far as decisions on accounts need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partner {
    /// Its id.
    pub id: Arc<str>,
    /// What it does.
    pub kind: PartnerKind,
    /// When it pays.
    pub payment: Payment,
    /// Whether nothing new is agreed with it.
    pub is_closed: bool,
    /// Its terms, ordered by when they begin.
    pub terms: Vec<Terms>,
    /// The blocks of points that it bought.
    pub blocks: Vec<PointBlock>,
    /// Below so many points left in them somebody is told.
    pub alert: i64,
}

impl Partner {
    /// Returns the number of the terms in force: those that began last. A partner has terms from its
    /// beginning; for a clock that is behind, its first ones.
    #[must_use]
    pub fn terms_at(&self, now: Timestamp) -> i64 {
        let mut latest_first = self.terms.iter().rev();
        let begun = latest_first.find(|terms| terms.effective_from <= now);
        begun
            .or_else(|| self.terms.first())
            .map_or(0, |terms| terms.number)
    }
}

/// Which way points move between a partner and the customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Direction {
    /// Customers earned points that the partner funds.
    Accrual = 1,
    /// Customers spent points at the partner.
    Burn = 2,
}

impl Direction {
    /// Returns the number under which it is stored.
    #[must_use]
    pub fn number(self) -> i16 {
        self as i16
    }

    /// Returns the direction stored under `number`.
    #[must_use]
    pub fn from_number(number: i16) -> Option<Self> {
        [Self::Accrual, Self::Burn]
            .into_iter()
            .find(|direction| direction.number() == number)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Accrual => "ACCRUAL",
            Self::Burn => "REDEMPTION",
        }
    }
}

/// What an entry says of the partner that it touches: enough to price it, whenever that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerNote {
    /// The partner.
    pub partner: Arc<str>,
    /// The type of the points that it funds; empty where points are spent, of which each is worth
    /// the same there.
    pub points_type: Arc<str>,
    /// The terms that were in force; those of the entry that is taken back, for a reversal.
    pub terms: i64,
    /// Which part of the points it funds, in basis points.
    pub share: u32,
    /// How many points are left in its blocks, when these became fewer than it wants to have.
    pub low: Option<i64>,
}

/// What an entry moved between its partner and the customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerMovement {
    /// Which way.
    pub direction: Direction,
    /// How many points; negative where they were taken back.
    pub points: i64,
    /// The partner and its terms.
    pub note: PartnerNote,
}

/// Returns what an entry moved at a partner; nothing when it touches none.
///
/// An earning that is taken back counts as far as its points came back or are owed: what a customer
/// keeps, because it was spent and cannot be had again, stays earned.
#[must_use]
pub fn partner_movement(entry: &Entry) -> Option<PartnerMovement> {
    let note = entry.partner.as_deref()?;
    let taken_back = || {
        let reversal = entry.reversal.as_ref();
        reversal.map_or(0, |reversal| reversal.points - reversal.shortfall)
    };
    let (direction, points) = match entry.kind {
        EntryKind::Earn => (Direction::Accrual, entry.points),
        EntryKind::ReverseEarn => (Direction::Accrual, -taken_back()),
        EntryKind::Redeem | EntryKind::Confirm => (Direction::Burn, -entry.points),
        EntryKind::ReverseRedeem => (Direction::Burn, -taken_back()),
        // A hold says where its points are to be spent; nothing is spent yet.
        _ => return None,
    };
    let note = note.clone();
    (points != 0).then_some(PartnerMovement {
        direction,
        points,
        note,
    })
}

/// All partners, as they were at an epoch of the lanes.
#[derive(Debug, Clone, Default)]
pub struct Partners(BTreeMap<Arc<str>, Partner>);

impl Partners {
    /// Adds a partner.
    pub fn add(&mut self, mut partner: Partner) {
        partner
            .terms
            .sort_by_key(|terms| (terms.effective_from, terms.number));
        self.0.insert(partner.id.clone(), partner);
    }

    /// Returns a partner.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Partner> {
        self.0.get(id)
    }

    /// Returns what the entry of a command says of a partner; nothing when the command touches none.
    /// `target` is the entry that the command refers to.
    ///
    /// # Errors
    /// When the partner is not known, is closed, or does something else.
    pub fn note(
        &self,
        command: &Command,
        target: Option<&Target>,
        now: Timestamp,
    ) -> Result<Option<PartnerNote>, Refusal> {
        let before = || target.and_then(|target| target.entry.partner.as_deref());
        match command {
            Command::Earn(earn) if !earn.partner.is_empty() => self.accrual(earn, now).map(Some),
            Command::Redeem {
                partner: Some(id), ..
            }
            | Command::Hold {
                partner: Some(id), ..
            }
            | Command::Confirm {
                partner: Some(id), ..
            } => self.burn(id, now).map(Some),
            // Whoever was named when the points were put aside is paid, even if it closed since.
            Command::Confirm { partner: None, .. } => Ok(before().map(|held| PartnerNote {
                terms: self.get(&held.partner).map_or(0, |it| it.terms_at(now)),
                ..held.clone()
            })),
            Command::Reverse { .. } => Ok(before().map(|note| PartnerNote {
                low: None,
                ..note.clone()
            })),
            Command::ForMember { command, .. } => self.note(command, target, now),
            _ => Ok(None),
        }
    }

    fn accrual(&self, earn: &Earn, now: Timestamp) -> Result<PartnerNote, Refusal> {
        let partner = self.require(&earn.partner, Direction::Accrual)?;
        Ok(PartnerNote {
            partner: partner.id.clone(),
            points_type: earn.points_type.clone(),
            terms: partner.terms_at(now),
            share: earn.share,
            low: None,
        })
    }

    fn burn(&self, id: &str, now: Timestamp) -> Result<PartnerNote, Refusal> {
        let partner = self.require(id, Direction::Burn)?;
        Ok(PartnerNote {
            partner: partner.id.clone(),
            points_type: "".into(),
            terms: partner.terms_at(now),
            share: WHOLE,
            low: None,
        })
    }

    /// Returns true when a partner has bought points in advance.
    #[must_use]
    pub fn has_blocks(&self) -> bool {
        self.0.values().any(|partner| !partner.blocks.is_empty())
    }

    /// Returns a partner that moves points in a direction.
    ///
    /// # Errors
    /// When it is not known, is closed, or does something else.
    pub fn require(&self, id: &str, direction: Direction) -> Result<&Partner, Refusal> {
        let partner = id.to_owned();
        match self.get(id) {
            None => Err(Refusal::PartnerNotFound { partner }),
            Some(found) if found.is_closed => Err(Refusal::PartnerClosed { partner }),
            Some(found) if !found.kind.does(direction) => Err(Refusal::PartnerKindMismatch {
                partner,
                operation: direction.name().to_owned(),
            }),
            Some(found) => Ok(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn terms(number: i64, from: &str) -> Terms {
        Terms {
            number,
            effective_from: at(from),
            prices: Prices::default(),
        }
    }

    #[test]
    fn the_terms_in_force_are_those_that_began_last() {
        let mut partners = Partners::default();
        partners.add(Partner {
            id: "cafe".into(),
            kind: PartnerKind::Both,
            payment: Payment::Postpaid,
            is_closed: false,
            terms: vec![
                terms(1, "2025-01-01"),
                // Agreed early, for a later day.
                terms(2, "2025-06-01"),
                terms(3, "2025-03-01"),
            ],
            blocks: Vec::new(),
            alert: 0,
        });
        let cafe = partners.get("cafe").unwrap();

        assert_eq!(cafe.terms_at(at("2024-12-31")), 1);
        assert_eq!(cafe.terms_at(at("2025-01-01")), 1);
        assert_eq!(cafe.terms_at(at("2025-03-01")), 3);
        assert_eq!(cafe.terms_at(at("2025-06-01")), 2);
    }

    #[test]
    fn a_type_without_a_price_of_its_own_has_the_common_one() {
        let prices = Prices {
            accrual: [("".to_owned(), 500), ("promotion".to_owned(), 700)].into(),
            billing: 9_000,
            redemption: 400,
        };

        assert_eq!(prices.price(Direction::Accrual, "promotion"), 700);
        assert_eq!(prices.price(Direction::Accrual, "base"), 500);
        assert_eq!(prices.price(Direction::Burn, "promotion"), 400);
        assert_eq!(prices.billed(Direction::Accrual), 9_000);
        assert_eq!(prices.billed(Direction::Burn), WHOLE);
    }
}
