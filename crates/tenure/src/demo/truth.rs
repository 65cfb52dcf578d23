//! What a campaign truly did: both fates of every customer, which only a simulator knows.

use tenure_simulator::{Operator, Treatments};

/// Returns the true effect on retention of contacting all customers at `indices` in `month`: the
/// share who would leave of their own will within `horizon` months if left alone, less the share who
/// would if contacted, under the same luck. 0 for nobody.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    reason = "shares of at most some millions"
)]
pub(super) fn retention_effect(
    operator: &Operator,
    indices: &[u32],
    month: u32,
    horizon: u32,
) -> f64 {
    let leaves = |index: u32, treatments: &Treatments| {
        let months = operator
            .life(index, treatments)
            .skip_while(|it| it.month < month);
        let mut months = months.take_while(|it| it.month < month + horizon);
        months.any(|it| {
            it.termination
                .is_some_and(|termination| termination.kind.is_voluntary())
        })
    };
    let saved: i64 = indices
        .iter()
        .map(|index| {
            let contacted = Treatments::none().with_contact(*index, month);
            i64::from(leaves(*index, &Treatments::none())) - i64::from(leaves(*index, &contacted))
        })
        .sum();
    saved as f64 / indices.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use tenure_core::Timestamp;
    use tenure_simulator::OperatorConfig;

    use super::*;

    /// The simulator's own count includes those who are thrown out for arrears, who are few: the two
    /// may differ by no more than the share of these.
    #[test]
    fn the_effect_agrees_with_the_simulators_but_for_passive_churn() {
        let start = Timestamp::from_date(2024, 1, 1).expect("a day");
        let config = OperatorConfig {
            seed: 5,
            customers: 2_000,
            start,
            months: 8,
        };
        let operator = Operator::new(config).expect("a small operator");
        let there: Vec<u32> = operator
            .customers()
            .filter(|customer| {
                operator
                    .true_hazard(customer.index, 3, &Treatments::none())
                    .is_some()
            })
            .map(|customer| customer.index)
            .collect();

        let ours = retention_effect(&operator, &there, 3, 3);

        let theirs = operator
            .retention_effect(there.iter().copied(), 3, 3, &Treatments::none())
            .sample;
        assert!(ours > 0.0);
        assert!((ours - theirs).abs() < 0.005, "{ours} and {theirs}");
    }
}
