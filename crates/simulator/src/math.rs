//! Arithmetic that gives the same bits on every machine.
//!
//! `f64::exp` is the platform's own and may differ in the last bit between systems, which would
//! flip a draw here and there. Sums, products and quotients are exact by IEEE 754, so everything
//! is made of those.

/// `1 / n!` for `n` = 0 to 12: below 2^-0.5..2^0.5 the rest of the series is under 1e-15.
const FACTORIAL_INVERSES: [f64; 13] = [
    1.0,
    1.0,
    1.0 / 2.0,
    1.0 / 6.0,
    1.0 / 24.0,
    1.0 / 120.0,
    1.0 / 720.0,
    1.0 / 5_040.0,
    1.0 / 40_320.0,
    1.0 / 362_880.0,
    1.0 / 3_628_800.0,
    1.0 / 39_916_800.0,
    1.0 / 479_001_600.0,
];

/// The logarithm of 2 in two parts, the first with enough zero bits that `k * LN_2_HIGH` is exact.
const LN_2_HIGH: f64 = 0.693_147_180_369_123_8;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// Returns e to the power of `x`, which is kept within -40 and 40: no odds need more.
pub(crate) fn exp(x: f64) -> f64 {
    let x = x.clamp(-40.0, 40.0);
    // Rounds to the nearest whole number without a call into the platform's library.
    let scaled = x * std::f64::consts::LOG2_E;
    let k = (scaled + if scaled < 0.0 { -0.5 } else { 0.5 }) as i64;
    let rest = (x - k as f64 * LN_2_HIGH) - k as f64 * LN_2_LOW;
    let series = FACTORIAL_INVERSES
        .iter()
        .rev()
        .fold(0.0, |sum, term| sum * rest + term);
    series * f64::from_bits(((k + 1023) as u64) << 52)
}

/// Returns the probability whose log-odds are `x`.
pub(crate) fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + exp(-x))
}

/// Returns a number within 0 and 1 (excluded) from the upper 53 bits.
pub(crate) fn uniform(bits: u64) -> f64 {
    (bits >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
}

/// Returns a number within 0 and 1 (excluded) from 32 bits.
pub(crate) fn uniform32(bits: u32) -> f64 {
    f64::from(bits) * (1.0 / 4_294_967_296.0)
}

/// Returns a nearly normal number of mean 0 and variance 1: the sum of four uniform ones, which
/// needs no logarithm and no table and ends at 3.46 either side.
pub(crate) fn near_normal(bits: u64) -> f64 {
    let lane = |shift: u32| ((bits >> shift) & 0xffff) as f64;
    let sum = lane(0) + lane(16) + lane(32) + lane(48);
    // Each lane has mean 32,767.5 and variance (2^32 - 1) / 12.
    (sum - 131_070.0) * SPREAD
}

/// The inverse of the standard deviation of four 16-bit numbers: `1 / (65_536 * sqrt(4 / 12))`.
const SPREAD: f64 = 1.732_050_807_568_877_2 / 65_536.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_agrees_with_the_platform() {
        for step in -4_000..=4_000 {
            let x = f64::from(step) / 100.0;
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-14, "exp({x})");
        }
    }

    #[test]
    fn the_logistic_function_is_odd_around_one_half() {
        assert_eq!(logistic(0.0), 0.5);
        assert!((logistic(3.0) + logistic(-3.0) - 1.0).abs() < 1e-15);
        // The log-odds of 20 % are ln(0.2 / 0.8).
        assert!((logistic((0.25_f64).ln()) - 0.2).abs() < 1e-15);
    }

    #[test]
    fn nearly_normal_numbers_have_mean_0_and_variance_1() {
        let numbers = (0..200_000_u64).map(|n| near_normal(tenure_core::hash::mix64(n)));
        let (sum, squares) = numbers.fold((0.0, 0.0), |(s, q), x| (s + x, q + x * x));

        // Standard errors: 1 / sqrt(n) = 0.0022 of the mean, sqrt((3 - 0.3 - 1) / n) of the variance.
        assert!((sum / 2e5_f64).abs() < 0.01);
        assert!((squares / 2e5 - 1.0_f64).abs() < 0.015);
    }
}
