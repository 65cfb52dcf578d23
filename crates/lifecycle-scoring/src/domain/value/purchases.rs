//! How often a customer without a contract will buy: the BG/NBD model.
//!
//! Everybody buys at a rate of their own, which has a gamma distribution (`r`, `alpha`), and after each purchase
//! leaves for good with a chance of their own, which has a beta distribution (`a`, `b`). Nobody tells that they
//! left. Source: P. Fader, B. Hardie and K. Lee, "Counting Your Customers the Easy Way", Marketing Science 24
//! (2005); its equations are named below.
//!
//! Somebody who never bought again counts as here with certainty ([`PurchaseModel::alive`] is 1), because this
//! model lets customers leave only after a repeated purchase: never rank customers by it. Rank by
//! [`PurchaseModel::expected`].

use super::beta;
use super::fit::{FitError, maximise};

/// What is known of the purchases of one customer, in one unit of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PurchaseHistory {
    /// Purchases after the first one.
    pub repeats: u32,
    /// From the first to the last purchase; 0 where there is only one.
    pub last: f64,
    /// From the first purchase until now.
    pub age: f64,
}

impl PurchaseHistory {
    /// Returns whether there can be such a history.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        let is_ordered = 0.0 <= self.last && self.last <= self.age && self.age.is_finite();
        is_ordered && (self.repeats == 0) == (self.last == 0.0)
    }
}

/// The parameters, all above 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PurchaseModel {
    /// The shape of rates.
    pub r: f64,
    /// Their scale, in units of time.
    pub alpha: f64,
    /// Of the chance to leave: with `b`, its mean is a / (a + b).
    pub a: f64,
    /// See `a`.
    pub b: f64,
}

impl PurchaseModel {
    /// Returns the parameters under which histories are most likely, and the logarithm of that likelihood.
    ///
    /// # Errors
    /// When there are none, one of them is impossible, or they do not tell the parameters.
    pub fn fit(histories: &[PurchaseHistory]) -> Result<(Self, f64), FitError> {
        if histories.is_empty() {
            return Err(FitError::Nothing);
        }
        if let Some(entry) = histories.iter().position(|it| !it.is_possible()) {
            return Err(FitError::Impossible(entry));
        }
        let of = |[r, alpha, a, b]: [f64; 4]| Self { r, alpha, a, b };
        let (found, likelihood) = maximise(|parameters| of(parameters).log_likelihood(histories))?;
        Ok((of(found), likelihood))
    }

    /// Returns the logarithm of the likelihood of histories (equation 6).
    #[must_use]
    pub fn log_likelihood(&self, histories: &[PurchaseHistory]) -> f64 {
        histories.iter().map(|it| self.log_likelihood_of(it)).sum()
    }

    fn log_likelihood_of(&self, history: &PurchaseHistory) -> f64 {
        let Self { r, alpha, a, b } = *self;
        let x = f64::from(history.repeats);
        let rates = libm::lgamma(r + x) - libm::lgamma(r) + r * alpha.ln();
        let leaving = beta::ln_beta(a, b + x) - beta::ln_beta(a, b);
        let here = -(r + x) * (alpha + history.age).ln();
        rates + leaving + here + self.ln_gone(history).map_or(0.0, beta::ln_1p_exp)
    }

    /// The logarithm of the odds to be gone: nothing for who never bought again.
    fn ln_gone(&self, history: &PurchaseHistory) -> Option<f64> {
        if history.repeats == 0 {
            return None;
        }
        let x = f64::from(history.repeats);
        let silence = ((self.alpha + history.age) / (self.alpha + history.last)).ln();
        Some(self.a.ln() - (self.b + x - 1.0).ln() + (self.r + x) * silence)
    }

    /// Returns the chance that the customer is still one; 1 for everybody who never bought again, whatever
    /// their silence.
    #[must_use]
    pub fn alive(&self, history: &PurchaseHistory) -> f64 {
        self.ln_gone(history)
            .map_or(1.0, |odds| 1.0 / (1.0 + odds.exp()))
    }

    /// Returns how many purchases are expected within `time` from now (equation 10, as the integral that it
    /// is the closed form of).
    #[must_use]
    pub fn expected(&self, history: &PurchaseHistory, time: f64) -> f64 {
        let x = f64::from(history.repeats);
        let share = time / (self.alpha + history.age);
        self.alive(history) * while_here(self.a, self.b + x, self.r + x, share)
    }

    /// Returns what one unit of each expected purchase of the next `steps` steps of time is worth today, at the
    /// interest `rate` of a step, each paid at the end of its step.
    #[must_use]
    pub fn discounted(&self, history: &PurchaseHistory, steps: u32, step: f64, rate: f64) -> f64 {
        let (mut sum, mut before) = (0.0, 0.0);
        for number in 1..=steps {
            let number = f64::from(number);
            let until = self.expected(history, number * step);
            sum += (until - before) * (1.0 + rate).powf(-number);
            before = until;
        }
        sum
    }

    /// Returns how many purchases are expected of a new customer within `time` (equation 9).
    #[must_use]
    pub fn expected_of_new(&self, time: f64) -> f64 {
        while_here(self.a, self.b, self.r, time / self.alpha)
    }
}

/// The mean of (1 - (1 + p share)^-shape) / p over chances p to leave: the purchases of somebody who is here.
fn while_here(a: f64, b: f64, shape: f64, share: f64) -> f64 {
    beta::mean(a, b, |p| -(-shape * (p * share).ln_1p()).exp_m1() / p)
}

#[cfg(test)]
mod tests;
