//! Who the customers are, and what an operator refuses to be.

use std::collections::HashSet;

use tenure_core::{Points, Timestamp};
use tenure_simulator::{
    CUSTOMERS_MAX, CustomerKind, MONTHS_MAX, Operator, OperatorConfig, Product,
    redemption_probability,
};

use crate::{assert_binomial, operator, share};

#[test]
fn an_operator_needs_the_first_of_a_month_customers_and_months_within_limits() {
    let start = Timestamp::parse("2024-01-01").unwrap();
    let good = OperatorConfig {
        seed: 1,
        customers: 1,
        start,
        months: 1,
    };
    let wanted = |config| Operator::new(config).unwrap_err().wanted.to_string();

    assert!(Operator::new(good).is_ok());
    let noon = Timestamp::parse("2024-01-01T12:00:00Z").unwrap();
    assert!(
        wanted(OperatorConfig {
            start: noon,
            ..good
        })
        .contains("month")
    );
    assert!(
        wanted(OperatorConfig {
            customers: 0,
            ..good
        })
        .contains("customers")
    );
    let customers = CUSTOMERS_MAX + 1;
    assert!(wanted(OperatorConfig { customers, ..good }).contains("customers"));
    assert!(wanted(OperatorConfig { months: 0, ..good }).contains("months"));
    assert!(
        wanted(OperatorConfig {
            months: MONTHS_MAX + 1,
            ..good
        })
        .contains("months")
    );
}

#[test]
fn every_number_is_unique_and_in_a_range_that_no_phone_has() {
    let operator = operator(1, 20_000);
    let mut numbers = HashSet::new();

    for customer in operator.customers() {
        for line in customer.subscriptions() {
            let is_mobile = matches!(line.product, Product::Mobile | Product::SecondSim);
            assert_eq!(line.msisdn.is_some(), is_mobile, "{line:?}");
            if let Some(msisdn) = line.msisdn {
                assert!(msisdn.len() == 13 && msisdn.starts_with("+999"), "{msisdn}");
                assert!(numbers.insert(msisdn), "taken twice by {}", customer.key());
            }
        }
    }
    assert!(numbers.len() > 20_000);
}

#[test]
fn customers_have_one_to_four_products_and_a_plan_of_their_kind() {
    let operator = operator(2, 5_000);
    let mut counts = [0; 5];

    for customer in operator.customers() {
        counts[customer.product_count() as usize] += 1;
        assert_eq!(customer.products().next(), Some(Product::Mobile));
        assert_eq!(
            customer.subscriptions().count(),
            customer.product_count() as usize
        );
        let is_organisation = customer.kind == CustomerKind::Organisation;
        assert!(is_organisation || !customer.plan.is_for_organisations);
        assert_eq!(customer.birth_year_band.is_none(), is_organisation);
    }

    assert_eq!(counts[0], 0);
    assert!(counts[1..].iter().all(|count| *count > 250), "{counts:?}");
}

#[test]
fn about_a_fiftieth_of_the_base_joins_each_month() {
    let operator = operator(3, 30_000);
    let at_start = share(operator.customers().map(|c| c.join_month < 0)) * 30_000.0;
    let mut joiners = [0.0; 24];

    for month in operator
        .customers()
        .filter_map(|c| usize::try_from(c.join_month).ok())
    {
        joiners[month] += 1.0;
    }

    // 2.2 % of 19,634; the standard deviation of a month's count is about 21.
    for joined in joiners {
        assert!(
            (joined / at_start - 0.022_f64).abs() < 0.0045,
            "{joined} of {at_start}"
        );
    }
}

#[test]
fn keys_are_the_place_in_seven_digits() {
    let operator = operator(4, 100);
    let customer = operator.customer(42);

    assert_eq!(customer.key(), "C0000042");
    assert_eq!(customer.subscriptions().next().unwrap().key, "S0000042-1");
}

#[test]
fn redemptions_stay_within_what_is_there_and_come_as_often_as_appetite_says() {
    let operator = operator(5, 4_000);
    let available = Points::new(1_000);
    let mut redeemed = 0;

    for customer in operator.customers() {
        let points = operator.redemption(&customer, 3, available);
        assert!(points >= Points::ZERO && points <= available);
        assert_eq!(points, operator.redemption(&customer, 3, available));
        assert_eq!(
            operator.redemption(&customer, 3, Points::ZERO),
            Points::ZERO
        );
        assert_eq!(
            operator.redemption(&customer, 3, Points::new(-5)),
            Points::ZERO
        );
        redeemed += usize::from(points.is_positive());
    }

    let probabilities: Vec<_> = operator
        .customers()
        .map(|c| redemption_probability(&c))
        .collect();
    assert_binomial("redemptions", redeemed, &probabilities);
}
