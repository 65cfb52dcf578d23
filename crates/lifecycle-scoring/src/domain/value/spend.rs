//! How much a customer spends each time: the Gamma-Gamma model.
//!
//! What customers spend on average varies among them, and each single purchase around that. Somebody of whom
//! little is known is pulled towards everybody's mean. Source: P. Fader and B. Hardie, "The Gamma-Gamma Model
//! of Monetary Value" (2013).

use super::fit::{FitError, maximise};

/// What is known of the repeated purchases of one customer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpendHistory {
    /// How many, at least 1.
    pub repeats: u32,
    /// What each was worth on average, above 0.
    pub mean: f64,
}

/// The parameters, all above 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpendModel {
    /// The shape of single purchases.
    pub p: f64,
    /// The shape of the customers' scales; only above 1 there is a mean over all.
    pub q: f64,
    /// Their scale.
    pub v: f64,
}

impl SpendModel {
    /// Returns the parameters under which histories are most likely, and the logarithm of that likelihood.
    ///
    /// # Errors
    /// When there are none, one of them is impossible, or they do not tell the parameters.
    pub fn fit(histories: &[SpendHistory]) -> Result<(Self, f64), FitError> {
        if histories.is_empty() {
            return Err(FitError::Nothing);
        }
        let is_possible =
            |it: &SpendHistory| it.repeats > 0 && it.mean > 0.0 && it.mean.is_finite();
        if let Some(entry) = histories.iter().position(|it| !is_possible(it)) {
            return Err(FitError::Impossible(entry));
        }
        let of = |[p, q, v]: [f64; 3]| Self { p, q, v };
        let (found, likelihood) = maximise(|parameters| of(parameters).log_likelihood(histories))?;
        Ok((of(found), likelihood))
    }

    /// Returns the logarithm of the likelihood of histories (equation 1a of the source).
    #[must_use]
    pub fn log_likelihood(&self, histories: &[SpendHistory]) -> f64 {
        let Self { p, q, v } = *self;
        let of = |it: &SpendHistory| {
            let x = f64::from(it.repeats);
            libm::lgamma(p * x + q) - libm::lgamma(p * x) - libm::lgamma(q)
                + q * v.ln()
                + (p * x - 1.0) * it.mean.ln()
                + p * x * x.ln()
                - (p * x + q) * (x * it.mean + v).ln()
        };
        histories.iter().map(of).sum()
    }

    /// Returns what a purchase of this customer is expected to be worth: between their own mean and
    /// everybody's. Who never bought again is expected to spend what everybody does.
    #[must_use]
    pub fn expected(&self, repeats: u32, mean: f64) -> f64 {
        let px = self.p * f64::from(repeats);
        self.p * (self.v + f64::from(repeats) * mean) / (px + self.q - 1.0)
    }
}

#[cfg(test)]
mod tests;
