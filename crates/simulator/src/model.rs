//! The model of the operator's customers: every coefficient, and the probabilities made of them.
//!
//! A customer's month is one step of a Markov chain whose state is small: how deep a decline is,
//! in which of the last three months there was a complaint, how many bills are unpaid. All other
//! covariates are known from the profile and the tenure. So the truth over several months can be
//! computed exactly and needs no simulation; see [`Operator::true_probability`].
//!
//! [`Operator::true_probability`]: crate::Operator::true_probability

use crate::customer::Customer;
use crate::math::logistic;
use crate::plan::REFERENCE_PRICE_MINOR;
use crate::state::{DRIFT_MAX, State};

/// What voluntary churn in a month depends on, as known when the month begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Covariates {
    /// Whole months since joining.
    pub tenure_months: u32,
    /// Months that a contract still binds.
    pub contract_remaining_months: u32,
    /// Months since the last contract ended, nothing while bound or never bound.
    pub months_off_contract: Option<u32>,
    /// In how many of the last three months there was a complaint.
    pub complaints: u32,
    /// Price sensitivity times the plan's price as a multiple of the usual price.
    pub price_burden: f64,
    /// Products subscribed to.
    pub product_count: u32,
    /// The share of the normal usage that has gone for good, without noise and seasons.
    pub usage_fall: f64,
    /// Bills unpaid.
    pub unpaid_bills: u32,
    /// True when the number can be taken along.
    pub is_portable: bool,
    /// The hidden weakness of the relationship.
    pub unhealth: f64,
    /// How much service matters to the customer.
    pub service_sensitivity: f64,
}

/// The first tenure month of the stable years, and the first after them.
const STABLE_FROM: u32 = 12;
const STABLE_UNTIL: u32 = 61;

/// Added to the log-odds in tenure months 1 to 11.
pub const EARLY_LOG_ODDS: f64 = 1.10;
/// Added to the log-odds from tenure month 61 on.
pub const LATE_LOG_ODDS: f64 = 0.55;

/// Chosen, together with [`DRIFT_ENTRY`], so that 18 to 28 % leave voluntarily in a year.
const BASE: f64 = -5.4;
/// Of a contract with a year or more to go; less in proportion.
const CONTRACT: f64 = -1.2;
/// In the first months after a contract: the time to look around.
const CONTRACT_JUST_ENDED: f64 = 0.6;
const CONTRACT_JUST_ENDED_MONTHS: u32 = 3;
const COMPLAINT: f64 = 0.50;
const COMPLAINT_BY_SERVICE_SENSITIVITY: f64 = 0.15;
const PRICE_BURDEN: f64 = 0.30;
const FURTHER_PRODUCT: f64 = -0.35;
const USAGE_FALL: f64 = 6.0;
const UNPAID_BILL: f64 = 0.25;
const PORTABLE: f64 = 0.30;
const UNHEALTH: f64 = 0.25;

/// Returns the log-odds of voluntary churn in a month without a contact.
#[must_use]
pub fn voluntary_log_odds(x: &Covariates) -> f64 {
    let tenure = if x.tenure_months < STABLE_FROM {
        EARLY_LOG_ODDS
    } else if x.tenure_months >= STABLE_UNTIL {
        LATE_LOG_ODDS
    } else {
        0.0
    };
    let just_ended = x
        .months_off_contract
        .is_some_and(|m| m < CONTRACT_JUST_ENDED_MONTHS);
    let complaint = COMPLAINT + COMPLAINT_BY_SERVICE_SENSITIVITY * x.service_sensitivity;
    BASE + tenure
        + CONTRACT * f64::from(x.contract_remaining_months.min(12)) / 12.0
        + if just_ended { CONTRACT_JUST_ENDED } else { 0.0 }
        + complaint.max(0.0) * f64::from(x.complaints)
        + PRICE_BURDEN * x.price_burden
        + FURTHER_PRODUCT * f64::from(x.product_count.saturating_sub(1))
        + USAGE_FALL * x.usage_fall
        + UNPAID_BILL * f64::from(x.unpaid_bills)
        + if x.is_portable { PORTABLE } else { 0.0 }
        + UNHEALTH * x.unhealth
}

impl Customer {
    /// Returns what voluntary churn depends on at a tenure, in a state.
    pub(crate) fn covariates(&self, tenure: u32, state: &State) -> Covariates {
        let price = self.plan.price_minor as f64 / REFERENCE_PRICE_MINOR;
        Covariates {
            tenure_months: tenure,
            contract_remaining_months: self.contract_end_tenure.saturating_sub(tenure),
            months_off_contract: self.months_off_contract(tenure),
            complaints: u32::from(state.complaints).count_ones(),
            price_burden: self.traits.price_sensitivity * price,
            product_count: self.product_count(),
            usage_fall: 1.0 - usage_level(state.drift),
            unpaid_bills: u32::from(state.arrears),
            is_portable: self.is_portable,
            unhealth: self.traits.unhealth,
            service_sensitivity: self.traits.service_sensitivity,
        }
    }
}

/// What is left of the normal usage in each month of a decline, from none to the deepest.
const USAGE_LEVELS: [f64; DRIFT_MAX as usize + 1] = [1.0, 0.93, 0.83, 0.72, 0.61, 0.51, 0.43, 0.37];

/// Returns the share of normal usage at a depth of decline.
pub(crate) fn usage_level(drift: u8) -> f64 {
    USAGE_LEVELS[usize::from(drift)]
}

/// Returns the share of the mature usage at a tenure: it grows for nine months, then stays.
pub(crate) fn growth_level(tenure: u32) -> f64 {
    f64::from(tenure.min(9)) * 0.05 + 0.55
}

/// What may happen to a customer within a month, given the state in which it begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chances {
    /// Of voluntary churn.
    pub(crate) churn: f64,
    /// Of the decline getting a month deeper, or beginning.
    pub(crate) deepens: f64,
    /// Of a decline being overcome in part; what is left of 1 changes nothing.
    pub(crate) recovers: f64,
    /// Of letting this month's bill lie.
    pub(crate) skips_payment: f64,
}

/// The log-odds of beginning a decline, which most leavers have behind them.
const DRIFT_ENTRY: f64 = -4.15;
/// Small, so that a fall lasts: seventeen months on average until it is overcome in part.
const DRIFT_RECOVERY: f64 = 0.06;
/// A recovery takes back this many months of decline.
const RECOVERY_STEP: u8 = 3;

/// Returns the chances of a month. `effect` is what contacts add to the log-odds of churn.
pub(crate) fn chances(customer: &Customer, tenure: u32, state: &State, effect: f64) -> Chances {
    let traits = &customer.traits;
    let churn = if tenure == 0 {
        0.0
    } else {
        logistic(voluntary_log_odds(&customer.covariates(tenure, state)) + effect)
    };
    let complaints = f64::from(state.complaints.count_ones());
    let (deepens, recovers) = if state.drift > 0 {
        (1.0 - DRIFT_RECOVERY, DRIFT_RECOVERY)
    } else {
        let early = if tenure < STABLE_FROM { 0.7 } else { 0.0 };
        let rival = if customer.has_rival_sim { 0.5 } else { 0.0 };
        let entry = DRIFT_ENTRY + 0.6 * traits.unhealth + 0.5 * complaints + early + rival;
        (logistic(entry), 0.0)
    };
    // There is no bill yet in the month of joining.
    let skips_payment = if tenure == 0 {
        0.0
    } else {
        skip_chance(customer, state.arrears)
    };
    Chances {
        churn,
        deepens,
        recovers,
        skips_payment,
    }
}

fn skip_chance(customer: &Customer, arrears: u8) -> f64 {
    let discipline = customer.traits.payment_discipline;
    if arrears == 0 {
        logistic(-3.8 - 0.8 * discipline)
    } else {
        logistic(-1.0 - 0.4 * discipline)
    }
}

/// Returns the chance of a complaint in a month of a decline (or of none).
pub(crate) fn complaint_chance(customer: &Customer, drift: u8) -> f64 {
    let decline = if drift > 0 {
        0.7 + 0.12 * f64::from(drift)
    } else {
        0.0
    };
    logistic(-3.5 + 0.4 * customer.traits.service_sensitivity + decline)
}

/// Returns the chance of an enquiry in a month of a decline (or of none). It has no consequence.
pub(crate) fn enquiry_chance(tenure: u32, drift: u8) -> f64 {
    let new = if tenure < 3 { 0.8 } else { 0.0 };
    let decline = if drift > 0 { 0.4 } else { 0.0 };
    logistic(-2.6 + new + decline)
}

/// Unpaid bills at which the operator ends the relationship.
pub(crate) const ARREARS_LIMIT: u8 = 3;

/// The depth of decline after it deepened.
pub(crate) fn deeper(drift: u8) -> u8 {
    (drift + 1).min(DRIFT_MAX)
}

/// The depth of decline after a recovery.
pub(crate) fn recovered(drift: u8) -> u8 {
    drift.saturating_sub(RECOVERY_STEP)
}

/// Of voluntary churn, the share that moves away rather than to a competitor.
pub(crate) fn moves_away_chance(customer: &Customer) -> f64 {
    if customer.is_portable { 0.12 } else { 0.35 }
}
