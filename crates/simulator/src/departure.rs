//! How somebody leaves: the notice, and the number that goes along.

use tenure_core::{Span, Timestamp};

use crate::customer::Customer;
use crate::draw::Draws;
use crate::month::{ChurnKind, Termination};
use crate::operator::Operator;

/// The competitors, and the share of leavers that each wins.
pub const COMPETITORS: [(&str, f64); 3] = [("RIVAL_A", 0.5), ("RIVAL_B", 0.3), ("RIVAL_C", 0.2)];

/// The chance that somebody who goes to a competitor with a portable number takes it along.
pub const PORT_CHANCE: f64 = 0.75;

/// The longest and the shortest notice, in days.
const NOTICE_DAYS: (f64, f64) = (1.0, 28.0);

/// How somebody leaves who chose to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Departure {
    /// When notice was given: 1 to 28 days before the end, but not before the customer joined.
    pub notice_at: Timestamp,
    /// Who won the customer; nobody, who leaves the market.
    pub competitor: Option<&'static str>,
    /// When the code for taking the number along was asked for; nothing when the number stays.
    pub port_asked_at: Option<Timestamp>,
    /// When the competitor asked for the number: half-way from the notice to the end.
    pub rival_asked_at: Option<Timestamp>,
}

impl Departure {
    /// Returns true when the number goes to the competitor.
    #[must_use]
    pub fn is_ported(&self) -> bool {
        self.port_asked_at.is_some()
    }
}

impl Operator {
    /// Returns how a customer leaves; nothing where the operator ended the relationship.
    #[must_use]
    pub fn departure(&self, customer: &Customer, termination: &Termination) -> Option<Departure> {
        if !termination.kind.is_voluntary() {
            return None;
        }
        let mut draw = Draws::of(self.config().seed, customer.index).departure();
        let days = NOTICE_DAYS.0 + (NOTICE_DAYS.1 - NOTICE_DAYS.0) * draw.uniform();
        let rival = COMPETITORS[draw.pick(&COMPETITORS.map(|(_, share)| share))].0;
        let ports = draw.uniform() < PORT_CHANCE;
        let notice = termination.at - Span::from_seconds((days * 86_400.0) as i64);
        let notice_at = notice.max(customer.joined_at);
        let is_rivals = termination.kind == ChurnKind::Competitor;
        let has_port = is_rivals && customer.is_portable && ports;
        let half = Span::from_micros(termination.at.since(notice_at).as_micros() / 2);
        Some(Departure {
            notice_at,
            competitor: is_rivals.then_some(rival),
            port_asked_at: has_port.then_some(notice_at),
            rival_asked_at: has_port.then_some(notice_at + half),
        })
    }
}
