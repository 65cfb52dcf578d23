//! Means under a beta distribution, which is how the purchase and the retention model spread customers:
//! everybody has a chance of their own to leave.
//!
//! The closed forms of these means need hypergeometric functions that overflow or cancel where parameters are
//! large or near 1. An integral of what is meant does neither: the trapezoidal rule after a double
//! exponential substitution (H. Takahasi and M. Mori, 1974), in logarithms.

use std::f64::consts::PI;

/// Logarithms of weights this far below the largest add nothing.
const NEGLIGIBLE: f64 = -100.0;
/// Intervals of the first sum; each further one has twice as many.
const INTERVALS: u32 = 64;
/// Sums at most: 64 intervals, doubled so often.
const ROUNDS_MAX: u32 = 8;
/// Two sums that agree so well are the mean.
const TOLERANCE: f64 = 1e-13;

/// Returns the mean of `of`(p) where p has the beta distribution of `a` and `b`, both above 0. `of` must be
/// bounded. Relative error about 1e-12.
#[must_use]
pub(super) fn mean(a: f64, b: f64, of: impl Fn(f64) -> f64) -> f64 {
    let center = ((a / b).ln() / PI).asinh();
    let (left, right) = (edge(a, b, center, -1.0), edge(a, b, center, 1.0));
    let top = weight(a, b, center);
    let term = |at: f64| {
        let weight = (weight(a, b, at) - top).exp() * at.cosh();
        (weight, weight * of(share(at)))
    };
    let mut step = (right - left) / f64::from(INTERVALS);
    let (mut weights, mut sum) = (0.0, 0.0);
    let mut add = |from: f64, step: f64, count: u32| {
        for place in 0..count {
            let (weight, value) = term(from + step * f64::from(place));
            weights += weight;
            sum += value;
        }
        sum / weights
    };
    let mut found = add(left, step, INTERVALS + 1);
    for round in 0..ROUNDS_MAX {
        // The places between those that are summed already.
        let finer = add(left + step / 2.0, step, INTERVALS << round);
        step /= 2.0;
        if (finer - found).abs() <= TOLERANCE * finer.abs() {
            return finer;
        }
        found = finer;
    }
    found
}

/// The substitution: p = 1 / (1 + e^(-pi sinh t)).
fn share(at: f64) -> f64 {
    (-ln_1p_exp(-PI * at.sinh())).exp().max(f64::MIN_POSITIVE)
}

/// The logarithm of p^a (1 - p)^b.
fn weight(a: f64, b: f64, at: f64) -> f64 {
    let odds = PI * at.sinh();
    -a * ln_1p_exp(-odds) - b * ln_1p_exp(odds)
}

/// Returns how far from `center` weights count, in the direction of `sign`.
fn edge(a: f64, b: f64, center: f64, sign: f64) -> f64 {
    let is_beyond =
        |far: f64| weight(a, b, center + sign * far) - weight(a, b, center) < NEGLIGIBLE;
    let mut far = 1e-12;
    while !is_beyond(far) {
        far *= 2.0;
    }
    let (mut near, mut beyond) = (far / 2.0, far);
    for _ in 0..20 {
        let middle = f64::midpoint(near, beyond);
        if is_beyond(middle) {
            beyond = middle;
        } else {
            near = middle;
        }
    }
    center + sign * beyond
}

/// ln(1 + e^x) without overflow.
pub(super) fn ln_1p_exp(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// Returns the logarithm of the beta function.
#[must_use]
pub(super) fn ln_beta(a: f64, b: f64) -> f64 {
    libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// E p = a / (a + b), E p^2 = a (a + 1) / ((a + b) (a + b + 1)), from tiny parameters to huge ones.
        #[test]
        fn moments_are_those_of_the_distribution(ln_a in -7.0..18.0_f64, ln_b in -7.0..18.0_f64) {
            let (a, b) = (ln_a.exp(), ln_b.exp());
            let first = mean(a, b, |p| p);
            let second = mean(a, b, |p| p * p);
            let expected = a / (a + b);
            prop_assert!((first / expected - 1.0).abs() < 1e-9, "{first} {expected}");
            let expected = expected * (a + 1.0) / (a + b + 1.0);
            prop_assert!((second / expected - 1.0).abs() < 1e-9, "{second} {expected}");
        }
    }

    #[test]
    fn the_mean_of_a_discount_has_its_closed_form() {
        // Uniform: the integral of 1 / (p + d) from 0 to 1.
        for d in [1e-6, 0.01, 0.1, 5.0] {
            let found = mean(1.0, 1.0, |p| 1.0 / (p + d));
            let expected = (1.0 / d).ln_1p();
            assert!(
                (found / expected - 1.0).abs() < 1e-10,
                "{d}: {found} {expected}"
            );
        }
    }
}
