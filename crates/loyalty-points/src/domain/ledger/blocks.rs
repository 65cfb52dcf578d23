//! Earnings that a partner paid for in advance: from which of its blocks, and back to it.

use std::sync::Arc;

use tenure_core::Timestamp;

use super::Ledger;
use crate::domain::command::{Command, Order};
use crate::domain::entry::{Entry, EntryKind};
use crate::domain::partner::{Direction, Partner, Partners, Payment, partner_movement, pick_block};
use crate::domain::refusal::Refusal;
use crate::domain::stock::{Draw, StockAct, StockKind, StockMove, StockPlace};

impl Ledger {
    /// Notes the partners; there are none before.
    pub fn load_partners(&mut self, partners: Arc<Partners>) {
        self.partners = partners;
    }

    /// Returns the partners.
    #[must_use]
    pub fn partners(&self) -> &Partners {
        &self.partners
    }

    /// Returns the stock that an order draws on: the one it names, or a block of the partner who
    /// funds what it earns, or the block from which came what it takes back.
    pub(super) fn draw_of(&self, order: &Order, now: Timestamp) -> Result<Option<Draw>, Refusal> {
        if let Some(draw) = order.command.draw() {
            return Ok(Some(self.draw_now(order, draw)));
        }
        match &order.command {
            Command::Earn(earn) if !earn.partner.is_empty() => {
                let partner = self.partners().require(&earn.partner, Direction::Accrual)?;
                self.block_for(partner, earn.points, now)
            }
            Command::Reverse { entry, points, .. } => {
                let target = self.targets.get(entry);
                Ok(target.and_then(|target| {
                    let left = target.entry.points.abs() - target.reversed;
                    let quantity = points.unwrap_or(left).min(left).max(0);
                    let place = block_of(&target.entry)?;
                    let act = StockAct::Return { quantity };
                    Some(Draw { place, act })
                }))
            }
            _ => Ok(None),
        }
    }

    /// Returns the draw on the block from which points of a partner's come; nothing for a partner
    /// who pays afterwards.
    ///
    /// # Errors
    /// When none of its blocks has enough.
    pub fn block_for(
        &self,
        partner: &Partner,
        points: i64,
        now: Timestamp,
    ) -> Result<Option<Draw>, Refusal> {
        if partner.payment == Payment::Postpaid {
            return Ok(None);
        }
        let left = |place: &StockPlace| {
            let stock = self.stock(&place.stock);
            stock.map_or(0, |stock| stock.counts.free())
        };
        let block = pick_block(&partner.blocks, points, now, |block| left(&block.place));
        let Some(block) = block else {
            let live = partner.blocks.iter().filter(|block| block.is_live(now));
            return Err(Refusal::PartnerBlockExhausted {
                partner: partner.id.to_string(),
                available: live.map(|block| left(&block.place)).max().unwrap_or(0),
                needed: points,
            });
        };
        Ok(Some(Draw {
            place: block.place.clone(),
            act: StockAct::Take { quantity: points },
        }))
    }

    /// Says in an entry that is about to take points out of a block that this leaves fewer than the
    /// partner wants to have; once, when they become fewer.
    pub(super) fn warn(&self, entry: &mut Entry, moved: &StockMove, now: Timestamp) {
        let Some(note) = &mut entry.partner else {
            return;
        };
        let Some(partner) = self.partners().get(&note.partner) else {
            return;
        };
        let live = partner.blocks.iter().filter(|block| block.is_live(now));
        let stocks = live.filter_map(|block| self.stock(&block.place.stock));
        let before: i64 = stocks.map(|stock| stock.counts.free()).sum();
        let after = before - moved.quantity;
        if moved.kind == StockKind::Take && before >= partner.alert && after < partner.alert {
            note.low = Some(after);
        }
    }
}

/// Returns where the points of an earning came from.
pub fn block_of(entry: &Entry) -> Option<StockPlace> {
    let part = entry.stock.as_ref()?;
    let is_earning = entry.kind == EntryKind::Earn;
    is_earning.then(|| StockPlace {
        lane: part.record.lane(),
        stock: part.stock.clone(),
    })
}

/// Returns how much goes back to a block when an earning is taken back: what came back, or is owed.
pub(super) fn back_to_block(entry: &Entry) -> Option<i64> {
    if entry.kind != EntryKind::ReverseEarn {
        return None;
    }
    Some(partner_movement(entry).map_or(0, |moved| -moved.points))
}

#[cfg(test)]
mod tests {
    use tenure_core::{AccountId, CustomerId, Lane, ProgrammeId, RequestId};

    use super::*;
    use crate::domain::fixture::{at, programme};
    use crate::domain::partner::{PartnerKind, PointBlock};
    use crate::domain::stock::StockId;
    use crate::domain::{Account, Decision, Earn, Method, Request};

    const BLOCK: Lane = 2;
    const ADA: Lane = 5;

    fn block() -> StockPlace {
        StockPlace {
            lane: BLOCK,
            stock: StockId::parse("block:cafe:1").unwrap(),
        }
    }

    /// Ada's account, and a café that has bought ten points.
    fn ledger() -> Ledger {
        let mut partners = Partners::default();
        partners.add(Partner {
            id: "cafe".into(),
            kind: PartnerKind::Both,
            payment: Payment::Prepaid,
            is_closed: false,
            terms: Vec::new(),
            blocks: vec![PointBlock {
                number: 1,
                place: block(),
                starts_at: at(0),
                ends_at: Timestamp::MAX,
                is_reserve: false,
            }],
            alert: 0,
        });
        let mut ledger = Ledger::default();
        ledger.load_partners(Arc::new(partners));
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

    fn earn(points: i64, source: &str) -> Order {
        Order {
            lane: ADA,
            account: AccountId::parse("ada").unwrap(),
            request: Some(Arc::new(Request {
                id: RequestId(uuid::Uuid::from_u128(source.len() as u128)),
                method: Method::EarnPoints,
                fingerprint: source.as_bytes().into(),
            })),
            command: Command::Earn(Earn {
                partner: "cafe".into(),
                ..Earn::new(points, source.into())
            }),
        }
    }

    /// The block is found by the partner's name: no order of the batch speaks of it.
    #[test]
    fn what_is_given_up_together_gives_the_points_of_a_partner_back_to_its_block() {
        let mut ledger = ledger();
        let programme = programme();
        let together = [earn(7, "first"), earn(7, "second")];

        let decisions = ledger.decide_together(&together, at(2), &|_, _| &programme);
        let alone = ledger.decide(&earn(4, "another one"), at(3), &programme);

        let refused = |it: &Decision| matches!(it, Decision::New(Err(_)));
        assert!(decisions.iter().all(refused), "{decisions:?}");
        assert!(matches!(alone, Decision::New(Ok(_))), "{alone:?}");
        let left = ledger.stock(&block().stock).unwrap().counts.free();
        assert_eq!(left, 10 - 4);
        let writes = ledger.finish();
        // The block has two records, ada's lane two refusals and an earning.
        assert_eq!(writes.heads, [(BLOCK, 72), (ADA, 43)]);
        assert_eq!(
            (writes.stocks[0].records, writes.stocks[0].last_seq),
            (2, 72)
        );
    }
}
