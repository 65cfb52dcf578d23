//! The shifted beta-geometric model against its paper and its sums.

use proptest::prelude::*;

use super::*;

/// The cohorts of the paper's table 1, of 1,000 customers each, after 0 to 12 years.
const REGULAR: [f64; 13] = [
    1000.0, 631.0, 468.0, 382.0, 326.0, 289.0, 262.0, 241.0, 223.0, 207.0, 194.0, 183.0, 173.0,
];
const HIGH_END: [f64; 13] = [
    1000.0, 869.0, 743.0, 653.0, 593.0, 551.0, 517.0, 491.0, 468.0, 445.0, 427.0, 409.0, 394.0,
];

fn close(found: f64, expected: f64, tolerance: f64) {
    let error = (found - expected).abs();
    assert!(error <= tolerance, "{found} is not {expected}");
}

#[test]
fn two_published_cohorts_have_the_printed_parameters() {
    for (cohort, alpha, beta, likelihood) in [
        (REGULAR, 0.704, 1.182, -1_680.265),
        (HIGH_END, 0.668, 3.806, -1_611.158),
    ] {
        let (model, found) = RetentionModel::fit(&cohort[..=7]).unwrap();

        close(model.alpha, alpha, 5e-4);
        close(model.beta, beta, 5e-4);
        close(found, likelihood, 5e-3);
    }
}

#[test]
fn the_years_after_are_projected_as_printed() {
    let (high, _) = RetentionModel::fit(&HIGH_END[..=7]).unwrap();
    let (regular, _) = RetentionModel::fit(&REGULAR[..=7]).unwrap();

    for (years, printed) in (8..).zip([0.460, 0.436, 0.414, 0.395, 0.378]) {
        close(high.survival(years), printed, 5e-4);
    }
    let printed = [
        0.6267, 0.4738, 0.3880, 0.3321, 0.2923, 0.2625, 0.2390, 0.2201, 0.2044, 0.1912, 0.1799,
        0.1700,
    ];
    for (years, printed) in (1..).zip(printed) {
        close(regular.survival(years), printed, 5e-5);
    }
}

/// The residual value that the paper prints for high-end customers after seven renewals is 7.530 at 10 %.
#[test]
fn further_payments_are_those_of_the_paper() {
    let (high, _) = RetentionModel::fit(&HIGH_END[..=7]).unwrap();
    let (regular, _) = RetentionModel::fit(&REGULAR[..=7]).unwrap();

    close(high.expected_further_payments(7, 0.1), 7.530, 5e-4);
    close(regular.expected_further_payments(7, 0.1), 6.8423, 5e-4);
    close(high.expected_payments(0.1), 5.9223, 5e-4);
    close(regular.expected_payments(0.1), 3.6949, 5e-4);
}

/// One constant rate, that of the seven years, misses the years after by a third.
#[test]
fn one_constant_rate_understates_the_years_after() {
    let (model, _) = RetentionModel::fit(&REGULAR[..=7]).unwrap();
    let constant = (REGULAR[7] / REGULAR[0]).powf(1.0 / 7.0);

    let error = |of: &dyn Fn(u32) -> f64| -> f64 {
        let years = 8_u32..=12;
        let of_year = |year: u32| (of(year) / (REGULAR[year as usize] / 1000.0) - 1.0).abs();
        years.map(of_year).sum::<f64>() / 5.0
    };

    assert!(error(&|year| model.survival(year)) < 0.02);
    assert!(error(&|year| constant.powf(f64::from(year))) > 0.15);
}

#[test]
fn what_cannot_have_happened_is_named() {
    assert_eq!(RetentionModel::fit(&[1.0]), Err(FitError::Nothing));
    assert_eq!(
        RetentionModel::fit(&[5.0, 6.0]),
        Err(FitError::Impossible(1))
    );
    assert_eq!(
        RetentionModel::fit(&[5.0, 4.0, f64::NAN]),
        Err(FitError::Impossible(2))
    );
}

proptest! {
    #[test]
    fn payments_are_the_sum_over_the_curve(
        alpha in 0.05..20.0_f64, beta in 0.05..20.0_f64, renewals in 0_u32..30, discount in 0.05..1.0_f64,
    ) {
        let model = RetentionModel { alpha, beta };
        let (mut all, mut further) = (0.0, 0.0);
        for t in 0..1_000_u32 {
            let worth = (1.0 + discount).powf(-f64::from(t));
            all += model.survival(t) * worth;
            let on = model.survival(renewals + t + 1) / model.survival(renewals);
            further += on * worth;
        }
        prop_assert!((model.expected_payments(discount) / all - 1.0).abs() < 1e-8);
        let found = model.expected_further_payments(renewals, discount);
        prop_assert!((found / further - 1.0).abs() < 1e-8, "{found} {further}");
    }

    #[test]
    fn no_input_overflows_or_is_not_a_number(
        ln_alpha in -14.0..14.0_f64, ln_beta in -14.0..14.0_f64, periods in 1_u32..1_000_000, ln_rate in -12.0..3.0_f64,
    ) {
        let model = RetentionModel { alpha: ln_alpha.exp(), beta: ln_beta.exp() };
        let rate = ln_rate.exp();
        let (first, later) = (model.retention(1), model.retention(periods + 1));

        prop_assert!((0.0..=1.0).contains(&first) && first <= later && later <= 1.0);
        prop_assert!((0.0..=1.0).contains(&model.survival(periods)));
        prop_assert!(model.expected_payments(rate).is_finite());
        prop_assert!(model.expected_further_payments(periods, rate) >= 0.0);
    }
}
