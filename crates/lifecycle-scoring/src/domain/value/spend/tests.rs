//! Gamma-Gamma against its paper and its meaning.

use proptest::prelude::*;

use super::*;

/// Printed by the source for the 946 customers of CDNOW who bought again: p 6.25, q 3.74, v 15.44.
#[test]
fn the_customers_of_cdnow_have_the_published_parameters() {
    let file = "data/cdnow/cdnow_customers_summary_with_transactions.csv";
    let Some(file) = tenure_testkit::shared_data(file) else {
        println!("skipped: the purchases of CDNOW are not at hand");
        return;
    };
    let mut reader = csv::Reader::from_path(file).unwrap();
    let rows = reader.deserialize::<(u32, u32, f64, f64, f64)>();
    let histories: Vec<SpendHistory> = rows
        .map(Result::unwrap)
        .filter(|row| row.1 > 0)
        .map(|(_, repeats, _, _, mean)| SpendHistory { repeats, mean })
        .collect();
    assert_eq!(histories.len(), 946);

    let (model, likelihood) = SpendModel::fit(&histories).unwrap();

    for (found, printed) in [(model.p, 6.25), (model.q, 3.74), (model.v, 15.44)] {
        assert!((found - printed).abs() < 0.01, "{found} is not {printed}");
    }
    assert!((likelihood + 4_055.923).abs() < 0.01, "{likelihood}");
    assert!((model.expected(0, 0.0) - 35.17).abs() < 0.01);
    // The first customer of the sample: two purchases of 22.35.
    assert!((model.expected(2, 22.35) - 24.658_616).abs() < 1e-3);
}

#[test]
fn what_cannot_have_happened_is_named() {
    let good = SpendHistory {
        repeats: 1,
        mean: 5.0,
    };
    let free = SpendHistory { mean: 0.0, ..good };
    let never = SpendHistory { repeats: 0, ..good };

    assert_eq!(SpendModel::fit(&[]), Err(FitError::Nothing));
    assert_eq!(SpendModel::fit(&[free]), Err(FitError::Impossible(0)));
    assert_eq!(
        SpendModel::fit(&[good, never]),
        Err(FitError::Impossible(1))
    );
}

proptest! {
    /// The more somebody bought, the nearer their expected spend is to their own mean.
    #[test]
    fn an_expectation_lies_between_the_own_mean_and_that_of_all(
        p in 0.1..20.0_f64, q in 1.1..20.0_f64, v in 0.1..500.0_f64,
        repeats in 1_u32..1_000_000, mean in 1e-6..1e9_f64,
    ) {
        let model = SpendModel { p, q, v };
        let all = model.expected(0, 0.0);
        let found = model.expected(repeats, mean);
        let (low, high) = (all.min(mean), all.max(mean));

        prop_assert!(found >= low * (1.0 - 1e-9) && found <= high * (1.0 + 1e-9));
        let later = model.expected(repeats.saturating_mul(2), mean);
        prop_assert!((later - mean).abs() <= (found - mean).abs() * (1.0 + 1e-9) + 1e-9);
        let history = SpendHistory { repeats, mean };
        prop_assert!(model.log_likelihood(&[history]).is_finite());
    }
}
