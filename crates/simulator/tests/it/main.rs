//! The simulator as its users see it: expectations come from the stated model, never from output.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may unwrap as the tests themselves do"
)]

mod community;
mod lives;
mod people;
mod records;
mod truth;

use tenure_core::Timestamp;
use tenure_simulator::{CustomerMonth, Operator, OperatorConfig, Treatments};

/// Returns an operator of two years from January 2024.
fn operator(seed: u64, customers: u32) -> Operator {
    let start = Timestamp::parse("2024-01-01").unwrap();
    Operator::new(OperatorConfig {
        seed,
        customers,
        start,
        months: 24,
    })
    .unwrap()
}

fn nobody() -> Treatments {
    Treatments::none()
}

fn life(operator: &Operator, index: u32) -> Vec<CustomerMonth> {
    operator.life(index, &nobody()).collect()
}

/// Asserts that a count of independent events with known probabilities lies within four standard
/// deviations of its expectation: by chance it does not in one case of 16,000.
fn assert_binomial(what: &str, hits: usize, probabilities: &[f64]) {
    let expected: f64 = probabilities.iter().sum();
    let deviation = probabilities
        .iter()
        .map(|p| p * (1.0 - p))
        .sum::<f64>()
        .sqrt();
    let z = (hits as f64 - expected) / deviation;
    assert!(
        z.abs() < 4.0,
        "{what}: {hits} where {expected:.1} are expected, z = {z:.2}"
    );
}

/// Returns the share of those that are true.
fn share(of: impl IntoIterator<Item = bool>) -> f64 {
    let (mut hits, mut count) = (0.0, 0.0);
    for hit in of {
        hits += f64::from(u8::from(hit));
        count += 1.0;
    }
    hits / count
}
