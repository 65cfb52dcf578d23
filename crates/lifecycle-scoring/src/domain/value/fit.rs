//! The parameters under which what was seen is most likely.

use argmin::core::{CostFunction, Error, Executor, State};
use argmin::solver::neldermead::NelderMead;
// Lets argmin add and scale vectors.
use argmin_math as _;

/// Steps at most; some hundred are enough for four parameters.
const STEPS_MAX: u64 = 2_000;
/// Ends when the corners differ by less, as a share of the likelihood's logarithm; doubles tell no more.
const SPREAD: f64 = 1e-13;
/// How far the corners of the first simplex are apart, in logarithms.
const REACH: f64 = 0.5;
/// Logarithms of parameters beyond mean that there is no maximum.
const LOGARITHM_MAX: f64 = 30.0;

/// Why there are no parameters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FitError {
    /// Nothing was seen.
    #[error("there is nothing to learn from")]
    Nothing,
    /// Something cannot have been seen.
    #[error("entry {0} is impossible")]
    Impossible(usize),
    /// The likelihood has no maximum: all customers are alike, or too few.
    #[error("customers differ too little to tell the parameters")]
    Undetermined,
}

struct Loss<F>(F);

impl<F: Fn(&[f64]) -> f64> CostFunction for Loss<F> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, logarithms: &Self::Param) -> Result<f64, Error> {
        let parameters: Vec<f64> = logarithms.iter().map(|l| l.exp()).collect();
        let loss = (self.0)(&parameters);
        Ok(if loss.is_finite() { loss } else { f64::MAX })
    }
}

/// Returns the `N` parameters, all above 0, under which the logarithm of a likelihood is greatest, and what it
/// is there, by the simplex of Nelder and Mead over the logarithms of the parameters.
///
/// # Errors
/// When there is no maximum.
pub fn maximise<const N: usize>(
    log_likelihood: impl Fn([f64; N]) -> f64,
) -> Result<([f64; N], f64), FitError> {
    let array = |parameters: &[f64]| -> [f64; N] {
        parameters
            .try_into()
            .expect("a corner has as many coordinates")
    };
    let mut best: Option<(Vec<f64>, f64)> = None;
    let mut begin = vec![0.0; N];
    let scale = log_likelihood([1.0; N]).abs().clamp(1.0, f64::MAX);
    // Again from where the last one ended: a simplex that has become flat is made anew.
    for _ in 0..3 {
        let loss = Loss(|parameters: &[f64]| -log_likelihood(array(parameters)) / scale);
        let mut corners = vec![begin.clone()];
        for axis in 0..N {
            let mut corner = begin.clone();
            corner[axis] += REACH;
            corners.push(corner);
        }
        let solver = NelderMead::new(corners)
            .with_sd_tolerance(SPREAD)
            .map_err(|_| FitError::Undetermined)?;
        let run = Executor::new(loss, solver)
            .configure(|state| state.max_iters(STEPS_MAX))
            .run()
            .map_err(|_| FitError::Undetermined)?;
        let found = run.state().get_best_param().cloned();
        let found = found.ok_or(FitError::Undetermined)?;
        begin.clone_from(&found);
        best = Some((found, -run.state().get_best_cost() * scale));
    }
    let (logarithms, likelihood) = best.ok_or(FitError::Undetermined)?;
    if !likelihood.is_finite() || logarithms.iter().any(|l| l.abs() > LOGARITHM_MAX) {
        return Err(FitError::Undetermined);
    }
    let parameters: Vec<f64> = logarithms.iter().map(|l| l.exp()).collect();
    Ok((array(&parameters), likelihood))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_maximum_is_found() {
        let hill = |[x, y]: [f64; 2]| -(x.ln() - 1.0).powi(2) - (y.ln() + 2.0).powi(2) + 7.0;

        let ([x, y], top) = maximise(hill).unwrap();

        assert!((x.ln() - 1.0).abs() < 1e-6 && (y.ln() + 2.0).abs() < 1e-6);
        assert!((top - 7.0).abs() < 1e-10);
    }

    #[test]
    fn a_slope_without_an_end_has_no_maximum() {
        assert_eq!(
            maximise(|[x]: [f64; 1]| x.ln()),
            Err(FitError::Undetermined)
        );
    }
}
