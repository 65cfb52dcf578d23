//! What one month hands to the next, in eight bytes, and the step between them.

use crate::customer::Customer;
use crate::draw::MonthDraws;
use crate::model::{
    ARREARS_LIMIT, chances, complaint_chance, deeper, moves_away_chance, recovered,
};
use crate::month::ChurnKind;

/// The deepest decline, in months; deeper than that nobody falls.
pub(crate) const DRIFT_MAX: u8 = 7;

/// The months for which a complaint is remembered, as bits.
const COMPLAINT_MEMORY: u8 = 0b111;

/// The state of an active customer at the begin of a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct State {
    /// Months of decline, 0 to [`DRIFT_MAX`].
    pub(crate) drift: u8,
    /// A bit for each of the last three months with a complaint.
    pub(crate) complaints: u8,
    /// Unpaid bills, 0 to 2.
    pub(crate) arrears: u8,
    /// What the next bill will be, in minor units.
    pub(crate) unbilled_minor: u32,
}

/// What a month brought.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    /// The probability of voluntary churn that the month began with.
    pub(crate) hazard: f64,
    /// How the relationship ended, if it did.
    pub(crate) ended: Option<ChurnKind>,
    pub(crate) complained: bool,
    pub(crate) skipped_payment: bool,
    /// The state of the next month, but for what is to be billed.
    pub(crate) next: State,
}

impl State {
    /// Returns what the month brings at these draws. Only `churn` knows of contacts, so a contact
    /// changes who leaves and nothing else.
    pub(crate) fn turn(
        &self,
        customer: &Customer,
        tenure: u32,
        effect: f64,
        draws: &MonthDraws,
    ) -> Turn {
        let chances = chances(customer, tenure, self, effect);
        let moved = draws.drift();
        let drift = if moved < chances.deepens {
            deeper(self.drift)
        } else if moved < chances.deepens + chances.recovers {
            recovered(self.drift)
        } else {
            self.drift
        };
        let complained = draws.complaint() < complaint_chance(customer, drift);
        let skipped_payment = draws.payment() < chances.skips_payment;
        let next = self.after(drift, complained, skipped_payment);
        let ended = if draws.churn() < chances.churn {
            let moves_away = draws.churn_kind() < moves_away_chance(customer);
            Some(if moves_away {
                ChurnKind::MovedAway
            } else {
                ChurnKind::Competitor
            })
        } else if next.arrears >= ARREARS_LIMIT {
            Some(ChurnKind::PassiveArrears)
        } else {
            None
        };
        Turn {
            hazard: chances.churn,
            ended,
            complained,
            skipped_payment,
            next,
        }
    }

    /// Returns the state after a month.
    pub(crate) fn after(&self, drift: u8, complained: bool, skipped_payment: bool) -> Self {
        Self {
            drift,
            complaints: (self.complaints << 1 | u8::from(complained)) & COMPLAINT_MEMORY,
            arrears: if skipped_payment { self.arrears + 1 } else { 0 },
            unbilled_minor: self.unbilled_minor,
        }
    }
}
