//! What customers say of the operator, and what they let it do.

use tenure_core::{Span, Timestamp};

use crate::customer::Customer;
use crate::draw::Draws;
use crate::month::Interaction;
use crate::operator::Operator;
use crate::ticket::Ticket;

/// The chance that somebody who joins lets the operator send offers.
pub const MARKETING_CHANCE: f64 = 0.7;
/// The chance that somebody who did takes that back, within the first two years.
pub const WITHDRAWAL_CHANCE: f64 = 0.15;
/// The chance that somebody who joins lets the operator predict what they may do.
pub const PROFILING_CHANCE: f64 = 0.85;
/// The chance that a customer answers the questions after a complaint.
pub const ANSWER_CHANCE: f64 = 0.4;

/// What a customer said of the use of their data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consents {
    /// When it was said: when the customer joined.
    pub said_at: Timestamp,
    /// Whether offers may be sent.
    pub marketing: bool,
    /// When the consent to offers was taken back.
    pub withdrawn_at: Option<Timestamp>,
    /// Whether predictions may be made.
    pub profiling: bool,
}

/// Answers to the questions after a complaint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// The operator's key of it, for example `V0000042-007`.
    pub key: String,
    /// When it was answered: one to three days after the solution.
    pub at: Timestamp,
    /// How likely the customer is to recommend the operator, 0 to 10.
    pub nps: u8,
    /// Whether what was promised was done, 1 to 7.
    pub reliability: u8,
    /// Whether help came at once, 1 to 7.
    pub responsiveness: u8,
}

impl Operator {
    /// Returns what a customer said of the use of their data.
    #[must_use]
    pub fn consents(&self, customer: &Customer) -> Consents {
        let mut draw = Draws::of(self.config().seed, customer.index).consents();
        let (marketing, profiling) = (draw.uniform(), draw.uniform());
        let (withdraws, when) = (draw.uniform(), draw.uniform());
        let marketing = marketing < MARKETING_CHANCE;
        let after = Span::from_seconds(1 + (when * 730.0 * 86_400.0) as i64);
        Consents {
            said_at: customer.joined_at,
            marketing,
            withdrawn_at: (marketing && withdraws < WITHDRAWAL_CHANCE)
                .then(|| customer.joined_at + after),
            profiling: profiling < PROFILING_CHANCE,
        }
    }

    /// Returns what a customer answers after a complaint, who answers. Each late step and a return
    /// cost two points of ten each, a late promise one.
    #[must_use]
    pub fn survey(&self, complaint: &Interaction, ticket: &Ticket) -> Option<Survey> {
        let draws = Draws::of(self.config().seed, complaint.index);
        let mut draw = draws.survey(complaint.month);
        let (answers, when, mood) = (draw.uniform(), draw.uniform(), draw.uniform());
        let late = ticket.steps.iter().filter(|step| step.is_late()).count() as i64;
        let returned = i64::from(ticket.reopened_at.is_some());
        let is_late = |callback: &crate::ticket::Callback| callback.kept_at > callback.due_at;
        let unkept = i64::from(ticket.callback.as_ref().is_some_and(is_late));
        let grade = |best: i64, worst: i64, loss: i64| (best - loss).clamp(worst, best) as u8;
        let nps = grade(
            10,
            0,
            (mood * 4.0) as i64 + 2 * late + 2 * returned + unkept,
        );
        let days = 1.0 + 2.0 * when;
        (answers < ANSWER_CHANCE).then(|| Survey {
            key: format!("V{:07}-{:03}", complaint.index, complaint.month),
            at: ticket.resolved_at() + Span::from_seconds((days * 86_400.0) as i64),
            nps,
            reliability: grade(7, 1, (mood * 2.0) as i64 + late + unkept),
            responsiveness: grade(7, 1, (mood * 2.0) as i64 + late + returned),
        })
    }
}
