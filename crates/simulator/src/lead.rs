//! Who was interested before joining, and who was and did not join.

use tenure_core::{Span, Timestamp};

use crate::customer::{Customer, customer_key};
use crate::draw::{Draws, OrderedDraws};
use crate::operator::Operator;

/// The chance that beside somebody who joins there is somebody who asks and does not.
pub const LOST_LEAD_CHANCE: f64 = 0.4;

/// Why people do not join, and how often.
pub const LOST_REASONS: [(&str, f64); 3] =
    [("PRICE", 0.5), ("COVERAGE", 0.3), ("BOUND_ELSEWHERE", 0.2)];

/// The shortest and the longest time from asking to the decision, in days.
const DAYS: (f64, f64) = (2.0, 20.0);

/// The interest of somebody who is no customer yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lead {
    /// The operator's key of it, for example `L0000042`, or `L0000042-X` of somebody who is lost.
    pub key: String,
    /// The key of the prospect: that of the customer who joins, or `P0000042` of nobody's.
    pub prospect: String,
    /// When they asked first.
    pub asked_at: Timestamp,
    /// When somebody spoke with them.
    pub contacted_at: Timestamp,
    /// When it was clear that they mean it.
    pub qualified_at: Timestamp,
    /// When they joined, or said that they do not.
    pub decided_at: Timestamp,
    /// Why they do not join; nothing, when they do.
    pub lost_reason: Option<&'static str>,
}

impl Operator {
    /// Returns the leads around a customer who joins after the operator's first instant: their own,
    /// and perhaps that of somebody who came along and does not join. Nobody knows what was before
    /// the first instant.
    #[must_use]
    pub fn leads(&self, customer: &Customer) -> Vec<Lead> {
        if customer.join_month < 0 {
            return Vec::new();
        }
        let mut draw = Draws::of(self.config().seed, customer.index).leads();
        let joins = self.lead(&mut draw, customer.joined_at, None);
        let (comes_along, why) = (draw.uniform(), LOST_REASONS.map(|(_, share)| share));
        let reason = LOST_REASONS[draw.pick(&why)].0;
        let lost = self.lead(&mut draw, customer.joined_at, Some(reason));
        let index = customer.index;
        let mut leads = vec![Lead {
            key: format!("L{index:07}"),
            prospect: customer_key(index),
            ..joins
        }];
        if comes_along < LOST_LEAD_CHANCE {
            leads.push(Lead {
                key: format!("L{index:07}-X"),
                prospect: format!("P{index:07}"),
                ..lost
            });
        }
        leads
    }

    fn lead(
        &self,
        draw: &mut OrderedDraws,
        decided_at: Timestamp,
        lost_reason: Option<&'static str>,
    ) -> Lead {
        let days = DAYS.0 + (DAYS.1 - DAYS.0) * draw.uniform();
        let asked = decided_at - Span::from_seconds((days * 86_400.0) as i64);
        let asked_at = asked.max(self.config().start);
        let taken = decided_at.since(asked_at).as_micros();
        let part = |quarters: i64| asked_at + Span::from_micros(taken / 4 * quarters);
        Lead {
            key: String::new(),
            prospect: String::new(),
            asked_at,
            contacted_at: part(1),
            qualified_at: part(2),
            decided_at,
            lost_reason,
        }
    }
}
