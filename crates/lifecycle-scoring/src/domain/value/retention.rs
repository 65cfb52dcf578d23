//! How long customers with a contract stay: the shifted beta-geometric model.
//!
//! At the end of each period everybody leaves with a chance of their own, which has a beta distribution. Those who
//! leave easily leave first, so that those who remain seem ever more loyal. One constant rate of retention
//! misses that, and makes the late years 15 to 50 % too small. Source: P. Fader and B. Hardie, "How to Project
//! Customer Retention", Journal of Interactive Marketing 21 (2007).

use super::beta;
use super::fit::{FitError, maximise};

/// The parameters, both above 0: the mean chance to leave in the first period is alpha / (alpha + beta).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetentionModel {
    /// See the type.
    pub alpha: f64,
    /// See the type.
    pub beta: f64,
}

impl RetentionModel {
    /// Returns the parameters under which it is most likely that of a cohort as many remain as `remaining`
    /// tells, after no period, after one and so on, and the logarithm of that likelihood.
    ///
    /// # Errors
    /// When no period has passed, more remain than before, or it does not tell the parameters.
    pub fn fit(remaining: &[f64]) -> Result<(Self, f64), FitError> {
        if remaining.len() < 2 {
            return Err(FitError::Nothing);
        }
        let is_possible =
            |pair: &[f64]| pair[1] >= 0.0 && pair[0] >= pair[1] && pair[0].is_finite();
        if let Some(period) = remaining.windows(2).position(|pair| !is_possible(pair)) {
            return Err(FitError::Impossible(period + 1));
        }
        let of = |[alpha, beta]: [f64; 2]| Self { alpha, beta };
        let (found, likelihood) = maximise(|parameters| of(parameters).log_likelihood(remaining))?;
        Ok((of(found), likelihood))
    }

    /// Returns the logarithm of the likelihood that of a cohort as many remain as `remaining` tells.
    #[must_use]
    pub fn log_likelihood(&self, remaining: &[f64]) -> f64 {
        let mut sum = 0.0;
        let mut ln_survival = 0.0;
        for (pair, period) in remaining.windows(2).zip(1_u32..) {
            let retention = self.retention(period);
            // Who leaves in this period has stayed in all before.
            sum += (pair[0] - pair[1]) * (ln_survival + (1.0 - retention).ln());
            ln_survival += retention.ln();
        }
        sum + remaining.last().copied().unwrap_or(0.0) * ln_survival
    }

    /// Returns the share of those at the beginning of a period, the first of which is 1, who remain at its
    /// end (equation 8): (beta + t - 1) / (alpha + beta + t - 1).
    #[must_use]
    pub fn retention(&self, period: u32) -> f64 {
        let before = f64::from(period.max(1)) - 1.0;
        (self.beta + before) / (self.alpha + self.beta + before)
    }

    /// Returns the share of a cohort that remains after so many periods: B(alpha, beta + t) / B(alpha, beta).
    #[must_use]
    pub fn survival(&self, periods: u32) -> f64 {
        let t = f64::from(periods);
        (beta::ln_beta(self.alpha, self.beta + t) - beta::ln_beta(self.alpha, self.beta)).exp()
    }

    /// Returns the discounted number of payments of a new customer who pays at the beginning of each period,
    /// the first one now. `discount` is the interest of a period, above 0.
    #[must_use]
    pub fn expected_payments(&self, discount: f64) -> f64 {
        beta::mean(self.alpha, self.beta, |leave| {
            (1.0 + discount) / (discount + leave)
        })
    }

    /// Returns the discounted number of further payments of somebody who has made `renewals` of them and is
    /// about to decide on the next one, which would be made now.
    #[must_use]
    pub fn expected_further_payments(&self, renewals: u32, discount: f64) -> f64 {
        let stayed = self.beta + f64::from(renewals);
        beta::mean(self.alpha, stayed, |leave| {
            (1.0 - leave) * (1.0 + discount) / (discount + leave)
        })
    }
}

#[cfg(test)]
mod tests;
