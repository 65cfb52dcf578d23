//! `EstimateValue`: the formulas over the wire.

use tenure_proto::scoring::v1::{EstimateValueRequest, RetentionCurve, ValueFormula};
use tenure_proto::r#type::v1::Money;
use tonic::Code;

use crate::suite::{Suite, each, wrong_fields};

fn eur(amount_minor: i64) -> Option<Money> {
    Some(Money {
        currency_code: "EUR".into(),
        amount_minor,
    })
}

fn request(formula: ValueFormula, income: i64) -> EstimateValueRequest {
    EstimateValueRequest {
        formula: formula.into(),
        yearly_income: eur(income),
        years: 5.0,
        discount_rate: 0.09,
        ..EstimateValueRequest::default()
    }
}

async fn value(suite: &Suite, request: EstimateValueRequest) -> i64 {
    let answer = suite
        .client
        .clone()
        .estimate_value(request)
        .await
        .unwrap()
        .into_inner();
    assert!((answer.annuity_factor - 3.889_651).abs() < 1e-6);
    answer.value.unwrap().amount_minor
}

/// The vectors of the requirements: 3889.65 and 3111.72 by revenue, 1555.86 and 2333.79 by
/// contribution, where the order of the two customers turns.
#[tokio::test]
async fn three_formulas_value_a_relationship() {
    each(async |suite| {
        let costs = |cost, request| EstimateValueRequest {
            yearly_cost: eur(cost),
            ..request
        };
        use ValueFormula::{Contribution, Profit, Revenue};

        assert_eq!(value(&suite, request(Revenue, 100_000)).await, 388_965);
        assert_eq!(value(&suite, request(Revenue, 80_000)).await, 311_172);
        let a = costs(60_000, request(Contribution, 100_000));
        let b = costs(20_000, request(Contribution, 80_000));
        assert_eq!(value(&suite, a).await, 155_586);
        assert_eq!(value(&suite, b).await, 233_379);
        let profit = EstimateValueRequest {
            acquisition_cost: eur(50_000),
            first_purchase: eur(1_000),
            ..costs(60_000, request(Profit, 100_000))
        };
        assert_eq!(value(&suite, profit).await, 155_586 - 50_000 + 1_000);
    })
    .await;
}

/// The regular customers of Fader and Hardie (2007): .6267, .4738 and .3880 of them remain after one, two and
/// three years, so that 1,000 a year are worth 626.7 / 1.1 + 473.8 / 1.21 + 388.0 / 1.331 at 10 %.
#[tokio::test]
async fn a_curve_counts_those_who_remain() {
    each(async |suite| {
        let curve = RetentionCurve {
            alpha: 0.7041,
            beta: 1.1820,
        };
        let with = |retention_curve| EstimateValueRequest {
            years: 3.0,
            discount_rate: 0.1,
            retention_curve,
            ..request(ValueFormula::Revenue, 100_000)
        };
        let mut client = suite.client.clone();

        let answer = client.estimate_value(with(Some(curve))).await.unwrap();
        let answer = answer.into_inner();
        assert!((answer.annuity_factor - 1.252_8).abs() < 2e-4);
        let value = answer.value.unwrap().amount_minor;
        assert!((value - 125_280).abs() < 20, "{value}");

        let wrong = RetentionCurve {
            alpha: -1.0,
            beta: f64::NAN,
        };
        let refused = client.estimate_value(with(Some(wrong))).await.unwrap_err();
        let expected = ["retention_curve.alpha", "retention_curve.beta"];
        assert_eq!(wrong_fields(&refused), expected);
    })
    .await;
}

#[tokio::test]
async fn every_wrong_field_is_named() {
    each(async |suite| {
        let wrong = EstimateValueRequest {
            formula: 9,
            yearly_income: eur(1),
            first_purchase: Some(Money {
                currency_code: "CNY".into(),
                amount_minor: 1,
            }),
            years: 500.0,
            discount_rate: -3.0,
            ..EstimateValueRequest::default()
        };

        let refused = suite
            .client
            .clone()
            .estimate_value(wrong)
            .await
            .unwrap_err();

        tenure_testkit::assert_code(&refused, Code::InvalidArgument, "INVALID_FIELDS");
        let expected = ["formula", "first_purchase", "years", "discount_rate"];
        assert_eq!(wrong_fields(&refused), expected);
    })
    .await;
}

#[tokio::test]
async fn a_cost_does_not_belong_into_revenue() {
    each(async |suite| {
        let wrong = EstimateValueRequest {
            yearly_cost: eur(5),
            ..request(ValueFormula::Revenue, 100)
        };

        let refused = suite
            .client
            .clone()
            .estimate_value(wrong)
            .await
            .unwrap_err();

        assert_eq!(wrong_fields(&refused), ["yearly_cost"]);
    })
    .await;
}
