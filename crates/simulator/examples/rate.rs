//! Measures how many customer-months a second one core simulates: `cargo run --release -p
//! tenure-simulator --example rate [CUSTOMERS]`.

use std::time::Instant;

use tenure_core::Timestamp;
use tenure_core::violation::Mismatch;
use tenure_simulator::{Operator, OperatorConfig, Treatments};

const MONTHS: u32 = 24;

fn main() -> Result<(), Mismatch> {
    let customers = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(200_000);
    let start = Timestamp::from_date(2024, 1, 1).expect("a day that exists");
    let operator = Operator::new(OperatorConfig {
        seed: 1,
        customers,
        start,
        months: MONTHS,
    })?;
    let nobody = Treatments::none();

    measure("profiles", || {
        operator
            .customers()
            .map(|customer| 1 + u32::from(customer.traits.sms_level < 0.0))
            .sum()
    });
    measure("life by life", || {
        (0..customers)
            .map(|index| operator.life(index, &nobody).map(weight).sum::<u32>())
            .sum()
    });
    measure("month by month", || {
        let mut stepper = operator.stepper();
        (0..MONTHS)
            .map(|_| stepper.step(&nobody).map(weight).sum::<u32>())
            .sum()
    });
    let stepper = operator.stepper();
    measure("true probabilities of 3 months", || {
        stepper
            .active()
            .filter_map(|index| stepper.true_probability(index, 3, &nobody))
            .count() as u32
    });
    Ok(())
}

/// Counts a month and touches what it brings, so that nothing is optimised away.
fn weight(month: tenure_simulator::CustomerMonth) -> u32 {
    1 + u32::from(month.usage.data_mb == u32::MAX)
}

fn measure(what: &str, work: impl FnOnce() -> u32) {
    let begin = Instant::now();
    let count = work();
    let seconds = begin.elapsed().as_secs_f64();
    println!(
        "{what}: {count} in {seconds:.2} s, {:.2} million/s",
        f64::from(count) / seconds / 1e6
    );
}
