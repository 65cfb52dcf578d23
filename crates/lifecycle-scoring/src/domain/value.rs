//! Customer lifetime value: three annuities over the years that a customer stays, and how long that is.
//!
//! - [`retention`]: who has a contract, from how many of a cohort remained.
//! - [`purchases`] and [`spend`]: who has none, from when they bought and for how much.
//!
//! The formulas are the ones that operators' training material gives for models that ignore the
//! share of wallet. What the sources leave open is a field of the input: whether there is a first
//! purchase, paid today and therefore not discounted; and that the profit model is the contribution
//! model less the cost of winning the customer.

mod beta;
pub mod fit;
pub mod purchases;
pub mod retention;
pub mod spend;

use tenure_core::{Violation, Violations};

use retention::RetentionModel;

/// Years that can be asked for at most: a longer loyalty has not been seen.
pub const YEARS_MAX: f64 = 100.0;
/// Rates of interest beyond are mistakes; at -1 and below the formulas have no meaning.
const RATE_MIN: f64 = -0.99;
const RATE_MAX: f64 = 10.0;
/// Amounts beyond are mistakes, in minor units.
const AMOUNT_MAX: f64 = 1e15;

/// Parameters of a curve beyond are mistakes.
const CURVE_MIN: f64 = 1e-6;
const CURVE_MAX: f64 = 1e6;

/// Which money is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueModel {
    /// Income.
    Revenue,
    /// Income less direct costs, less what winning the customer cost.
    Profit,
    /// Income less direct costs.
    Contribution,
}

/// What is known about the customer's money, in minor units of one currency.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ValueInput {
    /// Income of a year.
    pub annual_income: f64,
    /// Cost of serving the customer for a year.
    pub annual_cost: f64,
    /// What winning the customer cost.
    pub acquisition_cost: f64,
    /// What the customer paid at the start, not discounted; 0 where that is counted elsewhere.
    pub first_purchase: f64,
    /// Years the customer stays, possibly a fraction.
    pub years: f64,
    /// Interest of a year, for example 0.09.
    pub rate: f64,
    /// How customers like this one remain; nothing for one who stays all the years.
    pub curve: Option<RetentionModel>,
}

impl ValueInput {
    /// Returns everything that is wrong with the input.
    ///
    /// # Errors
    /// When a number is missing, negative where that has no meaning, or absurdly large.
    pub fn check(&self) -> Result<(), Vec<Violation>> {
        let mut violations = Violations::new();
        let mut within = |field: &str, value: f64, low: f64, high: f64| {
            if !(low..=high).contains(&value) {
                violations.add(field, format!("{low} to {high}"), value.to_string());
            }
        };
        within("annual_income", self.annual_income, 0.0, AMOUNT_MAX);
        within("annual_cost", self.annual_cost, 0.0, AMOUNT_MAX);
        within("acquisition_cost", self.acquisition_cost, 0.0, AMOUNT_MAX);
        within("first_purchase", self.first_purchase, 0.0, AMOUNT_MAX);
        within("years", self.years, 0.0, YEARS_MAX);
        within("rate", self.rate, RATE_MIN, RATE_MAX);
        if let Some(curve) = self.curve {
            within("curve.alpha", curve.alpha, CURVE_MIN, CURVE_MAX);
            within("curve.beta", curve.beta, CURVE_MIN, CURVE_MAX);
        }
        violations.into_result()
    }

    /// Returns what one unit at the end of each year is worth today, as far as the customer remains.
    #[must_use]
    pub fn annuity(&self) -> f64 {
        match &self.curve {
            Some(curve) => annuity_of_remaining(self.rate, self.years, curve),
            None => annuity(self.rate, self.years),
        }
    }
}

/// Returns what one unit at the end of year `years` is worth today.
#[must_use]
pub fn discount(rate: f64, years: f64) -> f64 {
    (1.0 + rate).powf(-years)
}

/// Returns what one unit at the end of each of `years` years is worth today.
#[must_use]
pub fn annuity(rate: f64, years: f64) -> f64 {
    if rate.abs() < 1e-12 {
        years
    } else {
        (1.0 - discount(rate, years)) / rate
    }
}

/// Returns what one unit at the end of each of `years` years is worth today when it comes only from those who
/// remain: an annuity whose rate of retention rises as the curve does, instead of one constant rate. Of a last
/// year that is a fraction, that share counts.
#[must_use]
pub fn annuity_of_remaining(rate: f64, years: f64, curve: &RetentionModel) -> f64 {
    let (mut sum, mut remaining) = (0.0, 1.0);
    for year in 1.. {
        let end = f64::from(year);
        let share = (years - (end - 1.0)).min(1.0);
        if share <= 0.0 {
            break;
        }
        remaining *= curve.retention(year);
        sum += share * remaining * discount(rate, end.min(years));
    }
    sum
}

/// Returns the value of a customer today, in the minor units of `input`.
#[must_use]
pub fn lifetime_value(model: ValueModel, input: &ValueInput) -> f64 {
    let contribution = input.annual_income - input.annual_cost;
    let (yearly, once) = match model {
        ValueModel::Revenue => (input.annual_income, 0.0),
        ValueModel::Profit => (contribution, -input.acquisition_cost),
        ValueModel::Contribution => (contribution, 0.0),
    };
    input.first_purchase + once + yearly * input.annuity()
}

/// Returns the years a customer stays when every period of `horizon_months` the chance to leave is
/// `probability`, at most `years_max`: the mean of the geometric distribution.
#[must_use]
pub fn expected_years(probability: f64, horizon_months: f64, years_max: f64) -> f64 {
    let period = horizon_months / 12.0;
    (period / probability.max(1e-9)).min(years_max)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BASE: ValueInput = ValueInput {
        annual_income: 1_000.0,
        annual_cost: 0.0,
        acquisition_cost: 0.0,
        first_purchase: 0.0,
        years: 5.0,
        rate: 0.09,
        curve: None,
    };

    fn assert_close(actual: f64, expected: f64, tolerance: f64) {
        assert!(
            (actual - expected).abs() <= tolerance,
            "{actual} is not {expected}"
        );
    }

    /// The source works with 1 / (1 + 9 %)^5 = 0.65.
    #[test]
    fn five_years_at_nine_percent_discount_as_in_the_source() {
        assert_close(discount(0.09, 5.0), 0.6499, 5e-5);
        assert_close(annuity(0.09, 5.0), 3.8897, 5e-5);
    }

    #[test]
    fn costs_can_turn_the_order_of_two_customers() {
        let a = ValueInput {
            annual_cost: 600.0,
            ..BASE
        };
        let b = ValueInput {
            annual_income: 800.0,
            annual_cost: 200.0,
            ..BASE
        };

        assert_close(lifetime_value(ValueModel::Revenue, &a), 3_889.65, 5e-3);
        assert_close(lifetime_value(ValueModel::Revenue, &b), 3_111.72, 5e-3);
        assert_close(lifetime_value(ValueModel::Contribution, &a), 1_555.86, 5e-3);
        assert_close(lifetime_value(ValueModel::Contribution, &b), 2_333.79, 5e-3);
    }

    #[test]
    fn profit_is_contribution_less_acquisition_and_the_first_purchase_is_not_discounted() {
        let input = ValueInput {
            annual_cost: 400.0,
            acquisition_cost: 250.0,
            first_purchase: 99.0,
            ..BASE
        };

        let profit = lifetime_value(ValueModel::Profit, &input);

        assert_close(profit, 99.0 - 250.0 + 600.0 * 3.889_651_263, 1e-6);
    }

    #[test]
    fn without_interest_a_year_is_worth_a_year() {
        assert_close(annuity(0.0, 7.0), 7.0, 0.0);
        assert_close(annuity(1e-9, 7.0), 7.0, 1e-6);
    }

    /// Retention that is certain leaves the annuity; the cohort of the paper's regular customers, whose shares
    /// that remain after three years are .6267, .4738 and .3880, is worth these, discounted.
    #[test]
    fn an_annuity_of_those_who_remain_follows_their_curve() {
        let loyal = RetentionModel {
            alpha: 1e-12,
            beta: 1.0,
        };
        let regular = RetentionModel {
            alpha: 0.7041,
            beta: 1.1820,
        };

        assert_close(
            annuity_of_remaining(0.09, 5.0, &loyal),
            annuity(0.09, 5.0),
            1e-9,
        );
        let expected = 0.6267 / 1.1 + 0.4738 / 1.21 + 0.3880 / 1.331;
        assert_close(annuity_of_remaining(0.1, 3.0, &regular), expected, 2e-4);
        let half =
            annuity_of_remaining(0.0, 2.5, &regular) - annuity_of_remaining(0.0, 2.0, &regular);
        assert_close(half, 0.3880 / 2.0, 1e-4);
    }

    #[test]
    fn every_wrong_number_is_named() {
        let input = ValueInput {
            annual_income: f64::NAN,
            years: -1.0,
            rate: 11.0,
            ..BASE
        };

        let fields: Vec<_> = input
            .check()
            .unwrap_err()
            .into_iter()
            .map(|v| v.field)
            .collect();

        assert_eq!(fields, ["annual_income", "years", "rate"]);
    }

    #[test]
    fn who_rarely_leaves_stays_long() {
        assert_close(expected_years(0.5, 3.0, 10.0), 0.5, 1e-12);
        assert_close(expected_years(0.0, 3.0, 10.0), 10.0, 0.0);
    }

    proptest! {
        #[test]
        fn value_rises_with_income_and_years_and_falls_with_interest(
            income in 1.0..1e6_f64, years in 0.5..30.0_f64, rate in 0.0..0.5_f64,
        ) {
            let input = ValueInput { annual_income: income, years, rate, ..BASE };
            let value = |i: ValueInput| lifetime_value(ValueModel::Revenue, &i);
            let now = value(input);
            let richer = value(ValueInput { annual_income: income * 1.1, ..input });
            let longer = value(ValueInput { years: years + 0.5, ..input });
            let dearer = value(ValueInput { rate: rate + 0.05, ..input });
            prop_assert!(richer > now && longer > now && dearer < now);
        }
    }
}
